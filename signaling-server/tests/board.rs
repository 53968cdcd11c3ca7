//! The whiteboard's lane over real WebSockets: drawing together, rights from the seat alone, kills, late joiners, floods.

mod common;

use common::drawing::{Drawer, Lane, open};
use common::{Invitation, PATIENCE, Person, Server};
use confab_board::*;
use confab_protocol::{
    Assignment, Layer, Offer, Permissions, Policy, Publish, ReplyBody, Request, Source, TrackId,
};
use confab_transport::driver::{Driver, DriverConfig, DriverEvent, DriverHandle};
use confab_transport::{MediaPlan, SendLine};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

fn may_draw(draw: bool) -> Request {
    let permissions = Permissions {
        draw,
        ..Permissions::default()
    };
    Request::HostPolicy {
        policy: Policy {
            permissions,
            ..Policy::default()
        },
    }
}

#[tokio::test]
async fn two_draw_together_and_a_late_one_holds_the_same() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let mut a = Drawer::open(server.http(), &meeting, &ada).await;
    let mut b = Drawer::open(server.http(), &meeting, &bob).await;
    assert_eq!((a.level, b.level), (Level::Host, Level::Draw));
    assert_eq!(a.name, "main");
    let page = a.page();
    a.send().await;
    a.acknowledged().await;
    b.until(|board, _| board.document().objects().count() == 1)
        .await;
    for n in 0..20 {
        a.note(page, 2 * n);
        a.send().await;
        b.note(page, 2 * n + 1);
        b.send().await;
    }
    a.until(|board, _| board.document().objects().count() == 41 && board.unacknowledged() == 0)
        .await;
    b.until(|board, _| board.document().objects().count() == 41 && board.unacknowledged() == 0)
        .await;
    assert_eq!(a.hash(), b.hash());
    let cleo = Person::join(&server, &meeting, "Cleo").await;
    let mut late = Drawer::open(server.http(), &meeting, &cleo).await;
    assert_eq!(late.hash(), a.hash());
    assert_eq!(late.server_hash().await, a.hash());
}

/// What a seat is given of a board's history: status, entries, and the number to go on after.
async fn history(
    server: &Server,
    meeting: &Invitation,
    who: &Person,
    rest: &str,
) -> (u16, Vec<u8>, Option<String>) {
    let url = format!(
        "http://{}/api/v1/meetings/{}/boards/{rest}",
        server.http(),
        meeting.id
    );
    let seat = format!("{}:{}", who.id.0, who.token);
    tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent.get(&url).header("x-seat", &seat).call().unwrap();
        let next = answer.headers().get("x-next");
        let next = next.map(|v| v.to_str().unwrap().to_owned());
        let bytes = answer.body_mut().read_to_vec().unwrap();
        (answer.status().as_u16(), bytes, next)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn the_history_replays_to_the_board_as_it_is() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let nothing = history(&server, &meeting, &bob, "main/history").await;
    assert_eq!(nothing, (200, Vec::new(), None));
    let mut a = Drawer::open(server.http(), &meeting, &ada).await;
    let page = a.page();
    for n in 0..30 {
        a.note(page, n);
        a.send().await;
    }
    a.until(|board, _| board.unacknowledged() == 0).await;
    let (status, bytes, next) = history(&server, &meeting, &bob, "main/history").await;
    assert_eq!((status, next), (200, None));
    let mut document = Document::new();
    let mut left = &bytes[..];
    let mut times = Vec::new();
    while !left.is_empty() {
        // Entries lie one after the other: the shortest that can be read is the next.
        let long = (1..=left.len()).find(|n| Entry::from_bytes(&left[..*n]).is_ok());
        let (one, rest) = left.split_at(long.expect("an entry"));
        let entry = Entry::from_bytes(one).unwrap();
        times.push(entry.at_ms);
        document.apply(&entry.change);
        left = rest;
    }
    assert_eq!(document.hash(), a.hash());
    assert!(times.is_sorted() && times[0] > 1_700_000_000_000);
    // From one on; what is after the last is nothing.
    let (_, rest, _) = history(&server, &meeting, &bob, "main/history?after=1").await;
    assert!(bytes.ends_with(&rest) && rest.len() < bytes.len());
    let (_, rest, _) = history(&server, &meeting, &bob, "main/history?after=1000000").await;
    assert!(rest.is_empty());
    // Other rooms' boards are for those who lead.
    let elsewhere = history(&server, &meeting, &bob, "room-1/history").await;
    assert_eq!(elsewhere.0, 404);
    let led = history(&server, &meeting, &ada, "room-1/history").await;
    assert_eq!(led, (200, Vec::new(), None));
    let mut forged = bob;
    forged.token = "nobody's".into();
    let refused = history(&server, &meeting, &forged, "main/history").await;
    assert_eq!(refused.0, 403);
}

