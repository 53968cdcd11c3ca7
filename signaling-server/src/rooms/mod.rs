//! The meetings that live in this process: one task per meeting, found by its id, woken when somebody says hello and
//! gone some minutes after the last seat.

mod actor;
mod handed_over;
mod health;
mod joins;
mod outbox;
mod oversight;

pub(crate) use health::Health;
pub(crate) use outbox::{Outbox, OutboxReader, Outgoing, outbox};
pub(crate) use oversight::Seen;

use crate::clock::{Clock, wall_ms};
use crate::handover::Held;
use crate::media::Media;
use crate::quality::Quality;
use crate::schedule::passcode;
use crate::secrets::{Digest, fresh_meeting_id, fresh_secret};
use crate::store::{MeetingRecord, Store, StoreError};
use crate::traces::Join;
use actor::Actor;
use confab_protocol::{
    AccountId, Code, CreateMeeting, Hello, MAX_TITLE, MeetingId, MeetingInfo, MeetingState,
    ParticipantId, Policy, Request, SharedFile,
};
use confab_room::{BoardSeat, ConnId, Deed, Passcode};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Inputs waiting for one meeting. A full queue makes the connections' readers wait, and so their clients.
const INBOX: usize = 512;
/// How long a shutdown waits for meetings to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a connection tells its meeting.
pub(crate) enum ToRoom {
    Connect {
        conn: ConnId,
        id: u32,
        hello: Hello,
        guest: Guest,
        outbox: Outbox,
        /// Dropped unanswered when the meeting's task ends before it read this.
        taken: oneshot::Sender<()>,
    },
    Request {
        conn: ConnId,
        id: u32,
        request: Request,
    },
    Closed {
        conn: ConnId,
    },
    /// The only one that opens from now on. Hosts who are in stay hosts.
    HostKey(Digest),
    /// Whoever looks after the server wants to see it.
    Look(oversight::Look),
    Deed(Deed),
    /// Is kept, for a chat message to come.
    Uploaded {
        participant: ParticipantId,
        file: SharedFile,
    },
    /// A whiteboard wants to be told of the seats, now and whenever they change.
    Board(oneshot::Sender<watch::Receiver<BoardSeats>>),
}

/// The seats of a meeting as its whiteboards see them.
pub(crate) type BoardSeats = Arc<Vec<BoardSeat>>;

/// What the server knows of whoever says hello, beside what they say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guest {
    /// Where they come from, as a number.
    pub(crate) peer: u64,
    pub(crate) account: Option<AccountId>,
    /// Mail address of the account.
    pub(crate) email: Option<String>,
    /// Judged by [`Rooms::connect`], as the next is.
    pub(crate) passcode: Passcode,
    pub(crate) co_host: bool,
    pub(crate) join: Join,
}

/// A connection's way into its meeting.
#[derive(Clone)]
pub(crate) struct RoomDoor {
    pub(crate) conn: ConnId,
    inbox: mpsc::Sender<ToRoom>,
}

impl RoomDoor {
    /// False: the meeting's task is gone; the connection's outbox says why.
    pub(crate) async fn request(&self, id: u32, request: Request) -> bool {
        let conn = self.conn;
        self.inbox
            .send(ToRoom::Request { conn, id, request })
            .await
            .is_ok()
    }

    pub(crate) async fn closed(&self) {
        let _ = self.inbox.send(ToRoom::Closed { conn: self.conn }).await;
    }
}

struct Live {
    inbox: mpsc::Sender<ToRoom>,
    connected: Arc<AtomicU32>,
}

/// What every meeting's task needs.
pub(crate) struct Rooms {
    store: Arc<dyn Store>,
    media: Arc<Media>,
    quality: Arc<Quality>,
    clock: Clock,
    live: Mutex<HashMap<MeetingId, Live>>,
    next_conn: AtomicU64,
    stop: CancellationToken,
    tasks: TaskTracker,
    health: health::Watched,
    /// Those that another process has.
    pub(crate) held: Arc<Held>,
    /// Another process wakes all others: it is told of those that fall asleep here.
    released: Mutex<Option<mpsc::Sender<MeetingId>>>,
}

