//! A bottleneck in virtual time with our flows and TCP flows through it, in steps of a millisecond.

use crate::tcp::Tcp;
use confab_base::{Bitrate, Duration, Time};
use confab_congestion::{Pacer, Report as Told, SendBudget, SendSide};
use confab_simnet::{Impairments, LinkInput, QueuedLink, QueuedStats, Rng};
use std::collections::VecDeque;

/// Of the way, on both sides of the bottleneck, and of reports coming back: a round trip of 50 ms.
const WAY: Duration = Duration::from_millis(25);
const REPORT: u64 = 50;
const FRAME: u64 = 33;
const SOUND: u64 = 20;
/// Sizes of frames by their place among temporal layers.
const TEMPORAL: [f64; 4] = [1.6, 0.8, 0.8, 0.8];
/// And of a key frame.
const KEY: f64 = 10.0;
const PACKET: usize = 1100;
/// The receiver's clock is another one.
const CLOCK: i64 = 7_000_000;

/// Number of each packet, and its arrival in microseconds of the receiver's clock.
type Report = Vec<(u16, Option<i64>)>;

#[derive(Clone, Copy, Debug)]
struct Packet {
    flow: usize,
    seq: u64,
}

/// Our estimator with a sender that sends what it may, frame by frame, and the receiver's reports.
pub struct Ours {
    pub side: SendSide,
    /// Bits per second the pictures would take.
    pub wants: f64,
    /// Instead: layers of pictures, which come and go.
    pub layers: Option<SendBudget>,
    sending: Vec<bool>,
    pacer: Pacer<usize>,
    pub starts: Time,
    debt: f64,
    sent: u64,
    /// Next number to be reported, and those that came since.
    report_from: u64,
    came: Vec<(u64, i64)>,
    reports: VecDeque<(Time, Report)>,
}

/// A second of a flow, or more.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub bytes: u64,
    /// Of each packet that came, ms in the queue.
    pub queued: Vec<f64>,
    /// Every 100 ms, bits per second.
    pub estimates: Vec<f64>,
}

impl Record {
    pub fn rate(&self, over: Duration) -> f64 {
        self.bytes as f64 * 8.0 / over.as_secs_f64()
    }

    /// The value that so much of the packets stay below, ms.
    pub fn queued(&self, share: f64) -> f64 {
        quantile(&self.queued, share)
    }

    pub fn estimate(&self, share: f64) -> f64 {
        quantile(&self.estimates, share)
    }
}

/// A sender with layers spends what it may.
fn spend(budget: &mut SendBudget, side: &SendSide, now: Time) {
    let told = Told {
        estimate: Some(side.estimate()),
        ..Told::default()
    };
    budget.update(told, now);
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share) as usize;
    sorted
        .get(at.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}

pub struct World {
    pub now: Time,
    link: QueuedLink<Packet>,
    pub ours: Vec<Ours>,
    pub tcp: Vec<Tcp>,
    /// Ours first, then TCP's.
    pub records: Vec<Record>,
    acks: VecDeque<(Time, usize, u64)>,
    /// Share of the reports that are lost.
    pub report_loss: f64,
    /// Share of all flows' packets that were lost in the last run.
    pub loss: f64,
    dice: Rng,
}

impl World {
    pub fn new(settings: Impairments, seed: u64) -> World {
        let mut dice = Rng::new(seed);
        World {
            now: Time::from_millis(1),
            link: QueuedLink::new(settings, dice.fork(), Time::from_millis(1)),
            ours: Vec::new(),
            tcp: Vec::new(),
            records: Vec::new(),
            acks: VecDeque::new(),
            report_loss: 0.0,
            loss: 0.0,
            dice,
        }
    }

    /// One of ours that would like to send so much, bits per second.
    pub fn ours(mut self, wants: f64, starts: u64) -> World {
        let mut side = SendSide::new(Bitrate::kbps(500));
        side.set_desired(Bitrate((wants * 1.2) as u64), Time::ZERO);
        self.ours.push(Ours {
            side,
            wants,
            layers: None,
            sending: Vec::new(),
            pacer: Pacer::default(),
            starts: Time::from_millis(starts),
            debt: 0.0,
            sent: 0,
            report_from: 0,
            came: Vec::new(),
            reports: VecDeque::new(),
        });
        self.records.push(Record::default());
        self
    }

