//! Media through the whole server: signaling over a real WebSocket, packets over real sockets, two participants whose
//! transport is the client's own.

mod common;

use common::{Person, Server};
use confab_base::AudioLevel;
use confab_protocol::{
    MediaKind, Offer, Publish, ReplyBody, Request, ServerMessage, Slot, Source, TrackId,
};
use confab_transport::driver::{Direction, Driver, DriverConfig, DriverEvent, DriverHandle};
use confab_transport::{Codec, InPacket, LocalOffer, MediaPlan, OutPacket, Protocol, SendLine};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// A participant with a microphone and one audio slot.
struct Talker {
    person: Person,
    driver: DriverHandle,
    offer: LocalOffer,
    next: u64,
}

impl Talker {
    async fn join(mut person: Person, name: &str, udp: bool) -> Talker {
        let mut config = DriverConfig::new(name);
        if !udp {
            config.test_filter = Some(Box::new(|_: Direction, protocol, _: &[u8]| {
                protocol == Protocol::Tcp
            }));
        }
        let driver = Driver::start(config).unwrap();
        let microphone = SendLine {
            source: Source::Microphone,
            rids: vec![],
            codecs: vec![],
        };
        driver.create_offer(MediaPlan {
            sends: vec![microphone],
            audio_slots: 1,
            video_slots: 0,
        });
        let offer = wait(&mut person, &driver, |e| match e {
            DriverEvent::Offer(offer) => Some(offer),
            _ => None,
        })
        .await;
        let publish = offer.publish.iter().map(|(mid, source)| Publish {
            mid: mid.as_str().into(),
            source: *source,
            layers: vec![],
        });
        let request = Offer {
            generation: 1,
            sdp: offer.sdp.clone(),
            publish: publish.collect(),
        };
        let answer = person.ask(Request::Offer(request)).await.unwrap();
        let ReplyBody::Answer { generation: 1, sdp } = answer else {
            panic!("no answer: {answer:?}")
        };
        driver.accept_answer(sdp);
        let path = wait(&mut person, &driver, |e| match e {
            DriverEvent::Connected { path } => Some(path),
            _ => None,
        })
        .await;
        assert_eq!(path == Protocol::Udp, udp, "{path:?}");
        let source = Source::Microphone;
        person
            .ask(Request::Mute {
                source,
                muted: false,
            })
            .await
            .unwrap();
        Talker {
            person,
            driver,
            offer,
            next: 100,
        }
    }

    /// The track of this participant's microphone.
    async fn track(&mut self) -> TrackId {
        let snapshot = self.person.socket.snapshot().await;
        let me = snapshot
            .participants
            .into_iter()
            .find(|p| p.id == self.person.id)
            .unwrap();
        me.tracks
            .iter()
            .find(|t| t.source.kind() == MediaKind::Audio)
            .unwrap()
            .id
    }

    async fn listen_to(&mut self, track: TrackId) {
        let mid = self.offer.audio_slots[0].as_str().to_owned();
        let slots = vec![Slot {
            mid,
            track: Some(track),
            max_height: 0,
        }];
        let max_bitrate = None;
        let view = Request::View { slots, max_bitrate };
        self.person.ask(view).await.unwrap();
    }

    /// Twenty milliseconds of something, with its number in it.
    fn say(&mut self) {
        let (mid, n) = (self.offer.publish[0].0, self.next);
        self.next += 1;
        let packet = OutPacket {
            tag: None,
            codec: Codec::Opus,
            seq: n,
            timestamp: (n * 960) as u32,
            marker: false,
            payload: Arc::from(n.to_be_bytes().as_slice()),
            red: false,
            audio_level: Some(AudioLevel(20)),
            voice: true,
            captured: Instant::now(),
        };
        assert!(self.driver.send(mid, None, vec![packet]));
    }

    fn heard(&self) -> Vec<InPacket> {
        self.driver.media.try_iter().collect()
    }
}

