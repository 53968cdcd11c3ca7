//! What a voice does against loss: a ladder of steps as data, with the reasons beside them, and when to change the step.
//!
//! Up within a second or two: what is lost before is heard. Down only after the loss stayed lower for [`CALM`]: loss comes in waves, and
//! each change moves the listeners' delay. Loss alone says nothing about why; copies would make it worse only where packets
//! queue, so the rate counts where the round trip shows a queue and not where packets just vanish. And what a full queue dropped a
//! moment ago is over as soon as less is sent: copies against it would take the room of pictures for nothing.

use confab_base::{Bitrate, Duration, Time};
use confab_rtp::Protection;

/// One step of a ladder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub name: &'static str,
    /// Share of packets lost from which on it is needed, 0 to 1.
    pub from: f32,
    pub protection: Protection,
    /// The copies where losses come in bursts: neighbours are lost together then.
    pub spread: &'static [u8],
    pub why: &'static str,
}

const fn voice(kbps: u64, expected_loss: f32) -> Protection {
    Protection {
        bitrate: Some(Bitrate::kbps(kbps)),
        expected_loss,
        ..Protection::NONE
    }
}

const fn copies(copies: &'static [u8]) -> Protection {
    Protection {
        copies,
        ..Protection::NONE
    }
}

/// How far packets describe what was before them: more than is ever waited for, since what is far away is described in few bits
/// (PLCMOS 4.37 and 4.23 at 80 % loss, two seeds; with half a second 4.30 and 4.18).
const DESCRIBED: Duration = Duration::from_secs(1);

/// For whoever encodes the voice: it can trade quality of the frame for redundancy of every kind.
pub const SENDER: &[Step] = &[
    Step {
        name: "clear",
        from: 0.0,
        protection: Protection::NONE,
        spread: &[],
        why: "Deep concealment hides the odd lost packet; redundancy would only cost quality.",
    },
    Step {
        name: "lbrr",
        from: 0.02,
        protection: Protection {
            inband_fec: true,
            expected_loss: 0.10,
            ..Protection::NONE
        },
        spread: &[],
        why: "Single losses are most of all losses: the next packet repeats them for a few bits and 20 ms.",
    },
    Step {
        name: "one copy",
        from: 0.06,
        protection: Protection {
            copies: &[1],
            ..voice(24, 0.0)
        },
        spread: &[2],
        why: "An exact copy sounds better than a coarse repeat (PLCMOS 4.57 and 4.35 at 10 %), for 20 kbps more.",
    },
    Step {
        name: "copies",
        from: 0.17,
        protection: Protection {
            copies: &[1, 2, 3],
            ..voice(16, 0.0)
        },
        spread: &[2, 4, 6],
        why: "Two or more in a row are common: three copies leave one frame in a hundred at 30 %. Two copies and a description, \
              at the same rate, leave fewer, and sound worse and later (PLCMOS 4.46 and 4.54, 103 and 78 ms).",
    },
    Step {
        name: "more copies",
        from: 0.37,
        protection: Protection {
            copies: &[1, 2, 3, 4, 5, 6],
            ..voice(12, 0.0)
        },
        spread: &[2, 4, 6, 8, 10, 12],
        why: "Every frame travels seven times: one in a hundred is missed when every other packet is lost. Enhanced by the \
              decoder, 12 kbps with all frames beat 16 kbps with gaps (PLCMOS 4.48 and 4.43).",
    },
    Step {
        name: "deep",
        from: 0.62,
        protection: Protection {
            deep: DESCRIBED,
            ..voice(60, 0.80)
        },
        spread: &[],
        why: "Gaps are longer than copies can afford to reach: each packet describes the last second.",
    },
];

/// For whoever encodes the voice where the other side takes no copies.
pub const SENDER_PLAIN: &[Step] = &[
    SENDER[0],
    SENDER[1],
    Step {
        name: "deep",
        from: 0.20,
        protection: Protection {
            deep: DESCRIBED,
            ..voice(60, 0.80)
        },
        spread: &[],
        why: "Longer gaps need redundancy that reaches back, and only descriptions fit into a plain packet.",
    },
];

