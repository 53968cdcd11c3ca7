//! Sockets between programs of one user on one machine: Unix domain sockets in a folder nobody else may enter, named pipes
//! only their owner may open on Windows.
//!
//! A program that wants to be found binds a name in a [`Folder`]; others list the names and connect. The operating
//! system keeps other users out, so no secret is spoken.
#![forbid(unsafe_code)]

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as os;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as os;

use interprocess::local_socket::traits::{Listener as _, Stream as _};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Where sockets of one kind lie. On Windows the path is only the beginning of the pipes' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// This user's: `$XDG_RUNTIME_DIR/<kind>`, else a folder of the user's own under the temporary one. Windows: pipes
    /// named `<kind>-…`.
    pub fn of_user(kind: &str) -> Folder {
        Folder {
            path: os::place(kind),
        }
    }

    /// Another one, for tests.
    pub fn at(path: impl Into<PathBuf>) -> Folder {
        Folder { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Listens under this name (letters, digits and `-`), which is free again when the listener is dropped. What a program
    /// that died left under it is replaced.
    ///
    /// # Errors
    /// A folder that others may enter is [`io::ErrorKind::PermissionDenied`].
    pub fn bind(&self, name: &str) -> io::Result<Listener> {
        check(name)?;
        os::prepare(&self.path)?;
        os::bind(&self.path, name).map(Listener)
    }

    /// The names in the folder, sorted. One of a program that died may be among them; [`Folder::connect`] then fails.
    pub fn names(&self) -> Vec<String> {
        let mut names = os::names(&self.path);
        names.retain(|n| check(n).is_ok());
        names.sort();
        names
    }

    /// # Errors
    /// Nobody listens there: [`io::ErrorKind::NotFound`] or [`io::ErrorKind::ConnectionRefused`].
    pub fn connect(&self, name: &str) -> io::Result<Stream> {
        check(name)?;
        os::connect(&self.path, name).map(Stream)
    }
}

/// A name never leads out of its folder.
fn check(name: &str) -> io::Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if (1..=64).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "a socket name is letters, digits and -",
    ))
}

/// Takes connections.
#[derive(Debug)]
pub struct Listener(interprocess::local_socket::Listener);

impl Listener {
    /// Waits for the next connection. To end a waiting thread, connect.
    pub fn accept(&self) -> io::Result<Stream> {
        self.0.accept().map(Stream)
    }
}

/// A connection; bytes in order, both ways.
#[derive(Debug)]
pub struct Stream(interprocess::local_socket::Stream);

impl Stream {
    /// Reading and writing then fail with [`io::ErrorKind::WouldBlock`] instead of waiting.
    pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        self.0.set_nonblocking(on)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways_and_the_name_goes_with_the_listener() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path().join("sockets"));
        let listener = folder.bind("4711").unwrap();
        assert_eq!(folder.names(), ["4711"]);
        let mut near = folder.connect("4711").unwrap();
        let mut far = listener.accept().unwrap();
        near.write_all(b"ping").unwrap();
        let mut heard = [0; 4];
        far.read_exact(&mut heard).unwrap();
        far.write_all(b"pong").unwrap();
        near.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"pong");
        drop(listener);
        assert!(folder.names().is_empty());
        assert!(folder.connect("4711").is_err());
    }

    #[test]
    fn names_cannot_lead_out_of_the_folder() {
        let folder = Folder::at("/nowhere");
        for bad in ["", "..", "a/b", "../x", "a b", "a\\b"] {
            assert_eq!(
                folder.connect(bad).unwrap_err().kind(),
                io::ErrorKind::InvalidInput,
                "{bad:?}"
            );
        }
    }
}
