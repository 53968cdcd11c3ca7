//! Lip sync: holds the earlier of a participant's two streams back until sound and picture of one moment are presented together.
//!
//! Sender reports (RFC 3550, section 6.4.1) tie each stream's RTP timestamps to one clock of the sender. With the time each stream
//! was presented, the difference of their delays follows; the sender's clock cancels out.

use confab_base::{Duration, Time};

/// The mapping in a sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// NTP time, 32.32 fixed point.
    pub ntp: u64,
    pub rtp: u32,
}

/// Delay to add on top of each stream's jitter target; one of the two is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncDelays {
    pub audio: Duration,
    pub video: Duration,
}

/// Differences below this are not corrected; people notice 45 ms of early and 125 ms of late sound (ITU-R BT.1359).
const TOLERANCE_US: i64 = 15_000;
/// Sound that is buffered for so long crosses a network that loses most of it. Pictures need not wait for all of that: they may be
/// [`LATE_US`] ahead of it, which with [`TOLERANCE_US`] is less than people notice.
const LONG_BUFFER: Duration = Duration::from_millis(300);
const LATE_US: i64 = 90_000;
/// The largest correction, each way.
const LIMIT_US: i64 = 400_000;
/// Corrections come this far apart, each at most [`STEP_US`]: 80 ms/s, too slow to see or hear.
const INTERVAL: Duration = Duration::from_millis(250);
const STEP_US: i64 = 20_000;

/// One participant's audio and video.
#[derive(Debug)]
pub struct AvSync {
    audio: Stream,
    video: Stream,
    /// Positive: video is held back; negative: audio.
    correction_us: i64,
    /// Sound may be this late.
    late_us: i64,
    last_step: Time,
}

#[derive(Debug)]
struct Stream {
    clock_rate: i64,
    report: Option<SenderReport>,
    presented: Option<(Time, u32)>,
}

impl Stream {
    /// Presentation time minus capture time, in µs, from an arbitrary zero common to both streams.
    fn delay_us(&self) -> Option<i64> {
        let (report, (at, rtp)) = (self.report?, self.presented?);
        let since_report =
            i64::from(rtp.wrapping_sub(report.rtp) as i32) * 1_000_000 / self.clock_rate;
        let report_us = ((u128::from(report.ntp) * 1_000_000) >> 32) as i64;
        Some(at.as_micros() as i64 - (report_us + since_report))
    }
}

impl Default for AvSync {
    fn default() -> AvSync {
        AvSync::new()
    }
}

impl AvSync {
    pub fn new() -> AvSync {
        let stream = |clock_rate| Stream {
            clock_rate,
            report: None,
            presented: None,
        };
        AvSync {
            audio: stream(48_000),
            video: stream(90_000),
            correction_us: 0,
            late_us: 0,
            last_step: Time::ZERO,
        }
    }

    pub fn audio_report(&mut self, report: SenderReport) {
        self.audio.report = Some(report);
    }

    pub fn video_report(&mut self, report: SenderReport) {
        self.video.report = Some(report);
    }

    /// The sample with this timestamp leaves the speaker at `at`.
    pub fn audio_presented(&mut self, rtp: u32, at: Time) {
        self.audio.presented = Some((at, rtp));
    }

    /// How long sound waits in its jitter buffer now.
    pub fn audio_buffered(&mut self, buffered: Duration) {
        self.late_us = if buffered >= LONG_BUFFER { LATE_US } else { 0 };
    }

    /// The frame with this timestamp is shown at `at`.
    pub fn video_presented(&mut self, rtp: u32, at: Time) {
        self.video.presented = Some((at, rtp));
    }

    /// A stream was replaced by another: its mapping means nothing any more.
    pub fn reset(&mut self) {
        *self = AvSync::new();
    }

    /// How far the sound is behind the picture, in µs, as presented last; `None` until both are known and fresh.
    pub fn offset_us(&self, now: Time) -> Option<i64> {
        let fresh = |stream: &Stream| {
            stream
                .presented
                .is_some_and(|(at, _)| now.since(at) < Duration::from_secs(2))
        };
        if !fresh(&self.audio) || !fresh(&self.video) {
            return None;
        }
        // Clocks more than ten seconds apart are no clocks of one sender.
        Some(self.audio.delay_us()? - self.video.delay_us()?)
            .filter(|offset| offset.abs() < 10_000_000)
    }

