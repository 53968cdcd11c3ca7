//! What the path to a receiver takes, told from transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-01): every
//! packet has a number, and the receiver reports when each of them came.
//!
//! Three views of the same reports:
//! * `delay`: packets that come ever later stand in a queue that grows (Google congestion control, draft-ietf-rmcat-gcc-02);
//! * `rate`: grows while the delay allows, falls to what really arrived when it does not;
//! * `loss`: falls when more packets are lost than the path loses anyway, but only where sending less helps.
//!
//! Beside flows that only losses stop, `rival`, delay says nothing, and the rate follows losses as theirs does.
//!
//! Growth by feeling one's way stops at 1.5 times what is really sent; beyond that `probe` sends short bursts of padding.

mod came;
mod delay;
mod dispersion;
mod history;
mod lately;
mod loss;
mod probe;
mod rate;
mod rival;
mod sent;

use came::Came;
use confab_base::{Bitrate, Duration, Time};
use delay::{Delay, Usage};
use dispersion::{Dispersion, Spread};
use history::{Ack, History};
use lately::Lately;
use loss::{Flow, Loss};
use probe::Probe;
use rate::{Acked, Fell, LONG_QUEUE, Rate, Seen};
use rival::{Rival, Verdict};
use sent::Sent;

/// Estimates stay within these, bits per second.
pub(crate) const LEAST: f64 = 50_000.0;
/// Loss alone never asks for less: so few packets tell little of it, and what is sent at such rates seldom causes it. A queue does.
const LEAST_BY_LOSS: f64 = 395_000.0;
pub(crate) const MOST: f64 = 200_000_000.0;
/// Changes smaller than this share are not told.
const TELL: f64 = 0.03;
/// So many packets lost in a report, beyond what the path loses anyway, were dropped by a full queue.
const DROPPED: f64 = 0.8;
/// A queue of so many milliseconds empties as fast as packets come.
const BEGUN: f64 = 40.0;
/// Beside a queue longer than this, milliseconds, losses are the queue's, and it is the delay that says what to do.
const QUEUED: f64 = 60.0;
/// Of the rate there was before a rival was made room for.
const RESTORED: f64 = 0.8;
/// A queue begins where none was for so long, and for so long: one that stands is shared with others.
const FREE_FOR: Duration = Duration::from_secs(1);
const BEGINS_FOR: Duration = Duration::from_millis(300);
/// Pictures are held no longer than this, milliseconds.
const MOST_HELD: f64 = 300.0;
/// Round trip assumed until one was measured.
const RTT: Duration = Duration::from_millis(100);

/// The estimator of one path. It numbers what is sent, takes the receiver's reports, and says how much more would fit.
#[derive(Debug)]
pub struct SendSide {
    history: History,
    sent: Sent,
    delay: Delay,
    acked: Acked,
    dispersion: Dispersion,
    rate: Rate,
    loss: Loss,
    probe: Probe,
    rival: Rival,
    queued: Lately,
    desired: f64,
    in_steps: bool,
    rtt: Option<Duration>,
    told: f64,
    acks: Vec<Ack>,
    /// How long what is sent now will wait, as of the last report, milliseconds.
    coming: f64,
    begins: Begins,
    /// Until then nothing but sound is to leave; and whether that was told.
    held_until: Time,
    is_hold_told: bool,
}

/// Whether a queue is just beginning.
#[derive(Debug, Default)]
struct Begins {
    /// Since when no queue stood, and since when one has begun.
    free: Option<Time>,
    begun: Option<Time>,
}

impl Begins {
    fn is_new(&mut self, queue: f64, now: Time) -> bool {
        if queue <= BEGUN {
            self.free.get_or_insert(now);
            self.begun = None;
        } else if now.since(*self.begun.get_or_insert(now)) >= BEGINS_FOR {
            self.free = None;
        }
        let until = self.begun.unwrap_or(now);
        self.free
            .is_some_and(|since| until.since(since) >= FREE_FOR)
    }
}

impl SendSide {
    /// `start` is taken for true until something was measured.
    pub fn new(start: Bitrate) -> SendSide {
        let start = (start.bps() as f64).clamp(LEAST, MOST);
        SendSide {
            history: History::new(),
            sent: Sent::default(),
            delay: Delay::default(),
            acked: Acked::default(),
            dispersion: Dispersion::default(),
            rate: Rate::new(start),
            loss: Loss::default(),
            probe: Probe::default(),
            rival: Rival::default(),
            queued: Lately::default(),
            desired: 0.0,
            in_steps: false,
            rtt: None,
            told: 0.0,
            acks: Vec::new(),
            coming: 0.0,
            begins: Begins::default(),
            held_until: Time::ZERO,
            is_hold_told: true,
        }
    }

