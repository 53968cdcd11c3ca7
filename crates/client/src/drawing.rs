//! A copy of the meeting's whiteboard for natives: kept equal to everybody's on a thread of its own, over cuts, for as long as
//! the participant has a seat. What is in the frames is `confab_board`'s; the socket is [`crate::board::BoardLine`].

use crate::actor::Shared;
use crate::board::{BoardLine, LineNews, board_url};
use crate::client::ClientHandle;
use crate::face::{StartError, TestSwitches};
use crate::link::MeetingLink;
use crate::socket::{Door, Trust, tls_config};
use confab_base::{MeetingId, Time};
use confab_board::{Board, Heard, LaneClient, Level};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Edits and news that may wait.
const QUEUE: usize = 256;
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(10);
/// Nothing heard for so long is a dead line; a board of megabytes may take a while to come.
const SILENCE: Duration = Duration::from_secs(20);
const OPENING: Duration = Duration::from_secs(60);

type Act = Box<dyn FnOnce(&mut Board) + Send>;

/// What happens on a board.
#[derive(Clone, Debug, PartialEq)]
pub enum BoardNews {
    /// It is here, or here again.
    Opened { board: String, level: Level },
    /// What one may do now.
    Rights(Level),
    /// Others changed something, or the server has stored what was written here. `unsaved`: changes it has not stored yet.
    Changed {
        objects: usize,
        unsaved: usize,
        /// SHA-256 of the document.
        hash: [u8; 32],
    },
    /// What was drawn could not be kept; by the server's name for it (`board_view_only`).
    Refused(String),
    /// The server will not have us; the last news.
    Closed(String),
}

/// An open whiteboard. Dropping it closes it after what was written is sent.
#[derive(Debug)]
pub struct Drawing {
    /// Bounded: a reader that is 256 behind makes the board wait.
    pub news: Receiver<BoardNews>,
    acts: Sender<Act>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("copy", &self.copy).finish()
    }
}

impl Drawing {
    /// Opens the board of where the participant is (an empty name) or the one named. Link and trust are the client's.
    ///
    /// # Errors
    /// A CA file without certificates; no thread.
    pub fn open(
        client: &ClientHandle,
        link: &MeetingLink,
        trust: &Trust,
        board: &str,
    ) -> Result<Drawing, StartError> {
        let door = Door {
            url: board_url(&link.socket).unwrap_or_else(|| link.socket.clone()),
            tls: tls_config(trust)?,
            session: None,
            test: TestSwitches::default(),
        };
        let (acts, acts_in) = bounded(QUEUE);
        let (tell, news) = bounded(QUEUE);
        let worker = Worker {
            door,
            meeting: link.meeting.clone(),
            shared: Arc::clone(client.shared()),
            copy: LaneClient::new(board),
            start: Instant::now(),
            tries: 0,
            tell,
        };
        std::thread::Builder::new()
            .name("drawing".to_owned())
            .spawn(move || worker.run(&acts_in))?;
        Ok(Drawing { news, acts })
    }

    /// Writes to the copy that is here; before the first [`BoardNews::Opened`] nothing happens. False: the board is closed.
    pub fn write(&self, act: impl FnOnce(&mut Board) + Send + 'static) -> bool {
        self.acts.send(Box::new(act)).is_ok()
    }
}

struct Worker {
    door: Door,
    meeting: MeetingId,
    shared: Arc<Shared>,
    copy: LaneClient,
    start: Instant,
    tries: u32,
    tell: Sender<BoardNews>,
}

/// How a connection ended.
enum End {
    /// To be tried again.
    Lost,
    /// For good: closed here, refused there, or nobody listens.
    Over,
}

impl Worker {
    fn run(mut self, acts: &Receiver<Act>) {
        while let End::Lost = self.visit(acts) {
            let wait = (FIRST_RETRY * 2u32.pow(self.tries.min(5))).min(LAST_RETRY);
            self.tries += 1;
            let until = Instant::now() + wait.mul_f64(0.5 + rand::random::<f64>() / 2.0);
            // What is drawn meanwhile is kept, and sent when the line is back.
            loop {
                match acts.recv_deadline(until) {
                    Ok(act) => drop(self.copy.write(self.now(), act)),
                    Err(e) if e.is_timeout() => break,
                    Err(_) => return,
                }
            }
        }
    }

