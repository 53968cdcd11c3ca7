//! From camera or screen to the network: the latest picture, the encoder's layers, RTP packets. One thread per source.

mod dresser;
mod eye;
#[cfg(test)]
mod tests;
mod watchman;

use crate::devices::{DeviceWatch, End};
use crate::packet::Network;
use crate::pause::PauseSwitch;
use crate::sink::source_name;
use crate::stats::VideoUpStats;
use crate::tap::Taps;
use confab_base::{Bitrate, Duration, Reference, Source, Time, VideoCodec};
use confab_picture::{Background, I420, Rung, ladder, screen_rung};
use confab_rtp::vp8;
use crossbeam_channel::{Sender, bounded};
use eye::Eye;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Orders are few; whoever sends them waits a picture's time at most.
const QUEUE: usize = 64;

/// Most layers of a source.
const LAYERS: usize = 3;

/// Where the numbers of each layer's packets stand. They outlive the device, since the stream goes on with the next one.
#[derive(Debug)]
pub(crate) struct Numbering([Mutex<LayerNumbers>; LAYERS]);

#[derive(Debug)]
struct LayerNumbers {
    /// Of the next packet.
    seq: u64,
    /// VP8 numbers its pictures as well.
    vp8: vp8::Packetizer,
}

impl Numbering {
    /// `seed` is a random number.
    pub(crate) fn new(seed: u32) -> Numbering {
        let layer = || LayerNumbers {
            seq: 0,
            vp8: vp8::Packetizer::new(seed),
        };
        Numbering(std::array::from_fn(|_| Mutex::new(layer())))
    }

    fn layer(&self, layer: usize) -> MutexGuard<'_, LayerNumbers> {
        self.0[layer].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a source's pictures are coded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecPair {
    /// Where the machine has time for it.
    pub fine: VideoCodec,
    /// Where it has not.
    pub cheap: VideoCodec,
}

/// Which layers pictures become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Camera,
    /// One layer; letters stay sharp.
    Text,
    /// One layer at a film's rate.
    Motion,
}

impl Shape {
    /// Pictures a second worth capturing.
    pub(crate) fn fps(self) -> u32 {
        match self {
            Shape::Text => 15,
            Shape::Camera | Shape::Motion => 30,
        }
    }

    /// The layers for pictures of this size, lowest first.
    pub(crate) fn rungs(self, (width, height): (usize, usize)) -> Vec<Rung> {
        match self {
            Shape::Camera => ladder(width, height),
            Shape::Text => vec![screen_rung(width, height)],
            Shape::Motion => vec![Rung {
                fps: 30,
                ..screen_rung(width, height)
            }],
        }
    }
}

/// A picture with the moment it was taken.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) picture: Arc<I420>,
    pub(crate) captured: Time,
}

/// Where pictures come from: a camera or a screen.
pub(crate) trait PictureSource: Send {
    /// The latest picture that was not given yet; waits for it no longer than `patience`.
    fn next(&mut self, patience: Duration) -> Option<Picture>;
    /// Why no more pictures come; `None` while they do.
    fn ended(&self) -> Option<End>;
}

enum Order {
    Muted(bool),
    /// `None`: all layers.
    Keyframe(Option<usize>),
    Layers(Vec<Option<Bitrate>>),
    /// No pictures until then.
    Hold(Time),
    /// What the receivers of a layer have, by the numbers of its packets.
    Reference(usize, Reference),
    /// From the next picture on.
    Codecs(CodecPair),
    Background(Background),
}

/// The thread of one video source. Dropping it ends the thread and closes the device.
pub(crate) struct VideoSender {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<Option<Arc<I420>>>>,
    pub(crate) report: Arc<Mutex<VideoUpStats>>,
}

/// What a video source's way up starts with.
pub(crate) struct VideoUpConfig {
    pub(crate) source: Source,
    pub(crate) pictures: Box<dyn PictureSource>,
    pub(crate) shape: Shape,
    pub(crate) size: (usize, usize),
    pub(crate) muted: bool,
    pub(crate) paused: PauseSwitch,
    /// What the others saw last, for when it begins paused.
    pub(crate) still: Option<Arc<I420>>,
    pub(crate) codecs: CodecPair,
    /// Codes less where the machine does not keep up.
    pub(crate) guard_load: bool,
    /// Behind the person in a camera's pictures.
    pub(crate) background: Background,
    pub(crate) numbering: Arc<Numbering>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) watch: Option<crate::PictureWatch>,
    pub(crate) on_device: Option<DeviceWatch>,
    pub(crate) taps: Taps,
    /// First timestamp, drawn by the caller.
    pub(crate) first_timestamp: u32,
}

impl VideoSender {
    /// Starts the thread `camera` or `screen`.
    pub(crate) fn start(config: VideoUpConfig) -> Result<VideoSender, crate::PipelineError> {
        let name = source_name(config.source).to_owned();
        let eye = Eye::new(config)?;
        let report = eye.report.clone();
        let (orders, inbox) = bounded(QUEUE);
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || eye.run(&inbox))?;
        Ok(VideoSender {
            orders: Some(orders),
            thread: Some(thread),
            report,
        })
    }

    pub(crate) fn set_muted(&self, muted: bool) {
        self.order(Order::Muted(muted));
    }

    pub(crate) fn request_keyframe(&self, layer: Option<usize>) {
        self.order(Order::Keyframe(layer));
    }

    /// The rate of each layer, lowest first; `None`: off.
    pub(crate) fn set_layers(&self, rates: Vec<Option<Bitrate>>) {
        self.order(Order::Layers(rates));
    }

    /// What all receivers of a layer have, by the numbers of its packets.
    pub(crate) fn refer(&self, layer: usize, reference: Reference) {
        self.order(Order::Reference(layer, reference));
    }

    /// Codes no pictures until then.
    pub(crate) fn hold(&self, until: Time) {
        self.order(Order::Hold(until));
    }

    /// Goes over to other codecs, with a key frame of each layer where the one at work is another then.
    pub(crate) fn set_codecs(&self, codecs: CodecPair) {
        self.order(Order::Codecs(codecs));
    }

    /// What is seen behind the person, from the next picture on.
    pub(crate) fn set_background(&self, background: Background) {
        self.order(Order::Background(background));
    }

    /// Ends the thread and closes the device; gives the picture that was sent last.
    pub(crate) fn stop(mut self) -> Option<Arc<I420>> {
        self.finish()
    }

    fn finish(&mut self) -> Option<Arc<I420>> {
        self.orders = None;
        self.thread.take()?.join().ok()?
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
    }
}

impl Drop for VideoSender {
    fn drop(&mut self) {
        self.finish();
    }
}
