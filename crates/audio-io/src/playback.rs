//! A real speaker: the writer converts frames to the device's rate into a ring, always with two sides; the callback (see `open`) copies
//! them out to the device's channels.
//!
//! The fill of the ring is held at a target, see `steering`.

use crate::convert::ToDevice;
use crate::sides::spread;
use crate::steering::{Next, Steering, samples};
use crate::watch::Keeper;
use crate::{DeviceEvent, Direction, FRAME, Frame, OpenError, Speaker, StereoFrame};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Sound kept in the ring beside one callback's worth, so that a late writer is not heard.
const CUSHION: Duration = Duration::from_millis(20);

pub(crate) struct DeviceSpeaker {
    keeper: Keeper,
    epoch: u64,
    convert: Option<ToDevice>,
    steering: Steering,
}

impl DeviceSpeaker {
    pub(crate) fn open(wanted: Option<String>) -> Result<DeviceSpeaker, OpenError> {
        let keeper = Keeper::open(Direction::Speaker, wanted)?;
        Ok(DeviceSpeaker {
            keeper,
            epoch: 0,
            convert: None,
            steering: Steering::default(),
        })
    }

    /// Moments the ring should hold, a sample of each side.
    fn target(&self, rate: u32) -> usize {
        let burst = self.keeper.shared.burst.load(Ordering::Relaxed) as usize;
        samples(CUSHION, rate) + burst.min(rate as usize / 4)
    }
}

impl Speaker for DeviceSpeaker {
    fn write(&mut self, frame: &Frame) {
        let mut both = [0.0; 2 * FRAME];
        spread(frame, &mut both);
        self.write_stereo(&both);
    }

    fn write_stereo(&mut self, frame: &StereoFrame) {
        let shared = Arc::clone(&self.keeper.shared);
        let rate = shared.rate.load(Ordering::Acquire);
        if rate == 0 {
            return;
        }
        let (epoch, target) = (shared.epoch.load(Ordering::Acquire), self.target(rate));
        if epoch != self.epoch {
            self.epoch = epoch;
            self.convert = ToDevice::new(rate).ok();
            self.steering.start(target);
            // The first frame finds a cushion of silence, or the first callback would starve.
            let missing = target.saturating_sub(shared.ring.len() / 2);
            shared.ring.push(std::iter::repeat_n(0.0, 2 * missing));
        }
        let Some(convert) = &mut self.convert else {
            return;
        };
        let waiting = shared.ring.len() / 2;
        let longer = match self.steering.next(waiting, target, rate) {
            Next::Drop => return,
            Next::Refill => {
                shared.ring.push(std::iter::repeat_n(0.0, 2 * target));
                0.0
            }
            Next::Write(longer) => longer,
        };
        let made = convert.process(frame, longer);
        shared.ring.push(made.iter().copied());
    }

    fn delay(&self) -> Duration {
        let shared = &self.keeper.shared;
        match shared.rate.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            rate => {
                let device = shared.latency.load(Ordering::Relaxed);
                Duration::from_secs_f64((shared.ring.len() / 2) as f64 / f64::from(rate))
                    + Duration::from_micros(device.into())
            }
        }
    }

    fn poll_event(&mut self) -> Option<DeviceEvent> {
        self.keeper.shared.poll_event()
    }
}
