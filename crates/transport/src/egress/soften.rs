//! Transport-wide reports to a browser, which say nothing of a part of what was lost: see [`confab_congestion::OwnLoss`] for which, and
//! why. A report tells of each packet from its first number to its last; so one that is silent about some is several, each of numbers
//! in a row, and each a datagram of its own, since browsers read one report of a datagram. To them it is as if a report that told of the
//! rest had got lost. Calling those packets come would be shorter, and wrong: what a browser takes for come it does not keep, and when it
//! is asked for it there is nothing to send again.

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

/// What goes in place of a compound packet: one with all else, if there is anything, and the reports; `None`: the packet as it is.
/// `number`: of the next report, they are counted. `silent`: how many came and how many were lost of what a report tells; of how many of
/// the lost ones to say nothing.
pub(super) fn soften(
    compound: &mut [u8],
    number: &mut u8,
    mut silent: impl FnMut(u32, u32) -> u32,
) -> Option<Softened> {
    let mut rest = Vec::new();
    let mut reports = Vec::new();
    let lengths: Vec<usize> = rtcp::packets(compound).map(<[u8]>::len).collect();
    let mut left = compound;
    for length in lengths {
        let (packet, behind) = left.split_at_mut(length);
        left = behind;
        if rtcp::is_wide(packet) && packet.len() >= HEAD + FIXED {
            let pieces = split(&packet[HEAD..], &mut silent);
            if let Some(pieces) = pieces {
                for mut piece in pieces {
                    piece[FIXED - 1] = next(number);
                    reports.push(wrap(&packet[..HEAD], &piece));
                }
                continue;
            }
            packet[HEAD + FIXED - 1] = next(number);
        }
        rest.extend_from_slice(packet);
    }
    (!reports.is_empty()).then_some(Softened { rest, reports })
}

/// What a compound packet became.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Softened {
    /// Everything but the reports that were split; may be empty.
    rest: Vec<u8>,
    reports: Vec<Vec<u8>>,
}

impl Softened {
    /// All to be sent, in its order; each report so many times. Copies follow at once: behind a later report they would look like time
    /// that went back.
    pub fn packets(&self, times: usize) -> impl Iterator<Item = &[u8]> {
        let rest = Some(&self.rest).filter(|rest| !rest.is_empty());
        let copies = move |report| std::iter::repeat_n(report, times);
        let all = rest.into_iter().chain(self.reports.iter().flat_map(copies));
        all.map(Vec::as_slice)
    }
}

fn next(number: &mut u8) -> u8 {
    let now = *number;
    *number = now.wrapping_add(1);
    now
}

/// A report with its head, filled up to whole words.
fn wrap(head: &[u8], report: &[u8]) -> Vec<u8> {
    let fill = report.len().wrapping_neg() % 4;
    let words = (HEAD + report.len() + fill) / 4 - 1;
    let first = head[0] & !0x20 | u8::from(fill > 0) << 5;
    let mut out = vec![first, head[1]];
    out.extend((words as u16).to_be_bytes());
    out.extend_from_slice(&head[4..]);
    out.extend_from_slice(report);
    out.extend((1..=fill).map(|i| if i == fill { fill as u8 } else { 0 }));
    out
}

/// The reports in place of this one.
fn split(report: &[u8], silent: &mut impl FnMut(u32, u32) -> u32) -> Option<Vec<Vec<u8>>> {
    let fixed = report.get(..FIXED)?;
    let first = u16::from_be_bytes([fixed[0], fixed[1]]);
    let count = u16::from_be_bytes([fixed[2], fixed[3]]);
    let mut told = Vec::new();
    rtcp::transport_wide(report, &mut ReportClock::default(), &mut told);
    if told.len() != usize::from(count) {
        return None;
    }
    let ticks: Vec<Option<i64>> = told.iter().map(|t| t.1.map(|at| at / TICK)).collect();
    let lost = ticks.iter().filter(|t| t.is_none()).count() as u32;
    let wanted = silent(u32::from(count) - lost, lost).min(lost);
    if wanted == 0 || lost == u32::from(count) {
        return None;
    }
    let pieces = pieces(&ticks, wanted, lost);
    let write = |(at, ticks): (usize, &[Option<i64>])| piece(first.wrapping_add(at as u16), ticks);
    pieces.into_iter().map(write).collect()
}

/// What is told in a row, with its place: all that came, and those lost that are not among the `wanted` ones of which nothing is said. These
/// are spread evenly; of a gap, those beside what came are told, so that in each piece something came.
fn pieces(ticks: &[Option<i64>], wanted: u32, lost: u32) -> Vec<(usize, &[Option<i64>])> {
    let mut pieces = Vec::new();
    let (mut begin, mut at, mut seen) = (0, 0, 0);
    while at < ticks.len() {
        if ticks[at].is_some() {
            at += 1;
            continue;
        }
        let gap = ticks[at..].iter().take_while(|t| t.is_none()).count();
        let due = |seen: u32| (u64::from(seen) * u64::from(wanted) / u64::from(lost)) as usize;
        let silent = due(seen + gap as u32) - due(seen);
        seen += gap as u32;
        if silent > 0 {
            let from = if at == 0 { 0 } else { at + gap - silent };
            pieces.push((begin, &ticks[begin..from]));
            begin = from + silent;
        }
        at += gap;
    }
    pieces.push((begin, &ticks[begin..]));
    pieces.retain(|(_, ticks)| !ticks.is_empty());
    pieces
}

