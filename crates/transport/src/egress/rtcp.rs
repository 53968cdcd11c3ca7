//! RTCP as the sending side needs it: what receivers report on our packets (RFC 3550 §6.4, RFC 4585, RFC 5104,
//! draft-holmer-rmcat-transport-wide-cc-extensions-01), and the sender's part of the reports that leave.

use std::collections::VecDeque;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const APPLICATION: u8 = 204;
/// The name under which our own ends tell each other what they have (RFC 3550 §6.7).
const REPAIR: [u8; 4] = *b"CFRP";
/// And one that tells which frames are here.
const REFERENCES: [u8; 4] = *b"CFRF";
/// Common header and sender's SSRC.
const HEADER: usize = 8;
const BLOCK: usize = 24;
/// Packets one transport-wide report may speak of: more than are ever in flight.
const MOST_REPORTED: usize = 4096;

/// One report block: how a stream of ours is received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    pub ssrc: u32,
    /// In 256ths, since the block before.
    pub fraction: u8,
    pub lost: u32,
    /// Extended highest sequence number received.
    pub highest: u32,
    pub jitter: u32,
    /// Middle bits of the sender report's NTP time it saw last (0: none), and how long ago that was, in 65536ths of a second.
    pub last_report: u32,
    pub since: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Received(Received),
    /// Pairs of a number and a mask of those that follow it.
    Nack {
        ssrc: u32,
        pairs: &'a [u8],
    },
    /// `true`: by FIR.
    Keyframe {
        ssrc: u32,
        fir: bool,
    },
    TransportWide(&'a [u8]),
    /// What our own other end has of our video.
    Repair(&'a [u8]),
    /// Which frames it has.
    References(&'a [u8]),
    /// Something about the other side's own streams, or unknown: not for us.
    Other,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Splits a compound packet; stops at the first packet that is not whole.
pub(super) fn packets(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = (usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?])) + 1) * 4;
        let packet = rest.get(..length)?;
        rest = &rest[length..];
        Some(packet)
    })
}

/// Tells what a compound packet in clear holds, in its order.
pub(crate) fn read<'a>(compound: &'a [u8], mut tell: impl FnMut(Item<'a>)) {
    for packet in packets(compound) {
        let (count, kind) = (packet[0] & 31, packet[1]);
        let body = packet.get(HEADER..).unwrap_or(&[]);
        match (kind, count) {
            (SENDER_REPORT, _) => {
                tell(Item::Other);
                blocks(body.get(20..).unwrap_or(&[]), count, &mut tell);
            }
            (RECEIVER_REPORT, _) => blocks(body, count, &mut tell),
            (DESCRIPTION, _) => {}
            (TRANSPORT_FEEDBACK, 1) => {
                if let (Some(ssrc), Some(pairs)) = (word(body, 0), body.get(4..)) {
                    tell(Item::Nack { ssrc, pairs });
                }
            }
            (TRANSPORT_FEEDBACK, 15) => {
                if let Some(report) = body.get(4..) {
                    tell(Item::TransportWide(report));
                }
            }
            (APPLICATION, pad) if body.get(..4) == Some(&REPAIR) => {
                // The subtype tells how many bytes fill up the last word.
                let end = body.len().saturating_sub(usize::from(pad & 3));
                tell(Item::Repair(body.get(4..end).unwrap_or(&[])));
            }
            (APPLICATION, pad) if body.get(..4) == Some(&REFERENCES) => {
                let end = body.len().saturating_sub(usize::from(pad & 3));
                tell(Item::References(body.get(4..end).unwrap_or(&[])));
            }
            (PAYLOAD_FEEDBACK, 1) => {
                if let Some(ssrc) = word(body, 0) {
                    tell(Item::Keyframe { ssrc, fir: false });
                }
            }
            (PAYLOAD_FEEDBACK, 4) => {
                // The SSRC it is for stands in each entry.
                for entry in body.get(4..).unwrap_or(&[]).chunks_exact(8) {
                    if let Some(ssrc) = word(entry, 0) {
                        tell(Item::Keyframe { ssrc, fir: true });
                    }
                }
            }
            _ => tell(Item::Other),
        }
    }
}

