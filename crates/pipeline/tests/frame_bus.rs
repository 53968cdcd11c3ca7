//! The frame bus over its real socket: who may come in, what a page gets, and what a page that stands still costs.

use confab_base::{ParticipantId, Source, TrackId, VideoCodec};
use confab_picture::I420;
use confab_pipeline::bus::{
    Carried, FrameBus, FromPage, Header, Kind, Mode, OWN_CAMERA, Shown, ToPage,
};
use confab_pipeline::{FrameInfo, KeyframeAsk, Needs, RemoteTrack, VideoSink, VideoSinks, clock};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tungstenite::client::{ClientRequestBuilder, IntoClientRequest};
use tungstenite::{Error, Message, WebSocket};

const PATIENCE: Duration = Duration::from_secs(20);

type Page = WebSocket<TcpStream>;

fn knock(bus: &FrameBus, token: &str, origin: &str) -> Result<Page, u16> {
    let uri = format!("{}?token={token}", bus.url()).parse().unwrap();
    let request = ClientRequestBuilder::new(uri)
        .with_header("Origin", origin)
        .into_client_request()
        .unwrap();
    let address = bus.url().replace("ws://", "").replace("/bus", "");
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    match tungstenite::client(request, stream) {
        Ok((page, _)) => Ok(page),
        Err(tungstenite::HandshakeError::Failure(Error::Http(response))) => {
            Err(response.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

fn enter(bus: &FrameBus) -> Page {
    let mut page = knock(bus, &bus.token(), "tauri://localhost").unwrap();
    let hello = page.read().unwrap().into_text().unwrap();
    assert_eq!(hello.as_str(), ToPage::Hello { version: 1 }.text());
    page
}

fn say(page: &mut Page, message: &FromPage) {
    let text = serde_json::to_string(message).unwrap();
    page.send(Message::text(text)).unwrap();
}

fn show(page: &mut Page, mode: Mode, stream: u32, credit: u32) {
    let shown = Shown {
        stream,
        width: 64,
        height: 36,
        credit,
    };
    let streams = vec![shown];
    let codecs = Vec::new();
    let show = FromPage::Show {
        mode,
        codecs,
        streams,
    };
    say(page, &show);
}

fn picture(page: &mut Page) -> (Header, usize) {
    let message = page.read().unwrap().into_data();
    let (header, rest) = Header::read(&message).unwrap();
    (header, rest.len())
}

fn track(track: u32) -> RemoteTrack {
    RemoteTrack {
        participant: ParticipantId(1),
        track: TrackId(track),
        source: Source::Camera,
    }
}

fn open(bus: &FrameBus, id: u32) -> (Box<dyn VideoSink>, Arc<AtomicU32>) {
    let mut sink = bus.handle().sinks().open(track(id));
    let asked = Arc::new(AtomicU32::new(0));
    let theirs = asked.clone();
    sink.on_slot(KeyframeAsk::new(move || {
        theirs.fetch_add(1, Ordering::Relaxed);
    }));
    (sink, asked)
}

fn info(id: u32, timestamp: u32, keyframe: bool) -> FrameInfo {
    FrameInfo {
        track: track(id),
        codec: VideoCodec::H264,
        timestamp,
        keyframe,
        arrived: clock::now(),
        shown: clock::now(),
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_wrong_token_a_foreign_page_and_a_second_page_are_refused() {
    let bus = FrameBus::start().unwrap();
    let page = "tauri://localhost";
    let other = FrameBus::start().unwrap();
    for token in ["", "0", &"0".repeat(32), &other.token()] {
        assert_eq!(knock(&bus, token, page).err(), Some(403), "{token}");
    }
    assert_eq!(
        knock(&bus, &bus.token(), "https://example.org").err(),
        Some(403)
    );
    let first = enter(&bus);
    assert_eq!(knock(&bus, &bus.token(), page).err(), Some(409));
    assert_eq!(knock(&bus, "0", page).err(), Some(403));
    // A page that was reloaded comes in again.
    drop(first);
    until("the old page is noticed to be gone", || {
        !bus.handle().has_page()
    });
    enter(&bus);
}

#[test]
fn connections_that_say_nothing_do_not_keep_the_page_out() {
    let bus = FrameBus::start().unwrap();
    let address = bus.url().replace("ws://", "").replace("/bus", "");
    let silent: Vec<_> = (0..4)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    enter(&bus);
    drop(silent);
}

#[test]
fn units_go_to_the_page_as_long_as_it_has_credit() {
    let bus = FrameBus::start().unwrap();
    let (mut sink, asked) = open(&bus, 7);
    assert_eq!(sink.needs(VideoCodec::H264), Needs::NOTHING);
    let mut page = enter(&bus);
    show(&mut page, Mode::Units, 7, 2);
    until("the stream is shown", || {
        sink.needs(VideoCodec::H264) == Needs::UNITS
    });
    until("a key frame is asked for", || {
        asked.load(Ordering::Relaxed) == 1
    });
    sink.unit(&[1; 10], &info(7, 100, true));
    sink.unit(&[2; 20], &info(7, 200, false));
    sink.unit(&[3; 30], &info(7, 300, false));
    for (timestamp, size) in [(100, 10), (200, 20)] {
        let (header, bytes) = picture(&mut page);
        assert_eq!(
            (header.timestamp, bytes, header.kind),
            (timestamp, size, Kind::H264)
        );
        assert_eq!((header.stream, header.keyframe), (7, timestamp == 100));
    }
    until("the third one waits", || {
        bus.handle().stats()[&7].waiting == 1
    });
    say(
        &mut page,
        &FromPage::Credit {
            streams: vec![(7, 1)],
        },
    );
    assert_eq!(picture(&mut page).0.timestamp, 300);
    drop(sink);
    drop(page);
    until("nothing is left", || bus.handle().stats().is_empty());
}

#[test]
fn a_page_that_talks_nonsense_is_shown_the_door() {
    let bus = FrameBus::start().unwrap();
    let mut page = enter(&bus);
    page.send(Message::text("{\"type\":\"show\"}")).unwrap();
    until("the page is out", || !bus.handle().has_page());
    let mut page = enter(&bus);
    page.send(Message::text("x".repeat(100_000))).unwrap();
    until("the page is out", || !bus.handle().has_page());
}

#[test]
fn our_own_camera_comes_at_the_size_it_is_drawn() {
    let bus = FrameBus::start().unwrap();
    let camera = bus.handle().local(OWN_CAMERA);
    let picture_720p = Arc::new(I420::filled(1280, 720, [100, 128, 128]));
    camera.show(&picture_720p, clock::now());
    let mut page = enter(&bus);
    show(&mut page, Mode::Units, OWN_CAMERA, 1);
    let (header, bytes) = picture(&mut page);
    assert_eq!(
        (header.kind, header.width, header.height),
        (Kind::I420, 64, 36)
    );
    assert_eq!(bytes, 64 * 36 * 3 / 2);
}

/// What a page costs that does not read: a full socket, a few units per stream, and nothing that grows.
#[test]
fn a_stopped_page_costs_no_memory_and_goes_on_with_a_key_frame() {
    let bus = FrameBus::start().unwrap();
    let (mut sink, asked) = open(&bus, 7);
    let mut page = enter(&bus);
    show(&mut page, Mode::Units, 7, 6);
    until("the stream is shown", || {
        sink.needs(VideoCodec::H264) == Needs::UNITS
    });
    let unit = vec![0; 50_000];
    // Twenty minutes of it.
    for n in 0..36_000 {
        sink.unit(&unit, &info(7, n, n % 300 == 0));
    }
    let stats = bus.handle().stats()[&7];
    assert!(stats.sent <= 6 && stats.waiting <= 8, "{stats:?}");
    let before = asked.load(Ordering::Relaxed);
    let mut seen = Vec::new();
    for _ in 0..stats.sent {
        seen.push(picture(&mut page).0);
    }
    say(
        &mut page,
        &FromPage::Credit {
            streams: vec![(7, 6)],
        },
    );
    until("it is asked for a key frame or goes on with one", || {
        asked.load(Ordering::Relaxed) > before || bus.handle().stats()[&7].sent > stats.sent
    });
    sink.unit(&unit, &info(7, 90_000, false));
    sink.unit(&unit, &info(7, 90_001, true));
    until("the key frame comes", || {
        seen.push(picture(&mut page).0);
        seen.last().unwrap().timestamp == 90_001
    });
    for pair in seen.windows(2) {
        let follows = pair[1].timestamp == pair[0].timestamp + 1;
        assert!(follows || pair[1].keyframe, "{pair:?}");
    }
}

#[test]
fn a_carried_page_gets_the_same_messages_and_keeps_the_socket_shut() {
    let bus = FrameBus::start().unwrap();
    let (mut sink, asked) = open(&bus, 7);
    let got: Arc<Mutex<Vec<Carried>>> = Arc::default();
    let theirs = got.clone();
    let page = bus
        .handle()
        .carry(move |m| theirs.lock().unwrap().push(m))
        .unwrap();
    assert!(bus.handle().carry(|_| {}).is_none());
    assert_eq!(
        knock(&bus, &bus.token(), "tauri://localhost").err(),
        Some(409)
    );
    let show = r#"{"type":"show","mode":"units","streams":[{"stream":7,"width":64,"height":36,"credit":2}]}"#;
    page.say(show).unwrap();
    assert!(page.say("{}").is_err());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    for n in 0..5 {
        sink.unit(&[1; 10], &info(7, n, n == 0));
    }
    until("two units come", || got.lock().unwrap().len() == 3);
    assert_eq!(
        got.lock().unwrap()[0],
        Carried::Text(ToPage::Hello { version: 1 }.text())
    );
    page.say(r#"{"type":"credit","streams":[[7,1]]}"#).unwrap();
    until("the third comes", || got.lock().unwrap().len() == 4);
    drop(page);
    assert_eq!(sink.needs(VideoCodec::H264), Needs::NOTHING);
    enter(&bus);
}
