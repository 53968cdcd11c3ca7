//! What a sender does for its voice against loss.

use confab_base::{Bitrate, Duration};

/// All settings of a voice that depend on how much gets lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Protection {
    /// Of the Opus packets, deep redundancy included and copies not; `None`: what they have without loss.
    pub bitrate: Option<Bitrate>,
    /// Frames are repeated in the packet after them, coarsely (LBRR).
    pub inband_fec: bool,
    /// How many packets before a packet those are that it copies (RED), nearest first.
    pub copies: &'static [u8],
    /// How much of the past a packet describes (deep redundancy, DRED); zero: nothing.
    pub deep: Duration,
    /// What the encoder shall expect, 0 to 1: it shares its bits between frame and redundancy by this.
    pub expected_loss: f32,
}

impl Default for Protection {
    fn default() -> Protection {
        Protection::NONE
    }
}

impl Protection {
    /// For networks that lose next to nothing.
    pub const NONE: Protection = Protection {
        bitrate: None,
        inband_fec: false,
        copies: &[],
        deep: Duration::ZERO,
        expected_loss: 0.0,
    };

    /// What is done for music where a voice would do this: its rates are four times those of a voice, as 128 kbps are to 32, and never
    /// less. Copies alone bring it back: LBRR makes the encoder treat it as speech, and descriptions know only speech.
    pub fn of_music(self) -> Protection {
        let (copies, voice): (&[u8], _) = if !self.deep.is_zero() {
            (&[1, 2, 3, 4, 5, 6], Some(Bitrate::kbps(12)))
        } else if self.inband_fec && self.copies.is_empty() {
            (&[1], self.bitrate)
        } else {
            (self.copies, self.bitrate)
        };
        Protection {
            bitrate: voice.map(|b| Bitrate(b.bps() * 4)),
            inband_fec: false,
            copies,
            deep: Duration::ZERO,
            expected_loss: self.expected_loss,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn music_has_four_times_the_rate_and_is_only_ever_copied() {
        assert_eq!(Protection::NONE.of_music(), Protection::NONE);
        let lbrr = Protection {
            inband_fec: true,
            expected_loss: 0.1,
            ..Protection::NONE
        };
        let copied = Protection {
            copies: &[1],
            inband_fec: false,
            ..lbrr
        };
        assert_eq!(lbrr.of_music(), copied);
        let copies = Protection {
            copies: &[2, 4, 6],
            bitrate: Some(Bitrate::kbps(16)),
            ..Protection::NONE
        };
        assert_eq!(copies.of_music().copies, [2, 4, 6]);
        assert_eq!(copies.of_music().bitrate, Some(Bitrate::kbps(64)));
        let deep = Protection {
            deep: Duration::from_secs(1),
            bitrate: Some(Bitrate::kbps(60)),
            ..Protection::NONE
        };
        assert!(deep.of_music().deep.is_zero());
        assert_eq!(deep.of_music().copies.len(), 6);
    }
}
