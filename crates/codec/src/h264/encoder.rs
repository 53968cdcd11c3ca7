//! The simulcast encoder: one openh264 instance per layer.
//!
//! openh264 can also make all layers in one instance ([`RawEncoder`] with several). Separate instances were chosen:
//! each layer then has its own key frames, rate, frame rate and off switch, none of which the one instance can do
//! without disturbing the others (its bitrate option spreads one number over all layers, and a switched-off layer means
//! new parameters and key frames everywhere). `benches/codec.rs` compares both: 3.0 ms for the three rungs of a 720p picture
//! against 2.7 ms (fastest of 150 on a busy machine), since the instances of AVC simulcast share nothing but the scaling.

use super::long_term::LongTerms;
use super::raw_encoder::RawEncoder;
use crate::simulcast::{LayerEncoder, Simulcast};
use crate::{CodecError, EncodedFrame, LayerConfig};
use confab_base::{Bitrate, Duration, Time};
use confab_picture::I420;

/// Simulcast H.264 encoder, see [`crate::h264_encoder`].
pub type Encoder = Simulcast<Layer>;

/// One layer's instance.
#[derive(Debug)]
pub struct Layer {
    encoder: RawEncoder,
    rate: FrameRate,
    long_terms: Option<LongTerms>,
    /// Base frames in half a second: how often another long-term reference is made.
    period: u32,
    screen: bool,
}

impl LayerEncoder for Layer {
    fn new(layer: &LayerConfig, temporal_layers: u8, screen: bool) -> Result<Layer, CodecError> {
        Ok(Layer {
            encoder: RawEncoder::new(std::slice::from_ref(layer), temporal_layers, screen)?,
            rate: FrameRate::new(layer.max_fps),
            long_terms: None,
            period: ((layer.max_fps / 2) >> (temporal_layers - 1)).max(1),
            screen,
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
        if let Some(fps) = self.rate.changed(at) {
            self.encoder.set_frame_rate(fps)?;
        }
        if keyframe {
            self.encoder.force_keyframe()?;
        }
        let frames = self.encoder.encode(picture, at.as_millis() as i64)?;
        let mut frame = frames.into_iter().next();
        if let (Some(frame), Some(kept)) = (&mut frame, &mut self.long_terms) {
            frame.refers = kept.note(number, frame.temporal, &frame.data);
        }
        Ok(frame)
    }

    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        self.encoder.set_bitrate(bitrate)
    }

    fn keep_long_term(&mut self) -> Result<bool, CodecError> {
        // For screens openh264 means something else by it, links without loss.
        if !self.screen && self.long_terms.is_none() {
            self.encoder.keep_long_term(self.period)?;
            self.long_terms = Some(LongTerms::default());
        }
        Ok(!self.screen)
    }

    fn acknowledge(&mut self, number: u16) -> Result<(), CodecError> {
        let came = self.long_terms.as_mut().and_then(|l| l.acknowledge(number));
        came.map_or(Ok(()), |came| self.encoder.tell(came))
    }

    fn recover(&mut self, last_good: u16) -> Result<bool, CodecError> {
        let lost = self.long_terms.as_mut().and_then(|l| l.recover(last_good));
        let told = lost.map(|lost| self.encoder.tell(lost)).transpose()?;
        Ok(told.is_some())
    }
}

/// Measures how many pictures really come, because the rate control shares its bits out over as many as it was told: a
/// camera that falls to 15 fps in the dark would get half its rate.
#[derive(Debug)]
struct FrameRate {
    /// Start of the second being counted and pictures in it.
    counted: Option<(Time, u32)>,
    told: f32,
}

impl FrameRate {
    fn new(max_fps: u32) -> FrameRate {
        FrameRate {
            counted: None,
            told: max_fps as f32,
        }
    }

    /// The frame rate of the last second, if it is clearly another than the encoder was told.
    fn changed(&mut self, at: Time) -> Option<f32> {
        let (start, count) = self.counted.unwrap_or((at, 0));
        let span = at.since(start);
        if span < Duration::from_secs(1) {
            self.counted = Some((start, count + 1));
            return None;
        }
        self.counted = Some((at, 1));
        let fps = count as f32 / span.as_secs_f32();
        if span > Duration::from_secs(3) || (fps - self.told).abs() < 0.15 * self.told {
            return None;
        }
        self.told = fps.max(1.0);
        Some(self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_control_hears_of_a_slower_camera() {
        let mut rate = FrameRate::new(30);
        let told: Vec<f32> = (0..40)
            .filter_map(|i| rate.changed(Time::from_millis(i * 100)))
            .collect();
        assert_eq!(told.len(), 1);
        assert!((told[0] - 10.0).abs() < 0.5);
    }
}