    /// How much more sound is behind the picture than it should be; negative: ahead.
    fn error_us(&self, offset: i64) -> i64 {
        match offset {
            0.. if offset > self.late_us || self.correction_us > 0 => offset - self.late_us,
            // A little late by itself: no reason to hold it back.
            0.. => 0,
            _ => offset,
        }
    }

    /// The delays to use now; call it a few times a second.
    pub fn delays(&mut self, now: Time) -> SyncDelays {
        if now.since(self.last_step) >= INTERVAL {
            self.last_step = now;
            let error = self.offset_us(now).map(|offset| self.error_us(offset));
            if let Some(error) = error.filter(|error| error.abs() > TOLERANCE_US) {
                // Half of what is seen: the buffers need a moment to follow.
                self.correction_us = (self.correction_us + (error / 2).clamp(-STEP_US, STEP_US))
                    .clamp(-LIMIT_US, LIMIT_US);
            }
        }
        let micros = |us: i64| Duration::from_micros(us.max(0) as u64);
        SyncDelays {
            audio: micros(-self.correction_us),
            video: micros(self.correction_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Presents both streams for 20 s; `lag` is how much more delay the audio path has than the video path, in ms.
    fn settle(lag_ms: i64) -> (i64, SyncDelays) {
        settle_buffered(lag_ms, Duration::ZERO)
    }

    fn settle_buffered(lag_ms: i64, buffered: Duration) -> (i64, SyncDelays) {
        let mut sync = AvSync::new();
        sync.audio_buffered(buffered);
        sync.audio_report(SenderReport {
            ntp: 1000 << 32,
            rtp: u32::MAX - 100,
        });
        sync.video_report(SenderReport {
            ntp: (1000 << 32) + (1 << 31),
            rtp: 77,
        });
        let mut delays = SyncDelays::default();
        let mut now = Time::from_millis(5000);
        for ms in (1000i64..21_000).step_by(20) {
            // Both present what was captured `ms` after the audio report.
            now = Time::from_millis(5000 + ms as u64);
            let audio_at = (now + delays.audio).as_micros() as i64 + lag_ms.max(0) * 1000;
            let video_at = (now + delays.video).as_micros() as i64 + (-lag_ms).max(0) * 1000;
            sync.audio_presented(
                (u32::MAX - 100).wrapping_add((ms * 48) as u32),
                Time::from_micros(audio_at as u64),
            );
            sync.video_presented(
                77 + ((ms - 500) * 90) as u32,
                Time::from_micros(video_at as u64),
            );
            delays = sync.delays(now);
        }
        (sync.offset_us(now).unwrap(), delays)
    }

    #[test]
    fn the_earlier_stream_is_held_back_until_both_agree() {
        let (offset, delays) = settle(120);
        assert!(
            offset.abs() <= TOLERANCE_US && delays.audio.is_zero(),
            "{offset} {delays:?}"
        );
        assert!(
            (100..=130).contains(&delays.video.as_millis()),
            "{delays:?}"
        );
        let (offset, delays) = settle(-80);
        assert!(
            offset.abs() <= TOLERANCE_US && delays.video.is_zero(),
            "{offset} {delays:?}"
        );
        assert_eq!(settle(5).1, SyncDelays::default());
    }

    #[test]
    fn pictures_do_not_wait_for_all_of_a_voice_that_is_buffered_for_long() {
        let long = Duration::from_millis(420);
        let (offset, delays) = settle_buffered(200, long);
        assert!((offset - LATE_US).abs() <= TOLERANCE_US, "{offset}");
        assert!((95..=125).contains(&delays.video.as_millis()), "{delays:?}");
        assert_eq!(settle_buffered(60, long).1, SyncDelays::default());
        let (offset, delays) = settle_buffered(-80, long);
        assert!(
            offset.abs() <= TOLERANCE_US && delays.video.is_zero(),
            "{offset} {delays:?}"
        );
    }

    #[test]
    fn without_reports_nothing_is_delayed() {
        let mut sync = AvSync::new();
        sync.audio_presented(0, Time::from_millis(10));
        sync.video_presented(0, Time::from_millis(900));
        assert_eq!(sync.delays(Time::from_millis(1000)), SyncDelays::default());
    }
}
