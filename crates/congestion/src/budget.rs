//! Divides what the network carries between audio and the sender's simulcast ladder.
//!
//! Down at once: a late reduction is a queue, and a queue is delay for everyone. Up slowly: an estimate that has just risen is often
//! too high, and a layer that comes and goes costs a key frame each time. Random loss is no reason to send less: the estimate
//! follows queues, and what repair takes of it is taken off before it is told.

use confab_base::{Bitrate, Duration, Time};

/// One layer of the ladder, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Below this the layer is not worth sending.
    pub min: Bitrate,
    /// What it needs to look good.
    pub target: Bitrate,
    /// More than this is wasted on it.
    pub max: Bitrate,
}

/// The last layer stays for so long at what there is, when there is less than its minimum.
const HELD: Duration = Duration::from_secs(4);
/// And at no less than this part of its minimum.
const LEAST_HELD: u64 = 3;
/// A higher layer stays for so long, with as much less as it takes, while this part of all minima is there: beside TCP the estimate
/// is a saw, and a layer that goes with each tooth is hardly ever there.
const SQUEEZED: Duration = Duration::from_millis(1500);
const SQUEEZE: f64 = 0.5;
/// What there was before a dip of the estimate is true again, without waiting, when the dip was no longer than this.
const DIP: Duration = Duration::from_secs(3);
/// But not again so soon: it may be what came back that makes the dips.
const DIPS_APART: Duration = Duration::from_secs(12);

#[derive(Clone, Debug)]
pub struct BudgetConfig {
    /// Audio with headers; it is served first and is never switched off here.
    pub audio: Bitrate,
    /// Lowest first.
    pub ladder: Vec<Rung>,
    /// The budget before the first report.
    pub start: Bitrate,
    /// Share of the estimate that is used; the rest is for repair and headers.
    pub share: f64,
    /// The budget rises by at most this factor per second.
    pub growth: f64,
    /// A layer is switched on when its minimum has been affordable for this long.
    pub patience: Duration,
    /// Where no picture was sent before, the first ones go out at [`Self::start`] for this long, whatever the estimate.
    pub trial: Duration,
}

impl BudgetConfig {
    pub fn new(audio: Bitrate, ladder: Vec<Rung>) -> BudgetConfig {
        BudgetConfig {
            audio,
            ladder,
            start: Bitrate::kbps(1000),
            share: 0.9,
            growth: 2.0,
            patience: Duration::from_secs(1),
            trial: Duration::from_secs(2),
        }
    }
}

/// Sound alone, the estimate says nothing of what pictures could have: it only ever rises to a little above what is sent. So
/// the first pictures are tried as they would be at the start of the meeting, and judged by what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trial {
    None,
    /// From the next report on.
    Due,
    Until(Time),
}

/// What the transport measured since the last report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// The send-side estimate, if there is one yet.
    pub estimate: Option<Bitrate>,
    /// Fraction of our packets lost on the way, 0..=1, before repair.
    pub loss: f32,
    pub rtt: Duration,
}

/// What one layer shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerTarget {
    pub active: bool,
    /// Zero when not active.
    pub bitrate: Bitrate,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    pub audio: Bitrate,
    /// As the ladder, lowest first.
    pub layers: Vec<LayerTarget>,
}

/// One per sending participant.
#[derive(Debug)]
pub struct SendBudget {
    config: BudgetConfig,
    budget: Bitrate,
    last_report: Option<Time>,
    /// Layers that are sent: always the lowest ones.
    active: usize,
    /// Since when one layer more would fit.
    room_since: Option<Time>,
    /// There was room for the lowest layer since it is sent, not only on trial; and since when there is none.
    proven: bool,
    lacks_since: Option<Time>,
    /// Since when there is less than what is sent should have.
    squeezed_since: Option<Time>,
    /// Budget and layers before the estimate fell, and when it did.
    before: Option<(Bitrate, usize, Time)>,
    next_dip: Time,
    trial: Trial,
    /// The most that is wanted, whatever the estimate says.
    cap: Option<Bitrate>,
    targets: Targets,
}

impl SendBudget {
    pub fn new(config: BudgetConfig) -> SendBudget {
        let mut this = SendBudget {
            budget: config.start,
            last_report: None,
            active: 0,
            room_since: None,
            proven: false,
            lacks_since: None,
            squeezed_since: None,
            before: None,
            next_dip: Time::ZERO,
            trial: Trial::None,
            cap: None,
            targets: Targets::default(),
            config,
        };
        this.active = this.affordable(this.budget, 1.0);
        this.allocate();
        this
    }

