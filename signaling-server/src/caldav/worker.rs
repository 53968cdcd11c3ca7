//! Whose calendar is pushed to, and when: at once when a plan changes, every few minutes for what changed otherwise (the command
//! line writes from another process), and again after a failure, at growing distances. What a person must mend, such as a wrong
//! password, is not tried again by itself: servers lock accounts that are.

use super::{Link, Seal};
use crate::clock::wall_ms;
use crate::handover::Duty;
use crate::schedule::{Planner, Segment};
use crate::store::{CaldavWrite, Database, PlannedMeeting, StoreError};
use confab_base::AccountId;
use confab_caldav::{
    Dav, Fate, Login, Record, Task, Trouble, Wanted, clear, discover, parse, push,
};
use confab_calendar::Meeting;
use confab_protocol::{CalendarState, Code, ConnectCalendar, ConnectedCalendar, OwnCalendar};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

/// How often it is looked for what is due.
const TICK: Duration = Duration::from_secs(15);
/// How often every calendar is compared with the plans, due or not.
const ROUND: u64 = 5 * 60_000;
/// Calendars pushed to at a time.
const AT_ONCE: usize = 4;
/// Between tries that failed: `caldav.retry_seconds`, then twice as long each time, but never more than six hours.
const LONGEST_REST: u64 = 6 * 3_600_000;
/// Meetings of one person that are looked at.
const MOST: u32 = 1_000;
/// Characters of a user name and of a password.
const LONGEST: usize = 256;
/// What somebody waits for in front of a page; the server gives answers up after fifteen seconds.
const PATIENCE: Duration = Duration::from_secs(12);

/// People a change concerns.
#[derive(Debug, Default)]
pub(crate) struct Concerned {
    people: Mutex<(HashSet<String>, bool)>,
    told: Notify,
}

impl Concerned {
    /// By account and mail address of everybody in it, as it is now and as it was.
    pub(crate) fn by(&self, meetings: &[&PlannedMeeting]) {
        let mut people = self.people.lock().expect("no panic while noting");
        for meeting in meetings {
            let owner = meeting.plan.owner.iter().map(|o| o.as_str().to_owned());
            let invited = meeting.plan.invitees.iter();
            let invited = invited.map(|a| a.person.address.as_str().to_lowercase());
            people.0.extend(owner.chain(invited));
        }
        self.told.notify_one();
    }

    fn all(&self) {
        self.people.lock().expect("no panic while noting").1 = true;
        self.told.notify_one();
    }

    fn take(&self) -> (HashSet<String>, bool) {
        std::mem::take(&mut *self.people.lock().expect("no panic while noting"))
    }
}

pub(crate) struct Calendars {
    store: Arc<Database>,
    planner: Arc<Planner>,
    dav: Dav,
    seal: Arc<Seal>,
    /// One push at a time for each.
    busy: Mutex<HashSet<String>>,
    slots: Semaphore,
    /// The first rest after a failure, milliseconds.
    rest: u64,
}

/// Frees an account for the next push.
struct Turn<'a>(&'a Calendars, String);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut busy = self.0.busy.lock().expect("no panic while noting");
        busy.remove(&self.1);
    }
}

impl Calendars {
    pub(crate) fn start(
        store: Arc<Database>,
        planner: Arc<Planner>,
        dav: Dav,
        seal: Arc<Seal>,
        retry_seconds: u32,
        duty: Duty,
    ) -> Arc<Calendars> {
        let calendars = Arc::new(Calendars {
            store,
            planner,
            dav,
            seal,
            busy: Mutex::default(),
            slots: Semaphore::new(AT_ONCE),
            rest: u64::from(retry_seconds) * 1000,
        });
        tokio::spawn(duty.run(run(Arc::downgrade(&calendars))));
        calendars
    }

    pub(crate) async fn shown(&self, account: &AccountId) -> Result<OwnCalendar, StoreError> {
        let Some(link) = self.store.calendar_link(account).await? else {
            return Ok(OwnCalendar { connected: None });
        };
        let pushed = self.store.pushed(account).await?;
        let theirs = pushed.iter().filter(|p| p.fate == Fate::Theirs).count();
        let connected = ConnectedCalendar {
            url: link.url,
            user: link.user,
            name: link.name,
            calendar: link.calendar,
            choices: link.choices,
            state: link.state,
            error: link.error,
            pushed_at: link.pushed_at,
            retry_at: link.retry_at,
            events: u32::try_from(pushed.len() - theirs).unwrap_or(u32::MAX),
            changed: u32::try_from(theirs).unwrap_or(u32::MAX),
        };
        Ok(OwnCalendar {
            connected: Some(connected),
        })
    }