/// For whoever encodes the voice, for the sake of listeners: what they miss on their way from whoever forwards.
pub const LISTENERS: &[Step] = &[
    SENDER[0],
    Step {
        name: "small frames",
        from: 0.27,
        protection: voice(16, 0.0),
        spread: &[],
        why: "They get each frame five or seven times, and their way has to carry that.",
    },
    Step {
        name: "deep",
        from: 0.62,
        protection: SENDER[5].protection,
        spread: &[],
        why: "Copies do not reach across such gaps, and only the encoder can describe.",
    },
];

/// For whoever only forwards: it copies the frames it has, as they are. The sender's bit rate is not its to set.
pub const FORWARDER: &[Step] = &[
    Step {
        name: "clear",
        from: 0.0,
        protection: copies(&[]),
        spread: &[],
        why: "Deep concealment, or the sender's own redundancy, is enough.",
    },
    Step {
        name: "one copy",
        from: 0.03,
        protection: copies(&[1]),
        spread: &[2],
        why: "Leaves the square of the loss; browsers can use it, too.",
    },
    Step {
        name: "two copies",
        from: 0.12,
        protection: copies(&[1, 2]),
        spread: &[2, 4],
        why: "Leaves the cube: below one frame in a hundred up to 20 %.",
    },
    Step {
        name: "four copies",
        from: 0.27,
        protection: copies(&[1, 2, 3, 4]),
        spread: &[1, 2, 4, 6],
        why: "Leaves the fifth power: one frame in thirty at 50 %.",
    },
    Step {
        name: "six copies",
        from: 0.45,
        protection: copies(&[1, 2, 3, 4, 5, 6]),
        spread: &[1, 2, 4, 6, 8, 10],
        why: "Leaves the seventh power: three frames in a hundred at 60 %.",
    },
    Step {
        name: "descriptions",
        from: 0.62,
        protection: Protection {
            deep: DESCRIBED,
            ..copies(&[1, 2, 3, 4, 5, 6])
        },
        spread: &[1, 2, 4, 6, 8, 10],
        why: "As soon as the frames describe their past they go without copies, which would only take their room; until then, copies.",
    },
];

/// What was measured of the way the voice takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VoicePath {
    /// Share of packets lost over the last second or so, 0 to 1.
    pub loss: f32,
    /// Mean number of packets lost in a row, where that is known.
    pub burst: Option<f32>,
    pub rtt: Option<Duration>,
    /// What the way carries, where that is known.
    pub rate: Option<Bitrate>,
    /// The longest that packets waited in queues over the last seconds, beyond the shortest way; zero where that is not known.
    pub queued: Duration,
}

/// Loss must have been lower this long before a step down.
const CALM: Duration = Duration::from_secs(5);
/// A step is left where the loss is below this part of where it begins.
const LEAVE: f32 = 0.75;
/// Parts of a new measurement that count: quick when it is worse, slow when it is better.
const WORSE: f32 = 0.6;
const BETTER: f32 = 0.25;
/// Losses are bursts when they are so many times longer than those of independent packets.
const BURSTY: f32 = 1.8;
/// A round trip so much above the shortest seen means a queue.
const QUEUE: Duration = Duration::from_millis(150);
/// And what was the shortest is known this long, and up to twice.
const PERIOD: Duration = Duration::from_secs(30);
/// Beside a queue as long as this more loss than before is taken for the queue's, for so long at most: one that still stands then is
/// another's doing, and so are its losses.
const FULL: Duration = Duration::from_millis(120);
const FULL_FOR: Duration = Duration::from_secs(6);
/// Share of the rate a voice may take then.
const SHARE: f64 = 0.8;
/// RTP with extensions, SRTP, UDP and IP of 50 packets a second; and the header of each copy in them.
const HEADERS: u64 = 64 * 8 * 50;
/// What a voice takes without loss, unless its user wants something else.
const USUAL: Bitrate = Bitrate::kbps(32);
const COPY_HEADER: u64 = 4 * 8 * 50;

