//! What the stages count. All counters run from the start of a slot or source; whoever reports takes differences.

use crate::noise::NoiseState;
use confab_base::{AudioLevel, Duration, Time, VideoCodec};
use confab_dsp::EchoState;
use confab_rtp::Protection;

/// A gap of this length and more is a stall: a listener notices it, a viewer is annoyed.
pub const STALL: Duration = Duration::from_millis(200);

/// The own microphone's way up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AudioUpStats {
    pub packets: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// 10 ms frames processed.
    pub frames: u64,
    /// 10 ms frames that came due while the machine was too busy.
    pub overruns: u64,
    /// RFC 6464 level of the last packet.
    pub level: Option<AudioLevel>,
    pub voice: bool,
    pub muted: bool,
    /// What the echo canceller knows; `None` while it is off.
    pub echo: Option<EchoState>,
    /// A loop from speaker to microphone howled within the last two seconds.
    pub howling: bool,
    pub noise: NoiseState,
    /// Mean cost of noise suppression per 10 ms frame, of the last second.
    pub noise_cost: Duration,
    /// What is done against loss. Its copies are sent only where the other side takes them.
    pub protection: Protection,
    /// Packets that carried copies.
    pub red_packets: u64,
    /// Channels of a packet, and its length.
    pub channels: u8,
    pub packet: Duration,
}

/// One slot's way to the ear.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AudioDownStats {
    pub packets: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// Never came, or too late to be played.
    pub lost: u64,
    /// Samples played in all, 48 kHz.
    pub samples: u64,
    /// Of these, invented because the packet was not there.
    pub concealed: u64,
    /// Of these, decoded from what the next packet repeats (LBRR), played from copies (RED), decoded from what later packets
    /// describe (deep redundancy).
    pub from_lbrr: u64,
    pub from_copies: u64,
    pub from_deep: u64,
    pub stalls: u64,
    /// Time in stalls, and only the part after they began to be one counts from their start.
    pub stall_time: Duration,
    /// How long nothing at all has come: a stall, or a pause of the sender. Which, is known when something comes.
    pub waiting: Duration,
    /// What waits in the jitter buffer now.
    pub delay: Duration,
    /// What the jitter buffer aims at.
    pub target: Duration,
    /// Interarrival jitter of RFC 3550.
    pub jitter: Duration,
    /// RFC 6464 level of the last packet.
    pub level: Option<AudioLevel>,
    /// Channels it is decoded to, and the length of its last packet.
    pub channels: u8,
    pub packet: Duration,
}

/// One simulcast layer's way up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerUpStats {
    pub width: u16,
    pub height: u16,
    pub active: bool,
    /// What the encoder was told to spend, bits per second.
    pub target: u64,
    pub frames: u64,
    pub keyframes: u64,
    pub packets: u64,
    /// Payload bytes.
    pub bytes: u64,
}

/// The camera's or screen's way up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VideoUpStats {
    pub codec: Option<VideoCodec>,
    /// Less is coded than is wanted, since the machine does not keep up.
    pub cpu_limited: bool,
    pub captured: u64,
    pub muted: bool,
    pub layers: Vec<LayerUpStats>,
    /// Time spent encoding.
    pub encode_time: Duration,
    /// Key frames that were asked for by receivers, and frames that build on one they have.
    pub keyframe_requests: u64,
    pub recoveries: u64,
    pub errors: u64,
}

/// One slot's way to a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VideoDownStats {
    /// Of the newest frame.
    pub codec: Option<VideoCodec>,
    pub packets: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// Sequence numbers that never came.
    pub lost: u64,
    pub frames: u64,
    pub keyframes: u64,
    /// Pictures given up: incomplete, or not decodable.
    pub dropped: u64,
    /// Gaps between pictures longer than three average ones and than the average and 150 ms (the definition of W3C
    /// webrtc-stats).
    pub freezes: u64,
    pub freeze_time: Duration,
    pub stalls: u64,
    pub stall_time: Duration,
    /// From the arrival of a picture's last packet to its release, of the last picture.
    pub delay: Duration,
    /// What the jitter buffer aims at, against the earliest possible arrival.
    pub target: Duration,
    pub jitter: Duration,
    pub width: u16,
    pub height: u16,
    pub keyframe_requests: u64,
    pub decode_time: Duration,
}

/// Counts gaps between signs of life: freezes by the W3C definition, and stalls of [`STALL`] and more.
#[derive(Clone, Debug, Default)]
pub struct GapCounter {
    last: Option<Time>,
    average: Duration,
    pub freezes: u64,
    pub freeze_time: Duration,
    pub stalls: u64,
    pub stall_time: Duration,
}

impl GapCounter {
    /// Something was shown at `now`.
    pub fn sign(&mut self, now: Time) {
        if let Some(last) = self.last {
            let gap = now.since(last);
            if gap >= STALL {
                self.stalls += 1;
                self.stall_time += gap;
            }
            let long = (self.average * 3).max(self.average + Duration::from_millis(150));
            if self.average > Duration::ZERO && gap > long {
                self.freezes += 1;
                self.freeze_time += gap;
            } else {
                // The average of what is no freeze, over about 30 pictures.
                self.average = match self.average {
                    Duration::ZERO => gap,
                    average => (average * 29 + gap) / 30,
                };
            }
        }
        self.last = Some(now);
    }

    /// What comes next begins anew: a pause by intention is no gap.
    pub fn pause(&mut self) {
        self.last = None;
        self.average = Duration::ZERO;
    }

    /// Whether a stall goes on at `now`.
    pub fn stalled(&self, now: Time) -> bool {
        self.last.is_some_and(|last| now.since(last) >= STALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_has_no_gaps_and_a_cut_is_one_of_each() {
        let mut gaps = GapCounter::default();
        for i in 0..30 {
            gaps.sign(Time::from_millis(33 * i));
        }
        assert_eq!((gaps.freezes, gaps.stalls), (0, 0));
        gaps.sign(Time::from_millis(33 * 29 + 400));
        assert_eq!((gaps.freezes, gaps.stalls), (1, 1));
        assert_eq!(gaps.stall_time, Duration::from_millis(400));
    }

    #[test]
    fn a_pause_by_intention_is_no_gap() {
        let mut gaps = GapCounter::default();
        gaps.sign(Time::from_millis(0));
        gaps.sign(Time::from_millis(33));
        gaps.pause();
        gaps.sign(Time::from_millis(9000));
        assert_eq!((gaps.freezes, gaps.stalls), (0, 0));
        assert!(!gaps.stalled(Time::from_millis(9100)));
        assert!(gaps.stalled(Time::from_millis(9300)));
    }
}