    /// Tries an address, a user name and a password, and keeps them if they are good. Without a password the one that is kept is
    /// used, but only for the address it was given for.
    pub(crate) async fn connect(
        &self,
        account: &AccountId,
        wish: ConnectCalendar,
    ) -> Result<OwnCalendar, Code> {
        let (url, user) = (wish.url.trim().to_owned(), wish.user.trim().to_owned());
        let long = |text: &str| text.is_empty() || text.chars().count() > LONGEST;
        if long(&user) || user.contains(':') || user.chars().any(char::is_control) {
            return Err(Code::BadValue);
        }
        let address = parse(self.dav.reach, &url).map_err(|t| t.code())?;
        let before = self.store.calendar_link(account).await.map_err(failed)?;
        let kept = before.as_ref().filter(|b| b.url == url && b.user == user);
        let password = match (wish.password.filter(|p| !p.is_empty()), kept) {
            (Some(password), _) => password,
            (None, Some(kept)) => self.password(kept).ok_or(Code::CalendarRefused)?,
            (None, None) => return Err(Code::BadValue),
        };
        if long(&password) {
            return Err(Code::BadValue);
        }
        let turn = patiently(async { Ok(self.turn(account).await) }).await?;
        let found = self.apart(&user, &password, move |dav, login| {
            discover(dav, login, &address)
        });
        let choices = patiently(found).await?;
        let chosen = match &wish.calendar {
            Some(url) => choices.iter().find(|c| c.url == *url),
            None => choices.first(),
        };
        let chosen = chosen.ok_or(Code::CalendarNotFound)?.clone();
        if let Some(before) = before.filter(|b| b.calendar != chosen.url) {
            // No calendar likes the same event twice. What cannot be taken away stays.
            let _ = self.take_away(&before).await;
        }
        let sealed = self
            .seal
            .seal(account.as_str(), &password)
            .ok_or(Code::Internal)?;
        let link = Link {
            account: account.clone(),
            url,
            user,
            password: sealed,
            calendar: chosen.url,
            name: chosen.name,
            choices,
            state: CalendarState::Waiting,
            error: None,
            pushed_at: None,
            failures: 0,
            retry_at: None,
            revision: 0,
        };
        self.write(CaldavWrite::Connect(Box::new(link))).await?;
        drop(turn);
        self.planner.concerned.all();
        self.shown(account).await.map_err(failed)
    }

    /// Forgets the calendar; with `remove` its events are taken away first, or nothing is done.
    pub(crate) async fn disconnect(&self, account: &AccountId, remove: bool) -> Result<(), Code> {
        let _turn = patiently(async { Ok(self.turn(account).await) }).await?;
        let link = self.store.calendar_link(account).await.map_err(failed)?;
        let link = link.ok_or(Code::NotFound)?;
        if remove {
            patiently(self.take_away(&link)).await?;
        }
        self.write(CaldavWrite::Disconnect(account.clone())).await
    }

    /// Now, and not when it is due. `replace`: also over what the person changed there.
    pub(crate) async fn push_now(
        self: &Arc<Self>,
        account: &AccountId,
        email: &str,
        replace: bool,
    ) -> Result<OwnCalendar, Code> {
        let link = self.store.calendar_link(account).await.map_err(failed)?;
        if link.is_none() {
            return Err(Code::NotFound);
        }
        let (calendars, whose, email) = (Arc::clone(self), account.clone(), email.to_owned());
        let push = tokio::spawn(async move { calendars.push_one(&whose, &email, replace).await });
        // A slow one goes on by itself; what has become of it is told later.
        let _ = tokio::time::timeout(PATIENCE, push).await;
        self.shown(account).await.map_err(failed)
    }

    async fn take_away(&self, link: &Link) -> Result<(), Trouble> {
        let all = self.store.pushed(&link.account).await;
        let all = all.map_err(|_| Trouble::Failed(None))?;
        let password = self.password(link).ok_or(Trouble::Refused)?;
        self.apart(&link.user, &password, move |dav, login| {
            clear(dav, login, &all)
        })
        .await
    }

