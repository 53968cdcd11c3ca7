//! The numbers of one receiving slot. A slot carries runs of different layers and tracks one after the other; the
//! receiver sees a single stream whose sequence numbers, timestamps and VP8 picture ids go on without a break.
//!
//! Inside a run the outgoing number is the incoming one plus an offset, so a packet lost on the way in leaves a gap
//! on the way out, and its late resend finds its place in it. The last [`KEPT`] runs are remembered for that. A packet
//! left out on purpose (padding, a frame too many, a run's end) closes the gap instead: nobody shall ask for it.

use crate::io::{RtpIn, RtpOut};
use confab_base::{Time, TrackId};
use confab_rtp::vp8;
use std::collections::VecDeque;
use std::sync::Arc;

/// Runs whose late packets still find their place: two seconds' of them where every other frame is left out.
const KEPT: usize = 32;
/// A packet this far behind the newest of its run is too late to be worth anything: str0m's own resend cache is 2000.
const TOO_LATE: u64 = 2000;
/// A forward jump of the sender beyond this is a new start, not loss: passing it on could cost the receiver its
/// SRTP roll-over count (it must stay far below 2^15).
const JUMP: u64 = 3000;
/// A timestamp that is further from the time that passed, seconds, is another clock's.
const FAR: i64 = 2;

/// One numbering of a sender: it changes with its peer connection (`epoch`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub track: TrackId,
    pub layer: u8,
    pub epoch: u32,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    flow: Flow,
    first: u64,
    /// First incoming number that is no longer part of the run.
    end: u64,
    seq: u64,
    timestamp: u32,
    picture: u16,
    tl0: u8,
}

#[derive(Debug)]
pub(crate) struct Rewriter {
    runs: VecDeque<Run>,
    /// Whether the last run still takes new packets.
    open: bool,
    /// Next unused outgoing number.
    next: u64,
    /// Highest incoming number of the open run.
    highest: u64,
    /// Outgoing timestamp and arrival of the newest packet.
    newest: Option<(u32, Time)>,
    first_timestamp: u32,
    /// Outgoing picture id and TL0PICIDX of the newest VP8 packet.
    picture: Option<(u16, u8)>,
}

impl Rewriter {
    /// `seed` is a random number of the shell's.
    pub fn new(seed: u64) -> Rewriter {
        Rewriter {
            runs: VecDeque::with_capacity(KEPT + 1),
            open: false,
            next: seed & 0x7fff,
            highest: 0,
            newest: None,
            first_timestamp: (seed >> 32) as u32,
            picture: None,
        }
    }

    /// The flow whose packets are taken now.
    pub fn flow(&self) -> Option<Flow> {
        self.open
            .then(|| self.runs.back().map(|r| r.flow))
            .flatten()
    }

    /// Takes no new packets; late ones of the past still pass.
    pub fn close(&mut self) {
        if self.open {
            self.open = false;
            if let Some(run) = self.runs.back_mut() {
                run.end = self.highest + 1;
            }
        }
    }

    /// Starts a run with this packet. `clock` is the RTP clock rate, Hz; `is_vp8` makes picture ids go on.
    pub fn open(&mut self, flow: Flow, packet: &RtpIn, now: Time, clock: u32, is_vp8: bool) {
        self.close();
        let start = || match self.newest {
            None => self.first_timestamp,
            // The receiver's clock must see the time that really passed, and never the same instant twice.
            Some((timestamp, at)) => {
                let passed = now.since(at).as_micros() as u64 * u64::from(clock) / 1_000_000;
                timestamp.wrapping_add(passed.max(u64::from(clock / 100)) as u32)
            }
        };
        let start = self.goes_on(flow, packet, now, clock).unwrap_or_else(start);
        let (picture, tl0) = match (
            self.picture,
            is_vp8
                .then(|| vp8::Descriptor::parse(&packet.payload))
                .flatten(),
        ) {
            (Some((picture, tl0)), Some(d)) => (
                picture
                    .wrapping_add(1)
                    .wrapping_sub(d.picture_id.unwrap_or(0))
                    & 0x7fff,
                tl0.wrapping_add(1)
                    .wrapping_sub(d.tl0_picture_index.unwrap_or(0)),
            ),
            _ => (0, 0),
        };
        self.push(Run {
            flow,
            first: packet.seq,
            end: u64::MAX,
            seq: self.next.wrapping_sub(packet.seq),
            timestamp: start.wrapping_sub(packet.timestamp),
            picture,
            tl0,
        });
        self.open = true;
        self.highest = packet.seq;
    }

