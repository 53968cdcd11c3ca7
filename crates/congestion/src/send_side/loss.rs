//! A limit by loss. Loss means congestion only where sending less makes it less; a radio link loses its share of whatever
//! is sent, and slowing down would only make it slow as well.
//!
//! Loss that is significantly more than the path loses anyway starts an experiment: less is sent for a moment. If then the
//! same share is lost, it is the path's own, and all is as before; if as much arrives as before, what arrives is what the path takes,
//! and that is the limit until growing step by step finds more.

use super::LEAST;
use confab_base::{Duration, Time};

/// Excess below this is nothing to be answered.
const EXCESS: f64 = 0.04;
/// And it must be beyond so many standard deviations of what chance does.
const DEVIATIONS: f64 = 3.5;
/// Judged over at least this many packets and this time.
const PACKETS: u32 = 40;
const WINDOW: Duration = Duration::from_millis(500);
/// This share of what was sent is sent during an experiment, and by this share the sender has followed.
const TRY: f64 = 0.7;
const FOLLOWED: f64 = 0.85;
/// An experiment that says nothing for so long ends.
const GIVE_UP: Duration = Duration::from_secs(4);
/// If chance could be the reason, too, so little of the loss must be left.
const GONE: f64 = 0.2;
/// Queues longer than this, milliseconds, are more than jitter.
const CROWDED: f64 = 8.0;
/// And less is sent after each such time.
const STEP: Duration = Duration::from_millis(1200);
/// Not where the smaller outcome is below this share of the other; and never less than this share of what was sent before.
const OVERLAP: f64 = 0.25;
const LEAST_TRY: f64 = 0.7;
/// The two outcomes must be so many standard deviations apart.
const APART: f64 = 2.5;
/// After an experiment that found the path's own loss, the next one waits this long, and each time twice as long.
const QUIET: Duration = Duration::from_secs(10);
const QUIETEST: Duration = Duration::from_secs(60);
/// Cuts in a row that changed nothing: it was no congestion after all.
const IN_VAIN: u32 = 2;
/// What was found of the path at one rate is doubtful at so many times of it.
const DOUBTFUL: f64 = 2.5;
/// So many bad windows, and then so many more, to know how bad they are.
const SUSPICIOUS: u32 = 1;
const BASELINE: u32 = 1;
/// For so long after a verdict of congestion the next one needs no experiment.
const KNOWN: Duration = Duration::from_secs(20);
/// Of what arrives, when the path takes no more.
const CUT: f64 = 0.92;
/// Growth of the limit per window, and after so many windows without excess.
const GROWTH: f64 = 1.03;
const FAST_GROWTH: f64 = 1.1;
const CLEAN: u32 = 6;

/// What is sent and what of it arrives, bits per second, where that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub sent: Option<f64>,
    pub arrived: Option<f64>,
}

/// Packets of one window.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    packets: u32,
    lost: u32,
    /// Runs of lost packets.
    runs: u32,
}

impl Count {
    fn share(&self) -> f64 {
        f64::from(self.lost) / f64::from(self.packets.max(1))
    }

    fn plus(&self, other: &Count) -> Count {
        Count {
            packets: self.packets + other.packets,
            lost: self.lost + other.lost,
            runs: self.runs + other.runs,
        }
    }

    /// How much wider than by chance alone the share scatters: neighbours in a Gilbert chain are alike.
    fn wider(&self, share: f64) -> f64 {
        let share = share.clamp(0.01, 0.99);
        let length = f64::from(self.lost.max(1)) / f64::from(self.runs.max(1));
        let alike = 1.0 - 1.0 / length - share / (1.0 - share) / length;
        let alike = alike.clamp(0.0, 0.95);
        ((1.0 + alike) / (1.0 - alike)).sqrt()
    }

    /// Standard deviation of what is lost of so many packets, if this share is.
    fn deviation(&self, share: f64) -> f64 {
        let share = share.clamp(0.01, 0.99);
        (share * (1.0 - share) / f64::from(self.packets.max(1))).sqrt()
    }
}

#[derive(Clone, Copy, Debug)]
struct Experiment {
    before: Count,
    /// Sent and arrived before, bits per second.
    sent: f64,
    arrived: f64,
    began: Time,
    /// Since when so much is sent as now.
    step: Time,
    /// The shortest queue since, milliseconds.
    queue: f64,
    after: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Loss {
    count: Count,
    /// The last packet was lost.
    in_run: bool,
    since: Option<Time>,
    recent: Option<f64>,
    /// What the path loses however little is sent.
    anyway: f64,
    /// It was found at this rate. Loss that grows with the rate is not the path's own.
    found_at: f64,
    limit: Option<f64>,
    experiment: Option<Experiment>,
    congested: Option<Time>,
    /// What arrived when it was found so, bits per second.
    full_at: f64,
    /// What was on its way when less began to be sent does not count.
    blind_until: Time,
    quiet_until: Time,
    quiet: Option<Duration>,
    /// Windows in a row in which too much was lost; what came after the first ones, chosen for being bad, says how bad it is.
    suspicious: u32,
    baseline: Count,
    /// The loss that the last cut answered, and cuts that made it no less.
    cut_loss: Option<f64>,
    in_vain: u32,
    clean: u32,
}

impl Loss {
    pub fn came(&mut self, was_lost: bool) {
        if was_lost {
            self.count.lost = self.count.lost.saturating_sub(1);
        } else {
            self.count.packets += 1;
        }
        self.in_run = false;
    }

