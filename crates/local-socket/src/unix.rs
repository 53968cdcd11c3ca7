//! Unix domain sockets with mode 0600 in a folder with mode 0700.

use interprocess::local_socket::traits::Stream as _;
use interprocess::local_socket::{GenericFilePath, Listener, ListenerOptions, Stream, ToFsName};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SUFFIX: &str = ".sock";

pub(crate) fn place(kind: &str) -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match runtime.filter(|p| p.is_absolute()) {
        Some(runtime) => runtime.join(kind),
        None => {
            let user = rustix::process::geteuid().as_raw();
            std::env::temp_dir().join(format!("{kind}-{user}"))
        }
    }
}

/// Makes the folder, or makes sure that the one there is ours alone: in a shared temporary folder somebody else may have
/// been first.
pub(crate) fn prepare(folder: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    check(folder)
}

/// Whether the folder is ours alone. Who only looks into it or connects asks too: in a folder of somebody else's
/// anybody may answer.
fn check(folder: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(folder)?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    if found.is_dir() && ours && found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} is not a folder of this user alone", folder.display()),
    ))
}

pub(crate) fn bind(folder: &Path, name: &str) -> io::Result<Listener> {
    let path = folder.join(format!("{name}{SUFFIX}"));
    let listener = ListenerOptions::new()
        .name(path.as_path().to_fs_name::<GenericFilePath>()?)
        .try_overwrite(true)
        .max_spin_time(Duration::from_secs(1))
        .create_sync()?;
    // Nobody else gets into the folder, so nobody connected before this line.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = check(folder).and_then(|()| fs::read_dir(folder)) else {
        return Vec::new();
    };
    let name = |e: fs::DirEntry| Some(e.file_name().to_str()?.strip_suffix(SUFFIX)?.to_owned());
    entries.flatten().filter_map(name).collect()
}

pub(crate) fn connect(folder: &Path, name: &str) -> io::Result<Stream> {
    check(folder)?;
    let path = folder.join(format!("{name}{SUFFIX}"));
    Stream::connect(path.as_path().to_fs_name::<GenericFilePath>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Folder;

    #[test]
    fn only_the_owner_may_enter_and_connect() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sockets");
        let _listener = Folder::at(&path).bind("1").unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("1.sock")), 0o600);
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sockets");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let refused = Folder::at(&path).bind("1").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn nobody_is_looked_for_in_a_folder_that_others_may_enter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sockets");
        let folder = Folder::at(&path);
        let _listener = folder.bind("1").unwrap();
        assert_eq!(names(&path), ["1"]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(names(&path).is_empty());
        let refused = folder.connect("1").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn what_a_dead_program_left_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sockets");
        prepare(&path).unwrap();
        drop(std::os::unix::net::UnixListener::bind(path.join("1.sock")).unwrap());
        let folder = Folder::at(&path);
        assert!(folder.connect("1").is_err());
        let _listener = folder.bind("1").unwrap();
        assert!(folder.connect("1").is_ok());
    }
}
