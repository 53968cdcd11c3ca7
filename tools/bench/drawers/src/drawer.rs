//! One person: a seat, a copy of the board, a script, and a note of when each of the others' strokes came.

use crate::Options;
use crate::figures::{Late, Own};
use crate::script::{Script, first_page};
use crate::socket::{Seat, Stream, connect, sit};
use confab_base::Time;
use confab_board::{Heard, LaneClient, ObjectId, Replica, Vector};
use futures_util::{SinkExt, StreamExt};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

/// What a person does in three seconds, in steps of 50 ms.
const CYCLE: u64 = 60;
const INK: u64 = 20;
const DRAG: u64 = 20;

pub struct Shared {
    address: String,
    meeting: String,
    pub options: Options,
    start: Instant,
    /// When each stroke was made.
    born: Mutex<HashMap<ObjectId, Instant>>,
    /// The next number of each copy, as the server acknowledged it.
    pub acknowledged: Mutex<BTreeMap<Replica, u64>>,
    /// The server is away: nobody is to come back yet.
    pub held: AtomicBool,
    finished: AtomicU32,
}

impl Shared {
    pub fn new(address: String, meeting: String, options: Options) -> Shared {
        Shared {
            address,
            meeting,
            options,
            start: Instant::now(),
            born: Mutex::default(),
            acknowledged: Mutex::default(),
            held: AtomicBool::new(false),
            finished: AtomicU32::new(0),
        }
    }

    fn now(&self) -> Time {
        Time::from_micros(self.start.elapsed().as_micros() as u64)
    }
}

pub struct Drawer {
    shared: Arc<Shared>,
    number: u32,
    seat: Seat,
    client: LaneClient,
    own: Own,
    /// The others' strokes that came, and how long each took.
    seen: (HashSet<ObjectId>, Vec<Duration>),
    second: Second,
}

/// The second way.
enum Second {
    Closed,
    Opening(tokio::task::JoinHandle<Option<Stream>>),
    Open(Box<Stream>),
}

/// What happened to it.
enum News {
    Opened(Box<Stream>),
    Frame(Vec<u8>),
    Closed,
}

