//! Temporal layers for libraries that are told which reference buffers a frame reads and writes: which layer a frame belongs to,
//! and how it uses two buffers, one for the base and one for the middle layer of three. The highest layer is written nowhere.
//!
//! | layers | frames | reads | writes |
//! |---|---|---|---|
//! | 2 | 0 | base | base |
//! | | 1 | base | – |
//! | 3 | 0 | base | base |
//! | | 2 | base | – |
//! | | 1 | base | middle |
//! | | 2 | middle, base | – |

use crate::simulcast::LayerEncoder;
use crate::{CodecError, EncodedFrame, LayerConfig};
use confab_base::{Bitrate, Duration, Time};
use confab_picture::I420;

/// A gap between pictures counts for at most that much: it says nothing of the frame rate.
const LONGEST_STEP: Duration = Duration::from_secs(1);

/// A reference buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    Base,
    Middle,
}

/// How a frame uses the buffers. Every one reads the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    pub reads_middle: bool,
    pub writes: Option<Buffer>,
}

/// A frame's place among the temporal layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub temporal: u8,
    /// None: the only layer, where the library does as it likes, or a key frame, which is written to all.
    pub buffers: Option<Buffers>,
    pub discardable: bool,
    pub layer_sync: bool,
}

const FREE: Place = Place {
    temporal: 0,
    buffers: None,
    discardable: false,
    layer_sync: false,
};
const BASE: Place = Place {
    buffers: Some(Buffers {
        reads_middle: false,
        writes: Some(Buffer::Base),
    }),
    layer_sync: true,
    ..FREE
};
const MIDDLE: Place = Place {
    temporal: 1,
    buffers: Some(Buffers {
        reads_middle: false,
        writes: Some(Buffer::Middle),
    }),
    ..BASE
};

const fn top(temporal: u8, reads_middle: bool) -> Place {
    Place {
        temporal,
        buffers: Some(Buffers {
            reads_middle,
            writes: None,
        }),
        discardable: true,
        layer_sync: !reads_middle,
    }
}

/// The places of the frames, over and over.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    places: &'static [Place],
    next: usize,
}

impl Pattern {
    /// For 1 to 3 layers; more are taken for 3.
    pub fn new(layers: u8) -> Pattern {
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

    /// The layers of one round, as rate controls want them.
    pub fn layers(&self) -> impl Iterator<Item = u8> {
        self.places.iter().map(|p| p.temporal)
    }

    /// How many layers there are.
    pub fn count(&self) -> u8 {
        self.layers().max().map_or(1, |top| top + 1)
    }

    /// Where the next frame stands, if it is no key frame.
    fn next(&self) -> Place {
        self.places[self.next]
    }

    /// A frame came out there. One the rate control left out leaves its place to the next, so that the base is never starved.
    fn step(&mut self) {
        self.next = (self.next + 1) % self.places.len();
    }

    /// Where a key frame stands: all begins anew with it.
    fn restart(&mut self) -> Place {
        self.next = 0;
        Place {
            layer_sync: true,
            ..FREE
        }
    }
}

/// What a picture is encoded with.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub place: Place,
    pub keyframe: bool,
    /// Since the picture before, at least a microsecond.
    pub passed: Duration,
}

/// What came out for a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFrame {
    pub keyframe: bool,
    pub data: Vec<u8>,
}

/// A library's encoder of one size that does as it is told.
pub trait OrderedEncoder: Sized + Send {
    /// `layer` is inside [`LayerConfig`]'s ranges; `pattern` is how its temporal layers follow each other.
    fn new(layer: &LayerConfig, pattern: &Pattern, screen: bool) -> Result<Self, CodecError>;
    /// The size pictures must have.
    fn size(&self) -> (usize, usize);
    /// Encodes a picture; nothing where the rate control leaves it out.
    fn encode(&mut self, picture: &I420, order: Order) -> Result<Option<RawFrame>, CodecError>;
    /// Sets the target rate from the next picture on.
    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError>;
}

