//! One participant's pictures for two pages: a meeting's window and its pop-out. Each has a bus of its own, since a bus serves
//! one page; a track is decoded when either needs it decoded.

use crate::sink::{FrameInfo, KeyframeAsk, Needs, RemoteTrack, VideoSink, VideoSinks};
use confab_base::VideoCodec;
use confab_picture::I420;
use std::sync::Arc;

/// Makes sinks that lead to two places.
#[derive(Clone, Debug)]
pub struct BothSinks<A, B>(pub A, pub B);

impl<A: VideoSinks, B: VideoSinks> VideoSinks for BothSinks<A, B> {
    fn open(&mut self, track: RemoteTrack) -> Box<dyn VideoSink> {
        Box::new(Both(self.0.open(track), self.1.open(track)))
    }
}

struct Both(Box<dyn VideoSink>, Box<dyn VideoSink>);

impl VideoSink for Both {
    fn on_slot(&mut self, ask: KeyframeAsk) {
        self.0.on_slot(ask.clone());
        self.1.on_slot(ask);
    }

    fn needs(&self, codec: VideoCodec) -> Needs {
        let (a, b) = (self.0.needs(codec), self.1.needs(codec));
        Needs {
            pictures: a.pictures || b.pictures,
            units: a.units || b.units,
        }
    }

    fn unit(&mut self, data: &[u8], info: &FrameInfo) {
        for sink in [&mut self.0, &mut self.1] {
            if sink.needs(info.codec).units {
                sink.unit(data, info);
            }
        }
    }

    fn show(&mut self, picture: &Arc<I420>, info: &FrameInfo) {
        for sink in [&mut self.0, &mut self.1] {
            if sink.needs(info.codec).pictures {
                sink.show(picture, info);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_base::{ParticipantId, Source, Time, TrackId};
    use std::sync::Mutex;

    #[derive(Clone)]
    struct Place {
        needs: Needs,
        got: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Place {
        fn new(needs: Needs) -> Place {
            Place {
                needs,
                got: Arc::default(),
            }
        }
    }

    impl VideoSink for Place {
        fn show(&mut self, _: &Arc<I420>, _: &FrameInfo) {
            self.got.lock().unwrap().push("picture");
        }

        fn on_slot(&mut self, _: KeyframeAsk) {
            self.got.lock().unwrap().push("slot");
        }

        fn needs(&self, _: VideoCodec) -> Needs {
            self.needs
        }

        fn unit(&mut self, _: &[u8], _: &FrameInfo) {
            self.got.lock().unwrap().push("unit");
        }
    }

    impl VideoSinks for Place {
        fn open(&mut self, _: RemoteTrack) -> Box<dyn VideoSink> {
            Box::new(self.clone())
        }
    }

    #[test]
    fn each_place_gets_what_it_needs_and_the_sum_is_asked_for() {
        let track = RemoteTrack {
            participant: ParticipantId(1),
            track: TrackId(2),
            source: Source::Camera,
        };
        let (decodes, draws) = (Place::new(Needs::UNITS), Place::new(Needs::PICTURES));
        let nobody = Place::new(Needs::NOTHING);
        let mut sink =
            BothSinks(decodes.clone(), BothSinks(draws.clone(), nobody.clone())).open(track);
        sink.on_slot(KeyframeAsk::new(|| ()));
        let all = Needs {
            pictures: true,
            units: true,
        };
        assert_eq!(sink.needs(VideoCodec::H264), all);
        let info = FrameInfo {
            track,
            codec: VideoCodec::H264,
            timestamp: 0,
            keyframe: true,
            arrived: Time::ZERO,
            shown: Time::ZERO,
        };
        sink.unit(&[1], &info);
        sink.show(&Arc::new(I420::black(16, 16)), &info);
        let got = |place: &Place| place.got.lock().unwrap().join(" ");
        assert_eq!(got(&decodes), "slot unit");
        assert_eq!(got(&draws), "slot picture");
        assert_eq!(got(&nobody), "slot");
    }
}
