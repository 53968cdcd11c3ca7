//! Carries packets between the two devices: reads, lets the duplex decide, writes when it says so.

use super::command::Guest;
use super::system::Signals;
use crate::{Arrival, Counts, Direction, Duplex, Histogram, Lines, Report, RunError, Scenario};
use confab_base::{Duration, Time};
use confab_simnet::Delivery;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

/// Packets read from one device before the other, and what is due, get their turn.
const AT_ONCE: usize = 32;
const LARGEST: usize = 65_536;
const SECOND: Duration = Duration::from_secs(1);

pub struct Relay {
    tuns: [OwnedFd; 2],
    duplex: Duplex<Box<[u8]>>,
    start: Instant,
    buffer: Box<[u8]>,
    meters: [Meters; 2],
    lines: Lines,
    next_line: Time,
}

/// What is measured of one direction: in this second, and before it.
#[derive(Default)]
struct Meters {
    queue: Histogram,
    queue_before: Histogram,
    late: Histogram,
    late_before: Histogram,
    refused: u64,
}

impl Relay {
    /// Time begins now.
    pub fn new(scenario: &Scenario, tuns: [OwnedFd; 2], lines: Lines) -> Relay {
        Relay {
            tuns,
            duplex: Duplex::new(scenario, Time::ZERO),
            start: Instant::now(),
            buffer: vec![0; LARGEST].into(),
            meters: Default::default(),
            lines,
            next_line: Time::ZERO + SECOND,
        }
    }

    /// Until the time is over, a signal comes, or the command ends. Gives the status to end with.
    pub fn run(
        &mut self,
        signals: &Signals,
        mut guest: Guest,
        length: Option<Duration>,
    ) -> Result<u8, RunError> {
        let end = length.map_or(Time::MAX, |l| Time::ZERO + l);
        loop {
            let mut asked = self.now() >= end;
            while let Some(signal) = signals.next() {
                asked |= ends(signal, &guest);
            }
            if let Some(status) = guest.ended() {
                return Ok(status);
            }
            if asked && !guest.is_there() {
                return Ok(0);
            }
            if asked {
                guest.ask_to_end();
            }
            guest.insist();
            self.carry()?;
            self.wait(signals, guest.deadline(), end)?;
        }
    }

    /// The last line.
    pub fn finish(mut self, kernel_dropped: [Option<u64>; 2]) {
        for meters in &mut self.meters {
            meters.queue_before.absorb(&mut meters.queue);
            meters.late_before.absorb(&mut meters.late);
        }
        let [up, down] = Direction::BOTH.map(|direction| {
            let meters = &self.meters[direction.index()];
            Counts {
                queue_ms: meters.queue_before.spread(),
                late_ms: meters.late_before.spread(),
                kernel_dropped: kernel_dropped[direction.index()],
                ..self.counts(direction)
            }
        });
        let summary = Report::Summary {
            at_s: self.now().as_secs_f64(),
            up,
            down,
            dropped_lines: self.lines.dropped(),
        };
        self.lines.send(&summary);
        self.lines.finish();
    }

    fn now(&self) -> Time {
        Time::from_micros(self.start.elapsed().as_micros() as u64)
    }

    /// Reads what came, writes what is due.
    fn carry(&mut self) -> Result<(), RunError> {
        for direction in Direction::BOTH {
            for _ in 0..AT_ONCE {
                let read = rustix::io::read(&self.tuns[direction.index()], &mut self.buffer[..]);
                match read {
                    Ok(bytes) => {
                        let packet = self.buffer[..bytes].into();
                        let now = self.now();
                        self.duplex.handle(direction, packet, bytes, now);
                        self.write();
                    }
                    Err(Errno::AGAIN | Errno::INTR) => break,
                    Err(error) => {
                        let text = format!("reading a TUN device: {error}");
                        return Err(RunError::IoFailed(text));
                    }
                }
            }
        }
        self.duplex.handle_timeout(self.now());
        self.write();
        if self.now() >= self.next_line {
            self.report();
        }
        Ok(())
    }

    fn write(&mut self) {
        while let Some(arrival) = self.duplex.poll_output() {
            match arrival {
                Arrival::Packet(direction, delivery) => self.deliver(direction, &delivery),
                Arrival::Step(number, at) => self.lines.send(&Report::Step {
                    number,
                    at_s: at.as_secs_f64(),
                }),
            }
        }
    }

    fn deliver(&mut self, direction: Direction, delivery: &Delivery<Box<[u8]>>) {
        let to = &self.tuns[1 - direction.index()];
        let refused = rustix::io::write(to, &delivery.payload).is_err();
        let late = self.now().since(delivery.at);
        let meters = &mut self.meters[direction.index()];
        meters.refused += u64::from(refused);
        meters.queue.add(delivery.queued);
        meters.late.add(late);
    }

    /// Until a packet or signal comes, or something is due.
    fn wait(
        &self,
        signals: &Signals,
        deadline: Option<Instant>,
        end: Time,
    ) -> Result<(), RunError> {
        let next = self.duplex.next_wakeup().unwrap_or(Time::MAX);
        // When the command has been asked to end, its deadline counts.
        let end = if deadline.is_some() { Time::MAX } else { end };
        let next = next.min(self.next_line).min(end);
        let next = self.start + next.since(Time::ZERO);
        let next = deadline.map_or(next, |d| d.min(next));
        let left = next.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut files = [
            PollFd::new(&self.tuns[0], PollFlags::IN),
            PollFd::new(&self.tuns[1], PollFlags::IN),
            PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
        ];
        match poll(&mut files, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(RunError::IoFailed(format!("poll: {error}"))),
        }
    }

    fn counts(&self, direction: Direction) -> Counts {
        let link = self.duplex.link(direction);
        let meters = &self.meters[direction.index()];
        Counts {
            queue_ms: meters.queue.spread(),
            late_ms: meters.late.spread(),
            refused: meters.refused,
            ..Counts::new(link.stats(), link.held())
        }
    }

    fn report(&mut self) {
        let [up, down] = Direction::BOTH.map(|d| self.counts(d));
        let now = self.now();
        self.lines.send(&Report::Second {
            at_s: now.as_secs_f64(),
            up,
            down,
        });
        for meters in &mut self.meters {
            meters.queue_before.absorb(&mut meters.queue);
            meters.late_before.absorb(&mut meters.late);
        }
        // Seconds that a standstill swallowed get no line.
        while self.next_line <= now {
            self.next_line += SECOND;
        }
    }
}

/// Whether a signal asks for the end. A Ctrl-C that the command has got as well is its business.
fn ends(signal: super::system::Caught, guest: &Guest) -> bool {
    let key = signal.number == libc::SIGINT && signal.from_terminal;
    signal.number != libc::SIGCHLD && !(key && guest.is_there())
}
