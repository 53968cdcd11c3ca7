//! Which codec the own pictures are coded in: the best one that everybody who receives them decodes. `ui/src/session/codec.ts` is its
//! twin; both are held to `tests/data/codec.json`.

use confab_base::{Duration, ParticipantId, Source, Time, VideoCodec};
use confab_protocol::Snapshot;

/// Between two changes. The server follows no sooner than a second after the last one, and each costs a key frame.
const HOLD: Duration = Duration::from_secs(2);

/// Most people in a meeting whose cameras may be coded in what takes longer to decode: each sees the pictures of all others.
const FEW: usize = 4;

/// Whether a codec that takes several times as long to code and decode may be used for the pictures of `source` with so many people
/// in the meeting, all of whom decode it. A screen is one picture and has letters, which gain the most.
pub fn may_be_fine(source: Source, people: usize) -> bool {
    source == Source::Screen || people <= FEW
}

/// The sender's codec, as receivers come and go.
#[derive(Clone, Debug)]
pub struct CodecChoice {
    current: VideoCodec,
    changed: Option<Time>,
}

impl CodecChoice {
    /// Begins with `first`.
    pub fn new(first: VideoCodec) -> CodecChoice {
        CodecChoice {
            current: first,
            changed: None,
        }
    }

    pub fn current(&self) -> VideoCodec {
        self.current
    }

    /// Looks at the room; the codec to send in from now on, where that is another one. To be called whenever the room changes and
    /// once a second, since a change may have to wait. `encodes`: what the own side can send, best first.
    pub fn update(
        &mut self,
        encodes: &[VideoCodec],
        room: &Snapshot,
        you: Option<ParticipantId>,
        now: Time,
    ) -> Option<VideoCodec> {
        let others = room.participants.iter().filter(|p| Some(p.id) != you);
        let best = best_codec(encodes, others.map(|p| p.decodes.as_slice()))?;
        let held = self.changed.is_some_and(|at| now.since(at) < HOLD);
        if best == self.current || held {
            return None;
        }
        (self.current, self.changed) = (best, Some(now));
        Some(best)
    }
}

/// The first of `encodes` that most receivers decode, which is all of them where one codec does. Who decodes nothing looks at no
/// pictures and does not count. `None` where `encodes` is empty.
pub fn best_codec<'a>(
    encodes: &[VideoCodec],
    receivers: impl Iterator<Item = &'a [VideoCodec]>,
) -> Option<VideoCodec> {
    let mut count = vec![0u32; encodes.len()];
    for decodes in receivers {
        for (count, codec) in count.iter_mut().zip(encodes) {
            *count += u32::from(decodes.contains(codec));
        }
    }
    let most = count.iter().copied().max()?;
    let at = count.iter().position(|c| *c == most)?;
    encodes.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        encodes: Vec<VideoCodec>,
        receivers: Vec<Vec<VideoCodec>>,
        best: Option<VideoCodec>,
    }

    #[test]
    fn the_best_codec_that_all_decode() {
        let text = include_str!("../../../tests/data/codec.json");
        let cases: Vec<Case> = serde_json::from_str(text).unwrap();
        assert!(cases.len() > 5);
        for case in cases {
            let receivers = case.receivers.iter().map(Vec::as_slice);
            let best = best_codec(&case.encodes, receivers);
            assert_eq!(best, case.best, "{:?} {:?}", case.encodes, case.receivers);
        }
    }

    #[test]
    fn cameras_take_the_costly_codec_only_among_few() {
        let camera = |people| may_be_fine(Source::Camera, people);
        assert_eq!([1, 4, 5].map(camera), [true, true, false]);
        assert!(may_be_fine(Source::Screen, 100));
    }

    #[test]
    fn a_change_waits_for_two_seconds_after_the_last_one() {
        use VideoCodec::{H264, Vp8};
        let participant = |(at, decodes): (usize, &&[VideoCodec])| {
            serde_json::json!({
                "id": at + 1, "name": "A", "role": "guest", "client": "browser", "presence": "connected",
                "muted": [], "tracks": [], "decodes": decodes, "joined_at": 0,
            })
        };
        let room = |decodes: &[&[VideoCodec]]| -> Snapshot {
            let participants: Vec<_> = decodes.iter().enumerate().map(participant).collect();
            let text = serde_json::json!({
                "meeting": { "id": "00000000000000000000000000", "title": "", "locked": false, "started_at": 0 },
                "participants": participants, "chat": [], "seq": 0,
            });
            serde_json::from_value(text).unwrap()
        };
        let both = [H264, Vp8];
        let you = Some(ParticipantId(1));
        let mut choice = CodecChoice::new(H264);
        let mut look = |decodes: &[&[VideoCodec]], ms| {
            choice.update(&both, &room(decodes), you, Time::from_millis(ms))
        };
        assert_eq!(look(&[&[Vp8], &both], 0), None, "the own decoder");
        assert_eq!(look(&[&both, &both, &[Vp8]], 10), Some(Vp8));
        assert_eq!(look(&[&both, &both], 1000), None);
        assert_eq!(look(&[&both, &both], 2010), Some(H264));
    }
}
