//! Which temporal layer a frame belongs to, and which of VP8's three reference buffers it reads and writes.
//!
//! The base layer lives in the buffer "last", the middle one of three in "golden"; the highest layer is written nowhere.
//!
//! | layers | frames | reads | writes |
//! |---|---|---|---|
//! | 2 | 0 | last | last |
//! | | 1 | last | – |
//! | 3 | 0 | last | last |
//! | | 2 | last | – |
//! | | 1 | last | golden |
//! | | 2 | last, golden | – |
//!
//! Only base frames carry their probabilities on to later ones, or whoever does not get the higher layers could not read the rest.

use super::sys::{
    VP8_EFLAG_NO_REF_ARF, VP8_EFLAG_NO_REF_GF, VP8_EFLAG_NO_UPD_ARF, VP8_EFLAG_NO_UPD_ENTROPY,
    VP8_EFLAG_NO_UPD_GF, VP8_EFLAG_NO_UPD_LAST,
};

/// A frame's place among the temporal layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) temporal: u8,
    /// libvpx's flags for it.
    pub(super) flags: u32,
    pub(super) discardable: bool,
    pub(super) layer_sync: bool,
}

const LAST_ONLY: u32 = VP8_EFLAG_NO_REF_GF | VP8_EFLAG_NO_REF_ARF;
const WRITES_LAST: u32 = VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_UPD_ARF;
const WRITES_GOLDEN: u32 = VP8_EFLAG_NO_UPD_LAST | VP8_EFLAG_NO_UPD_ARF | VP8_EFLAG_NO_UPD_ENTROPY;
const WRITES_NOTHING: u32 = WRITES_LAST | VP8_EFLAG_NO_UPD_LAST | VP8_EFLAG_NO_UPD_ENTROPY;

/// With one layer libvpx may use its buffers as it likes.
const FREE: Place = Place {
    temporal: 0,
    flags: 0,
    discardable: false,
    layer_sync: false,
};
const BASE: Place = Place {
    flags: LAST_ONLY | WRITES_LAST,
    layer_sync: true,
    ..FREE
};
const MIDDLE: Place = Place {
    temporal: 1,
    flags: LAST_ONLY | WRITES_GOLDEN,
    discardable: false,
    layer_sync: true,
};

const fn top(temporal: u8, after_middle: bool) -> Place {
    let reads = if after_middle {
        VP8_EFLAG_NO_REF_ARF
    } else {
        LAST_ONLY
    };
    Place {
        temporal,
        flags: reads | WRITES_NOTHING,
        discardable: true,
        layer_sync: !after_middle,
    }
}

/// The places of the frames, over and over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    places: &'static [Place],
    next: usize,
}

impl Pattern {
    /// For 1 to 3 layers; more are taken for 3.
    pub(super) fn new(layers: u8) -> Pattern {
        let places: &[Place] = match layers {
            0 | 1 => &[FREE],
            2 => &[BASE, const { top(1, false) }],
            _ => &[
                BASE,
                const { top(2, false) },
                MIDDLE,
                const { top(2, true) },
            ],
        };
        Pattern { places, next: 0 }
    }

    /// The layers of one round, as libvpx's rate control wants them.
    pub(super) fn layers(&self) -> impl Iterator<Item = u8> {
        self.places.iter().map(|p| p.temporal)
    }

    /// Where the next frame stands, if it is no key frame.
    pub(super) fn next(&self) -> Place {
        self.places[self.next]
    }

    /// A frame came out there. One the rate control left out leaves its place to the next, so that the base is never starved.
    pub(super) fn step(&mut self) {
        self.next = (self.next + 1) % self.places.len();
    }

    /// Where a key frame stands: all begins anew with it.
    pub(super) fn restart(&mut self) -> Place {
        self.next = 0;
        // It is written to all buffers; flags are for what a frame leaves alone.
        Place {
            flags: 0,
            layer_sync: true,
            ..FREE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the pattern on three buffers that know which layers their content is made of.
    fn check(layers: u8) {
        let mut pattern = Pattern::new(layers);
        let mut buffers = [0u8; 3];
        let reads = [
            crate::vpx::sys::VP8_EFLAG_NO_REF_LAST,
            VP8_EFLAG_NO_REF_GF,
            VP8_EFLAG_NO_REF_ARF,
        ];
        let writes = [
            VP8_EFLAG_NO_UPD_LAST,
            VP8_EFLAG_NO_UPD_GF,
            VP8_EFLAG_NO_UPD_ARF,
        ];
        for _ in 0..12 {
            let place = pattern.next();
            let of = |flags: &[u32; 3]| (0..3).filter(|&i| place.flags & flags[i] == 0).collect();
            let (read, written): (Vec<usize>, Vec<usize>) = (of(&reads), of(&writes));
            let highest = read.iter().map(|&i| buffers[i]).max();
            let highest = highest.expect("every frame refers to something");
            assert!(highest <= place.temporal);
            assert!(place.temporal > 0 || highest == 0, "base refers to base");
            assert_eq!(place.layer_sync, highest == 0 && layers > 1);
            assert_eq!(place.discardable, written.is_empty());
            let keeps_entropy = place.flags & VP8_EFLAG_NO_UPD_ENTROPY != 0;
            assert_eq!(keeps_entropy, place.temporal > 0);
            written.iter().for_each(|&i| buffers[i] = place.temporal);
            pattern.step();
        }
    }

    #[test]
    fn no_frame_refers_to_a_higher_layer() {
        (1..=3).for_each(check);
    }

    #[test]
    fn three_layers_come_as_0_2_1_2_and_begin_anew_at_a_key_frame() {
        let mut pattern = Pattern::new(3);
        assert_eq!(pattern.layers().collect::<Vec<_>>(), [0, 2, 1, 2]);
        pattern.step();
        assert_eq!(pattern.next().temporal, 2);
        assert_eq!(pattern.restart().temporal, 0);
        assert_eq!(pattern.next().temporal, 0);
    }
}
