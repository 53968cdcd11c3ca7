//! Our two roles against an implementation by other people: webrtc-rs 0.21, over loopback sockets. Opus, H.264 and VP8
//! packets must come out of either end as they went in, byte for byte.

mod support;

use confab_base::{Source, VideoCodec};
use confab_transport::driver::{Driver, DriverConfig, DriverEvent, DriverHandle};
use confab_transport::fake::FakeServer;
use confab_transport::{Codec, LineInfo, MediaPlan, Mid, OutPacket, PeerEvent, SendLine};
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::packet;
use tokio::sync::Notify;
use webrtc::media_stream::track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCSessionDescription, Registry, register_default_interceptors,
};

const PATIENCE: Duration = Duration::from_secs(30);
/// Packets of each stream that must come through.
const ENOUGH: usize = 50;

/// Payloads by (kind is video, sequence number).
type Received = Arc<Mutex<BTreeMap<(bool, u16), Vec<u8>>>>;

/// The other implementation's end.
struct Other {
    connection: Arc<dyn PeerConnection>,
    gathered: Arc<Notify>,
    received: Received,
    tracks: Vec<(Codec, u32, Arc<dyn TrackLocal>)>,
}

struct Handler {
    gathered: Arc<Notify>,
    received: Received,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let received = self.received.clone();
        tokio::spawn(async move {
            let video = track.kind().await == RtpCodecKind::Video;
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let key = (video, packet.header.sequence_number);
                    let payload = packet.payload.to_vec();
                    received.lock().unwrap().insert(key, payload);
                }
            }
        });
    }
}

impl Other {
    async fn new() -> Other {
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().unwrap();
        let registry = register_default_interceptors(Registry::new(), &mut engine).unwrap();
        let gathered = Arc::new(Notify::new());
        let received = Received::default();
        let handler = Handler {
            gathered: gathered.clone(),
            received: received.clone(),
        };
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(handler))
            .with_runtime(webrtc::runtime::default_runtime().unwrap())
            .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
            .build()
            .await
            .unwrap();
        Other {
            connection: Arc::new(connection),
            gathered,
            received,
            tracks: Vec::new(),
        }
    }

    /// Adds a sending and a receiving line for each of the two codecs.
    async fn add_lines(&mut self, video: Codec) {
        for codec in [Codec::Opus, video] {
            self.add_track(codec).await;
        }
        for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
            let receive = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                ..Default::default()
            };
            self.connection
                .add_transceiver_from_kind(kind, Some(receive))
                .await
                .unwrap();
        }
    }

    async fn add_track(&mut self, codec: Codec) {
        let (mime, clock_rate, channels, fmtp, kind) = match codec {
            Codec::Opus => (
                "audio/opus",
                48_000,
                2,
                "minptime=10;useinbandfec=1",
                RtpCodecKind::Audio,
            ),
            Codec::H264 => (
                "video/H264",
                90_000,
                0,
                "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
                RtpCodecKind::Video,
            ),
            Codec::Vp8 => ("video/VP8", 90_000, 0, "", RtpCodecKind::Video),
            Codec::Vp9 => ("video/VP9", 90_000, 0, "profile-id=0", RtpCodecKind::Video),
            Codec::Av1 => ("video/AV1", 90_000, 0, "profile=0", RtpCodecKind::Video),
        };
        let ssrc = 1000 + self.tracks.len() as u32;
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..Default::default()
            },
            codec: RTCRtpCodec {
                mime_type: mime.to_owned(),
                clock_rate,
                channels,
                sdp_fmtp_line: fmtp.to_owned(),
                rtcp_feedback: vec![],
            },
            ..Default::default()
        };
        let name = format!("{codec:?}");
        let track: Arc<dyn TrackLocal> = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            name.clone(),
            name.clone(),
            name,
            kind,
            vec![encoding],
        )));
        let send = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            ..Default::default()
        };
        self.connection
            .add_transceiver_from_track(track.clone(), Some(send))
            .await
            .unwrap();
        self.tracks.push((codec, ssrc, track));
    }

    /// Our description as it is once all candidates are in it.
    async fn local(&self, description: RTCSessionDescription) -> String {
        self.connection
            .set_local_description(description)
            .await
            .unwrap();
        tokio::time::timeout(PATIENCE, self.gathered.notified())
            .await
            .unwrap();
        self.connection.local_description().await.unwrap().sdp
    }

    /// Sends packet number `seq` on each track, with the payload type of `lines`.
    async fn send(&self, seq: u64, lines: &[LineInfo]) {
        for (codec, ssrc, track) in &self.tracks {
            let ours = packet(*codec, seq, 300, Instant::now());
            let negotiated = lines.iter().flat_map(|l| &l.codecs);
            let pt = negotiated
                .into_iter()
                .find(|c| c.codec == *codec)
                .unwrap()
                .pt;
            let theirs = rtc::rtp::Packet {
                header: rtc::rtp::header::Header {
                    version: 2,
                    marker: ours.marker,
                    payload_type: pt,
                    sequence_number: seq as u16,
                    timestamp: ours.timestamp,
                    ssrc: *ssrc,
                    ..Default::default()
                },
                payload: ours.payload.to_vec().into(),
            };
            // Fails until the connection is up.
            let _ = track.write_rtp(theirs).await;
        }
    }

    fn has_enough(&self) -> bool {
        let received = self.received.lock().unwrap();
        [false, true]
            .iter()
            .all(|video| received.keys().filter(|k| k.0 == *video).count() >= ENOUGH)
    }

    /// Every packet that came is the one of its number, byte for byte.
    fn check(&self, video: Codec) {
        for ((is_video, seq), payload) in self.received.lock().unwrap().iter() {
            let codec = if *is_video { video } else { Codec::Opus };
            let sent = packet(codec, u64::from(*seq), 300, Instant::now());
            assert_eq!(payload[..], sent.payload[..], "{codec:?} {seq}");
        }
    }
}