    /// The last one sends what this budget allows to its sound and layers.
    pub fn layers(mut self, budget: SendBudget) -> World {
        if let Some(flow) = self.ours.last_mut() {
            flow.layers = Some(budget);
        }
        self
    }

    /// All of ours up to now send in steps, as a forwarder does.
    pub fn in_steps(mut self, in_steps: bool) -> World {
        for flow in self.ours.iter_mut().filter(|_| in_steps) {
            flow.side.send_in_steps();
        }
        self
    }

    /// After all of ours.
    pub fn tcp(mut self, tcp: Tcp) -> World {
        self.tcp.push(tcp);
        self.records.push(Record::default());
        self
    }

    pub fn settings(&mut self, settings: Impairments) {
        self.link.handle(LinkInput::Settings(settings), self.now);
    }

    pub fn estimate(&self) -> f64 {
        self.ours[0].side.estimate().bps() as f64
    }

    /// What happens in this time.
    pub fn run(&mut self, time: Duration) -> Vec<Record> {
        self.records.fill(Record::default());
        let before = self.link.stats();
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(1);
            self.step();
        }
        let after = self.link.stats();
        let sent = after.packets_in - before.packets_in;
        self.loss = (lost(after) - lost(before)) as f64 / sent.max(1) as f64;
        self.records.clone()
    }

    /// How long until this is so, at most `most`.
    pub fn until(&mut self, most: Duration, so: impl Fn(&World) -> bool) -> Option<Duration> {
        let start = self.now;
        while self.now.since(start) < most {
            self.run(Duration::from_millis(10));
            if so(self) {
                return Some(self.now.since(start));
            }
        }
        None
    }

    fn step(&mut self) {
        let ms = self.now.as_millis();
        for i in 0..self.ours.len() {
            self.film(i, ms);
        }
        for i in 0..self.tcp.len() {
            while let Some(seq) = self.tcp[i].send(self.now) {
                self.put(self.ours.len() + i, seq, 1500);
            }
        }
        self.deliver();
        if ms.is_multiple_of(REPORT) {
            (0..self.ours.len()).for_each(|i| self.report(i));
        }
        for flow in &mut self.ours {
            while flow.reports.front().is_some_and(|r| r.0 <= self.now) {
                let (_, report) = flow.reports.pop_front().unwrap();
                flow.side.feedback(report.into_iter(), self.now);
            }
        }
        while self.acks.front().is_some_and(|a| a.0 <= self.now) {
            let (_, flow, seq) = self.acks.pop_front().unwrap();
            self.tcp[flow].acked(seq, self.now);
        }
        if ms.is_multiple_of(100) {
            for (flow, record) in self.ours.iter().zip(&mut self.records) {
                record.estimates.push(flow.side.estimate().bps() as f64);
            }
        }
    }

    fn film(&mut self, i: usize, ms: u64) {
        if self.now < self.ours[i].starts {
            return;
        }
        // The flows' frames do not fall together.
        if self.ours[i].layers.is_some() {
            self.film_layers(i, ms + i as u64 * 11);
        } else if (ms + i as u64 * 11).is_multiple_of(FRAME) {
            let flow = &mut self.ours[i];
            let rate = flow.wants.min(flow.side.estimate().bps() as f64);
            flow.debt += rate * FRAME as f64 / 8000.0;
            // Packets of a frame are equal.
            let packets = (flow.debt / PACKET as f64).ceil().max(1.0);
            let size = (flow.debt / packets) as usize;
            flow.debt = 0.0;
            if size > 0 {
                (0..packets as usize).for_each(|_| self.send(i, size));
            }
        }
        while let Some(bytes) = self.ours[i].side.padding(self.now) {
            self.send(i, bytes.clamp(100, PACKET));
        }
    }

    /// Sound on its own, and of each layer a frame, larger and smaller as temporal layers are, all layers' at once.
    fn film_layers(&mut self, i: usize, ms: u64) {
        let flow = &mut self.ours[i];
        let Some(budget) = &mut flow.layers else {
            return;
        };
        let mut packets = Vec::new();
        if ms.is_multiple_of(SOUND) {
            packets.push((budget.targets().audio.bps() * SOUND / 8000) as f64);
        }
        if ms.is_multiple_of(FRAME) {
            spend(budget, &flow.side, self.now);
            let place = TEMPORAL[(ms / FRAME) as usize % TEMPORAL.len()];
            let was_sent = std::mem::take(&mut flow.sending);
            for (at, layer) in budget.targets().layers.iter().enumerate() {
                let begins = layer.active && !was_sent.get(at).is_some_and(|sent| *sent);
                flow.sending.push(layer.active);
                let place = if begins { KEY } else { place };
                let bytes = (layer.bitrate.bps() * FRAME) as f64 / 8000.0 * place;
                let bytes = bytes * (0.7 + self.dice.below(600) as f64 / 1000.0);
                let count = (bytes / PACKET as f64).ceil();
                packets.extend((0..count as usize).map(|_| bytes / count));
            }
        }
        let now = self.now;
        for (at, bytes) in packets.into_iter().enumerate() {
            // Sound waits for no picture.
            if at == 0 && ms.is_multiple_of(SOUND) {
                self.send(i, bytes as usize);
            } else {
                self.ours[i].pacer.push(bytes as usize, bytes as usize, now);
            }
        }
        let estimate = self.ours[i].side.estimate();
        while let Some(bytes) = self.ours[i].pacer.poll(estimate, now) {
            self.send(i, bytes);
        }
    }

    fn send(&mut self, i: usize, size: usize) {
        let flow = &mut self.ours[i];
        flow.side.sent(size, self.now);
        flow.sent += 1;
        let seq = flow.sent;
        self.put(i, seq, size);
    }

    fn put(&mut self, flow: usize, seq: u64, bytes: usize) {
        let payload = Packet { flow, seq };
        self.link
            .handle(LinkInput::Datagram { payload, bytes }, self.now);
    }

    fn deliver(&mut self) {
        self.link.handle(LinkInput::Timeout, self.now);
        while let Some(d) = self.link.poll_output() {
            let Packet { flow, seq } = d.payload;
            let record = &mut self.records[flow];
            record.bytes += d.bytes as u64;
            record.queued.push(d.queued.as_secs_f64() * 1000.0);
            let at = d.at + WAY;
            match flow.checked_sub(self.ours.len()) {
                None => {
                    let at = at.as_micros() as i64 + CLOCK;
                    self.ours[flow].came.push((seq, at));
                }
                Some(tcp) => self.acks.push_back((at, tcp, seq)),
            }
        }
    }

    /// What came since the last report, and what did not.
    fn report(&mut self, i: usize) {
        let flow = &mut self.ours[i];
        let Some(newest) = flow.came.iter().map(|c| c.0).max() else {
            return;
        };
        let from = flow.report_from.max(1);
        let mut all: Vec<(u64, Option<i64>)> =
            (from..=newest.max(from - 1)).map(|s| (s, None)).collect();
        for (seq, at) in flow.came.drain(..) {
            match seq.checked_sub(from) {
                Some(n) => all[n as usize].1 = Some(at),
                None => all.insert(0, (seq, Some(at))),
            }
        }
        let first_new = all.partition_point(|(s, _)| *s < from);
        all[..first_new].sort_unstable();
        flow.report_from = flow.report_from.max(newest + 1);
        let report = all.into_iter().map(|(s, at)| (s as u16, at)).collect();
        if !self.dice.chance(self.report_loss) {
            // Half of the round trip behind the bottleneck is the packets' own.
            flow.reports.push_back((self.now + WAY, report));
        }
    }
}

fn lost(s: QueuedStats) -> u64 {
    s.lost_queue + s.lost_policer + s.lost_random + s.lost_burst
}
