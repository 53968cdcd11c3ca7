//! Sound and picture of one participant, decoded on two threads, kept together.

use confab_base::{Duration, Time};
use confab_rtp::{AvSync, SenderReport};
use std::sync::{Arc, Mutex};

/// Shared between the audio slot and the video slot of a participant. The lock is held for a few additions.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedSync(Arc<Mutex<AvSync>>);

impl SharedSync {
    fn with<T: Default>(&self, f: impl FnOnce(&mut AvSync) -> T) -> T {
        self.0
            .lock()
            .map(|mut sync| f(&mut sync))
            .unwrap_or_default()
    }

    pub(crate) fn audio_report(&self, report: (u64, u32)) {
        self.with(|sync| sync.audio_report(to_report(report)));
    }

    pub(crate) fn video_report(&self, report: (u64, u32)) {
        self.with(|sync| sync.video_report(to_report(report)));
    }

    /// Notes a presented sample and gives the delay audio is to be held back by.
    pub(crate) fn audio_presented(
        &self,
        timestamp: u32,
        at: Time,
        buffered: Duration,
        now: Time,
    ) -> Duration {
        self.with(|sync| {
            sync.audio_buffered(buffered);
            sync.audio_presented(timestamp, at);
            sync.delays(now).audio
        })
    }

    /// Notes a shown picture and gives the delay video is to be held back by.
    pub(crate) fn video_presented(&self, timestamp: u32, at: Time) -> Duration {
        self.with(|sync| {
            sync.video_presented(timestamp, at);
            sync.delays(at).video
        })
    }

    /// How far the sound is behind the picture, µs; negative: ahead.
    pub(crate) fn offset_us(&self, now: Time) -> Option<i64> {
        self.with(|sync| sync.offset_us(now))
    }
}

/// Microseconds to NTP's 32.32 fixed point.
fn to_report((ntp_micros, rtp): (u64, u32)) -> SenderReport {
    let ntp = ((u128::from(ntp_micros) << 32) / 1_000_000) as u64;
    SenderReport { ntp, rtp }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_clock_microseconds_survive_as_fixed_point() {
        let micros = 1_794_000_000_123_456u64;
        let ntp = to_report((micros, 0)).ntp;
        let back = ((u128::from(ntp) * 1_000_000) >> 32) as u64;
        assert!(micros - back <= 1);
    }
}
