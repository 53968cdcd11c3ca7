//! Each behaviour of [`QueuedLink`] by itself, in virtual time.

use super::*;
use crate::{Bottleneck, DeliveryTrace, Jitter, JitterShape};
use confab_base::Bitrate;
use std::sync::Arc;

const SIZE: usize = 1000;

fn link(settings: Impairments) -> QueuedLink<u64> {
    QueuedLink::new(settings, Rng::new(11), Time::ZERO)
}

fn send(link: &mut QueuedLink<u64>, number: u64, at: Time) {
    let input = LinkInput::Datagram {
        payload: number,
        bytes: SIZE,
    };
    link.handle(input, at);
}

fn drain(link: &mut QueuedLink<u64>) -> Vec<(u64, Time)> {
    std::iter::from_fn(|| link.poll_output().map(|d| (d.payload, d.at))).collect()
}

/// Lets the link work until it is empty.
fn finish(link: &mut QueuedLink<u64>) -> Vec<(u64, Time)> {
    let mut out = drain(link);
    while let Some(at) = link.next_wakeup() {
        link.handle(LinkInput::Timeout, at);
        let due = drain(link);
        assert!(due.iter().all(|d| d.1 == at), "woken at {at:?} for {due:?}");
        out.extend(due);
    }
    assert_eq!(link.held(), 0);
    out
}

