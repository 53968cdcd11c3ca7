//! Another configuration for a server that runs: what can be taken is, the rest is named. Meetings and connections go on.

use crate::accept::Gate;
use crate::config::{Config, changed_keys, is_live};
use crate::http::Site;
use crate::log;
use crate::mail::Post;
use crate::server::{StartError, bounds, letters};
use crate::tls::Tls;
use std::sync::{Arc, Mutex};

/// What became of another configuration. Keys are dotted names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    pub taken: Vec<String>,
    /// Differ from what runs; a restart takes them.
    pub need_restart: Vec<String>,
    /// Why the certificate is the old one, where its files are bad.
    pub certificate: Option<String>,
}

/// The parts a reload reaches.
pub(crate) struct Reload {
    /// What is in force.
    pub(crate) config: Mutex<Config>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) site: Arc<Site>,
    pub(crate) post: Arc<Post>,
    pub(crate) tls: Option<Tls>,
}

impl Reload {
    /// Needs a tokio runtime: a new mailer is a task.
    ///
    /// # Errors
    /// The configuration cannot be; nothing of it was taken.
    pub(crate) fn take(&self, new: &Config) -> Result<Reloaded, StartError> {
        new.check()
            .map_err(|fault| StartError::Config(fault.to_string()))?;
        let mut config = self.config.lock().expect("no panic while reloading");
        // Always anew: its password is in a file.
        let (mailer, sender) = letters(new, &self.site.public_url, &self.site.traces)?;
        let changed = changed_keys(&config, new);
        let (taken, need_restart): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|key| is_live(key));
        self.post.set(mailer, sender);
        if taken.iter().any(|key| key == "log.level") {
            log::set_level(new.log.level);
        }
        config.access = new.access.clone();
        config.limits = new.limits.clone();
        config.mail = new.mail.clone();
        config.log.level = new.log.level;
        self.gate.set(bounds(&config));
        self.site.reload(&config);
        let tls = self.tls.as_ref().map(Tls::reload).transpose();
        let certificate = tls.err().map(|error| error.to_string());
        tracing::info!(?taken, ?need_restart, "configuration read anew");
        Ok(Reloaded {
            taken,
            need_restart,
            certificate,
        })
    }
}