    /// The timestamp of this packet as those of the run before it go on. Our own ends count all layers of a picture alike, so a layer that
    /// took long to begin is late, and not of another time: it is shown as soon as it is here.
    fn goes_on(&self, flow: Flow, packet: &RtpIn, now: Time, clock: u32) -> Option<u32> {
        packet.tag?;
        let (newest, at) = self.newest?;
        let same = |r: &&Run| (r.flow.track, r.flow.epoch) == (flow.track, flow.epoch);
        let run = self.runs.back().filter(same)?;
        let timestamp = packet.timestamp.wrapping_add(run.timestamp);
        let ahead = i64::from(timestamp.wrapping_sub(newest) as i32);
        let passed = now.since(at).as_micros() as i64 * i64::from(clock) / 1_000_000;
        let is_near = (ahead - passed).abs() < i64::from(clock) * FAR;
        (ahead > 0 && is_near).then_some(timestamp)
    }

    fn push(&mut self, run: Run) {
        if self.runs.len() == KEPT {
            self.runs.pop_front();
        }
        self.runs.push_back(run);
    }

    /// Which packet went out with this number, of which the low 32 bits are given.
    pub fn origin(&self, low: u32) -> Option<(Flow, u64)> {
        let back = (self.next as u32).wrapping_sub(low);
        let seq = self.next.checked_sub(u64::from(back))?;
        let of = |run: &Run| {
            let seq = seq.wrapping_sub(run.seq);
            (run.first..run.end)
                .contains(&seq)
                .then_some((run.flow, seq))
        };
        self.runs.iter().rev().find_map(of)
    }

    /// Whether following this packet needs a fresh start of the open run.
    pub fn jumped(&self, seq: u64) -> bool {
        self.open && seq > self.highest.saturating_add(JUMP)
    }

    /// Whether this packet is newer than all of the open run.
    pub fn is_ahead(&self, seq: u64) -> bool {
        self.open && seq > self.highest
    }

    /// Leaves out a packet of the open run and closes the gap it would leave; in VP8's picture ids, too, if a picture goes with it.
    pub fn skip(&mut self, flow: Flow, seq: u64, is_picture: bool) {
        if self.flow() != Some(flow) || seq <= self.highest || self.jumped(seq) {
            return;
        }
        let Some(run) = self.runs.back_mut() else {
            return;
        };
        self.next = self.next.max(seq.wrapping_add(run.seq));
        self.highest = seq;
        let picture = run.picture.wrapping_sub(u16::from(is_picture)) & 0x7fff;
        let rest = Run {
            first: seq + 1,
            seq: run.seq.wrapping_sub(1),
            picture,
            ..*run
        };
        if run.first == seq {
            // Nothing was in it yet.
            *run = rest;
        } else {
            run.end = seq;
            self.push(rest);
        }
    }

    /// The packet under this slot's numbers; `None` if it belongs to no run.
    pub fn map(&mut self, flow: Flow, packet: &RtpIn, now: Time, is_vp8: bool) -> Option<RtpOut> {
        let at = self
            .runs
            .iter()
            .rposition(|r| r.flow == flow && (r.first..r.end).contains(&packet.seq))?;
        let run = &self.runs[at];
        let is_open = self.open && at + 1 == self.runs.len();
        if is_open && self.highest > packet.seq.saturating_add(TOO_LATE) {
            return None;
        }
        let seq = packet.seq.wrapping_add(run.seq);
        let timestamp = packet.timestamp.wrapping_add(run.timestamp);
        let payload = if is_vp8 {
            shifted(&packet.payload, run.picture, run.tl0)
        } else {
            packet.payload.clone()
        };
        if is_open && packet.seq >= self.highest {
            self.highest = packet.seq;
            self.newest = Some((timestamp, now));
            if is_vp8 {
                self.note_picture(&payload);
            }
        }
        self.next = self.next.max(seq + 1);
        Some(RtpOut {
            seq,
            timestamp,
            marker: packet.marker,
            payload,
            red: false,
            audio_level: packet.audio_level,
            voice: packet.voice,
            tag: packet.tag,
        })
    }

    fn note_picture(&mut self, payload: &[u8]) {
        if let Some(d) = vp8::Descriptor::parse(payload) {
            self.picture = Some((d.picture_id.unwrap_or(0), d.tl0_picture_index.unwrap_or(0)));
        }
    }
}

