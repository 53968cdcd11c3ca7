//! The client's socket thread against a lite server on loopback: UDP, ICE-TCP, slow readers, good-byes.

mod support;

use confab_transport::driver::{Driver, DriverConfig, DriverEvent, DriverHandle};
use confab_transport::fake::FakeServer;
use confab_transport::*;
use std::time::{Duration, Instant};
use support::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for the event `find` picks.
fn wait_for<T>(driver: &DriverHandle, find: impl Fn(DriverEvent) -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        let event = driver
            .events
            .recv_deadline(until)
            .expect("an event in time");
        if let Some(found) = find(event) {
            return found;
        }
    }
}

fn join(server: &FakeServer, config: DriverConfig) -> (DriverHandle, LocalOffer, Protocol) {
    let driver = Driver::start(config).unwrap();
    driver.create_offer(usual_plan());
    let offer = wait_for(&driver, |e| match e {
        DriverEvent::Offer(offer) => Some(offer),
        _ => None,
    });
    driver.accept_answer(server.answer(&offer.sdp).unwrap());
    let path = wait_for(&driver, |e| match e {
        DriverEvent::Connected { path } => Some(path),
        DriverEvent::AnswerFailed(error) => panic!("{error}"),
        _ => None,
    });
    (driver, offer, path)
}

/// Sends both ways until packets came out at both ends.
fn media_flows(server: &FakeServer, driver: &DriverHandle, offer: &LocalOffer) {
    let (mic, slot) = (offer.publish[0].0, offer.video_slots[0]);
    let until = Instant::now() + PATIENCE;
    let (mut up, mut down) = (0, 0);
    for seq in 0.. {
        assert!(Instant::now() < until, "{up} packets up, {down} down");
        let now = Instant::now();
        driver.send(mic, None, vec![packet(Codec::Opus, seq, 80, now)]);
        server.send(slot, None, packet(Codec::H264, seq, 1000, now));
        let came = server.events.try_iter();
        up += came
            .filter(|e| matches!(e, PeerEvent::Rtp(p) if p.mid == mic))
            .count();
        down += driver.media.try_iter().filter(|p| p.mid == slot).count();
        if up >= 20 && down >= 20 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn media_flows_over_udp() {
    let server = FakeServer::start().unwrap();
    let (driver, offer, path) = join(&server, DriverConfig::new("test-udp"));
    assert_eq!(path, Protocol::Udp);
    media_flows(&server, &driver, &offer);
    assert_eq!(driver.dropped(), 0);
}

#[test]
fn media_flows_over_tcp_where_udp_is_blocked() {
    let server = FakeServer::start().unwrap();
    let mut config = DriverConfig::new("test-tcp");
    config.test_filter = Some(Box::new(|_, protocol, _| protocol == Protocol::Tcp));
    let (driver, offer, path) = join(&server, config);
    assert_eq!(path, Protocol::Tcp);
    media_flows(&server, &driver, &offer);
}

#[test]
fn udp_that_dies_in_the_call_is_replaced_by_tcp() {
    let server = FakeServer::start().unwrap();
    let mut config = DriverConfig::new("test-switch");
    let start = Instant::now();
    config.test_filter = Some(Box::new(move |_, protocol, _| {
        protocol == Protocol::Tcp || start.elapsed() < Duration::from_secs(3)
    }));
    let (driver, offer, path) = join(&server, config);
    assert_eq!(path, Protocol::Udp);
    wait_for(&driver, |e| {
        matches!(e, DriverEvent::Disconnected).then_some(())
    });
    wait_for(&driver, |e| {
        matches!(e, DriverEvent::Connected { .. }).then_some(())
    });
    media_flows(&server, &driver, &offer);
}

#[test]
fn keyframe_requests_and_statistics_come_out() {
    let server = FakeServer::start().unwrap();
    let (driver, offer, _) = join(&server, DriverConfig::new("test-pli"));
    let cam = offer.publish[1].0;
    let full = Some(Rid::from("f"));
    for seq in 0..20 {
        driver.send(
            cam,
            full,
            vec![packet(Codec::H264, seq, 500, Instant::now())],
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let until = Instant::now() + PATIENCE;
    while !matches!(server.events.recv_deadline(until).unwrap(), PeerEvent::Rtp(p) if p.rid == full)
    {
    }
    server.request_keyframe(cam, full);
    let asked = wait_for(&driver, |e| match e {
        DriverEvent::KeyframeRequest { mid, rid } => Some((mid, rid)),
        _ => None,
    });
    assert_eq!(asked, (cam, full));
    let stats = wait_for(&driver, |e| match e {
        DriverEvent::Stats(stats) => Some(stats),
        _ => None,
    });
    assert_eq!(stats.path.unwrap().2, server.udp_addr());
}

#[test]
fn a_closed_driver_says_so_to_both_sides() {
    let server = FakeServer::start().unwrap();
    let (driver, ..) = join(&server, DriverConfig::new("test-close"));
    driver.close();
    wait_for(&driver, |e| matches!(e, DriverEvent::Closed).then_some(()));
    let until = Instant::now() + PATIENCE;
    while !matches!(
        server.events.recv_deadline(until).unwrap(),
        PeerEvent::Closed
    ) {}
    // The event comes from the thread's last lines; its queues go with it.
    let queued = || vec![packet(Codec::Opus, 0, 10, Instant::now())];
    while driver.send("0".into(), None, queued()) {
        assert!(Instant::now() < until, "packets are taken by nobody");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nonsense_instead_of_an_answer_is_an_event() {
    let driver = Driver::start(DriverConfig::new("test-answer")).unwrap();
    driver.create_offer(MediaPlan::default());
    wait_for(&driver, |e| {
        matches!(e, DriverEvent::OfferFailed(SdpError::NothingToOffer)).then_some(())
    });
    driver.accept_answer("v=1");
    wait_for(&driver, |e| {
        matches!(e, DriverEvent::AnswerFailed(_)).then_some(())
    });
}
