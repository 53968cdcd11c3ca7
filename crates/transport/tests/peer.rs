//! Client and lite server joined in memory and in virtual time.

mod support;

use confab_base::{AudioLevel, Bitrate, FrameTag, FrameTagger, MediaKind, Source, VideoCodec};
use confab_transport::*;
use std::time::Duration;
use support::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn audio_and_simulcast_video_flow_up_with_their_mid_and_rid() {
    let (mut wire, offer) = Wire::connected();
    let (mic, cam) = (offer.publish[0].0, offer.publish[1].0);
    assert_eq!(
        offer.publish.iter().map(|p| p.1).collect::<Vec<_>>(),
        [Source::Microphone, Source::Camera]
    );
    for i in 0..50 {
        let now = wire.now;
        wire.client
            .send_rtp(mic, None, packet(Codec::Opus, i, 80, now), now)
            .unwrap();
        for rid in ["q", "h", "f"] {
            wire.client
                .send_rtp(cam, Some(rid.into()), packet(Codec::H264, i, 200, now), now)
                .unwrap();
        }
        wire.run(20 * MS);
    }
    wire.run(200 * MS);
    let got: Vec<_> = rtp(&wire.server_events).collect();
    let audio: Vec<_> = got.iter().filter(|p| p.mid == mic).collect();
    assert_eq!(
        audio.iter().map(|p| p.seq).collect::<Vec<_>>(),
        (0..50).collect::<Vec<_>>()
    );
    assert!(audio.iter().all(|p| p.codec == Codec::Opus
        && p.audio_level == Some(AudioLevel(30))
        && p.voice == Some(true)));
    for rid in ["q", "h", "f"] {
        let layer: Vec<_> = got
            .iter()
            .filter(|p| p.mid == cam && p.rid == Some(rid.into()))
            .collect();
        assert_eq!(layer.len(), 50, "{rid}");
        assert!(
            layer.iter().all(|p| p.codec == Codec::H264
                && p.marker
                && p.payload[1..9] == p.seq.to_be_bytes())
        );
    }
}

#[test]
fn the_server_sends_into_slots() {
    let (mut wire, offer) = Wire::connected();
    for i in 0..60 {
        let now = wire.now;
        for slot in &offer.audio_slots {
            wire.server
                .send_rtp(*slot, None, packet(Codec::Opus, i, 80, now), now)
                .unwrap();
        }
        wire.server
            .send_rtp(
                offer.video_slots[0],
                None,
                packet(Codec::Vp8, i, 900, now),
                now,
            )
            .unwrap();
        wire.server
            .send_rtp(
                offer.video_slots[1],
                None,
                packet(Codec::H264, i, 900, now),
                now,
            )
            .unwrap();
        wire.run(30 * MS);
    }
    wire.run(300 * MS);
    let slots = offer.audio_slots.iter().chain(&offer.video_slots);
    for slot in slots {
        let got = rtp(&wire.client_events).filter(|p| p.mid == *slot && p.rid.is_none());
        assert_eq!(got.count(), 60, "{slot:?}");
    }
    assert!(
        rtp(&wire.client_events).any(|p| p.report.is_some()),
        "sender reports map time"
    );
}

#[test]
fn a_tenth_of_the_packets_lost_both_ways_is_resent_where_an_end_is_not_ours() {
    let (mut wire, offer) = Wire::connected_to_a_browser();
    let (cam, slot) = (offer.publish[1].0, offer.video_slots[0]);
    let mut dice = 1u32;
    wire.filter = Box::new(move |_, bytes| {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        stun_peek::classify(bytes) != stun_peek::PacketKind::Rtp || dice >> 16 >= 6554
    });
    for i in 0..=300 {
        if i == 300 {
            // It tells of a loss just before.
            wire.filter = Box::new(|_, _| true);
        }
        let now = wire.now;
        wire.client
            .send_rtp(
                cam,
                Some("f".into()),
                packet(Codec::H264, i, 1000, now),
                now,
            )
            .unwrap();
        wire.server
            .send_rtp(slot, None, packet(Codec::H264, i, 1000, now), now)
            .unwrap();
        wire.run(20 * MS);
    }
    wire.run(Duration::from_secs(2));
    for events in [&wire.server_events, &wire.client_events] {
        let mut seqs: Vec<_> = rtp(events).map(|p| p.seq).collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (0..=300).collect::<Vec<_>>(), "each once");
        assert!(
            rtp(events).filter(|p| p.resent).count() > 10,
            "repaired ones are told apart"
        );
    }
}

