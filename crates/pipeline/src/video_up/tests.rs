use super::eye::{REPEATS, REST_INTERVAL};
use super::*;
use crate::clock;
use crate::packet::SentPacket;
use crate::stats::LayerUpStats;
use confab_base::FrameTag;
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

/// A picture every 33 ms.
struct Moving(Arc<I420>);

impl PictureSource for Moving {
    fn next(&mut self, _: Duration) -> Option<Picture> {
        std::thread::sleep(Duration::from_millis(33));
        Some(Picture {
            picture: self.0.clone(),
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

/// Tags and numbers of the first packets of base frames.
#[derive(Default)]
struct Heard(std::sync::Mutex<Vec<(u64, FrameTag)>>);

impl Network for Heard {
    fn send(&self, _: Source, _: usize, packets: Vec<SentPacket>) {
        let first = packets.first().and_then(|p| Some((p.seq, p.tag?)));
        let mut heard = self.0.lock().unwrap();
        heard.extend(first.filter(|(_, tag)| tag.temporal == 0));
    }

    fn request_keyframe(&self, _: usize) {}
}

fn pair(fine: VideoCodec, cheap: VideoCodec) -> CodecPair {
    CodecPair { fine, cheap }
}

fn start(source: Source) -> VideoSender {
    start_in(
        source,
        Shape::Text,
        pair(VideoCodec::H264, VideoCodec::H264),
    )
}

fn start_in(source: Source, shape: Shape, codecs: CodecPair) -> VideoSender {
    let size = (320, 180);
    let still = Still(Some(Arc::new(I420::black(size.0, size.1))));
    start_with(source, (Box::new(still), size), shape, codecs)
}

fn start_with(
    source: Source,
    pictures: (Box<dyn PictureSource>, (usize, usize)),
    shape: Shape,
    codecs: CodecPair,
) -> VideoSender {
    start_on(Arc::new(Deaf), source, pictures, shape, codecs)
}

fn start_on(
    network: Arc<dyn Network>,
    source: Source,
    (pictures, size): (Box<dyn PictureSource>, (usize, usize)),
    shape: Shape,
    codecs: CodecPair,
) -> VideoSender {
    VideoSender::start(VideoUpConfig {
        source,
        pictures,
        shape,
        size,
        muted: false,
        paused: PauseSwitch::default(),
        still: None,
        codecs,
        guard_load: false,
        background: Background::None,
        numbering: Arc::new(Numbering::new(0)),
        network,
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

#[test]
fn letters_begin_in_the_fine_codec_and_everything_else_in_the_cheap_one() {
    use VideoCodec::{Av1, H264};
    for (source, shape, codec) in [
        (Source::Screen, Shape::Text, Av1),
        (Source::Screen, Shape::Motion, H264),
        (Source::Camera, Shape::Camera, H264),
    ] {
        let sender = start_in(source, shape, pair(Av1, H264));
        wait("a picture", || layer(&sender).frames > 0);
        let report = sender.report.lock().unwrap().clone();
        assert_eq!((report.codec, report.errors), (Some(codec), 0), "{shape:?}");
    }
}

#[test]
fn a_screen_at_rest_is_sent_again_in_the_other_codec() {
    use VideoCodec::{Av1, H264};
    let sender = start_in(Source::Screen, Shape::Text, pair(Av1, H264));
    let coded = || {
        let report = sender.report.lock().unwrap();
        (report.codec, report.layers[0].keyframes)
    };
    wait("AV1", || coded() == (Some(Av1), 1));
    sender.set_codecs(pair(H264, H264));
    wait("H.264", || coded() == (Some(H264), 2));
    sender.set_codecs(pair(Av1, H264));
    wait("AV1 again", || coded() == (Some(Av1), 3));
}

#[test]
fn where_the_largest_layer_ends_the_next_one_begins_anew() {
    let (width, height) = (640, 360);
    let pictures = Box::new(Moving(Arc::new(I420::black(width, height))));
    let codecs = pair(VideoCodec::H264, VideoCodec::H264);
    let sender = start_with(
        Source::Camera,
        (pictures, (width, height)),
        Shape::Camera,
        codecs,
    );
    let layers = || sender.report.lock().unwrap().layers.clone();
    wait("both", || layers().iter().all(|l| l.frames > 2));
    assert_eq!(
        layers().iter().map(|l| l.keyframes).collect::<Vec<_>>(),
        [1, 1]
    );
    let rate = Bitrate::kbps(150);
    sender.set_layers(vec![Some(rate), None]);
    wait("a key frame of the small one", || {
        layers()[0].keyframes == 2
    });
    sender.set_layers(vec![Some(rate), Some(rate)]);
    wait("the large one again", || layers()[1].keyframes == 2);
    sender.set_layers(vec![None, Some(rate)]);
    let frames = layers()[1].frames;
    wait("some more", || layers()[1].frames > frames + 3);
    assert_eq!(layers()[1].keyframes, 2, "who looks at it misses nothing");
}

#[test]
fn pictures_that_were_held_go_on_from_what_the_receiver_has() {
    let heard = Arc::new(Heard::default());
    let size = (320, 180);
    let moving = Moving(Arc::new(I420::black(size.0, size.1)));
    let codecs = pair(VideoCodec::H264, VideoCodec::H264);
    let pictures = (Box::new(moving) as Box<dyn PictureSource>, size);
    let sender = start_on(
        heard.clone(),
        Source::Camera,
        pictures,
        Shape::Camera,
        codecs,
    );
    // The receiver says that it has what came half a second ago.
    let says = |count: usize| {
        wait("base frames", || heard.0.lock().unwrap().len() > count);
        let seq = heard.0.lock().unwrap()[count - 4].0 as u32;
        sender.refer(
            0,
            Reference {
                seq,
                is_stuck: false,
            },
        );
    };
    (5..30).for_each(says);
    let keys = layer(&sender).keyframes;
    let before = heard.0.lock().unwrap().len();
    let recoveries = || sender.report.lock().unwrap().recoveries;
    assert_eq!(recoveries(), 0);
    sender.hold(clock::now() + Duration::from_millis(100));
    wait("it goes on", || recoveries() == 1);
    wait("and with it the picture", || {
        let heard = heard.0.lock().unwrap();
        heard[before..].iter().any(|(_, tag)| tag.refers > 4)
    });
    assert_eq!(layer(&sender).keyframes, keys, "without a key frame");
}
