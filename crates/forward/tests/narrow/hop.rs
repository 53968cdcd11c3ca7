//! One hop as our own ends make it: estimate, pacer and repair on one side, a bottleneck with a bounded queue, repair and reports on the
//! other. The bytes are those of the wire; the contents are nobody's.

use confab_base::{Bitrate, Duration, Time};
use confab_congestion::repair::{FrameClass, MediaPacket, RepairReceiver, RepairSender};
use confab_congestion::{Pacer, SendSide};
use confab_simnet::{Bottleneck, Impairments, LinkInput, QueueBound, QueuedLink, Rng};
use std::collections::VecDeque;

/// Each way.
const WAY: Duration = Duration::from_millis(25);
const REPORT: u64 = 50;
/// RTP, SRTP, UDP and IP.
const HEADERS: usize = 68;
/// The receiver's clock is another one.
const CLOCK: i64 = 7_000_000;
/// What a loss is counted over, as reports of receivers are.
const COUNTED: u64 = 1000;

#[derive(Clone, Debug)]
enum Wire {
    Media(MediaPacket),
    Voice(u64),
    Repair(Vec<u8>),
    Padding,
}

#[derive(Clone, Debug)]
struct Sealed {
    wide: u64,
    wire: Wire,
}

/// What comes out.
#[derive(Clone, Debug)]
pub enum Came {
    Media(MediaPacket),
    Voice(u64),
}

type Report = Vec<(u16, Option<i64>)>;

pub struct Hop {
    pub side: SendSide,
    repair: RepairSender,
    pacer: Option<Pacer<(MediaPacket, FrameClass)>>,
    link: QueuedLink<Sealed>,
    receiver: RepairReceiver,
    /// Of everything, transport-wide.
    sent: u64,
    report_from: u64,
    came: Vec<(u64, i64)>,
    reports: VecDeque<(Time, Report)>,
    feedback: VecDeque<(Time, Vec<u8>)>,
    /// Voice bytes of this half second, and their rate.
    voice: (Time, usize, Bitrate),
    told: Bitrate,
    /// Packets in and dropped up to the last and the one before last second.
    counts: VecDeque<(u64, u64)>,
    /// Queue of what came, milliseconds.
    pub queued: Vec<f64>,
    /// Bytes of padding.
    padded: u64,
    /// Queues, drops, bytes of repair and of padding up to the last line of the time line.
    line: (usize, u64, u64, u64),
}

fn line(kbps: Option<u64>) -> Impairments {
    Impairments {
        bottleneck: kbps.map_or(Bottleneck::None, |k| Bottleneck::Rate(Bitrate::kbps(k))),
        queue: QueueBound::Time(Duration::from_millis(300)),
        ..Impairments::default()
    }
}

impl Hop {
    /// `kbps`: `None` is as much as anybody wants. A client's pictures are paced.
    pub fn new(kbps: Option<u64>, is_client: bool, start: u64, dice: &mut Rng) -> Hop {
        let mut side = SendSide::new(Bitrate::kbps(start));
        if !is_client {
            side.send_in_steps();
        }
        Hop {
            side,
            repair: RepairSender::new(),
            pacer: is_client.then(Pacer::default),
            link: QueuedLink::new(line(kbps), dice.fork(), Time::from_millis(1)),
            receiver: RepairReceiver::new(),
            sent: 0,
            report_from: 1,
            came: Vec::new(),
            reports: VecDeque::new(),
            feedback: VecDeque::new(),
            voice: (Time::ZERO, 0, Bitrate::ZERO),
            told: Bitrate::ZERO,
            counts: VecDeque::new(),
            queued: Vec::new(),
            padded: 0,
            line: (0, 0, 0, 0),
        }
    }

    pub fn becomes(&mut self, kbps: Option<u64>, now: Time) {
        self.link.handle(LinkInput::Settings(line(kbps)), now);
        self.queued.clear();
        self.line.0 = 0;
    }

    fn put(&mut self, wire: Wire, payload: usize, now: Time) {
        let bytes = payload + HEADERS;
        self.side.sent(bytes, now);
        self.sent += 1;
        let payload = Sealed {
            wide: self.sent,
            wire,
        };
        self.link
            .handle(LinkInput::Datagram { payload, bytes }, now);
    }

    pub fn voice(&mut self, seq: u64, bytes: usize, now: Time) {
        self.voice.1 += bytes + HEADERS;
        let passed = now.since(self.voice.0);
        if passed >= Duration::from_millis(500) {
            let rate = self.voice.1 as f64 * 8.0 / passed.as_secs_f64();
            self.voice = (now, 0, Bitrate(rate as u64));
        }
        self.put(Wire::Voice(seq), bytes, now);
    }

    pub fn media(&mut self, packet: MediaPacket, class: FrameClass, now: Time) {
        match &mut self.pacer {
            Some(pacer) => pacer.push(packet.payload.len() + 28, (packet, class), now),
            None => self.leave(packet, class, now),
        }
    }

    fn leave(&mut self, packet: MediaPacket, class: FrameClass, now: Time) {
        let size = packet.payload.len();
        self.repair.sent(packet.clone(), class, now);
        self.put(Wire::Media(packet), size, now);
    }