/// The payload with its picture id and TL0PICIDX moved on; the same, shared, if there is nothing to move.
fn shifted(payload: &Arc<[u8]>, picture: u16, tl0: u8) -> Arc<[u8]> {
    let moved = || {
        let d = vp8::Descriptor::parse(payload)?;
        let picture = d.picture_id.unwrap_or(0).wrapping_add(picture) & 0x7fff;
        let tl0 = d.tl0_picture_index.unwrap_or(0).wrapping_add(tl0);
        vp8::rewrite(payload, &d, picture, tl0)
    };
    match (picture, tl0) {
        (0, 0) => None,
        _ => moved(),
    }
    .unwrap_or_else(|| payload.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn flow(track: u32, layer: u8) -> Flow {
        Flow {
            track: TrackId(track),
            layer,
            epoch: 0,
        }
    }

    fn packet(seq: u64, timestamp: u32) -> RtpIn {
        RtpIn {
            tag: None,
            seq,
            timestamp,
            marker: false,
            payload: Arc::from([0x61u8, 1]),
            audio_level: None,
            voice: false,
            red: false,
        }
    }

    fn start(r: &mut Rewriter, f: Flow, p: &RtpIn, ms: u64) -> RtpOut {
        r.open(f, p, Time::from_millis(ms), 90_000, false);
        r.map(f, p, Time::from_millis(ms), false).unwrap()
    }

    fn next(r: &mut Rewriter, f: Flow, p: &RtpIn, ms: u64) -> Option<u64> {
        r.map(f, p, Time::from_millis(ms), false).map(|o| o.seq)
    }

    #[test]
    fn numbers_go_on_over_a_switch_and_time_passes_as_it_did() {
        let mut r = Rewriter::new(100);
        let (a, b) = (flow(1, 0), flow(1, 1));
        let first = start(&mut r, a, &packet(5000, 777), 0);
        assert_eq!(first.seq, 100);
        assert_eq!(next(&mut r, a, &packet(5001, 777), 0), Some(101));
        let second = start(&mut r, b, &packet(9, 123_456), 40);
        assert_eq!(second.seq, 102);
        assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 3600);
        assert_eq!(
            next(&mut r, a, &packet(5002, 800), 41),
            None,
            "the old layer goes on unheard"
        );
        assert_eq!(
            next(&mut r, b, &packet(8, 800), 41),
            None,
            "what came before the key frame"
        );
    }

    #[test]
    fn layers_of_our_own_ends_keep_their_time_however_late_one_begins() {
        let tagged = |seq, timestamp| RtpIn {
            tag: Some(confab_base::FrameTag {
                frame: 0,
                refers: 0,
                temporal: 0,
                start: true,
            }),
            ..packet(seq, timestamp)
        };
        let second_at = |timestamp, ms| {
            let mut r = Rewriter::new(100);
            let first = start(&mut r, flow(1, 1), &tagged(5000, 90_000), 1000);
            let second = start(&mut r, flow(1, 0), &tagged(9, timestamp), ms);
            second.timestamp.wrapping_sub(first.timestamp)
        };
        assert_eq!(second_at(93_000, 1400), 3000, "0.4 s late");
        assert_eq!(second_at(89_000, 1400), 36_000, "time never goes back");
        assert_eq!(second_at(90_000_000, 1400), 36_000, "another clock");
    }

    #[test]
    fn a_late_resend_finds_its_gap_even_behind_a_switch() {
        let mut r = Rewriter::new(0);
        let (a, b) = (flow(1, 0), flow(2, 0));
        start(&mut r, a, &packet(10, 0), 0);
        assert_eq!(next(&mut r, a, &packet(13, 0), 0), Some(3));
        assert_eq!(next(&mut r, a, &packet(11, 0), 1), Some(1));
        assert_eq!(start(&mut r, b, &packet(70, 0), 5).seq, 4);
        assert_eq!(next(&mut r, a, &packet(12, 0), 6), Some(2));
        assert_eq!(next(&mut r, b, &packet(71, 0), 6), Some(5));
    }

    #[test]
    fn what_went_out_is_known_by_its_number() {
        let mut r = Rewriter::new(100);
        let (a, b) = (flow(1, 0), flow(1, 1));
        start(&mut r, a, &packet(5000, 777), 0);
        r.skip(a, 5001, false);
        assert_eq!(next(&mut r, a, &packet(5002, 777), 0), Some(101));
        assert_eq!(start(&mut r, b, &packet(9, 1), 40).seq, 102);
        let origins = [100, 101, 102].map(|seq| r.origin(seq));
        assert_eq!(origins, [Some((a, 5000)), Some((a, 5002)), Some((b, 9))]);
        assert_eq!(r.origin(99), None);
        assert_eq!(r.origin(2000), None, "not sent yet");
    }

    #[test]
    fn padding_left_out_leaves_no_gap() {
        let mut r = Rewriter::new(0);
        let a = flow(1, 0);
        start(&mut r, a, &packet(10, 0), 0);
        r.skip(a, 11, false);
        assert_eq!(next(&mut r, a, &packet(12, 0), 0), Some(1));
        // 13 is lost, 14 is padding, then 13 comes late.
        r.skip(a, 14, false);
        assert_eq!(next(&mut r, a, &packet(15, 0), 0), Some(3));
        assert_eq!(next(&mut r, a, &packet(13, 0), 0), Some(2));
    }

    #[test]
    fn a_new_numbering_of_the_same_layer_is_another_flow() {
        let mut r = Rewriter::new(0);
        let a = flow(1, 0);
        start(&mut r, a, &packet(1000, 0), 0);
        let again = Flow { epoch: 1, ..a };
        assert_eq!(next(&mut r, again, &packet(1001, 0), 0), None);
        assert_eq!(start(&mut r, again, &packet(3, 0), 9).seq, 1);
    }

    #[test]
    fn vp8_pictures_go_on_over_a_switch() {
        let vp8 = |seq, id: u8| {
            let payload: Arc<[u8]> = Arc::from([0x90, 0xc0, 0x80, id, id, 0x00, 1]);
            RtpIn {
                payload,
                ..packet(seq, 0)
            }
        };
        let mut r = Rewriter::new(0);
        let (a, b) = (flow(1, 0), flow(1, 1));
        let picture =
            |r: &mut Rewriter, f, p: &RtpIn| r.map(f, p, Time::ZERO, true).unwrap().payload[3];
        r.open(a, &vp8(1, 50), Time::ZERO, 90_000, true);
        assert_eq!(picture(&mut r, a, &vp8(1, 50)), 50);
        assert_eq!(picture(&mut r, a, &vp8(2, 51)), 51);
        r.open(b, &vp8(90, 7), Time::ZERO, 90_000, true);
        assert_eq!(picture(&mut r, b, &vp8(90, 7)), 52);
        assert_eq!(picture(&mut r, b, &vp8(91, 8)), 53);
    }

    #[test]
    fn vp8_pictures_go_on_over_those_left_out() {
        let vp8 = |seq, id: u8| RtpIn {
            payload: Arc::from([0x90, 0xc0, 0x80, id, 9, 0x00, 1]),
            ..packet(seq, 0)
        };
        let mut r = Rewriter::new(0);
        let a = flow(1, 0);
        let sent = |r: &mut Rewriter, p: &RtpIn| {
            let out = r.map(a, p, Time::ZERO, true).unwrap();
            (out.seq, out.payload[3])
        };
        r.open(a, &vp8(1, 50), Time::ZERO, 90_000, true);
        assert_eq!(sent(&mut r, &vp8(1, 50)), (0, 50));
        r.skip(a, 2, true);
        r.skip(a, 3, false);
        assert_eq!(sent(&mut r, &vp8(4, 52)), (1, 51));
        r.skip(a, 5, true);
        assert_eq!(sent(&mut r, &vp8(6, 54)), (2, 52));
        assert_eq!(sent(&mut r, &vp8(4, 52)), (1, 51), "again, late");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Next(u64),
        Pad,
        Late(u64),
        Switch(u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (1u64..4).prop_map(Step::Next),
            1 => Just(Step::Pad),
            2 => (1u64..6).prop_map(Step::Late),
            1 => (0u8..3).prop_map(Step::Switch),
        ];
        proptest::collection::vec(step, 1..200)
    }

    proptest! {
        /// No two different packets ever get the same number, the same packet always gets the same one, and order
        /// inside a layer is kept.
        #[test]
        fn numbers_are_unique_stable_and_ordered(steps in steps(), seed in any::<u64>()) {
            let mut r = Rewriter::new(seed);
            let mut seqs = [1000u64, 70_000, 3];
            let mut layer = 0usize;
            let mut seen: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
            let mut open = false;
            for step in steps {
                let f = flow(1, layer as u8);
                let mut offer = |r: &mut Rewriter, layer: usize, seq: u64| -> Result<(), TestCaseError> {
                    let f = flow(1, layer as u8);
                    if let Some(out) = r.map(f, &packet(seq, 0), Time::ZERO, false) {
                        let owner = *seen.entry(out.seq).or_insert((layer, seq));
                        prop_assert_eq!(owner, (layer, seq));
                    }
                    Ok(())
                };
                match step {
                    Step::Next(by) => {
                        seqs[layer] += by;
                        if !open {
                            r.open(f, &packet(seqs[layer], 0), Time::ZERO, 90_000, false);
                            open = true;
                        }
                        offer(&mut r, layer, seqs[layer])?;
                    }
                    Step::Pad => { seqs[layer] += 1; r.skip(f, seqs[layer], false); }
                    Step::Late(by) => offer(&mut r, layer, seqs[layer].saturating_sub(by))?,
                    Step::Switch(to) => { layer = usize::from(to); open = false; }
                }
            }
            let by_in: Vec<(usize, u64)> = seen.values().copied().collect();
            for pair in by_in.windows(2) {
                prop_assert!(pair[0].0 != pair[1].0 || pair[0].1 < pair[1].1, "{:?}", pair);
            }
        }
    }
}
