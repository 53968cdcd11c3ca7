//! How long sound and pictures take between two natives over loopback. A report: the bounds asserted are only those of sanity,
//! the aim of 80 ms is read from what is printed (on a quiet machine, release build).
#![allow(
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "a report test prints what it measured"
)]

mod net_common;

use confab_base::Time;
use confab_client::pipeline::{MicrophoneSpec, clock};
use net_common::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const STAY: Duration = Duration::from_secs(20);
/// A click every 600 ms: further apart than any delay that could be measured.
const PERIOD: usize = 28_800;

/// The moments of clicks in a stream of frames, found by the first loud sample after quiet.
#[derive(Default)]
struct ClickFinder {
    quiet: usize,
    clicks: Vec<Time>,
}

impl ClickFinder {
    /// `end`: the moment of the frame's last sample.
    fn frame(&mut self, frame: &[f32], end: Time) {
        for (i, sample) in frame.iter().enumerate() {
            if sample.abs() > 0.1 {
                if self.quiet > 4_800 {
                    let before = (frame.len() - i) as u64 * 1_000_000 / 48_000;
                    self.clicks.push(end - Duration::from_micros(before));
                }
                self.quiet = 0;
            } else {
                self.quiet += 1;
            }
        }
    }
}

#[test]
fn mouth_to_ear_and_glass_to_glass() {
    let house = House::open();
    let clicks = house.dir.path().join("clicks.wav");
    let mut samples = vec![0.0; PERIOD * 50];
    confab_dsp::generate::Clicks::new(PERIOD).fill(&mut samples);
    write_wav(&clicks, &samples);

    let mouth = Arc::<Mutex<ClickFinder>>::default();
    let taken = Arc::<Mutex<HashMap<u32, Time>>>::default();
    let (m, t) = (mouth.clone(), taken.clone());
    let ana = Coming {
        microphone: Some(MicrophoneSpec::File {
            path: clicks,
            looped: true,
        }),
        size: (1280, 720),
        ..Coming::with_tone("ana", 0.0, 1)
    };
    let ana = ana.join_with(&house.host(), |media| {
        media.on_microphone = Some(Arc::new(move |frame, at| {
            m.lock().unwrap().frame(frame, at);
        }));
        media.on_picture = Some(Arc::new(move |_, picture, at| {
            if let Some(mark) = confab_picture::read_counter(picture) {
                t.lock().unwrap().insert(mark.counter, at);
            }
        }));
    });
    let ben = Coming {
        microphone: None,
        camera: None,
        max_height: 720,
        ..Coming::with_tone("ben", 0.0, 2)
    };
    let ben = ben.join(&house.guest());
    ana.wait_joined();
    ben.wait_joined();
    wait(PATIENCE, "ben sees ana", || ben.sees(1));
    // The jitter buffers and the bandwidth estimate settle.
    std::thread::sleep(Duration::from_secs(6));
    let from = clock::now();
    std::thread::sleep(STAY);

    let mut ear = ClickFinder::default();
    for (at, frame) in ben.heard.lock().unwrap().iter() {
        // A frame that is written now begins to sound now.
        ear.frame(frame, *at + Duration::from_millis(10));
    }
    let said = &mouth.lock().unwrap().clicks;
    let delays: Vec<f64> = ear
        .clicks
        .iter()
        .filter(|heard| **heard > from)
        .filter_map(|heard| {
            let said = said.iter().rev().find(|said| *said < heard)?;
            Some(heard.since(*said).as_secs_f64() * 1000.0)
        })
        .collect();
    let (p50, p95) = p50_p95(delays.clone());
    println!(
        "mouth to ear: p50 {p50:.1} ms, p95 {p95:.1} ms, {} clicks (10 ms of capture included)",
        delays.len()
    );
    assert!(delays.len() >= 25, "clicks were lost: {}", delays.len());
    assert!(p50 < 400.0);

    let taken = taken.lock().unwrap();
    let seen = ben.pictures(1, STAY);
    let delays: Vec<f64> = seen
        .iter()
        .filter_map(|sight| {
            let taken = taken.get(&sight.counter)?;
            Some(sight.shown.since(*taken).as_secs_f64() * 1000.0)
        })
        .collect();
    let rows = seen.last().map_or(0, |s| s.height);
    let (p50, p95) = p50_p95(delays.clone());
    println!(
        "glass to glass: p50 {p50:.1} ms, p95 {p95:.1} ms, {} pictures of {rows} rows",
        delays.len()
    );
    assert!(p50 < 400.0);
}
