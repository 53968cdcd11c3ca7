//! Simulcast by one encoder per layer, the same for every codec: what is scaled from what, which layer is off or slower than the
//! camera, and which key frames are owed.

use crate::{CodecError, EncodedFrame, LayerConfig, VideoConfig, VideoEncoder};
use confab_base::{Bitrate, Duration, Time};
use confab_picture::I420;

/// Longest side of a layer: H.264's level 5.2 ends near 4096x2304.
pub(crate) const MAX_SIDE: usize = 4096;

/// The encoder of one layer. Public in name only: this module is not.
pub trait LayerEncoder: Sized + Send {
    /// `layer` and `temporal_layers` are inside [`VideoConfig`]'s ranges.
    fn new(layer: &LayerConfig, temporal_layers: u8, screen: bool) -> Result<Self, CodecError>;
    /// The size pictures must have.
    fn size(&self) -> (usize, usize);
    /// Encodes a picture of that size; none where the rate control skips it. `keyframe` asks for a key frame. A frame that comes out
    /// is the layer's one with this number.
    fn encode(
        &mut self,
        picture: &I420,
        at: Time,
        keyframe: bool,
        number: u16,
    ) -> Result<Option<EncodedFrame>, CodecError>;
    /// Any rate; it is brought into the library's range.
    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError>;
    /// Keeps long-term references from the next frame on, a key frame; false where it can't.
    fn keep_long_term(&mut self) -> Result<bool, CodecError> {
        Ok(false)
    }
    /// A receiver has decoded the frame with this number.
    fn acknowledge(&mut self, _number: u16) -> Result<(), CodecError> {
        Ok(())
    }
    /// Refers the next base frame to one that was acknowledged; false where only a key frame helps.
    fn recover(&mut self, _last_good: u16) -> Result<bool, CodecError> {
        Ok(false)
    }
}

/// A video encoder with a `LayerEncoder` for each layer.
#[derive(Debug)]
pub struct Simulcast<E> {
    layers: Vec<Layer<E>>,
}

#[derive(Debug)]
struct Layer<E> {
    encoder: E,
    active: bool,
    /// Asked for and not come out yet. The first frame is one anyway.
    keyframe_owed: bool,
    /// Number of the next frame.
    number: u16,
    pace: Pace,
}

impl<E: LayerEncoder> Simulcast<E> {
    /// Fails with `Unsupported` on layer counts, sizes and frame rates outside [`VideoConfig`]'s ranges.
    pub fn new(config: &VideoConfig) -> Result<Simulcast<E>, CodecError> {
        let count = (1..=4).contains(&config.layers.len());
        if !count || !(1..=3).contains(&config.temporal_layers) {
            return Err(CodecError::Unsupported);
        }
        let layer = |l: &LayerConfig| {
            check(l)?;
            Ok(Layer {
                encoder: E::new(l, config.temporal_layers, config.screen)?,
                active: true,
                keyframe_owed: false,
                number: 0,
                pace: Pace::new(l.max_fps),
            })
        };
        let layers: Result<_, CodecError> = config.layers.iter().map(layer).collect();
        Ok(Simulcast { layers: layers? })
    }
}

/// Whether a layer is inside [`LayerConfig`]'s ranges.
pub(crate) fn check(layer: &LayerConfig) -> Result<(), CodecError> {
    let side = |s: usize| (16..=MAX_SIDE).contains(&s) && s.is_multiple_of(2);
    if side(layer.width) && side(layer.height) && (1..=60).contains(&layer.max_fps) {
        Ok(())
    } else {
        Err(CodecError::Unsupported)
    }
}

impl<E: LayerEncoder> VideoEncoder for Simulcast<E> {
    fn encode(
        &mut self,
        picture: &I420,
        at: Time,
        force_keyframe: &[bool],
    ) -> Result<Vec<EncodedFrame>, CodecError> {
        for (layer, &force) in self.layers.iter_mut().zip(force_keyframe) {
            layer.keyframe_owed |= force;
        }
        let mut frames = Vec::with_capacity(self.layers.len());
        // From the largest down: each size is made from the next larger one, which is a quarter of the work.
        let mut larger: Option<I420> = None;
        for (index, layer) in self.layers.iter_mut().enumerate().rev() {
            if !layer.active || !layer.pace.lets_pass(at) {
                continue;
            }
            let (width, height) = layer.encoder.size();
            let source = match &larger {
                Some(l) if l.width() >= width && l.height() >= height => l,
                _ => picture,
            };
            let scaled = (source.size() != (width, height)).then(|| source.fit(width, height));
            let input = scaled.as_ref().unwrap_or(source);
            if let Some(mut frame) = layer.encode(input, at)? {
                frame.layer = index;
                frames.push(frame);
            }
            if scaled.is_some() {
                larger = scaled;
            }
        }
        frames.reverse();
        Ok(frames)
    }

