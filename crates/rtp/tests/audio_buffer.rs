//! The audio jitter buffer against networks, in virtual time: a sender with its own clock, a path that says when each packet
//! arrives, and a player that pulls 10 ms at a time and stretches as it is told.

use confab_base::{Duration, Time};
use confab_rtp::{AudioJitterBuffer, AudioJitterConfig, AudioPacket, AudioStats, Pace, Pull};
use proptest::prelude::*;
use std::sync::Arc;

/// Opus: 20 ms hybrid, without and with LBRR.
const PLAIN: [u8; 3] = [0x78, 0b1000_0000, 1];
const WITH_LBRR: [u8; 3] = [0x78, 0b1100_0000, 1];
/// When the first packet is sent, ms.
const START: u64 = 1000;

struct Scenario {
    packets: u64,
    payload: [u8; 3],
    /// Sender's clock against the receiver's.
    ppm: f64,
    /// Way of packet `i`: delay in µs, or lost.
    path: Box<dyn FnMut(u64) -> Option<u64>>,
}

impl Scenario {
    fn new(packets: u64, path: impl FnMut(u64) -> Option<u64> + 'static) -> Scenario {
        Scenario {
            packets,
            payload: PLAIN,
            ppm: 0.0,
            path: Box::new(path),
        }
    }
}

#[derive(Default)]
struct Outcome {
    stats: AudioStats,
    /// Time since the start in ms, and capture-to-play delay in ms, of each packet played.
    delays: Vec<(f64, f64)>,
    fec: usize,
    concealed: usize,
}

impl Outcome {
    /// Mean delay of packets played in this span of seconds.
    fn delay(&self, from: f64, to: f64) -> f64 {
        let of: Vec<f64> = self
            .delays
            .iter()
            .filter(|(t, _)| (from * 1e3..to * 1e3).contains(t))
            .map(|(_, d)| *d)
            .collect();
        of.iter().sum::<f64>() / of.len() as f64
    }

    fn concealed_share(&self) -> f64 {
        self.stats.concealed_samples as f64 / self.stats.total_samples as f64
    }
}

fn run(mut scenario: Scenario) -> Outcome {
    let sent_at = |i: u64| START as f64 * 1e3 + i as f64 * 20_000.0 / (1.0 + scenario.ppm * 1e-6);
    let mut arrivals: Vec<(u64, u64)> = (0..scenario.packets)
        .filter_map(|i| (scenario.path)(i).map(|delay| (sent_at(i) as u64 + delay, i)))
        .collect();
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    let mut buffer = AudioJitterBuffer::new(AudioJitterConfig::default());
    let mut outcome = Outcome::default();
    let mut held = 0u32;
    let end = sent_at(scenario.packets) as u64;
    for tick in (0..end).step_by(10_000) {
        while let Some((at, i)) = arrivals.next_if(|(at, _)| *at <= tick) {
            let timestamp = 0xffff_0000u32.wrapping_add((i * 960) as u32);
            let packet = AudioPacket {
                seq: 70_000 + i,
                timestamp,
                payload: Arc::from(&scenario.payload[..]),
                deep: 0,
            };
            buffer.push(packet, Time::from_micros(at));
        }
        while held < 480 {
            let heard = Time::from_micros(tick)
                + Duration::from_micros(u64::from(held) * 1_000_000 / 48_000);
            held += match buffer.pull(heard) {
                Pull::Packet { samples, pace, .. } => {
                    let (at, timestamp) = buffer.last_played().unwrap();
                    let i = timestamp.wrapping_sub(0xffff_0000) / 960;
                    let (at, sent) = (at.as_micros() as f64, sent_at(u64::from(i)));
                    outcome
                        .delays
                        .push(((at - START as f64 * 1e3) / 1e3, (at - sent) / 1e3));
                    match pace {
                        Pace::Normal => samples,
                        Pace::Faster => samples - 240,
                        Pace::Slower => samples + 240,
                    }
                }
                Pull::Fec { samples, .. } => {
                    outcome.fec += 1;
                    samples
                }
                Pull::Conceal { samples } => {
                    outcome.concealed += 1;
                    samples
                }
                other => other.samples(),
            };
        }
        held -= 480;
    }
    outcome.stats = buffer.stats();
    outcome
}

/// Repeatable dice: 0..n for packet `i`.
fn dice(i: u64, n: u64) -> u64 {
    let mut x = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    x ^= x >> 30;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x ^ x >> 27) % n
}

#[test]
fn on_a_clean_path_nothing_is_concealed_and_the_delay_is_small() {
    let outcome = run(Scenario::new(1500, |_| Some(30_000)));
    assert_eq!(outcome.stats.concealed_samples, 0);
    assert!(
        (45.0..70.0).contains(&outcome.delay(5.0, 30.0)),
        "{}",
        outcome.delay(5.0, 30.0)
    );
}

