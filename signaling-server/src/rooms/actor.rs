//! One meeting's task: owns the pure [`Room`] and its forwarding room, tells them the time and the dice, and carries out
//! what the room puts out.
//!
//! Order is the whole point here. What waits in the inbox is handled as one batch; the batch's records are written; only
//! then is anything of it sent. So whoever sees an event or an answer can rely on its being stored, and many inputs
//! cost one write.

use super::joins::Joins;
use super::{BoardSeats, Guest, Outbox, Rooms, ToRoom};
use crate::clock::{Clock, wall_ms};
use crate::quality::Quality;
use crate::secrets::{Digest, fresh_secret};
use crate::sfu::SfuRoom;
use crate::store::{MeetingRecord, Store};
use crate::traces::FutureExt;
use axum::extract::ws::Utf8Bytes;
use confab_base::{AccountId, ParticipantId, Time};
use confab_protocol::{Code, Hello, IceServer, MAX_PARTICIPANTS, MeetingId, ServerMessage};
use confab_room::{
    ConnId, Connect, Input, MediaCommand, MediaEvent, Output, Persisted, Room, RoomConfig,
    StoreCommand,
};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Inputs handled before their outputs are carried out, at most.
const BATCH: usize = 64;
/// A meeting without seats stays awake this long.
const IDLE: Duration = Duration::from_secs(180);
/// How soon commands that the media side had no room for are offered again.
const MEDIA_RETRY: Duration = Duration::from_millis(5);
/// More waiting media commands than this, and the meeting starts over.
const MEDIA_BACKLOG: usize = 2048;
/// How often records are offered again to a disk that was full.
const FULL_RETRY: Duration = Duration::from_secs(1);
/// More records than this waiting for room on the disk, and the meeting starts over from those it has.
const MOST_UNSTORED: usize = 50_000;

pub(super) struct Actor {
    id: MeetingId,
    host_key: Digest,
    owner: Option<AccountId>,
    room: Room,
    outboxes: HashMap<ConnId, Outbox>,
    inbox: mpsc::Receiver<ToRoom>,
    store: Arc<dyn Store>,
    quality: Arc<Quality>,
    title: String,
    media: SfuRoom,
    /// Where newcomers reach the relay.
    turn_urls: Arc<[String]>,
    media_backlog: VecDeque<MediaCommand>,
    clock: Clock,
    connected: Arc<AtomicU32>,
    stop: CancellationToken,
    idle_since: Option<Time>,
    /// Records the disk had no room for, in their order, and when they are offered again.
    unstored: Vec<StoreCommand>,
    store_again: Time,
    joins: Joins,
    /// What the whiteboards are told of the seats, once they ask.
    boards: watch::Sender<BoardSeats>,
}

/// Why the task woke up.
enum Wake {
    Messages,
    Media(Option<MediaEvent>),
    Timer,
    Stop,
}

/// Everybody has to start over, and comes back by itself.
struct Failed(Code);

impl Actor {
    pub(super) fn new(
        rooms: &Rooms,
        (record, persisted): (MeetingRecord, Persisted),
        media: SfuRoom,
        inbox: mpsc::Receiver<ToRoom>,
        connected: Arc<AtomicU32>,
    ) -> Actor {
        let title = record.title.clone();
        let config = RoomConfig {
            id: record.id.clone(),
            title: record.title,
            max_participants: MAX_PARTICIPANTS,
            policy: record.policy,
            starts_at: Some(record.starts_at),
        };
        Actor {
            id: record.id,
            host_key: record.host_key,
            owner: record.owner,
            room: Room::restore(config, persisted, rooms.clock.now()),
            outboxes: HashMap::new(),
            inbox,
            store: Arc::clone(&rooms.store),
            quality: Arc::clone(&rooms.quality),
            title,
            media,
            turn_urls: Arc::clone(&rooms.media.turn_urls),
            media_backlog: VecDeque::new(),
            clock: rooms.clock,
            connected,
            stop: rooms.stop.clone(),
            idle_since: None,
            unstored: Vec::new(),
            store_again: Time::ZERO,
            joins: Joins::default(),
            boards: watch::Sender::new(BoardSeats::default()),
        }
    }

    /// Runs until the meeting has nothing more to do. Gives the inbox back, still open.
    pub(super) async fn run(mut self) -> mpsc::Receiver<ToRoom> {
        tracing::info!(meeting = ?self.id, seats = self.room.seats(), "meeting awake");
        let mut messages = Vec::with_capacity(BATCH);
        let end = loop {
            let wake = self.next_wake(&mut messages).await;
            let last = matches!(wake, Wake::Stop);
            match wake {
                Wake::Messages => messages.drain(..).for_each(|m| self.on_message(m)),
                Wake::Media(Some(event)) => self.on_media(event),
                // The media worker dropped this meeting, or could not take it.
                Wake::Media(None) => break Some(Failed(Code::Overloaded)),
                Wake::Timer => self.tell(Input::Timeout),
                Wake::Stop => self.tell(Input::ShutDown),
            }
            if let Err(failed) = self.carry_out().await {
                break Some(failed);
            }
            if last || self.is_done() {
                break None;
            }
        };
        if let Some(Failed(code)) = end {
            tracing::error!(meeting = ?self.id, %code, "meeting starts over");
            self.outboxes.values().for_each(|outbox| outbox.kick(code));
        }
        tracing::info!(meeting = ?self.id, "meeting asleep");
        self.inbox
    }