#[test]
fn keyframe_requests_reach_the_layer_they_are_for() {
    let (mut wire, offer) = Wire::connected();
    let cam = offer.publish[1].0;
    for rid in ["q", "f"] {
        let now = wire.now;
        wire.client
            .send_rtp(cam, Some(rid.into()), packet(Codec::H264, 1, 100, now), now)
            .unwrap();
    }
    wire.run(100 * MS);
    wire.server.request_keyframe(cam, Some("f".into()));
    wire.run(200 * MS);
    let asked: Vec<_> = wire
        .client_events
        .iter()
        .filter_map(|e| match e {
            PeerEvent::KeyframeRequest { mid, rid } => Some((*mid, *rid)),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [(cam, Some("f".into()))]);
}

#[test]
fn keyframe_requests_get_through_where_four_of_five_packets_are_lost() {
    let (mut wire, offer) = Wire::connected();
    let cam = offer.publish[1].0;
    let mut dice = 1u32;
    let mut seq = 0;
    // The wire is whole until the first packets have told whose they are.
    let mut heard = 0;
    for second in 0..24 {
        if second == 1 {
            wire.filter = Box::new(move |_, _| {
                dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                dice >> 16 < 13_107
            });
        }
        wire.client_events.clear();
        if second >= 4 {
            wire.server.request_keyframe(cam, Some("f".into()));
        }
        for _ in 0..30 {
            let now = wire.now;
            let frame = packet(Codec::H264, seq, 1000, now);
            wire.client
                .send_rtp(cam, Some("f".into()), frame, now)
                .unwrap();
            seq += 1;
            wire.run(33 * MS);
        }
        let asked =
            |e: &PeerEvent| matches!(e, PeerEvent::KeyframeRequest { mid, .. } if *mid == cam);
        heard += usize::from(wire.client_events.iter().any(asked));
    }
    assert!(heard >= 16, "{heard} of 20, and four if each is said once");
}

/// The stream of our own ends' repairs is on the first line, too.
#[test]
fn keyframe_requests_reach_a_screen_that_is_the_first_line() {
    // Which of a line's streams str0m finds first is chance.
    for _ in 0..12 {
        let mut wire = Wire::with(Protocol::Udp, PeerConfig::client());
        let plan = MediaPlan {
            sends: vec![SendLine {
                source: Source::Screen,
                rids: vec![],
                codecs: vec![],
            }],
            ..usual_plan()
        };
        let offer = wire.negotiate(&plan);
        wire.run_until(|w| w.client.is_connected() && w.server.is_connected());
        let screen = offer.publish[0].0;
        let now = wire.now;
        let sent = packet(Codec::H264, 1, 100, now);
        wire.client.send_rtp(screen, None, sent, now).unwrap();
        wire.run(100 * MS);
        wire.server.request_keyframe(screen, None);
        wire.run(200 * MS);
        let asked = |e: &PeerEvent| matches!(e, PeerEvent::KeyframeRequest { mid, rid: None } if *mid == screen);
        assert!(wire.client_events.iter().any(asked));
    }
}

fn estimate(events: &[PeerEvent]) -> Option<Bitrate> {
    events.iter().rev().find_map(|e| match e {
        PeerEvent::Estimate(rate) => Some(*rate),
        _ => None,
    })
}

#[test]
fn both_sides_estimate_bandwidth_and_report_statistics() {
    let (mut wire, offer) = Wire::connected();
    let (cam, slot) = (offer.publish[1].0, offer.video_slots[0]);
    wire.server.set_desired(Bitrate::kbps(2500));
    for i in 0..400 {
        let now = wire.now;
        for rid in ["q", "f"] {
            wire.client
                .send_rtp(
                    cam,
                    Some(rid.into()),
                    packet(Codec::H264, i, 1000, now),
                    now,
                )
                .unwrap();
        }
        wire.server
            .send_rtp(slot, None, packet(Codec::H264, i, 1100, now), now)
            .unwrap();
        wire.run(10 * MS);
    }
    for events in [&wire.client_events, &wire.server_events] {
        assert!(
            estimate(events).unwrap() > Bitrate::kbps(1000),
            "{:?}",
            estimate(events)
        );
    }
    let stats = |events: &[PeerEvent]| {
        let mut all = events.iter().rev();
        all.find_map(|e| match e {
            PeerEvent::Stats(stats) => Some(stats.clone()),
            _ => None,
        })
        .unwrap()
    };
    let (client, server) = (stats(&wire.client_events), stats(&wire.server_events));
    let rtt = client.rtt.unwrap();
    assert!(
        (19..40).contains(&rtt.as_millis()),
        "{rtt:?} over a wire of 10 ms each way"
    );
    let line = |s: &PeerStats, mid, rid: Option<&str>, direction| {
        let found = s
            .lines
            .iter()
            .find(|l| l.mid == mid && l.rid == rid.map(Rid::from) && l.direction == direction);
        found
            .cloned()
            .unwrap_or_else(|| panic!("{mid:?} {rid:?} in {:?}", s.lines))
    };
    assert!(line(&client, cam, Some("f"), StatsDirection::Send).packets >= 300);
    assert!(line(&server, cam, Some("f"), StatsDirection::Receive).packets >= 300);
    assert!(line(&server, slot, None, StatsDirection::Send).bytes > 300_000);
    assert_eq!(
        line(&server, cam, Some("f"), StatsDirection::Receive).lost,
        Some(0)
    );
    assert_eq!(
        line(&client, slot, None, StatsDirection::Receive)
            .loss
            .unwrap_or(0.0),
        0.0
    );
    assert_eq!(
        client.path,
        Some((Protocol::Udp, client_addr(), server_addr()))
    );
}

/// The worst loss the client heard of in ten seconds of sound, and its last estimate.
fn speak(wire: &mut Wire, mic: Mid) -> (f32, Option<Bitrate>) {
    wire.client_events.clear();
    wire.client.set_desired(Bitrate::kbps(2500));
    for i in 0..500 {
        let now = wire.now;
        wire.client
            .send_rtp(mic, None, packet(Codec::Opus, i, 80, now), now)
            .unwrap();
        wire.run(20 * MS);
    }
    let losses = wire.client_events.iter().filter_map(|e| match e {
        PeerEvent::Stats(stats) => stats.send_loss,
        _ => None,
    });
    (losses.fold(0.0, f32::max), estimate(&wire.client_events))
}

#[test]
fn what_is_sent_to_measure_arrives_though_sound_alone_is_sent() {
    let plain = MediaPlan {
        sends: usual_plan().sends[..1].to_vec(),
        ..usual_plan()
    };
    for (plan, camera) in [(&plain, "none"), (&usual_plan(), "muted")] {
        let mut wire = Wire::new(Protocol::Udp);
        let mic = wire.negotiate(plan).publish[0].0;
        wire.run_until(|w| w.client.is_connected() && w.server.is_connected());
        let (loss, estimate) = speak(&mut wire, mic);
        assert!(loss < 0.01, "{loss}, camera: {camera}");
        let estimate = estimate.unwrap_or(Bitrate::kbps(600));
        assert!(estimate > Bitrate::kbps(300), "{estimate:?}, {camera}");
    }
    let (mut wire, offer) = Wire::connected();
    for i in 0..100 {
        let now = wire.now;
        let sent = packet(Codec::H264, i, 900, now);
        wire.client
            .send_rtp(offer.publish[1].0, Some("q".into()), sent, now)
            .unwrap();
        wire.run(20 * MS);
    }
    let offer = wire.negotiate(&plain);
    let (loss, _) = speak(&mut wire, offer.publish[0].0);
    assert!(loss < 0.01, "{loss} after the camera went");
}

#[test]
fn garbage_is_counted_and_disturbs_nobody() {
    let (mut wire, offer) = Wire::connected();
    let mic = offer.publish[0].0;
    let mut dice = 7u32;
    for i in 0..200u64 {
        let now = wire.now;
        let mut junk: Vec<u8> = (0..i % 90)
            .map(|_| {
                dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (dice >> 24) as u8
            })
            .collect();
        // A quarter each: random, and looking like STUN, DTLS and RTP.
        if let Some(first) = junk.first_mut() {
            *first = [*first, 0, 22, 0x80][i as usize % 4];
        }
        for from in [client_addr(), "6.6.6.6:666".parse().unwrap()] {
            wire.server
                .handle_packet(Protocol::Udp, from, server_addr(), &junk, now);
        }
        wire.client
            .send_rtp(mic, None, packet(Codec::Opus, i, 80, now), now)
            .unwrap();
        wire.run(20 * MS);
    }
    wire.run(100 * MS);
    assert_eq!(rtp(&wire.server_events).count(), 200);
    assert!(wire.server.counters().unknown > 20);
    assert!(wire.server.is_connected());
}

#[test]
fn a_number_is_sealed_once_whoever_asks() {
    let (mut wire, offer) = Wire::connected();
    let slot = offer.video_slots[0];
    let now = wire.now;
    let mut send = |seq| {
        let packet = packet(Codec::H264, seq, 300, now);
        wire.server.send_rtp(slot, None, packet, now)
    };
    assert_eq!((send(500), send(502), send(501)), (Ok(()), Ok(()), Ok(())));
    assert_eq!(send(501), Err(SendError::Repeated));
    assert_eq!(send(502), Err(SendError::Repeated));
    wire.run(100 * MS);
    assert_eq!(rtp(&wire.client_events).count(), 3);
}

#[test]
fn what_a_server_sends_leaves_in_one_piece_in_its_order() {
    let (mut wire, offer) = Wire::connected();
    let slots = [offer.video_slots[0], offer.audio_slots[0]];
    let (now, client) = (wire.now, client_addr());
    let mut buffer = MediaBuffer::default();
    for round in 0..3u64 {
        for (slot, codec) in slots.iter().zip([Codec::H264, Codec::Opus]) {
            for seq in round * 10..round * 10 + 5 {
                let packet = packet(codec, seq, 300, now);
                wire.server.send_rtp(*slot, None, packet, now).unwrap();
            }
        }
        let mut datagrams = Vec::new();
        wire.server.flush_media(&mut buffer, now, |batch| {
            assert_eq!(batch.path.2, client);
            let mut rest = batch.bytes;
            for size in batch.sizes {
                let (datagram, tail) = rest.split_at(usize::from(*size));
                datagrams.push(datagram.to_vec());
                rest = tail;
            }
            assert!(rest.is_empty());
        });
        assert_eq!(datagrams.len(), 10);
        for datagram in &datagrams {
            let (from, to) = (server_addr(), client_addr());
            wire.client
                .handle_packet(Protocol::Udp, from, to, datagram, now);
        }
        wire.server
            .flush_media(&mut buffer, now, |_| panic!("it all left"));
    }
    wire.run(100 * MS);
    for slot in slots {
        let got = rtp(&wire.client_events).filter(|p| p.mid == slot);
        let seqs: Vec<u64> = got.map(|p| p.seq).collect();
        let sent = (0..3).flat_map(|round| round * 10..round * 10 + 5);
        assert_eq!(seqs, sent.collect::<Vec<u64>>());
    }
}

#[test]
fn reports_that_change_nothing_need_no_poll() {
    let (mut wire, offer) = Wire::connected();
    for i in 0..100 {
        let now = wire.now;
        let packet = packet(Codec::H264, i, 900, now);
        let _ = wire
            .server
            .send_rtp(offer.video_slots[0], None, packet, now);
        wire.run(20 * MS);
    }
    // Without being polled for each, the server knows all they say.
    assert!(wire.unpolled > 20, "{} reports", wire.unpolled);
    assert!(estimate(&wire.server_events).is_some());
    let stats = wire.server_events.iter().rev().find_map(|e| match e {
        PeerEvent::Stats(stats) => Some(stats),
        _ => None,
    });
    assert_eq!(stats.unwrap().send_loss, Some(0.0));
}

#[test]
fn a_flood_of_sources_is_dropped_and_the_known_ones_go_on() {
    let (mut wire, offer) = Wire::connected();
    let mic = offer.publish[0].0;
    for i in 0..100u64 {
        let now = wire.now;
        wire.client
            .send_rtp(mic, None, packet(Codec::Opus, i, 80, now), now)
            .unwrap();
        wire.run(20 * MS);
        for n in 0..20 {
            let mut junk = [0x80; 40];
            junk[8..12].copy_from_slice(&(1_000_000 + i as u32 * 20 + n).to_be_bytes());
            wire.server
                .handle_packet(Protocol::Udp, client_addr(), server_addr(), &junk, now);
        }
    }
    assert!(wire.server.counters().surplus > 1700);
    wire.run(100 * MS);
    assert_eq!(rtp(&wire.server_events).count(), 100);
}

#[test]
fn a_cut_is_noticed_by_both_and_the_path_resumes() {
    let (mut wire, offer) = Wire::connected();
    let mic = offer.publish[0].0;
    wire.client_events.clear();
    wire.server_events.clear();
    wire.filter = Box::new(|_, _| false);
    let mut seq = 0;
    let mut talk = |wire: &mut Wire, n| {
        for _ in 0..n {
            let now = wire.now;
            wire.client
                .send_rtp(mic, None, packet(Codec::Opus, seq, 80, now), now)
                .unwrap();
            seq += 1;
            wire.run(20 * MS);
        }
    };
    talk(&mut wire, 250);
    let down = |events: &[PeerEvent]| events.iter().any(|e| matches!(e, PeerEvent::Disconnected));
    let up = |events: &[PeerEvent]| events.iter().any(|e| matches!(e, PeerEvent::Connected));
    assert!(
        down(&wire.client_events) && down(&wire.server_events),
        "5 s without a word"
    );
    assert!(!up(&wire.client_events));
    wire.filter = Box::new(|_, _| true);
    talk(&mut wire, 100);
    assert!(up(&wire.client_events) && up(&wire.server_events));
    assert!(rtp(&wire.server_events).count() >= 95);
}

#[test]
fn what_anybody_could_send_is_no_sign_of_life() {
    let (mut wire, _) = Wire::connected();
    wire.run(2000 * MS);
    wire.filter = Box::new(|to_server, _| !to_server);
    let since = wire.now;
    for i in 0..60 {
        let mut junk = [i; 40];
        junk[..2].copy_from_slice(&[0x80, 111]);
        let now = wire.now;
        wire.server
            .handle_packet(Protocol::Udp, client_addr(), server_addr(), &junk, now);
        wire.run(100 * MS);
    }
    let is_cut = |e: &PeerEvent| matches!(e, PeerEvent::Disconnected);
    assert!(wire.server_events.iter().any(is_cut));
    assert!(wire.server.last_proven() <= Some(since + 100 * MS));
}

#[test]
fn lines_are_added_kept_and_stopped_by_later_offers() {
    let (mut wire, first) = Wire::connected();
    let mut plan = usual_plan();
    plan.video_slots = 4;
    plan.sends.push(SendLine {
        source: Source::Screen,
        rids: vec![],
        codecs: vec![VideoCodec::Vp8],
    });
    let second = wire.negotiate(&plan);
    assert_eq!(second.publish[..2], first.publish[..]);
    assert_eq!(second.video_slots[..2], first.video_slots[..]);
    assert_eq!(second.video_slots.len(), 4);
    let screen = second.publish[2].0;
    let info = wire
        .server
        .lines()
        .iter()
        .find(|l| l.mid == screen)
        .unwrap();
    assert_eq!(
        info.codecs.iter().map(|c| c.codec).collect::<Vec<_>>(),
        [Codec::Vp8]
    );
    plan.sends.pop();
    let third = wire.negotiate(&plan);
    assert_eq!(third.publish, first.publish);
    wire.run(100 * MS);
    let now = wire.now;
    let refused = wire
        .client
        .send_rtp(screen, None, packet(Codec::Vp8, 0, 50, now), now);
    assert_eq!(refused, Err(SendError::NoLine));
    plan.sends.push(SendLine {
        source: Source::Screen,
        rids: vec![],
        codecs: vec![],
    });
    assert_eq!(
        wire.negotiate(&plan).publish[2].0,
        screen,
        "the line is used again"
    );
    let slot = second.video_slots[3];
    let all = [Codec::Vp8, Codec::Av1, Codec::Vp9, Codec::H264];
    for (i, codec) in (0..).zip(all.repeat(3)) {
        let now = wire.now;
        wire.client
            .send_rtp(screen, None, packet(Codec::Vp8, i, 500, now), now)
            .unwrap();
        wire.server
            .send_rtp(slot, None, packet(codec, i, 500, now), now)
            .unwrap();
        wire.run(30 * MS);
    }
    wire.run(200 * MS);
    let came = |events: &[PeerEvent], mid| -> Vec<_> {
        let of = rtp(events).filter(|p| p.mid == mid);
        of.map(|p| p.codec).collect()
    };
    assert_eq!(came(&wire.server_events, screen), [Codec::Vp8; 12]);
    assert_eq!(came(&wire.client_events, slot), all.repeat(3));
}

#[test]
fn the_same_plan_can_be_offered_again() {
    let (mut wire, first) = Wire::connected();
    let again = wire.negotiate(&usual_plan());
    assert_eq!(
        (again.publish, again.video_slots),
        (first.publish, first.video_slots)
    );
    let lines = wire.server.lines();
    assert_eq!(lines.iter().filter(|l| l.sends).count(), 4);
    assert_eq!(lines.iter().filter(|l| l.receives).count(), 2);
    let camera = lines
        .iter()
        .find(|l| l.receives && l.kind == MediaKind::Video)
        .unwrap();
    assert_eq!(camera.rids, ["q", "h", "f"].map(Rid::from));
    assert_eq!(camera.codecs[0].codec, Codec::H264);
    assert!(camera.codecs.iter().all(|c| c.rtx.is_some()));
}

#[test]
fn connecting_takes_few_round_trips() {
    let (wire, _) = Wire::connected();
    let took = wire.now - wire.start;
    assert!(
        took < 20 * 2 * wire.delay,
        "{took:?} at {:?} each way",
        wire.delay
    );
}

#[test]
fn it_works_over_a_tcp_path_too() {
    let mut wire = Wire::new(Protocol::Tcp);
    let offer = wire.negotiate(&usual_plan());
    wire.run_until(|w| w.client.is_connected() && w.server.is_connected());
    let now = wire.now;
    let mic = offer.publish[0].0;
    wire.client
        .send_rtp(mic, None, packet(Codec::Opus, 0, 80, now), now)
        .unwrap();
    wire.run(100 * MS);
    assert_eq!(rtp(&wire.server_events).count(), 1);
}

#[test]
fn a_good_bye_closes_the_other_side() {
    let (mut wire, _) = Wire::connected();
    wire.client.disconnect();
    wire.run(200 * MS);
    assert!(
        wire.server_events
            .iter()
            .any(|e| matches!(e, PeerEvent::Closed))
    );
    assert!(!wire.client.is_alive());
}

#[test]
fn wrong_descriptions_are_errors() {
    let mut wire = Wire::new(Protocol::Udp);
    assert_eq!(
        wire.client.create_offer(&MediaPlan::default()),
        Err(SdpError::NothingToOffer)
    );
    assert!(matches!(
        wire.server.accept_offer("garbage"),
        Err(SdpError::Unreadable(_))
    ));
    assert_eq!(
        wire.client.accept_offer("garbage"),
        Err(SdpError::WrongRole)
    );
    let offer = wire.client.create_offer(&usual_plan()).unwrap();
    assert!(matches!(
        wire.client.accept_answer("v=0\r\n"),
        Err(SdpError::Unreadable(_))
    ));
    let many = "a=mid:0\r\n".repeat(200);
    assert_eq!(
        wire.server.accept_offer(&(offer.sdp + &many)),
        Err(SdpError::TooManyLines)
    );
}

/// Made with `RTCPeerConnection.createOffer` in Debian's Chromium 156: microphone, three-layer camera, a slot of each.
const CHROMIUM_OFFER: &str = include_str!("data/chromium-156-offer.sdp");

#[test]
fn a_chromium_offer_is_answered_with_all_it_needs() {
    let mut wire = Wire::new(Protocol::Udp);
    let answer = wire.server.accept_offer(CHROMIUM_OFFER).unwrap();
    let line = |mid: &str| {
        wire.server
            .lines()
            .iter()
            .find(|l| l.mid == Mid::from(mid))
            .unwrap()
    };
    let (camera, slot) = (line("1"), line("3"));
    assert!(camera.receives && !camera.sends && slot.sends && !slot.receives);
    assert_eq!(camera.rids, ["q", "h", "f"].map(Rid::from));
    for video in [camera, slot] {
        let codecs: Vec<_> = video
            .codecs
            .iter()
            .map(|c| (c.codec, c.pt, c.rtx))
            .collect();
        assert_eq!(
            codecs,
            [
                (Codec::H264, 108, Some(109)),
                (Codec::Vp8, 96, Some(97)),
                (Codec::Vp9, 98, Some(99)),
                (Codec::Av1, 45, Some(46)),
            ]
        );
    }
    let opus: Vec<_> = line("0").codecs.iter().map(|c| (c.codec, c.pt)).collect();
    assert_eq!(opus, [(Codec::Opus, 111)]);
    let mut sound = answer.lines().filter(|l| l.starts_with("m=audio"));
    assert!(
        sound.all(|l| l.ends_with(" 111 63")),
        "a browser sends the first: plain Opus"
    );
    for part in [
        "a=ice-lite",
        "a=setup:passive",
        "a=simulcast:recv q;h;f",
        "a=rid:q recv",
        "useinbandfec=1",
        "profile-level-id=42e01f",
        "a=rtcp-fb:108 nack pli",
        "a=rtcp-fb:108 transport-cc",
        "a=ssrc-group:FID",
        "transport-wide-cc-extensions-01",
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        "10.0.0.2 7000 typ host",
    ] {
        assert!(answer.contains(part), "{part} is missing in\n{answer}");
    }
    assert!(
        !answer.contains("a=extmap:12 "),
        "what we do not know is not accepted"
    );
    let again = CHROMIUM_OFFER.replace("a=mid:3\r\n", "a=mid:3\r\na=x-again:1\r\n");
    assert!(
        wire.server.accept_offer(&again).is_ok(),
        "it may be offered again"
    );
}

/// Of 20 s of a camera's pictures at 30 fps over a wire that loses so much both ways: the share that was there within 400 ms,
/// and of base pictures the share that was there within a second.
fn pictures_through(loss: u32, up: bool) -> (f64, f64) {
    let (mut wire, offer) = Wire::connected();
    wire.delay = 25 * MS;
    let mut dice = 1u32;
    wire.filter = Box::new(move |_, bytes| {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        stun_peek::classify(bytes) == stun_peek::PacketKind::Stun || (dice >> 8) % 100 >= loss
    });
    let line = if up {
        offer.publish[1].0
    } else {
        offer.video_slots[0]
    };
    let rid = up.then(|| "q".into());
    let (mut tagger, mut sent, mut seq) = (FrameTagger::default(), Vec::new(), 4096);
    for frame in 0..600u32 {
        let now = wire.now;
        let temporal = [0, 2, 1, 2][frame as usize % 4];
        let tag = tagger.next(temporal, frame == 0);
        // As an encoder does, it follows what the network is said to take, between 60 and 400 kbps.
        let events = if up {
            &wire.client_events
        } else {
            &wire.server_events
        };
        let rate = estimate(events)
            .unwrap_or(Bitrate::kbps(240))
            .0
            .clamp(60_000, 400_000);
        let size = rate as usize / 8 / 60;
        for part in 0..2 {
            let packet = OutPacket {
                timestamp: 90_000 + frame * 3000,
                marker: part == 1,
                tag: tag.map(|t| FrameTag {
                    start: part == 0,
                    ..t
                }),
                ..packet(Codec::H264, seq, size, now)
            };
            seq += 1;
            let peer = if up {
                &mut wire.client
            } else {
                &mut wire.server
            };
            peer.send_rtp(line, rid, packet, now).unwrap();
        }
        sent.push((90_000 + frame * 3000, temporal, now));
        wire.run(Duration::from_micros(33_333));
    }
    wire.run(Duration::from_secs(1));
    let events = if up {
        &wire.server_events
    } else {
        &wire.client_events
    };
    let mut seqs: Vec<_> = rtp(events).map(|p| p.seq).collect();
    seqs.sort_unstable();
    assert!(seqs.windows(2).all(|w| w[0] != w[1]), "each once");
    let there = |within: u64, base: bool| {
        // The first two seconds are for both ends to learn of the loss.
        let counted = sent[60..].iter().filter(|s| !base || s.1 == 0);
        let whole = |(timestamp, _, at): &&(u32, u8, std::time::Instant)| {
            let parts = rtp(events).filter(|p| p.timestamp == *timestamp);
            parts
                .filter(|p| p.received <= *at + within as u32 * MS)
                .count()
                == 2
        };
        let all = counted.clone().count();
        counted.filter(whole).count() as f64 / all as f64
    };
    (there(400, false), there(1000, true))
}

#[test]
fn pictures_come_through_losses_up_and_down_between_our_own_ends() {
    for up in [true, false] {
        for (loss, all, base) in [
            (0, 1.0, 1.0),
            (10, 0.97, 0.99),
            (30, 0.95, 0.99),
            (50, 0.9, 0.99),
            (70, 0.8, 0.98),
            (80, 0.65, 0.95),
        ] {
            let (within, of_base) = pictures_through(loss, up);
            eprintln!(
                "{loss} % loss, up {up}: {within:.3} of all within 400 ms, {of_base:.3} of base"
            );
            assert!(
                within >= all && of_base >= base,
                "{loss} %, up {up}: {within}, {of_base}"
            );
        }
    }
}
