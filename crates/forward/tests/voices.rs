//! Voices over two lossy hops in virtual time: what the first hop loses is repaired before the second, and the second gets copies of
//! its own.

use confab_base::{Bitrate, Duration, MediaKind, ParticipantId, Source, Time, TrackId};
use confab_forward::{
    ForwardConfig, Forwarder, Input, LinkHealth, Output, RtpIn, RtpOut, SlotSpec,
};
use confab_rtp::red::{History, restore};
use std::collections::BTreeSet;
use std::sync::Arc;

const ANA: ParticipantId = ParticipantId(1);
const BEN: ParticipantId = ParticipantId(2);
const VOICE: TrackId = TrackId(10);
const PLAIN: u8 = 111;

struct Meeting {
    forwarder: Forwarder,
    /// Of the sender.
    history: History,
    now: Time,
    /// What Ana was told of her listeners, percent.
    told: Vec<u8>,
    /// What Ben's link shall be able to carry.
    desired: Bitrate,
}

impl Meeting {
    /// Ana speaks; Ben listens on a line with RED or without.
    fn new(red: Option<u8>) -> Meeting {
        let mut meeting = Meeting {
            forwarder: Forwarder::new(ForwardConfig::default()),
            history: History::default(),
            now: Time::from_millis(1000),
            told: Vec::new(),
            desired: Bitrate::ZERO,
        };
        for participant in [ANA, BEN] {
            meeting.put(Input::Join {
                participant,
                decodes: Vec::new(),
            });
        }
        meeting.put(Input::Publish {
            participant: ANA,
            track: VOICE,
            source: Source::Microphone,
            codec: None,
            layers: Vec::new(),
        });
        let slot = SlotSpec {
            slot: 0,
            kind: MediaKind::Audio,
            track: Some(VOICE),
            max_height: 0,
            red,
        };
        meeting.put(Input::View {
            participant: BEN,
            slots: vec![slot],
        });
        meeting
    }

    fn put(&mut self, input: Input) -> Vec<RtpOut> {
        self.forwarder.handle(input, self.now);
        let mut sent = Vec::new();
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::Send { packet, .. } => sent.push(packet),
                Output::VoiceLoss {
                    participant: ANA,
                    loss,
                } => self.told.push(loss.percent),
                Output::Desired {
                    participant: BEN,
                    bitrate,
                } => self.desired = bitrate,
                _ => {}
            }
        }
        sent
    }

    /// Ben's link loses this share of what is sent to him, for a while.
    fn bad_way_down(&mut self, loss_down: f32) {
        self.way_down_in_bursts(loss_down, None);
    }

    fn way_down_in_bursts(&mut self, loss_down: f32, burst_down: Option<f32>) {
        for _ in 0..4 {
            let health = LinkHealth {
                loss_up: 0.0,
                loss_down,
                burst_down,
                queued_down: Duration::ZERO,
                rtt: Some(Duration::from_millis(40)),
                heard: self.now,
            };
            self.put(Input::Health {
                participant: BEN,
                health,
            });
            self.now += Duration::from_secs(1);
        }
    }

    /// Frame `n`, with copies where there are distances; what goes to Ben.
    fn speak(&mut self, n: u64, distances: &[u8], lost: bool) -> Vec<RtpOut> {
        self.now += Duration::from_millis(20);
        let timestamp = n as u32 * 960;
        let plain: Arc<[u8]> = Arc::from([0x78, n as u8]);
        let frame = (n, timestamp, &*plain);
        let red = self.history.wrap(frame, PLAIN, distances);
        self.history.add(n, timestamp, &plain);
        if lost {
            return Vec::new();
        }
        let packet = RtpIn {
            tag: None,
            seq: n,
            timestamp,
            marker: false,
            red: red.is_some(),
            payload: red.map_or(plain, Arc::from),
            audio_level: None,
            voice: true,
        };
        self.put(Input::Packet {
            track: VOICE,
            layer: 0,
            packet,
        })
    }
}