fn blocks<'a>(body: &[u8], count: u8, tell: &mut impl FnMut(Item<'a>)) {
    for block in body.chunks_exact(BLOCK).take(usize::from(count)) {
        let at = |at| word(block, at).unwrap_or(0);
        tell(Item::Received(Received {
            ssrc: at(0),
            fraction: block[4],
            lost: at(4) & 0x00ff_ffff,
            highest: at(8),
            jitter: at(12),
            last_report: at(16),
            since: at(20),
        }));
    }
}

/// The numbers a NACK asks for.
pub(crate) fn missing(pairs: &[u8]) -> impl Iterator<Item = u16> {
    pairs.chunks_exact(4).flat_map(|p| {
        let first = u16::from_be_bytes([p[0], p[1]]);
        let mask = u16::from_be_bytes([p[2], p[3]]);
        let more = (0..16).filter(move |bit| mask >> bit & 1 == 1);
        std::iter::once(first).chain(more.map(move |bit| first.wrapping_add(bit + 1)))
    })
}

/// A generic NACK for these numbers of a stream, which rise.
pub(crate) fn nack(sender: u32, ssrc: u32, missing: &[u16]) -> Vec<u8> {
    let mut pairs: Vec<(u16, u16)> = Vec::new();
    for &seq in missing {
        match pairs.last_mut() {
            Some((first, mask)) if (1..=16).contains(&seq.wrapping_sub(*first)) => {
                *mask |= 1 << (seq.wrapping_sub(*first) - 1);
            }
            _ => pairs.push((seq, 0)),
        }
    }
    let mut packet = vec![0x80 | 1, TRANSPORT_FEEDBACK];
    packet.extend((pairs.len() as u16 + 2).to_be_bytes());
    packet.extend(sender.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    for (first, mask) in pairs {
        packet.extend(first.to_be_bytes());
        packet.extend(mask.to_be_bytes());
    }
    packet
}

/// The receiver's clock in transport-wide reports: units of 64 ms in 24 bits, which begin anew every twelve days.
#[derive(Debug, Default)]
pub(crate) struct ReportClock {
    /// The last report's time, counted on.
    last: Option<i64>,
}

impl ReportClock {
    const TURN: i64 = 1 << 24;
    /// Who counts further than this makes the clock up.
    const FURTHEST: i64 = 1 << 40;

    /// Counts on to the time nearest to the last one.
    fn units(&mut self, low: u32) -> i64 {
        let low = i64::from(low);
        let last = self.last.filter(|l| l.abs() < Self::FURTHEST);
        let units = last.map_or(low, |last| {
            let ahead = (low - last).rem_euclid(Self::TURN);
            let behind = ahead - Self::TURN;
            last + if ahead < Self::TURN / 2 {
                ahead
            } else {
                behind
            }
        });
        self.last = Some(units);
        units
    }
}

/// Reads a transport-wide report: number and arrival in microseconds of the receiver's clock, `None` for what did not
/// come. Ends where the report is cut short.
pub(crate) fn transport_wide(
    report: &[u8],
    clock: &mut ReportClock,
    out: &mut Vec<(u16, Option<i64>)>,
) {
    out.clear();
    let [b0, b1, c0, c1, t0, t1, t2, _, rest @ ..] = report else {
        return;
    };
    let base = u16::from_be_bytes([*b0, *b1]);
    let count = usize::from(u16::from_be_bytes([*c0, *c1])).min(MOST_REPORTED);
    let mut at = clock.units(u32::from_be_bytes([0, *t0, *t1, *t2])) * 64_000;
    // First the states: so many chunks that all numbers have one.
    let mut states = Vec::with_capacity(count);
    let mut deltas = rest;
    while states.len() < count {
        let [hi, lo, tail @ ..] = deltas else { return };
        deltas = tail;
        let chunk = u16::from_be_bytes([*hi, *lo]);
        let left = count - states.len();
        if chunk & 0x8000 == 0 {
            let run = usize::from(chunk & 0x1fff).min(left);
            states.resize(states.len() + run, (chunk >> 13 & 3) as u8);
            if run == 0 {
                return;
            }
        } else if chunk & 0x4000 == 0 {
            states.extend((0..left.min(14)).map(|i| (chunk >> (13 - i) & 1) as u8));
        } else {
            states.extend((0..left.min(7)).map(|i| (chunk >> (12 - 2 * i) & 3) as u8));
        }
    }
    // Then the times between arrivals, in units of 250 µs: one byte, or two with a sign.
    for (i, state) in states.iter().enumerate() {
        let seq = base.wrapping_add(i as u16);
        let delta = match (state, deltas) {
            (0, _) => None,
            (1, [d, tail @ ..]) => {
                deltas = tail;
                Some(i64::from(*d))
            }
            (2, [hi, lo, tail @ ..]) => {
                deltas = tail;
                Some(i64::from(i16::from_be_bytes([*hi, *lo])))
            }
            _ => return,
        };
        at += delta.unwrap_or(0) * 250;
        out.push((seq, delta.map(|_| at)));
    }
}

/// Whether a packet is a transport-wide report.
pub(super) fn is_wide(packet: &[u8]) -> bool {
    packet[0] & 31 == 15 && packet[1] == TRANSPORT_FEEDBACK
}

/// The transport-wide reports of a compound packet.
pub(crate) fn wide_reports(compound: &[u8]) -> impl Iterator<Item = &[u8]> {
    packets(compound).filter(|p| is_wide(p))
}

/// A packet that tells what our own other end gets of the video it sends.
pub(crate) fn repair_report(ssrc: u32, body: &[u8]) -> Vec<u8> {
    application(REPAIR, ssrc, body)
}

/// And one that tells which frames of it are here.
pub(crate) fn references(ssrc: u32, body: &[u8]) -> Vec<u8> {
    application(REFERENCES, ssrc, body)
}

fn application(name: [u8; 4], ssrc: u32, body: &[u8]) -> Vec<u8> {
    let pad = body.len().wrapping_neg() % 4;
    let words = (HEADER + name.len() + body.len() + pad) / 4 - 1;
    let mut packet = vec![0x80 | pad as u8, APPLICATION];
    packet.extend((words as u16).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(name);
    packet.extend_from_slice(body);
    packet.resize(packet.len() + pad, 0);
    packet
}

/// What lies between two reports that follow each other. Some receivers let a report begin with the first packet that came
/// since the last one: what was lost before that stands in none of them, and where most packets get lost that is most of it.
#[derive(Debug, Default)]
pub(crate) struct Between {
    /// Count, first and last number of the reports read lately.
    reports: VecDeque<(u8, u16, u16)>,
}

impl Between {
    const KEPT: usize = 16;
    /// Longer gaps are no losses, but another story.
    const LONGEST: u16 = 512;

    /// Takes a report; the numbers of packets that neither it nor its neighbours speak of.
    pub fn lost(&mut self, report: &[u8]) -> impl Iterator<Item = u16> + use<> {
        let found = self.gaps(report).unwrap_or_default();
        found.into_iter().flatten().flat_map(|(from, count)| {
            let bounded = if count > Self::LONGEST { 0 } else { count };
            (0..bounded).map(move |i| from.wrapping_add(i))
        })
    }

    fn gaps(&mut self, report: &[u8]) -> Option<[Option<(u16, u16)>; 2]> {
        let &[b0, b1, c0, c1, _, _, _, number] = report.get(..8)?.as_array()?;
        let base = u16::from_be_bytes([b0, b1]);
        let count = u16::from_be_bytes([c0, c1]).checked_sub(1)?;
        let this = (number, base, base.wrapping_add(count));
        if self.reports.contains(&this) {
            return None;
        }
        let of = |number: u8| self.reports.iter().rev().find(|r| r.0 == number);
        let gap = |before: &(u8, u16, u16), after: &(u8, u16, u16)| {
            let from = before.2.wrapping_add(1);
            let count = after.1.wrapping_sub(from);
            // Reports may overlap.
            (count < 0x8000).then_some((from, count))
        };
        let before = of(number.wrapping_sub(1)).and_then(|r| gap(r, &this));
        let after = of(number.wrapping_add(1)).and_then(|r| gap(&this, r));
        self.reports.push_back(this);
        if self.reports.len() > Self::KEPT {
            self.reports.pop_front();
        }
        Some([before, after])
    }
}

/// What a sender report says of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SenderPart {
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// Fills in the sender's part of all sender reports in a compound packet in clear, from what `of` knows of the SSRC.
/// Calls it with the middle bits of the report's NTP time too, which receivers give back.
pub(crate) fn complete(compound: &mut [u8], mut of: impl FnMut(u32, u32) -> Option<SenderPart>) {
    let mut at = 0;
    while let Some(&[_, kind, hi, lo]) = compound.get(at..at + 4) {
        let length = (usize::from(u16::from_be_bytes([hi, lo])) + 1) * 4;
        let Some(packet) = compound.get_mut(at..at + length) else {
            return;
        };
        if kind == SENDER_REPORT
            && let (Some(ssrc), Some(ntp)) = (word(packet, 4), word(packet, 10))
            && let Some(part) = of(ssrc, ntp)
            && packet.len() >= 28
        {
            packet[16..20].copy_from_slice(&part.timestamp.to_be_bytes());
            packet[20..24].copy_from_slice(&part.packets.to_be_bytes());
            packet[24..28].copy_from_slice(&part.octets.to_be_bytes());
        }
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(count: u8, kind: u8, body: &[u8]) -> Vec<u8> {
        let mut p = vec![0x80 | count, kind];
        p.extend(((body.len() / 4) as u16).to_be_bytes());
        p.extend(body);
        p
    }

    fn items(compound: &[u8]) -> Vec<Item<'_>> {
        let mut all = Vec::new();
        read(compound, |item| all.push(item));
        all
    }

    #[test]
    fn a_compound_packet_is_read_in_order() {
        let mut block = vec![0, 0, 0, 7, 64, 0, 0, 9];
        block.extend([0; 16]);
        let report = [&[0, 0, 0, 1][..], &block].concat();
        let mut compound = packet(1, 201, &report);
        compound.extend(packet(1, 202, &[0; 8]));
        compound.extend(packet(1, 206, &[0, 0, 0, 1, 0, 0, 0, 7]));
        compound.extend(packet(1, 205, &[0, 0, 0, 1, 0, 0, 0, 7, 0, 5, 0, 3]));
        compound.extend(packet(0, 203, &[0, 0, 0, 1]));
        let got = items(&compound);
        assert!(
            matches!(got[0], Item::Received(r) if r.ssrc == 7 && r.fraction == 64 && r.lost == 9)
        );
        assert_eq!(
            got[1],
            Item::Keyframe {
                ssrc: 7,
                fir: false
            }
        );
        let Item::Nack { ssrc: 7, pairs } = got[2] else {
            panic!("{got:?}");
        };
        assert_eq!(missing(pairs).collect::<Vec<_>>(), [5, 6, 7]);
        assert_eq!(got[3], Item::Other);
    }

    #[test]
    fn a_request_asks_for_all_that_is_missing() {
        let wanted = [65_530, 65_534, 3, 10, 11, 400];
        let packet = nack(1, 7, &wanted);
        assert_eq!(packet.len() % 4, 0);
        let [Item::Nack { ssrc: 7, pairs }] = items(&packet)[..] else {
            panic!("{packet:?}");
        };
        assert_eq!(missing(pairs).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn all_three_kinds_of_chunks_are_understood() {
        let mut report = vec![0xff, 0xfe, 0, 12, 0, 0, 1, 0];
        // Two small deltas by run, seven by two bits (small, large, lost ...), three by one bit.
        report.extend((1u16 << 13 | 2).to_be_bytes());
        report.extend((0xc000u16 | 1 << 12 | 2 << 10).to_be_bytes());
        report.extend((0x8000u16 | 1 << 13 | 1 << 11).to_be_bytes());
        report.extend([4, 8, 12, 0xff, 0xfe, 2, 2]);
        let mut out = Vec::new();
        transport_wide(&report, &mut ReportClock::default(), &mut out);
        assert_eq!(out.len(), 12);
        assert_eq!(out[0], (0xfffe, Some(65_000)));
        assert_eq!(out[1], (0xffff, Some(67_000)));
        assert_eq!(out[2], (0, Some(70_000)));
        assert_eq!(out[3], (1, Some(69_500)));
        assert_eq!(out[4..9].iter().filter(|p| p.1.is_none()).count(), 5);
        assert_eq!(out[9], (7, Some(70_000)));
        assert_eq!(out[10], (8, None));
        assert_eq!(out[11], (9, Some(70_500)));
    }

    #[test]
    fn what_no_report_speaks_of_was_lost_if_they_follow_each_other() {
        let report = |number: u8, base: u16, count: u16| {
            let mut bytes = base.to_be_bytes().to_vec();
            bytes.extend(count.to_be_bytes());
            bytes.extend([0, 0, 1, number]);
            bytes
        };
        let mut between = Between::default();
        let mut lost = |n, base, count| between.lost(&report(n, base, count)).collect::<Vec<_>>();
        assert_eq!(lost(254, 65_530, 3), []);
        assert_eq!(lost(255, 65_533, 2), [], "no gap");
        assert_eq!(lost(1, 5, 2), [], "one report is missing");
        assert_eq!(lost(0, 1, 2), [65_535, 0, 3, 4], "and comes late");
        assert_eq!(lost(0, 1, 2), [], "again");
        assert_eq!(lost(2, 5000, 2), [], "too far");
        assert_eq!(lost(3, 4990, 2), [], "backwards");
    }

    #[test]
    fn the_receivers_clock_goes_on_when_its_24_bits_are_full() {
        let mut clock = ReportClock::default();
        assert_eq!(clock.units(0xff_ffff), 0xff_ffff);
        assert_eq!(clock.units(0), 0x100_0000);
        assert_eq!(clock.units(5), 0x100_0005);
        assert_eq!(clock.units(0xff_fffe), 0xff_fffe, "a late one");
        let mut fair = ReportClock {
            last: Some(1 << 40),
        };
        assert_eq!(fair.units(7), 7, "nobody counts that far");
    }

    #[test]
    fn sender_reports_are_completed_and_the_rest_is_left() {
        let mut compound = packet(0, 200, &[0; 24]);
        compound[7] = 3;
        compound[10..14].copy_from_slice(&77u32.to_be_bytes());
        let rest = packet(1, 202, &[5; 8]);
        compound.extend(&rest);
        complete(&mut compound, |ssrc, ntp| {
            assert_eq!((ssrc, ntp), (3, 77));
            Some(SenderPart {
                timestamp: 1,
                packets: 2,
                octets: 3,
            })
        });
        assert_eq!(compound[16..28], [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
        assert_eq!(compound[28..], rest);
    }

    #[test]
    fn reports_of_any_length_come_back_as_they_went() {
        for length in 0..20 {
            let body: Vec<u8> = (1..=length).collect();
            let packet = repair_report(7, &body);
            assert_eq!(packet.len() % 4, 0);
            assert_eq!(items(&packet), [Item::Repair(&body)]);
            let packet = references(7, &body);
            assert_eq!(items(&packet), [Item::References(&body)]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 198u8..208, count in 0u8..32) {
            let mut bytes = bytes;
            let (mut out, mut clock) = (Vec::new(), ReportClock::default());
            for _ in 0..2 {
                let _ = items(&bytes);
                transport_wide(&bytes, &mut clock, &mut out);
                let _ = missing(&bytes).count();
                complete(&mut bytes, |_, _| Some(SenderPart { timestamp: 0, packets: 0, octets: 0 }));
                if let Some(head) = bytes.get_mut(..2) {
                    head.copy_from_slice(&[0x80 | count, kind]);
                }
            }
        }
    }
}
