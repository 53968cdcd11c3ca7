//! The simulcast encoder: one openh264 instance per layer.
//!
//! openh264 can also make all layers in one instance ([`RawEncoder`] with several). Separate instances were chosen:
//! each layer then has its own key frames, rate, frame rate and off switch, none of which the one instance can do
//! without disturbing the others (its bitrate option spreads one number over all layers, and a switched-off layer means
//! new parameters and key frames everywhere). `benches/codec.rs` compares both: 3.0 ms for the three rungs of a 720p picture
//! against 2.7 ms (fastest of 150 on a busy machine), since the instances of AVC simulcast share nothing but the scaling.

use super::raw_encoder::RawEncoder;
use crate::{CodecError, EncodedFrame, H264Config, LayerConfig, VideoEncoder};
use confab_base::{Bitrate, Duration, Time};
use confab_picture::I420;

/// Simulcast H.264 encoder, see [`crate::h264_encoder`].
#[derive(Debug)]
pub struct Encoder {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    encoder: RawEncoder,
    active: bool,
    /// Asked for and not come out yet. The first frame is one anyway.
    keyframe_owed: bool,
    pace: Pace,
}

impl Encoder {
    /// Fails with `Unsupported` on layer counts, sizes and frame rates outside [`H264Config`]'s ranges.
    pub fn new(config: H264Config) -> Result<Encoder, CodecError> {
        if config.layers.is_empty() || config.layers.len() > 4 {
            return Err(CodecError::Unsupported);
        }
        let layer = |l: &LayerConfig| {
            Ok(Layer {
                encoder: RawEncoder::new(
                    std::slice::from_ref(l),
                    config.temporal_layers,
                    config.screen,
                )?,
                active: true,
                keyframe_owed: false,
                pace: Pace::new(l.max_fps),
            })
        };
        let layers: Result<Vec<Layer>, CodecError> = config.layers.iter().map(layer).collect();
        Ok(Encoder { layers: layers? })
    }
}

impl VideoEncoder for Encoder {
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
}

impl Layer {
    fn encode(&mut self, picture: &I420, at: Time) -> Result<Option<EncodedFrame>, CodecError> {
        if let Some(fps) = self.pace.changed_rate(at) {
            self.encoder.set_frame_rate(fps)?;
        }
        if self.keyframe_owed {
            self.encoder.force_keyframe()?;
        }
        let frame = self
            .encoder
            .encode(picture, at.as_millis() as i64)?
            .into_iter()
            .next();
        if frame.as_ref().is_some_and(|f| f.keyframe) {
            self.keyframe_owed = false;
        }
        Ok(frame)
    }
}

/// Thins pictures out to a layer's frame rate and measures how many really come, because the rate control shares its
/// bits out over as many as it was told: a camera that falls to 15 fps in the dark would get half its rate.
#[derive(Debug)]
struct Pace {
    interval: Duration,
    due: Option<Time>,
    /// Start of the second being counted and pictures in it.
    counted: Option<(Time, u32)>,
    told: f32,
}

impl Pace {
    fn new(max_fps: u32) -> Pace {
        Pace {
            interval: Duration::from_micros(1_000_000 / u64::from(max_fps.max(1))),
            due: None,
            counted: None,
            told: max_fps as f32,
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

    /// The frame rate of the last second, if it is clearly another than the encoder was told.
    fn changed_rate(&mut self, at: Time) -> Option<f32> {
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
    fn the_rate_control_hears_of_a_slower_camera() {
        let mut pace = Pace::new(30);
        let told: Vec<f32> = (0..40)
            .filter_map(|i| pace.changed_rate(Time::from_millis(i * 100)))
            .collect();
        assert_eq!(told.len(), 1);
        assert!((told[0] - 10.0).abs() < 0.5);
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_stop_the_layer() {
        let mut pace = Pace::new(30);
        assert!(pace.lets_pass(Time::from_millis(1_000_000)));
        assert!(pace.lets_pass(Time::from_millis(5)));
    }
}
