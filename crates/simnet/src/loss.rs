//! How datagrams get lost: each by itself, or in bursts (Gilbert 1960, Elliott 1963).

use crate::Rng;

/// How datagrams get lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    #[default]
    None,
    /// Each by itself, with this probability.
    Random(f64),
    /// Gilbert-Elliott: the path is good or bad, and changes with these probabilities per datagram.
    Bursts {
        good_to_bad: f64,
        bad_to_good: f64,
        loss_when_good: f64,
        loss_when_bad: f64,
    },
}

impl Loss {
    /// Bursts of `mean_length` datagrams in which everything is lost, with `loss` of all datagrams lost in the long run.
    ///
    /// Both come out exactly where `mean_length` is at least `loss / (1 - loss)`: between two bursts stands at least one
    /// datagram that gets through, so shorter ones can't lose that much.
    pub fn bursts(loss: f64, mean_length: f64) -> Loss {
        let bad_to_good = 1.0 / mean_length.max(1.0);
        let loss = loss.clamp(0.0, 0.99);
        Loss::Bursts {
            good_to_bad: bad_to_good * loss / (1.0 - loss),
            bad_to_good,
            loss_when_good: 0.0,
            loss_when_bad: 1.0,
        }
    }
}

/// A path that loses: whether it is in a burst now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LossProcess {
    bad: bool,
}

impl LossProcess {
    /// In a burst with the probability that one finds, looking at a random moment.
    pub fn in_the_long_run(loss: Loss, rng: &mut Rng) -> LossProcess {
        let share = match loss {
            Loss::Bursts {
                good_to_bad,
                bad_to_good,
                ..
            } => good_to_bad / (good_to_bad + bad_to_good).max(f64::MIN_POSITIVE),
            Loss::None | Loss::Random(_) => 0.0,
        };
        LossProcess {
            bad: rng.chance(share),
        }
    }

    /// Whether the next datagram is lost.
    pub fn loses(&mut self, loss: Loss, rng: &mut Rng) -> bool {
        match loss {
            Loss::None => false,
            Loss::Random(p) => rng.chance(p),
            Loss::Bursts {
                good_to_bad,
                bad_to_good,
                loss_when_good,
                loss_when_bad,
            } => {
                let flip = if self.bad { bad_to_good } else { good_to_bad };
                self.bad ^= rng.chance(flip);
                let p = if self.bad {
                    loss_when_bad
                } else {
                    loss_when_good
                };
                rng.chance(p)
            }
        }
    }
}