    fn set_bitrate(&mut self, layer: usize, bitrate: Bitrate) {
        if let Some(layer) = self.layers.get_mut(layer) {
            // The rate is brought into range before, which leaves the library no reason to refuse.
            let accepted = layer.encoder.set_bitrate(bitrate);
            debug_assert!(accepted.is_ok());
        }
    }

    fn set_active(&mut self, layer: usize, active: bool) {
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.keyframe_owed |= active && !layer.active;
            layer.active = active;
        }
    }

    fn keep_long_term_references(&mut self) -> bool {
        let keep = |layer: &mut Layer<E>| layer.encoder.keep_long_term();
        let kept = self.layers.iter_mut().map(|l| keep(l).unwrap_or(false));
        // All of them, and not only up to the first that can't.
        kept.fold(true, |all, kept| all & kept)
    }

    fn acknowledge(&mut self, layer: usize, number: u16) {
        if let Some(layer) = self.layers.get_mut(layer) {
            let told = layer.encoder.acknowledge(number);
            debug_assert!(told.is_ok());
        }
    }

    fn recover(&mut self, layer: usize, last_good: u16) {
        let goes_on = self.go_on_from(layer, last_good);
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.keyframe_owed |= !goes_on;
        }
    }

    fn go_on_from(&mut self, layer: usize, last_good: u16) -> bool {
        let layer = self.layers.get_mut(layer);
        layer.is_some_and(|l| l.encoder.recover(last_good).unwrap_or(false))
    }
}

impl<E: LayerEncoder> Layer<E> {
    fn encode(&mut self, picture: &I420, at: Time) -> Result<Option<EncodedFrame>, CodecError> {
        let (owed, number) = (self.keyframe_owed, self.number);
        let mut frame = self.encoder.encode(picture, at, owed, number)?;
        if let Some(frame) = &mut frame {
            frame.number = number;
            self.number = number.wrapping_add(1);
            self.keyframe_owed &= !frame.keyframe;
        }
        Ok(frame)
    }
}

/// Thins pictures out to a layer's frame rate.
#[derive(Debug)]
struct Pace {
    interval: Duration,
    due: Option<Time>,
}

impl Pace {
    fn new(max_fps: u32) -> Pace {
        Pace {
            interval: Duration::from_micros(1_000_000 / u64::from(max_fps.max(1))),
            due: None,
        }
    }

    /// Whether the picture taken at `at` belongs to the layer; capture times jitter, so a quarter early is on time.
    fn lets_pass(&mut self, at: Time) -> bool {
        let Some(due) = self.due else {
            self.due = Some(at + self.interval);
            return true;
        };
        // A clock that jumped back must not stop the layer for long.
        let absurd = due.since(at) > self.interval * 4;
        if at + self.interval / 4 < due && !absurd {
            return false;
        }
        let on_grid = !absurd && at.since(due) < self.interval;
        self.due = Some(if on_grid { due } else { at } + self.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(source_fps: u64, max_fps: u32) -> usize {
        let mut pace = Pace::new(max_fps);
        (0..source_fps * 10)
            .filter(|i| pace.lets_pass(Time::from_micros(i * 1_000_000 / source_fps + i % 7 * 500)))
            .count()
    }

    #[test]
    fn pictures_are_thinned_to_the_layers_rate() {
        assert!((298..=300).contains(&passed(30, 30)));
        assert!((148..=152).contains(&passed(30, 15)));
        assert!((295..=305).contains(&passed(60, 30)));
        assert!((98..=100).contains(&passed(10, 30)));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_stop_the_layer() {
        let mut pace = Pace::new(30);
        assert!(pace.lets_pass(Time::from_millis(1_000_000)));
        assert!(pace.lets_pass(Time::from_millis(5)));
    }
}