    /// Another camera, resolution or screen: a new ladder, the same budget; a trial where nothing was sent.
    pub fn set_ladder(&mut self, ladder: Vec<Rung>) {
        let first = self.active == 0 && !ladder.is_empty();
        self.config.ladder = ladder;
        if first {
            self.trial = Trial::Due;
            self.budget = self.capped(self.budget.max(self.config.start));
        }
        self.active = self.affordable(self.budget, 1.0);
        self.room_since = None;
        self.allocate();
    }

    /// What sound takes from now on; pictures get the rest with the next report.
    pub fn set_audio(&mut self, audio: Bitrate) {
        self.config.audio = audio;
    }

    /// The most that shall be sent on the wire, repair and headers included, whatever the estimate says; at once where it is
    /// less than before. Sound is served all the same. `None`: what the estimate allows.
    pub fn set_cap(&mut self, cap: Option<Bitrate>) {
        if self.cap == cap {
            return;
        }
        self.cap = cap;
        self.budget = self.capped(self.budget);
        self.active = self.active.min(self.affordable(self.budget, 1.0));
        self.room_since = None;
        self.allocate();
    }

    fn capped(&self, budget: Bitrate) -> Bitrate {
        let most = self.cap.map(|cap| cap.scaled(self.config.share));
        most.map_or(budget, |most| budget.min(most))
    }

    /// Takes a report, best every 100 ms to 1 s. Returns true when [`Self::targets`] changed.
    pub fn update(&mut self, report: Report, now: Time) -> bool {
        let elapsed = self
            .last_report
            .map_or(Duration::ZERO, |last| now.since(last));
        self.last_report = Some(now);
        let mut wanted = self.wanted(report);
        if self.on_trial(report, now) {
            wanted = wanted.max(self.config.start);
        }
        wanted = self.capped(wanted);
        self.before = self.before.filter(|(.., at)| now.since(*at) < DIP);
        if wanted <= self.budget {
            let fell = wanted < self.budget.scaled(0.9);
            if fell && self.before.is_none() && now >= self.next_dip {
                self.before = Some((self.budget, self.active, now));
                self.next_dip = now + DIPS_APART;
            }
            self.budget = wanted;
        } else {
            let factor = self.config.growth.powf(elapsed.as_secs_f64().min(5.0));
            let grown = self.budget.max(Bitrate::kbps(50)).scaled(factor);
            let known = self.before.map_or(Bitrate::ZERO, |b| b.0);
            self.budget = wanted.min(grown.max(known));
        }
        self.choose_layers(now);
        let before = std::mem::take(&mut self.targets);
        self.allocate();
        before != self.targets
    }

    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// What is divided now.
    pub fn budget(&self) -> Bitrate {
        self.budget
    }

    /// Much loss ends a trial before its time.
    fn on_trial(&mut self, report: Report, now: Time) -> bool {
        if self.trial == Trial::Due {
            self.trial = Trial::Until(now + self.config.trial);
        }
        let goes_on = matches!(self.trial, Trial::Until(end) if now < end) && report.loss <= 0.1;
        if !goes_on {
            self.trial = Trial::None;
        }
        goes_on
    }

    fn wanted(&self, report: Report) -> Bitrate {
        let Some(estimate) = report.estimate else {
            return self.budget;
        };
        estimate.scaled(self.config.share)
    }

    /// How many of the lowest layers fit, when each needs its minimum times `margin` and those below it their target.
    fn affordable(&self, budget: Bitrate, margin: f64) -> usize {
        let mut left = budget.0.saturating_sub(self.config.audio.0);
        self.config
            .ladder
            .iter()
            .take_while(|rung| {
                let fits = left >= rung.min.scaled(margin).0;
                left = left.saturating_sub(rung.target.0);
                fits
            })
            .count()
    }