/// Waits for an event of the transport, and keeps the signaling connection alive meanwhile.
async fn wait<T>(
    person: &mut Person,
    driver: &DriverHandle,
    mut pick: impl FnMut(DriverEvent) -> Option<T>,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    for n in 1.. {
        assert!(Instant::now() < deadline, "the transport says nothing");
        while let Ok(event) = driver.events.try_recv() {
            if let Some(found) = pick(event) {
                return found;
            }
        }
        if n % 50 == 0 {
            person.ask(Request::Ping).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    unreachable!("the deadline ends it")
}

/// Speaks until `done`, a packet every 20 ms; both connections are kept alive meanwhile.
async fn talk_until(from: &mut Talker, to: &mut Talker, mut done: impl FnMut(&mut Talker) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut n = 0;
    while !done(to) {
        assert!(Instant::now() < deadline, "nothing came through");
        from.say();
        if n % 40 == 0 {
            from.person.ask(Request::Ping).await.unwrap();
            to.person.ask(Request::Ping).await.unwrap();
        }
        n += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Bob, a host, listens to Ada, a guest.
async fn pair(server: &Server, udp: bool) -> (Talker, Talker) {
    let meeting = server.meeting().await;
    let (ada, bob) = (
        Person::join(server, &meeting, "Ada").await,
        Person::host(server, &meeting, "Bob").await,
    );
    let (mut ada, mut bob) =
        tokio::join!(Talker::join(ada, "ada", udp), Talker::join(bob, "bob", udp));
    let track = ada.track().await;
    bob.listen_to(track).await;
    (ada, bob)
}

#[tokio::test]
async fn a_voice_comes_through_and_its_speaker_is_named() {
    let server = Server::start().await;
    let (mut ada, mut bob) = pair(&server, true).await;
    let mut heard = Vec::new();
    talk_until(&mut ada, &mut bob, |bob| {
        heard.extend(bob.heard());
        heard.len() >= 20
    })
    .await;
    let numbers: Vec<u64> = heard
        .iter()
        .map(|p| u64::from_be_bytes(p.payload.as_ref().try_into().unwrap()))
        .collect();
    assert!(
        numbers.windows(2).all(|w| w[1] == w[0] + 1),
        "as it was said: {numbers:?}"
    );
    assert!(
        heard.windows(2).all(|w| w[1].seq == w[0].seq + 1),
        "without gaps"
    );
    let speaker = ada.person.id;
    bob.person
        .socket
        .find(|m| match m {
            ServerMessage::Speakers { participants } => {
                (participants.first() == Some(&speaker)).then_some(())
            }
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn what_a_muted_microphone_sends_is_dropped_in_the_server() {
    let server = Server::start().await;
    let (mut ada, mut bob) = pair(&server, true).await;
    talk_until(&mut ada, &mut bob, |bob| !bob.heard().is_empty()).await;
    let mute = Request::HostMute {
        participant: ada.person.id,
        source: Source::Microphone,
    };
    bob.person.ask(mute).await.unwrap();
    // What was on its way when the mute came.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let _ = bob.heard();
    let before = server.running.media_counters().muted;
    let running = &server.running;
    // This client goes on sending, as one with bad intentions would.
    talk_until(&mut ada, &mut bob, |_| {
        running.media_counters().muted >= before + 20
    })
    .await;
    assert_eq!(bob.heard().len(), 0);
}

#[tokio::test]
async fn where_udp_is_blocked_media_takes_the_http_port() {
    let server = Server::start().await;
    let (mut ada, mut bob) = pair(&server, false).await;
    let mut heard = 0;
    talk_until(&mut ada, &mut bob, |bob| {
        heard += bob.heard().len();
        heard >= 20
    })
    .await;
    assert!(server.running.counters().media_connections >= 2);
    assert!(server.running.media_counters().tcp_connections >= 2);
}
