//! Accounts: who may sign in, by which secrets, and what is noted of it. `entry.rs` is the way in and out, `own.rs` what people do
//! with their account, `admin.rs` what admins do with others, `offline.rs` the command line; the HTTP around it is in
//! `http/accounts.rs`. Nothing here says whether an address has an account to somebody who is not signed in.

mod admin;
mod apps;
pub(crate) mod cookie;
mod entry;
mod letters;
mod offline;
pub(crate) mod oidc;
mod own;
mod passkeys;
mod password;
mod tokens;
mod tries;

pub(crate) use admin::must_be_admin;
pub use offline::{AccountError, AccountSummary, TokenSummary};
pub use oidc::ProviderSetupError;
pub(crate) use tokens::Bearer;

use crate::clock::wall_ms;
use crate::config::AccountsConfig;
use crate::http::rate::{RateLimit, address_key};
use crate::mail::{Letter, Post};
use crate::secrets::Digest;
use crate::store::{AccountChange, AccountRecord, AccountStore, Deed, SessionRecord, StoreError};
use confab_protocol::{Account, AccountRole, AuditAction, Code, MAX_NAME, MayCreate, Standing};
use oidc::Provider;
use passkeys::Passkeys;
use password::Hasher;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tries::{Patience, Tries};

const DAY: u64 = 24 * 3600 * 1000;
const INVITATION_LASTS: u64 = 7 * DAY;
const RESET_LASTS: u64 = 3600 * 1000;
/// The audit log's bounds.
const LOG_LASTS: u64 = 365 * DAY;
const LOG_MOST: u64 = 100_000;
/// How often what is over is forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// A session's last use is written down this often at most.
const USED_STEP: u64 = 10 * 60 * 1000;
/// Behind one address may be a whole office.
const OF_ADDRESS: Patience = Patience {
    free: 10,
    longest: Duration::from_secs(15 * 60),
    forgive: Duration::from_secs(60),
};
/// An account's owner may be shut out by strangers, so not for long.
const OF_ACCOUNT: Patience = Patience {
    free: 3,
    longest: Duration::from_secs(5 * 60),
    forgive: Duration::from_secs(10 * 60),
};
/// Letters an address may ask for in a minute, and letters an account may get in an hour.
const LETTERS_PER_MINUTE: u32 = 5;
const LETTERS_PER_HOUR: u32 = 3;
/// Ways to the provider and back, from one address.
const TRIPS_PER_MINUTE: u32 = 60;
/// Each reads through all that was ever said.
const EXPORTS_PER_MINUTE: u32 = 6;
/// Characters of a mail address (RFC 5321).
const LONGEST_EMAIL: usize = 254;

/// Why something was not done. `wait` goes with [`Code::TooManyTries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    pub(crate) wait: Option<Duration>,
}

impl From<Code> for Refused {
    fn from(code: Code) -> Refused {
        Refused { code, wait: None }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        let code = match error {
            StoreError::Taken => Code::EmailTaken,
            StoreError::Gone => Code::LinkExpired,
            StoreError::LastOwner => Code::LastOwner,
            StoreError::LastWay => Code::LastWayIn,
            error if error.is_full() => Code::StorageFull,
            error => {
                tracing::error!(%error, "accounts");
                Code::Internal
            }
        };
        code.into()
    }
}

pub(crate) type Outcome<T> = Result<T, Refused>;

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) address: IpAddr,
    /// A few words, see [`agent`].
    pub(crate) agent: String,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// None: a program with a token.
    pub(crate) session: Option<SessionRecord>,
    pub(crate) account: AccountRecord,
}

/// Somebody just signed in: the secret is for the cookie and is told nowhere else.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) account: AccountRecord,
    pub(crate) secret: String,
    /// The provider's ID token, where it was the provider who let them in.
    pub(crate) id_token: Option<String>,
}

pub(crate) struct Accounts {
    store: Arc<dyn AccountStore>,
    mails: Arc<Post>,
    config: AccountsConfig,
    provider: Option<Arc<Provider>>,
    passkeys: Option<Passkeys>,
    apps: Mutex<apps::Codes>,
    /// Without a trailing slash.
    public_url: String,
    hasher: Hasher,
    counts: Mutex<Counts>,
    letters: RateLimit,
    trips: RateLimit,
    exports: RateLimit,
}

