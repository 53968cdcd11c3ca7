//! What the whole program shares: settings, recent meetings, policy, and the running meetings. Tauri keeps one.

use crate::args::Args;
use crate::awake::Awake;
use crate::desks::Desks;
use crate::ipc::{AppCode, KnownAccount, RecentMeeting, Settings, ShellCode};
use crate::link::{self, Destination, LinkError, Origin};
use crate::logs::Log;
use crate::policy::Policy;
use crate::recent::Recent;
use crate::sessions::Sessions;
use crate::settings;
use crate::store::{self, Found};
use confab_client::{SessionCookie, Trust};
use confab_protocol::AppSession;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The platform's places for this user's files.
#[derive(Clone, Debug)]
pub struct Paths {
    pub settings: PathBuf,
    pub recent: PathBuf,
    pub sessions: PathBuf,
    /// Where a support bundle is put.
    pub documents: PathBuf,
    pub home: Option<PathBuf>,
}

/// See the module.
#[derive(Debug)]
pub struct Shell {
    pub args: Args,
    pub policy: Policy,
    pub paths: Paths,
    pub log: Option<Log>,
    pub desks: Desks,
    pub awake: Mutex<Awake>,
    settings: Mutex<Settings>,
    recent: Mutex<Recent>,
    sessions: Mutex<Sessions>,
    /// The number of the last sign-in that was begun or given up.
    pub sign_ins: AtomicU64,
    /// A link that led nowhere, for the home window to tell when its page is there.
    refused: Mutex<Option<AppCode>>,
}

impl Shell {
    /// Reads the files. Whatever is wrong with them is logged and costs as little as possible.
    pub fn load(args: Args, policy: Policy, paths: Paths, log: Option<Log>) -> Shell {
        let (settings, refused) = settings::merge(&Settings::default(), &content(&paths.settings));
        if !refused.is_empty() {
            tracing::warn!("settings: no use for {}", refused.join(", "));
            keep(&paths.settings);
        }
        Shell {
            recent: Mutex::new(Recent::read(&content(&paths.recent))),
            sessions: Mutex::new(Sessions::read(&content(&paths.sessions), now_ms())),
            sign_ins: AtomicU64::new(0),
            settings: Mutex::new(settings),
            desks: Desks::default(),
            awake: Mutex::default(),
            refused: Mutex::default(),
            args,
            policy,
            paths,
            log,
        }
    }

    pub fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    /// Changes settings and writes them down.
    pub fn save_settings(&self, patch: &Map<String, Value>) -> Result<Settings, ShellCode> {
        let mut held = lock(&self.settings);
        let (now, refused) = settings::merge(&held, patch);
        if !refused.is_empty() {
            tracing::warn!(
                "settings: a page sent bad values for {}",
                refused.join(", ")
            );
        }
        if *held != now {
            write(
                &self.paths.settings,
                &serde_json::to_value(&now).unwrap_or_default(),
            )?;
            *held = now.clone();
        }
        Ok(now)
    }

    pub fn recent(&self) -> Vec<RecentMeeting> {
        lock(&self.recent).list().to_vec()
    }

    /// Puts a meeting first among the recent ones.
    pub fn remember(&self, to: &Destination, title: &str) {
        let mut recent = lock(&self.recent);
        recent.joined(to, title, now_ms());
        // Told in the log; the meeting goes on without.
        let _ = write(&self.paths.recent, &recent.content());
    }

    pub fn forget(&self, id: &str) -> Result<(), ShellCode> {
        let mut recent = lock(&self.recent);
        if recent.forget(id) {
            write(&self.paths.recent, &recent.content())?;
        }
        Ok(())
    }

    /// Where somebody is signed in.
    pub fn accounts(&self) -> Vec<KnownAccount> {
        lock(&self.sessions).list()
    }

    pub fn session(&self, server: &Origin) -> Option<SessionCookie> {
        lock(&self.sessions).cookie(server)
    }

    pub fn keep_session(&self, server: &Origin, session: &AppSession) -> Result<(), ShellCode> {
        let mut sessions = lock(&self.sessions);
        sessions.keep(server, session, now_ms());
        write(&self.paths.sessions, &sessions.content())
    }

    pub fn forget_session(&self, server: &Origin) -> Result<(), ShellCode> {
        let mut sessions = lock(&self.sessions);
        if sessions.forget(server) {
            write(&self.paths.sessions, &sessions.content())?;
        }
        Ok(())
    }

    /// The server for codes and new meetings.
    pub fn server(&self) -> Option<Origin> {
        self.policy.server_or(&lock(&self.settings).server)
    }

    /// Whether something was ever sent there by the user's will.
    pub fn knows(&self, server: &Origin) -> bool {
        self.server().as_ref() == Some(server) || lock(&self.recent).knows(server.as_str())
    }

    /// Where a text leads, if the policy lets one go there.
    pub fn destination(&self, text: &str) -> Result<Destination, ShellCode> {
        let to = link::parse(text, self.server().as_ref()).map_err(|error| match error {
            LinkError::NoLink => ShellCode::BadLink,
            LinkError::NoServer => ShellCode::NoServer,
        })?;
        if self.policy.allows(&to.server) {
            Ok(to)
        } else {
            Err(ShellCode::ServerNotAllowed)
        }
    }