/// One simulcast layer of an encoder that is told the pattern.
#[derive(Debug)]
pub struct Patterned<E> {
    encoder: E,
    pattern: Pattern,
    /// Between pictures at the layer's highest rate.
    interval: Duration,
    /// When the picture before was taken.
    last: Option<Time>,
    begun: bool,
}

impl<E: OrderedEncoder> LayerEncoder for Patterned<E> {
    fn new(layer: &LayerConfig, temporal_layers: u8, screen: bool) -> Result<Self, CodecError> {
        let pattern = Pattern::new(temporal_layers);
        Ok(Patterned {
            encoder: E::new(layer, &pattern, screen)?,
            pattern,
            interval: Duration::from_micros(1_000_000 / u64::from(layer.max_fps)),
            last: None,
            begun: false,
        })
    }

    fn size(&self) -> (usize, usize) {
        self.encoder.size()
    }

    fn encode(
        &mut self,
        picture: &I420,
        at: Time,
        keyframe: bool,
        number: u16,
    ) -> Result<Option<EncodedFrame>, CodecError> {
        let keyframe = keyframe || !self.begun;
        let place = if keyframe {
            self.pattern.restart()
        } else {
            self.pattern.next()
        };
        let order = Order {
            place,
            keyframe,
            passed: self.step(at),
        };
        let Some(raw) = self.encoder.encode(picture, order)? else {
            return Ok(None);
        };
        self.pattern.step();
        self.begun = true;
        Ok(Some(EncodedFrame {
            layer: 0,
            number,
            refers: None,
            temporal: place.temporal,
            keyframe: raw.keyframe,
            discardable: place.discardable,
            layer_sync: place.layer_sync,
            data: raw.data,
        }))
    }

    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        self.encoder.set_bitrate(bitrate)
    }
}

impl<E> Patterned<E> {
    /// Time since the picture before. The usual interval where a clock jumped back, which would be an endless frame rate.
    fn step(&mut self, at: Time) -> Duration {
        let last = self.last.replace(at);
        match last {
            Some(last) if at > last => at.since(last).min(LONGEST_STEP),
            _ => self.interval,
        }
    }
}

/// What the rate may share between the temporal layers: up to each of `count`, in percent.
pub fn shares(count: u8) -> &'static [u64] {
    match count {
        0 | 1 => &[100],
        2 => &[60, 100],
        _ => &[40, 60, 100],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the pattern on two buffers that know which layers their content is made of.
    fn check(layers: u8) {
        let mut pattern = Pattern::new(layers);
        let (mut base, mut middle) = (0, 0);
        for _ in 0..12 {
            let place = pattern.next();
            let buffers = place
                .buffers
                .expect("several layers are told their buffers");
            let highest = if buffers.reads_middle {
                base.max(middle)
            } else {
                base
            };
            assert!(highest <= place.temporal);
            assert!(place.temporal > 0 || highest == 0, "base refers to base");
            assert_eq!(place.layer_sync, highest == 0);
            assert_eq!(place.discardable, buffers.writes.is_none());
            match buffers.writes {
                Some(Buffer::Base) => base = place.temporal,
                Some(Buffer::Middle) => middle = place.temporal,
                None => {}
            }
            pattern.step();
        }
    }

    #[test]
    fn no_frame_refers_to_a_higher_layer() {
        (2..=3).for_each(check);
    }

    #[test]
    fn three_layers_come_as_0_2_1_2_and_begin_anew_at_a_key_frame() {
        let mut pattern = Pattern::new(3);
        assert_eq!(pattern.layers().collect::<Vec<_>>(), [0, 2, 1, 2]);
        assert_eq!(pattern.count(), 3);
        pattern.step();
        assert_eq!(pattern.next().temporal, 2);
        assert_eq!(pattern.restart().temporal, 0);
        assert_eq!(pattern.next().temporal, 0);
    }
}
