//! The door to the adapter: what a run is told, and how it can fail.

use crate::Scenario;
use confab_base::Duration;
use std::ffi::OsString;
use std::fmt;
use std::io::Write;

/// What a run is told.
pub struct RunOptions {
    pub scenario: Scenario,
    /// `None`: made from the process id.
    pub names: Option<Names>,
    /// Third number of the addresses.
    pub subnet: u8,
    /// Where statistics go: JSON lines.
    pub stats: Box<dyn Write + Send>,
    /// End by itself.
    pub length: Option<Duration>,
    pub realtime: bool,
    pub with_parent: bool,
    /// Runs in namespace a; empty: none.
    pub command: Vec<OsString>,
}

impl fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions")
            .field("names", &self.names)
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// Names of the two namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub a: String,
    pub b: String,
}

impl Names {
    /// For this process id.
    pub fn of_process(id: u32) -> Names {
        Names {
            a: format!("imp{id}-a"),
            b: format!("imp{id}-b"),
        }
    }

    /// From `a,b`: two different words of letters, digits, `-` and `_`, each of at most 64 characters.
    pub fn parse(text: &str) -> Result<Names, RunError> {
        let good = |name: &str| {
            let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            (1..=64).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(letters)
        };
        match text.split_once(',') {
            Some((a, b)) if good(a) && good(b) && a != b => Ok(Names {
                a: a.to_owned(),
                b: b.to_owned(),
            }),
            _ => Err(RunError::BadName(text.to_owned())),
        }
    }
}

/// Why a run did not happen, or ended early.
#[derive(Debug)]
pub enum RunError {
    NeedsRoot,
    NoTun(std::io::Error),
    NoIproute2(std::io::Error),
    NotLinux,
    BadName(String),
    NamespaceExists(String),
    SetupFailed(String),
    CommandFailed(String),
    IoFailed(String),
}

impl RunError {
    /// Never changes.
    pub fn code(&self) -> &'static str {
        match self {
            RunError::NeedsRoot => "needs_root",
            RunError::NoTun(_) => "no_tun",
            RunError::NoIproute2(_) => "no_iproute2",
            RunError::NotLinux => "not_linux",
            RunError::BadName(_) => "bad_name",
            RunError::NamespaceExists(_) => "namespace_exists",
            RunError::SetupFailed(_) => "setup_failed",
            RunError::CommandFailed(_) => "command_failed",
            RunError::IoFailed(_) => "io_failed",
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::NeedsRoot => f.write_str("network namespaces need root"),
            RunError::NoTun(why) => write!(f, "/dev/net/tun: {why}"),
            RunError::NoIproute2(why) => write!(f, "ip, of the package iproute2: {why}"),
            RunError::NotLinux => f.write_str("network namespaces are Linux's"),
            RunError::BadName(text) => write!(
                f,
                "{text:?}: two different names with a comma between, of letters, digits, - and _"
            ),
            RunError::NamespaceExists(name) => {
                write!(
                    f,
                    "there is a network namespace {name} already; it stays as it is"
                )
            }
            RunError::SetupFailed(text)
            | RunError::CommandFailed(text)
            | RunError::IoFailed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for RunError {}

/// Carries packets until the time is over, a signal comes, or the command ends; gives the status to end with.
///
/// Call it before the process has other threads: one of them would take the signals that end it.
pub fn run(options: RunOptions) -> Result<u8, RunError> {
    #[cfg(target_os = "linux")]
    return crate::linux::run(options);
    #[cfg(not(target_os = "linux"))]
    {
        drop(options);
        Err(RunError::NotLinux)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_two_different_words() {
        let names = Names::parse("cli,srv-1").unwrap();
        assert_eq!((names.a.as_str(), names.b.as_str()), ("cli", "srv-1"));
        for bad in [
            "", "a", "a,", ",b", "a,a", "a,b,c", "-n,b", "../a,b", "a b,c",
        ] {
            assert_eq!(Names::parse(bad).unwrap_err().code(), "bad_name", "{bad}");
        }
    }
}