#[tokio::test]
async fn forged_authors_and_foreign_seats_are_refused() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let a = Drawer::open(server.http(), &meeting, &ada).await;
    let mut b = Drawer::open(server.http(), &meeting, &bob).await;
    let empty = b.hash();
    b.board = Board::new(a.board.replica());
    b.page();
    b.send().await;
    assert_eq!(b.refused().await, "board_forged");
    assert_eq!(b.server_hash().await, empty);

    // Ada's seat with Bob's token, no seat at all, a wrong meeting.
    let good = open(&meeting.id, &ada, LaneCopy::New);
    let foreign = Open {
        token: bob.token.clone(),
        ..good.clone()
    };
    let nobody = Open {
        participant: 999,
        ..good.clone()
    };
    let elsewhere = Open {
        meeting: "no such meeting".into(),
        ..good.clone()
    };
    for bad in [foreign, nobody, elsewhere] {
        let mut lane = Lane::say(server.http(), &bad.to_bytes()).await;
        assert_eq!(lane.end().await, "bad_secret", "{bad:?}");
    }
    let named = Open {
        board: "room-1".into(),
        ..open(&meeting.id, &bob, LaneCopy::New)
    };
    let mut lane = Lane::say(server.http(), &named.to_bytes()).await;
    assert_eq!(lane.end().await, "not_allowed");
    let mut lane = Lane::say(server.http(), &[5, 0]).await;
    assert_eq!(lane.end().await, "out_of_order");
    let mut lane = Lane::say(server.http(), b"GET /").await;
    assert_eq!(lane.end().await, "bad_message");
}

#[tokio::test]
async fn who_may_not_draw_only_looks_on() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let mut a = Drawer::open(server.http(), &meeting, &ada).await;
    let page = a.page();
    a.send().await;
    a.acknowledged().await;
    let mut b = Drawer::open(server.http(), &meeting, &bob).await;
    ada.ask(may_draw(false)).await.unwrap();
    let told = |_: &Board, frame: &FromServer| *frame == FromServer::Rights(Level::View);
    b.until(told).await;
    b.note(page, 1);
    b.send().await;
    assert_eq!(b.refused().await, "board_view_only");
    assert_eq!(b.server_hash().await, a.hash());
    let mut again = Drawer::open(server.http(), &meeting, &bob).await;
    assert_eq!((again.level, again.objects()), (Level::View, 1));
    ada.ask(may_draw(true)).await.unwrap();
    let told = |_: &Board, frame: &FromServer| *frame == FromServer::Rights(Level::Draw);
    again.until(told).await;
    again.note(page, 2);
    again.send().await;
    again.acknowledged().await;
}

#[tokio::test]
async fn a_kill_loses_nothing_acknowledged() {
    let mut server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let mut a = Drawer::open(server.http(), &meeting, &ada).await;
    let page = a.page();
    for n in 0..50 {
        a.note(page, n);
        a.send().await;
    }
    a.acknowledged().await;
    let acknowledged = a.hash();
    a.note(page, 50);
    server = server.restart().await;
    let copy = LaneCopy::Back(a.board.replica(), a.board.document().vector().clone());
    // The seat is kept over the restart, and its token with it.
    let back = open(&meeting.id, &ada, copy);
    let mut lane = Lane::say(server.http(), &back.to_bytes()).await;
    let Some(FromServer::Opened { next, replica, .. }) = lane.next().await else {
        panic!("not opened");
    };
    assert_eq!(replica, a.board.replica());
    a.board.acknowledge(next);
    a.board.resend();
    assert_eq!(a.board.unacknowledged(), 1);
    a.lane = lane;
    assert_eq!(a.server_hash().await, acknowledged);
    a.send().await;
    a.acknowledged().await;
    assert_eq!(a.server_hash().await, a.hash());
    let bob = Person::join(&server, &meeting, "Bob").await;
    let late = Drawer::open(server.http(), &meeting, &bob).await;
    assert_eq!((late.objects(), late.hash()), (52, a.hash()));
    assert_ne!(late.board.replica().author, a.board.replica().author);
}