    async fn next_wake(&mut self, messages: &mut Vec<ToRoom>) -> Wake {
        let wakeup = self.clock.instant(self.wakeup());
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Wake::Stop,
            event = self.media.events.recv() => Wake::Media(event),
            // The list of live meetings holds a sender, so there is always one.
            _ = self.inbox.recv_many(messages, BATCH) => Wake::Messages,
            () = tokio::time::sleep_until(wakeup) => Wake::Timer,
        }
    }

    fn wakeup(&self) -> Time {
        let room = self.room.next_wakeup().unwrap_or(Time::MAX);
        let idle = self.idle_since.map_or(Time::MAX, |since| since + IDLE);
        let retry = if self.media_backlog.is_empty() {
            Time::MAX
        } else {
            self.clock.now() + MEDIA_RETRY
        };
        let store = match self.unstored.is_empty() {
            true => Time::MAX,
            false => self.store_again,
        };
        room.min(idle).min(retry).min(store)
    }

    fn tell(&mut self, input: Input) {
        self.room.handle(input, self.clock.now(), wall_ms());
    }

    fn on_message(&mut self, message: ToRoom) {
        match message {
            ToRoom::Connect {
                conn,
                id,
                hello,
                guest,
                outbox,
                taken,
            } => {
                self.outboxes.insert(conn, outbox);
                let _ = taken.send(());
                let comes_back = hello.resume.is_some();
                self.joins.begin(conn, guest.join.clone(), comes_back);
                let connect = self.look_at_secrets(conn, id, hello, guest);
                self.tell(Input::Connect(Box::new(connect)));
            }
            ToRoom::Request { conn, id, request } if self.outboxes.contains_key(&conn) => {
                self.joins.asked(conn, id, &request);
                self.tell(Input::Request { conn, id, request });
            }
            // Said before the connection heard that it is closed.
            ToRoom::Request { .. } => {}
            ToRoom::HostKey(key) => self.host_key = key,
            ToRoom::Look(look) => {
                // Who asked may have gone.
                let _ = look.send((self.owner.clone(), self.room.overview()));
            }
            ToRoom::Deed(deed) => self.tell(Input::Deed(deed)),
            ToRoom::Uploaded { participant, file } => {
                self.tell(Input::Uploaded { participant, file });
            }
            ToRoom::Board(answer) => {
                self.boards.send_replace(Arc::new(self.room.board_seats()));
                let _ = answer.send(self.boards.subscribe());
            }
            ToRoom::Closed { conn } => {
                self.outboxes.remove(&conn);
                self.joins.closed(conn);
                self.tell(Input::Closed { conn });
            }
        }
    }

    fn look_at_secrets(&self, conn: ConnId, id: u32, hello: Hello, guest: Guest) -> Connect {
        let host_key_ok = hello
            .host_key
            .as_ref()
            .is_some_and(|key| Digest::of(key).matches(&self.host_key));
        // Whose meeting it is needs no key, unless another one is shown.
        let owns = guest.account.is_some() && guest.account == self.owner;
        let host_key_ok = host_key_ok || owns && hello.host_key.is_none();
        let resume_digest = hello
            .resume
            .as_ref()
            .map(|resume| Digest::of(&resume.token).0);
        let token = fresh_secret();
        let token_digest = Digest::of(&token).0;
        Connect {
            conn,
            id,
            hello,
            host_key_ok,
            passcode: guest.passcode,
            account: guest.account,
            co_host: guest.co_host,
            peer: guest.peer,
            resume_digest,
            token,
            token_digest,
        }
    }

    fn on_media(&mut self, first: MediaEvent) {
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(event) = next.take().or_else(|| self.media.events.try_recv().ok()) else {
                break;
            };
            self.joins.heard(&event);
            self.tell(Input::Media(event));
        }
    }

    /// Stores, then sends, until the room has nothing more to say.
    async fn carry_out(&mut self) -> Result<(), Failed> {
        loop {
            let (records, actions) = self.drain();
            self.store(records).await?;
            let slow = self.act(actions);
            self.flush_media()?;
            if slow.is_empty() {
                break;
            }
            for conn in slow {
                self.outboxes.remove(&conn);
                self.joins.closed(conn);
                self.tell(Input::Closed { conn });
            }
        }
        self.joins.carried_out();
        self.tell_boards();
        self.connected
            .store(self.room.connected() as u32, Ordering::Relaxed);
        self.idle_since = match self.outboxes.is_empty() && self.room.seats() == 0 {
            true => self.idle_since.or_else(|| Some(self.clock.now())),
            false => None,
        };
        Ok(())
    }

    /// A full disk ends no meeting: what it had no room for is offered again, and the meeting goes on. Until then a kill of the
    /// process would lose that; everything else that fails would come back with each try, so the meeting starts over.
    async fn store(&mut self, records: Vec<StoreCommand>) -> Result<(), Failed> {
        let was_full = !self.unstored.is_empty();
        if records.is_empty() && !was_full {
            return Ok(());
        }
        self.unstored.extend(records);
        if was_full && self.clock.now() < self.store_again && !self.stop.is_cancelled() {
            return Ok(());
        }
        let write = self.store.write(&self.id, self.unstored.clone());
        match write.with_context(self.joins.cause()).await {
            Ok(()) => {
                if was_full {
                    tracing::warn!(meeting = ?self.id, records = self.unstored.len(), "the disk has room again: all is stored");
                }
                self.unstored.clear();
                Ok(())
            }
            Err(error) if error.is_full() && self.unstored.len() <= MOST_UNSTORED => {
                if !was_full {
                    tracing::error!(meeting = ?self.id, %error, "the disk is full: the meeting goes on without being stored");
                }
                self.store_again = self.clock.now() + FULL_RETRY;
                Ok(())
            }
            Err(error) => {
                tracing::error!(meeting = ?self.id, %error, "cannot store");
                Err(Failed(Code::Internal))
            }
        }
    }

    /// Told after all is stored, as everybody is. Where no board is open it costs nothing.
    fn tell_boards(&self) {
        if self.boards.receiver_count() == 0 {
            return;
        }
        let seats = self.room.board_seats();
        self.boards.send_if_modified(|known| {
            let changed = **known != seats;
            if changed {
                *known = Arc::new(seats);
            }
            changed
        });
    }

    fn drain(&mut self) -> (Vec<StoreCommand>, Vec<Output>) {
        let (mut records, mut actions) = (Vec::new(), Vec::new());
        while let Some(output) = self.room.poll_output() {
            match output {
                Output::Store(record) => records.push(record),
                other => actions.push(other),
            }
        }
        (records, actions)
    }

    /// Gives back the connections that were too slow for it.
    fn act(&mut self, actions: Vec<Output>) -> Vec<ConnId> {
        let mut slow = Vec::new();
        for action in actions {
            match action {
                Output::Send { to, mut message } => {
                    self.joins.told(&to, &message);
                    if let ServerMessage::Welcome(welcome) = &mut *message {
                        welcome.ice_servers = self.ice_servers(welcome.you);
                    }
                    let text = serde_json::to_string(&message).expect("messages are plain data");
                    let text = Utf8Bytes::from(text);
                    for conn in to {
                        let sent = self
                            .outboxes
                            .get(&conn)
                            .is_none_or(|outbox| outbox.send(text.clone()));
                        if !sent && !slow.contains(&conn) {
                            slow.push(conn);
                        }
                    }
                }
                Output::Close { conn, code } => {
                    self.joins.closed(conn);
                    if let Some(outbox) = self.outboxes.remove(&conn) {
                        outbox.close(code);
                    }
                }
                Output::Media(command) => self.media_backlog.push_back(command),
                Output::Listened {
                    participant,
                    minutes,
                    fluent_minutes,
                } => tracing::info!(
                    meeting = ?self.id, %participant, minutes, fluent_minutes, "listener left"
                ),
                Output::Minute(minute) => self.quality.note(&self.id, &self.title, *minute),
                Output::Store(_) => unreachable!("sorted out in drain"),
            }
        }
        slow
    }

    /// Whoever has a seat may use the relay, and nobody else.
    fn ice_servers(&self, participant: ParticipantId) -> Vec<IceServer> {
        // Browsers refuse a server without an address.
        let reachable = !self.turn_urls.is_empty();
        let credentials = self.media.relay_credentials(participant);
        let server = credentials.filter(|_| reachable).map(|c| IceServer {
            urls: self.turn_urls.to_vec(),
            username: c.username,
            credential: c.password,
        });
        server.into_iter().collect()
    }

    /// Hands over what the media side takes. Nothing is skipped: a mute that got lost would be an open microphone.
    fn flush_media(&mut self) -> Result<(), Failed> {
        while let Some(command) = self.media_backlog.front() {
            if self.media.send(command.clone()).is_err() {
                break;
            }
            self.media_backlog.pop_front();
        }
        match self.media_backlog.len() > MEDIA_BACKLOG {
            true => Err(Failed(Code::Overloaded)),
            false => Ok(()),
        }
    }

    fn is_done(&self) -> bool {
        if !self.unstored.is_empty() {
            return false;
        }
        let idle = self
            .idle_since
            .is_some_and(|since| self.clock.now().since(since) >= IDLE);
        idle || (self.room.is_ended() && self.outboxes.is_empty())
    }
}
