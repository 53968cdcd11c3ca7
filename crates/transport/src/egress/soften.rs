//! Transport-wide reports to a browser, in which a part of what was lost counts as come: see [`confab_congestion::OwnLoss`] for which, and
//! why. When it came is made up between its neighbours, close to the one before: later would look like a queue that grows.

use super::rtcp::{self, ReportClock};

/// Before the report: common header, both SSRCs.
const HEAD: usize = 12;
/// What goes before the chunks: first number, count, time, number of the report.
const FIXED: usize = 8;
/// Microseconds of a tick, and ticks of a unit of the report's time.
const TICK: i64 = 250;
const UNIT: i64 = 256;
/// Symbols of two bits in a chunk.
const SYMBOLS: usize = 7;

/// The compound packet with its reports rewritten; `None`: there is nothing to rewrite. `forgive`: how many came and how many were
/// lost of what a report tells; how many of these to count as come.
pub(super) fn soften(compound: &[u8], mut forgive: impl FnMut(u32, u32) -> u32) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut is_new = false;
    for packet in rtcp::packets(compound) {
        let report = packet.get(HEAD..).filter(|_| rtcp::is_wide(packet));
        let rewritten = report.and_then(|report| rewrite(report, &mut forgive));
        is_new |= rewritten.is_some();
        match rewritten {
            Some(report) => wrap(&packet[..HEAD], &report, &mut out),
            None => out.extend_from_slice(packet),
        }
    }
    (is_new && !out.is_empty()).then_some(out)
}

/// A report with its head, filled up to whole words.
fn wrap(head: &[u8], report: &[u8], out: &mut Vec<u8>) {
    let fill = report.len().wrapping_neg() % 4;
    let words = (HEAD + report.len() + fill) / 4 - 1;
    let first = head[0] & !0x20 | u8::from(fill > 0) << 5;
    out.extend([first, head[1]]);
    out.extend((words as u16).to_be_bytes());
    out.extend_from_slice(&head[4..]);
    out.extend_from_slice(report);
    out.extend((1..=fill).map(|i| if i == fill { fill as u8 } else { 0 }));
}

fn rewrite(report: &[u8], forgive: &mut impl FnMut(u32, u32) -> u32) -> Option<Vec<u8>> {
    let fixed = report.get(..FIXED)?;
    let count = u16::from_be_bytes([fixed[2], fixed[3]]);
    let mut told = Vec::new();
    rtcp::transport_wide(report, &mut ReportClock::default(), &mut told);
    if told.len() != usize::from(count) {
        return None;
    }
    let mut ticks: Vec<Option<i64>> = told.iter().map(|t| t.1.map(|at| at / TICK)).collect();
    let lost = ticks.iter().filter(|t| t.is_none()).count() as u32;
    let forgiven = forgive(u32::from(count) - lost, lost).min(lost);
    if forgiven == 0 || lost == u32::from(count) {
        return None;
    }
    fill(&mut ticks, forgiven, lost);
    let begin = i64::from(u32::from_be_bytes([0, fixed[4], fixed[5], fixed[6]])) * UNIT;
    let mut out = fixed.to_vec();
    write(&ticks, begin, &mut out)?;
    Some(out)
}

/// Gives times to so many of those that have none, evenly spread.
fn fill(ticks: &mut [Option<i64>], wanted: u32, lost: u32) {
    let (mut before, mut seen) = (None, 0);
    for at in 0..ticks.len() {
        if ticks[at].is_none() {
            let is_chosen = (seen + 1) * wanted / lost > seen * wanted / lost;
            seen += 1;
            if is_chosen {
                let next = ticks[at..].iter().flatten().next().copied();
                let close = before.map(|b: i64| next.map_or(b + 1, |n| n.min(b + 1).max(b.min(n))));
                ticks[at] = close.or(next);
            }
        }
        before = ticks[at].or(before);
    }
}

