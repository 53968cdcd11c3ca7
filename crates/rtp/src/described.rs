//! When a voice is played from descriptions (deep redundancy) alone. A coded frame between described ones begins with the decoder's
//! state of before the gap, and every such seam is heard: where many frames are lost and described, those that came sound better
//! described as well.

/// Part by which the share of described frames follows each frame: a second.
const RATE: f32 = 0.02;
/// From this share of lost and described frames on, and down to that one.
const FROM: f32 = 0.3;
const UNTIL: f32 = 0.15;

/// One per stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described {
    share: f32,
    alone: bool,
}

impl Described {
    /// The next frame was played: `lost` and described, or it had come.
    pub(crate) fn note(&mut self, lost: bool) {
        self.share += RATE * (f32::from(u8::from(lost)) - self.share);
        self.alone = self.share > if self.alone { UNTIL } else { FROM };
    }

    /// Whether what came is to be played from descriptions too.
    pub(crate) fn is_alone(&self) -> bool {
        self.alone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(state: &mut Described, frames: usize, lost: impl Fn(usize) -> bool) -> bool {
        (0..frames).for_each(|i| state.note(lost(i)));
        state.is_alone()
    }

    #[test]
    fn many_described_frames_are_better_off_among_themselves_and_few_are_not() {
        let mut state = Described::default();
        assert!(!after(&mut state, 500, |i| i % 5 == 0));
        assert!(after(&mut state, 50, |i| i % 5 != 0));
        assert!(after(&mut state, 500, |i| i % 5 == 0), "not back and forth");
        assert!(!after(&mut state, 200, |i| i % 20 == 0));
    }
}