/// Climbs one of the ladders; one per sender, or per receiver in whoever forwards.
#[derive(Clone, Debug)]
pub struct VoiceLadder {
    steps: &'static [Step],
    at: usize,
    is_bursty: bool,
    loss: f32,
    calm_since: Option<Time>,
    /// Since when there is a full queue.
    full_since: Option<Time>,
    /// Shortest round trip of this period and of the one before.
    shortest: [Option<Duration>; 2],
    period: Option<Time>,
}

impl VoiceLadder {
    /// On the lowest step of [`SENDER`] or [`FORWARDER`].
    pub fn new(steps: &'static [Step]) -> VoiceLadder {
        VoiceLadder {
            steps,
            at: 0,
            is_bursty: false,
            loss: 0.0,
            calm_since: None,
            full_since: None,
            shortest: [None; 2],
            period: None,
        }
    }

    /// Takes a measurement, about one a second; whether the protection is another one now.
    pub fn update(&mut self, path: VoicePath, now: Time) -> bool {
        let before = self.protection();
        let loss = if path.loss.is_finite() {
            path.loss.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let loss = self.beside_queue(loss, path.queued, now);
        let weight = if loss > self.loss { WORSE } else { BETTER };
        self.loss += (loss - self.loss) * weight;
        let random = 1.0 / (1.0 - self.loss).max(0.01);
        self.is_bursty = path.burst.is_some_and(|b| b > BURSTY * random);
        self.time_trips(path, now);
        let wanted = self.affordable(self.needed(), path);
        if wanted >= self.at || self.is_queueing(path) {
            self.at = wanted;
            self.calm_since = None;
            return self.protection() != before;
        }
        let since = *self.calm_since.get_or_insert(now);
        if now.since(since) >= CALM {
            self.at = wanted;
            self.calm_since = None;
        }
        self.protection() != before
    }

    /// What of this loss is not that of a full queue.
    fn beside_queue(&mut self, loss: f32, queued: Duration, now: Time) -> f32 {
        let is_full = queued >= FULL;
        let since = is_full.then(|| *self.full_since.get_or_insert(now));
        self.full_since = since;
        match since.is_some_and(|at| now.since(at) < FULL_FOR) {
            true => loss.min(self.loss),
            false => loss,
        }
    }

    /// The step for the loss, with the hysteresis of the one held.
    fn needed(&self) -> usize {
        let enough = |index: usize, step: &Step| {
            let held = index <= self.at;
            self.loss >= step.from * if held { LEAVE } else { 1.0 }
        };
        let steps = self.steps.iter().enumerate();
        let mut needed = steps.filter(|(i, s)| *i == 0 || enough(*i, s));
        needed.next_back().map_or(0, |(i, _)| i)
    }

    /// What was the shortest round trip is forgotten after one to two periods: the route may be another one now.
    fn time_trips(&mut self, path: VoicePath, now: Time) {
        let begin = *self.period.get_or_insert(now);
        if now.since(begin) >= PERIOD {
            self.period = Some(now);
            self.shortest = [None, self.shortest[0]];
        }
        let both = [self.shortest[0], path.rtt];
        self.shortest[0] = both.into_iter().flatten().min();
    }

    fn is_queueing(&self, path: VoicePath) -> bool {
        let shortest = self.shortest.into_iter().flatten().min();
        path.rtt
            .zip(shortest)
            .is_some_and(|(rtt, s)| rtt > s + QUEUE)
    }

    /// The highest step up to `needed` that the way carries, where it queues.
    fn affordable(&self, needed: usize, path: VoicePath) -> usize {
        let Some(rate) = path.rate.filter(|_| self.is_queueing(path)) else {
            return needed;
        };
        let fits = |i: &usize| cost(&self.steps[*i].protection) <= rate.scaled(SHARE);
        (0..=needed).rev().find(fits).unwrap_or(0)
    }

    pub fn protection(&self) -> Protection {
        let step = self.step();
        let spread = self.is_bursty && !step.spread.is_empty();
        Protection {
            copies: if spread {
                step.spread
            } else {
                step.protection.copies
            },
            ..step.protection
        }
    }

    /// Share of packets lost, smoothed, 0 to 1.
    pub fn loss(&self) -> f32 {
        self.loss
    }

    pub fn step(&self) -> &'static Step {
        &self.steps[self.at]
    }
}

