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
const CUSHION: Duration = Duration::from_millis(30);
/// Above the target by this much, the excess is dropped at once instead of being played off slowly.
const TOO_MUCH: Duration = Duration::from_millis(150);
/// Strength of the correction: 10 ms off the target change the rate by 0.1 %.
const GAIN_PER_SECOND: f64 = 0.1;

pub(crate) struct DeviceSpeaker {
    keeper: Keeper,
    epoch: u64,
    convert: Option<ToDevice>,
    /// The fill, smoothed over about a second, samples.
    fill: f64,
}

impl DeviceSpeaker {
    pub(crate) fn open(wanted: Option<String>) -> Result<DeviceSpeaker, OpenError> {
        let keeper = Keeper::open(Direction::Speaker, wanted, build)?;
        Ok(DeviceSpeaker {
            keeper,
            epoch: 0,
            convert: None,
            fill: 0.0,
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
        if waiting > target + samples(TOO_MUCH, rate) {
            return;
        }
        if waiting == 0 {
            // Starved: rebuild the cushion once instead of clicking frame by frame.
            shared.ring.push(std::iter::repeat_n(0.0, target));
            self.fill = target as f64;
        }
        self.fill += 0.01 * (waiting as f64 - self.fill);
        let off = (target as f64 - self.fill) / f64::from(rate);
        let made = convert.process(frame, off * GAIN_PER_SECOND);
        shared.ring.push(made.iter().copied());
    }

    fn delay(&self) -> Duration {
        let shared = &self.keeper.shared;
        match shared.rate.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(shared.ring.len() as f64 / f64::from(rate)),
        }
    }

    fn poll_event(&mut self) -> Option<DeviceEvent> {
        self.keeper.shared.poll_event()
    }
}

fn samples(time: Duration, rate: u32) -> usize {
    (time.as_secs_f64() * f64::from(rate)) as usize
}

fn build(device: &cpal::Device, shared: &Arc<Shared>) -> Result<(cpal::Stream, u32), OpenError> {
    let config = device.default_output_config()?;
    let stream = match config.sample_format() {
        SampleFormat::F32 => stream::<f32>(device, config.config(), shared),
        SampleFormat::I16 => stream::<i16>(device, config.config(), shared),
        SampleFormat::I32 => stream::<i32>(device, config.config(), shared),
        SampleFormat::U16 => stream::<u16>(device, config.config(), shared),
        SampleFormat::U8 => stream::<u8>(device, config.config(), shared),
        _ => return Err(OpenError::Format),
    }?;
    stream.play()?;
    Ok((stream, config.sample_rate()))
}

fn stream<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    shared: &Arc<Shared>,
) -> Result<cpal::Stream, OpenError> {
    let channels = usize::from(config.channels.max(1));
    let (data, error) = (Arc::clone(shared), Arc::clone(shared));
    let callback = move |out: &mut [T], _: &cpal::OutputCallbackInfo| {
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
    Ok(device.build_output_stream(config, callback, move |_| error.fail(), None)?)
}
