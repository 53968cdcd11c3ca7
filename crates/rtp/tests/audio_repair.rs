//! The audio jitter buffer where much is lost and packets bring back what was before them, in virtual time: a sender that copies
//! (RED) and describes (deep redundancy), a path that loses, and a player that pulls 10 ms at a time.

use confab_base::{Duration, Time};
use confab_rtp::red::{History, restore};
use confab_rtp::{AudioJitterBuffer, AudioJitterConfig, AudioPacket, AudioStats, Pace, Pull};
use std::sync::Arc;

const START: u64 = 1000;

struct Sender {
    distances: &'static [u8],
    /// Samples described by each packet.
    deep: u32,
}

#[derive(Default)]
struct Outcome {
    stats: AudioStats,
    /// Delay in ms, second by second.
    delays: Vec<f64>,
    /// Frames played twice or out of order.
    disorder: usize,
}

impl Outcome {
    fn share(&self, samples: u64) -> f64 {
        samples as f64 / self.stats.total_samples as f64
    }
}

/// Frame `i`, which can be told from all others.
fn frame(i: u64) -> Arc<[u8]> {
    Arc::from([0x78, 0x80, (i >> 8) as u8, i as u8])
}

fn run(packets: u64, sender: &Sender, lost: impl Fn(u64) -> bool) -> Outcome {
    let mut buffer = AudioJitterBuffer::new(AudioJitterConfig::default());
    let (mut history, mut outcome) = (History::default(), Outcome::default());
    let (mut held, mut last) = (0u32, None);
    for tick in 0..packets * 2 {
        let now = Time::from_millis(START + tick * 10);
        if tick % 2 == 0 {
            let i = tick / 2;
            send(&mut buffer, &mut history, sender, i, lost(i), now);
        }
        while held < 480 {
            let heard = now + Duration::from_micros(u64::from(held) * 1_000_000 / 48_000);
            let pull = buffer.pull(heard);
            if let Pull::Packet { payload, .. } = &pull {
                let number = u64::from(payload[2]) << 8 | u64::from(payload[3]);
                outcome.disorder += usize::from(last.is_some_and(|l| number <= l));
                last = Some(number);
            }
            let pace = match &pull {
                Pull::Packet { pace, .. } | Pull::Deep { pace, .. } => *pace,
                _ => Pace::Normal,
            };
            held += match pace {
                Pace::Normal => pull.samples(),
                Pace::Faster => pull.samples() - 240,
                Pace::Slower => pull.samples() + 240,
            };
        }
        held -= 480;
        if tick % 100 == 99 {
            let delay = buffer.stats().delay;
            outcome.delays.push(delay.as_secs_f64() * 1000.0);
        }
    }
    outcome.stats = buffer.stats();
    outcome
}

fn send(
    buffer: &mut AudioJitterBuffer,
    history: &mut History,
    sender: &Sender,
    i: u64,
    is_lost: bool,
    now: Time,
) {
    let (own, timestamp) = (frame(i), (i * 960) as u32);
    let red = history.wrap((i, timestamp, &own), 111, sender.distances);
    history.add(i, timestamp, &own);
    if is_lost {
        return;
    }
    let (payload, copies) = match red {
        Some(red) => restore(i, timestamp, &red).unwrap(),
        None => (own, Vec::new()),
    };
    let packet = AudioPacket {
        seq: i,
        timestamp,
        payload,
        deep: sender.deep,
    };
    buffer.push(packet, now);
    for copy in copies {
        buffer.push_copy(copy, i);
    }
}

/// Repeatable dice: whether packet `i` is lost at this rate.
fn loses(percent: u64) -> impl Fn(u64) -> bool {
    move |i| {
        let mut x = (i + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^= x >> 30;
        x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (x ^ x >> 27) % 100 < percent
    }
}

#[test]
fn copies_stand_in_for_half_of_all_packets() {
    let sender = Sender {
        distances: &[1, 2, 3, 4],
        deep: 0,
    };
    let outcome = run(6000, &sender, loses(50));
    assert_eq!(outcome.disorder, 0);
    assert!(outcome.share(outcome.stats.concealed_samples) < 0.05);
    assert!(outcome.share(outcome.stats.red_samples) > 0.4);
    let delay = outcome.delays[20..].iter().copied().fold(0.0, f64::max);
    assert!(delay <= 160.0, "{delay} ms");
}

#[test]
fn descriptions_stand_in_for_four_of_five_packets() {
    let sender = Sender {
        distances: &[],
        deep: 24_000,
    };
    let outcome = run(6000, &sender, loses(80));
    assert!(
        outcome.share(outcome.stats.concealed_samples) < 0.08,
        "{:?}",
        outcome.stats
    );
    // Those that came are described, too: no seams.
    assert!(outcome.share(outcome.stats.deep_samples) > 0.9);
    let delay = outcome.delays[20..].iter().copied().fold(0.0, f64::max);
    assert!(delay <= 460.0, "{delay} ms");
}

#[test]
fn without_loss_copies_and_descriptions_cost_no_delay() {
    let sender = Sender {
        distances: &[1, 2, 3, 4],
        deep: 24_000,
    };
    let outcome = run(1500, &sender, |_| false);
    assert_eq!(outcome.stats.red_samples + outcome.stats.deep_samples, 0);
    assert!(outcome.stats.delay < Duration::from_millis(50));
}

#[test]
fn five_seconds_after_the_loss_the_delay_is_what_it_was() {
    let sender = Sender {
        distances: &[],
        deep: 24_000,
    };
    let outcome = run(2500, &sender, |i| i < 1500 && i > 300 && loses(80)(i));
    let (before, during, after) = (outcome.delays[4], outcome.delays[28], outcome.delays[35]);
    assert!(during > 200.0, "{during}");
    assert!((after - before).abs() < 20.0, "{before} {after}");
    assert_eq!(outcome.stats.dropped_packets, 0, "no cut");
    let described = outcome.share(outcome.stats.deep_samples);
    assert!(
        described < 0.55,
        "what comes is played as it was sent again"
    );
}

#[test]
fn a_copy_that_fits_nowhere_is_left_out() {
    let mut buffer = AudioJitterBuffer::new(AudioJitterConfig::default());
    let now = Time::from_millis(START);
    for (seq, timestamp) in [(10, 9600u32), (12, 11_520)] {
        let packet = AudioPacket {
            seq,
            timestamp,
            payload: frame(seq),
            deep: 0,
        };
        buffer.push(packet, now);
    }
    let copy = |seq, timestamp, payload: &[u8]| confab_rtp::red::Restored {
        seq,
        timestamp,
        payload: payload.into(),
    };
    buffer.push_copy(copy(9, 8640, &frame(9)), 12);
    buffer.push_copy(copy(11, 99_999, &frame(11)), 12);
    buffer.push_copy(copy(11, 10_560, &[]), 12);
    buffer.push_copy(copy(13, 12_480, &frame(13)), 12);
    let mut played = Vec::new();
    for tick in 0..20 {
        if let Pull::Packet { payload, .. } = buffer.pull(now + Duration::from_millis(20 * tick)) {
            played.push(payload[3]);
        }
    }
    assert_eq!(played, [10, 12]);
}
