//! Two people talk at once, and one of them wears headphones, plugs them in or does without: what the chain does to the near voice.

use confab_dsp::generate::{Noise, Speech};
use confab_dsp::{FRAME, Frame, VoiceChain, VoiceConfig};

const SECOND: usize = 48_000;

fn voice(seed: u64, seconds: usize) -> Vec<f32> {
    let mut out = vec![0.0; seconds * SECOND];
    Speech::new(seed).fill(&mut out);
    out
}

/// Runs the chain without gain control and gives, per second, how loud the near voice comes out against how it came in, dB. `echo` is the level of the echo,
/// by time in seconds.
fn kept(near: &[f32], far: &[f32], echo: impl Fn(usize) -> f32) -> Vec<f32> {
    let config = VoiceConfig {
        gain_control: false,
        ..VoiceConfig::default()
    };
    let mut chain = VoiceChain::new(config);
    let mut hiss = Noise::new(9);
    let mut sent = Vec::new();
    for start in (0..near.len()).step_by(FRAME) {
        let level = echo(start / SECOND);
        let mut frame: Frame = std::array::from_fn(|i| {
            let played = (start + i).checked_sub(1500).map_or(0.0, |at| far[at]);
            near[start + i] + level * played + 2e-4 * hiss.sample()
        });
        let reference: Frame = far[start..start + FRAME].try_into().unwrap();
        chain.process(&mut frame, &reference);
        sent.extend_from_slice(&frame);
    }
    let energy = |samples: &[f32]| samples.iter().map(|s| s * s).sum::<f32>();
    let seconds = near.chunks_exact(SECOND).zip(sent.chunks_exact(SECOND));
    seconds
        .map(|(came, went)| 10.0 * ((energy(went) + 1e-9) / (energy(came) + 1e-9)).log10())
        .collect()
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

#[test]
fn with_headphones_both_voices_stay_whole() {
    let (near, far) = (voice(3, 20), voice(5, 20));
    let kept = kept(&near, &far, |_| 0.0);
    let worst = kept[5..].iter().copied().fold(0.0, f32::min);
    assert!(worst > -2.0 && mean(&kept[5..]) > -1.0, "{kept:?}");
}

#[test]
fn who_listens_for_a_second_is_heard_whole_from_the_first_word() {
    let (mut near, far) = (voice(3, 6), voice(5, 6));
    near[..SECOND].fill(0.0);
    let kept = kept(&near, &far, |_| 0.0);
    assert!(kept[1] > -3.0 && kept[2] > -3.0, "{kept:?}");
}

#[test]
fn headphones_plugged_in_are_noticed_within_seconds() {
    let (near, far) = (voice(3, 25), voice(5, 25));
    let kept = kept(&near, &far, |second| if second < 10 { 0.3 } else { 0.0 });
    let worst = kept[15..].iter().copied().fold(0.0, f32::min);
    assert!(worst > -3.0 && mean(&kept[15..]) > -1.0, "{kept:?}");
}

#[test]
fn an_echo_is_taken_out_also_after_headphones_were_used() {
    let silence = vec![0.0; 20 * SECOND];
    let (far, near) = (voice(5, 20), voice(3, 20));
    // Headphones for ten seconds, both talking, then the loudspeaker and the far voice alone.
    let talking: Vec<f32> = [&near[..10 * SECOND], &silence[10 * SECOND..]].concat();
    let level = |second| if second < 10 { 0.0 } else { 0.3 };
    let out = kept_energy(&talking, &far, level);
    let echo: f32 = far[15 * SECOND..].iter().map(|s| (0.3 * s).powi(2)).sum();
    let left: f32 = out[15..].iter().sum();
    assert!(left < echo * 1e-3, "{left} of {echo}");
}

/// As [`kept`], the energy that is sent per second.
fn kept_energy(near: &[f32], far: &[f32], echo: impl Fn(usize) -> f32) -> Vec<f32> {
    let energy = |samples: &[f32]| samples.iter().map(|s| s * s).sum::<f32>();
    let before = near.chunks_exact(SECOND).map(|s| energy(s) + 1e-9);
    before
        .zip(kept(near, far, echo))
        .map(|(before, kept)| before * 10f32.powf(kept / 10.0))
        .collect()
}

#[test]
fn with_an_echo_the_near_voice_is_kept_too() {
    let (near, far) = (voice(3, 25), voice(5, 25));
    let kept = kept(&near, &far, |_| 0.2);
    assert!(mean(&kept[8..]) > -3.0, "{kept:?}");
}
