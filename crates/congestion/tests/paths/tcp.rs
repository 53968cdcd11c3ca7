//! Greedy TCP flows as far as a competitor feels them: a window that grows with acknowledgements and shrinks with losses.
//! Every packet is acknowledged by itself; what is lost is not sent again, something new is sent in its place.

use confab_base::{Duration, Time};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// RFC 5681.
    Reno,
    /// RFC 9438, with its region friendly to Reno.
    Cubic,
}

pub struct Tcp {
    kind: Kind,
    starts: Time,
    window: f64,
    threshold: f64,
    next: u64,
    flying: BTreeMap<u64, Time>,
    /// Losses of packets before this one belong to the cut made already.
    recover: u64,
    rtt: f64,
    heard: Time,
    /// Cubic: the window before the last cut, and when that was.
    most: f64,
    cut: Time,
    reno: f64,
}

const BETA: f64 = 0.7;
const C: f64 = 0.4;

impl Tcp {
    pub fn new(kind: Kind, starts: u64) -> Tcp {
        Tcp {
            kind,
            starts: Time::from_millis(starts),
            window: 10.0,
            threshold: f64::MAX,
            next: 1,
            flying: BTreeMap::new(),
            recover: 0,
            rtt: 0.05,
            heard: Time::from_millis(starts),
            most: 0.0,
            cut: Time::ZERO,
            reno: 0.0,
        }
    }

    /// The number of the packet to be sent now, if any.
    pub fn send(&mut self, now: Time) -> Option<u64> {
        if now < self.starts {
            return None;
        }
        let timeout = Duration::from_secs_f64((3.0 * self.rtt).max(0.3));
        if !self.flying.is_empty() && now.since(self.heard) > timeout {
            self.flying.clear();
            self.threshold = self.window / 2.0;
            (self.window, self.heard) = (2.0, now);
        }
        if self.flying.len() as f64 >= self.window.floor() {
            return None;
        }
        if self.flying.is_empty() {
            self.heard = now;
        }
        let seq = self.next;
        self.next += 1;
        self.flying.insert(seq, now);
        Some(seq)
    }

    pub fn acked(&mut self, seq: u64, now: Time) {
        let Some(sent) = self.flying.remove(&seq) else {
            return;
        };
        self.heard = now;
        let rtt = now.since(sent).as_secs_f64();
        self.rtt += (rtt - self.rtt) / 8.0;
        // Three later ones came first.
        while let Some((&first, _)) = self.flying.first_key_value()
            && first + 3 <= seq
        {
            self.flying.remove(&first);
            if first >= self.recover {
                self.cut(now);
            }
        }
        self.grow(now);
    }

    fn cut(&mut self, now: Time) {
        self.recover = self.next;
        self.cut = now;
        self.most = self.window;
        let share = match self.kind {
            Kind::Reno => 0.5,
            Kind::Cubic => BETA,
        };
        self.window = (self.window * share).max(2.0);
        self.threshold = self.window;
        self.reno = self.window;
    }

    fn grow(&mut self, now: Time) {
        if self.window < self.threshold {
            self.window += 1.0;
            return;
        }
        match self.kind {
            Kind::Reno => self.window += 1.0 / self.window,
            Kind::Cubic => {
                let k = (self.most * (1.0 - BETA) / C).cbrt();
                let t = now.since(self.cut).as_secs_f64() + self.rtt;
                let target = C * (t - k).powi(3) + self.most;
                self.reno += 3.0 * (1.0 - BETA) / (1.0 + BETA) / self.window;
                let more = ((target - self.window) / self.window).clamp(0.0, 0.5);
                self.window = (self.window + more).max(self.reno);
            }
        }
    }
}
