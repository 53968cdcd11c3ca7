//! One number for how good a connection is to talk over.
//!
//! The E-model of ITU-T G.107 reduced as in R. Cole and J. Rosenbluth, "Voice over IP performance monitoring" (ACM SIGCOMM CCR 31(2),
//! 2001): R = 93.2 - Id(delay) - Ie(loss), then MOS from R by G.107, annex B. The loss term uses the effective equipment
//! impairment of G.107 (section 3.5) with Bpl = 20 for Opus with its concealment and LBRR.

use confab_base::Duration;

/// The way between a participant and the server, or two of them in a row with [`Path::then`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Path {
    /// Fraction of packets lost after repair, 0..=1.
    pub loss: f32,
    pub rtt: Duration,
    pub jitter: Duration,
}

impl Path {
    /// Both ways in a row.
    pub fn then(self, next: Path) -> Path {
        Path {
            loss: 1.0 - (1.0 - self.loss) * (1.0 - next.loss),
            rtt: self.rtt + next.rtt,
            jitter: self.jitter.max(next.jitter),
        }
    }
}

/// Mean opinion score, 1.0 (unusable) to 4.5 (as good as it gets).
pub fn score(path: Path) -> f32 {
    // One way, with a jitter buffer of twice the jitter and 30 ms for coding and devices.
    let delay_ms = (path.rtt.as_secs_f32() / 2.0 + 2.0 * path.jitter.as_secs_f32()) * 1000.0 + 30.0;
    let delay_impairment = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    let loss_percent = path.loss.clamp(0.0, 1.0) * 100.0;
    let loss_impairment = 95.0 * loss_percent / (loss_percent + 20.0);
    let r = (93.2 - delay_impairment - loss_impairment).clamp(0.0, 100.0);
    1.0f32.max(1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(loss: f32, rtt_ms: u64, jitter_ms: u64) -> Path {
        Path {
            loss,
            rtt: Duration::from_millis(rtt_ms),
            jitter: Duration::from_millis(jitter_ms),
        }
    }

    proptest! {
        #[test]
        fn the_score_stays_in_range_and_more_loss_is_never_better(loss in 0.0f32..=1.0, more in 0.0f32..=0.5, rtt in 0u64..5000, jitter in 0u64..1000) {
            let (a, b) = (score(path(loss, rtt, jitter)), score(path((loss + more).min(1.0), rtt, jitter)));
            prop_assert!((1.0..=4.5).contains(&a) && b <= a + 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn known_paths_score_as_people_would() {
        assert!(score(path(0.0, 20, 2)) > 4.3);
        assert!((3.0..3.9).contains(&score(path(0.05, 100, 10))));
        assert!(score(path(0.3, 100, 10)) < 2.2);
        assert!(score(path(0.0, 900, 20)) < 3.0);
    }
}