#[tokio::test]
async fn a_flood_is_bounded_and_ended() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let mut a = Drawer::open(server.http(), &meeting, &ada).await;
    a.page();
    let update = write_update(&a.board.take_update());
    let frame = FromClient::Update(&update).to_bytes();
    let (mut sink, mut stream) = a.lane.stream.split();
    let begun = std::time::Instant::now();
    let flood = tokio::spawn(async move {
        for _ in 0..20_000 {
            if sink.send(Message::binary(frame.clone())).await.is_err() {
                break;
            }
        }
    });
    let (mut taken, mut last) = (0u32, String::new());
    while let Ok(Some(Ok(message))) = tokio::time::timeout(PATIENCE, stream.next()).await {
        let Message::Binary(bytes) = message else {
            continue;
        };
        match FromServer::from_bytes(&bytes).unwrap() {
            FromServer::Acknowledged(_) => taken += 1,
            FromServer::Closed { code, .. } => last = code,
            _ => {}
        }
    }
    drop(stream);
    flood.await.unwrap();
    // The burst, and the lasting rate for as long as it took.
    let most = limits::MESSAGES_BURST as f32 + 61.0 * (begun.elapsed().as_secs_f32() + 1.0);
    assert!(taken as f32 <= most, "{taken}, at most {most}");
    assert!(last == "too_fast" || last.is_empty(), "{last}");
    let again = Drawer::open(server.http(), &meeting, &ada).await;
    assert_eq!(again.objects(), 1);
}

#[tokio::test]
async fn every_breakout_room_has_its_own_board() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let mut a = Drawer::open(server.http(), &meeting, &ada).await;
    a.page();
    a.send().await;
    a.acknowledged().await;
    let mut b = Drawer::open(server.http(), &meeting, &bob).await;
    assert_eq!(b.objects(), 1);
    let rooms = vec!["One".to_owned(), "Two".to_owned()];
    let plan = Request::HostBreakout {
        rooms,
        choose: false,
    };
    ada.ask(plan).await.unwrap();
    let places = vec![Assignment {
        participant: bob.id,
        room: Some(2),
    }];
    ada.ask(Request::HostBreakoutAssign { places })
        .await
        .unwrap();
    ada.ask(Request::HostBreakoutOpen { minutes: None })
        .await
        .unwrap();
    assert_eq!(b.lane.end().await, "board_moved");
    let b = Drawer::open(server.http(), &meeting, &bob).await;
    assert_eq!((b.name.as_str(), b.objects()), ("room-2", 0));
    let named = Open {
        board: "room-2".into(),
        ..open(&meeting.id, &ada, LaneCopy::New)
    };
    let visiting = Drawer::say(server.http(), &named).await;
    assert_eq!(
        (visiting.name.as_str(), visiting.level),
        ("room-2", Level::Host)
    );
    let main = Drawer::open(server.http(), &meeting, &ada).await;
    assert_eq!((main.name.as_str(), main.objects()), ("main", 1));
}

/// Publishes a screen: the track's number. No packet has to flow for it.
async fn share_screen(person: &mut Person, generation: u32) -> (TrackId, DriverHandle) {
    let driver = Driver::start(DriverConfig::new("screen")).unwrap();
    driver.create_offer(MediaPlan {
        sends: vec![SendLine {
            source: Source::Screen,
            rids: vec![],
            codecs: vec![],
        }],
        audio_slots: 0,
        video_slots: 0,
    });
    let events = driver.events.clone();
    let offered = tokio::task::spawn_blocking(move || {
        loop {
            match events.recv_timeout(PATIENCE).expect("an offer") {
                DriverEvent::Offer(offer) => return offer,
                _ => continue,
            }
        }
    });
    let offered = offered.await.unwrap();
    let publish = offered.publish.iter().map(|(mid, source)| Publish {
        mid: mid.as_str().into(),
        source: *source,
        layers: vec![layer()],
    });
    let offer = Offer {
        generation,
        sdp: offered.sdp.clone(),
        publish: publish.collect(),
    };
    let answer = person.ask(Request::Offer(offer)).await.unwrap();
    assert!(matches!(answer, ReplyBody::Answer { .. }), "{answer:?}");
    let snapshot = person.socket.snapshot().await;
    let me = snapshot.participants.iter().find(|p| p.id == person.id);
    let tracks = &me.expect("oneself").tracks;
    let screen = tracks.iter().find(|t| t.source == Source::Screen);
    (screen.expect("the screen").id, driver)
}

fn layer() -> Layer {
    Layer {
        rid: String::new(),
        width: 1280,
        height: 720,
        max_bitrate: 1_500_000,
    }
}

fn over(track: TrackId, meeting: &Invitation, person: &Person) -> Open {
    Open {
        board: screen_board(track.0),
        ..open(&meeting.id, person, LaneCopy::New)
    }
}

