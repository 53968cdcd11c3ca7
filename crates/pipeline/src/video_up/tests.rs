use super::eye::{REPEATS, REST_INTERVAL};
use super::*;
use crate::clock;
use crate::packet::SentPacket;
use crate::stats::LayerUpStats;
use std::time::Instant;

/// A screen on which nothing moves after its first picture.
struct Still(Option<Arc<I420>>);

impl PictureSource for Still {
    fn next(&mut self, patience: Duration) -> Option<Picture> {
        let picture = self.0.take();
        if picture.is_none() {
            std::thread::sleep(patience);
        }
        picture.map(|picture| Picture {
            picture,
            captured: clock::now(),
        })
    }

    fn ended(&self) -> Option<End> {
        None
    }
}

struct Deaf;

impl Network for Deaf {
    fn send(&self, _: Source, _: usize, _: Vec<SentPacket>) {}
    fn request_keyframe(&self, _: usize) {}
}

fn start(source: Source) -> VideoSender {
    let h264 = VideoCodec::H264;
    start_in(
        source,
        CodecPair {
            fine: h264,
            cheap: h264,
        },
    )
}

fn start_in(source: Source, codecs: CodecPair) -> VideoSender {
    let size = (320, 180);
    VideoSender::start(VideoUpConfig {
        source,
        pictures: Box::new(Still(Some(Arc::new(I420::black(size.0, size.1))))),
        shape: Shape::Text,
        size,
        muted: false,
        paused: PauseSwitch::default(),
        still: None,
        codecs,
        guard_load: false,
        background: Background::None,
        numbering: Arc::new(Numbering::new(0)),
        network: Arc::new(Deaf),
        watch: None,
        on_device: None,
        taps: Taps::default(),
        first_timestamp: 0,
    })
    .unwrap()
}

fn layer(sender: &VideoSender) -> LayerUpStats {
    sender.report.lock().unwrap().layers[0]
}

fn wait(what: &str, truth: impl Fn() -> bool) {
    let begun = Instant::now();
    while !truth() {
        assert!(begun.elapsed().as_secs() < 20, "not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_screen_at_rest_is_coded_until_it_is_sharp_and_then_only_for_who_asks() {
    let sender = start(Source::Screen);
    let frames = 1 + u64::from(REPEATS);
    wait("it is made sharp", || layer(&sender).frames == frames);
    std::thread::sleep(REST_INTERVAL * 3);
    assert_eq!(layer(&sender).frames, frames);
    assert_eq!(layer(&sender).keyframes, 1);
    sender.request_keyframe(None);
    wait("a key frame", || layer(&sender).keyframes == 2);
    sender.set_layers(vec![None]);
    sender.request_keyframe(None);
    std::thread::sleep(REST_INTERVAL * 3);
    assert_eq!(layer(&sender).keyframes, 2, "nobody watches");
}

#[test]
fn a_camera_that_stands_still_is_not_made_to_move() {
    let sender = start(Source::Camera);
    wait("its picture", || layer(&sender).frames == 1);
    std::thread::sleep(REST_INTERVAL * 3);
    assert_eq!(layer(&sender).frames, 1);
}
