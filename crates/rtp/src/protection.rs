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
}