#[test]
fn jitter_is_covered_by_delay() {
    let outcome = run(Scenario::new(3000, |i| Some(30_000 + dice(i, 60_000))));
    assert!(
        outcome.concealed_share() < 0.01,
        "{}",
        outcome.concealed_share()
    );
    let delay = outcome.delay(10.0, 60.0);
    assert!((70.0..120.0).contains(&delay), "{delay}");
}

#[test]
fn loss_is_concealed_once_and_does_not_add_delay() {
    let outcome = run(Scenario::new(3000, |i| (dice(i, 10) > 0).then_some(30_000)));
    assert!(
        (0.07..0.13).contains(&outcome.concealed_share()),
        "{}",
        outcome.concealed_share()
    );
    assert!(
        outcome.delay(50.0, 60.0) < 75.0,
        "{}",
        outcome.delay(50.0, 60.0)
    );
    assert_eq!(outcome.stats.stalls, 0);
}

#[test]
fn the_next_packets_fec_replaces_lost_ones() {
    let mut scenario = Scenario::new(3000, |i| (dice(i, 10) > 0).then_some(30_000));
    scenario.payload = WITH_LBRR;
    let outcome = run(scenario);
    // Of two lost in a row the first stays lost.
    assert!(
        outcome.concealed_share() < 0.03,
        "{}",
        outcome.concealed_share()
    );
    assert!(outcome.fec > 200, "{}", outcome.fec);
}

#[test]
fn after_a_burst_the_delay_is_back_at_its_target_within_five_seconds() {
    for stall_ms in [300u64, 600, 1000, 1800] {
        let outcome = run(Scenario::new(1500, move |i| {
            let (from, to) = (10_000u64, 10_000 + stall_ms);
            let sent = i * 20;
            Some(if (from..to).contains(&sent) {
                30_000 + (to - sent) * 1000
            } else {
                30_000
            })
        }));
        let back = 10.0 + stall_ms as f64 / 1000.0 + 5.0;
        let (before, after) = (outcome.delay(5.0, 10.0), outcome.delay(back, back + 2.0));
        assert!(
            (after - before).abs() <= 25.0,
            "{stall_ms} ms: {before} then {after}"
        );
        assert_eq!(outcome.stats.stalls, 1, "{stall_ms} ms");
        let highest = outcome
            .delays
            .iter()
            .filter(|(t, _)| *t > 10_000.0 + stall_ms as f64 + 100.0)
            .map(|(_, d)| *d)
            .fold(0.0, f64::max);
        assert!(highest < 310.0, "{stall_ms} ms: ceiling {highest}");
    }
}

#[test]
fn a_sender_whose_clock_stood_still_is_heard_whole_again_within_a_second() {
    // From packet 500 on everything comes 800 ms later, with a little jitter: the sender's device missed that time.
    let path = |i| Some(if i < 500 { 20_000 } else { 820_000 } + dice(i, 8) * 1_000);
    let outcome = run(Scenario::new(1500, path));
    let missed = outcome.stats.concealed_samples as f64 / 48.0;
    assert!((700.0..1_300.0).contains(&missed), "concealed {missed} ms");
    assert!(outcome.stats.dropped_packets <= 25, "{:?}", outcome.stats);
    let delay = outcome.delay(12.5, 29.0);
    assert!(delay < 880.0, "{delay} ms");
}

#[test]
fn reordered_packets_are_played_in_order_and_not_concealed() {
    let outcome = run(Scenario::new(3000, |i| {
        Some(if i % 10 == 3 { 55_000 } else { 30_000 })
    }));
    assert!(
        outcome.concealed_share() < 0.005,
        "{}",
        outcome.concealed_share()
    );
    assert!(outcome.delays.windows(2).all(|w| w[0].0 < w[1].0));
}

#[test]
fn an_hour_of_clock_drift_moves_no_delay() {
    for ppm in [-200.0, 200.0] {
        let mut scenario = Scenario::new(3600 * 50, |i| Some(30_000 + dice(i, 5_000)));
        scenario.ppm = ppm;
        let outcome = run(scenario);
        let (begin, end) = (outcome.delay(10.0, 60.0), outcome.delay(3500.0, 3590.0));
        assert!((end - begin).abs() < 20.0, "{ppm} ppm: {begin} then {end}");
        assert!(
            outcome.concealed_share() < 0.001,
            "{ppm} ppm: {}",
            outcome.concealed_share()
        );
        eprintln!(
            "{ppm} ppm, one hour: {begin:.1} ms then {end:.1} ms, concealed {:.4} %",
            outcome.concealed_share() * 100.0
        );
    }
}