/// What came in at our end: payloads by codec and sequence number.
#[derive(Default)]
struct Ours(BTreeMap<(Codec, u64), Arc<[u8]>>);

impl Ours {
    fn take(&mut self, packet: confab_transport::InPacket) {
        self.0.insert((packet.codec, packet.seq), packet.payload);
    }

    fn has_enough(&self, video: Codec) -> bool {
        let count = |codec| self.0.keys().filter(|k| k.0 == codec).count();
        count(Codec::Opus) >= ENOUGH && count(video) >= ENOUGH
    }

    fn check(&self) {
        for ((codec, seq), payload) in &self.0 {
            let sent = packet(*codec, *seq, 300, Instant::now());
            assert_eq!(payload[..], sent.payload[..], "{codec:?} {seq}");
        }
    }
}

fn numbered(codec: Codec, seq: u64) -> OutPacket {
    packet(codec, seq, 300, Instant::now())
}

async fn our_server_talks_with_webrtc(video: Codec) {
    let server = FakeServer::start().unwrap();
    let mut other = Other::new().await;
    other.add_lines(video).await;
    let offer = other.connection.create_offer(None).await.unwrap();
    let offer = other.local(offer).await;
    let answer = server.answer(&offer).unwrap();
    let lines = server.lines();
    let answer = RTCSessionDescription::answer(answer).unwrap();
    other
        .connection
        .set_remote_description(answer)
        .await
        .unwrap();
    let slot = |codec: Codec| {
        let line = lines
            .iter()
            .find(|l| l.sends && l.codecs.iter().any(|c| c.codec == codec));
        line.unwrap().mid
    };
    let (audio_slot, video_slot) = (slot(Codec::Opus), slot(video));
    let mut ours = Ours::default();
    let until = Instant::now() + PATIENCE;
    for seq in 0.. {
        assert!(
            Instant::now() < until,
            "{:?} {:?}",
            ours.0.keys(),
            other.received.lock().unwrap().keys()
        );
        other.send(seq, &lines).await;
        server.send(audio_slot, None, numbered(Codec::Opus, seq));
        server.send(video_slot, None, numbered(video, seq));
        tokio::time::sleep(Duration::from_millis(10)).await;
        for event in server.events.try_iter() {
            if let PeerEvent::Rtp(packet) = event {
                ours.take(packet);
            }
        }
        if ours.has_enough(video) && other.has_enough() {
            break;
        }
    }
    ours.check();
    other.check(video);
    other.connection.close().await.unwrap();
}

fn wait_for<T>(driver: &DriverHandle, find: impl Fn(DriverEvent) -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        let event = driver.events.recv_deadline(until).unwrap();
        if let Some(found) = find(event) {
            return found;
        }
    }
}

async fn our_client_talks_with_webrtc(video: Codec) {
    let driver = Driver::start(DriverConfig::new("interop")).unwrap();
    let codecs: Vec<VideoCodec> = video.video().into_iter().collect();
    let send = |source| SendLine {
        source,
        rids: vec![],
        codecs: codecs.clone(),
    };
    driver.create_offer(MediaPlan {
        sends: vec![send(Source::Microphone), send(Source::Camera)],
        audio_slots: 1,
        video_slots: 1,
    });
    let offer = wait_for(&driver, |e| match e {
        DriverEvent::Offer(offer) => Some(offer),
        _ => None,
    });
    let mut other = Other::new().await;
    for codec in [Codec::Opus, video] {
        other.add_track(codec).await;
    }
    let description = RTCSessionDescription::offer(offer.sdp.clone()).unwrap();
    other
        .connection
        .set_remote_description(description)
        .await
        .unwrap();
    let answer = other.connection.create_answer(None).await.unwrap();
    driver.accept_answer(other.local(answer).await);
    let lines = wait_for(&driver, |e| match e {
        DriverEvent::Answered(lines) => Some(lines),
        DriverEvent::AnswerFailed(error) => panic!("{error}"),
        _ => None,
    });
    let (mic, cam): (Mid, Mid) = (offer.publish[0].0, offer.publish[1].0);
    let mut ours = Ours::default();
    let until = Instant::now() + PATIENCE;
    for seq in 0.. {
        assert!(
            Instant::now() < until,
            "{:?} {:?}",
            ours.0.keys(),
            other.received.lock().unwrap().keys()
        );
        other.send(seq, &lines).await;
        driver.send(mic, None, vec![numbered(Codec::Opus, seq)]);
        driver.send(cam, None, vec![numbered(video, seq)]);
        tokio::time::sleep(Duration::from_millis(10)).await;
        driver.media.try_iter().for_each(|packet| ours.take(packet));
        if ours.has_enough(video) && other.has_enough() {
            break;
        }
    }
    ours.check();
    other.check(video);
    other.connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn our_server_exchanges_opus_and_h264_with_webrtc() {
    our_server_talks_with_webrtc(Codec::H264).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_server_exchanges_opus_and_vp8_with_webrtc() {
    our_server_talks_with_webrtc(Codec::Vp8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_exchanges_opus_and_h264_with_webrtc() {
    our_client_talks_with_webrtc(Codec::H264).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_exchanges_opus_and_vp8_with_webrtc() {
    our_client_talks_with_webrtc(Codec::Vp8).await;
}
