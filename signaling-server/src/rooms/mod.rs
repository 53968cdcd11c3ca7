//! The meetings that live in this process: one task per meeting, found by its id, woken when somebody says hello and
//! gone some minutes after the last seat.

mod actor;
mod outbox;

pub(crate) use outbox::{Outbox, OutboxReader, Outgoing, outbox};

use crate::clock::{Clock, wall_ms};
use crate::media::Media;
use crate::secrets::{Digest, fresh_meeting_id, fresh_secret};
use crate::store::{MeetingRecord, Store, StoreError};
use actor::Actor;
use confab_protocol::{
    Code, CreateMeeting, Hello, MAX_TITLE, MeetingId, MeetingInfo, MeetingState, Request,
};
use confab_room::ConnId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
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
    clock: Clock,
    live: Mutex<HashMap<MeetingId, Live>>,
    next_conn: AtomicU64,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Rooms {
    pub(crate) fn new(store: Arc<dyn Store>, media: Arc<Media>) -> Arc<Rooms> {
        Arc::new(Rooms {
            store,
            media,
            clock: Clock::start(),
            live: Mutex::default(),
            next_conn: AtomicU64::new(1),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// Makes a meeting and the two secrets of its links: its id, and the host key, of which only the digest is kept.
    pub(crate) async fn create(&self, wanted: CreateMeeting) -> Result<(MeetingId, String), Code> {
        let record_and_key = new_meeting(wanted)?;
        let (record, host_key) = record_and_key;
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

    /// Brings `hello` to its meeting, waking it if need be. The answer comes through the outbox.
    pub(crate) async fn connect(
        self: &Arc<Rooms>,
        id: u32,
        hello: Hello,
    ) -> Result<(RoomDoor, OutboxReader), Code> {
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
        let (record, persisted) = self
            .store
            .load(id)
            .await
            .map_err(internal)?
            .ok_or(Code::MeetingNotFound)?;
        if record.ended {
            return Err(Code::MeetingEnded);
        }
        let mut all = self.lock();
        if let Some(live) = all.get(id) {
            return Ok(live.inbox.clone());
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

    fn forget(&self, id: &MeetingId, inbox: &mpsc::Sender<ToRoom>) {
        let mut all = self.lock();
        if all
            .get(id)
            .is_some_and(|live| live.inbox.same_channel(inbox))
        {
            all.remove(id);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<MeetingId, Live>> {
        self.live.lock().expect("no panic while looking up")
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
    };
    Ok((record, host_key))
}

fn internal(error: StoreError) -> Code {
    tracing::error!(%error, "store");
    Code::Internal
}
