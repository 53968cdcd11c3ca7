//! Which frames were handed to the decoder, and so what can be decoded next where frames are missing.

use confab_base::FrameTag;

/// The frames taken since the last key frame, as their tags name them.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    newest: Option<u16>,
    /// A bit for each of the 128 frames up to the newest, the lowest for that one.
    bits: u128,
}

impl Taken {
    pub(crate) fn note(&mut self, tag: FrameTag) {
        let ahead = self.newest.map(|newest| tag.frame.wrapping_sub(newest));
        self.bits = match ahead {
            Some(ahead) if !tag.is_keyframe() && ahead < 0x8000 => {
                self.bits.checked_shl(u32::from(ahead)).unwrap_or(0) | 1
            }
            _ => 1,
        };
        self.newest = Some(tag.frame);
    }

    /// Whether what the frame is predicted from was taken. A key frame needs nothing.
    pub(crate) fn can_decode(&self, tag: FrameTag) -> bool {
        let Some(newest) = self.newest else {
            // Nothing was tagged so far: nothing is known.
            return true;
        };
        let reference = tag.frame.wrapping_sub(u16::from(tag.refers));
        let back = u32::from(newest.wrapping_sub(reference));
        tag.is_keyframe()
            || self
                .bits
                .checked_shr(back)
                .is_some_and(|bits| bits & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(frame: u16, refers: u8) -> FrameTag {
        FrameTag {
            frame,
            refers,
            temporal: 0,
            start: true,
        }
    }

    #[test]
    fn only_what_builds_on_taken_frames_can_be_decoded() {
        let mut taken = Taken::default();
        taken.note(tag(65_534, 0));
        assert!(taken.can_decode(tag(65_535, 1)) && taken.can_decode(tag(2, 4)));
        taken.note(tag(65_535, 1));
        // Frame 0 is passed over.
        assert!(!taken.can_decode(tag(1, 1)), "built on the missing one");
        assert!(taken.can_decode(tag(2, 4)));
        taken.note(tag(2, 4));
        assert!(taken.can_decode(tag(3, 1)) && taken.can_decode(tag(4, 2)));
        assert!(!taken.can_decode(tag(4, 3)) && !taken.can_decode(tag(700, 200)));
        assert!(taken.can_decode(tag(900, 0)));
        taken.note(tag(900, 0));
        assert!(!taken.can_decode(tag(3, 1)), "from before the key frame");
    }
}