    /// What media may take, when that changed: as `transport` tells it.
    pub fn poll_estimate(&mut self, now: Time) -> Option<Bitrate> {
        let (path, voices) = (self.side.estimate(), self.voice.2);
        let pictures = Bitrate(path.0.saturating_sub(voices.0));
        self.repair.set_rate(pictures);
        if let Some(loss) = self.side.loss() {
            self.repair.path_loss(loss, now);
        }
        let share = f64::from(self.repair.media_share());
        let media = Bitrate(voices.0 + pictures.scaled(share).0);
        let is_news = media.0.abs_diff(self.told.0) as f64 > self.told.0 as f64 * 0.03;
        is_news.then(|| {
            self.told = media;
            media
        })
    }

    /// Share lost over the last two seconds, told each second.
    pub fn loss(&mut self) -> f32 {
        let stats = self.link.stats();
        self.counts.push_back((stats.packets_in, stats.lost_queue));
        if self.counts.len() > 3 {
            self.counts.pop_front();
        }
        let (first, last) = (self.counts[0], self.counts[self.counts.len() - 1]);
        (last.1 - first.1) as f32 / (last.0 - first.0).max(1) as f32
    }

    /// For the eye: what the link carries and dropped, its longest queue in this line, and what is believed of it.
    pub fn says(&mut self) -> String {
        let (told, voice) = (self.told.0 / 1000, self.voice.2.0 / 1000);
        let (path, share) = (self.side.estimate().0 / 1000, self.repair.media_share());
        let loss = self.side.loss().unwrap_or(0.0);
        let stats = self.link.stats();
        let queue = self.queued[self.line.0..]
            .iter()
            .fold(0.0, |a: f64, b| a.max(*b));
        let dropped = stats.lost_queue - self.line.1;
        let repair = self.repair.stats().bytes - self.line.2;
        let padded = self.padded - self.line.3;
        self.line = (
            self.queued.len(),
            stats.lost_queue,
            self.repair.stats().bytes,
            self.padded,
        );
        let link = match self.link.settings().bottleneck {
            Bottleneck::Rate(rate) => rate.0 / 1000,
            _ => 0,
        };
        format!(
            "{link}: est {path} told {told} q {queue:.0} drop {dropped} rep {repair} pad {padded} voice {voice} share {share:.2} loss {loss:.2}"
        )
    }

    pub fn counts_now(now: Time) -> bool {
        now.as_millis().is_multiple_of(COUNTED)
    }

    pub fn step(&mut self, now: Time) -> Vec<Came> {
        self.sender(now);
        self.link.handle(LinkInput::Timeout, now);
        let mut out = Vec::new();
        while let Some(d) = self.link.poll_output() {
            self.queued.push(d.queued.as_secs_f64() * 1000.0);
            let at = (d.at + WAY).as_micros() as i64 + CLOCK;
            self.came.push((d.payload.wide, at));
            match d.payload.wire {
                Wire::Voice(seq) => out.push(Came::Voice(seq)),
                Wire::Media(packet) => {
                    if self.receiver.received(packet.clone(), now) {
                        out.push(Came::Media(packet));
                    }
                }
                Wire::Repair(bytes) => self.receiver.repair(&bytes, now).expect("our own"),
                Wire::Padding => {}
            }
        }
        while let Some(packet) = self.receiver.poll_recovered() {
            out.push(Came::Media(packet));
        }
        self.reports(now);
        out
    }

    fn sender(&mut self, now: Time) {
        while self.reports.front().is_some_and(|r| r.0 <= now) {
            let report = self.reports.pop_front().expect("looked").1;
            self.side.feedback(report.into_iter(), now);
        }
        while self.feedback.front().is_some_and(|f| f.0 <= now) {
            let body = self.feedback.pop_front().expect("looked").1;
            self.repair.feedback(&body, now).expect("our own");
        }
        let estimate = self.side.estimate();
        if self.pacer.is_some() && self.side.holds(now) {
            return;
        }
        while let Some((packet, class)) = self.pacer.as_mut().and_then(|p| p.poll(estimate, now)) {
            self.leave(packet, class, now);
        }
        let mut symbol = Vec::new();
        while self.repair.poll(now, &mut symbol).is_some() {
            let size = symbol.len();
            self.put(Wire::Repair(symbol.clone()), size, now);
        }
        while let Some(bytes) = self.side.padding(now) {
            let bytes = bytes.clamp(100, 1100);
            self.padded += bytes as u64;
            self.put(Wire::Padding, bytes, now);
        }
    }

    /// Both ways that the receiver tells what came, the way back included.
    fn reports(&mut self, now: Time) {
        let mut body = Vec::new();
        if self.receiver.poll_feedback(now, &mut body) {
            self.feedback.push_back((now + WAY * 2, body));
        }
        if !now.as_millis().is_multiple_of(REPORT) {
            return;
        }
        let Some(newest) = self.came.iter().map(|c| c.0).max() else {
            return;
        };
        let mut all: Vec<_> = (self.report_from..=newest).map(|s| (s, None)).collect();
        for (seq, at) in self.came.drain(..) {
            all[(seq - self.report_from) as usize].1 = Some(at);
        }
        self.report_from = newest + 1;
        let report = all.into_iter().map(|(s, at)| (s as u16, at)).collect();
        self.reports.push_back((now + WAY * 2, report));
    }
}