#[derive(Debug)]
struct Counts {
    by_address: Tries<IpAddr>,
    by_account: Tries<String>,
    /// Letters of this hour, by mail address.
    letters: std::collections::HashMap<String, (u32, Instant)>,
}

impl Accounts {
    pub(crate) fn new(
        store: Arc<dyn AccountStore>,
        mails: Arc<Post>,
        config: AccountsConfig,
        provider: Option<Arc<Provider>>,
        public_url: String,
    ) -> Arc<Accounts> {
        Arc::new(Accounts {
            store,
            mails,
            config,
            provider,
            passkeys: Passkeys::at(&public_url),
            apps: Mutex::default(),
            public_url,
            hasher: Hasher::new(),
            counts: Mutex::new(Counts {
                by_address: Tries::new(OF_ADDRESS),
                by_account: Tries::new(OF_ACCOUNT),
                letters: std::collections::HashMap::new(),
            }),
            letters: RateLimit::new(LETTERS_PER_MINUTE),
            trips: RateLimit::new(TRIPS_PER_MINUTE),
            exports: RateLimit::new(EXPORTS_PER_MINUTE),
        })
    }

    /// Cookies go over TLS only.
    pub(crate) fn secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// How long a cookie lives, seconds.
    pub(crate) fn session_seconds(&self) -> u64 {
        u64::from(self.config.session_days) * DAY / 1000
    }

    pub(crate) async fn any(&self) -> Outcome<bool> {
        Ok(self.store.any_account().await?)
    }

    pub(crate) async fn standing(
        &self,
        me: Option<Account>,
        may_create: MayCreate,
    ) -> Outcome<Standing> {
        Ok(Standing {
            accounts: self.any().await?,
            sign_up: self.config.sign_up,
            mail: self.mails.goes(),
            may_create,
            provider: self.provider.as_ref().and_then(|p| p.shown_name()),
            passkeys: self.passkeys.is_some(),
            me,
        })
    }

    /// Who has the session with this secret; `None`: nobody, or it is over.
    pub(crate) async fn who(&self, secret: &str) -> Outcome<Option<Who>> {
        let now = wall_ms();
        let token = Digest::of(secret);
        let Some((session, account)) = self.store.session(token, now).await? else {
            return Ok(None);
        };
        if now.saturating_sub(session.used_at) >= USED_STEP {
            let used = AccountChange::UseSession { token, at: now };
            match self.store.change(vec![used]).await {
                // Nobody is shut out by a full disk.
                Err(error) if !error.is_full() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(Some(Who {
            session: Some(session),
            account,
        }))
    }

    /// Forgets what is over, now and every hour, for as long as the accounts are there.
    pub(crate) async fn prune_always(accounts: std::sync::Weak<Accounts>) {
        while let Some(accounts) = accounts.upgrade() {
            let now = wall_ms();
            let prune = AccountChange::Prune {
                now,
                log_from: now.saturating_sub(LOG_LASTS),
                log_most: LOG_MOST,
            };
            match accounts.store.change(vec![prune]).await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "forgetting what is over"),
            }
            drop(accounts);
            tokio::time::sleep(PRUNE_EVERY).await;
        }
    }

    fn link(&self, page: &str, token: &str) -> String {
        link(&self.public_url, page, token)
    }

    /// The server's name in letters.
    fn host(&self) -> &str {
        let url = self.public_url.as_str();
        url.split_once("://").map_or(url, |(_, host)| host)
    }

