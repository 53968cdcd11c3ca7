//! How much echo a frame still holds behind the linear filter, per bin: what the suppressor weighs the near talker against.
//!
//! It is a sum of shares of what is known: of the echo that was taken out ("leak": the filter's error and the room behind its tail), of what a loudspeaker driven too hard makes of it ("bend"), and of
//! the own voice that another device in the room sends back ("way round"). Leak and bend are followed together per band as a quantile, so that a near talker on top does not raise them; whichever explains
//! more of the frame moves more. Bend's reference is the echo's cube, the first odd term of every symmetric limiter (F. Kuech and W. Kellermann, "Orthogonalized power filters for nonlinear
//! acoustic echo cancellation", 2006): loud vowels below put power into bands where little was played.

use crate::{FRAME, Frame};

pub const BINS: usize = FRAME + 1;
/// Edges of the bands in which the shares are followed, in bins of 50 Hz: as wide as hearing's, roughly.
const EDGES: [usize; 22] = [
    2, 4, 6, 8, 10, 13, 16, 20, 24, 29, 35, 42, 51, 62, 76, 92, 112, 136, 166, 220, 320, BINS,
];
const BANDS: usize = EDGES.len() - 1;
/// Bands that tell a voice from what the filter left: 300 Hz to 5.6 kHz.
const VOICE: std::ops::Range<usize> = 2..16;

/// Share of the echo's power that reverberates into the next frame, behind the filter's tail: 60 dB in a quarter of a second.
const DECAY: f32 = 0.6;
/// Steps of leak and bend per frame: they settle where the remainder is above them in 7 frames of 10.
const LEAK_UP: f32 = 0.012;
const LEAK_DOWN: f32 = 0.03;
/// The same of bend, which is learnt in loud moments only: the near talker is kept out of it, so it may be quicker.
const BEND_UP: f32 = 0.05;
const BEND_DOWN: f32 = 0.12;
/// Where bend begins: 15 dB below the loudest echo.
const BEND_FIRST: f32 = 0.03;
/// How fast the loudest echo is forgotten, per frame: half in 7 s.
const LOUD_KEEP: f32 = 0.999;
/// Weight of the distortion among what is no evidence of a near talker: from vowel to vowel it varies by so much more than a filter's error does.
const DISTORTED: f32 = 10.0;
/// Steps of the way round: what comes back is in every frame, so its share is what remains in the quietest fifth of them. Without a loop that is nothing, since talkers pause.
const ROUND_UP: f32 = 0.02;
const ROUND_DOWN: f32 = 0.08;
const ROUND_FIRST: f32 = 0.1;
/// Near talkers further than this below the echo (power) are not believed: filters lose a phoneme they did not know by as much.
const BELIEVED: f32 = 0.003;

/// The power spectra of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Powers<'a> {
    /// What the filter left.
    pub error: &'a [f32],
    /// The steady noise in it.
    pub noise: &'a [f32],
    /// The echo the filter took out, and its cube as [`Bender`] makes it.
    pub echo: &'a [f32],
    pub bent: &'a [f32],
    /// The own voice as it would come back now, if it does.
    pub own: Option<&'a [f32]>,
}

#[derive(Debug)]
pub struct Residual {
    echo: Vec<f32>,
    bent: Vec<f32>,
    own: Vec<f32>,
    power: Vec<f32>,
    leak: [f32; BANDS],
    bend: [f32; BANDS],
    round: [f32; BANDS],
    bands: [Band; BANDS],
}

/// Powers of a band, smoothed.
#[derive(Clone, Copy, Debug, Default)]
struct Band {
    error: f32,
    echo: f32,
    bent: f32,
    own: f32,
    noise: f32,
}

impl Default for Residual {
    fn default() -> Residual {
        Residual {
            echo: vec![0.0; BINS],
            bent: vec![0.0; BINS],
            own: vec![0.0; BINS],
            power: vec![0.0; BINS],
            leak: [0.3; BANDS],
            bend: [BEND_FIRST; BANDS],
            round: [ROUND_FIRST; BANDS],
            bands: [Band::default(); BANDS],
        }
    }
}

