//! What a sender's voice does against loss, on its own way and on those of its listeners.

use crate::voice_ladder::{
    LISTENERS, SENDER, SENDER_PLAIN, VoiceLadder, VoicePath, cost, cost_of_music,
};
use confab_base::{Bitrate, Time};
use confab_rtp::Protection;

/// One per voice that is encoded.
#[derive(Clone, Debug)]
pub struct VoiceSender {
    own: VoiceLadder,
    listeners: VoiceLadder,
    copies: bool,
    music: bool,
    missed: f32,
}

impl Default for VoiceSender {
    fn default() -> VoiceSender {
        VoiceSender {
            own: VoiceLadder::new(SENDER_PLAIN),
            listeners: VoiceLadder::new(LISTENERS),
            copies: false,
            music: false,
            missed: 0.0,
        }
    }
}

impl VoiceSender {
    /// Whether the other side takes copies; until then it is thought not to.
    pub fn set_copies(&mut self, copies: bool) {
        if self.copies != copies {
            self.copies = copies;
            self.own = VoiceLadder::new(if copies { SENDER } else { SENDER_PLAIN });
        }
    }

    /// Whether it is original sound rather than a voice.
    pub fn set_music(&mut self, music: bool) {
        self.music = music;
    }

    /// What the listener who misses most misses on the way to it, percent.
    pub fn set_missed(&mut self, percent: u8) {
        self.missed = f32::from(percent.min(100)) / 100.0;
    }

    /// Takes a measurement of the own way, about one a second.
    pub fn update(&mut self, path: VoicePath, now: Time) {
        self.own.update(path, now);
        let theirs = VoicePath {
            loss: self.missed,
            ..VoicePath::default()
        };
        self.listeners.update(theirs, now);
    }

    /// The name of the step the own way is on.
    pub fn step(&self) -> &'static str {
        self.own.step().name
    }

    /// What it takes on the wire, headers included.
    pub fn rate(&self) -> Bitrate {
        match self.music {
            true => cost_of_music(&self.protection()),
            false => cost(&self.protection()),
        }
    }

    /// Of a voice; original sound makes its own of it, see [`Protection::of_music`].
    pub fn protection(&self) -> Protection {
        joined(self.own.protection(), self.listeners.protection())
    }
}

/// What a sender does whose own way asks for `own`, and its listeners for `theirs`.
fn joined(own: Protection, theirs: Protection) -> Protection {
    if !own.deep.is_zero() {
        // Below its rate the encoder leaves the description away.
        return own;
    }
    if !theirs.deep.is_zero() && own.copies.is_empty() {
        return theirs;
    }
    let rates = [own.bitrate, theirs.bitrate];
    Protection {
        bitrate: rates.into_iter().flatten().min(),
        ..own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_base::Duration;

    fn losing(own: f32, missed: u8, copies: bool) -> Protection {
        let mut voice = VoiceSender::default();
        voice.set_copies(copies);
        voice.set_missed(missed);
        for s in 0..5 {
            let path = VoicePath {
                loss: own,
                ..VoicePath::default()
            };
            voice.update(path, Time::from_millis(s * 1000));
        }
        voice.protection()
    }

    #[test]
    fn listeners_losses_make_frames_smaller_and_where_there_is_room_describe_them() {
        let deep = Duration::from_secs(1);
        assert_eq!(losing(0.0, 0, true), Protection::NONE);
        assert_eq!(losing(0.0, 50, true).bitrate, Some(Bitrate::kbps(16)));
        assert_eq!(losing(0.0, 80, true).deep, deep);
        assert_eq!(losing(0.0, 80, false).deep, deep);
        let both = losing(0.3, 80, true);
        assert_eq!(both.copies, [1, 2, 3], "its own way comes first");
        assert_eq!(both.bitrate, Some(Bitrate::kbps(16)));
    }

    #[test]
    fn what_describes_the_past_keeps_its_rate_whatever_listeners_miss() {
        let alone = losing(0.5, 0, false);
        assert!(!alone.deep.is_zero());
        assert_eq!(losing(0.5, 50, false), alone);
    }

    #[test]
    fn without_copies_losses_are_described() {
        assert!(losing(0.5, 0, false).copies.is_empty());
        assert!(losing(0.5, 0, true).copies.len() > 4);
    }

    #[test]
    fn original_sound_takes_four_times_the_rate_of_a_voice() {
        let mut voice = VoiceSender::default();
        let before = voice.rate();
        voice.set_music(true);
        let now = voice.rate();
        assert_eq!(now.bps() - 2 * (before.bps() - 32_000), 128_000);
    }
}
