//! Whether there is nothing but a voice in a room. The networks were trained to take noise out, and take the room's reverberation with it: a clean voice comes out 6 dB weaker and dry, where it would have
//! been best left alone, or nearly so.
//!
//! What a network takes out of a clean voice is reverberation: it follows what was let through, and dies away like a room. What it takes out of a noisy one is there before the voice, between its words and
//! long after them. So the energy that was taken out and that no room explains, against all energy, tells the two apart (a clean voice in rooms of 0.25 to 0.5 s of reverberation: below
//! -36 dB; babble 15 dB below the voice: -29 to -23 dB; fans and keys more).

use crate::spectrum::Spectrum;

/// Edges of the bands in which energies are compared, in bins of 50 Hz: 200 Hz to 8 kHz.
const EDGES: [usize; 15] = [4, 8, 12, 16, 20, 26, 32, 40, 50, 62, 76, 92, 112, 136, 160];
const BANDS: usize = EDGES.len() - 1;
/// What of the reverberation's energy is there a frame later: 60 dB in half a second.
const DECAY: f32 = 0.74;
/// Reverberation's energy over that of the voice as a network leaves it, at most: 15 dB, since what it leaves has hardly any and early echoes are strong.
const RICH: f32 = 30.0;
/// Share of the past per frame: two seconds.
const MEMORY: f32 = 0.995;
/// Unexplained energy over all, in dB, up to which the sound is clean, and from which on it is not.
const CLEAN_DB: f32 = -36.0;
const NOISY_DB: f32 = -31.0;
/// Most that passes as it came: with half of the reverberation and of a hiss gone a voice sounds better (AECMOS degradation 3.4 where it is 2.9 with all), and not less like itself.
const MOST: f32 = 0.4;
/// Frames at the start that tell nothing: a network takes a second to get used to a room.
const FIRST: u32 = 100;
/// Most by which the share rises per frame; it falls at once.
const RISE: f32 = 0.02;

/// One per network.
#[derive(Debug)]
pub struct Reverberant {
    /// The voice as the network leaves it, dying away.
    tail: [f32; BANDS],
    unexplained: f32,
    all: f32,
    share: f32,
    frames: u32,
}

impl Default for Reverberant {
    fn default() -> Reverberant {
        Reverberant {
            tail: [0.0; BANDS],
            unexplained: 0.0,
            all: 0.0,
            share: 0.0,
            frames: 0,
        }
    }
}

impl Reverberant {
    /// Takes a frame as it came and as the network leaves it; windows of 20 ms. How much of it is to pass as it came, from 0 to [`MOST`]. After the first second sound is taken for clean until noise shows, as it does in
    /// the first pause: that there is none could be said only after many.
    pub fn note(&mut self, came: &Spectrum, left: &Spectrum) -> f32 {
        self.frames = self.frames.saturating_add(1);
        let counts = self.frames > FIRST;
        self.unexplained *= MEMORY;
        self.all *= MEMORY;
        for (band, tail) in self.tail.iter_mut().enumerate() {
            let sum = |of: &Spectrum| -> f32 {
                let range = EDGES[band]..EDGES[band + 1];
                range
                    .map(|k| of.re[k] * of.re[k] + of.im[k] * of.im[k])
                    .sum()
            };
            let (came, left) = (sum(came), sum(left));
            *tail = left.max(DECAY * *tail);
            if counts {
                self.unexplained += (came - left - RICH * *tail).max(0.0);
                self.all += came;
            }
        }
        if !counts {
            return 0.0;
        }
        let ratio_db = 10.0 * (self.unexplained / self.all.max(1e-20)).max(1e-10).log10();
        let share = MOST * ((NOISY_DB - ratio_db) / (NOISY_DB - CLEAN_DB)).clamp(0.0, 1.0);
        self.share = share.min(self.share + RISE);
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Noise;

    const BINS: usize = 481;

    /// Words of 200 ms every 500 ms in a room; `noise` is the power beside the voice. The network leaves the words alone. The share after so many frames.
    fn listen(reverberant: &mut Reverberant, frames: usize, noise: f32) -> f32 {
        let (mut dice, mut room, mut share) = (Noise::new(3), 0.0f32, 0.0);
        let (mut came, mut left) = (Spectrum::new(BINS), Spectrum::new(BINS));
        for frame in 0..frames {
            let voice = if frame % 50 < 20 { 1.0 } else { 1e-6 };
            room = 0.76 * room + voice;
            for k in 0..BINS {
                left.re[k] = voice.sqrt() * dice.sample();
                came.re[k] = left.re[k] + room.sqrt() * dice.sample();
                came.re[k] += noise.sqrt() * dice.sample();
            }
            share = reverberant.note(&came, &left);
        }
        share
    }

    #[test]
    fn a_voice_in_a_room_passes_as_it_came() {
        assert_eq!(listen(&mut Reverberant::default(), 1000, 1e-6), MOST);
    }

    #[test]
    fn noise_is_noticed_in_the_first_pause_and_forgotten_later() {
        let mut reverberant = Reverberant::default();
        assert_eq!(listen(&mut reverberant, 1000, 1e-6), MOST);
        assert_eq!(listen(&mut reverberant, 50, 0.1), 0.0);
        assert_eq!(listen(&mut reverberant, 100, 1e-6), 0.0);
        assert_eq!(listen(&mut reverberant, 2000, 1e-6), MOST);
    }

    #[test]
    fn silence_is_clean() {
        let nothing = Spectrum::new(BINS);
        let mut reverberant = Reverberant::default();
        let last = (0..200)
            .map(|_| reverberant.note(&nothing, &nothing))
            .last();
        assert_eq!(last, Some(MOST));
    }
}