    fn now(&self) -> Time {
        Time::from_micros(self.start.elapsed().as_micros() as u64)
    }

    /// One connection.
    fn visit(&mut self, acts: &Receiver<Act>) -> End {
        let Some(seat) = self.shared.seat() else {
            return End::Lost;
        };
        let (out, news) = bounded(QUEUE);
        let line = BoardLine::open(self.door.clone(), move |what| out.send(what).is_ok());
        let Ok(line) = line else {
            return End::Lost;
        };
        let mut heard_at = Instant::now();
        loop {
            let now = self.now();
            while let Some(frame) = self.copy.poll_frame(now) {
                if !line.send(frame) {
                    return End::Lost;
                }
            }
            let silence = if self.copy.is_ready() {
                SILENCE
            } else {
                OPENING
            };
            let dead = heard_at + silence;
            let wakeup = self.copy.next_wakeup().map_or(dead, |at| {
                dead.min(self.start + Duration::from_micros(at.as_micros()))
            });
            crossbeam_channel::select! {
                recv(news) -> what => {
                    heard_at = Instant::now();
                    match what {
                        Ok(LineNews::Opened) => {
                            let now = self.now();
                            let id = self.meeting.as_str();
                            let first = self.copy.open(id, seat.participant.0, &seat.token, now);
                            line.send(first);
                        }
                        Ok(LineNews::Frame(bytes)) => if let Some(end) = self.frame(&bytes) {
                            return end;
                        },
                        Ok(LineNews::Closed) | Err(_) => return End::Lost,
                    }
                }
                recv(acts) -> act => match act {
                    Ok(act) => drop(self.copy.write(now, act)),
                    Err(_) => {
                        self.last_words(&line);
                        return End::Over;
                    }
                },
                recv(crossbeam_channel::at(wakeup)) -> _ => if dead <= Instant::now() {
                    return End::Lost;
                },
            }
        }
    }

    /// What is still gathered goes before the line closes.
    fn last_words(&mut self, line: &BoardLine) {
        let soon = self.now() + Duration::from_millis(confab_board::limits::BATCH_MS);
        while let Some(frame) = self.copy.poll_frame(soon) {
            if !line.send(frame) {
                return;
            }
        }
    }

    /// Says what a frame meant; `Some`: the connection is over with it.
    fn frame(&mut self, bytes: &[u8]) -> Option<End> {
        let news = match self.copy.frame(bytes, self.now()) {
            Ok(Heard::Ready) => {
                self.tries = 0;
                let opened = BoardNews::Opened {
                    board: self.copy.name().to_owned(),
                    level: self.copy.level(),
                };
                if self.tell.send(opened).is_err() {
                    return Some(End::Over);
                }
                self.changed()?
            }
            Ok(Heard::Changed(_) | Heard::Acknowledged(_)) => self.changed()?,
            Ok(Heard::Rights(level)) => BoardNews::Rights(level),
            Ok(Heard::Hash(_) | Heard::Other) => return None,
            Ok(Heard::Refused(name)) => {
                let _ = self.tell.send(BoardNews::Refused(name));
                return Some(End::Lost);
            }
            Ok(Heard::Closed { again: true, .. }) | Err(_) => return Some(End::Lost),
            Ok(Heard::Closed { code, .. }) => {
                let _ = self.tell.send(BoardNews::Closed(code));
                return Some(End::Over);
            }
        };
        self.tell.send(news).is_err().then_some(End::Over)
    }

    fn changed(&self) -> Option<BoardNews> {
        let board = self.copy.board()?;
        Some(BoardNews::Changed {
            objects: board.document().counts().objects,
            unsaved: board.unacknowledged(),
            hash: board.document().hash(),
        })
    }
}
