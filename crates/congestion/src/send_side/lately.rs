//! The longest queue of the last seconds. What a full queue drops is told by reports and counts that come a second or two later, when the
//! queue itself is gone: whoever asks why packets were lost has to look back.

use confab_base::{Duration, Time};

/// Looked back for so long, and up to twice.
const PERIOD: Duration = Duration::from_millis(2500);

#[derive(Debug, Default)]
pub(crate) struct Lately {
    since: Time,
    /// Milliseconds, of this period and of the one before.
    longest: [f64; 2],
}

impl Lately {
    /// `queue` in milliseconds.
    pub fn note(&mut self, queue: f64, now: Time) {
        let passed = now.since(self.since);
        if passed >= PERIOD {
            let before = if passed < PERIOD * 2 {
                self.longest[0]
            } else {
                0.0
            };
            (self.since, self.longest) = (now, [0.0, before]);
        }
        self.longest[0] = self.longest[0].max(queue);
    }

    pub fn longest(&self, now: Time) -> Duration {
        let is_old = now.since(self.since) >= PERIOD * 2;
        let longest = self.longest[0].max(self.longest[1]);
        Duration::from_secs_f64(if is_old { 0.0 } else { longest / 1000.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_remembered_for_some_seconds() {
        let mut lately = Lately::default();
        let at = Time::from_millis;
        lately.note(0.0, at(10_000));
        lately.note(300.0, at(11_000));
        for ms in (11_050..14_900).step_by(50) {
            lately.note(5.0, at(ms));
            assert_eq!(lately.longest(at(ms)), Duration::from_millis(300), "{ms}");
        }
        (14_900..17_600)
            .step_by(50)
            .for_each(|ms| lately.note(5.0, at(ms)));
        assert_eq!(lately.longest(at(17_600)), Duration::from_millis(5));
        assert_eq!(lately.longest(at(30_000)), Duration::ZERO, "nobody reports");
    }
}