/// Repeatable dice.
fn loses(n: u64, seed: u64) -> bool {
    let mut x = (n + seed * 1000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x >> 63 == 1
}

/// Numbers of the frames a packet brings.
fn frames(packet: &RtpOut) -> Vec<u64> {
    if !packet.red {
        return vec![packet.seq];
    }
    let (_, copies) = restore(packet.seq, packet.timestamp, &packet.payload).unwrap();
    let copies = copies.iter().map(|c| c.seq);
    copies.chain([packet.seq]).collect()
}

#[test]
fn what_is_lost_on_the_way_up_goes_down_as_if_it_had_come() {
    let mut meeting = Meeting::new(None);
    let mut sent = Vec::new();
    for n in 100..1100 {
        sent.extend(meeting.speak(n, &[1, 2, 3, 4], n > 100 && loses(n, 1)));
    }
    assert!(sent.iter().all(|p| !p.red && p.payload[0] == 0x78));
    let numbers: BTreeSet<u64> = sent.iter().map(|p| p.seq).collect();
    assert_eq!(numbers.len(), sent.len(), "none twice");
    assert!(numbers.len() > 940, "{}", numbers.len());
    assert!(meeting.forwarder.restored() > 400);
    // Timestamps and bytes agree with the numbers.
    let first = (sent[0].seq, sent[0].timestamp);
    for packet in &sent {
        let n = packet.seq - first.0;
        assert_eq!(packet.timestamp.wrapping_sub(first.1), n as u32 * 960);
        assert_eq!(packet.payload[1], (100 + n) as u8);
    }
}

#[test]
fn half_lost_on_both_ways_leaves_nearly_nothing_to_conceal() {
    let mut meeting = Meeting::new(Some(PLAIN));
    meeting.bad_way_down(0.5);
    let mut heard = BTreeSet::new();
    let mut first = None;
    for n in 100..1100 {
        for packet in meeting.speak(n, &[1, 2, 3, 4], n > 100 && loses(n, 1)) {
            first.get_or_insert(packet.seq);
            if !loses(packet.seq, 2) {
                heard.extend(frames(&packet));
            }
        }
    }
    let heard = heard.range(first.unwrap()..).count();
    assert!(heard > 920, "{heard} of 1000");
}

#[test]
fn without_loss_or_without_red_packets_go_down_plain() {
    for (red, loss) in [(Some(PLAIN), 0.0), (None, 0.5)] {
        let mut meeting = Meeting::new(red);
        meeting.bad_way_down(loss);
        for n in 100..120 {
            let sent = meeting.speak(n, &[1, 2], false);
            assert_eq!(sent.len(), 1);
            assert!(!sent[0].red);
        }
    }
}

#[test]
fn room_is_kept_for_copies_only_where_they_are_sent() {
    let desired = |red, loss| {
        let mut meeting = Meeting::new(red);
        meeting.bad_way_down(loss);
        meeting.desired
    };
    let plain = desired(Some(PLAIN), 0.0);
    assert_eq!(desired(None, 0.5), plain);
    assert!(desired(Some(PLAIN), 0.5) > plain.scaled(3.0));
}

#[test]
fn copies_for_a_listener_who_misses_several_in_a_row_are_further_apart() {
    for (burst, copied) in [(None, [1, 2]), (Some(1.3), [1, 2]), (Some(4.0), [2, 4])] {
        let mut meeting = Meeting::new(Some(PLAIN));
        meeting.speak(0, &[], false);
        meeting.way_down_in_bursts(0.2, burst);
        let sent: Vec<RtpOut> = (1..=20)
            .flat_map(|n| meeting.speak(n, &[], false))
            .collect();
        let last = sent.last().expect("is forwarded");
        let behind: BTreeSet<u64> = frames(last).iter().map(|n| last.seq - n).collect();
        assert_eq!(
            behind,
            BTreeSet::from([0, copied[0], copied[1]]),
            "{burst:?}"
        );
    }
}

#[test]
fn the_sender_is_told_what_its_listener_misses() {
    let mut meeting = Meeting::new(Some(PLAIN));
    meeting.speak(100, &[], false);
    assert!(meeting.told.is_empty());
    meeting.bad_way_down(0.8);
    assert!(meeting.told.last().is_some_and(|p| (70..=80).contains(p)));
    for _ in 0..10 {
        meeting.bad_way_down(0.0);
    }
    assert!(
        meeting.told.last().is_some_and(|p| *p < 8),
        "{:?}",
        meeting.told
    );
}

#[test]
fn when_the_voice_ends_nothing_is_missed_any_more() {
    let mut meeting = Meeting::new(Some(PLAIN));
    meeting.put(Input::Unpublish { track: VOICE });
    assert!(meeting.told.is_empty(), "nothing was told");
    let mut meeting = Meeting::new(Some(PLAIN));
    meeting.bad_way_down(0.8);
    meeting.put(Input::Unpublish { track: VOICE });
    assert_eq!(meeting.told.last(), Some(&0));
}

#[test]
fn across_long_gaps_frames_that_describe_their_past_go_without_copies() {
    let mut meeting = Meeting::new(Some(PLAIN));
    meeting.bad_way_down(0.8);
    for n in 100..110 {
        let sent = meeting.speak(n, &[], false);
        assert_eq!(sent[0].red, n > 100, "not described yet: copies");
    }
    // One frame of Opus with three bytes of padding.
    let described: Arc<[u8]> = Arc::from([0x7b, 0x41, 3, 9, 1, 2, 3]);
    for n in 110..115 {
        let packet = RtpIn {
            tag: None,
            seq: n,
            timestamp: n as u32 * 960,
            marker: false,
            red: false,
            payload: described.clone(),
            audio_level: None,
            voice: true,
        };
        let sent = meeting.put(Input::Packet {
            track: VOICE,
            layer: 0,
            packet,
        });
        assert!(!sent[0].red && sent[0].payload == described);
    }
}

#[test]
fn nothing_is_said_again_of_a_muted_voice() {
    let mut meeting = Meeting::new(None);
    for n in 100..110 {
        meeting.speak(n, &[1, 2], false);
    }
    let mute = |muted| Input::Mute {
        track: VOICE,
        muted,
    };
    meeting.put(mute(true));
    for n in 110..120 {
        assert!(meeting.speak(n, &[1, 2], false).is_empty());
    }
    meeting.put(mute(false));
    let mut said = Vec::new();
    for n in 120..125 {
        let sent = meeting.speak(n, &[1, 2, 3, 4], n == 122);
        said.extend(sent.iter().map(|p| p.payload[1]));
    }
    assert_eq!(said, [120, 121, 122, 123, 124]);
}