    /// Whose certificates are believed.
    pub fn trust(&self) -> Trust {
        let file = self.args.ca.clone();
        file.map_or(Trust::PublicRoots, Trust::WithFile)
    }

    pub fn set_refused(&self, code: AppCode) {
        *lock(&self.refused) = Some(code);
    }

    pub fn take_refused(&self) -> Option<AppCode> {
        lock(&self.refused).take()
    }
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_millis() as u64
}

/// A lock whose holder panicked still guards whole values: they are replaced, never half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn content(path: &Path) -> Map<String, Value> {
    match store::read(path) {
        Found::Content(content) => content,
        Found::Nothing => Map::new(),
        Found::Broken(why) => {
            tracing::warn!("{}: {why}; going on without it", path.display());
            keep(path);
            Map::new()
        }
    }
}

fn keep(path: &Path) {
    match store::keep_copy(path) {
        Ok(copy) => tracing::warn!("a copy is kept in {}", copy.display()),
        Err(error) => tracing::warn!("no copy could be kept: {error}"),
    }
}

fn write(path: &Path, content: &Value) -> Result<(), ShellCode> {
    store::write(path, content).map_err(|error| {
        tracing::error!("{}: {error}", path.display());
        ShellCode::File
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shell(folder: &Path, policy: Policy) -> Shell {
        let paths = Paths {
            settings: folder.join("settings.json"),
            recent: folder.join("recent.json"),
            sessions: folder.join("sessions.json"),
            documents: folder.to_owned(),
            home: None,
        };
        Shell::load(Args::default(), policy, paths, None)
    }

    fn patch(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn settings_are_there_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let first = shell(folder.path(), Policy::default());
        first
            .save_settings(&patch(json!({ "name": "Ada", "scale": 1.25 })))
            .unwrap();
        let again = shell(folder.path(), Policy::default()).settings();
        assert_eq!((again.name.as_str(), again.scale), ("Ada", 1.25));
    }

    #[test]
    fn a_corrupt_file_gives_defaults_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        std::fs::write(&path, b"{\"version\": 1, \xff").unwrap();
        assert_eq!(
            shell(folder.path(), Policy::default()).settings(),
            Settings::default()
        );
        assert_eq!(
            std::fs::read(folder.path().join("settings.json.broken")).unwrap(),
            std::fs::read(&path).unwrap()
        );
    }

    #[test]
    fn one_bad_value_costs_no_other_and_the_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let text = json!({ "version": 9, "content": { "name": "Ada", "scale": 7, "later": true } });
        std::fs::write(folder.path().join("settings.json"), text.to_string()).unwrap();
        assert_eq!(
            shell(folder.path(), Policy::default()).settings().name,
            "Ada"
        );
        assert!(folder.path().join("settings.json.broken").exists());
    }

    #[test]
    fn the_policy_stands_before_every_link() {
        let folder = tempfile::tempdir().unwrap();
        let policy = Policy {
            server: Origin::parse("https://meet.example"),
            only_this_server: true,
            ..Policy::default()
        };
        let shell = shell(folder.path(), policy);
        let id = "0123456789abcdefghjkmnpqrs";
        assert_eq!(
            shell.destination(id).unwrap().server.as_str(),
            "https://meet.example"
        );
        assert_eq!(
            shell.destination(&format!("confab://join/other.example/{id}")),
            Err(ShellCode::ServerNotAllowed)
        );
        assert_eq!(
            shell.destination("confab://join/../x"),
            Err(ShellCode::BadLink)
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_session_is_there_again_after_a_restart_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let server = Origin::parse("https://a.example").unwrap();
        let me = json!({
            "id": "0123456789abcdefghjkmnpqrs", "email": "ada@example.org", "name": "Ada", "role": "member", "created_at": 1, "disabled": false,
        });
        let session = json!({ "secret": "s3cret", "lasts": 60, "me": me });
        let first = shell(folder.path(), Policy::default());
        first
            .keep_session(&server, &serde_json::from_value(session).unwrap())
            .unwrap();
        let file = folder.path().join("sessions.json");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{first:?}").contains("s3cret"));
        let again = shell(folder.path(), Policy::default());
        assert_eq!(again.accounts()[0].name, "Ada");
        assert!(again.session(&server).is_some());
        again.forget_session(&server).unwrap();
        assert!(!std::fs::read_to_string(file).unwrap().contains("s3cret"));
    }

    #[test]
    fn a_server_is_known_once_a_meeting_was_joined_there() {
        let folder = tempfile::tempdir().unwrap();
        let shell = shell(folder.path(), Policy::default());
        let to = shell
            .destination("https://a.example/m/0123456789abcdefghjkmnpqrs")
            .unwrap();
        assert!(!shell.knows(&to.server));
        shell.remember(&to, "Title");
        assert!(shell.knows(&to.server));
        let id = shell.recent()[0].id.clone();
        shell.forget(&id).unwrap();
        assert_eq!(shell.recent(), vec![]);
    }
}