impl Rooms {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        media: Arc<Media>,
        quality: Arc<Quality>,
        held: Arc<Held>,
    ) -> Arc<Rooms> {
        Arc::new(Rooms {
            store,
            media,
            quality,
            clock: Clock::start(),
            live: Mutex::default(),
            next_conn: AtomicU64::new(1),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            health: health::Watched::default(),
            held,
            released: Mutex::default(),
        })
    }

    /// Makes a meeting and the two secrets of its links: its id, and the host key, of which only the digest is kept.
    pub(crate) async fn create(&self, wanted: CreateMeeting) -> Result<(MeetingId, String), Code> {
        self.create_for(None, wanted).await
    }

    /// The same for somebody with an account.
    pub(crate) async fn create_for(
        &self,
        owner: Option<AccountId>,
        wanted: CreateMeeting,
    ) -> Result<(MeetingId, String), Code> {
        let (mut record, host_key) = new_meeting(wanted)?;
        record.owner = owner;
        let id = record.id.clone();
        self.store.create(record).await.map_err(internal)?;
        tracing::info!(meeting = ?id, "meeting created");
        Ok((id, host_key))
    }

    pub(crate) async fn info(&self, id: &MeetingId) -> Result<MeetingInfo, Code> {
        let record = self
            .store
            .meeting(id)
            .await
            .map_err(internal)?
            .ok_or(Code::MeetingNotFound)?;
        let participants = self
            .lock()
            .get(id)
            .map_or(0, |live| live.connected.load(Ordering::Relaxed));
        let state = match (record.ended, participants) {
            (true, _) => MeetingState::Ended,
            (false, 0) => MeetingState::Open,
            (false, _) => MeetingState::Running,
        };
        let MeetingRecord {
            id,
            title,
            starts_at,
            minutes,
            locked,
            ..
        } = record;
        Ok(MeetingInfo {
            id,
            title,
            state,
            starts_at,
            minutes,
            locked,
            participants,
        })
    }

    /// A meeting that runs forgets its old host key.
    pub(crate) async fn new_host_key(&self, id: &MeetingId, key: Digest) {
        let inbox = self.lock().get(id).map(|live| live.inbox.clone());
        if let Some(inbox) = inbox {
            let _ = inbox.send(ToRoom::HostKey(key)).await;
        }
    }

    /// Tells a meeting that runs of an upload; before a request that comes after it. False: it does not run.
    pub(crate) async fn uploaded(
        &self,
        id: &MeetingId,
        participant: ParticipantId,
        file: SharedFile,
    ) -> bool {
        let inbox = self.lock().get(id).map(|live| live.inbox.clone());
        let Some(inbox) = inbox else {
            return false;
        };
        let told = ToRoom::Uploaded { participant, file };
        inbox.send(told).await.is_ok()
    }

    /// The seats of a meeting that is awake, now and as they change. `None`: nobody has a seat there.
    pub(crate) async fn board_seats(&self, id: &MeetingId) -> Option<watch::Receiver<BoardSeats>> {
        let inbox = self.lock().get(id).map(|live| live.inbox.clone())?;
        let (answer, seats) = oneshot::channel();
        inbox.send(ToRoom::Board(answer)).await.ok()?;
        seats.await.ok()
    }

    /// Brings `hello` to its meeting, waking it if need be. The answer comes through the outbox.
    pub(crate) async fn connect(
        self: &Arc<Rooms>,
        id: u32,
        hello: Hello,
        mut guest: Guest,
    ) -> Result<(RoomDoor, OutboxReader), Code> {
        let record = self.store.meeting(&hello.meeting).await.map_err(internal)?;
        let record = record.ok_or(Code::MeetingNotFound)?;
        // Read anew each time: the plan may have changed while the meeting runs.
        guest.co_host = guest
            .email
            .as_ref()
            .is_some_and(|email| record.co_hosts.contains(&email.to_lowercase()));
        guest.passcode = look_at_passcode(record.passcode, &hello).await?;
        let conn = ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed));
        // A meeting's task may end between finding it and being heard; then the next one is asked.
        for _ in 0..3 {
            let inbox = self.wake(&hello.meeting).await?;
            let (outbox, reader) = outbox();
            let (taken, heard) = oneshot::channel();
            let message = ToRoom::Connect {
                conn,
                id,
                hello: hello.clone(),
                guest: guest.clone(),
                outbox,
                taken,
            };
            if inbox.send(message).await.is_ok() && heard.await.is_ok() {
                return Ok((RoomDoor { conn, inbox }, reader));
            }
            self.forget(&hello.meeting, &inbox);
        }
        Err(Code::Overloaded)
    }

    /// Wakes the meetings in which people held seats when the process ended, so that seats nobody comes back to expire.
    pub(crate) async fn restore(self: &Arc<Rooms>) -> Result<(), StoreError> {
        for id in self.store.with_seats().await? {
            if self.held.holds(&id) {
                continue;
            }
            if let Err(code) = self.wake(&id).await {
                tracing::warn!(meeting = ?id, %code, "cannot restore a meeting");
            }
        }
        Ok(())
    }

    /// Tells everyone that the server goes away and waits until all is stored.
    pub(crate) async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(GOODBYE, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some meetings did not end in time");
        }
        if let Err(error) = self.store.close().await {
            tracing::warn!(%error, "closing the store");
        }
    }

    async fn wake(self: &Arc<Rooms>, id: &MeetingId) -> Result<mpsc::Sender<ToRoom>, Code> {
        if self.stop.is_cancelled() {
            return Err(Code::GoingAway);
        }
        if let Some(live) = self.lock().get(id) {
            return Ok(live.inbox.clone());
        }
        if self.held.holds(id) {
            return Err(Code::GoingAway);
        }
        let (record, persisted) = self
            .store
            .load(id)
            .await
            .map_err(internal)?
            .ok_or(Code::MeetingNotFound)?;
        if record.cancelled {
            return Err(Code::MeetingCancelled);
        }
        if record.ended {
            return Err(Code::MeetingEnded);
        }
        let mut all = self.lock();
        if let Some(live) = all.get(id) {
            return Ok(live.inbox.clone());
        }
        if self.is_frozen() {
            return Err(Code::GoingAway);
        }
        let media = self.media.open(media_key(id)).ok_or(Code::GoingAway)?;
        let (inbox, messages) = mpsc::channel(INBOX);
        let connected = Arc::new(AtomicU32::new(0));
        let actor = Actor::new(
            self,
            (record, persisted),
            media,
            messages,
            Arc::clone(&connected),
        );
        all.insert(
            id.clone(),
            Live {
                inbox: inbox.clone(),
                connected,
            },
        );
        drop(all);
        let (rooms, id, own_inbox) = (Arc::clone(self), id.clone(), inbox.downgrade());
        self.tasks.spawn(async move {
            let messages = actor.run().await;
            // Out of the list first, then deaf: who still holds the inbox gets an error and asks again.
            if let Some(own) = own_inbox.upgrade() {
                rooms.forget(&id, &own);
            }
            drop(messages);
        });
        Ok(inbox)
    }

    /// Meetings that are awake, and people connected in them.
    pub(crate) fn sums(&self) -> (u64, u64) {
        let all = self.lock();
        let people = all.values().map(|l| l.connected.load(Ordering::Relaxed));
        (all.len() as u64, people.map(u64::from).sum())
    }

    fn forget(&self, id: &MeetingId, inbox: &mpsc::Sender<ToRoom>) {
        let mut all = self.lock();
        if all
            .get(id)
            .is_some_and(|live| live.inbox.same_channel(inbox))
        {
            all.remove(id);
            self.tell_released(id);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<MeetingId, Live>> {
        self.live.lock().expect("no panic while looking up")
    }
}

/// Hashing takes its time, so it is not done in the meeting's task; the room counts what was wrong.
async fn look_at_passcode(kept: Option<String>, hello: &Hello) -> Result<Passcode, Code> {
    let (kept, said) = match (kept, hello.passcode.clone()) {
        (None, _) => return Ok(Passcode::NotNeeded),
        // Hosts and those who come back need none.
        (Some(_), None) => return Ok(Passcode::Missing),
        (Some(kept), Some(said)) => (kept, said),
    };
    let look = move || passcode::matches(&said, &kept);
    let right = tokio::task::spawn_blocking(look).await;
    match right.map_err(|_| Code::Internal)? {
        true => Ok(Passcode::Right),
        false => Ok(Passcode::Wrong),
    }
}

/// Only spreads meetings over media threads; any part of a random id's digest does.
fn media_key(id: &MeetingId) -> u64 {
    let digest = Digest::of(id.as_str()).0;
    digest[..8].iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// A new meeting's record and its host key. Also used by the command line, which writes beside a running server.
pub(crate) fn new_meeting(wanted: CreateMeeting) -> Result<(MeetingRecord, String), Code> {
    let title: String = wanted
        .title
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    let minutes = wanted.minutes.unwrap_or(60);
    let latest = 4_102_444_800_000; // the year 2100
    if title.chars().count() > MAX_TITLE
        || !(1..=1440).contains(&minutes)
        || wanted.starts_at > Some(latest)
    {
        return Err(Code::BadValue);
    }
    let host_key = fresh_secret();
    let now = wall_ms();
    let record = MeetingRecord {
        id: fresh_meeting_id(),
        title,
        host_key: Digest::of(&host_key),
        starts_at: wanted.starts_at.unwrap_or(now),
        minutes,
        created_at: now,
        locked: false,
        ended: false,
        cancelled: false,
        policy: Policy::default(),
        passcode: None,
        owner: None,
        co_hosts: Vec::new(),
    };
    Ok((record, host_key))
}

fn internal(error: StoreError) -> Code {
    tracing::error!(%error, "store");
    match error.is_full() {
        true => Code::StorageFull,
        false => Code::Internal,
    }
}
