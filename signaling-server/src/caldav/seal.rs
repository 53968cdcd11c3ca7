//! Passwords for other servers have to be said to them, and keys of webhooks are shared with their receivers, so neither can be kept
//! as a digest. They are kept encrypted (AES-256-GCM) with a key in a file of its own in the data directory: a copy of the database
//! alone opens nothing. Each is bound to its owner (an account, a webhook), so that a row copied to another owner is not read there.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

const FILE: &str = "calendar.key";
const KEY: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("calendar.key in the data directory: {0}")]
    File(#[from] io::Error),
    #[error("calendar.key in the data directory is not 32 bytes")]
    Length,
}

pub(crate) struct Seal(RandomizedNonceKey);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(hidden)")
    }
}

impl Seal {
    /// Reads the key, or makes one that nobody but the server's user can read.
    pub(crate) fn open(data_dir: &Path) -> Result<Seal, SealError> {
        let path = data_dir.join(FILE);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(mut file) => {
                file.write_all(&rand::random::<[u8; KEY]>())?;
                file.sync_all()?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        let mut key = Vec::new();
        std::fs::File::open(&path)?
            .take(KEY as u64 + 1)
            .read_to_end(&mut key)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| SealError::Length)?;
        Ok(Seal(key))
    }

    /// The nonce, then what it makes of the text.
    pub(crate) fn seal(&self, owner: &str, text: &str) -> Option<Vec<u8>> {
        let mut bytes = text.as_bytes().to_vec();
        let bound = Aad::from(owner);
        let nonce = self.0.seal_in_place_append_tag(bound, &mut bytes).ok()?;
        Some([nonce.as_ref().as_slice(), &bytes].concat())
    }

    /// None: sealed with another key, for another account, or spoilt.
    pub(crate) fn open_for(&self, owner: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = bytes.to_vec();
        let bound = Aad::from(owner);
        let text = self.0.open_in_place(nonce, bound, &mut bytes).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_read_for_its_account_and_with_its_key_only() {
        let dir = tempfile::tempdir().expect("folder");
        let seal = Seal::open(dir.path()).expect("key");
        let [ada, bob] = ["ada", "bob"];
        let sealed = seal.seal(ada, "correct horse").expect("sealed");
        assert!(!sealed.windows(7).any(|w| w == b"correct"));
        let again = Seal::open(dir.path()).expect("the same key");
        assert_eq!(
            again.open_for(ada, &sealed).as_deref(),
            Some("correct horse")
        );
        assert_eq!(again.open_for(bob, &sealed), None);
        let other = Seal::open(tempfile::tempdir().expect("folder").path()).expect("key");
        assert_eq!(other.open_for(ada, &sealed), None);
        for spoilt in [&sealed[1..], &sealed[..5], &[]] {
            assert_eq!(seal.open_for(ada, spoilt), None);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.path().join(FILE)).expect("file");
            assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        }
    }
}