    /// A letter is only ever about something that can be asked for again, so its loss is logged and no more.
    fn post(&self, letter: Letter) {
        if let Err(error) = self.mails.send(letter) {
            tracing::warn!(%error, "a letter was not taken");
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("no panic while counting")
    }

    /// Begins to try a secret, of an account (by its mail address) or of a link.
    async fn begin_try(&self, from: &Origin, email: Option<&str>) -> Outcome<()> {
        let (address, now) = (address_key(from.address), Instant::now());
        let wait = {
            let mut counts = self.counts();
            let allowed = counts.by_address.begin(&address, now);
            let allowed = allowed.and_then(|()| match email {
                Some(email) => counts.by_account.begin(&email.to_owned(), now),
                None => Ok(()),
            });
            allowed.err()
        };
        match wait {
            None => Ok(()),
            Some(wait) => Err(Refused {
                code: Code::TooManyTries,
                wait: Some(wait),
            }),
        }
    }

    fn was_right(&self, from: &Origin, email: Option<&str>) {
        let mut counts = self.counts();
        counts.by_address.right(&address_key(from.address), false);
        if let Some(email) = email {
            counts.by_account.right(&email.to_owned(), true);
        }
    }

    /// Whether one more letter may go to this mail address in this hour.
    fn letter_allowed(&self, email: &str) -> bool {
        let now = Instant::now();
        let hour = Duration::from_secs(3600);
        let mut counts = self.counts();
        let recent = |at: Instant| now.saturating_duration_since(at) < hour;
        if counts.letters.len() >= 10_000 {
            counts.letters.retain(|_, (_, since)| recent(*since));
        }
        let entry = counts.letters.entry(email.to_owned()).or_insert((0, now));
        if !recent(entry.1) {
            *entry = (0, now);
        }
        entry.0 += 1;
        entry.0 <= LETTERS_PER_HOUR
    }
}

/// The link's secret stands behind `#`, so that no log of a server or proxy sees it.
fn link(public_url: &str, page: &str, token: &str) -> String {
    format!("{public_url}/account/{page}#token={token}")
}

fn deed(action: AuditAction, by: Option<&str>, of: Option<&str>, from: Option<&Origin>) -> Deed {
    Deed {
        at: wall_ms(),
        action,
        by: by.map(str::to_owned),
        of: of.map(str::to_owned),
        detail: None,
        address: from.map(|f| f.address.to_canonical().to_string()),
    }
}

impl AccountRecord {
    pub(crate) fn shown(&self) -> Account {
        Account {
            id: self.id.clone(),
            email: self.email.clone(),
            name: self.name.clone(),
            role: self.role,
            language: self.language.clone(),
            time_zone: self.time_zone.clone(),
            created_at: self.created_at,
            disabled: self.disabled_at.is_some(),
        }
    }

    fn is_admin(&self) -> bool {
        self.role >= AccountRole::Admin
    }
}

/// A mail address as accounts are found by: without blanks around it, in lower case.
pub(crate) fn normal_email(text: &str) -> Outcome<String> {
    let email = text.trim().to_lowercase();
    let good = email.len() <= LONGEST_EMAIL && email.parse::<lettre::Address>().is_ok();
    good.then_some(email).ok_or(Code::BadValue.into())
}

/// One line of 1 to [`MAX_NAME`] characters.
fn normal_name(text: &str) -> Outcome<String> {
    let name: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    let good = (1..=MAX_NAME).contains(&name.chars().count());
    good.then_some(name).ok_or(Code::BadValue.into())
}

/// A BCP 47 tag by its letters; an empty one is none.
fn normal_language(text: &str) -> Outcome<Option<String>> {
    let letters = |t: &str| t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match text.trim() {
        "" => Ok(None),
        tag if (2..=35).contains(&tag.len()) && letters(tag) => Ok(Some(tag.to_owned())),
        _ => Err(Code::BadValue.into()),
    }
}

/// A time zone there is; an empty one is none.
fn normal_zone(text: &str) -> Outcome<Option<String>> {
    match text.trim() {
        "" => Ok(None),
        zone if confab_calendar::Zone::new(zone).is_some() => Ok(Some(zone.to_owned())),
        _ => Err(Code::BadValue.into()),
    }
}

/// Browser and system in few words, from `User-Agent`; only words of our own come out.
pub(crate) fn agent(text: &str) -> String {
    let find = |words: &[(&str, &'static str)]| {
        let found = words.iter().find(|(sign, _)| text.contains(sign));
        found.map(|(_, name)| *name)
    };
    let browser = find(&[
        ("Edg/", "Edge"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Confab", "Confab"),
        ("Safari/", "Safari"),
    ]);
    let system = find(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    let words: Vec<&str> = [browser, system].into_iter().flatten().collect();
    words.join(" · ")
}

#[cfg(test)]
mod tests;
