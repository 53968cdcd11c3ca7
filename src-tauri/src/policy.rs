//! What the operator of this machine has decided: a file only an administrator writes.
//!
//! ```toml
//! server = "https://meet.example.org"   # where codes and new meetings go
//! only_this_server = true               # no other may be used
//! updates = "stable"                    # "stable", "beta" or "off"
//! update_manifest = "https://example.org/confab/{channel}.json"
//! ```
//!
//! A file that cannot be understood locks everything: an error must not open what was meant to be shut.

use crate::ipc::PolicyInfo;
use crate::link::Origin;
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};

/// Which updates are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    #[default]
    Stable,
    Beta,
    Off,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Stable => "stable",
            Channel::Beta => "beta",
            Channel::Off => "off",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub server: Option<Origin>,
    pub only_this_server: bool,
    pub updates: Channel,
    /// Instead of the one built in; `{channel}` stands for the channel's name.
    pub update_manifest: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    server: Option<String>,
    #[serde(default)]
    only_this_server: bool,
    #[serde(default)]
    updates: Channel,
    update_manifest: Option<String>,
}

impl Policy {
    /// Where it stands on this system.
    pub fn path() -> PathBuf {
        if cfg!(target_os = "macos") {
            "/Library/Application Support/Confab/policy.toml".into()
        } else if cfg!(windows) {
            let data = std::env::var_os("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into());
            PathBuf::from(data).join("Confab").join("policy.toml")
        } else {
            "/etc/confab/policy.toml".into()
        }
    }

    /// The policy in force, and what is wrong with the file, for the log.
    pub fn load(path: &Path) -> (Policy, Option<String>) {
        let text = match std::fs::read_to_string(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return (Policy::default(), None),
            Err(e) => return (Policy::shut(), Some(e.to_string())),
            Ok(text) => text,
        };
        match Policy::parse(&text) {
            Ok(policy) => (policy, None),
            Err(why) => (Policy::shut(), Some(why)),
        }
    }

    /// Parses the file; errors name the line.
    fn parse(text: &str) -> Result<Policy, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        let server = match file.server.as_deref() {
            None => None,
            Some(text) => Some(Origin::parse(text).ok_or_else(|| {
                format!("server = {text:?} is no address like https://meet.example.org")
            })?),
        };
        if file.only_this_server && server.is_none() {
            return Err("only_this_server needs a server".into());
        }
        Ok(Policy {
            server,
            only_this_server: file.only_this_server,
            updates: file.updates,
            update_manifest: file.update_manifest,
        })
    }

    /// No server at all.
    fn shut() -> Policy {
        Policy {
            only_this_server: true,
            updates: Channel::Off,
            ..Policy::default()
        }
    }

    pub fn allows(&self, server: &Origin) -> bool {
        !self.only_this_server || self.server.as_ref() == Some(server)
    }

    /// The server in force: the policy's, else the user's.
    pub fn server_or(&self, own: &str) -> Option<Origin> {
        let own = || Origin::parse(own).filter(|o| self.allows(o));
        self.server.clone().or_else(own)
    }

    pub fn info(&self) -> PolicyInfo {
        PolicyInfo {
            server: self.server.as_ref().map(|o| o.as_str().to_owned()),
            locked: self.only_this_server,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_server_wins_over_the_users() {
        let policy = Policy::parse("server = 'https://Meet.Example'\n").unwrap();
        assert_eq!(
            policy.server_or("https://other.example").unwrap().as_str(),
            "https://meet.example"
        );
        assert!(policy.allows(&Origin::parse("https://other.example").unwrap()));
        assert_eq!(
            Policy::default()
                .server_or("https://other.example")
                .unwrap()
                .as_str(),
            "https://other.example"
        );
        assert_eq!(Policy::default().server_or(""), None);
    }

    #[test]
    fn a_locked_policy_allows_its_server_and_no_other() {
        let policy = Policy::parse(
            "server = 'https://meet.example'\nonly_this_server = true\nupdates = 'off'",
        )
        .unwrap();
        assert!(policy.allows(&Origin::parse("https://meet.example:443").unwrap()));
        for other in [
            "http://meet.example",
            "https://meet.example:444",
            "https://meet.example.evil.example",
        ] {
            assert!(!policy.allows(&Origin::parse(other).unwrap()), "{other}");
        }
    }

    #[test]
    fn errors_name_the_line_and_lock_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        assert_eq!(Policy::load(&path), (Policy::default(), None));
        std::fs::write(&path, "updates = 'stable'\nonly_tis_server = true\n").unwrap();
        let (policy, why) = Policy::load(&path);
        assert!(why.unwrap().contains("line 2"));
        assert!(!policy.allows(&Origin::parse("https://meet.example").unwrap()));
        for text in [
            "only_this_server = true",
            "server = 'meet.example'",
            "updates = 'nightly'",
        ] {
            assert!(Policy::parse(text).is_err(), "{text}");
        }
    }
}
