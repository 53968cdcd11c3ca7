//! A real microphone: its callback (see `open`) makes two sides and copies them into a ring; the reader mixes them to mono unless both
//! are wanted, converts to 48 kHz and cuts frames.

use crate::convert::ToOurs;
use crate::fake::Pacer;
use crate::sides::{frame_of, means, rechannel};
use crate::watch::Keeper;
use crate::{DeviceEvent, Direction, Frame, Microphone, OpenError, StereoFrame};
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
    /// Sides that are read: one, mixed, or both.
    channels: usize,
    /// Pairs as the ring has them, and mixed, on their way to the converter.
    raw: Vec<f32>,
    mixed: Vec<f32>,
    /// 48 kHz samples not yet given out, of `channels`.
    ready: Vec<f32>,
}

impl DeviceMicrophone {
    pub(crate) fn open(wanted: Option<String>) -> Result<DeviceMicrophone, OpenError> {
        let keeper = Keeper::open(Direction::Microphone, wanted)?;
        Ok(DeviceMicrophone {
            keeper,
            pacer: Pacer::default(),
            epoch: 0,
            convert: None,
            channels: 1,
            raw: vec![0.0; 4096],
            mixed: Vec::with_capacity(2048),
            ready: Vec::with_capacity(frame_of(4)),
        })
    }

    /// Gives one side or both from now on.
    fn set_channels(&mut self, channels: usize) {
        if self.channels == channels {
            return;
        }
        rechannel(&mut self.ready, self.channels, channels);
        self.channels = channels;
        let rate = self.keeper.shared.rate.load(Ordering::Acquire);
        self.convert = ToOurs::new(rate, channels).ok();
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
            self.convert = ToOurs::new(rate, self.channels).ok();
            shared.ring.skip_to(0);
        }
        let Some(convert) = &mut self.convert else {
            return false;
        };
        let most = (MOST_WAITING.as_millis() as usize * rate as usize) / 1000;
        shared.ring.skip_to(2 * most);
        loop {
            let got = shared.ring.pop(&mut self.raw);
            let pairs = &self.raw[..got];
            if self.channels == 2 {
                convert.process(pairs, &mut self.ready);
            } else {
                self.mixed.clear();
                means(pairs, &mut self.mixed);
                convert.process(&self.mixed, &mut self.ready);
            }
            if got < self.raw.len() {
                return true;
            }
        }
    }

    /// Waits for the next 10 ms of `self.channels`.
    fn fill(&mut self, frame: &mut [f32]) {
        let begin = Instant::now();
        while self.ready.len() < frame.len() {
            let there = self.pull();
            if self.ready.len() >= frame.len() {
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
        frame.copy_from_slice(&self.ready[..frame.len()]);
        self.ready.drain(..frame.len());
    }
}

impl Microphone for DeviceMicrophone {
    fn read(&mut self, frame: &mut Frame) {
        self.set_channels(1);
        self.fill(frame);
    }

    fn read_stereo(&mut self, frame: &mut StereoFrame) -> usize {
        self.set_channels(2);
        self.fill(frame);
        let own = self.keeper.shared.channels.load(Ordering::Relaxed);
        own.clamp(1, 2) as usize
    }

    fn poll_event(&mut self) -> Option<DeviceEvent> {
        self.keeper.shared.poll_event()
    }
}