impl Second {
    /// What comes next; never, while there is none.
    async fn next(&mut self) -> News {
        match self {
            Second::Closed => std::future::pending().await,
            Second::Opening(task) => match task.await {
                Ok(Some(stream)) => News::Opened(Box::new(stream)),
                _ => News::Closed,
            },
            Second::Open(stream) => loop {
                match stream.next().await {
                    Some(Ok(Message::Binary(bytes))) => return News::Frame(bytes.to_vec()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return News::Closed,
                    Some(Ok(_)) => {}
                }
            },
        }
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        if let Second::Opening(task) = self {
            task.abort();
        }
    }
}

impl Drawer {
    pub async fn join(shared: Arc<Shared>, number: u32) -> Drawer {
        let name = format!("Drawer {number}");
        let mut seat = None;
        for _ in 0..20 {
            seat = sit(&shared.address, &shared.meeting, &name, None).await;
            if seat.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let mut client = LaneClient::new("");
        client.set_batch(Duration::from_millis(shared.options.batch));
        Drawer {
            shared,
            number,
            seat: seat.expect("a seat"),
            client,
            own: Own::default(),
            seen: Default::default(),
            second: Second::Closed,
        }
    }

    /// Draws until its share of the ops is done and all copies are equal to the server's.
    pub async fn draw(mut self) -> ([u8; 32], Own) {
        let options = self.shared.options.clone();
        let mut stream = self.connected().await;
        let page = self.page(&mut stream).await;
        let mut script = Script::new(
            options.seed * 1000 + u64::from(self.number),
            options.strokes,
        );
        let most = options.ops / options.writers;
        let step = Duration::from_millis(if options.people { 50 } else { options.every });
        // Not all in the same millisecond.
        let mut due = Instant::now() + step * self.number / options.writers;
        let (mut steps, mut done) = (0, 0);
        while done < most || self.unacknowledged() > 0 {
            if done < most && due <= Instant::now() {
                due += step;
                let (acts, inks) = match (options.people, steps % CYCLE) {
                    (false, _) => (true, false),
                    (true, at) => ((INK..INK + DRAG).contains(&at), at < INK),
                };
                steps += 1;
                if acts {
                    self.act(&mut script, page);
                    done += 1;
                }
                if inks {
                    self.client.show(&script.presence(page));
                }
            }
            let until = if done < most { due } else { due + step * 1000 };
            if self.turn(&mut stream, until).await.is_none() {
                eprintln!("{}: connection lost after {done} ops", self.number);
                stream = self.connected().await;
            }
        }
        let finished = 1 + self.shared.finished.fetch_add(1, Ordering::SeqCst);
        eprintln!("{}: drawn, as the {finished}th", self.number);
        let hash = self.settle(&mut stream).await;
        self.own.strokes = std::mem::take(&mut self.seen.1);
        (hash, self.own)
    }

    fn act(&mut self, script: &mut Script, page: ObjectId) {
        let now = self.shared.now();
        let made = self.client.write(now, |board| script.act(board, page));
        if let Some(Some(stroke)) = made {
            let mut born = self.shared.born.lock().expect("whole");
            born.insert(stroke, Instant::now());
        }
    }

    fn unacknowledged(&self) -> usize {
        self.client.board().map_or(0, |b| b.unacknowledged())
    }

    /// Goes on until all are done and the server's document is this one.
    async fn settle(&mut self, stream: &mut Stream) -> [u8; 32] {
        let mut ask = Instant::now();
        loop {
            let all = self.shared.finished.load(Ordering::SeqCst) == self.shared.options.writers;
            if all && ask <= Instant::now() {
                self.client.ask_hash();
                ask = Instant::now() + Duration::from_millis(2000);
            }
            let until = Instant::now() + Duration::from_millis(100);
            match self.turn(stream, until).await {
                Some(Some(Heard::Hash(theirs))) => {
                    let own = self.hash();
                    if own == theirs {
                        return own;
                    }
                }
                Some(_) => {}
                None => *stream = self.connected().await,
            }
        }
    }

    fn hash(&self) -> [u8; 32] {
        self.client.board().expect("a board").document().hash()
    }

    /// Sends what is due, and takes a frame if one comes before `until`. `None`: the connection is over.
    async fn turn(&mut self, stream: &mut Stream, until: Instant) -> Option<Option<Heard>> {
        while let Some(frame) = self.client.poll_frame(self.shared.now()) {
            stream.send(Message::binary(frame)).await.ok()?;
        }
        if let Second::Open(second) = &mut self.second {
            while let Some(frame) = self.client.poll_second(self.shared.now()) {
                if second.send(Message::binary(frame)).await.is_err() {
                    break;
                }
            }
        }
        if self.client.wants_second() && !self.shared.options.one_way {
            self.open_second();
        }
        let wakeup = self.client.next_wakeup();
        let wakeup = wakeup.map(|at| self.shared.start + Duration::from_micros(at.as_micros()));
        let until = wakeup.map_or(until, |at| at.min(until));
        tokio::select! {
            message = stream.next() => match message {
                Some(Ok(Message::Binary(bytes))) => self.hear(&bytes).map(Some),
                Some(Ok(Message::Close(_)) | Err(_)) | None => None,
                Some(Ok(_)) => Some(None),
            },
            message = self.second.next() => Some(self.hear_second(message).await),
            () = tokio::time::sleep_until(until.into()) => Some(None),
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> Option<Heard> {
        let before = Instant::now();
        let heard = self
            .client
            .frame(bytes, self.shared.now())
            .expect("a frame");
        let taken = before.elapsed();
        match &heard {
            Heard::Changed(ids) => {
                self.own.took(taken);
                self.note(ids);
            }
            Heard::Acknowledged(next) => {
                let replica = self.client.board().expect("a board").replica();
                let mut all = self.shared.acknowledged.lock().expect("whole");
                all.insert(replica, *next);
            }
            Heard::Refused(name) => panic!("refused: {name}"),
            Heard::Closed { again: false, code } => panic!("closed: {code}"),
            Heard::Closed { code, .. } => {
                eprintln!("{}: closed: {code}", self.number);
                return None;
            }
            _ => {}
        }
        Some(heard)
    }

    fn open_second(&mut self) {
        let Shared {
            address,
            meeting,
            options,
            ..
        } = &*self.shared;
        let seat = &self.seat;
        let first = self
            .client
            .open_second(meeting, seat.participant.0, &seat.token);
        let Some(first) = first else { return };
        let (url, nagle) = (format!("ws://{address}/ws/board"), options.nagle);
        self.second = Second::Opening(tokio::spawn(async move {
            let mut stream = connect(&url, nagle).await?;
            stream.send(Message::binary(first)).await.ok()?;
            Some(stream)
        }));
        self.own.seconds += 1;
    }

    async fn hear_second(&mut self, news: News) -> Option<Heard> {
        let bytes = match news {
            News::Opened(stream) => {
                self.second = Second::Open(stream);
                return None;
            }
            News::Frame(bytes) => Some(bytes),
            News::Closed => None,
        };
        let now = self.shared.now();
        let heard = bytes.map(|b| self.client.frame_of_second(&b, now).expect("a frame"));
        match heard {
            Some(Heard::Changed(ids)) => {
                self.note(&ids);
                Some(Heard::Changed(ids))
            }
            None | Some(Heard::Closed { .. }) => {
                self.second = Second::Closed;
                self.client.second_closed();
                None
            }
            heard => heard,
        }
    }

    fn note(&mut self, ids: &[ObjectId]) {
        let now = Instant::now();
        let author = self.client.board().expect("a board").replica().author;
        let seen = &mut self.seen;
        for id in ids.iter().filter(|id| id.author() != author) {
            if seen.0.insert(*id)
                && let Some(born) = self.shared.born.lock().expect("whole").get(id)
            {
                seen.1.push(now.duration_since(*born));
            }
        }
    }

    /// A connection whose board is there; after a kill with the seat there was.
    async fn connected(&mut self) -> Stream {
        let is_writer = self.number < self.shared.options.writers;
        let mut again = self.client.board().is_some();
        loop {
            while is_writer && self.shared.held.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // After a cut the seat is taken again first, as any client does: the lane asks for the newest token.
            let Shared {
                address, meeting, ..
            } = &*self.shared;
            if again && let Some(seat) = sit(address, meeting, "again", Some(&self.seat)).await {
                self.seat = seat;
            }
            if let Some(stream) = self.open().await {
                return stream;
            }
            again = true;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn open(&mut self) -> Option<Stream> {
        self.second = Second::Closed;
        let Shared {
            address,
            meeting,
            options,
            ..
        } = &*self.shared;
        let url = format!("ws://{address}/ws/board");
        let mut stream = connect(&url, options.nagle).await?;
        let now = self.shared.now();
        let first = self
            .client
            .open(meeting, self.seat.participant.0, &self.seat.token, now);
        stream.send(Message::binary(first)).await.ok()?;
        while !self.client.is_ready() {
            let Message::Binary(bytes) = stream.next().await?.ok()? else {
                continue;
            };
            let heard = self.client.frame(&bytes, self.shared.now()).ok()?;
            if matches!(heard, Heard::Closed { .. }) {
                return None;
            }
        }
        // What was drawn before took no time to come.
        let objects = self.client.board()?.document().objects();
        self.seen.0.extend(objects.map(|object| object.id()));
        Some(stream)
    }

    /// The board's page: the first writer makes it, the others wait for it.
    async fn page(&mut self, stream: &mut Stream) -> ObjectId {
        let pages = self.client.board().map(|b| b.document().pages());
        if self.number == 0 && pages.is_none_or(|pages| pages.is_empty()) {
            let made = self.client.write(self.shared.now(), first_page);
            return made.expect("a board");
        }
        loop {
            let pages = self.client.board().map(|b| b.document().pages());
            if let Some(page) = pages.and_then(|pages| pages.first().copied()) {
                return page;
            }
            let until = Instant::now() + Duration::from_millis(50);
            let went = self.turn(stream, until).await;
            went.expect("the connection to stay");
        }
    }

    /// Opens the board, and compares its hash with the server's.
    pub async fn late(&mut self) -> Late {
        let before = Instant::now();
        let mut stream = self.open().await.expect("the board");
        let ready = before.elapsed();
        let hash = self.hash();
        let equal = before.elapsed();
        self.client.ask_hash();
        let theirs = loop {
            let until = Instant::now() + Duration::from_secs(1);
            let heard = self.turn(&mut stream, until).await;
            if let Some(Some(Heard::Hash(hash))) = heard {
                break hash;
            }
        };
        let document = self.client.board().expect("a board").document();
        Late {
            ready,
            equal,
            answered: before.elapsed(),
            is_equal: hash == theirs,
            hash,
            bytes: document.to_snapshot().len(),
            objects: document.counts().objects,
        }
    }

    /// What the server has of each copy.
    pub async fn vector(&mut self) -> Vector {
        let _stream = self.connected().await;
        let board = self.client.board().expect("a board");
        board.document().vector().clone()
    }
}
