//! The simulcast encoder of VP8: one libvpx instance per layer, with temporal layers by which buffers each frame reads and writes.
//!
//! libvpx's own "multi-resolution" mode, which hands motion from a smaller layer to the next, is left alone: it encodes all layers in
//! one call and cannot switch one off, as H.264's one instance for all cannot.

use super::pattern::Pattern;
use super::raw_encoder::{RawEncoder, RawOrder};
use crate::simulcast::{LayerEncoder, Simulcast};
use crate::{CodecError, EncodedFrame, LayerConfig, VideoConfig};
use confab_base::{Bitrate, Duration, Time};
use confab_picture::I420;

/// A gap between pictures counts for at most that much: it says nothing of the frame rate.
const LONGEST_STEP: Duration = Duration::from_secs(1);

/// Simulcast VP8 encoder, see [`crate::video_encoder`].
pub type Encoder = Simulcast<Layer>;

impl Encoder {
    /// Fails with `Unsupported` on layer counts, sizes and frame rates outside [`VideoConfig`]'s ranges.
    pub fn new(config: VideoConfig) -> Result<Encoder, CodecError> {
        Simulcast::start(&config)
    }
}

/// One layer's instance.
#[derive(Debug)]
pub struct Layer {
    encoder: RawEncoder,
    pattern: Pattern,
    /// Between pictures at the layer's highest rate.
    interval: Duration,
    /// When the picture before was taken.
    last: Option<Time>,
    begun: bool,
}

impl LayerEncoder for Layer {
    fn new(layer: &LayerConfig, temporal_layers: u8, screen: bool) -> Result<Layer, CodecError> {
        let pattern = Pattern::new(temporal_layers);
        Ok(Layer {
            encoder: RawEncoder::new(layer, &pattern, screen)?,
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
    ) -> Result<Option<EncodedFrame>, CodecError> {
        let keyframe = keyframe || !self.begun;
        let place = if keyframe {
            self.pattern.restart()
        } else {
            self.pattern.next()
        };
        let order = RawOrder {
            temporal: place.temporal,
            flags: place.flags,
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

impl Layer {
    /// Time since the picture before. The usual interval where a clock jumped back, which would be an endless frame rate.
    fn step(&mut self, at: Time) -> Duration {
        let last = self.last.replace(at);
        match last {
            Some(last) if at > last => at.since(last).min(LONGEST_STEP),
            _ => self.interval,
        }
    }
}
