//! The secret file of PulseAudio's clients. Its own library makes one where there is none; the crate cpal speaks to the server
//! with does not, and PipeWire's PulseAudio server turns away whoever comes without (seen with 0.3.65): cpal would then fall
//! back to bare ALSA, without hot-plug. So it is made here, the same way.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Once;

/// Bytes of the secret, by PulseAudio's protocol.
pub(crate) const LENGTH: usize = 256;

/// Sees to it, once, that there is a cookie where there is a server.
pub(crate) fn ensure() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let served = pulseaudio::socket_path_from_env().is_some();
        let missing = pulseaudio::cookie_path_from_env().is_none();
        if served
            && missing
            && let Some(home) = std::env::home_dir()
            && let Err(error) = make(&home)
        {
            tracing::debug!("no PulseAudio cookie: {error}");
        }
    });
}

fn make(home: &Path) -> io::Result<()> {
    let folder = home.join(".config/pulse");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    let mut secret = [0; LENGTH];
    File::open("/dev/urandom")?.read_exact(&mut secret)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join("cookie"))?
        .write_all(&secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_cookie_is_made_once_for_the_user_alone() {
        let home = tempfile::tempdir().unwrap();
        make(home.path()).unwrap();
        let path = home.path().join(".config/pulse/cookie");
        let first = std::fs::read(&path).unwrap();
        assert_eq!(first.len(), LENGTH);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(make(home.path()).is_err(), "one that is there stays");
        assert_eq!(std::fs::read(&path).unwrap(), first);
    }
}
