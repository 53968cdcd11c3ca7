//! A limit by loss. Loss means congestion only where sending less makes it less; a radio link loses its share of
//! whatever is sent, and slowing down would only make it slow as well.

use super::LEAST;
use confab_base::{Duration, Time};

/// Loss above this (and above what the path loses anyway) is answered.
const HIGH: f64 = 0.10;
/// Below this the limit is lifted.
const LOW: f64 = 0.02;
/// Judged over at least this many packets and this time.
const PACKETS: u32 = 30;
const WINDOW: Duration = Duration::from_millis(500);
/// A cut helped if loss fell below this share of what it was.
const HELPED: f64 = 0.7;
/// A cut counts as made when this share of the former rate is sent.
const CUT_DONE: f64 = 0.85;

#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Loss, rate sent and limit before.
    loss: f64,
    sent: f64,
    limit: f64,
    at: Time,
}

#[derive(Debug, Default)]
pub(crate) struct Loss {
    packets: u32,
    lost: u32,
    since: Option<Time>,
    recent: Option<f64>,
    /// What the path loses however little is sent.
    anyway: f64,
    limit: Option<f64>,
    cut: Option<Cut>,
}

impl Loss {
    pub fn came(&mut self, was_lost: bool) {
        if was_lost {
            self.lost = self.lost.saturating_sub(1);
        } else {
            self.packets += 1;
        }
    }

    pub fn lost(&mut self) {
        self.packets += 1;
        self.lost += 1;
    }

    pub fn recent(&self) -> Option<f32> {
        self.recent.map(|l| l as f32)
    }

    pub fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// A probe got this much through.
    pub fn raise(&mut self, proven: f64) {
        if let Some(limit) = &mut self.limit {
            *limit = limit.max(proven);
        }
    }

    /// `rate` is the limit by delay, `acked` what arrives; bits per second.
    pub fn update(&mut self, rate: f64, acked: Option<f64>, rtt: Duration, now: Time) {
        let since = *self.since.get_or_insert(now);
        if self.packets < PACKETS || now.since(since) < WINDOW.max(rtt) {
            return;
        }
        let loss = f64::from(self.lost) / f64::from(self.packets);
        (self.packets, self.lost, self.since) = (0, 0, Some(now));
        self.recent = Some(self.recent.map_or(loss, |old| (old + loss) / 2.0));
        self.anyway = self.anyway.min(loss);
        // What is sent, from what arrives.
        let sent = acked.map(|a| a / (1.0 - loss).max(0.1));
        self.weigh(loss, sent, now);
        if loss > HIGH + self.anyway {
            self.fall(rate, loss, sent, now);
        } else if let Some(limit) = self.limit {
            let grown = limit * if loss < LOW + self.anyway { 1.08 } else { 1.02 };
            self.limit = (grown < rate).then_some(grown);
        }
    }

    /// Whether the last cut helped.
    fn weigh(&mut self, loss: f64, sent: Option<f64>, now: Time) {
        let (Some(cut), Some(sent)) = (self.cut, sent) else {
            return;
        };
        if now.since(cut.at) > Duration::from_secs(4) {
            self.cut = None;
        } else if sent < cut.sent * CUT_DONE {
            self.cut = None;
            if loss > cut.loss * HELPED {
                self.anyway = loss.min(cut.loss);
                self.limit = Some(cut.limit);
            }
        }
    }

    fn fall(&mut self, rate: f64, loss: f64, sent: Option<f64>, now: Time) {
        let from = self.limit.unwrap_or(rate).min(rate);
        let Some(sent) = sent else { return };
        if self.cut.is_none() {
            self.cut = Some(Cut {
                loss,
                sent,
                limit: from,
                at: now,
            });
        }
        // A limit nobody feels would teach nothing: start from what is sent.
        let cut = from.min(sent) * (1.0 - 0.5 * loss);
        self.limit = Some(cut.max(LEAST));
    }
}