    fn choose_layers(&mut self, now: Time) {
        let fits = self.affordable(self.budget, 1.0);
        // Some picture costs little, and a dip of the estimate passes: only a lasting lack takes the last one away.
        self.proven = self.active > 0 && (self.proven || fits > 0 && self.trial == Trial::None);
        let capped = self.affordable(self.capped(Bitrate(u64::MAX)), 1.0) == 0;
        let lacks = fits == 0 && self.active > 0 && self.proven && !capped;
        let since = lacks.then(|| *self.lacks_since.get_or_insert(now));
        self.lacks_since = since;
        let is_held = since.is_some_and(|since| now.since(since) < HELD);
        let fits = if is_held { 1 } else { fits };
        let fits = self.squeezed(fits, now);
        if fits < self.active {
            self.active = fits;
            self.room_since = None;
        } else if self.affordable(self.budget, 1.15) > self.active {
            let since = *self.room_since.get_or_insert(now);
            let is_back = self.before.is_some_and(|b| self.active < b.1);
            if is_back || now.since(since) >= self.config.patience {
                self.active += 1;
                self.room_since = None;
            }
        } else {
            self.room_since = None;
        }
    }

    /// The layers that fit, or those that are sent, if little is wanting and not for long.
    fn squeezed(&mut self, fits: usize, now: Time) -> usize {
        if fits >= self.active || self.trial != Trial::None {
            self.squeezed_since = None;
            return fits;
        }
        let since = *self.squeezed_since.get_or_insert(now);
        let minima = self.config.ladder[..self.active].iter();
        let needed: u64 = minima.map(|rung| rung.min.scaled(SQUEEZE).0).sum();
        let is_enough = self.budget.0 >= self.config.audio.0 + needed;
        match is_enough && now.since(since) < SQUEEZED {
            true => self.active,
            false => fits,
        }
    }

