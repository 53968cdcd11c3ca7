//! How much two pictures differ.

use crate::I420;

/// Peak signal-to-noise ratio of the luma planes in dB, peak 255. Equal pictures give infinity, pictures of different
/// size 0.
pub fn psnr_y(a: &I420, b: &I420) -> f64 {
    if a.size() != b.size() {
        return 0.0;
    }
    let error: u64 = a
        .y()
        .chunks(a.width())
        .zip(b.y().chunks(b.width()))
        .map(|(a, b)| u64::from(row_error(a, b)))
        .sum();
    if error == 0 {
        return f64::INFINITY;
    }
    let mean = error as f64 / a.y().len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

/// Sum of squared differences; a row of 8192 pixels stays below 2^32.
fn row_error(a: &[u8], b: &[u8]) -> u32 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| {
            let d = i32::from(a) - i32::from(b);
            (d * d) as u32
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_of_one_everywhere_is_48_db() {
        let a = I420::filled(64, 48, [100, 128, 128]);
        let b = I420::filled(64, 48, [101, 128, 128]);
        assert!((psnr_y(&a, &b) - 48.13).abs() < 0.01);
        assert_eq!(psnr_y(&a, &a), f64::INFINITY);
        assert_eq!(psnr_y(&a, &I420::black(32, 32)), 0.0);
    }
}