    fn password(&self, link: &Link) -> Option<String> {
        self.seal.open_for(link.account.as_str(), &link.password)
    }

    /// On a thread where waiting does no harm, a few at a time.
    async fn apart<T: Send + 'static>(
        &self,
        user: &str,
        password: &str,
        work: impl FnOnce(&Dav, &Login) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let _slot = self.slots.acquire().await;
        let (dav, login) = (self.dav.clone(), Login::new(user, password));
        let done = tokio::task::spawn_blocking(move || work(&dav, &login)).await;
        done.unwrap_or(Err(Trouble::Failed(None)))
    }

    async fn turn(&self, account: &AccountId) -> Turn<'_> {
        loop {
            let free = {
                let mut busy = self.busy.lock().expect("no panic while noting");
                busy.insert(account.as_str().to_owned())
            };
            if free {
                return Turn(self, account.as_str().to_owned());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn push_one(&self, account: &AccountId, email: &str, replace: bool) {
        let _turn = self.turn(account).await;
        if let Err(error) = self.try_push(account, email, replace).await {
            tracing::error!(%error, "calendar push");
        }
    }

    async fn try_push(
        &self,
        account: &AccountId,
        email: &str,
        replace: bool,
    ) -> Result<(), StoreError> {
        let Some(link) = self.store.calendar_link(account).await? else {
            return Ok(());
        };
        let (records, outcome) = match self.task(&link, email, replace).await? {
            Ok(task) => self.carry_out(&link, task).await,
            Err(trouble) => (Vec::new(), Err(trouble)),
        };
        let link = self.after(link, &outcome);
        if outcome.is_err() {
            tracing::warn!(code = ?link.error, failures = link.failures, "a calendar was not reached");
        }
        let write = CaldavWrite::Push {
            link: Box::new(link),
            records,
        };
        match self.store.write_caldav(write).await {
            // Disconnected or connected anew meanwhile.
            Err(StoreError::Stale) => Ok(()),
            other => other,
        }
    }

    async fn carry_out(&self, link: &Link, task: Task) -> (Vec<Record>, Result<(), Trouble>) {
        let Some(password) = self.password(link) else {
            return (Vec::new(), Err(Trouble::Refused));
        };
        let done = self
            .apart(&link.user, &password, move |dav, login| {
                Ok(push(dav, login, task))
            })
            .await;
        done.unwrap_or_else(|trouble| (Vec::new(), Err(trouble)))
    }

    async fn task(
        &self,
        link: &Link,
        email: &str,
        replace: bool,
    ) -> Result<Result<Task, Trouble>, StoreError> {
        let now = wall_ms();
        let Ok(calendar) = self.dav.reach.parse(&link.calendar) else {
            return Ok(Err(Trouble::Address));
        };
        let meetings = self
            .store
            .planned_for(&link.account, email, now, MOST)
            .await?;
        let pushed = self.store.pushed(&link.account).await?;
        let wanted = wanted(&self.planner, &meetings, now);
        let mut gone = BTreeSet::new();
        for absent in pushed.iter().filter(|p| !wanted.contains_key(&p.uid)) {
            let still = match self.store.planned(&absent.meeting).await? {
                Some(meeting) => {
                    concerns(&meeting, &link.account, email)
                        && self.planner.has_event(&meeting, &absent.uid)
                }
                None => false,
            };
            if !still {
                gone.insert(absent.uid.clone());
            }
        }
        Ok(Ok(Task {
            calendar,
            wanted,
            pushed,
            gone,
            replace,
        }))
    }

    /// The link's state after a try.
    fn after(&self, link: Link, outcome: &Result<(), Trouble>) -> Link {
        let now = wall_ms();
        let Err(trouble) = outcome else {
            return Link {
                state: CalendarState::Fine,
                error: None,
                pushed_at: Some(now),
                failures: 0,
                retry_at: None,
                ..link
            };
        };
        let asked = match trouble {
            Trouble::Failed(Some(rest)) => rest.as_millis() as u64,
            _ => 0,
        };
        let grown = self.rest.saturating_mul(1 << link.failures.min(16));
        let rest = grown.min(LONGEST_REST).max(asked);
        // Not all at the same moment after an outage.
        let rest = rest + rand::random_range(0..=rest / 8);
        Link {
            state: match trouble.is_final() {
                true => CalendarState::Stopped,
                false => CalendarState::Failing,
            },
            error: Some(trouble.code()),
            failures: link.failures.saturating_add(1),
            retry_at: (!trouble.is_final()).then_some(now + rest),
            ..link
        }
    }

    async fn write(&self, write: CaldavWrite) -> Result<(), Code> {
        self.store.write_caldav(write).await.map_err(failed)
    }

    /// All that is due or concerned, a few at a time.
    async fn round(calendars: &Arc<Calendars>, whole: bool) -> Result<(), StoreError> {
        let (people, all) = calendars.planner.concerned.take();
        let now = wall_ms();
        let mut pushes = JoinSet::new();
        for (link, email) in calendars.store.calendar_links().await? {
            let named = people.contains(link.account.as_str()) || people.contains(&email);
            let resting = link.retry_at.is_some_and(|at| at > now);
            let due =
                link.retry_at.is_some_and(|at| at <= now) || link.state == CalendarState::Waiting;
            let stopped = link.state == CalendarState::Stopped;
            if stopped || resting || !(named || all || whole || due) {
                continue;
            }
            let calendars = Arc::clone(calendars);
            pushes.spawn(async move { calendars.push_one(&link.account, &email, false).await });
        }
        pushes.join_all().await;
        Ok(())
    }
}

async fn patiently<T>(work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Code> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    let done = done.unwrap_or(Err(Trouble::Unreachable));
    done.map_err(|trouble| trouble.code())
}

fn failed(error: StoreError) -> Code {
    tracing::error!(%error, "calendars");
    Code::Internal
}

async fn run(calendars: Weak<Calendars>) {
    let mut last_whole = 0;
    loop {
        let Some(strong) = calendars.upgrade() else {
            return;
        };
        let whole = wall_ms().saturating_sub(last_whole) >= ROUND;
        if whole {
            last_whole = wall_ms();
        }
        match Calendars::round(&strong, whole).await {
            Ok(()) => {}
            Err(error) if error.is_closed() => return,
            Err(error) => tracing::error!(%error, "calendars"),
        }
        let planner = Arc::clone(&strong.planner);
        let tick = TICK.min(Duration::from_millis(strong.rest));
        drop(strong);
        let told = planner.concerned.told.notified();
        let _ = tokio::time::timeout(tick, told).await;
    }
}

/// What should be in the calendar of somebody with these meetings.
fn wanted(planner: &Planner, meetings: &[PlannedMeeting], now: u64) -> BTreeMap<String, Wanted> {
    let mut all = BTreeMap::new();
    for meeting in meetings {
        for segment in meeting.plan.segments() {
            if segment.when.last_end().is_some_and(|end| end <= now) {
                continue;
            }
            let uid = planner.event(meeting, segment).uid.as_str().to_owned();
            let wanted = Wanted {
                meeting: meeting.record.id.clone(),
                text: text(planner, meeting, segment),
                cancelled: meeting.plan.cancelled,
            };
            all.insert(uid, wanted);
        }
    }
    all
}

fn concerns(meeting: &PlannedMeeting, account: &AccountId, email: &str) -> bool {
    let invited = meeting.plan.invitees.iter();
    let mut invited = invited.map(|a| a.person.address.as_str());
    meeting.plan.owner.as_ref() == Some(account) || invited.any(|a| a.eq_ignore_ascii_case(email))
}

/// As it should stand in the calendar of whoever takes part. Without organizer and attendees: a server that sends invitations by
/// itself (RFC 6638) would write to all of them once more, and one that does not own the organizer's address would refuse it.
fn text(planner: &Planner, meeting: &PlannedMeeting, segment: Segment<'_>) -> String {
    let event = Meeting {
        organizer: None,
        attendees: Vec::new(),
        ..planner.event(meeting, segment)
    };
    event.publish().text
}

impl Planner {
    /// Whether the meeting is still planned under this `UID`: stretches go when all that follows them is planned anew.
    fn has_event(&self, meeting: &PlannedMeeting, uid: &str) -> bool {
        let segments = meeting.plan.segments().into_iter();
        let mut uids = segments.map(|s| self.event(meeting, s).uid);
        uids.any(|known| known.as_str() == uid)
    }
}