/// Chunks, then the steps from one arrival to the next; `None`: one is too long to be written.
fn write(ticks: &[Option<i64>], begin: i64, out: &mut Vec<u8>) -> Option<()> {
    let mut deltas = Vec::new();
    let mut last = begin;
    for chunk in ticks.chunks(SYMBOLS) {
        let mut bits = 0xc000u16;
        for (i, at) in chunk.iter().enumerate() {
            let Some(at) = at else { continue };
            let step = at - last;
            last = *at;
            let symbol = match u8::try_from(step) {
                Ok(small) => {
                    deltas.push(small);
                    1
                }
                Err(_) => {
                    deltas.extend(i16::try_from(step).ok()?.to_be_bytes());
                    2
                }
            };
            bits |= symbol << (12 - 2 * i);
        }
        out.extend(bits.to_be_bytes());
    }
    out.extend(deltas);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A compound packet with a report of these arrivals, in ticks after the report's time.
    fn compound(ticks: &[Option<i64>]) -> Vec<u8> {
        let mut report = vec![0xff, 0xfe];
        report.extend((ticks.len() as u16).to_be_bytes());
        report.extend([0, 0, 1, 9]);
        let absolute: Vec<_> = ticks.iter().map(|t| t.map(|t| t + UNIT)).collect();
        write(&absolute, UNIT, &mut report).unwrap();
        let mut out = vec![0x80, 201, 0, 1, 0, 0, 0, 5];
        wrap(
            &[0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2],
            &report,
            &mut out,
        );
        out
    }

    /// What a reader of the compound packet is told, in ticks.
    fn read(compound: &[u8]) -> Vec<Option<i64>> {
        let mut out = Vec::new();
        rtcp::read(compound, |item| {
            if let rtcp::Item::TransportWide(report) = item {
                rtcp::transport_wide(report, &mut ReportClock::default(), &mut out);
            }
        });
        let times = out.iter().map(|(_, at)| at.map(|at| at / TICK - UNIT));
        times.collect()
    }

    #[test]
    fn what_is_forgiven_came_between_its_neighbours() {
        let before = [
            None,
            Some(10),
            None,
            None,
            Some(300),
            Some(300),
            None,
            Some(299),
            None,
        ];
        let sent = compound(&before);
        assert_eq!(read(&sent), before);
        let all = soften(&sent, |came, lost| {
            assert_eq!((came, lost), (4, 5));
            lost
        });
        let after = read(&all.unwrap());
        let filled = [10, 10, 11, 12, 300, 300, 299, 299, 300].map(Some);
        assert_eq!(after, filled);
    }

    #[test]
    fn as_many_are_forgiven_as_wanted_and_the_rest_of_the_packet_stays() {
        let ticks: Vec<_> = (0..40).map(|i| (i % 2 == 0).then_some(i * 20)).collect();
        let sent = compound(&ticks);
        let some = soften(&sent, |_, _| 5).unwrap();
        let lost = read(&some).iter().filter(|t| t.is_none()).count();
        assert_eq!((lost, some.len() % 4, &some[..8]), (15, 0, &sent[..8]));
        assert_eq!(soften(&sent, |_, _| 0), None);
        let none_came = compound(&[None, None]);
        assert_eq!(soften(&none_came, |_, lost| lost), None);
    }

    proptest! {
        #[test]
        fn what_came_stays_as_it_was(ticks in prop::collection::vec(prop::option::of(0i64..20_000), 1..60), wanted in 0u32..60) {
            let sent = compound(&ticks);
            let after = soften(&sent, |_, lost| wanted.min(lost));
            let after = after.map_or(ticks.clone(), |a| read(&a));
            prop_assert_eq!(after.len(), ticks.len());
            for (before, after) in ticks.iter().zip(&after) {
                prop_assert!(before.is_none() || before == after);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes;
            let _ = soften(&bytes, |_, lost| lost);
            if let Some(head) = bytes.get_mut(..4) {
                head.copy_from_slice(&[0x8f, 205, 0, 6]);
            }
            let _ = soften(&bytes, |_, lost| lost);
        }
    }
}