/// `n` datagrams, `apart` from each other, and what arrives of them.
fn run(settings: Impairments, n: u64, apart: Duration) -> (Vec<(u64, Time)>, QueuedStats) {
    let mut link = link(settings);
    let mut out = Vec::new();
    let mut at = Time::ZERO;
    for number in 0..n {
        while let Some(due) = link.next_wakeup().filter(|due| *due <= at) {
            link.handle(LinkInput::Timeout, due);
            out.extend(drain(&mut link));
        }
        send(&mut link, number, at);
        out.extend(drain(&mut link));
        at += apart;
    }
    out.extend(finish(&mut link));
    let s = link.stats();
    let lost = s.lost_random + s.lost_burst + s.lost_queue + s.lost_policer + s.lost_cut;
    assert_eq!(
        s.packets_in + s.duplicated,
        s.packets_out + lost + s.lost_overflow
    );
    assert_eq!(s.packets_out as usize, out.len());
    (out, s)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn rate(kbps: u64, queue: QueueBound) -> Impairments {
    Impairments {
        bottleneck: Bottleneck::Rate(Bitrate::kbps(kbps)),
        queue,
        ..Impairments::default()
    }
}

#[test]
fn a_clean_path_delivers_everything_after_its_delay() {
    let settings = Impairments {
        delay: ms(25),
        ..Impairments::default()
    };
    let (out, _) = run(settings, 100, ms(1));
    let want: Vec<_> = (0..100).map(|n| (n, Time::from_millis(25 + n))).collect();
    assert_eq!(out, want);
}

/// Four standard deviations of a mean of independent draws.
fn bound(p: f64, n: f64) -> f64 {
    4.0 * (p * (1.0 - p) / n).sqrt()
}

#[test]
fn random_loss_takes_the_share_asked_for() {
    for p in [0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 1.0] {
        let settings = Impairments {
            loss: p,
            ..Impairments::default()
        };
        let n = 50_000;
        let (_, stats) = run(settings, n, Duration::from_micros(10));
        let got = stats.lost_random as f64 / n as f64;
        assert!((got - p).abs() <= bound(p, n as f64), "{got} of {p}");
    }
}

#[test]
fn bursts_take_the_share_asked_for_and_are_as_long_as_asked() {
    for (loss, length) in [(0.02, 3.0), (0.3, 5.0), (0.5, 8.0), (0.8, 8.0), (0.8, 4.0)] {
        let settings = Impairments {
            bursts: Some(Bursts { loss, length }),
            ..Impairments::default()
        };
        let n = 100_000;
        let (out, stats) = run(settings, n, Duration::from_micros(10));
        let got = stats.lost_burst as f64 / n as f64;
        // Neighbours are alike with correlation r, which widens the mean's deviation by (1 + r) / (1 - r).
        let r: f64 = 1.0 - 1.0 / length - loss / (1.0 - loss) / length;
        let wide = bound(loss, n as f64) * ((1.0 + r) / (1.0 - r)).max(1.0).sqrt();
        assert!((got - loss).abs() <= wide, "{got} of {loss} lost");
        let bursts = out.windows(2).filter(|w| w[1].0 > w[0].0 + 1).count() as f64;
        let mean = stats.lost_burst as f64 / bursts;
        // Lengths are geometric: their deviation is below their mean.
        let wide = 4.0 * length / bursts.sqrt();
        assert!((mean - length).abs() <= wide, "{mean} for {length} long");
    }
}

#[test]
fn a_path_may_start_within_a_burst() {
    let starts_bad = |seed| {
        let settings = Impairments {
            bursts: Some(Bursts {
                loss: 0.5,
                length: 50.0,
            }),
            ..Impairments::default()
        };
        let mut link = QueuedLink::new(settings, Rng::new(seed), Time::ZERO);
        send(&mut link, 0, Time::ZERO);
        link.stats().lost_burst == 1
    };
    let bad = (0..1000).filter(|seed| starts_bad(*seed)).count();
    assert!((430..570).contains(&bad), "{bad} of 1000");
}

#[test]
fn a_bottleneck_holds_its_rate_and_its_queue_its_bound() {
    // 1000 bytes every 5 ms are 1600 kbit/s.
    let settings = rate(700, QueueBound::Time(ms(150)));
    let mut link = link(settings);
    let mut out = Vec::new();
    for number in 0..2000 {
        send(&mut link, number, Time::from_millis(5 * number));
        while let Some(delivery) = link.poll_output() {
            // It waited for its turn at most 150 ms, and its turn takes 11.4 ms.
            assert!(delivery.queued <= ms(162), "{:?}", delivery.queued);
            out.push(delivery);
        }
    }
    let bits = out.len() as f64 * 8000.0;
    let rate = bits / 10.0;
    assert!((695_000.0..=700_000.0).contains(&rate), "{rate} bit/s");
    let waits: Vec<_> = out.iter().map(|d| d.queued).collect();
    assert!(waits.iter().max().unwrap() > &ms(150), "the queue was full");
    assert!(link.stats().lost_queue > 1000);
}

#[test]
fn a_bottleneck_is_exact_where_microseconds_are_not() {
    // 1000 bytes take 266.67 µs at 30 Mbit/s.
    let settings = rate(30_000, QueueBound::Bytes(64 << 20));
    let (out, _) = run(settings, 30_000, Duration::from_micros(100));
    let over = out.last().unwrap().1.since(Time::from_millis(8000));
    assert!(over < Duration::from_micros(20), "{over:?}");
}

#[test]
fn a_queue_bound_in_bytes_counts_bytes() {
    let mut link = link(rate(80, QueueBound::Bytes(3500)));
    for number in 0..5 {
        send(&mut link, number, Time::ZERO);
    }
    assert_eq!(link.stats().lost_queue, 2);
    // A datagram of 1000 bytes takes 100 ms; the first has gone, so there is room for one.
    send(&mut link, 5, Time::from_millis(100));
    send(&mut link, 6, Time::from_millis(100));
    assert_eq!(link.stats().lost_queue, 3);
    let got: Vec<_> = finish(&mut link).iter().map(|d| d.0).collect();
    assert_eq!(got, [0, 1, 2, 5]);
}

#[test]
fn a_new_rate_counts_from_its_moment_also_for_what_waits() {
    let mut link = link(rate(80, QueueBound::Bytes(1 << 20)));
    for number in 0..3 {
        send(&mut link, number, Time::ZERO);
    }
    // Half of the first has gone; the rest takes ten times as long.
    let slow = rate(8, QueueBound::Bytes(1 << 20));
    link.handle(LinkInput::Settings(slow), Time::from_millis(50));
    let at = |n: u64| Time::from_millis(n);
    link.handle(LinkInput::Timeout, at(2000));
    assert_eq!(drain(&mut link), [(0, at(550)), (1, at(1550))]);
    // Without a bottleneck nothing waits.
    link.handle(LinkInput::Settings(Impairments::default()), at(2000));
    assert_eq!(drain(&mut link), [(2, at(2000))]);
}

#[test]
fn a_policer_lets_its_rate_and_burst_through_and_delays_nothing() {
    let settings = Impairments {
        bottleneck: Bottleneck::Policer {
            rate: Bitrate::kbps(400),
            burst_bytes: 10_000,
        },
        ..Impairments::default()
    };
    // 1600 kbit/s for 10 s: 500 datagrams' worth of tokens, and the bucket's ten.
    let (out, stats) = run(settings, 2000, ms(5));
    assert_eq!(out.len(), 509);
    assert_eq!(stats.lost_policer, 2000 - 509);
    assert!(out.iter().all(|(n, at)| *at == Time::from_millis(5 * n)));
    assert!(out[..10].iter().map(|o| o.0).eq(0..10), "the burst");
}

#[test]
fn jitter_keeps_the_order_and_stays_within_its_bounds() {
    for shape in [JitterShape::Uniform, JitterShape::Normal] {
        let settings = Impairments {
            delay: ms(20),
            jitter: Jitter {
                up_to: ms(40),
                shape,
            },
            ..Impairments::default()
        };
        // Far enough apart that none holds up another.
        let (out, _) = run(settings.clone(), 20_000, ms(50));
        let added: Vec<f64> = out
            .iter()
            .map(|(n, at)| at.since(Time::from_millis(50 * n + 20)).as_micros() as f64 / 1e3)
            .collect();
        let mean = added.iter().sum::<f64>() / 20_000.0;
        let square = added.iter().map(|a| (a - mean).powi(2)).sum::<f64>();
        let deviation = (square / 20_000.0).sqrt();
        assert!(added.iter().all(|a| (0.0..=40.0).contains(a)));
        assert!((19.6..20.4).contains(&mean), "{shape:?}: {mean}");
        let want = match shape {
            JitterShape::Uniform => 40.0 / 12f64.sqrt(),
            JitterShape::Normal => 40.0 / 6.0,
        };
        assert!((deviation / want - 1.0).abs() < 0.03, "{deviation}");
        // Close together, order is kept.
        let (out, _) = run(settings, 20_000, ms(1));
        assert!(out.is_sorted());
    }
}

#[test]
fn reordering_holds_back_the_share_asked_for() {
    let settings = Impairments {
        delay: ms(20),
        reorder: 0.1,
        reorder_by: ms(15),
        ..Impairments::default()
    };
    let (out, stats) = run(settings, 20_000, ms(2));
    let late: Vec<_> = out.windows(2).filter(|w| w[1].0 < w[0].0).collect();
    assert!((1850..2150).contains(&stats.reordered), "{stats:?}");
    assert!(!late.is_empty(), "some are overtaken");
    for (n, at) in out {
        let took = at.since(Time::from_millis(2 * n));
        assert!(took == ms(20) || took == ms(35), "{took:?}");
    }
}

#[test]
fn copies_come_as_often_as_asked() {
    let settings = Impairments {
        duplicate: 0.05,
        ..Impairments::default()
    };
    let (out, stats) = run(settings, 20_000, ms(1));
    assert!((880..1120).contains(&stats.duplicated), "{stats:?}");
    assert_eq!(out.len() as u64, 20_000 + stats.duplicated);
}

#[test]
fn a_cut_path_delivers_nothing_until_it_is_mended() {
    let cut = Impairments {
        cut: true,
        ..Impairments::default()
    };
    let mut link = link(cut);
    send(&mut link, 0, Time::ZERO);
    link.handle(LinkInput::Settings(Impairments::default()), Time::ZERO);
    send(&mut link, 1, Time::ZERO);
    assert_eq!(finish(&mut link), [(1, Time::ZERO)]);
    assert_eq!(link.stats().lost_cut, 1);
}

#[test]
fn the_fate_of_a_datagram_does_not_depend_on_times_or_other_effects() {
    let lossy = Impairments {
        loss: 0.3,
        bursts: Some(Bursts {
            loss: 0.2,
            length: 4.0,
        }),
        ..Impairments::default()
    };
    let mut crowded = rate(8000, QueueBound::Bytes(64 << 20));
    crowded.loss = lossy.loss;
    crowded.bursts = lossy.bursts;
    crowded.jitter.up_to = ms(30);
    crowded.reorder = 0.2;
    let numbers = |settings, apart| {
        let mut all: Vec<_> = run(settings, 5000, apart).0.iter().map(|o| o.0).collect();
        all.sort_unstable();
        all
    };
    let calm = numbers(lossy.clone(), ms(10));
    assert_eq!(calm, numbers(lossy.clone(), Duration::from_micros(3)));
    assert_eq!(calm, numbers(crowded, Duration::from_micros(70)));
    let mut other = QueuedLink::new(lossy, Rng::new(12), Time::ZERO);
    (0..5000).for_each(|n| send(&mut other, n, Time::ZERO));
    let other: Vec<_> = finish(&mut other).iter().map(|o| o.0).collect();
    assert_ne!(calm, other, "another seed, other losses");
}

#[test]
fn a_trace_is_replayed_to_the_millisecond_and_repeats() {
    let trace = DeliveryTrace::new(vec![2, 2, 5, 10]).unwrap();
    assert_eq!(trace.mean_rate(), Bitrate::kbps(4800));
    let settings = Impairments {
        bottleneck: Bottleneck::Trace(Arc::new(trace)),
        queue: QueueBound::Bytes(1 << 20),
        ..Impairments::default()
    };
    let mut link = link(settings);
    // 1500 bytes an opportunity, so three datagrams of 1000 need two; at 2 ms there are two.
    (0..9).for_each(|n| send(&mut link, n, Time::from_millis(1)));
    let at: Vec<_> = finish(&mut link).iter().map(|d| d.1.as_millis()).collect();
    assert_eq!(at, [2, 2, 2, 5, 10, 10, 12, 12, 12]);
    // What was not used is lost: this one waits for the next.
    send(&mut link, 9, Time::from_millis(12));
    assert_eq!(finish(&mut link), [(9, Time::from_millis(15))]);
}

#[test]
fn traces_that_go_back_or_take_no_time_are_refused() {
    for bad in [vec![], vec![0, 0], vec![3, 2]] {
        assert_eq!(DeliveryTrace::new(bad), None);
    }
}

#[test]
fn a_link_told_late_still_decides_as_if_told_in_time() {
    let settings = rate(700, QueueBound::Time(ms(150)));
    let (in_time, _) = run(settings.clone(), 500, ms(5));
    let mut late = link(settings);
    (0..500).for_each(|n| send(&mut late, n, Time::from_millis(5 * n)));
    late.handle(LinkInput::Timeout, Time::from_millis(60_000));
    assert_eq!(drain(&mut late), in_time);
}

#[test]
fn what_is_inside_is_bounded() {
    let settings = Impairments {
        delay: Duration::from_secs(60),
        ..Impairments::default()
    };
    let mut link = link(settings);
    (0..70_000).for_each(|n| send(&mut link, n, Time::ZERO));
    assert_eq!(link.held(), QueuedLink::<u64>::MOST_PACKETS);
    assert_eq!(link.stats().lost_overflow, 70_000 - 65_536);
}