    pub fn lost(&mut self) {
        self.count.packets += 1;
        self.count.lost += 1;
        self.count.runs += u32::from(!self.in_run);
        self.in_run = true;
    }

    pub fn recent(&self) -> Option<f32> {
        self.recent.map(|l| l as f32)
    }

    pub fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// Share that is lost of whatever is sent.
    pub fn anyway(&self) -> f64 {
        self.anyway
    }

    /// Share that comes through of whatever is sent.
    pub fn passes(&self) -> f64 {
        (1.0 - self.anyway).max(0.05)
    }

    /// Whether probes may be sent. They disturb an experiment; and a burst fits into many a bucket whose rate is lower, so
    /// beside a limit by loss they prove little.
    pub fn may_probe(&self) -> bool {
        self.experiment.is_none() && self.congested.is_none()
    }

    /// A probe got this much through.
    pub fn raise(&mut self, proven: f64) {
        if self.may_probe()
            && let Some(limit) = &mut self.limit
        {
            *limit = limit.max(proven);
        }
    }

    /// What is lost now is lost by a queue, and answered by the delay.
    pub fn ignore(&mut self, now: Time) {
        self.blind_until = self.blind_until.max(now);
        (self.count, self.since) = (Count::default(), Some(now));
        (self.suspicious, self.baseline) = (0, Count::default());
    }

    /// All limits are off: losses are answered elsewhere.
    pub fn forget(&mut self, now: Time) {
        (self.limit, self.experiment, self.congested) = (None, None, None);
        self.ignore(now);
    }

    /// `rate` is the limit by delay, bits per second. `queue`: milliseconds.
    pub fn update(&mut self, rate: f64, flow: Flow, queue: f64, rtt: Duration, now: Time) {
        if let Some(experiment) = &mut self.experiment {
            experiment.queue = experiment.queue.min(queue);
        }
        if now < self.blind_until {
            (self.count, self.since) = (Count::default(), Some(now));
            return;
        }
        let since = *self.since.get_or_insert(now);
        if self.count.packets < PACKETS || now.since(since) < WINDOW.max(rtt) {
            return;
        }
        let count = std::mem::take(&mut self.count);
        self.since = Some(now);
        let loss = count.share();
        self.recent = Some(self.recent.map_or(loss, |old| (old + loss) / 2.0));
        let Some(arrived) = flow.arrived else { return };
        let sent = flow.sent.unwrap_or(arrived / (1.0 - loss).max(0.05));
        self.congested = self.congested.filter(|at| now.since(*at) < KNOWN);
        if self.experiment.is_some() {
            self.observe(count, sent, arrived, now);
            return;
        }
        if let Some(before) = self.cut_loss.take() {
            let same = loss > before / 2.0;
            self.in_vain = if same { self.in_vain + 1 } else { 0 };
        }
        let deviation = count.deviation(self.anyway) * count.wider(self.anyway);
        let is_doubtful = self.congested.is_none()
            && self.anyway.min(loss) > EXCESS
            && sent > self.found_at * DOUBTFUL;
        // Once suspected, it need not be beyond all chance.
        let most_chance = if self.suspicious > 0 {
            0.0
        } else {
            DEVIATIONS * deviation
        };
        if is_doubtful || loss > self.anyway + EXCESS.max(most_chance) {
            self.fall(rate, count, sent, arrived, rtt, now);
        } else {
            self.rise(rate, loss, sent);
        }
    }

    fn rise(&mut self, rate: f64, loss: f64, sent: f64) {
        (self.suspicious, self.baseline) = (0, Count::default());
        if self.limit.is_none() || loss < self.anyway {
            self.anyway += 0.1 * (loss - self.anyway);
        }
        let Some(limit) = self.limit else { return };
        self.clean += 1;
        let growth = if self.clean > CLEAN {
            FAST_GROWTH
        } else {
            GROWTH
        };
        // A limit nobody reaches has not been tried.
        let grown = if sent > 0.7 * limit {
            limit * growth
        } else {
            limit
        };
        self.limit = (grown < rate).then_some(grown);
    }

