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

/// The rate control catches up with a cut to more than this within a second.
const DEEP_CUT: f64 = 0.5;
/// Fewer pauses between pictures tell nothing of a frame rate.
const LEAST_PAUSES: u32 = 4;

/// Simulcast H.264 encoder, see [`crate::h264_encoder`].
pub type Encoder = Simulcast<Layer>;

/// One layer's instance.
#[derive(Debug)]
pub struct Layer {
    encoder: RawEncoder,
    rate: FrameRate,
    bitrate: Bitrate,
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
            bitrate: layer.bitrate,
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
        let before = std::mem::replace(&mut self.bitrate, bitrate);
        self.encoder.set_bitrate(bitrate)?;
        // Pictures coded at the old rate are owed for at the new one, and every other one left out for seconds. So after a deep cut it is
        // told of half as many pictures, until their rate was measured again.
        if bitrate < before.scaled(DEEP_CUT) {
            let fps = self.rate.halve();
            self.encoder.set_frame_rate(fps)?;
        }
        Ok(())
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
/// camera that falls to 15 fps in the dark would get half its rate. A layer that was off, or pictures that were held back, are no
/// slower camera: told of that, the first second after it would take many times its rate. So the longest pause does not count.
#[derive(Debug)]
struct FrameRate {
    last: Option<Time>,
    /// Pauses between pictures since the last measurement: how many, all together, and the longest.
    pauses: u32,
    all: Duration,
    longest: Duration,
    told: f32,
}

impl FrameRate {
    fn new(max_fps: u32) -> FrameRate {
        FrameRate {
            last: None,
            pauses: 0,
            all: Duration::ZERO,
            longest: Duration::ZERO,
            told: max_fps as f32,
        }
    }

    /// Half of what was told, from now until the next measurement.
    fn halve(&mut self) -> f32 {
        let told = (self.told / 2.0).max(1.0);
        *self = FrameRate {
            last: self.last,
            told,
            ..FrameRate::new(1)
        };
        told
    }

    /// The frame rate of the last second, or of the last pictures where those took longer, if it is clearly another than the encoder was
    /// told.
    fn changed(&mut self, at: Time) -> Option<f32> {
        let pause = at.since(self.last.replace(at)?);
        self.pauses += 1;
        self.all += pause;
        self.longest = self.longest.max(pause);
        let counted = self.all - self.longest;
        if self.pauses < LEAST_PAUSES || self.all < Duration::from_secs(1) {
            return None;
        }
        let fps = (self.pauses - 1) as f32 / counted.as_secs_f32().max(0.001);
        let fps = fps.clamp(1.0, 60.0);
        (self.pauses, self.all, self.longest) = (0, Duration::ZERO, Duration::ZERO);
        if (fps - self.told).abs() < 0.15 * self.told {
            return None;
        }
        self.told = fps;
        Some(self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the rate control is told of pictures at these times, milliseconds.
    fn told(times: impl IntoIterator<Item = u64>) -> Vec<f32> {
        let mut rate = FrameRate::new(30);
        let changed = |ms| rate.changed(Time::from_millis(ms));
        times.into_iter().filter_map(changed).collect()
    }

    #[test]
    fn the_rate_control_hears_of_a_slower_camera() {
        for (interval, fps) in [(100, 10.0), (400, 2.5), (1000, 1.0), (3000, 1.0)] {
            let told = told((0..40).map(|i| i * interval));
            assert_eq!(told.len(), 1, "{interval}: {told:?}");
            assert!((told[0] - fps).abs() < 0.5, "{interval}: {told:?}");
        }
    }

    #[test]
    fn a_layer_that_was_off_is_no_slower_camera() {
        for pause in [150, 300, 990, 1500, 2400, 2990, 60_000] {
            for on in 1..60 {
                let before = (0..on).map(|i| i * 33);
                let after = (0..300).map(|i| on * 33 + pause + i * 33);
                let told = told(before.chain(after));
                assert_eq!(told, [], "{on} pictures, off for {pause} ms");
            }
        }
    }
}
