//! How a run ended: a stable code for scripts, an exit status, a text for people.

use confab_client::StartError;
use confab_protocol::Code;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    BadLink(String),
    #[error("{0}")]
    BadArgument(String),
    #[error("{0}")]
    Device(String),
    #[error("{0}")]
    File(String),
    #[error("not in the meeting after {0:?}; is the server there?")]
    Unreachable(std::time::Duration),
    /// The server ended it: refused, removed, or the meeting is over.
    #[error("the server says {0}")]
    Server(Code),
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// The first word on stderr; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Failure::BadLink(_) => "bad_link",
            Failure::BadArgument(_) => "bad_argument",
            Failure::Device(_) => "device_failed",
            Failure::File(_) => "file_failed",
            Failure::Unreachable(_) => "unreachable",
            Failure::Server(code) => code.as_str(),
            Failure::Other(_) => "failed",
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        let text = error.to_string();
        match error {
            StartError::Media(_) => Failure::Device(text),
            StartError::InsecureHost(_) => Failure::BadArgument(text),
            StartError::Tls(_) => Failure::File(text),
            StartError::Thread(_) => Failure::Other(text),
        }
    }
}

/// 2 usage (also from the argument parser), 3 device or file, 4 unreachable, 5 refused, 6 the meeting ended or we were
/// removed, 1 anything else.
pub fn exit_code(failure: &Failure) -> ExitCode {
    ExitCode::from(match failure {
        Failure::BadLink(_) | Failure::BadArgument(_) => 2,
        Failure::Device(_) | Failure::File(_) => 3,
        Failure::Unreachable(_) => 4,
        Failure::Server(Code::MeetingEnded | Code::Removed | Code::Replaced) => 6,
        Failure::Server(_) => 5,
        Failure::Other(_) => 1,
    })
}