    fn fall(&mut self, rate: f64, count: Count, sent: f64, arrived: f64, rtt: Duration, now: Time) {
        self.clean = 0;
        let is_same = arrived > self.full_at * 0.6;
        if self.congested.is_some() && self.in_vain < IN_VAIN && is_same {
            self.cut_loss = Some(count.share());
            self.congested = Some(now);
            self.limit = Some((arrived / self.passes() * CUT).max(LEAST));
            self.blind_until = now + rtt;
            return;
        }
        if self.congested.take().is_some() {
            (self.in_vain, self.limit) = (0, None);
        }
        let from = self.limit.unwrap_or(rate).min(rate);
        // A limit nobody feels would teach nothing: start from what is sent.
        let tried = from.min(sent) * TRY;
        if tried < LEAST {
            // Less cannot be sent, whatever it is.
            (self.anyway, self.found_at) = (count.share(), sent);
            return;
        }
        if now < self.quiet_until {
            return;
        }
        self.suspicious += 1;
        if self.suspicious <= SUSPICIOUS {
            return;
        }
        self.baseline = self.baseline.plus(&count);
        if self.suspicious <= SUSPICIOUS + BASELINE {
            return;
        }
        let count = std::mem::take(&mut self.baseline);
        self.suspicious = 0;
        self.experiment = Some(Experiment {
            before: count,
            sent,
            arrived,
            began: now,
            step: now,
            queue: f64::MAX,
            after: Count::default(),
        });
        self.limit = Some(tried);
        // As long as the window in which arrivals are counted.
        self.blind_until = now + rtt + WINDOW;
    }

    fn observe(&mut self, count: Count, sent: f64, arrived: f64, now: Time) {
        let Some(experiment) = &mut self.experiment else {
            return;
        };
        let is_late = now.since(experiment.began) > GIVE_UP;
        let followed = sent < experiment.sent * FOLLOWED;
        if followed {
            experiment.after = experiment.after.plus(&count);
        }
        let (before, after) = (experiment.before.share(), experiment.after.share());
        // If the path takes no more than what arrived, this much of what is sent now is lost.
        let full = (1.0 - experiment.arrived / sent).clamp(0.0, before);
        let wider = experiment.before.plus(&experiment.after).wider(before);
        let deviation = experiment
            .before
            .deviation(before)
            .hypot(experiment.after.deviation(before));
        let deviation = deviation * wider;
        let is_clear = experiment.after.packets > 0 && before - full > APART * deviation;
        if !is_clear && !is_late {
            let limit = self.limit.unwrap_or(experiment.sent);
            let is_coarse = full > before * OVERLAP && limit > experiment.sent * LEAST_TRY;
            if is_coarse && now.since(experiment.step) >= STEP {
                // With less, the outcomes are further apart; where they are apart already, it is packets that are wanting.
                (experiment.step, experiment.after) = (now, Count::default());
                self.limit = self.limit.map(|l| (l * TRY).max(LEAST));
                self.blind_until = now + WINDOW;
            }
            return;
        }
        let is_full = experiment.after.packets > 0 && after - full < before - after;
        // Where a queue stands all the time, somebody else fills it, and has taken what we left.
        let is_crowded = experiment.queue > CROWDED;
        if is_crowded || is_full && (is_clear || after < before * GONE) {
            self.congested = Some(now);
            self.full_at = arrived;
            self.quiet = None;
            self.limit = Some((arrived / self.passes()).max(LEAST));
        } else {
            self.anyway = experiment.before.plus(&experiment.after).share();
            self.found_at = experiment.sent;
            self.limit = None;
            let quiet = self.quiet.map_or(QUIET, |q| (q * 2).min(QUIETEST));
            self.quiet = Some(quiet);
            self.quiet_until = now + quiet;
        }
        self.experiment = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of half a second in which `sent` kbps are sent and this share of 100 packets is lost.
    fn windows(loss: &mut Loss, ms: &mut u64, count: usize, lost: impl Fn(f64) -> u32) -> f64 {
        let mut sent = 1e6;
        for _ in 0..count {
            *ms += 500;
            sent = loss.limit().unwrap_or(1e6).min(1e6);
            let gone = lost(sent);
            // Spread over the window.
            for i in 0..100u32 {
                match (i * gone) % 100 < gone {
                    true => loss.lost(),
                    false => loss.came(false),
                }
            }
            let arrived = sent * f64::from(100 - gone) / 100.0;
            let rtt = Duration::from_millis(50);
            let flow = Flow {
                sent: Some(sent),
                arrived: Some(arrived),
            };
            loss.update(1e6, flow, 0.0, rtt, Time::from_millis(*ms));
        }
        sent
    }

    #[test]
    fn a_path_that_loses_its_share_of_everything_is_not_slowed_down() {
        for share in [10, 30, 80] {
            let (mut loss, mut ms) = (Loss::default(), 0);
            windows(&mut loss, &mut ms, 6, |_| 0);
            windows(&mut loss, &mut ms, 10, |_| share);
            for _ in 0..20 {
                assert_eq!(windows(&mut loss, &mut ms, 1, |_| share), 1e6);
            }
        }
    }

    #[test]
    fn a_path_that_drops_what_is_too_much_is_found() {
        let (mut loss, mut ms) = (Loss::default(), 0);
        let full = |sent: f64| ((1.0 - 700_000.0 / sent).max(0.0) * 100.0) as u32;
        windows(&mut loss, &mut ms, 20, full);
        for _ in 0..40 {
            let sent = windows(&mut loss, &mut ms, 1, full);
            assert!((600_000.0..760_000.0).contains(&sent), "{sent}");
        }
    }
}
