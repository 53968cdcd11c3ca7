//! The sending end: keeps what may be asked for, and sends symbols for what is lost or will be.

mod block;
mod path;
mod plan;
mod stream;

use super::feedback::{Feedback, FeedbackError, Last, bit};
use super::symbol::{Symbol, add_row, coefficient, repairable};
use super::{FrameClass, MOST_STREAMS, MediaPacket, RepairInfo, RepairSendStats};
use block::Fate;
use confab_base::{Bitrate, Duration, Time};
use path::Path;
pub use plan::media_share;
use std::collections::VecDeque;
use stream::Stream;

/// RTP, SRTP, UDP and IP around each packet, in bytes: they take room on the path too.
const PACKET_OVERHEAD: usize = 54;
/// How much may go out at once after a pause.
const BURST: Duration = Duration::from_millis(10);
/// Media is never held back; what it takes beyond the rate delays repair by no more than this.
const MOST_DEBT: Duration = Duration::from_millis(200);
/// While frames are in doubt, time alone may bring a new symbol.
const TICK: Duration = Duration::from_millis(5);
/// Feedback older than this says nothing of the path now.
const DEAF: Duration = Duration::from_secs(3);
const SILENT: Duration = Duration::from_secs(3);
/// Without video for so long, what others measured of the path counts.
const QUIET: Duration = Duration::from_secs(1);
/// Part of a measurement of less loss that counts for the media's share.
const EASED: f64 = 0.1;

/// One direction's sending end, of all streams together.
#[derive(Debug, Default)]
pub struct RepairSender {
    streams: Vec<Stream>,
    path: Path,
    /// Symbols whose fate is open, or was not long ago.
    symbols: VecDeque<Flight>,
    next_number: u32,
    rate: f64,
    /// Bytes that may be sent; below zero: media took more than the rate.
    tokens: f64,
    filled: Time,
    last_feedback: Option<(u16, Time)>,
    next_look: Option<Time>,
    share: f64,
    stats: RepairSendStats,
    gone_given_up: u64,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    number: u32,
    at: Time,
    ssrc: u32,
    seq: u64,
    fate: Fate,
}

impl RepairSender {
    pub fn new() -> Self {
        RepairSender {
            share: 1.0,
            rate: 1e6,
            ..RepairSender::default()
        }
    }

    /// A media packet that just left; `class` is that of its frame. Its payload is kept until it is acknowledged or too late.
    pub fn sent(&mut self, packet: MediaPacket, class: FrameClass, now: Time) {
        self.refill(now);
        let bytes = packet.payload.len();
        self.tokens -= (bytes + PACKET_OVERHEAD) as f64;
        self.stats.media_packets += 1;
        self.stats.media_bytes += bytes as u64;
        self.path.sent(now);
        if !repairable(&packet) {
            return;
        }
        self.stream(packet.ssrc, now).sent(packet, class, now);
        self.next_look = Some(now);
    }

    /// What the receiver says it has.
    pub fn feedback(&mut self, body: &[u8], now: Time) -> Result<(), FeedbackError> {
        let feedback = Feedback::parse(body)?;
        if let Some((newest, _)) = self.last_feedback
            && feedback.number.wrapping_sub(newest) as i16 <= 0
        {
            return Ok(()); // doubled or overtaken
        }
        self.last_feedback = Some((feedback.number, now));
        self.measure_round_trip(&feedback, now);
        self.path.arrivals(feedback.arrivals, now);
        let horizon = self.path.horizon(now);
        self.settle_symbols(&feedback, horizon);
        let loss = self.path.loss();
        // More loss is answered at once, less is believed in time.
        let share = plan::media_share(loss);
        let weight = if share < self.share { 0.5 } else { EASED };
        self.share += (share - self.share) * weight;
        for at in 0..self.streams.len() {
            self.settle_stream(at, &feedback, horizon, now);
        }
        self.next_look = Some(now);
        Ok(())
    }

