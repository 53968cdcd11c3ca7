//! Named pipes whose security descriptor admits their owner and nobody else.

use interprocess::local_socket::traits::Stream as _;
use interprocess::local_socket::{GenericFilePath, Listener, ListenerOptions, Stream, ToFsName};
use interprocess::os::windows::local_socket::ListenerOptionsExt;
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use widestring::U16CString;

/// Where the system lists pipes.
const PIPES: &str = r"\\.\pipe\";
/// Protected from inheritance; everything for the owner.
const OWNER_ONLY: &str = "D:P(A;;GA;;;OW)";

pub(crate) fn place(kind: &str) -> PathBuf {
    PathBuf::from(format!("{PIPES}{kind}"))
}

/// Pipes need no folder.
pub(crate) fn prepare(_: &Path) -> io::Result<()> {
    Ok(())
}

/// `\\.\pipe\confab` and `4711` make `\\.\pipe\confab-4711`.
fn pipe(folder: &Path, name: &str) -> PathBuf {
    let kind = folder.file_name().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{PIPES}{kind}-{name}"))
}

pub(crate) fn bind(folder: &Path, name: &str) -> io::Result<Listener> {
    let text = U16CString::from_str(OWNER_ONLY)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    ListenerOptions::new()
        .name(pipe(folder, name).to_fs_name::<GenericFilePath>()?)
        .security_descriptor(SecurityDescriptor::deserialize(&text)?)
        .create_sync()
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let kind = folder.file_name().unwrap_or_default().to_string_lossy();
    let Ok(entries) = fs::read_dir(PIPES) else {
        return Vec::new();
    };
    let begin = format!("{kind}-");
    let name = |e: fs::DirEntry| Some(e.file_name().to_str()?.strip_prefix(&begin)?.to_owned());
    entries.flatten().filter_map(name).collect()
}

pub(crate) fn connect(folder: &Path, name: &str) -> io::Result<Stream> {
    Stream::connect(pipe(folder, name).to_fs_name::<GenericFilePath>()?)
}
