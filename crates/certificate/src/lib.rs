//! Certificates of a TLS port while it serves: a pair of PEM files that may change under it, or one that an authority gives by
//! ACME and that is renewed in time. Handshakes take what is there at that moment; a connection that stands is never touched.
//!
//! * `pair`: certificate and key that fit each other, and until when they are good
//! * `serving`: what handshakes are answered with; a rustls resolver
//! * `watch`: when changed files are worth a look; `files`: looks at them
//! * `schedule`: when to renew, and when to try again; `acme`: does it
#![forbid(unsafe_code)]

mod acme;
mod files;
mod pair;
mod schedule;
mod serving;
mod watch;

pub use acme::{Acme, AcmeConfig, AcmeError, kept_certificate};
pub use files::PairFiles;
pub use pair::{Pair, PairError};
pub use schedule::{FIRST_PAUSE, LONGEST_PAUSE, pause_after, renewal_due};
pub use serving::{ACME_ALPN, Serving, is_challenge, server_config};
pub use watch::Watch;
