//! A pair of PEM files that may be replaced while it is served: by a renewal of somebody else's program, for instance.

use crate::pair::{Pair, PairError};
use crate::serving::Serving;
use crate::watch::Watch;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The files, and where the pair in them is served.
#[derive(Clone, Debug)]
pub struct PairFiles {
    cert: PathBuf,
    key: PathBuf,
    serving: Arc<Serving>,
}

/// Digests of both files; nothing for one that cannot be read.
type Look = [Option<[u8; 32]>; 2];

impl PairFiles {
    /// Reads the pair and serves it. One whose time is over is served too (with a line in the log): there is no better one, and
    /// browsers say what is wrong.
    ///
    /// # Errors
    /// The files hold no pair.
    pub fn open(
        cert: PathBuf,
        key: PathBuf,
        serving: Arc<Serving>,
    ) -> Result<PairFiles, PairError> {
        let pair = Pair::read(&cert, &key)?;
        if pair.valid_until <= seconds() {
            let error = PairError::Expired;
            tracing::error!(code = error.code(), %error, "certificate");
        }
        serving.set(pair);
        Ok(PairFiles { cert, key, serving })
    }

    /// Reads the pair anew; new handshakes get it. A bad one, or one whose time is over, changes nothing.
    ///
    /// # Errors
    /// What is wrong with it. It is logged already, with its code.
    pub fn reload(&self) -> Result<(), PairError> {
        let read = Pair::read(&self.cert, &self.key).and_then(|pair| match pair.valid_until {
            until if until <= seconds() => Err(PairError::Expired),
            _ => Ok(pair),
        });
        match read {
            Ok(pair) => {
                let (fingerprint, until) = (&pair.fingerprint, pair.valid_until);
                tracing::info!(fingerprint, until, "certificate read anew");
                self.serving.set(pair);
                Ok(())
            }
            Err(error) => {
                tracing::error!(code = error.code(), %error, "certificate not taken, the old one stays");
                Err(error)
            }
        }
    }

    /// Looks at the files every `every` and reads them when they have changed and settled. For ever.
    pub async fn watch(self, every: Duration) {
        let mut watch = Watch::new(self.look());
        loop {
            tokio::time::sleep(every).await;
            if watch.look(self.look()) {
                // Logged there.
                let _ = self.reload();
            }
        }
    }

    /// By what is in them: copies keep the time of the original, and links lead elsewhere without one.
    fn look(&self) -> Look {
        let digest = |file: &Path| {
            let bytes = std::fs::read(file).ok()?;
            Some(Sha256::digest(bytes).into())
        };
        [digest(&self.cert), digest(&self.key)]
    }
}

pub(crate) fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |d| d.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::tests::made;

    struct Bench {
        dir: tempfile::TempDir,
        serving: Arc<Serving>,
    }

    impl Bench {
        fn new() -> Bench {
            let dir = tempfile::tempdir().unwrap();
            let serving = Arc::new(Serving::default());
            Bench { dir, serving }
        }

        fn write(&self, (cert, key): &(String, String)) {
            std::fs::write(self.dir.path().join("cert.pem"), cert).unwrap();
            std::fs::write(self.dir.path().join("key.pem"), key).unwrap();
        }

        fn open(&self) -> PairFiles {
            let file = |name| self.dir.path().join(name);
            let (cert, key) = (file("cert.pem"), file("key.pem"));
            PairFiles::open(cert, key, Arc::clone(&self.serving)).unwrap()
        }

        fn served(&self) -> String {
            self.serving.pair().unwrap().fingerprint.clone()
        }
    }

    #[test]
    fn a_good_new_pair_is_served_and_a_bad_one_changes_nothing() {
        let bench = Bench::new();
        bench.write(&made(&["a.example"]));
        let files = bench.open();
        let first = bench.served();
        bench.write(&made(&["a.example"]));
        files.reload().unwrap();
        let second = bench.served();
        assert_ne!(first, second);
        bench.write(&(made(&["a.example"]).0, made(&["a.example"]).1));
        assert_eq!(files.reload().unwrap_err().code(), "tls_pair_mismatch");
        assert_eq!(bench.served(), second);
    }

    #[test]
    fn a_new_pair_whose_time_is_over_is_not_taken_but_served_where_there_is_no_other() {
        let bench = Bench::new();
        let mut parameters = rcgen::CertificateParams::new(vec!["a.example".into()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2001, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2002, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let old = parameters.self_signed(&key).unwrap();
        let old = (old.pem(), key.serialize_pem());
        bench.write(&made(&["a.example"]));
        let files = bench.open();
        let good = bench.served();
        bench.write(&old);
        assert_eq!(files.reload().unwrap_err().code(), "tls_pair_expired");
        assert_eq!(bench.served(), good);
        bench.open();
        assert_ne!(bench.served(), good);
    }

    #[tokio::test]
    async fn changed_files_are_noticed() {
        let bench = Bench::new();
        bench.write(&made(&["a.example"]));
        let files = bench.open();
        let first = bench.served();
        let watching = tokio::spawn(files.watch(Duration::from_millis(20)));
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.write(&made(&["a.example"]));
        // When is the machine's business; that a change has to settle is tested in `watch`.
        while bench.served() == first {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        watching.abort();
    }
}
