//! Media through the whole server: signaling over a real WebSocket, packets over real sockets, two participants whose
//! transport is the client's own.

mod common;

use common::talker::{Talker, talk_until};
use common::{Person, Server};
use confab_protocol::{Request, ServerMessage, Source};
use std::time::Duration;

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
