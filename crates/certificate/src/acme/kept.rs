//! What outlives a restart: the account at the authority and the certificate with its key. Files are replaced whole, so a crash
//! leaves the old or the new.

use super::AcmeError;
use crate::pair::{Pair, PairError};
use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const CERTIFICATE: &str = "certificate.pem";

/// Where the certificate of the authority with this directory is kept below `dir`, key and chain in one file. Nothing is
/// looked at: it may not be there yet.
pub fn kept_certificate(dir: &Path, directory: &str) -> PathBuf {
    folder(dir, directory).join(CERTIFICATE)
}

/// One for each authority.
fn folder(dir: &Path, directory: &str) -> PathBuf {
    let digest = Sha256::digest(directory);
    let name: String = digest[..8].iter().map(|b| format!("{b:02x}")).collect();
    dir.join(name)
}

#[derive(Debug)]
pub(super) struct Kept {
    account: PathBuf,
    certificate: PathBuf,
}

impl Kept {
    /// The folder of the authority with this directory, below `dir`.
    pub(super) fn open(dir: &Path, directory: &str) -> Result<Kept, AcmeError> {
        let own = folder(dir, directory);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&own).map_err(|e| file(&own, e))?;
        // For who looks into the folder.
        let note = own.join("directory");
        fs::write(&note, format!("{directory}\n")).map_err(|e| file(&note, e))?;
        Ok(Kept {
            account: own.join("account.json"),
            certificate: own.join(CERTIFICATE),
        })
    }

    /// Key and chain in one file.
    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    pub(super) fn pair(&self) -> Result<Option<Pair>, PairError> {
        match self.certificate.exists() {
            true => Pair::read(&self.certificate, &self.certificate).map(Some),
            false => Ok(None),
        }
    }

    pub(super) fn keep_pair(&self, pem: &str) -> Result<(), AcmeError> {
        replace(&self.certificate, pem).map_err(|e| file(&self.certificate, e))
    }

    pub(super) fn account(&self) -> Result<Option<String>, AcmeError> {
        match fs::read_to_string(&self.account) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file(&self.account, error)),
        }
    }

    pub(super) fn keep_account(&self, json: &str) -> Result<(), AcmeError> {
        replace(&self.account, json).map_err(|e| file(&self.account, e))
    }

    pub(super) fn forget_account(&self) -> Result<(), AcmeError> {
        fs::remove_file(&self.account).map_err(|e| file(&self.account, e))
    }
}

fn file(file: &Path, source: io::Error) -> AcmeError {
    AcmeError::File {
        file: file.to_owned(),
        source,
    }
}

/// Readable by the owner alone from the start.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&new)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    drop(written);
    fs::rename(&new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_authority_has_a_folder_of_its_own_that_only_the_owner_reads() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = ("https://one.example/dir", "https://two.example/dir");
        let first = Kept::open(dir.path(), one).unwrap();
        first.keep_account("{}").unwrap();
        first.keep_account("{\"a\":1}").unwrap();
        let again = Kept::open(dir.path(), one).unwrap();
        assert_eq!(again.account().unwrap().as_deref(), Some("{\"a\":1}"));
        assert_eq!(
            Kept::open(dir.path(), two).unwrap().account().unwrap(),
            None
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&first.account), 0o600);
            assert_eq!(mode(first.account.parent().unwrap()), 0o700);
        }
        assert_eq!(again.certificate(), kept_certificate(dir.path(), one));
        assert_ne!(again.certificate(), kept_certificate(dir.path(), two));
        again.forget_account().unwrap();
        assert_eq!(first.account().unwrap(), None);
    }
}
