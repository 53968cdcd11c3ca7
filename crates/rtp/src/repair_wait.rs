//! How long it pays to wait for later packets that bring back what was lost: learned from how much later it came back in the
//! last seconds, whatever brought it (RED, deep redundancy, LBRR) and however the losses are spread.

use confab_base::{Duration, Time};
use std::collections::VecDeque;

/// Frames looked at: four seconds of 20 ms.
const WINDOW: usize = 200;
/// So many frames in a row without a loss end it: what was learned is forgotten.
const QUIET: usize = 75;
/// Frames of a window that may be missed for not having waited: of those that would come back as they were, and of those that
/// could at least be described, whose longest gaps take very long.
const MISSED_EXACT: usize = 1;
const MISSED_ANY: usize = 3;
/// Later than this nothing is waited for, frames.
const LONGEST: usize = 32;
/// The wait grows at once and shrinks by this part of the time that passes: when the loss is over quickly, yet so that play-out
/// can follow without a cut; while it goes on slowly, since every change is heard as stretching.
const SHRINK_AFTER: f64 = 0.2;
const SHRINK_DURING: f64 = 0.005;

/// What became of one frame: how many frames later it was first brought back. 0: it came itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fate {
    exact: Option<u8>,
    any: Option<u8>,
}

const CAME: Fate = Fate {
    exact: Some(0),
    any: Some(0),
};

/// One per stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct RepairWait {
    /// The last is that of `highest`.
    fates: VecDeque<Fate>,
    highest: u64,
    /// Frames in a row that came themselves.
    quiet: usize,
    wanted: usize,
    /// What is waited now.
    wait: Duration,
    at: Option<Time>,
}

impl RepairWait {
    /// A packet came as it was sent.
    pub(crate) fn came(&mut self, seq: u64) {
        if self.fates.is_empty() || seq.abs_diff(self.highest) > WINDOW as u64 {
            self.fates.clear();
            self.fates.push_back(CAME);
            self.highest = seq;
            self.quiet = 0;
            return;
        }
        let skipped = seq.saturating_sub(self.highest).saturating_sub(1) as usize;
        self.quiet = if skipped > 0 { 0 } else { self.quiet + 1 };
        while self.highest < seq {
            self.highest += 1;
            self.fates.push_back(Fate::default());
        }
        while self.fates.len() > WINDOW {
            self.fates.pop_front();
        }
        if let Some(fate) = self.fate(seq) {
            *fate = CAME;
        }
        if self.quiet >= QUIET {
            self.fates.iter_mut().for_each(|f| *f = CAME);
        }
    }

    /// Packet `by` brought back frame `seq`, `exact` or well enough.
    pub(crate) fn brought(&mut self, seq: u64, by: u64, exact: bool) {
        let later = by.saturating_sub(seq).min(u64::from(u8::MAX)) as u8;
        let Some(fate) = self.fate(seq) else { return };
        let sooner = |held: &mut Option<u8>| *held = Some(held.map_or(later, |h| h.min(later)));
        sooner(&mut fate.any);
        if exact {
            sooner(&mut fate.exact);
        }
    }

    fn fate(&mut self, seq: u64) -> Option<&mut Fate> {
        let back = self.highest.checked_sub(seq)?;
        let at = (self.fates.len() as u64).checked_sub(back + 1)?;
        self.fates.get_mut(at as usize)
    }

    /// Learns from what came since; call it after a packet and all it brought.
    pub(crate) fn learn(&mut self) {
        let exact = self.covering(|f| f.exact, MISSED_EXACT);
        let any = self.covering(|f| f.any, MISSED_ANY);
        self.wanted = exact.max(any);
    }

    /// The wait, in frames, that misses no more than `allowed` frames.
    fn covering(&self, later: impl Fn(&Fate) -> Option<u8>, allowed: usize) -> usize {
        let mut count = [0usize; LONGEST + 1];
        for fate in &self.fates {
            let later = later(fate).map_or(0, usize::from);
            count[later.min(LONGEST)] += 1;
        }
        let mut missed = 0;
        for wait in (1..=LONGEST).rev() {
            missed += count[wait];
            if missed > allowed {
                return wait;
            }
        }
        0
    }

    /// Time goes on; `frame` is the length of a packet.
    pub(crate) fn pass(&mut self, now: Time, frame: Duration) {
        let passed = self.at.map_or(Duration::ZERO, |at| now.since(at));
        self.at = Some(now);
        let wanted = frame * self.wanted as u32;
        let shrink = match self.wanted {
            0 => SHRINK_AFTER,
            _ => SHRINK_DURING,
        };
        self.wait = wanted.max(self.wait.saturating_sub(passed.mul_f64(shrink)));
    }

    /// What to wait beyond the jitter.
    pub(crate) fn wait(&self) -> Duration {
        self.wait
    }

    pub(crate) fn reset(&mut self) {
        *self = RepairWait::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    /// 400 frames of which those with `lost` are brought back `later` frames later.
    fn learned(lost: impl Fn(u64) -> bool, later: u64, exact: bool) -> RepairWait {
        let mut wait = RepairWait::default();
        for seq in 0..400 {
            if !lost(seq) {
                wait.came(seq);
            }
            if seq > later && lost(seq - later) {
                wait.brought(seq - later, seq, exact);
            }
            wait.learn();
            wait.pass(Time::from_millis(seq * 20), FRAME);
        }
        wait
    }

    #[test]
    fn nothing_is_waited_for_without_loss_or_for_what_never_comes_back() {
        assert_eq!(learned(|_| false, 1, true).wait(), Duration::ZERO);
        assert_eq!(learned(|s| s % 3 == 1, 900, true).wait(), Duration::ZERO);
    }

    #[test]
    fn the_wait_is_as_long_as_repair_takes() {
        for later in [1, 4, 16] {
            let wait = learned(|s| s % 5 == 1, later, later < 5).wait();
            assert_eq!(wait, FRAME * later as u32);
        }
    }

    #[test]
    fn one_frame_in_four_seconds_is_not_waited_for() {
        assert_eq!(learned(|s| s % 201 == 1, 4, true).wait(), Duration::ZERO);
    }

    #[test]
    fn after_the_loss_the_wait_shrinks_away_in_less_than_four_seconds() {
        let mut wait = learned(|s| s % 5 != 0, 20, false);
        assert_eq!(wait.wait(), FRAME * 20);
        let mut shrunk = 0;
        for seq in 400..600u64 {
            wait.came(seq);
            wait.learn();
            wait.pass(Time::from_millis(seq * 20), FRAME);
            if wait.wait() > Duration::ZERO {
                shrunk = seq - 400;
            }
        }
        assert!((100..200).contains(&shrunk), "{shrunk} frames");
    }

    #[test]
    fn a_jump_of_the_numbers_starts_anew() {
        let mut wait = learned(|s| s % 5 == 1, 4, true);
        wait.came(1 << 40);
        wait.came(u64::MAX);
        wait.came(3);
        wait.brought(u64::MAX, 2, true);
        wait.learn();
        assert_eq!(wait.wanted, 0);
    }
}
