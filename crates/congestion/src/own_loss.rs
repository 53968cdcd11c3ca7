//! Which part of the loss on the way from a browser is the way's own, told from this end of it. A browser takes loss for congestion: from
//! a tenth on it sends less and less, on a radio link that loses its share of whatever is sent until nothing is left of its pictures.
//! Whoever writes the reports it goes by can leave out what slowing down would not help.
//!
//! Loss is the way's own until it proves to be congestion, which is less where less is sent. Queues do not count here: they show in
//! the times of what comes, which stay as they are, and the browser answers them.

use confab_base::{Duration, Time};
use std::collections::VecDeque;

/// Below this all is told: so little makes nobody slow, and beside TCP it is what keeps the peace.
const LITTLE: f64 = 0.05;
/// A single measurement of this much is believed at once: a browser that is told of it for a second takes minutes to get over it.
const SUDDEN: f64 = 0.15;
/// And more than this share of all packets is never left out.
const MOST: f64 = 0.6;
/// One measurement.
const WINDOW: Duration = Duration::from_millis(400);
const PACKETS: u32 = 40;
/// Remembered.
const KEPT: Duration = Duration::from_secs(20);
/// What is lost now is the mean over this time.
const RECENT: Duration = Duration::from_millis(2500);
/// Less is sent where it is below this part of what is sent now.
const LESS: f64 = 0.85;
/// Congestion loses so many times as much, beyond chance.
const MORE: f64 = 1.5;
const DEVIATIONS: f64 = 2.0;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    packets: u32,
    lost: u32,
}

impl Count {
    fn share(self) -> f64 {
        f64::from(self.lost) / f64::from(self.packets.max(1))
    }