    /// From now on what is sent comes in steps, as a forwarder's layers do, and not at any rate, as an encoder does: to be cut to what is
    /// sent costs it a step, whatever the link has room for. So the short queue that a burst of padding leaves is no reason to cut.
    pub fn send_in_steps(&mut self) {
        self.in_steps = true;
    }

    /// The transport-wide number of a packet that leaves now; `size` in bytes, headers included.
    pub fn sent(&mut self, size: usize, now: Time) -> u16 {
        self.sent.note(size, now);
        let cluster = self.probe.sent(size, now);
        self.history.sent(size, cluster, now)
    }

    /// What we would like to send in the end: probing goes up to there and no further.
    pub fn set_desired(&mut self, desired: Bitrate, now: Time) {
        let desired = desired.bps() as f64;
        if desired > self.desired * 1.05 {
            self.probe.hurry(now);
        }
        self.desired = desired;
    }

    /// A report: transport-wide number and arrival (microseconds of the receiver's clock, `None` if it did not come).
    pub fn feedback(&mut self, packets: impl Iterator<Item = (u16, Option<i64>)>, now: Time) {
        let mut acks = std::mem::take(&mut self.acks);
        acks.clear();
        let mut lost = 0;
        for (seq, at) in packets {
            match self.history.reported(seq, at, now) {
                history::Fate::Came(ack) => {
                    self.loss.came(ack.was_lost);
                    acks.push(ack);
                }
                history::Fate::Lost => {
                    self.loss.lost();
                    lost += 1;
                }
                history::Fate::Known => {}
            }
        }
        acks.sort_by_key(|a| a.at);
        if let Some(newest) = acks.iter().map(|a| a.age).min() {
            self.rtt = Some(self.rtt.map_or(newest, |old| (old * 7 + newest) / 8));
        }
        for ack in &acks {
            self.delay.arrived(ack.sent, ack.at);
            let waited = self.delay.waited(ack.sent, ack.at);
            self.dispersion.arrived(ack.into(), waited);
            self.acked.arrived(ack.into());
            self.probe.arrived(ack, now);
        }
        self.coming = self.coming_queue(&acks, now);
        let dropped = f64::from(lost) - self.loss.anyway() * (acks.len() as f64 + f64::from(lost));
        self.acks = acks;
        self.react(dropped >= DROPPED, now);
    }

    /// How long a packet that is sent now will wait, milliseconds, where a queue has begun: what is on its way stands in it, too, and it
    /// empties as fast as packets come. A report tells of what was sent before the queue was seen, a round trip and a queue ago.
    fn coming_queue(&mut self, acks: &[Ack], now: Time) -> f64 {
        let is_new = self.begins.is_new(self.delay.queue(), now);
        let newest = acks.iter().max_by_key(|a| a.sent);
        let rate = self.spread().map(|s| s.ours).or(self.burst());
        let (Some(newest), Some(rate)) = (newest, rate) else {
            return 0.0;
        };
        let waited = self.delay.waited(newest.sent, newest.at);
        if waited < BEGUN || !is_new {
            return 0.0; // As fast as they come is as fast as they were sent.
        }
        let age = now.as_micros() as f64 / 1000.0 - newest.sent as f64 / 1000.0;
        let takes = self.history.behind(newest.seq) as f64 * 8000.0 / rate;
        (waited + takes - age).max(0.0)
    }

    fn carried(&self, came: Came) -> f64 {
        came.carried(&self.history, self.loss.passes())
    }

    fn burst(&self) -> Option<f64> {
        self.acked.burst().map(|came| self.carried(came))
    }

    fn spread(&self) -> Option<Spread> {
        self.dispersion.spread(|came| self.carried(came))
    }

