//! Devices that are paused and closed: what must not go out, and what must not stay open.

use confab_base::Source;
use confab_pipeline::{
    CameraSpec, MediaOptions, Network, PauseSwitch, Pipeline, ScreenSpec, SentPacket, Share,
    VoiceConfig,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Long enough for several pictures of any source.
const WHILE: Duration = Duration::from_millis(400);

/// Packets of the screen that were sent.
#[derive(Default)]
struct Sent(AtomicUsize);

impl Network for Sent {
    fn send(&self, source: Source, _layer: usize, packets: Vec<SentPacket>) {
        if source == Source::Screen {
            self.0.fetch_add(packets.len(), Ordering::Relaxed);
        }
    }

    fn request_keyframe(&self, _slot: usize) {}
}

impl Sent {
    fn packets(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn start() -> (Pipeline, Arc<Sent>, Arc<Mutex<Vec<Source>>>) {
    let sent = Arc::new(Sent::default());
    let seen = Arc::<Mutex<Vec<Source>>>::default();
    let eye = seen.clone();
    let options = MediaOptions {
        voice: VoiceConfig::BYPASS,
        on_picture: Some(Arc::new(move |source, _, _| {
            eye.lock().unwrap().push(source)
        })),
        ..MediaOptions::default()
    };
    let pipeline = Pipeline::start(&options, sent.clone(), 7).unwrap();
    pipeline.set_muted(Source::Screen, false);
    (pipeline, sent, seen)
}

fn share(motion: bool, paused: &PauseSwitch) -> Share {
    Share {
        spec: ScreenSpec::Pattern,
        motion,
        paused: paused.clone(),
    }
}

fn wait(what: &str, truth: impl Fn() -> bool) {
    let begun = Instant::now();
    while !truth() {
        assert!(begun.elapsed() < Duration::from_secs(20), "not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn camera() -> CameraSpec {
    CameraSpec::Pattern {
        width: 320,
        height: 180,
        fps: 30,
        id: 1,
    }
}

#[test]
fn a_share_that_begins_paused_sends_and_shows_nothing() {
    let (pipeline, sent, seen) = start();
    let paused = PauseSwitch::default();
    paused.set(true);
    pipeline.set_screen(Some(&share(false, &paused))).unwrap();
    std::thread::sleep(WHILE);
    assert_eq!((sent.packets(), seen.lock().unwrap().len()), (0, 0));
    paused.set(false);
    wait("it goes on", || sent.packets() > 0);
}

#[test]
fn a_paused_share_that_is_sent_otherwise_goes_on_with_its_last_picture() {
    let (pipeline, sent, seen) = start();
    let paused = PauseSwitch::default();
    pipeline.set_screen(Some(&share(false, &paused))).unwrap();
    wait("it is sent", || sent.packets() > 0);
    paused.set(true);
    pipeline.set_screen(Some(&share(true, &paused))).unwrap();
    seen.lock().unwrap().clear();
    let before = sent.packets();
    wait("the picture that stands is sent", || {
        sent.packets() > before
    });
    assert!(seen.lock().unwrap().is_empty(), "nothing new was taken");
}

#[test]
fn another_share_does_not_show_the_picture_of_the_one_before() {
    let (pipeline, sent, _) = start();
    let first = PauseSwitch::default();
    pipeline.set_screen(Some(&share(false, &first))).unwrap();
    wait("it is sent", || sent.packets() > 0);
    let second = PauseSwitch::default();
    second.set(true);
    pipeline.set_screen(Some(&share(false, &second))).unwrap();
    let before = sent.packets();
    std::thread::sleep(WHILE);
    assert_eq!(sent.packets(), before);
}

#[test]
fn what_is_opened_after_the_end_is_closed_again() {
    let (pipeline, _, seen) = start();
    pipeline.set_camera(Some(&camera())).unwrap();
    wait("the camera", || !seen.lock().unwrap().is_empty());
    pipeline.close();
    assert!(pipeline.stats().video_up.is_empty());
    // As a system's dialog does that is answered late.
    let paused = PauseSwitch::default();
    pipeline.set_screen(Some(&share(false, &paused))).unwrap();
    pipeline.set_camera(Some(&camera())).unwrap();
    assert!(pipeline.stats().video_up.is_empty());
    seen.lock().unwrap().clear();
    std::thread::sleep(WHILE);
    assert!(seen.lock().unwrap().is_empty(), "the light is out");
}