/// A report of these arrivals; `None`: two are too far apart to be written.
fn piece(first: u16, ticks: &[Option<i64>]) -> Option<Vec<u8>> {
    let begin = ticks.iter().flatten().next()?.div_euclid(UNIT);
    let mut out = first.to_be_bytes().to_vec();
    out.extend((ticks.len() as u16).to_be_bytes());
    out.extend_from_slice(&(begin as u32).to_be_bytes()[1..]);
    out.push(0);
    write(ticks, begin * UNIT, &mut out)?;
    Some(out)
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

    type Told = Vec<(u16, Option<i64>)>;

    /// A compound packet with a report of these arrivals, in ticks after the report's time.
    fn compound(ticks: &[Option<i64>]) -> Vec<u8> {
        let mut report = vec![0xff, 0xfe];
        report.extend((ticks.len() as u16).to_be_bytes());
        report.extend([0, 0, 1, 9]);
        let absolute: Vec<_> = ticks.iter().map(|t| t.map(|t| t + UNIT)).collect();
        write(&absolute, UNIT, &mut report).unwrap();
        let mut out = vec![0x80, 201, 0, 1, 0, 0, 0, 5];
        out.extend(wrap(&[0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], &report));
        out
    }

    /// What a reader of the packets is told, in ticks.
    fn read<'a>(packets: impl IntoIterator<Item = &'a Vec<u8>>) -> Told {
        let mut all = Vec::new();
        for compound in packets {
            rtcp::read(compound, |item| {
                if let rtcp::Item::TransportWide(report) = item {
                    let mut out = Vec::new();
                    rtcp::transport_wide(report, &mut ReportClock::default(), &mut out);
                    all.extend(out);
                }
            });
        }
        let ticks = |at: i64| at / TICK - UNIT;
        all.into_iter().map(|(n, at)| (n, at.map(ticks))).collect()
    }

    fn soften_all(compound: &[u8], silent: impl FnMut(u32, u32) -> u32) -> Option<Softened> {
        soften(&mut compound.to_vec(), &mut 0, silent)
    }

    #[test]
    fn nothing_is_said_of_what_is_left_out_and_nothing_is_made_up() {
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
        let all = soften_all(&sent, |came, lost| {
            assert_eq!((came, lost), (4, 5));
            lost
        });
        let after = all.unwrap();
        let expected = [(0xffff, 10), (2, 300), (3, 300), (5, 299)];
        assert_eq!(read(&after.reports), expected.map(|(n, t)| (n, Some(t))));
        assert_eq!((after.reports.len(), &after.rest[..]), (3, &sent[..8]));
        let words = after.reports.iter().all(|r| r.len() % 4 == 0);
        assert!(words, "a packet has whole words");
    }

    #[test]
    fn what_is_told_of_a_gap_stands_beside_what_came() {
        let ticks = [None, None, Some(7), None, None, None, Some(9)];
        let told = |wanted| {
            let softened = soften_all(&compound(&ticks), |_, _| wanted).unwrap();
            let each = softened.reports.iter();
            each.map(|r| read([r]).len()).collect::<Vec<_>>()
        };
        assert_eq!(told(5), [1, 1]);
        assert_eq!(told(3), [3, 1]);
        assert_eq!(told(1), [5, 1]);
    }

    #[test]
    fn where_nothing_is_left_out_the_packet_stays_and_reports_are_counted() {
        let mut number = 254;
        let ticks = [Some(1), None, Some(2)];
        let before = compound(&ticks);
        for expected in [254, 255, 0] {
            let mut sent = before.clone();
            assert_eq!(soften(&mut sent, &mut number, |_, _| 0), None);
            assert_eq!(sent[8 + HEAD + FIXED - 1], expected);
        }
        let softened = soften(&mut before.clone(), &mut number, |_, _| 1).unwrap();
        let numbers = softened.reports.iter().map(|r| r[HEAD + FIXED - 1]);
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);
        assert_eq!(soften_all(&compound(&[None, None]), |_, lost| lost), None);
    }

    #[test]
    fn copies_of_a_report_stand_before_the_next_one() {
        let ticks = [Some(1), None, Some(2)];
        let sent = compound(&ticks);
        let softened = soften_all(&sent, |_, lost| lost).unwrap();
        let told = |times| -> Vec<u16> {
            let packets: Vec<Vec<u8>> = softened.packets(times).map(<[u8]>::to_vec).collect();
            assert_eq!(
                (packets.len(), &packets[0][..]),
                (1 + 2 * times, &sent[..8])
            );
            read(&packets).into_iter().map(|t| t.0).collect()
        };
        assert_eq!(told(1), [0xfffe, 0]);
        assert_eq!(told(2), [0xfffe, 0xfffe, 0, 0]);
    }

    proptest! {
        #[test]
        fn what_came_is_told_as_it_was_and_so_many_are_left_out(
            ticks in prop::collection::vec(prop::option::of(0i64..20_000), 1..60),
            wanted in 0u32..60,
        ) {
            let sent = compound(&ticks);
            let before = read([&sent]);
            let lost = ticks.iter().filter(|t| t.is_none()).count();
            let Some(softened) = soften_all(&sent, |_, _| wanted) else {
                prop_assert!(wanted == 0 || lost == 0 || lost == ticks.len());
                return Ok(());
            };
            let after = read(&softened.reports);
            prop_assert_eq!(after.len(), ticks.len() - lost.min(wanted as usize));
            prop_assert!(after.iter().all(|t| before.contains(t)));
            prop_assert!(before.iter().all(|t| t.1.is_none() || after.contains(t)));
            let something = |r| read([r]).iter().any(|t| t.1.is_some());
            prop_assert!(softened.reports.iter().all(something));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes;
            let _ = soften_all(&bytes, |_, lost| lost);
            if let Some(head) = bytes.get_mut(..4) {
                head.copy_from_slice(&[0x8f, 205, 0, 6]);
            }
            let _ = soften_all(&bytes, |_, lost| lost);
        }
    }
}