    /// The share lost of everything that goes this way, 0 to 1, measured by others; ask often. While no video goes, nobody tells what
    /// becomes of it, and what was known of the path would hold for ever: too much loss to begin again, or too little repair.
    pub fn path_loss(&mut self, loss: f32, now: Time) {
        if self.streams.iter().any(|s| now.since(s.last_sent) < QUIET) {
            return;
        }
        self.path.assume(f64::from(loss));
        let share = plan::media_share(self.path.loss());
        self.share += (share - self.share) * EASED;
    }

    /// What the path carries for media and repair together.
    pub fn set_rate(&mut self, total: Bitrate) {
        self.rate = total.bps() as f64;
    }

    /// Writes the next repair payload to send now into `out`, which is cleared; most important first. Call until `None`.
    pub fn poll(&mut self, now: Time, out: &mut Vec<u8>) -> Option<RepairInfo> {
        self.refill(now);
        let heard = self.last_feedback.is_some_and(|f| now.since(f.1) < DEAF);
        self.next_look = None;
        if !heard {
            return None;
        }
        let transit = self.path.round_trip() / 2;
        for stream in &mut self.streams {
            stream.trim(transit, now);
        }
        let Some((stream, block)) = self.choose(now) else {
            let doubt =
                self.path.loss() > 0.01 && self.streams.iter().any(|s| !s.blocks.is_empty());
            self.next_look = doubt.then_some(now + TICK);
            return None;
        };
        if self.tokens < 0.0 {
            let wait = Duration::from_secs_f64(-self.tokens * 8.0 / self.rate.max(1e4));
            self.next_look = Some(now + wait.max(Duration::from_micros(500)));
            return None;
        }
        let info = self.write(stream, block, out, now);
        self.next_look = Some(now);
        Some(info)
    }

    /// When [`RepairSender::poll`] may have something next.
    pub fn next_wakeup(&self) -> Option<Time> {
        self.last_feedback.and(self.next_look)
    }

    /// Share of the path's rate for media itself, so that its repair has room: 1 at no loss, .2 at 70 %, .12 at 80 %.
    pub fn media_share(&self) -> f32 {
        self.share as f32
    }

    /// The longest payload media packets should have now, in bytes: small ones get through great loss sooner. Advice only.
    pub fn media_payload(&self) -> usize {
        plan::media_payload(self.path.loss())
    }

    pub fn stats(&self) -> RepairSendStats {
        RepairSendStats {
            given_up: self.gone_given_up + self.streams.iter().map(|s| s.given_up).sum::<u64>(),
            loss: self.path.loss() as f32,
            burst: self.path.burst() as f32,
            round_trip: self.path.measured_round_trip().unwrap_or_default(),
            ..self.stats
        }
    }

    fn stream(&mut self, ssrc: u32, now: Time) -> &mut Stream {
        if let Some(at) = self.streams.iter().position(|s| s.ssrc == ssrc) {
            return &mut self.streams[at];
        }
        let silent = |s: &Stream| now.since(s.last_sent) > SILENT;
        let gone = self.streams.iter().filter(|s| silent(s));
        self.gone_given_up += gone.map(|s| s.given_up).sum::<u64>();
        self.streams.retain(|s| !silent(s));
        if self.streams.len() >= MOST_STREAMS {
            let oldest = (0..self.streams.len()).min_by_key(|i| self.streams[*i].last_sent);
            let gone = self.streams.swap_remove(oldest.unwrap_or(0));
            self.gone_given_up += gone.given_up;
        }
        self.streams.push(Stream::new(ssrc, now));
        let at = self.streams.len() - 1;
        &mut self.streams[at]
    }

    fn refill(&mut self, now: Time) {
        let per_second = self.rate / 8.0;
        let earned = per_second * now.since(self.filled).as_secs_f64();
        let most = (per_second * BURST.as_secs_f64()).max(1500.0);
        let least = -per_second * MOST_DEBT.as_secs_f64();
        self.tokens = (self.tokens + earned).clamp(least, most);
        self.filled = self.filled.max(now);
    }