    /// `is_dropping`: packets were lost just now, and not by the path's own loss.
    fn react(&mut self, is_dropping: bool, now: Time) {
        let rtt = self.rtt.unwrap_or(RTT);
        let usage = self.delay.usage();
        let came = self.acked.came();
        let acked = came.map(|came| came.rate());
        let carried = came.map(|came| self.carried(came));
        let queue = self.delay.queue();
        self.queued.note(queue, now);
        let verdict = self.rival.update(queue, self.estimate_bps(), now);
        if let Verdict::Found(before) = verdict {
            self.rate.restore(before * RESTORED);
        }
        let is_rival = self.rival.is_there();
        let seen = Seen {
            usage: match verdict {
                Verdict::Again => Usage::Over,
                // As long as it has to be seen whose queue this is.
                _ if usage == Usage::Normal && self.rival.is_testing() => Usage::Under,
                _ => usage,
            },
            acked: carried,
            burst: self.burst(),
            spread: self.spread(),
            sent: self.sent.rate(rtt, now),
            queue,
            coming: self.coming,
            rtt,
            probed: self.in_steps && self.probe.is_felt(rtt, now),
            rival: is_rival.then_some(is_dropping),
        };
        let before = self.estimate_bps();
        match self.rate.update(seen, now) {
            Fell::Queue if !is_rival => {
                let carried = carried.unwrap_or(before);
                self.rival.cut(queue, carried, before, now);
            }
            Fell::Sudden => {
                self.rival.forget();
                let over = (self.coming - LONG_QUEUE).clamp(0.0, MOST_HELD);
                self.held_until = now + Duration::from_secs_f64(over / 1000.0);
                self.is_hold_told = over == 0.0;
            }
            _ => {}
        }
        if usage == Usage::Over || is_rival || self.rival.is_testing() {
            self.probe.back_off(now);
        }
        if is_rival {
            self.loss.forget(now);
        } else if queue > QUEUED && self.loss.may_probe() {
            self.loss.ignore(now);
        } else {
            let flow = Flow {
                sent: self.sent.rate(rtt, now),
                arrived: acked,
            };
            let rate = self.rate.current();
            self.loss.update(rate, flow, queue, rtt, now);
        }
        if let Some(proven) = self.probe.result(&self.history, now)
            && usage != Usage::Over
            && !is_rival
            && proven > self.estimate_bps()
        {
            self.rate.raise(proven, now);
            self.loss.raise(proven);
        }
    }

    fn estimate_bps(&self) -> f64 {
        self.rate
            .current()
            .min(
                self.loss
                    .limit()
                    .map_or(MOST, |limit| limit.max(LEAST_BY_LOSS)),
            )
            .clamp(LEAST, MOST)
    }

    pub fn estimate(&self) -> Bitrate {
        Bitrate(self.estimate_bps() as u64)
    }

    /// The estimate, when it changed enough to be told.
    pub fn poll_estimate(&mut self) -> Option<Bitrate> {
        if self.delay.is_new() {
            return None;
        }
        let now = self.estimate_bps();
        let news = (now - self.told).abs() > self.told * TELL;
        news.then(|| {
            self.told = now;
            Bitrate(now as u64)
        })
    }

    /// Bytes of padding to send at once, as part of a probe; ask again after they are [`SendSide::sent`].
    pub fn padding(&mut self, now: Time) -> Option<usize> {
        if self.delay.is_new() {
            return None; // Nobody reports: a probe would tell nothing.
        }
        let may_start = self.delay.usage() != Usage::Over && self.loss.may_probe();
        self.probe.padding(
            self.estimate_bps(),
            self.desired,
            self.loss.passes(),
            may_start,
            now,
        )
    }

    /// When [`SendSide::padding`] is to be asked next.
    pub fn next_wakeup(&self) -> Option<Time> {
        if self.delay.is_new() {
            return None;
        }
        self.probe.next_wakeup(self.estimate_bps(), self.desired)
    }

    /// Whether pictures and their repair had better not leave just now: the link has become far narrower, what is on its way fills its
    /// queue, and what came behind that would be dropped. 300 ms at most.
    pub fn holds(&self, now: Time) -> bool {
        now < self.held_until
    }

    /// Until when, of the last time.
    pub fn held_until(&self) -> Time {
        self.held_until
    }

    /// Until when, where that was not told yet.
    pub fn poll_hold(&mut self) -> Option<Time> {
        let is_news = !std::mem::replace(&mut self.is_hold_told, true);
        is_news.then_some(self.held_until)
    }

    /// The longest that packets waited in queues over the last three to five seconds, beyond the shortest way.
    pub fn queued(&self, now: Time) -> Duration {
        self.queued.longest(now)
    }

    /// Share of packets lost over the last second or so, 0 to 1.
    pub fn loss(&self) -> Option<f32> {
        self.loss.recent()
    }
}

#[cfg(test)]
mod tests;