    /// Minimum for every active layer, then up to the target from the lowest up, then what is left up to the maximum from the
    /// highest down: a watcher of the large picture has the most use of it.
    fn allocate(&mut self) {
        let active = &self.config.ladder[..self.active];
        let mut left = self.budget.0.saturating_sub(self.config.audio.0);
        let mut rates: Vec<u64> = Vec::with_capacity(self.config.ladder.len());
        // Where there is less than all minima for a moment, all get as much less of theirs.
        let minima: u64 = active.iter().map(|rung| rung.min.0).sum();
        let part = (left as f64 / minima.max(1) as f64).min(1.0);
        // And the last one that is held through a dip gets a little even of nothing.
        let least = if active.len() == 1 {
            LEAST_HELD
        } else {
            u64::MAX
        };
        for rung in active {
            let rate = rung.min.scaled(part).0.max(rung.min.0 / least);
            left = left.saturating_sub(rate);
            rates.push(rate);
        }
        let mut fill = |i: usize, limit: Bitrate| {
            let more = limit.0.saturating_sub(rates[i]).min(left);
            left -= more;
            rates[i] += more;
        };
        active
            .iter()
            .enumerate()
            .for_each(|(i, rung)| fill(i, rung.target));
        active
            .iter()
            .enumerate()
            .rev()
            .for_each(|(i, rung)| fill(i, rung.max));
        rates.resize(self.config.ladder.len(), 0);
        let layers = rates
            .iter()
            .enumerate()
            .map(|(i, &rate)| LayerTarget {
                active: i < self.active,
                bitrate: Bitrate(rate),
            })
            .collect();
        self.targets = Targets {
            audio: self.config.audio,
            layers,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ladder() -> Vec<Rung> {
        [(60, 150, 200), (200, 500, 700), (700, 1500, 2500)]
            .map(|(min, target, max)| Rung {
                min: Bitrate::kbps(min),
                target: Bitrate::kbps(target),
                max: Bitrate::kbps(max),
            })
            .to_vec()
    }

    fn budget() -> SendBudget {
        SendBudget::new(BudgetConfig::new(Bitrate::kbps(40), ladder()))
    }

    /// Reports the same estimate ten times a second for `seconds`; returns the time after.
    fn run(budget: &mut SendBudget, kbps: u64, from: Time, seconds: u64) -> Time {
        let mut now = from;
        for _ in 0..seconds * 10 {
            now += Duration::from_millis(100);
            budget.update(
                Report {
                    estimate: Some(Bitrate::kbps(kbps)),
                    loss: 0.0,
                    rtt: Duration::from_millis(50),
                },
                now,
            );
        }
        now
    }

    fn active(budget: &SendBudget) -> usize {
        budget
            .targets()
            .layers
            .iter()
            .filter(|layer| layer.active)
            .count()
    }

    #[test]
    fn a_drop_is_followed_at_once_and_the_return_step_by_step() {
        let mut b = budget();
        let now = run(&mut b, 5000, Time::ZERO, 20);
        assert_eq!(active(&b), 3);
        b.update(
            Report {
                estimate: Some(Bitrate::kbps(300)),
                ..Report::default()
            },
            now + Duration::from_millis(100),
        );
        assert_eq!(active(&b), 1);
        assert!(b.budget() <= Bitrate::kbps(270));
        let now = run(&mut b, 300, now, 5);
        let now = run(&mut b, 5000, now, 1);
        assert_eq!(active(&b), 1, "one second is no proof");
        run(&mut b, 5000, now, 20);
        assert_eq!(active(&b), 3);
    }

    #[test]
    fn sound_that_repeats_itself_takes_its_room_from_pictures() {
        let mut b = budget();
        let end = run(&mut b, 600, Time::ZERO, 20);
        let before: u64 = b.targets().layers.iter().map(|l| l.bitrate.bps()).sum();
        b.set_audio(Bitrate::kbps(200));
        run(&mut b, 600, end, 2);
        let after: u64 = b.targets().layers.iter().map(|l| l.bitrate.bps()).sum();
        assert!(after + 100_000 < before, "{before} {after}");
    }

    #[test]
    fn an_estimate_that_swings_around_a_threshold_does_not_make_a_layer_come_and_go() {
        let mut b = budget();
        let mut now = run(&mut b, 1000, Time::ZERO, 10);
        let (mut changes, mut before) = (0, active(&b));
        for i in 0..600 {
            now += Duration::from_millis(100);
            let kbps = if i % 10 < 5 { 940 } else { 1020 };
            b.update(
                Report {
                    estimate: Some(Bitrate::kbps(kbps)),
                    ..Report::default()
                },
                now,
            );
            changes += usize::from(active(&b) != before);
            before = active(&b);
        }
        assert!(changes <= 1, "{changes}");
    }

    #[test]
    fn a_cap_holds_at_once_and_always_and_leaves_sound_alone() {
        let mut b = budget();
        let now = run(&mut b, 5000, Time::ZERO, 20);
        let sum = |b: &SendBudget| {
            let layers = b.targets().layers.iter().map(|l| l.bitrate.bps());
            b.targets().audio.bps() + layers.sum::<u64>()
        };
        assert!(sum(&b) > 3_000_000);
        b.set_cap(Some(Bitrate::kbps(700)));
        assert!(sum(&b) <= 700_000, "before the next report");
        let now = run(&mut b, 5000, now, 20);
        assert!((500_000..=700_000).contains(&sum(&b)), "{}", sum(&b));
        b.set_cap(Some(Bitrate::kbps(90)));
        assert_eq!((active(&b), sum(&b)), (0, 40_000), "no room for a picture");
        let now = run(&mut b, 5000, now, 10);
        assert_eq!(active(&b), 0, "nor is one held or tried");
        b.set_ladder(ladder());
        assert_eq!(active(&b), 0);
        let now = run(&mut b, 5000, now, 3);
        assert_eq!((active(&b), sum(&b)), (0, 40_000));
        b.set_cap(None);
        run(&mut b, 5000, now, 30);
        assert_eq!(active(&b), 3);
    }

    #[test]
    fn random_loss_does_not_lower_the_budget() {
        let mut b = budget();
        let now = run(&mut b, 2000, Time::ZERO, 20);
        let before = b.budget();
        b.update(
            Report {
                estimate: Some(Bitrate::kbps(2000)),
                loss: 0.08,
                rtt: Duration::ZERO,
            },
            now,
        );
        assert_eq!(b.budget(), before);
        b.update(
            Report {
                estimate: Some(Bitrate::kbps(2000)),
                loss: 0.4,
                rtt: Duration::ZERO,
            },
            now,
        );
        assert_eq!(b.budget(), before);
    }

    #[test]
    fn after_a_short_dip_everything_is_back_at_once_and_after_a_long_one_step_by_step() {
        let mut b = budget();
        let now = run(&mut b, 5000, Time::ZERO, 20);
        let full = b.targets().clone();
        let now = run(&mut b, 300, now, 2);
        assert_eq!(active(&b), 1);
        let now = run(&mut b, 5000, now, 1);
        assert_eq!(b.targets(), &full);
        let now = run(&mut b, 300, now, 2);
        let now = run(&mut b, 5000, now, 1);
        assert!(
            active(&b) < 3,
            "it may be what came back that makes the dips"
        );
        let now = run(&mut b, 5000, now, 20);
        assert_eq!(b.targets(), &full);
        let now = run(&mut b, 300, now, 6);
        let now = run(&mut b, 5000, now, 1);
        assert!(active(&b) < 3, "this time it lasted");
        run(&mut b, 5000, now, 10);
        assert_eq!(b.targets(), &full);
    }

    #[test]
    fn a_moment_of_less_takes_quality_and_no_layer() {
        let mut b = budget();
        let now = run(&mut b, 700, Time::ZERO, 20);
        assert_eq!(active(&b), 2);
        let now = run(&mut b, 300, now, 1);
        let rates: Vec<_> = b.targets().layers.iter().map(|l| l.bitrate.bps()).collect();
        assert!(
            rates[1] > 0 && rates.iter().sum::<u64>() <= 230_000,
            "{rates:?}"
        );
        let now = run(&mut b, 700, now, 1);
        assert_eq!(active(&b), 2);
        run(&mut b, 300, now, 3);
        assert_eq!(active(&b), 1, "this time it lasted");
    }

    #[test]
    fn the_last_picture_outlives_a_dip_and_no_lasting_lack() {
        let mut b = budget();
        let now = run(&mut b, 2000, Time::ZERO, 20);
        let now = run(&mut b, 60, now, 3);
        assert_eq!(active(&b), 1);
        let left = b.targets().layers[0].bitrate;
        assert!(left < Bitrate::kbps(60), "{left:?}: no more than there is");
        run(&mut b, 60, now, 3);
        assert_eq!(active(&b), 0);
    }

    /// A meeting with sound alone, whose estimate stayed where sound is, and then a screen.
    fn screen_after_sound() -> (SendBudget, Time) {
        let mut b = SendBudget::new(BudgetConfig::new(Bitrate::kbps(40), Vec::new()));
        let now = run(&mut b, 60, Time::ZERO, 10);
        b.set_ladder(vec![Rung {
            min: Bitrate::kbps(800),
            target: Bitrate::kbps(2500),
            max: Bitrate::kbps(2500),
        }]);
        (b, now)
    }

    #[test]
    fn the_first_picture_is_tried_though_sound_alone_proved_little() {
        let (mut b, now) = screen_after_sound();
        assert_eq!(active(&b), 1);
        let now = run(&mut b, 60, now, 1);
        assert_eq!(active(&b), 1, "still on trial");
        run(&mut b, 3000, now, 5);
        assert_eq!(active(&b), 1, "the estimate rose with it");
        assert!(b.budget() >= Bitrate::kbps(2500));
    }

    #[test]
    fn a_first_picture_that_proves_too_much_is_given_up() {
        let (mut b, now) = screen_after_sound();
        run(&mut b, 90, now, 3);
        assert_eq!(active(&b), 0);
        let (mut b, now) = screen_after_sound();
        b.update(
            Report {
                estimate: Some(Bitrate::kbps(60)),
                loss: 0.3,
                rtt: Duration::ZERO,
            },
            now,
        );
        assert_eq!(active(&b), 0, "much loss is proof enough");
    }

    proptest! {
        #[test]
        fn never_more_is_given_than_there_is(estimates in prop::collection::vec((0u64..10_000, 0.0f32..1.0), 1..100)) {
            let mut b = budget();
            let mut now = Time::ZERO;
            for (kbps, loss) in estimates {
                now += Duration::from_millis(500);
                b.update(Report { estimate: Some(Bitrate::kbps(kbps)), loss, rtt: Duration::ZERO }, now);
                let t = b.targets();
                let video: u64 = t.layers.iter().map(|layer| layer.bitrate.0).sum();
                let held = ladder()[0].min.0 / LEAST_HELD;
                prop_assert!(video + t.audio.0 <= b.budget().0.max(t.audio.0 + held));
                for (at, (layer, rung)) in t.layers.iter().zip(ladder()).enumerate() {
                    prop_assert_eq!(layer.active, layer.bitrate.0 > 0);
                    let least = match (b.lacks_since, b.squeezed_since) {
                        (Some(_), _) if at == 0 => held,
                        (_, Some(_)) => rung.min.scaled(SQUEEZE).0 - 1,
                        _ => rung.min.0,
                    };
                    prop_assert!(!layer.active || layer.bitrate.0 >= least && layer.bitrate <= rung.max);
                }
            }
        }
    }
}
