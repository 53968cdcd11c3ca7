//! A real microphone: the callback mixes to mono and copies into a ring; the reader converts to 48 kHz and cuts frames.

use crate::convert::ToOurs;
use crate::fake::Pacer;
use crate::watch::{Keeper, Shared};
use crate::{DeviceEvent, Direction, FRAME, Frame, Microphone, OpenError};
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{FromSample, Sample, SampleFormat, SizedSample};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the reader looks for new samples.
const LOOK: Duration = Duration::from_millis(2);
/// A device that gives nothing for this long is treated as silent, so that the voice chain keeps its pace.
const PATIENCE: Duration = Duration::from_millis(200);
/// Sound waiting longer than this is dropped: somebody stopped reading, and nobody wants to hear it late.
const MOST_WAITING: Duration = Duration::from_millis(300);

pub(crate) struct DeviceMicrophone {
    keeper: Keeper,
    pacer: Pacer,
    epoch: u64,
    convert: Option<ToOurs>,
    /// Raw samples on their way to the converter.
    raw: Vec<f32>,
    /// 48 kHz samples not yet given out.
    ready: Vec<f32>,
}

impl DeviceMicrophone {
    pub(crate) fn open(wanted: Option<String>) -> Result<DeviceMicrophone, OpenError> {
        let keeper = Keeper::open(Direction::Microphone, wanted, build)?;
        Ok(DeviceMicrophone {
            keeper,
            pacer: Pacer::default(),
            epoch: 0,
            convert: None,
            raw: vec![0.0; 4096],
            ready: Vec::with_capacity(2 * FRAME),
        })
    }

    /// Moves what the device gave to `ready`; false while there is no device.
    fn pull(&mut self) -> bool {
        let shared = &self.keeper.shared;
        let rate = shared.rate.load(Ordering::Acquire);
        if rate == 0 {
            return false;
        }
        let epoch = shared.epoch.load(Ordering::Acquire);
        if epoch != self.epoch {
            self.epoch = epoch;
            self.convert = ToOurs::new(rate).ok();
            shared.ring.skip_to(0);
        }
        let Some(convert) = &mut self.convert else {
            return false;
        };
        shared
            .ring
            .skip_to((MOST_WAITING.as_millis() as usize * rate as usize) / 1000);
        loop {
            let got = shared.ring.pop(&mut self.raw);
            convert.process(&self.raw[..got], &mut self.ready);
            if got < self.raw.len() {
                return true;
            }
        }
    }
}

impl Microphone for DeviceMicrophone {
    fn read(&mut self, frame: &mut Frame) {
        let begin = Instant::now();
        while self.ready.len() < FRAME {
            let there = self.pull();
            if self.ready.len() >= FRAME {
                break;
            }
            if !there || begin.elapsed() > PATIENCE {
                self.pacer.wait();
                frame.fill(0.0);
                return;
            }
            std::thread::sleep(LOOK);
        }
        self.pacer.reset();
        frame.copy_from_slice(&self.ready[..FRAME]);
        self.ready.drain(..FRAME);
    }

    fn poll_event(&mut self) -> Option<DeviceEvent> {
        self.keeper.shared.poll_event()
    }
}

/// Opens the device in its own format, with callbacks of 10 ms where it lets us choose.
fn build(device: &cpal::Device, shared: &Arc<Shared>) -> Result<(cpal::Stream, u32), OpenError> {
    let config = device.default_input_config()?;
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

fn stream<T: SizedSample>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    shared: &Arc<Shared>,
) -> Result<cpal::Stream, OpenError>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels.max(1));
    let scale = 1.0 / channels as f32;
    let (data, error) = (Arc::clone(shared), Arc::clone(shared));
    let callback = move |samples: &[T], _: &cpal::InputCallbackInfo| {
        data.burst
            .store((samples.len() / channels) as u32, Ordering::Relaxed);
        let mono = samples
            .chunks_exact(channels)
            .map(|c| c.iter().map(|s| f32::from_sample(*s)).sum::<f32>() * scale);
        data.ring.push(mono);
    };
    Ok(device.build_input_stream(config, callback, move |e| error.error(&e), None)?)
}
