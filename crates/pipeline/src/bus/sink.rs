//! The bus as a place where tracks end up: what a view does not show is neither decoded nor handed over.

use super::BusHandle;
use super::lane::Unit;
use super::wire::Kind;
use crate::clock;
use crate::sink::{FrameInfo, KeyframeAsk, Needs, RemoteTrack, VideoSink, VideoSinks};
use confab_base::{Time, VideoCodec};
use confab_picture::I420;
use std::sync::Arc;

/// Makes a [`BusSink`] for every track; the stream's number is the track's.
#[derive(Clone, Debug)]
pub struct BusSinks(pub(super) BusHandle);

impl VideoSinks for BusSinks {
    fn open(&mut self, track: RemoteTrack) -> Box<dyn VideoSink> {
        Box::new(BusSink {
            bus: self.0.clone(),
            stream: track.track.0,
            ticket: None,
        })
    }
}

/// One track on the bus.
#[derive(Debug)]
pub struct BusSink {
    bus: BusHandle,
    stream: u32,
    /// Given when the slot begins.
    ticket: Option<u64>,
}

impl VideoSink for BusSink {
    fn on_slot(&mut self, ask: KeyframeAsk) {
        self.ticket = Some(self.bus.streams().open(self.stream, Some(ask)));
    }

    fn needs(&self, codec: VideoCodec) -> Needs {
        self.bus.streams().needs(self.stream, codec)
    }

    fn unit(&mut self, data: &[u8], info: &FrameInfo) {
        let unit = Unit {
            kind: match info.codec {
                VideoCodec::H264 => Kind::H264,
                VideoCodec::Vp8 => Kind::Vp8,
                VideoCodec::Vp9 => Kind::Vp9,
                VideoCodec::Av1 => Kind::Av1,
            },
            keyframe: info.keyframe,
            timestamp: info.timestamp,
            data: data.to_vec(),
            ready: info.shown,
        };
        let (work, ask) = self.bus.streams().unit(self.stream, unit, clock::now());
        if let Some(ask) = ask {
            ask.ask();
        }
        if work {
            self.bus.wake();
        }
    }

    fn show(&mut self, picture: &Arc<I420>, info: &FrameInfo) {
        let work = self
            .bus
            .streams()
            .picture(self.stream, picture, info.timestamp, info.shown);
        if work {
            self.bus.wake();
        }
    }
}

impl Drop for BusSink {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.bus.streams().close(self.stream, ticket);
        }
    }
}

/// Our own camera or screen on the bus. Dropping it ends the stream; the page keeps the last picture until it takes it away.
#[derive(Debug)]
pub struct BusLocal {
    bus: BusHandle,
    stream: u32,
    ticket: u64,
}

impl BusLocal {
    pub(super) fn open(bus: BusHandle, stream: u32) -> BusLocal {
        let ticket = bus.streams().open(stream, None);
        BusLocal {
            bus,
            stream,
            ticket,
        }
    }

    /// The newest picture; costs nothing but a reference while nobody looks. Any thread.
    pub fn show(&self, picture: &Arc<I420>, captured: Time) {
        let ticks = (u128::from(captured.as_micros()) * 9 / 100) as u32;
        let work = self
            .bus
            .streams()
            .picture(self.stream, picture, ticks, clock::now());
        if work {
            self.bus.wake();
        }
    }
}

impl Drop for BusLocal {
    fn drop(&mut self) {
        self.bus.streams().close(self.stream, self.ticket);
    }
}