#[test]
fn a_sender_that_pauses_is_no_stall() {
    let mut buffer = AudioJitterBuffer::new(AudioJitterConfig::default());
    let mut seq = 0;
    for tick in 0..2000u64 {
        let ms = tick * 10;
        // Two seconds on, two off; the media clock runs on, the sequence does not.
        if ms % 20 == 0 && (ms / 2000) % 2 == 0 {
            let packet = AudioPacket {
                seq,
                timestamp: (ms * 48) as u32,
                payload: Arc::from(&PLAIN[..]),
                deep: 0,
            };
            buffer.push(packet, Time::from_millis(1000 + ms));
            seq += 1;
        }
        if ms % 20 == 0 {
            let mut pulled = 0;
            while pulled < 960 {
                let at = Time::from_millis(1000 + ms + pulled / 48);
                pulled += u64::from(buffer.pull(at).samples());
            }
        }
    }
    let stats = buffer.stats();
    assert_eq!(
        (stats.stalls, stats.late_packets, stats.dropped_packets),
        (0, 0, 0),
        "{stats:?}"
    );
    assert!(stats.concealed_samples < 960 * 5, "{stats:?}");
}

#[test]
fn a_stall_counts_while_it_goes_on() {
    let mut buffer = AudioJitterBuffer::new(AudioJitterConfig::default());
    let mut told = Vec::new();
    for tick in 0..200u64 {
        let now = Time::from_millis(1000 + tick * 20);
        // One second; then of every eight packets the last: there are gaps of 140 ms, and the network is seen to work. Then
        // nothing for a second, and the packets of that time are lost.
        let is_lost = (50..100).contains(&tick) && tick % 8 != 7 || (100..150).contains(&tick);
        if !is_lost {
            buffer.push(
                AudioPacket {
                    seq: tick,
                    timestamp: (tick * 960) as u32,
                    payload: Arc::from(&PLAIN[..]),
                    deep: 0,
                },
                now,
            );
        }
        let mut pulled = 0;
        while pulled < 960 {
            pulled += buffer.pull(now).samples();
        }
        let stats = buffer.stats();
        told.push((stats.stalls, stats.stalled, stats.waiting));
    }
    let stalled = |tick: usize| told[tick].1.as_millis();
    assert_eq!((told[99].0, stalled(99)), (0, 0));
    // It may be a pause yet; only that nothing came is certain.
    assert!((700..1000).contains(&told[145].2.as_millis()), "{told:?}");
    assert_eq!((told[199].0, told[199].2.as_millis()), (1, 0), "{told:?}");
    assert!((900..1200).contains(&stalled(199)), "{}", stalled(199));
    assert!(told.windows(2).all(|w| w[0].1 <= w[1].1), "never less");
}

#[test]
fn a_source_whose_clock_stood_still_while_it_was_muted_is_heard_at_once() {
    for pause in [1u64, 3, 5, 8, 20] {
        let mut buffer = AudioJitterBuffer::new(AudioJitterConfig::default());
        let mut heard = 0;
        for tick in 0..(pause + 4) * 50 {
            let muted = (100..100 + pause * 50).contains(&tick);
            let now = Time::from_millis(1000 + tick * 20);
            if !muted {
                let i = if tick < 100 { tick } else { tick - pause * 50 };
                let packet = AudioPacket {
                    seq: i,
                    timestamp: (i * 960) as u32,
                    payload: Arc::from(&PLAIN[..]),
                    deep: 0,
                };
                buffer.push(packet, now);
            }
            let mut pulled = 0;
            while pulled < 960 {
                let pull = buffer.pull(now);
                let is_after = tick >= 100 + pause * 50;
                heard += u64::from(is_after && matches!(pull, Pull::Packet { .. }));
                pulled += pull.samples();
            }
        }
        // Two seconds were sent after the pause; most of them are heard.
        assert!(heard >= 80, "{pause} s: {heard} packets");
    }
}

proptest! {
    #[test]
    fn whatever_comes_pulls_give_sound_and_memory_stays_bounded(
        events in prop::collection::vec((0u64..300, any::<u32>(), prop::collection::vec(any::<u8>(), 0..4), 0u64..60_000), 0..300),
    ) {
        let mut buffer = AudioJitterBuffer::new(AudioJitterConfig { max_packets: 20, ..AudioJitterConfig::default() });
        let mut now = Time::ZERO;
        for (seq, timestamp, payload, wait) in events {
            now += Duration::from_micros(wait);
            buffer.push(AudioPacket { seq, timestamp, payload: payload.into(), deep: timestamp % 5000 }, now);
            let samples = buffer.pull(now).samples();
            prop_assert!((120..=5760).contains(&samples));
        }
    }
}
