//! H.264 over RTP (RFC 6184), packetization-mode 1: single NAL units, STAP-A for parameter sets, FU-A for what is too big.

use std::sync::Arc;

const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const AUD: u8 = 9;

/// Splits one access unit in Annex-B form into RTP payloads of at most `max_payload` bytes (at least 64), appended to `out`.
/// The caller sets the marker bit on the last. Access unit delimiters are left out.
pub fn packetize(annexb: &[u8], max_payload: usize, out: &mut Vec<Arc<[u8]>>) {
    let max = max_payload.max(64);
    let mut parameter_sets: Vec<&[u8]> = Vec::new();
    for nal in nal_units(annexb) {
        match nal[0] & 0x1f {
            AUD => {}
            SPS | PPS => parameter_sets.push(nal),
            _ => {
                flush_parameter_sets(&mut parameter_sets, max, out);
                push_nal(nal, max, out);
            }
        }
    }
    flush_parameter_sets(&mut parameter_sets, max, out);
}

/// SPS and PPS travel in one packet, so that a key frame's start is one packet to recognise and one to lose.
fn flush_parameter_sets(sets: &mut Vec<&[u8]>, max: usize, out: &mut Vec<Arc<[u8]>>) {
    let size = 1 + sets.iter().map(|nal| nal.len() + 2).sum::<usize>();
    if sets.len() > 1 && size <= max {
        let importance = sets.iter().map(|nal| nal[0] & 0x60).max().unwrap_or(0);
        let mut packet = Vec::with_capacity(size);
        packet.push(importance | STAP_A);
        for nal in sets.iter() {
            packet.extend_from_slice(&(nal.len() as u16).to_be_bytes());
            packet.extend_from_slice(nal);
        }
        out.push(packet.into());
    } else {
        for nal in sets.iter() {
            push_nal(nal, max, out);
        }
    }
    sets.clear();
}

fn push_nal(nal: &[u8], max: usize, out: &mut Vec<Arc<[u8]>>) {
    if nal.len() <= max {
        out.push(nal.into());
        return;
    }
    let (indicator, kind) = (nal[0] & 0xe0 | FU_A, nal[0] & 0x1f);
    let body = &nal[1..];
    // Equal parts instead of full ones and a crumb: no packet is lost more cheaply than another.
    let parts = body.len().div_ceil(max - 2);
    let size = body.len().div_ceil(parts);
    let count = body.len().div_ceil(size);
    for (i, part) in body.chunks(size).enumerate() {
        let start = if i == 0 { 0x80 } else { 0 };
        let end = if i + 1 == count { 0x40 } else { 0 };
        let mut packet = Vec::with_capacity(part.len() + 2);
        packet.push(indicator);
        packet.push(start | end | kind);
        packet.extend_from_slice(part);
        out.push(packet.into());
    }
}

/// The NAL units of an Annex-B byte stream, without start codes and trailing zeros; empty ones are left out.
pub fn nal_units(annexb: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code_end(annexb, 0).map(|at| &annexb[at..]);
    std::iter::from_fn(move || {
        let current = rest?;
        let end = start_code_end(current, 0);
        let nal = match end {
            Some(next) => {
                rest = Some(&current[next..]);
                &current[..next - 3]
            }
            None => {
                rest = None;
                current
            }
        };
        let zeros = nal.iter().rev().take_while(|&&b| b == 0).count();
        Some(&nal[..nal.len() - zeros])
    })
    .filter(|nal| !nal.is_empty())
}

/// Index just behind the next `00 00 01` at or after `from`.
fn start_code_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut i = from + 2;
    while i < bytes.len() {
        match bytes[i] {
            0 => i += 1,
            1 if bytes[i - 1] == 0 && bytes[i - 2] == 0 => return Some(i + 1),
            _ => i += 3,
        }
    }
    None
}

/// Whether this payload starts a key frame a decoder can begin with: an SPS (alone or aggregated), or the first part of an IDR
/// slice from a sender that sent its parameter sets before.
pub fn is_keyframe_start(payload: &[u8]) -> bool {
    starts_with(payload, |kind| kind == SPS || kind == IDR)
}

/// Whether this payload carries a sequence parameter set.
pub fn has_sps(payload: &[u8]) -> bool {
    starts_with(payload, |kind| kind == SPS)
}

fn starts_with(payload: &[u8], wanted: impl Fn(u8) -> bool) -> bool {
    let Some(&first) = payload.first() else {
        return false;
    };
    match first & 0x1f {
        STAP_A => aggregated(payload).any(|nal| nal.is_ok_and(|nal| wanted(nal[0] & 0x1f))),
        FU_A => payload
            .get(1)
            .is_some_and(|header| header & 0x80 != 0 && wanted(header & 0x1f)),
        kind => wanted(kind),
    }
}

/// The NAL units in a STAP-A; ends after the first error.
fn aggregated(payload: &[u8]) -> impl Iterator<Item = Result<&[u8], H264Error>> {
    let mut rest = payload.get(1..).unwrap_or(&[]);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let nal = rest
            .split_first_chunk::<2>()
            .and_then(|(size, tail)| tail.split_at_checked(u16::from_be_bytes(*size).into()));
        match nal {
            Some((nal, tail)) if !nal.is_empty() => {
                rest = tail;
                Some(Ok(nal))
            }
            _ => {
                rest = &[];
                Some(Err(H264Error::Malformed))
            }
        }
    })
}

/// Why a payload could not be added to an access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum H264Error {
    /// Lengths that point outside, an empty payload, a payload format other than mode 1.
    Malformed,
    /// A fragment without its beginning, or a new unit before a fragment's end.
    OutOfOrder,
    /// More bytes than the bound given.
    TooLarge,
}

