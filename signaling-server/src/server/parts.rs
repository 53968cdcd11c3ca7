//! The parts of a server: made from its configuration, and put together.

use super::StartError;
use crate::accounts::Accounts;
use crate::accounts::oidc::Provider;
use crate::boards::Boards;
use crate::caldav::{Calendars, Concerned, Seal};
use crate::config::Config;
use crate::counters::Counters;
use crate::files::Files;
use crate::handover::{Duty, Held, Switch};
use crate::hooks::{HookSetup, Hooks};
use crate::http::Site;
use crate::mail::{Mailer, Post};
use crate::media::Media;
use crate::quality::Quality;
use crate::rooms::Rooms;
use crate::schedule::Planner;
use crate::store::Database;
use crate::traces::Traces;
use confab_caldav::{Certificate, Dav, PemItem, Reach, parse_pem};
use confab_calendar::{Address, Person};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the parts of a server are built on.
pub(super) struct Ground<'a> {
    pub(super) config: &'a Config,
    pub(super) public_url: &'a str,
    pub(super) store: &'a Arc<Database>,
    pub(super) media: &'a Arc<Media>,
    pub(super) post: &'a Arc<Post>,
    pub(super) counters: &'a Arc<Counters>,
    pub(super) traces: &'a Traces,
    pub(super) stop: &'a CancellationToken,
    pub(super) in_charge: &'a Switch,
    pub(super) alone: &'a Switch,
}

pub(super) fn build(ground: &Ground<'_>) -> Result<Arc<Site>, StartError> {
    let Ground {
        config,
        public_url,
        store,
        media,
        post,
        counters,
        traces,
        stop,
        in_charge,
        alone,
    } = *ground;
    let planner = planner(Arc::clone(store), public_url, Arc::clone(post));
    let seal = Arc::new(Seal::open(&config.data_dir)?);
    let calendars = calendars(config, store, &planner, &seal, in_charge.duty())?;
    let hooks = hooks(config, store, seal, traces, in_charge.duty())?;
    let files = Files::open(config, Arc::clone(store), alone.duty())?;
    let quality = Quality::start(
        Arc::clone(store),
        Arc::clone(media),
        Arc::clone(counters),
        config.quality.days,
        (stop.clone(), in_charge.duty()),
    );
    let held = Arc::new(Held::new(&config.data_dir));
    let noted = Arc::clone(&quality);
    let rooms = Rooms::new(store.clone(), Arc::clone(media), noted, held);
    let stores = (Arc::clone(store), Arc::clone(&files));
    let boards = Boards::new(Arc::clone(&rooms), stores);
    Ok(Site::new(
        (rooms, boards),
        open_accounts(config, store, post, public_url, in_charge.duty())?,
        (Arc::clone(counters), traces.clone()),
        (planner, files),
        (calendars, hooks),
        (quality, Arc::clone(media)),
        config,
    ))
}

/// One for all letters: its bounds are those of the server. And whose address they come from.
pub(crate) fn letters(
    config: &Config,
    public_url: &str,
    traces: &Traces,
) -> Result<(Option<Mailer>, Option<Person>), StartError> {
    let authority = public_url.split_once("://").map_or("", |(_, rest)| rest);
    let host = authority.split(':').next().unwrap_or_default();
    let mailer = Mailer::start(&config.mail, host, traces.clone())?;
    Ok((mailer, config.mail.from.as_deref().and_then(sender)))
}

pub(crate) fn post(
    config: &Config,
    public_url: &str,
    traces: &Traces,
) -> Result<Arc<Post>, StartError> {
    let (mailer, sender) = letters(config, public_url, traces)?;
    Ok(Post::new(mailer, sender))
}

pub(crate) fn planner(store: Arc<Database>, public_url: &str, post: Arc<Post>) -> Arc<Planner> {
    Arc::new(Planner {
        store,
        public_url: public_url.to_owned(),
        post,
        concerned: Concerned::default(),
    })
}

/// Looks after people's own calendars from now on.
fn calendars(
    config: &Config,
    store: &Arc<Database>,
    planner: &Arc<Planner>,
    seal: &Arc<Seal>,
    duty: Duty,
) -> Result<Arc<Calendars>, StartError> {
    let authorities = authorities("caldav.ca", config.caldav.ca.as_deref())?;
    let dav = Dav::new(reach(config.caldav.private), authorities);
    let (store, planner, seal) = (Arc::clone(store), Arc::clone(planner), Arc::clone(seal));
    let retry = config.caldav.retry_seconds;
    Ok(Calendars::start(store, planner, dav, seal, retry, duty))
}

/// Carries letters of webhooks from now on.
fn hooks(
    config: &Config,
    store: &Arc<Database>,
    seal: Arc<Seal>,
    traces: &Traces,
    duty: Duty,
) -> Result<Arc<Hooks>, StartError> {
    let setup = HookSetup {
        reach: reach(config.webhooks.private),
        authorities: authorities("webhooks.ca", config.webhooks.ca.as_deref())?,
        retry_seconds: config.webhooks.retry_seconds,
        tries: config.webhooks.tries,
        traces: traces.clone(),
    };
    Ok(Hooks::start(Arc::clone(store), seal, setup, duty))
}

fn reach(private: bool) -> Reach {
    match private {
        true => Reach::Private,
        false => Reach::Public,
    }
}

/// None: the public ones.
fn authorities(
    key: &'static str,
    file: Option<&Path>,
) -> Result<Option<Vec<Certificate<'static>>>, StartError> {
    let Some(file) = file else {
        return Ok(None);
    };
    let failed = |e: &dyn std::fmt::Display| StartError::Authorities {
        key,
        message: e.to_string(),
    };
    let pem = std::fs::read(file).map_err(|e| failed(&e))?;
    let mut all = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| failed(&e))? {
            all.push(certificate);
        }
    }
    match all.is_empty() {
        true => Err(failed(&"no certificate in it")),
        false => Ok(Some(all)),
    }
}

/// `ada@example.org` or `Ada <ada@example.org>`.
fn sender(from: &str) -> Option<Person> {
    let (name, address) = match from
        .trim()
        .strip_suffix('>')
        .and_then(|f| f.rsplit_once('<'))
    {
        Some((name, address)) => (name.trim().trim_matches('"'), address),
        None => ("", from.trim()),
    };
    Some(Person {
        name: name.to_owned(),
        address: Address::new(address)?,
    })
}

fn open_accounts(
    config: &Config,
    store: &Arc<Database>,
    post: &Arc<Post>,
    public_url: &str,
    duty: Duty,
) -> Result<Arc<Accounts>, StartError> {
    let accounts = Accounts::new(
        store.clone(),
        Arc::clone(post),
        config.accounts.clone(),
        Provider::new(&config.oidc, public_url)?,
        public_url.to_owned(),
    );
    tokio::spawn(duty.run(Accounts::prune_always(Arc::downgrade(&accounts))));
    Ok(accounts)
}
