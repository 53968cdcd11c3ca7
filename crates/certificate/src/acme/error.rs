//! Why there is no certificate. The codes are stable.

use crate::pair::PairError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    #[error("{file}: {source}")]
    File {
        file: PathBuf,
        source: std::io::Error,
    },
    /// The PEM of who signed the directory's certificate.
    #[error("{0}")]
    Authority(String),
    /// No connection, or one to somebody else.
    #[error("the authority was not reached: {0}")]
    Unreachable(String),
    /// It asked for our proof and did not find it.
    #[error("the authority could not see that the name is this server's: {0}")]
    Proof(String),
    #[error("the authority refuses: {0}")]
    Refused(String),
    /// Too many certificates, or tries, for this name or from here.
    #[error("the authority asks for patience: {0}")]
    RateLimited(String),
    #[error("an answer of the authority that cannot be: {0}")]
    Answer(String),
    #[error("the authority took too long")]
    Late,
    #[error(transparent)]
    Pair(#[from] PairError),
}

impl AcmeError {
    pub fn code(&self) -> &'static str {
        match self {
            AcmeError::File { .. } => "acme_file",
            AcmeError::Authority(_) => "acme_authority",
            AcmeError::Unreachable(_) => "acme_unreachable",
            AcmeError::Proof(_) => "acme_proof_failed",
            AcmeError::Refused(_) => "acme_refused",
            AcmeError::RateLimited(_) => "acme_rate_limited",
            AcmeError::Answer(_) => "acme_answer",
            AcmeError::Late => "acme_late",
            AcmeError::Pair(error) => error.code(),
        }
    }
}

/// RFC 8555, 6.7: what authorities say where they could not check a name.
const PROOF_PROBLEMS: &[&str] = &[
    "connection",
    "dns",
    "tls",
    "incorrectResponse",
    "unauthorized",
];

impl From<instant_acme::Error> for AcmeError {
    fn from(error: instant_acme::Error) -> AcmeError {
        use instant_acme::Error;
        match error {
            Error::Api(problem) => {
                let kind = problem.r#type.as_deref().unwrap_or_default();
                let kind = kind.strip_prefix("urn:ietf:params:acme:error:");
                let said = problem.to_string();
                match kind {
                    Some("rateLimited") => AcmeError::RateLimited(said),
                    Some(kind) if PROOF_PROBLEMS.contains(&kind) => AcmeError::Proof(said),
                    _ => AcmeError::Refused(said),
                }
            }
            Error::Timeout(_) => AcmeError::Late,
            Error::Http(_) | Error::Other(_) => AcmeError::Unreachable(with_causes(&error)),
            other => AcmeError::Answer(other.to_string()),
        }
    }
}

/// "error sending request" alone helps nobody.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
