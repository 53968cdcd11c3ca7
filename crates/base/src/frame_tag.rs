//! What a receiver has to know of a video packet's frame to go on when frames are missing: between our own ends it travels
//! in a header extension, so that nobody on the way has to look into payloads.

/// The frame a video packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameTag {
    /// Counts the frames of a layer in decode order, from anywhere, round and round.
    pub frame: u16,
    /// The frame it is predicted from, so many frames before it; 0: none, it is a key frame.
    pub refers: u8,
    /// Temporal layer, 0 the base, at most 7. No frame is predicted from one of a higher layer.
    pub temporal: u8,
    /// This is the frame's first packet.
    pub start: bool,
}

impl FrameTag {
    pub const BYTES: usize = 4;
    const START: u8 = 0x80;
    const TEMPORAL: u8 = 7;

    pub fn is_keyframe(self) -> bool {
        self.refers == 0
    }

    /// Number, distance, then the first-packet bit and the temporal layer.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let [high, low] = self.frame.to_be_bytes();
        let start = if self.start { Self::START } else { 0 };
        [
            high,
            low,
            self.refers,
            start | self.temporal & Self::TEMPORAL,
        ]
    }

    /// `None` for another length. Bits that mean nothing are passed over.
    pub fn from_bytes(bytes: &[u8]) -> Option<FrameTag> {
        let [high, low, refers, rest] = bytes.try_into().ok()?;
        Some(FrameTag {
            frame: u16::from_be_bytes([high, low]),
            refers,
            temporal: rest & Self::TEMPORAL,
            start: rest & Self::START != 0,
        })
    }
}

/// Counts the frames of one layer as its encoder gives them.
#[derive(Clone, Debug, Default)]
pub struct FrameTagger {
    count: u16,
    /// The newest frame of each temporal layer since the last key frame.
    newest: [Option<u16>; 8],
}

impl FrameTagger {
    /// The tag of the first packet of the next frame. `None` where its reference cannot be named, up to the next key frame: none
    /// came before, or the reference is too many frames ago.
    pub fn next(&mut self, temporal: u8, keyframe: bool) -> Option<FrameTag> {
        self.next_from(temporal, keyframe, None)
    }

    /// The same of a frame that is predicted from the one `back` frames before it, 1 or more, whatever came between: a long-term
    /// reference. What follows it builds on it.
    pub fn next_from(
        &mut self,
        temporal: u8,
        keyframe: bool,
        back: Option<u16>,
    ) -> Option<FrameTag> {
        let frame = self.count;
        self.count = frame.wrapping_add(1);
        let temporal = temporal & FrameTag::TEMPORAL;
        let refers = if keyframe {
            self.newest = [None; 8];
            0
        } else {
            // The base is predicted from the base, others from the newest below them.
            let below = &self.newest[..usize::from(temporal).max(1)];
            let distance = |f: &u16| frame.wrapping_sub(*f);
            let nearest = below.iter().flatten().map(distance).min();
            match back.or(nearest).map(u8::try_from) {
                Some(Ok(distance)) if distance > 0 => distance,
                _ => {
                    self.newest = [None; 8];
                    return None;
                }
            }
        };
        self.newest[usize::from(temporal)] = Some(frame);
        Some(FrameTag {
            frame,
            refers,
            temporal,
            start: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_back_as_they_went() {
        for start in [true, false] {
            let tag = FrameTag {
                frame: 0xabcd,
                refers: 200,
                temporal: 5,
                start,
            };
            assert_eq!(FrameTag::from_bytes(&tag.to_bytes()), Some(tag));
        }
        assert_eq!(FrameTag::from_bytes(&[1, 2, 3]), None);
    }

    #[test]
    fn frames_name_the_one_they_are_predicted_from() {
        let mut tagger = FrameTagger::default();
        assert_eq!(tagger.next(0, false), None, "no key frame yet");
        let of = |tagger: &mut FrameTagger, t| tagger.next(t, false).unwrap().refers;
        assert!(tagger.next(0, true).unwrap().is_keyframe());
        let refers: Vec<_> = [2, 1, 2, 0, 2, 1, 2, 0, 2, 2, 0]
            .into_iter()
            .map(|t| of(&mut tagger, t))
            .collect();
        assert_eq!(refers, [1, 2, 1, 4, 1, 2, 1, 4, 1, 2, 3]);
        assert!((0..255).all(|_| tagger.next(2, false).is_some()));
        assert_eq!(tagger.next(0, false), None, "too far away");
        assert_eq!(tagger.next(2, false), None, "nor what follows it");
        assert!(tagger.next(0, true).is_some() && tagger.next(0, false).is_some());
    }

    #[test]
    fn a_long_term_reference_takes_the_place_of_the_frame_before() {
        let mut tagger = FrameTagger::default();
        tagger.next(0, true);
        (0..7).for_each(|i| assert!(tagger.next([2, 1, 2, 0][i % 4], false).is_some()));
        let refers = |tag: Option<FrameTag>| tag.map(|t| t.refers);
        assert_eq!(refers(tagger.next_from(0, false, Some(8))), Some(8));
        let after: Vec<_> = [2, 1, 2, 0].map(|t| refers(tagger.next(t, false))).into();
        assert_eq!(after, [1, 2, 1, 4].map(Some), "all goes on from it");
        assert_eq!(tagger.next_from(0, false, Some(0)), None, "itself");
        tagger.next(0, true);
        assert_eq!(tagger.next_from(0, false, Some(256)), None, "too far away");
        assert_eq!(tagger.next(0, false), None, "nor what follows it");
    }
}
