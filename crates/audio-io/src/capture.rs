//! A real microphone: its callback (see `open`) mixes to mono and copies into a ring; the reader converts to 48 kHz and cuts frames.

use crate::convert::ToOurs;
use crate::fake::Pacer;
use crate::watch::Keeper;
use crate::{DeviceEvent, Direction, FRAME, Frame, Microphone, OpenError};
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
        let keeper = Keeper::open(Direction::Microphone, wanted)?;
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
