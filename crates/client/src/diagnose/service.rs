//! The `diagnose` thread: talks with all visitors, who get the same snapshots. Nobody is waited for.

use super::SharedSubject;
use super::sampler::{RATE, Sampler, now};
use super::words::{FailCode, MAX_REQUEST, PROTOCOL, RefuseCode, Reply, Request};
use confab_local_socket::Stream;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const VISITORS: usize = 4;
/// Who has more than this unread is dropped: about five seconds of snapshots.
const MAX_UNREAD: usize = 512 * 1024;
/// A hello has to come within this time.
const HELLO_TIME: Duration = Duration::from_secs(2);
/// Requests wait no longer than this.
const STEP: Duration = Duration::from_millis(20);

pub(crate) struct Service {
    sampler: Sampler,
    door: Receiver<Stream>,
    visitors: Vec<Visitor>,
    /// Visits so far.
    count: u64,
    due: Instant,
}

struct Visitor {
    number: u64,
    stream: Stream,
    came: Instant,
    greeted: bool,
    /// Not parsed yet.
    inbox: Vec<u8>,
    unread: Vec<u8>,
    /// Goes when it has read what it was told.
    leaving: bool,
    gone: bool,
}

impl Service {
    pub(crate) fn new(
        program: String,
        taps: Option<PathBuf>,
        subject: SharedSubject,
        door: Receiver<Stream>,
    ) -> Service {
        Service {
            sampler: Sampler::new(program, taps, subject),
            door,
            visitors: Vec::new(),
            count: 0,
            due: Instant::now(),
        }
    }

    /// Until the door is closed.
    pub(crate) fn run(&mut self) {
        loop {
            let came = match self.visitors.is_empty() {
                true => self.door.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => self.door.recv_timeout(STEP),
            };
            match came {
                Ok(stream) => self.let_in(stream),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.step();
            if self.visitors.is_empty() {
                self.sampler.rest();
            }
        }
        self.sampler.rest();
    }

    fn let_in(&mut self, stream: Stream) {
        if let Err(error) = stream.set_nonblocking(true) {
            return tracing::warn!("diagnostics: {error}");
        }
        self.count += 1;
        let mut visitor = Visitor {
            number: self.count,
            stream,
            came: Instant::now(),
            greeted: false,
            inbox: Vec::new(),
            unread: Vec::new(),
            leaving: false,
            gone: false,
        };
        if self.visitors.len() >= VISITORS {
            visitor.refuse(RefuseCode::Busy);
            visitor.write();
            return;
        }
        self.visitors.push(visitor);
    }

    fn step(&mut self) {
        for visitor in &mut self.visitors {
            for line in visitor.read() {
                visitor.on_line(&line, &mut self.sampler);
            }
            if !visitor.greeted && !visitor.leaving && visitor.came.elapsed() > HELLO_TIME {
                visitor.refuse(RefuseCode::NoHello);
            }
        }
        self.sampler.pump();
        let watched = self.visitors.iter().any(|v| v.greeted && !v.leaving);
        if watched && Instant::now() >= self.due {
            // From now, not from when it was due: what was missed while the machine was busy is not made up for.
            self.due = Instant::now() + Duration::from_secs(1) / RATE as u32;
            let line = line(&Reply::Snapshot(Box::new(self.sampler.sample(now()))));
            for visitor in self.visitors.iter_mut().filter(|v| v.greeted && !v.leaving) {
                visitor.tell(&line);
            }
        }
        for visitor in &mut self.visitors {
            visitor.write();
            if visitor.gone {
                self.sampler.recordings.end_all_of(visitor.number);
            }
        }
        self.visitors.retain(|v| !v.gone);
    }
}

fn line(reply: &Reply) -> Vec<u8> {
    let mut line = serde_json::to_vec(reply).unwrap_or_default();
    line.push(b'\n');
    line
}

impl Visitor {
    /// Whole lines that came.
    fn read(&mut self) -> Vec<Vec<u8>> {
        let mut buffer = [0; 1024];
        // Whoever sends without end is heard again at the next step.
        for _ in 0..8 {
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    self.gone = true;
                    break;
                }
                Ok(n) => self.inbox.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.gone = true;
                    break;
                }
            }
        }
        let mut lines = Vec::new();
        while let Some(end) = self.inbox.iter().position(|b| *b == b'\n') {
            let rest = self.inbox.split_off(end + 1);
            lines.push(std::mem::replace(&mut self.inbox, rest));
        }
        if self.inbox.len() > MAX_REQUEST || lines.iter().any(|l| l.len() > MAX_REQUEST) {
            tracing::warn!("diagnostics: a visitor sent an endless line");
            self.gone = true;
            lines.clear();
        }
        lines
    }

    fn on_line(&mut self, line: &[u8], sampler: &mut Sampler) {
        if self.leaving {
            return;
        }
        let Ok(request) = serde_json::from_slice::<Request>(line) else {
            return match self.greeted {
                true => self.say(&Reply::Failed {
                    id: None,
                    code: FailCode::BadRequest,
                }),
                false => self.refuse(RefuseCode::NoHello),
            };
        };
        match request {
            Request::Hello { protocol, program } => {
                if protocol != PROTOCOL {
                    return self.refuse(RefuseCode::WrongVersion);
                }
                tracing::info!(%program, "diagnostics: a visitor");
                self.greeted = true;
                self.say(&Reply::Welcome(sampler.welcome()));
            }
            _ if !self.greeted => self.refuse(RefuseCode::NoHello),
            Request::Stages { id } => {
                let stages = sampler.stages();
                self.say(&Reply::Stages { id, stages });
            }
            Request::Tap { id, stage, on } => {
                let reply = match sampler.tap(self.number, &stage, on) {
                    Ok(file) => Reply::Tapped {
                        id,
                        stage,
                        on,
                        file,
                    },
                    Err(code) => Reply::Failed { id: Some(id), code },
                };
                self.say(&reply);
            }
        }
    }

    fn refuse(&mut self, code: RefuseCode) {
        let protocol = PROTOCOL;
        self.say(&Reply::Refused { code, protocol });
        self.leaving = true;
    }

    fn say(&mut self, reply: &Reply) {
        self.tell(&line(reply));
    }

    fn tell(&mut self, line: &[u8]) {
        if self.unread.len() + line.len() > MAX_UNREAD {
            tracing::warn!("diagnostics: a visitor reads too slowly and is dropped");
            self.gone = true;
            return;
        }
        self.unread.extend_from_slice(line);
    }

    /// As much as goes at once.
    fn write(&mut self) {
        while !self.unread.is_empty() && !self.gone {
            match self.stream.write(&self.unread) {
                // A full pipe on Windows takes nothing and calls it no error.
                Ok(0) => break,
                Ok(n) => drop(self.unread.drain(..n)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.gone = true,
            }
        }
        self.gone |= self.leaving && self.unread.is_empty();
    }
}
