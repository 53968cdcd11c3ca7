//! Where one signal is found in another: normalised cross-correlation over all lags by FFT. Allocates; for tests and measurements.

use rustfft::{FftPlanner, num_complex::Complex};

/// The best place of one signal in another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// In samples; positive when the second signal comes later than the first.
    pub lag: isize,
    /// Normalised correlation there, -1..=1.
    pub value: f32,
}

/// Searches lags in `-max_lag..=max_lag` for the best match of `b` against `a`: `b[i + lag]` is compared with `a[i]` wherever both
/// exist, normalised by the energies of just those parts. Lags at which less than a quarter of the shorter signal
/// overlaps are left out. `None` when a signal is empty or silent.
pub fn correlate(a: &[f32], b: &[f32], max_lag: usize) -> Option<Match> {
    let size = (a.len() + b.len()).next_power_of_two();
    let mut planner = FftPlanner::new();
    let spectrum = |signal: &[f32], planner: &mut FftPlanner<f32>| {
        let mut buffer: Vec<Complex<f32>> = signal.iter().map(|&s| Complex::new(s, 0.0)).collect();
        buffer.resize(size, Complex::default());
        planner.plan_fft_forward(size).process(&mut buffer);
        buffer
    };
    let fa = spectrum(a, &mut planner);
    let mut product: Vec<_> = spectrum(b, &mut planner)
        .iter()
        .zip(&fa)
        .map(|(b, a)| b * a.conj())
        .collect();
    planner.plan_fft_inverse(size).process(&mut product);
    let (energy_a, energy_b) = (prefix_energy(a), prefix_energy(b));
    let least = a.len().min(b.len()) / 4;
    let mut best: Option<Match> = None;
    for lag in -(max_lag as isize)..=max_lag as isize {
        // Overlap in a's indices.
        let start = (-lag).max(0) as usize;
        let end = (b.len() as isize - lag).clamp(0, a.len() as isize) as usize;
        if end <= start || end - start < least.max(1) {
            continue;
        }
        let shift = |i: usize| i.saturating_add_signed(lag);
        let energy =
            (energy_a[end] - energy_a[start]) * (energy_b[shift(end)] - energy_b[shift(start)]);
        if energy <= 1e-12 {
            continue;
        }
        let sum = product[lag.rem_euclid(size as isize) as usize].re / size as f32;
        let value = (f64::from(sum) / energy.sqrt()) as f32;
        if best.is_none_or(|m| value > m.value) {
            best = Some(Match { lag, value });
        }
    }
    best
}

/// `out[i]` is the energy of the first `i` samples.
fn prefix_energy(signal: &[f32]) -> Vec<f64> {
    let mut sum = 0.0;
    std::iter::once(0.0)
        .chain(signal.iter().map(|&s| {
            sum += f64::from(s) * f64::from(s);
            sum
        }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Noise, Speech};

    #[test]
    fn a_delayed_and_quieter_copy_is_found_exactly() {
        let mut a = vec![0.0; 48_000];
        Speech::new(1).fill(&mut a);
        let b: Vec<f32> = std::iter::repeat_n(0.0, 1234)
            .chain(a.iter().map(|s| s * 0.3))
            .collect();
        let found = correlate(&a, &b, 4800).unwrap();
        assert_eq!(found.lag, 1234);
        assert!(found.value > 0.999);
        assert_eq!(correlate(&b, &a, 4800).unwrap().lag, -1234);
    }

    #[test]
    fn strangers_do_not_match_and_silence_gives_nothing() {
        let (mut a, mut b) = (vec![0.0; 48_000], vec![0.0; 48_000]);
        Noise::new(1).fill(&mut a, 0.5);
        Noise::new(2).fill(&mut b, 0.5);
        assert!(correlate(&a, &b, 2400).unwrap().value < 0.1);
        assert_eq!(correlate(&a, &[0.0; 100], 10), None);
        assert_eq!(correlate(&[], &a, 10), None);
    }
}