/// What a voice takes on the wire, about.
pub(crate) fn cost(protection: &Protection) -> Bitrate {
    let copies = protection.copies.len() as u64;
    let voice = protection.bitrate.unwrap_or(USUAL);
    Bitrate(voice.bps() * (1 + copies) + COPY_HEADER * copies + HEADERS)
}

/// What original sound takes on the wire, about, where a voice would do this against loss: four times the rate in twice as many
/// packets.
pub(crate) fn cost_of_music(voice: &Protection) -> Bitrate {
    let music = voice.of_music();
    let copies = music.copies.len() as u64;
    let rate = music.bitrate.map_or(USUAL.bps() * 4, |b| b.bps());
    Bitrate(rate * (1 + copies) + 2 * (COPY_HEADER * copies + HEADERS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn second(n: u64) -> Time {
        Time::from_millis(n * 1000)
    }

    fn losing(loss: f32) -> VoicePath {
        VoicePath {
            loss,
            rtt: Some(Duration::from_millis(50)),
            ..VoicePath::default()
        }
    }

    /// Half is lost of what 90 kbps carry, at this round trip in milliseconds.
    fn narrow(rtt: u64) -> VoicePath {
        VoicePath {
            rtt: Some(Duration::from_millis(rtt)),
            rate: Some(Bitrate::kbps(90)),
            ..losing(0.5)
        }
    }

    /// Seconds until the named step is reached.
    fn until(ladder: &mut VoiceLadder, name: &str, path: VoicePath, from: u64) -> Option<u64> {
        (0..60).find(|s| {
            ladder.update(path, second(from + s));
            ladder.step().name == name
        })
    }

    #[test]
    fn each_loss_has_its_step_within_three_seconds() {
        for (loss, name) in [
            (0.01, "clear"),
            (0.04, "lbrr"),
            (0.10, "one copy"),
            (0.30, "copies"),
            (0.50, "more copies"),
            (0.80, "deep"),
        ] {
            let mut ladder = VoiceLadder::new(SENDER);
            let took = until(&mut ladder, name, losing(loss), 0);
            assert!(took.is_some_and(|s| s <= 2), "{loss}: {took:?}");
        }
    }

    #[test]
    fn the_ladder_is_left_slowly_and_in_the_end_wholly() {
        let mut ladder = VoiceLadder::new(SENDER);
        until(&mut ladder, "more copies", losing(0.5), 0);
        let took = until(&mut ladder, "clear", losing(0.0), 10);
        assert!(took.is_some_and(|s| (5..=25).contains(&s)), "{took:?}");
    }

    #[test]
    fn loss_that_sways_around_a_border_changes_the_step_once() {
        let mut ladder = VoiceLadder::new(SENDER);
        let changes = (0..120).filter(|s| {
            let loss = 0.37 + 0.06 * if s % 2 == 0 { 1.0 } else { -1.0 };
            ladder.update(losing(loss), second(*s))
        });
        assert!(changes.count() <= 3);
    }

    #[test]
    fn bursts_spread_the_copies() {
        let mut ladder = VoiceLadder::new(SENDER);
        let path = |burst| VoicePath {
            burst: Some(burst),
            ..losing(0.5)
        };
        for s in 0..5 {
            ladder.update(path(2.0), second(s));
        }
        assert_eq!(ladder.protection().copies, [1, 2, 3, 4, 5, 6]);
        ladder.update(path(6.0), second(5));
        assert_eq!(ladder.protection().copies, [2, 4, 6, 8, 10, 12]);
    }

    #[test]
    fn where_packets_queue_redundancy_stays_within_the_rate() {
        let mut ladder = VoiceLadder::new(SENDER);
        for s in 0..5 {
            ladder.update(narrow(50), second(s));
        }
        assert_eq!(ladder.step().name, "more copies", "packets just vanish");
        ladder.update(narrow(400), second(5));
        assert!(cost(&ladder.step().protection) <= Bitrate::kbps(90));
    }

    /// The steps of these seconds, where so much is lost, in percent, beside a queue of so many milliseconds.
    fn steps(seconds: &[(u64, u64)]) -> Vec<&'static str> {
        let mut ladder = VoiceLadder::new(FORWARDER);
        let mut each = seconds.iter().enumerate().map(|(s, (loss, queued))| {
            let path = VoicePath {
                queued: Duration::from_millis(*queued),
                ..losing(*loss as f32 / 100.0)
            };
            ladder.update(path, second(s as u64));
            ladder.step().name
        });
        each.by_ref().collect()
    }

    #[test]
    fn what_a_full_queue_dropped_brings_no_copies() {
        // As a link shrinks to a third: counts tell of it for three seconds.
        let shrinks = [(0, 5), (24, 300), (56, 300), (37, 300), (3, 60), (0, 60)];
        assert_eq!(steps(&shrinks), ["clear"; 6]);
        let without: Vec<_> = shrinks.iter().map(|s| (s.0, 5)).collect();
        assert_eq!(steps(&without)[2], "four copies");
    }

    #[test]
    fn what_was_lost_before_is_still_answered_beside_a_queue() {
        let found = steps(&[(10, 5), (10, 5), (10, 300), (30, 300), (10, 300), (10, 5)]);
        assert_eq!(found[1..], ["one copy"; 5]);
    }

    #[test]
    fn losses_beside_a_queue_that_stays_are_believed_in_the_end() {
        assert_eq!(steps(&[(20, 200); 10])[..6], ["clear"; 6]);
        assert_eq!(steps(&[(20, 200); 10])[9], "two copies");
    }

    #[test]
    fn a_longer_route_is_no_queue_for_ever() {
        let mut ladder = VoiceLadder::new(SENDER);
        for s in 0..5 {
            ladder.update(narrow(50), second(s));
        }
        for s in 5..20 {
            ladder.update(narrow(300), second(s));
        }
        assert_ne!(ladder.step().name, "more copies");
        for s in 20..80 {
            ladder.update(narrow(300), second(s));
        }
        assert_eq!(ladder.step().name, "more copies");
    }

    #[test]
    fn steps_rise_and_every_copy_can_be_said() {
        for steps in [SENDER, LISTENERS, FORWARDER] {
            assert!(steps.windows(2).all(|w| w[0].from < w[1].from));
            let all = steps.iter().flat_map(|s| [s.protection.copies, s.spread]);
            for copies in all {
                assert!(copies.iter().all(|d| (1..=17).contains(d)));
                assert!(copies.is_sorted() && copies.len() <= confab_rtp::red::MAX_COPIES);
            }
        }
    }

    proptest! {
        #[test]
        fn no_measurement_breaks_it(paths in prop::collection::vec((any::<f32>(), any::<f32>(), 0u64..10_000, any::<u64>()), 0..100)) {
            let mut ladder = VoiceLadder::new(FORWARDER);
            for (i, (loss, burst, rtt, rate)) in paths.into_iter().enumerate() {
                let path = VoicePath {
                    loss,
                    burst: Some(burst),
                    rtt: Some(Duration::from_millis(rtt)),
                    rate: Some(Bitrate(rate)),
                    queued: Duration::from_millis(rtt / 2),
                };
                ladder.update(path, second(i as u64));
                prop_assert!(ladder.loss.is_finite());
            }
        }
    }
}