impl Residual {
    /// Expected power of the echo that remains in each bin of the last frame.
    pub fn power(&self) -> &[f32] {
        &self.power
    }

    /// Takes the next frame. The shares of the far voice are learnt while `far_active`. `near`: how likely it is that someone near talks, 0..=1.
    pub fn follow(&mut self, now: &Powers, far_active: bool, near: f32) {
        reverberate(&mut self.echo, now.echo);
        reverberate(&mut self.bent, now.bent);
        if let Some(own) = now.own {
            reverberate(&mut self.own, own);
        } else {
            self.own.fill(0.0);
            self.round = [ROUND_FIRST; BANDS];
        }
        for band in 0..BANDS {
            self.sum(band, now);
            if far_active {
                self.learn(band, near);
            }
            if now.own.is_some() {
                self.learn_round(band);
            }
            let (leak, bend, round) = (self.leak[band], self.bend[band], self.round[band]);
            for k in EDGES[band]..EDGES[band + 1] {
                self.power[k] = leak * self.echo[k] + bend * self.bent[k] + round * self.own[k];
            }
        }
    }

    fn sum(&mut self, band: usize, now: &Powers) {
        let range = EDGES[band]..EDGES[band + 1];
        let sum = |values: &[f32]| values[range.clone()].iter().sum::<f32>();
        let smooth = |old: f32, values: &[f32]| 0.6 * old + 0.4 * sum(values);
        let old = self.bands[band];
        self.bands[band] = Band {
            error: smooth(old.error, now.error),
            echo: smooth(old.echo, &self.echo),
            bent: smooth(old.bent, &self.bent),
            own: smooth(old.own, &self.own),
            noise: sum(now.noise),
        };
    }

    /// A quantile: steps up and down of fixed size in the logarithm, by whoever takes part in the expectation.
    fn learn(&mut self, band: usize, near: f32) {
        let Band {
            error,
            echo,
            bent,
            noise,
            ..
        } = self.bands[band];
        if echo.max(bent) <= 2.0 * noise {
            return;
        }
        let above = (error - noise).max(0.05 * noise);
        let (leak, bend) = (&mut self.leak[band], &mut self.bend[band]);
        let expected = *leak * echo + *bend * bent + 1e-12;
        let part = *bend * bent / expected;
        let (up, bend_up) = if above > expected {
            (LEAK_UP, BEND_UP * (1.0 - near))
        } else {
            (-LEAK_DOWN, -BEND_DOWN)
        };
        *leak = (*leak * (1.0 + up * (1.0 - part))).clamp(1e-4, 2.0);
        *bend = (*bend * (1.0 + bend_up * part)).clamp(1e-5, 2.0);
    }

    fn learn_round(&mut self, band: usize) {
        let Band {
            error, own, noise, ..
        } = self.bands[band];
        if own <= 4.0 * noise {
            return;
        }
        let above = (error - noise).max(0.05 * noise);
        let round = &mut self.round[band];
        let step = if above > *round * own {
            ROUND_UP
        } else {
            -ROUND_DOWN
        };
        *round = (*round * (1.0 + step)).clamp(1e-4, 4.0);
    }

    /// By how much the remainder is above the expected echo and noise: as a mean over the bands of speech of its logarithm (base 10), so that no band decides alone.
    pub fn evidence(&self) -> f32 {
        let sum: f32 = VOICE
            .map(|band| {
                let Band {
                    error,
                    echo,
                    bent,
                    own,
                    noise,
                } = self.bands[band];
                let rest = self.leak[band].max(BELIEVED) * echo
                    + DISTORTED * self.bend[band] * bent
                    + self.round[band] * own
                    + 2.0 * noise
                    + 1e-7;
                (error / rest).log10().clamp(-0.5, 1.5)
            })
            .sum();
        sum / VOICE.len() as f32
    }
}

/// What reverberates behind the filter's tail dies away like the room.
fn reverberate(past: &mut [f32], now: &[f32]) {
    for (past, now) in past.iter_mut().zip(now) {
        *past = now.max(DECAY * *past);
    }
}

