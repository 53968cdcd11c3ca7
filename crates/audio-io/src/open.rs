//! Opens a device in its own format and joins its callback to the ring. The callbacks copy, and nothing else: they take no lock,
//! allocate nothing and log nothing, because they run on the sound system's own real-time thread.

use crate::sides::sides;
use crate::watch::Shared;
use crate::{Direction, OpenError};
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{FromSample, Sample, SampleFormat, SizedSample};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Opens the device, with callbacks of 10 ms where it lets us choose: gives what must stay alive, and the rate in Hz.
pub(crate) fn open(
    direction: Direction,
    device: &cpal::Device,
    shared: &Arc<Shared>,
) -> Result<(cpal::Stream, u32), OpenError> {
    let config = match direction {
        Direction::Microphone => device.default_input_config(),
        Direction::Speaker => device.default_output_config(),
    }?;
    let rate = config.sample_rate();
    let short = cpal::StreamConfig {
        buffer_size: cpal::BufferSize::Fixed(rate / 100),
        ..config.config()
    };
    let format = config.sample_format();
    let stream = typed(direction, device, format, short, shared).or_else(|error| match error {
        // Asking again would only ask the user, or the other program, again.
        OpenError::Busy | OpenError::Denied => Err(error),
        _ => typed(direction, device, format, config.config(), shared),
    })?;
    stream.play()?;
    Ok((stream, rate))
}

fn typed(
    direction: Direction,
    device: &cpal::Device,
    format: SampleFormat,
    config: cpal::StreamConfig,
    shared: &Arc<Shared>,
) -> Result<cpal::Stream, OpenError> {
    let open = match format {
        SampleFormat::F32 => stream::<f32>,
        SampleFormat::I16 => stream::<i16>,
        SampleFormat::I24 => stream::<cpal::I24>,
        SampleFormat::I32 => stream::<i32>,
        SampleFormat::F64 => stream::<f64>,
        SampleFormat::I8 => stream::<i8>,
        SampleFormat::U8 => stream::<u8>,
        SampleFormat::U16 => stream::<u16>,
        SampleFormat::U24 => stream::<cpal::U24>,
        SampleFormat::U32 => stream::<u32>,
        other => return Err(OpenError::Unsupported(format!("samples are {other}"))),
    };
    Ok(open(direction, device, config, shared)?)
}

fn stream<T: SizedSample + FromSample<f32>>(
    direction: Direction,
    device: &cpal::Device,
    config: cpal::StreamConfig,
    shared: &Arc<Shared>,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels.max(1));
    shared
        .channels
        .store(u32::from(config.channels), Ordering::Relaxed);
    let (data, error) = (Arc::clone(shared), Arc::clone(shared));
    let failed = move |e: cpal::Error| error.error(&e);
    match direction {
        Direction::Microphone => {
            let callback = move |samples: &[T], _: &cpal::InputCallbackInfo| {
                heard(&data, channels, samples);
            };
            device.build_input_stream(config, callback, failed, None)
        }
        Direction::Speaker => {
            let callback = move |out: &mut [T], info: &cpal::OutputCallbackInfo| {
                let times = info.timestamp();
                play(
                    &data,
                    channels,
                    times.playback.duration_since(times.callback),
                    out,
                );
            };
            device.build_output_stream(config, callback, failed, None)
        }
    }
}

/// A microphone's callback: all channels become two sides.
fn heard<T: SizedSample>(shared: &Shared, channels: usize, samples: &[T])
where
    f32: FromSample<T>,
{
    shared.beat(samples.len() / channels);
    let pairs = samples
        .chunks_exact(channels)
        .flat_map(|moment| sides(channels, moment.iter().map(|s| f32::from_sample(*s))));
    shared.ring.push(pairs);
}

/// A speaker's callback: the first two channels are the sides, any other plays their mean, as does one alone; silence where the
/// ring is empty.
fn play<T: SizedSample + FromSample<f32>>(
    shared: &Shared,
    channels: usize,
    latency: Duration,
    out: &mut [T],
) {
    shared.beat(out.len() / channels);
    let latency = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
    shared.latency.store(latency, Ordering::Relaxed);
    let mut block = [0.0f32; 2 * 256];
    for part in out.chunks_mut(256 * channels) {
        let wanted = 2 * (part.len() / channels);
        let got = shared.ring.pop(&mut block[..wanted]);
        block[got..wanted].fill(0.0);
        for (pair, slots) in block.chunks_exact(2).zip(part.chunks_exact_mut(channels)) {
            let (left, right) = (pair[0], pair[1]);
            slots.fill(T::from_sample((left + right) * 0.5));
            if let [first, second, ..] = slots {
                (*first, *second) = (T::from_sample(left), T::from_sample(right));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::no_alloc::allocations;

    #[test]
    fn sides_stay_apart_and_are_mixed_where_there_are_not_two() {
        let shared = Shared::new();
        let moments = [16384, 0, -16384, -16384, 7];
        heard::<i16>(&shared, 2, &moments);
        let mut out = [0u8; 7];
        play::<u8>(&shared, 3, Duration::from_micros(9), &mut out);
        assert_eq!(out, [192, 128, 160, 64, 64, 64, 0]);
        assert_eq!(shared.latency.load(Ordering::Relaxed), 9);
        heard::<i16>(&shared, 2, &moments);
        let mut mono = [0u8; 2];
        play::<u8>(&shared, 1, Duration::ZERO, &mut mono);
        assert_eq!(mono, [160, 64]);
        heard::<i16>(&shared, 1, &[16384]);
        let mut stereo = [0u8; 2];
        play::<u8>(&shared, 2, Duration::ZERO, &mut stereo);
        assert_eq!(stereo, [192, 192]);
        // The ring is empty now: silence, which is 128 in this format.
        let mut more = [0u8; 4];
        play::<u8>(&shared, 2, Duration::ZERO, &mut more);
        assert_eq!(more, [128; 4]);
    }

    /// Callbacks of any size and format, on full and empty rings, with an error in between.
    #[test]
    fn callbacks_allocate_nothing() {
        let shared = Shared::new();
        let error = cpal::Error::new(cpal::ErrorKind::Xrun);
        let (heard_i16, mut played_i16) = (vec![i16::EQUILIBRIUM; 96_000], vec![0i16; 96_000]);
        let (heard_f32, mut played_f32) = (vec![0.5f32; 96_000], vec![0f32; 96_000]);
        let before = allocations();
        for size in [1, 3, 480, 1920, 6146, 96_000] {
            for channels in [1, 2, 8] {
                heard(&shared, channels, &heard_i16[..size]);
                play(&shared, channels, Duration::ZERO, &mut played_i16[..size]);
                heard(&shared, channels, &heard_f32[..size]);
                shared.error(&error);
                play(&shared, channels, Duration::MAX, &mut played_f32[..size]);
            }
        }
        assert_eq!(allocations() - before, 0);
    }
}
