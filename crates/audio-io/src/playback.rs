//! A real speaker: the writer converts frames to the device's rate into a ring; the callback copies them out to all channels.
//!
//! The fill of the ring is held at a target by making frames a little longer or shorter, so that a speaker whose clock differs
//! from the microphone's neither starves nor falls behind.

use crate::convert::ToDevice;
use crate::watch::{Keeper, Shared};
use crate::{DeviceEvent, Direction, Frame, OpenError, Speaker};
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{FromSample, SampleFormat, SizedSample};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Sound kept in the ring beside one callback's worth, so that a late writer is not heard.
const CUSHION: Duration = Duration::from_millis(20);
/// Above the target by this much, frames are dropped until the target is reached: after a hiccup of the writer, playing it off slowly
/// would keep everyone late for many seconds.
const TOO_MUCH: Duration = Duration::from_millis(60);
/// Strength of the correction: 10 ms off the target change the rate by 0.1 %.
const GAIN_PER_SECOND: f64 = 0.1;
/// The largest correction: clocks of real devices are off by less, and a change of pitch by 0.3 % is not heard.
const MOST: f64 = 0.003;

pub(crate) struct DeviceSpeaker {
    keeper: Keeper,
    epoch: u64,
    convert: Option<ToDevice>,
    /// The fill, smoothed over about a second, samples.
    fill: f64,
    /// Frames are being dropped, see [`TOO_MUCH`].
    draining: bool,
}

impl DeviceSpeaker {
    pub(crate) fn open(wanted: Option<String>) -> Result<DeviceSpeaker, OpenError> {
        let keeper = Keeper::open(Direction::Speaker, wanted, build)?;
        Ok(DeviceSpeaker {
            keeper,
            epoch: 0,
            convert: None,
            fill: 0.0,
            draining: false,
        })
    }

    /// Samples the ring should hold.
    fn target(&self, rate: u32) -> usize {
        let burst = self.keeper.shared.burst.load(Ordering::Relaxed) as usize;
        samples(CUSHION, rate) + burst.min(rate as usize / 4)
    }
}

impl Speaker for DeviceSpeaker {
    fn write(&mut self, frame: &Frame) {
        let shared = Arc::clone(&self.keeper.shared);
        let rate = shared.rate.load(Ordering::Acquire);
        if rate == 0 {
            return;
        }
        let (epoch, target) = (shared.epoch.load(Ordering::Acquire), self.target(rate));
        if epoch != self.epoch {
            self.epoch = epoch;
            self.convert = ToDevice::new(rate).ok();
            self.fill = target as f64;
            // The first frame finds a cushion of silence, or the first callback would starve.
            shared.ring.push(std::iter::repeat_n(
                0.0,
                target.saturating_sub(shared.ring.len()),
            ));
        }
        let Some(convert) = &mut self.convert else {
            return;
        };
        let waiting = shared.ring.len();
        let limit = if self.draining {
            target
        } else {
            target + samples(TOO_MUCH, rate)
        };
        self.draining = waiting > limit;
        if self.draining {
            self.fill = target as f64;
            return;
        }
        if waiting == 0 {
            // Starved: rebuild the cushion once instead of clicking frame by frame.
            shared.ring.push(std::iter::repeat_n(0.0, target));
            self.fill = target as f64;
        }
        self.fill += 0.01 * (waiting as f64 - self.fill);
        let off = (target as f64 - self.fill) / f64::from(rate);
        let made = convert.process(frame, (off * GAIN_PER_SECOND).clamp(-MOST, MOST));
        shared.ring.push(made.iter().copied());
    }

    fn delay(&self) -> Duration {
        let shared = &self.keeper.shared;
        match shared.rate.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            rate => {
                let device = shared.latency.load(Ordering::Relaxed);
                Duration::from_secs_f64(shared.ring.len() as f64 / f64::from(rate))
                    + Duration::from_micros(device.into())
            }
        }
    }

    fn poll_event(&mut self) -> Option<DeviceEvent> {
        self.keeper.shared.poll_event()
    }
}

fn samples(time: Duration, rate: u32) -> usize {
    (time.as_secs_f64() * f64::from(rate)) as usize
}

/// Opens the device in its own format, with callbacks of 10 ms where it lets us choose.
fn build(device: &cpal::Device, shared: &Arc<Shared>) -> Result<(cpal::Stream, u32), OpenError> {
    let config = device.default_output_config()?;
    let rate = config.sample_rate();
    let short = cpal::StreamConfig {
        buffer_size: cpal::BufferSize::Fixed(rate / 100),
        ..config.config()
    };
    let format = config.sample_format();
    let stream = typed(device, format, short, shared)
        .or_else(|_| typed(device, format, config.config(), shared))?;
    stream.play()?;
    Ok((stream, rate))
}

fn typed(
    device: &cpal::Device,
    format: SampleFormat,
    config: cpal::StreamConfig,
    shared: &Arc<Shared>,
) -> Result<cpal::Stream, OpenError> {
    match format {
        SampleFormat::F32 => stream::<f32>(device, config, shared),
        SampleFormat::I16 => stream::<i16>(device, config, shared),
        SampleFormat::I24 => stream::<cpal::I24>(device, config, shared),
        SampleFormat::I32 => stream::<i32>(device, config, shared),
        SampleFormat::F64 => stream::<f64>(device, config, shared),
        SampleFormat::I8 => stream::<i8>(device, config, shared),
        SampleFormat::U8 => stream::<u8>(device, config, shared),
        SampleFormat::U16 => stream::<u16>(device, config, shared),
        SampleFormat::U24 => stream::<cpal::U24>(device, config, shared),
        SampleFormat::U32 => stream::<u32>(device, config, shared),
        _ => Err(OpenError::Format),
    }
}

fn stream<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    shared: &Arc<Shared>,
) -> Result<cpal::Stream, OpenError> {
    let channels = usize::from(config.channels.max(1));
    let (data, error) = (Arc::clone(shared), Arc::clone(shared));
    let callback = move |out: &mut [T], info: &cpal::OutputCallbackInfo| {
        let latency = info
            .timestamp()
            .playback
            .duration_since(info.timestamp().callback);
        data.latency
            .store(latency.as_micros() as u32, Ordering::Relaxed);
        data.burst
            .store((out.len() / channels) as u32, Ordering::Relaxed);
        let mut block = [0.0f32; 256];
        for part in out.chunks_mut(256 * channels) {
            let frames = part.len() / channels;
            let got = data.ring.pop(&mut block[..frames]);
            block[got..frames].fill(0.0);
            for (sample, slots) in block.iter().zip(part.chunks_exact_mut(channels)) {
                slots.fill(T::from_sample(*sample));
            }
        }
    };
    Ok(device.build_output_stream(config, callback, move |e| error.error(&e), None)?)
}