    fn measure_round_trip(&mut self, feedback: &Feedback, now: Time) {
        let at = match feedback.last {
            Last::Symbol(number) => self.flight(number).map(|f| f.at),
            Last::Media { ssrc, seq } => self
                .streams
                .iter()
                .find(|s| s.ssrc == ssrc)
                .and_then(|s| s.sent_at(seq)),
        };
        if let Some(at) = at {
            let waited = Duration::from_micros(u64::from(feedback.delay) * 100);
            self.path
                .round_trip_sample(now.since(at).saturating_sub(waited));
        }
    }

    fn flight(&self, number: u32) -> Option<&Flight> {
        let first = self.symbols.front()?.number;
        self.symbols.get(number.wrapping_sub(first) as usize)
    }

    fn settle_symbols(&mut self, feedback: &Feedback, horizon: Time) {
        for flight in &mut self.symbols {
            let back = feedback.highest_symbol.wrapping_sub(flight.number);
            let came = bit(&feedback.symbols, u64::from(back));
            let fate = match flight.fate {
                Fate::Flying if came => Fate::Arrived,
                Fate::Flying if flight.at <= horizon => Fate::Lost,
                Fate::Lost if came => Fate::Arrived,
                _ => continue,
            };
            if flight.fate == Fate::Flying {
                self.path.symbol(fate == Fate::Arrived);
            }
            flight.fate = fate;
            let stream = self.streams.iter_mut().find(|s| s.ssrc == flight.ssrc);
            if let Some(block) = stream.and_then(|s| s.block_of(flight.seq)) {
                block.symbol(flight.number, fate);
            }
        }
        let old = horizon - Duration::from_secs(1);
        while self.symbols.front().is_some_and(|s| s.at < old) {
            self.symbols.pop_front();
        }
    }

    fn settle_stream(&mut self, at: usize, feedback: &Feedback, horizon: Time, now: Time) {
        let stream = &mut self.streams[at];
        let report = feedback.streams.iter().find(|r| r.ssrc == stream.ssrc);
        if report.is_none() && feedback.partial {
            return;
        }
        let (news, reordered) = stream.report(report, horizon);
        self.stats.acknowledged += news;
        if let Some(sent) = reordered {
            let late = now.since(sent + self.path.round_trip());
            self.path.reordered(late, now);
        }
    }

    fn choose(&self, now: Time) -> Option<(usize, usize)> {
        let mut best: Option<(plan::Rank, usize, usize)> = None;
        for (s, stream) in self.streams.iter().enumerate() {
            for (b, block) in stream.blocks.iter().enumerate() {
                let rank = plan::rank(block);
                if best.is_none_or(|(r, ..)| rank < r) && plan::wants(block, &self.path, now) {
                    best = Some((rank, s, b));
                }
            }
        }
        best.map(|(_, s, b)| (s, b))
    }

    fn write(&mut self, stream: usize, block: usize, out: &mut Vec<u8>, now: Time) -> RepairInfo {
        let stream = &mut self.streams[stream];
        let block = &mut stream.blocks[block];
        let (first, mask) = block.open();
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        let mut sum = Vec::new();
        for sent in block.packets.iter().filter(|p| !p.there) {
            add_row(&mut sum, &sent.packet, coefficient(number, sent.packet.seq));
        }
        let symbol = Symbol {
            number,
            ssrc: stream.ssrc,
            first,
            mask,
            sum: &sum,
        };
        out.clear();
        symbol.write_head(out);
        out.extend_from_slice(&sum);
        block.add_symbol(number, first, mask);
        let info = RepairInfo {
            ssrc: stream.ssrc,
            seq: first,
            packets: mask.count_ones(),
        };
        self.symbols.push_back(Flight {
            number,
            at: now,
            ssrc: info.ssrc,
            seq: first,
            fate: Fate::Flying,
        });
        if self.symbols.len() > 4096 {
            self.symbols.pop_front();
        }
        self.path.sent(now);
        self.tokens -= (out.len() + PACKET_OVERHEAD) as f64;
        self.stats.symbols += 1;
        self.stats.bytes += out.len() as u64;
        info
    }
}
