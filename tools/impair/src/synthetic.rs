//! Delivery traces that imitate wireless links, drawn from a seed. Nobody measured them: they have the shape of such links
//! (rates that wander, service in bunches, silence), so that what is tuned on steady lines can be seen to fail on others.

use confab_simnet::{DeliveryTrace, Rng};

/// Names that [`synthetic`] knows.
pub const SYNTHETIC: [&str; 2] = ["wifi", "lte"];

/// Length of both, ms.
const LENGTH_MS: u32 = 20_000;

/// The built-in trace of this name: always the same.
pub fn synthetic(name: &str) -> Option<DeliveryTrace> {
    let times = match name {
        "wifi" => wifi(&mut Rng::new(80_211)),
        "lte" => lte(&mut Rng::new(36_300)),
        _ => return None,
    };
    DeliveryTrace::new(times)
}

/// A contended wireless network. Every few ms the station wins the medium and sends an aggregate of 1 to 6 packets; a
/// collision doubles its wait (binary exponential backoff, IEEE 802.11), and now and then others hold the medium for tens
/// of ms. Good seconds and bad seconds alternate, the bad ones with 1 or 2 in each and most of the pauses.
fn wifi(dice: &mut Rng) -> Vec<u32> {
    const SHORTEST_MS: f64 = 6.0;
    let mut times = Vec::new();
    let (mut at, mut backoff) = (0.0, SHORTEST_MS);
    let (mut bad, mut until) = (false, 3000.0);
    while at < f64::from(LENGTH_MS) {
        if at >= until {
            bad = !bad;
            until = at + if bad { 600.0 } else { 3000.0 } * (0.5 + dice.unit());
        }
        at += 2.0 + dice.unit() * backoff;
        if dice.chance(if bad { 0.35 } else { 0.08 }) {
            backoff = (backoff * 2.0_f64).min(48.0);
            continue;
        }
        backoff = SHORTEST_MS;
        if dice.chance(if bad { 0.04 } else { 0.004 }) {
            at += 15.0 + 60.0 * dice.unit();
        }
        let frames = 1 + dice.below(if bad { 2 } else { 6 });
        times.extend((0..frames).map(|_| at as u32));
    }
    end(times)
}

/// A moving phone. The rate wanders as a random walk of its logarithm between 0.4 and 9 Mbit/s, a step every 20 ms; in each
/// ms, one transmission interval, a whole number of packets of that mean is sent. Two handovers stop it for 80 to 200 ms.
fn lte(dice: &mut Rng) -> Vec<u32> {
    let (low, high) = (0.4_f64.ln(), 9.0_f64.ln());
    let mut level = 4.0_f64.ln();
    let handover = |from, dice: &mut Rng| from + dice.below(4000) as u32;
    let handovers = [handover(4000, dice), handover(13_000, dice)];
    let handovers = handovers.map(|at| at..at + 80 + dice.below(120) as u32);
    let (mut times, mut owed) = (Vec::new(), 0.0);
    for at in 0..LENGTH_MS {
        if at % 20 == 0 {
            // A pull to the middle, or it would stay at the edges.
            level += 0.4 * (dice.unit() - 0.5) + 0.01 * (2.5_f64.ln() - level);
            level = level.clamp(low, high);
        }
        if handovers.iter().any(|h| h.contains(&at)) {
            continue;
        }
        // Mbit/s to packets of 12,000 bits a ms, with the scheduler's whim.
        owed += level.exp() / 12.0 * 2.0 * dice.unit();
        while owed >= 1.0 {
            times.push(at);
            owed -= 1.0;
        }
    }
    end(times)
}

/// Both repeat after the same time.
fn end(mut times: Vec<u32>) -> Vec<u32> {
    times.retain(|at| *at < LENGTH_MS);
    times.push(LENGTH_MS);
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opportunities in each window of this many ms.
    fn windows(trace: &DeliveryTrace, ms: u32) -> Vec<usize> {
        let mut counts = vec![0; (LENGTH_MS / ms) as usize + 1];
        for at in trace.at_ms() {
            counts[(at / ms) as usize] += 1;
        }
        counts.truncate((LENGTH_MS / ms) as usize);
        counts
    }

    #[test]
    fn they_have_rates_that_calls_can_live_on_and_wander() {
        for name in SYNTHETIC {
            let trace = synthetic(name).unwrap();
            let rate = trace.mean_rate().bps();
            assert!((1_500_000..9_000_000).contains(&rate), "{name}: {rate}");
            let seconds = windows(&trace, 1000);
            let (low, high) = (seconds.iter().min().unwrap(), seconds.iter().max().unwrap());
            assert!(high > &(2 * low), "{name}: {seconds:?}");
        }
    }

    #[test]
    fn they_fall_silent() {
        for name in SYNTHETIC {
            let trace = synthetic(name).unwrap();
            let pause = trace.at_ms().windows(2).map(|w| w[1] - w[0]).max().unwrap();
            assert!((40..400).contains(&pause), "{name}: {pause} ms");
        }
    }

    #[test]
    fn there_is_no_other() {
        assert_eq!(synthetic("5g"), None);
    }
}
