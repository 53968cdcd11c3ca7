//! A participant with a microphone and one audio slot, whose transport is the client's own.

use super::Person;
use confab_base::AudioLevel;
use confab_protocol::{MediaKind, Offer, Publish, ReplyBody, Request, Slot, Source, TrackId};
use confab_transport::driver::{Direction, Driver, DriverConfig, DriverEvent, DriverHandle};
use confab_transport::{Codec, InPacket, LocalOffer, MediaPlan, OutPacket, Protocol, SendLine};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// A participant with a microphone and one audio slot.
pub struct Talker {
    pub person: Person,
    pub driver: DriverHandle,
    pub offer: LocalOffer,
    /// The number of the next packet.
    pub next: u64,
}

impl Talker {
    pub async fn join(mut person: Person, name: &str, udp: bool) -> Talker {
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
    pub async fn track(&mut self) -> TrackId {
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

    pub async fn listen_to(&mut self, track: TrackId) {
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
    pub fn say(&mut self) {
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

    pub fn heard(&self) -> Vec<InPacket> {
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
pub async fn talk_until(
    from: &mut Talker,
    to: &mut Talker,
    mut done: impl FnMut(&mut Talker) -> bool,
) {
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