    fn plus(self, other: Count) -> Count {
        Count {
            packets: self.packets.saturating_add(other.packets),
            lost: self.lost.saturating_add(other.lost),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Window {
    end: Time,
    count: Count,
    /// Packets a second.
    rate: f64,
}

/// One per sender whose packets come here.
#[derive(Debug, Default)]
pub struct OwnLoss {
    open: Count,
    since: Option<Time>,
    windows: VecDeque<Window>,
    /// Part of the losses that is left out.
    part: f64,
    owed: f64,
}

impl OwnLoss {
    /// A report is about to say that so many packets came and so many did not, since the one before. Of how many of those that did
    /// not come it need not tell.
    pub fn forgive(&mut self, came: u32, lost: u32, now: Time) -> u32 {
        self.open = self.open.plus(Count {
            packets: came.saturating_add(lost),
            lost,
        });
        let since = *self.since.get_or_insert(now);
        let passed = now.since(since);
        if passed >= WINDOW && self.open.packets >= PACKETS {
            self.close(passed, now);
        }
        self.owed = (self.owed + f64::from(lost) * self.part).min(f64::from(lost));
        let forgiven = self.owed.floor();
        self.owed -= forgiven;
        forgiven as u32
    }

    fn close(&mut self, passed: Duration, now: Time) {
        let count = std::mem::take(&mut self.open);
        self.since = Some(now);
        // A pause in between is no rate.
        if passed < WINDOW * 5 {
            let rate = f64::from(count.packets) / passed.as_secs_f64();
            self.windows.push_back(Window {
                end: now,
                count,
                rate,
            });
        }
        while self
            .windows
            .front()
            .is_some_and(|w| now.since(w.end) > KEPT)
        {
            self.windows.pop_front();
        }
        self.part = self.judge(now);
    }

    fn judge(&self, now: Time) -> f64 {
        let recent = self.windows.iter().filter(|w| now.since(w.end) <= RECENT);
        let sum = recent.clone().map(|w| w.count);
        let mean = sum.fold(Count::default(), Count::plus);
        let newest = self.windows.back().map_or(mean, |w| w.count);
        let is_sudden = mean.share() < LITTLE && newest.share() >= SUDDEN;
        let lost = if is_sudden { newest } else { mean };
        let share = lost.share();
        if share < LITTLE {
            return 0.0;
        }
        let rate = recent.map(|w| w.rate).fold(0.0, f64::max);
        let calm = self.windows.iter().filter(|w| w.rate < rate * LESS);
        let calm = calm.map(|w| w.count).fold(Count::default(), Count::plus);
        let chance = |c: Count| (share * (1.0 - share) / f64::from(c.packets.max(1))).sqrt();
        let apart = DEVIATIONS * chance(calm).hypot(chance(lost));
        let is_congestion =
            calm.packets > 0 && calm.share() * MORE < share && calm.share() + apart < share;
        let own = if is_congestion { calm.share() } else { share };
        (own.min(MOST) / share).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of reports each 50 ms on a flow of so many packets a second, of which this share is lost; what share is told.
    fn told(own: &mut OwnLoss, ms: &mut u64, seconds: u64, rate: f64, lost: f64) -> f64 {
        let (mut sent, mut gone, mut kept) = (0.0, 0.0, (0, 0, 0));
        for _ in 0..seconds * 20 {
            *ms += 50;
            sent += rate * 0.05;
            gone += rate * 0.05 * lost;
            let (all, missing) = (sent as u32 - kept.0, gone as u32 - kept.1);
            let forgiven = own.forgive(all - missing, missing, Time::from_millis(*ms));
            assert!(forgiven <= missing);
            kept = (sent as u32, gone as u32, kept.2 + missing - forgiven);
        }
        f64::from(kept.2) / sent
    }

    #[test]
    fn what_is_lost_of_whatever_is_sent_is_soon_left_out() {
        let (mut own, mut ms) = (OwnLoss::default(), 0);
        assert_eq!(told(&mut own, &mut ms, 10, 120.0, 0.0), 0.0);
        told(&mut own, &mut ms, 1, 120.0, 0.3);
        for rate in [120.0, 80.0, 200.0] {
            let share = told(&mut own, &mut ms, 10, rate, 0.3);
            assert!(share < 0.03, "{rate}: {share}");
        }
    }

    #[test]
    fn a_loss_that_begins_is_told_for_half_a_second_at_most() {
        let (mut own, mut ms) = (OwnLoss::default(), 0);
        told(&mut own, &mut ms, 10, 120.0, 0.0);
        let share = told(&mut own, &mut ms, 1, 120.0, 0.3);
        assert!(share < 0.16, "{share}");
    }

    #[test]
    fn a_loss_that_begins_with_more_packets_is_told() {
        let (mut own, mut ms) = (OwnLoss::default(), 0);
        told(&mut own, &mut ms, 10, 60.0, 0.0);
        let share = told(&mut own, &mut ms, 1, 180.0, 0.4);
        assert!(share > 0.3, "{share}");
    }

    #[test]
    fn a_little_loss_is_told() {
        let (mut own, mut ms) = (OwnLoss::default(), 0);
        let share = told(&mut own, &mut ms, 20, 150.0, 0.04);
        assert!((0.03..0.05).contains(&share), "{share}");
    }

    #[test]
    fn what_grows_with_the_rate_is_told() {
        let (mut own, mut ms) = (OwnLoss::default(), 0);
        // A policer that lets 100 packets a second through.
        for rate in [60.0f64, 90.0, 120.0, 150.0, 180.0] {
            told(&mut own, &mut ms, 2, rate, (1.0 - 100.0 / rate).max(0.0));
        }
        let share = told(&mut own, &mut ms, 4, 180.0, 0.44);
        assert!(share > 0.25, "{share}");
        // Slower, all comes through, and nothing is left to be told.
        assert_eq!(told(&mut own, &mut ms, 4, 90.0, 0.0), 0.0);
    }

    #[test]
    fn congestion_on_a_way_that_loses_some_anyway_is_told_without_that() {
        let (mut own, mut ms) = (OwnLoss::default(), 0);
        told(&mut own, &mut ms, 8, 80.0, 0.2);
        told(&mut own, &mut ms, 2, 160.0, 0.5);
        let share = told(&mut own, &mut ms, 4, 160.0, 0.5);
        assert!((0.15..0.4).contains(&share), "{share}");
    }

    #[test]
    fn a_flow_that_stops_and_counts_that_are_absurd_break_nothing() {
        let mut own = OwnLoss::default();
        for (i, lost) in [0, u32::MAX, 7, 0, u32::MAX].into_iter().enumerate() {
            let now = Time::from_millis(i as u64 * 5000);
            assert!(own.forgive(u32::MAX, lost, now) <= lost);
        }
    }
}