#[tokio::test]
async fn a_shared_screen_is_drawn_on_by_whom_its_presenter_lets_and_ends_with_the_share() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let mut bob = Person::join(&server, &meeting, "Bob").await;
    let cleo = Person::join(&server, &meeting, "Cleo").await;
    let (track, _driver) = share_screen(&mut bob, 1).await;
    let mut presenter = Drawer::say(server.http(), &over(track, &meeting, &bob)).await;
    let mut host = Drawer::say(server.http(), &over(track, &meeting, &ada)).await;
    let mut viewer = Drawer::say(server.http(), &over(track, &meeting, &cleo)).await;
    assert_eq!(presenter.name, screen_board(track.0));
    let levels = [presenter.level, host.level, viewer.level];
    assert_eq!(levels, [Level::Host, Level::Host, Level::Own]);
    let pages: Vec<ObjectId> = viewer.board.document().objects().map(|o| o.id()).collect();
    let [page] = pages[..] else {
        panic!("one page: {pages:?}");
    };

    viewer.note(page, 1);
    viewer.send().await;
    viewer.acknowledged().await;
    for other in [&mut presenter, &mut host] {
        other
            .until(|board, _| board.document().objects().count() == 2)
            .await;
    }

    // Only who presents forbids; then nobody else draws, whatever they may in the meeting.
    let forbid = FromClient::Allow(false).to_bytes();
    viewer.lane.send(forbid.clone()).await;
    assert_eq!(viewer.refused().await, "board_host_only");
    presenter.lane.send(forbid).await;
    for other in [&mut host, &mut viewer] {
        let looks = |f: &FromServer| *f == FromServer::Rights(Level::View);
        other.until(|_, frame| looks(frame)).await;
        other.note(page, 2);
        other.send().await;
        assert_eq!(other.refused().await, "board_view_only");
    }
    presenter.note(page, 3);
    presenter.send().await;
    presenter.acknowledged().await;
    let late = Drawer::say(server.http(), &over(track, &meeting, &cleo)).await;
    assert_eq!((late.level, late.objects()), (Level::View, 3));

    // Who may not see the screen has no board of it, and there is none after the share.
    let unknown = over(TrackId(track.0 + 1), &meeting, &cleo);
    let mut none = Lane::say(server.http(), &unknown.to_bytes()).await;
    assert_eq!(none.end().await, "not_found");
    let source = Source::Screen;
    bob.ask(Request::Unpublish { source }).await.unwrap();
    assert_eq!(host.lane.end().await, "not_found");
    let gone = over(track, &meeting, &ada).to_bytes();
    let mut again = Lane::say(server.http(), &gone).await;
    assert_eq!(again.end().await, "not_found");

    // Another share begins with nothing, and the meeting's own board never had any of it.
    let (second, _driver) = share_screen(&mut bob, 2).await;
    assert_ne!(second, track);
    let fresh = Drawer::say(server.http(), &over(second, &meeting, &cleo)).await;
    assert_eq!((fresh.level, fresh.objects()), (Level::Own, 1));
    let main = Drawer::open(server.http(), &meeting, &ada).await;
    assert_eq!((main.name.as_str(), main.objects()), ("main", 0));
}

#[tokio::test]
async fn a_second_way_carries_the_same_and_ends_with_the_first() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let mut a = Drawer::open(server.http(), &meeting, &ada).await;
    let mut b = Drawer::open(server.http(), &meeting, &bob).await;
    let second = |person: &Person, of: &Drawer| Open {
        board: of.name.clone(),
        ..open(&meeting.id, person, LaneCopy::Second(of.board.replica()))
    };
    // Another's copy.
    let mut lane = Lane::say(server.http(), &second(&bob, &a).to_bytes()).await;
    assert_eq!(lane.end().await, "board_new_copy");
    let mut a2 = Lane::say(server.http(), &second(&ada, &a).to_bytes()).await;
    let mut b2 = Lane::say(server.http(), &second(&bob, &b).to_bytes()).await;
    for lane in [&mut a2, &mut b2] {
        let opened = lane.next().await;
        assert!(
            matches!(opened, Some(FromServer::Opened { .. })),
            "{opened:?}"
        );
    }
    let page = a.page();
    a.note(page, 1);
    let update = write_update(&a.board.take_update());
    a2.send(FromClient::Update(&update).to_bytes()).await;
    assert_eq!(a2.next().await, Some(FromServer::Acknowledged(2)));
    a.acknowledged().await;
    assert_eq!(a.board.unacknowledged(), 0);
    assert_eq!(b2.next().await, Some(FromServer::Changes(update)));
    let hash = a.hash();
    b.until(|board, _| board.document().hash() == hash).await;
    drop(b);
    assert_eq!(b2.end().await, "board_new_copy");
}