/// Makes the cube of the echo, as loud as the echo where that is loudest.
#[derive(Debug, Default)]
pub struct Bender {
    /// Square of the loudest sample lately.
    loud: f32,
}

impl Bender {
    pub fn bend(&mut self, echo: &Frame) -> Frame {
        let peak = echo.iter().fold(0.0f32, |most, s| most.max(s * s));
        self.loud = (LOUD_KEEP * self.loud).max(peak).max(1e-8);
        echo.map(|s| s * s * s / self.loud)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOISE: [f32; BINS] = [1e-6; BINS];
    const NOTHING: [f32; BINS] = [0.0; BINS];

    /// Loud and soft frames in turn: the echo is in the lowest bands, its cube also in those above.
    fn frames(residual: &mut Residual, frames: usize, error: impl Fn(f32, usize) -> f32) {
        for i in 0..frames {
            let loud = if i % 20 < 10 { 1.0f32 } else { 0.1 };
            let power = |at: fn(usize) -> f32, scale: f32| {
                std::array::from_fn::<f32, BINS, _>(|k| at(k) * scale)
            };
            let echo = power(|k| if k < 20 { 1.0 } else { 1e-3 }, loud);
            let bent = power(|k| if k < 60 { 0.1 } else { 1e-6 }, loud.powi(3));
            let error = std::array::from_fn::<f32, BINS, _>(|k| error(loud, k));
            let now = Powers {
                error: &error,
                noise: &NOISE,
                echo: &echo,
                bent: &bent,
                own: None,
            };
            residual.follow(&now, true, 0.0);
        }
    }

    fn decibels(ratio: f32) -> f32 {
        10.0 * ratio.log10()
    }

    #[test]
    fn distortion_is_expected_where_little_was_played() {
        let mut residual = Residual::default();
        frames(&mut residual, 600, |loud, k| {
            1e-3 * loud * if k < 20 { 1.0 } else { 1e-3 }
                + if k < 60 { 0.02 * loud.powi(3) } else { 0.0 }
        });
        // The last loud frame: 591; go there again.
        frames(&mut residual, 10, |loud, k| {
            if k < 60 { 0.02 * loud.powi(3) } else { 0.0 }
        });
        let off = decibels(residual.power()[40] / 0.02);
        assert!(off.abs() < 6.0, "{off} dB");
        assert!(residual.evidence() < 0.45, "{}", residual.evidence());
    }

    #[test]
    fn a_loudspeaker_that_does_not_clip_is_expected_to_leave_its_share_only() {
        let mut residual = Residual::default();
        let left = |loud: f32, k: usize| 1e-3 * loud * if k < 20 { 1.0 } else { 1e-3 };
        frames(&mut residual, 3000, left);
        frames(&mut residual, 10, left);
        let off = decibels(residual.power()[10] / 1e-3);
        assert!(off.abs() < 6.0, "{off} dB");
    }

    #[test]
    fn a_near_talker_is_evidence_with_and_without_distortion() {
        let mut residual = Residual::default();
        frames(&mut residual, 1000, |loud, k| {
            if k < 60 { 0.02 * loud.powi(3) } else { 1e-6 }
        });
        frames(&mut residual, 10, |_, _| 0.3);
        assert!(residual.evidence() > 0.7, "{}", residual.evidence());
    }

    #[test]
    fn what_comes_back_is_learnt_and_a_talker_on_top_is_not() {
        let mut residual = Residual::default();
        for i in 0..400 {
            // Comes back at -6 dB; the talker is there in every other 100 ms.
            let talk = if i % 20 < 10 { 5.0 } else { 0.0 };
            let now = Powers {
                error: &[0.25 + talk; BINS],
                noise: &NOISE,
                echo: &NOTHING,
                bent: &NOTHING,
                own: Some(&[1.0; BINS]),
            };
            residual.follow(&now, false, 1.0);
        }
        let off = decibels(residual.power()[50] / 0.25);
        assert!(off.abs() < 3.0, "{off} dB");
    }
}
