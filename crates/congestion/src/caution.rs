//! How much surer to be before a stream changes to another layer, where packets get lost on its way: each change is a key frame, which
//! comes through at the third or fifth try there.

use confab_base::Duration;

/// What would be waited for anyway is waited for at most so many times as long.
const MOST_PATIENCE: f64 = 3.0;
/// Beyond this no more is reckoned with.
const MOST_LOSS: f64 = 0.9;

/// By how often a packet has to be sent until it comes through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caution {
    times: f64,
}

impl Caution {
    /// `loss`: the share of packets lost on the way, 0 to 1.
    pub fn at(loss: f64) -> Caution {
        let loss = if loss.is_finite() { loss } else { 0.0 };
        Caution {
            times: 1.0 / (1.0 - loss.clamp(0.0, MOST_LOSS)),
        }
    }

    /// How long something must be so that would count after this time without loss.
    pub fn patience(self, time: Duration) -> Duration {
        Duration::from_secs_f64(time.as_secs_f64() * self.times.min(MOST_PATIENCE))
    }

    /// How many times as much room there must be, 1 and more: the root of how often a packet has to be sent.
    pub fn margin(self) -> f64 {
        self.times.sqrt()
    }

    /// How often a packet has to be sent, 1 to 10.
    pub fn times(self) -> f64 {
        self.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_the_loss_and_has_an_end() {
        let at = |loss| {
            let caution = Caution::at(loss);
            let patience = caution.patience(Duration::from_millis(1000)).as_millis();
            (patience, (caution.margin() * 100.0).round() as u64)
        };
        assert_eq!([0.0, -3.0, f64::NAN].map(at), [(1000, 100); 3]);
        assert_eq!(at(0.5), (2000, 141));
        assert_eq!((at(0.8), at(1.0)), ((3000, 224), (3000, 316)));
    }
}