/// Puts the payloads of one access unit, in sequence order, together again as Annex-B with four-byte start codes.
#[derive(Clone, Debug)]
pub struct Depacketizer {
    unit: Vec<u8>,
    max_bytes: usize,
    in_fragment: bool,
    keyframe: bool,
}

impl Depacketizer {
    /// `max_bytes` bounds one access unit.
    pub fn new(max_bytes: usize) -> Depacketizer {
        Depacketizer {
            unit: Vec::new(),
            max_bytes,
            in_fragment: false,
            keyframe: false,
        }
    }

    /// Adds the next payload. After an error the unit is worthless: call [`Self::take`] and drop the result.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), H264Error> {
        let &first = payload.first().ok_or(H264Error::Malformed)?;
        let kind = first & 0x1f;
        if self.in_fragment && kind != FU_A {
            return Err(H264Error::OutOfOrder);
        }
        match kind {
            1..=23 => self.append(payload),
            STAP_A => aggregated(payload).try_for_each(|nal| self.append(nal?)),
            FU_A => self.fragment(first, payload),
            _ => Err(H264Error::Malformed),
        }
    }

    fn fragment(&mut self, indicator: u8, payload: &[u8]) -> Result<(), H264Error> {
        let [_, header, body @ ..] = payload else {
            return Err(H264Error::Malformed);
        };
        let (start, end) = (header & 0x80 != 0, header & 0x40 != 0);
        if start == self.in_fragment || (start && end) {
            return Err(H264Error::OutOfOrder);
        }
        if start {
            self.append(&[indicator & 0xe0 | header & 0x1f])?;
        }
        self.extend(body)?;
        self.in_fragment = !end;
        Ok(())
    }

    fn append(&mut self, nal: &[u8]) -> Result<(), H264Error> {
        self.keyframe |= nal[0] & 0x1f == IDR;
        self.extend(&[0, 0, 0, 1])?;
        self.extend(nal)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), H264Error> {
        if self.unit.len() + bytes.len() > self.max_bytes {
            return Err(H264Error::TooLarge);
        }
        self.unit.extend_from_slice(bytes);
        Ok(())
    }

    /// The access unit and whether it holds an IDR slice; `None` when it is empty or ends inside a fragment. Starts a new unit.
    pub fn take(&mut self) -> Option<(Vec<u8>, bool)> {
        let whole = !std::mem::take(&mut self.in_fragment);
        let keyframe = std::mem::take(&mut self.keyframe);
        let unit = std::mem::take(&mut self.unit);
        (whole && !unit.is_empty()).then_some((unit, keyframe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn annexb(nals: &[Vec<u8>]) -> Vec<u8> {
        nals.iter()
            .flat_map(|nal| [0, 0, 0, 1].into_iter().chain(nal.iter().copied()))
            .collect()
    }

    /// A NAL unit whose body holds no start code and no trailing zero.
    fn nal() -> impl Strategy<Value = Vec<u8>> {
        (
            prop::sample::select(vec![1u8, 5, 6, 7, 8]),
            prop::collection::vec(1u8..=255, 1..4000),
        )
            .prop_map(|(kind, body)| {
                let mut nal = vec![0x60 | kind];
                nal.extend(body);
                nal
            })
    }

    proptest! {
        #[test]
        fn what_was_packetized_comes_back(nals in prop::collection::vec(nal(), 1..6), max in 64usize..1500) {
            let unit = annexb(&nals);
            let mut payloads = Vec::new();
            packetize(&unit, max, &mut payloads);
            let mut depacketizer = Depacketizer::new(1 << 20);
            for payload in &payloads {
                prop_assert!(payload.len() <= max);
                prop_assert_eq!(depacketizer.push(payload), Ok(()));
            }
            let keyframe = nals.iter().any(|nal| nal[0] & 0x1f == IDR);
            prop_assert_eq!(depacketizer.take(), Some((unit, keyframe)));
        }

        #[test]
        fn foreign_bytes_never_panic_and_never_grow_past_the_bound(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..40)) {
            let mut depacketizer = Depacketizer::new(256);
            for payload in &payloads {
                let _ = depacketizer.push(payload);
                let _ = is_keyframe_start(payload);
                prop_assert!(depacketizer.unit.len() <= 256);
            }
            let _ = depacketizer.take();
        }

        #[test]
        fn any_bytes_can_be_packetized(bytes in prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, 7]), 0..300)) {
            let mut out = Vec::new();
            packetize(&bytes, 64, &mut out);
            prop_assert!(out.iter().all(|payload| !payload.is_empty() && payload.len() <= 64));
        }
    }

    #[test]
    fn parameter_sets_and_the_idr_mark_a_keyframe_start() {
        let unit = annexb(&[vec![0x67, 1, 2], vec![0x68, 3], vec![0x65; 3000]]);
        let mut payloads = Vec::new();
        packetize(&unit, 1200, &mut payloads);
        assert_eq!(payloads.len(), 4, "one STAP-A and three fragments");
        assert!(is_keyframe_start(&payloads[0]) && has_sps(&payloads[0]));
        assert!(is_keyframe_start(&payloads[1]) && !has_sps(&payloads[1]));
        assert!(!is_keyframe_start(&payloads[2]));
        assert!(!is_keyframe_start(&[0x61, 1, 2]));
    }

    #[test]
    fn a_missing_fragment_is_noticed() {
        let mut payloads = Vec::new();
        packetize(&annexb(&[vec![0x65; 3000]]), 1200, &mut payloads);
        let mut depacketizer = Depacketizer::new(1 << 20);
        assert_eq!(depacketizer.push(&payloads[1]), Err(H264Error::OutOfOrder));
        depacketizer.push(&payloads[0]).unwrap();
        assert_eq!(depacketizer.take(), None);
    }
}
