//! Meetings of made-up voices in virtual time: syllables, words, sentences and pauses as levels, every 20 ms.

use super::*;
use confab_simnet::Rng;

const A: ParticipantId = ParticipantId(1);
const B: ParticipantId = ParticipantId(2);
const C: ParticipantId = ParticipantId(3);
/// Packets of a second.
const RATE: usize = 50;

fn between(rng: &mut Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.unit() as f32
}

const SILENCE: f32 = -120.0;

/// Speech of a mouth, dBov, every 20 ms.
fn speech(rng: &mut Rng, seconds: usize) -> Vec<f32> {
    let mut levels = Vec::new();
    while levels.len() < seconds * RATE {
        for _ in 0..2 + rng.below(9) {
            for _ in 0..1 + rng.below(4) {
                let (peak, depth) = (between(rng, -30.0, -14.0), between(rng, 8.0, 22.0));
                let length = 5 + rng.below(10) as usize;
                for i in 0..length {
                    let phase = (i as f32 + 0.5) / length as f32;
                    let swing = (std::f32::consts::PI * phase).sin();
                    levels.push(peak - depth * (1.0 - swing) + between(rng, -1.0, 1.0));
                }
            }
            let gap = rng.below(6) as usize;
            levels.extend(std::iter::repeat_n(-50.0, gap));
        }
        let pause = 10 + rng.below(35) as usize;
        levels.extend(std::iter::repeat_n(SILENCE, pause));
    }
    levels.truncate(seconds * RATE);
    levels
}

/// Bursts of four to six a second.
fn laughter(rng: &mut Rng, seconds: usize) -> Vec<f32> {
    let mut levels = Vec::new();
    while levels.len() < seconds * RATE {
        let (length, peak) = (8 + rng.below(6) as usize, between(rng, -24.0, -14.0));
        for i in 0..length {
            let swing = (std::f32::consts::PI * (i as f32 + 0.5) / length as f32).sin();
            levels.push(peak - 18.0 * (1.0 - swing) + between(rng, -2.0, 2.0));
        }
    }
    levels.truncate(seconds * RATE);
    levels
}

/// Everybody is silent but from time to time.
fn in_turns(mut levels: Vec<f32>, on: usize, off: usize, from: usize) -> Vec<f32> {
    for (i, level) in levels.iter_mut().enumerate() {
        if (i / RATE + from) % (on + off) >= on {
            *level = SILENCE;
        }
    }
    levels
}

/// Everybody gets the joke at another moment.
fn late(rng: &mut Rng, levels: Vec<f32>) -> Vec<f32> {
    let mut late = vec![SILENCE; rng.below(20) as usize];
    late.extend(levels);
    late
}

fn power(db: f32) -> f32 {
    10f32.powf(db / 10.0)
}

/// What a microphone hears of sounds that come `later` (packets of 20 ms) and `quieter` (dB): with the room's decay and its noise.
fn heard(rng: &mut Rng, sounds: &[(&[f32], usize, f32)], noise: f32) -> Vec<f32> {
    let length = sounds.iter().map(|(s, ..)| s.len()).max().unwrap_or(0);
    let mut decay = 0.0f32;
    let mut levels = Vec::with_capacity(length);
    for i in 0..length {
        let mut sum = 0.0;
        for (sound, later, quieter) in sounds {
            if let Some(level) = i.checked_sub(*later).and_then(|i| sound.get(i)) {
                sum += power(level - quieter);
            }
        }
        // 60 dB in half a second, from 6 dB below the sound.
        decay = (decay * power(-2.4)).max(sum * 0.25);
        let all = sum.max(decay) + power(noise + between(rng, -1.5, 1.5));
        levels.push(10.0 * all.log10() + between(rng, -1.0, 1.0));
    }
    levels
}

/// The sound without a room.
fn plain(rng: &mut Rng, sound: &[f32]) -> Vec<f32> {
    heard(rng, &[(sound, 0, 0.0)], -68.0)
}

/// What was told, and when, in ms.
type Told = Vec<(u64, Vec<Two>)>;

/// Sends the levels of each over a network with 20 to 60 ms of delay.
fn meeting(rng: &mut Rng, microphones: &[(ParticipantId, Vec<f32>)]) -> Told {
    let mut room = SameRoom::default();
    let sources = microphones
        .iter()
        .map(|(who, l)| (*who, Source::Microphone, l));
    run(rng, &mut room, &sources.collect::<Vec<_>>())
}

fn run(rng: &mut Rng, room: &mut SameRoom, sources: &[(ParticipantId, Source, &Vec<f32>)]) -> Told {
    let mut packets = Vec::new();
    for (who, source, levels) in sources {
        let (way, clock) = (20 + rng.below(15), rng.next_u32());
        for (i, level) in levels.iter().enumerate() {
            let arrives = 20_000 + 20 * i as u64 + way + rng.below(25);
            let timestamp = clock.wrapping_add(960 * i as u32);
            packets.push((arrives, *who, *source, timestamp, *level));
        }
    }
    packets.sort_by_key(|p| p.0);
    let mut told = Vec::new();
    for (at, who, source, timestamp, level) in packets {
        let level = AudioLevel((-level).clamp(0.0, 127.0) as u8);
        let now = Time::from_millis(at);
        room.note(who, source, level, timestamp, now);
        if let Some(pairs) = room.poll(now) {
            told.push((at - 20_000, pairs));
        }
    }
    told
}

/// How many of `seeds` meetings said something, of a minute each.
fn alarms(seeds: u64, scene: impl Fn(&mut Rng) -> Told) -> u64 {
    let said = (0..seeds).map(|seed| u64::from(!scene(&mut Rng::new(seed)).is_empty()));
    said.sum()
}

#[test]
fn two_microphones_on_a_table_are_found_within_seconds_of_speech() {
    let mut slowest = 0;
    for seed in 0..30 {
        let rng = &mut Rng::new(seed);
        let mouth = speech(rng, 30);
        let (later, quieter) = (rng.below(4) as usize, between(rng, -3.0, 14.0));
        let near = heard(rng, &[(&mouth, 0, 0.0)], -66.0);
        let far = heard(rng, &[(&mouth, later, quieter)], -58.0);
        let told = meeting(rng, &[(A, near), (B, far)]);
        let (at, pairs) = told.first().expect("they are found");
        assert_eq!(*pairs, [(A, B)]);
        assert_eq!(told.len(), 1, "and stay found");
        slowest = slowest.max(*at);
    }
    assert!(slowest <= 12_000, "{slowest} ms");
}

#[test]
fn two_people_at_one_table_who_talk_with_each_other_are_found() {
    for seed in 0..60 {
        let rng = &mut Rng::new(seed);
        let one = in_turns(speech(rng, 40), 4, 3, 0);
        let two = in_turns(speech(rng, 40), 3, 4, 3);
        let near_one = heard(rng, &[(&one, 0, 0.0), (&two, 1, 9.0)], -62.0);
        let near_two = heard(rng, &[(&one, 1, 9.0), (&two, 0, 0.0)], -62.0);
        let told = meeting(rng, &[(A, near_one), (B, near_two)]);
        assert_eq!(told.len(), 1, "seed {seed}");
    }
}

#[test]
fn three_laptops_in_one_room_are_all_found() {
    for seed in 0..30 {
        let rng = &mut Rng::new(seed);
        let mouth = speech(rng, 30);
        let each = [(A, 0, 0.0), (B, 1, 6.0), (C, 2, 11.0)];
        let microphones =
            each.map(|(who, later, quieter)| (who, heard(rng, &[(&mouth, later, quieter)], -60.0)));
        let told = meeting(rng, &microphones);
        let (_, pairs) = told.last().expect("they are found");
        assert_eq!(*pairs, [(A, B), (A, C), (B, C)]);
    }
}

#[test]
fn a_conversation_between_rooms_is_no_room() {
    let scene = |rng: &mut Rng| {
        let one = in_turns(speech(rng, 60), 5, 4, 0);
        let two = in_turns(speech(rng, 60), 4, 5, 4);
        let microphones = [(A, plain(rng, &one)), (B, plain(rng, &two))];
        meeting(rng, &microphones)
    };
    assert_eq!(alarms(60, scene), 0);
}

#[test]
fn talking_at_the_same_time_is_no_room() {
    let scene = |rng: &mut Rng| {
        let (one, two) = (speech(rng, 60), speech(rng, 60));
        let microphones = [(A, plain(rng, &one)), (B, plain(rng, &two))];
        meeting(rng, &microphones)
    };
    assert_eq!(alarms(150, scene), 0);
}

#[test]
fn laughing_together_is_no_room() {
    let scene = |rng: &mut Rng| {
        // Everybody laughs for three seconds of nine.
        let one = in_turns(laughter(rng, 60), 3, 6, 0);
        let one = late(rng, one);
        let two = in_turns(laughter(rng, 60), 3, 6, 0);
        let two = late(rng, two);
        let microphones = [(A, plain(rng, &one)), (B, plain(rng, &two))];
        meeting(rng, &microphones)
    };
    assert_eq!(alarms(60, scene), 0);
}

#[test]
fn music_of_one_and_noise_of_the_other_are_no_room() {
    let scene = |rng: &mut Rng| {
        let beat = 23 + rng.below(10) as usize;
        let music: Vec<f32> = (0..60 * RATE)
            .map(|i| -22.0 - 10.0 * (i % beat) as f32 / beat as f32)
            .collect();
        let talk = speech(rng, 60);
        let one = heard(rng, &[(&music, 0, 0.0), (&talk, 0, 0.0)], -60.0);
        let other = speech(rng, 60);
        let two = heard(rng, &[(&other, 0, 0.0)], -38.0);
        meeting(rng, &[(A, one), (B, two)])
    };
    assert_eq!(alarms(60, scene), 0);
}

#[test]
fn steady_noise_is_nothing_to_compare() {
    let scene = |rng: &mut Rng| {
        let none = vec![SILENCE; 60 * RATE];
        let (one, two) = (
            heard(rng, &[(&none, 0, 0.0)], -35.0),
            heard(rng, &[(&none, 0, 0.0)], -35.0),
        );
        meeting(rng, &[(A, one), (B, two)])
    };
    assert_eq!(alarms(20, scene), 0);
}

#[test]
fn an_echo_over_the_network_is_no_room() {
    for later in [5, 7, 10, 15, 20] {
        for quieter in [15.0, 25.0, 32.0] {
            let scene = |rng: &mut Rng| {
                let (one, two) = (
                    in_turns(speech(rng, 60), 6, 3, 0),
                    in_turns(speech(rng, 60), 3, 6, 3),
                );
                let near = heard(rng, &[(&one, 0, 0.0)], -66.0);
                let leaking = heard(rng, &[(&two, 0, 0.0), (&one, later, quieter)], -66.0);
                meeting(rng, &[(A, near), (B, leaking)])
            };
            let found = alarms(8, scene);
            assert_eq!(found, 0, "{} ms later, {quieter} dB quieter", later * 20);
        }
    }
}

#[test]
fn two_who_hear_a_third_from_their_loudspeakers_are_in_no_room() {
    let scene = |rng: &mut Rng| {
        let far = speech(rng, 60);
        let (one, two) = (8 + rng.below(3) as usize, 8 + rng.below(3) as usize);
        let microphones = [
            (A, heard(rng, &[(&far, one, 20.0)], -66.0)),
            (B, heard(rng, &[(&far, two, 24.0)], -66.0)),
            (C, plain(rng, &far)),
        ];
        meeting(rng, &microphones)
    };
    assert_eq!(alarms(40, scene), 0);
}

#[test]
fn two_who_hear_a_shared_film_are_in_no_room() {
    for seed in 0..60 {
        let rng = &mut Rng::new(seed);
        let film = speech(rng, 60);
        let one = heard(rng, &[(&film, 8, 20.0)], -66.0);
        let two = heard(rng, &[(&film, 9, 22.0)], -66.0);
        let sources = [
            (A, Source::Microphone, &one),
            (B, Source::Microphone, &two),
            (C, Source::ScreenAudio, &film),
        ];
        let told = run(rng, &mut SameRoom::default(), &sources);
        assert!(told.is_empty(), "seed {seed}: {told:?}");
    }
}

/// A room in which A and B were found, and nothing more was said.
fn found(rng: &mut Rng) -> SameRoom {
    let mut room = SameRoom::default();
    let mouth = speech(rng, 15);
    let one = heard(rng, &[(&mouth, 0, 0.0)], -66.0);
    let two = heard(rng, &[(&mouth, 1, 5.0)], -66.0);
    let sources = [(A, Source::Microphone, &one), (B, Source::Microphone, &two)];
    assert_eq!(run(rng, &mut room, &sources).len(), 1);
    room
}

#[test]
fn a_pair_lasts_while_one_is_silent_and_ends_when_it_leaves() {
    let rng = &mut Rng::new(1);
    let mut room = found(rng);
    let later = Time::from_millis(3_600_000);
    assert_eq!(room.poll(later), None);
    room.remove(B, Source::Microphone);
    assert_eq!(room.poll(later), Some(vec![]));
}

#[test]
fn a_pair_outlasts_a_short_mute_and_not_a_long_one() {
    let mut room = found(&mut Rng::new(2));
    let at = Time::from_millis(100_000);
    room.mute(A, Source::Microphone, true, at);
    assert_eq!(room.poll(at + Duration::from_secs(299)), None);
    room.mute(A, Source::Microphone, false, at + Duration::from_secs(299));
    room.mute(A, Source::Microphone, true, at + Duration::from_secs(300));
    assert_eq!(room.poll(at + Duration::from_secs(599)), None);
    assert_eq!(room.poll(at + Duration::from_secs(600)), Some(vec![]));
}

#[test]
fn who_goes_to_another_room_is_noticed_after_long_speech_of_both() {
    let rng = &mut Rng::new(3);
    let mut room = SameRoom::default();
    let mouth = speech(rng, 15);
    let mut one = heard(rng, &[(&mouth, 0, 0.0)], -66.0);
    let mut two = heard(rng, &[(&mouth, 1, 5.0)], -66.0);
    let (alone, elsewhere) = (speech(rng, 60), speech(rng, 60));
    one.extend(plain(rng, &alone));
    two.extend(plain(rng, &elsewhere));
    let sources = [(A, Source::Microphone, &one), (B, Source::Microphone, &two)];
    let told = run(rng, &mut room, &sources);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].0 >= 15_000 + 20_000, "not after a few words");
}

#[test]
fn those_whom_the_leaver_joined_stay_together() {
    let mut room = SameRoom::default();
    for two in [(A, B), (A, C)] {
        for _ in 0..CHECKS_SAME {
            room.judge(two, Verdict::Same);
        }
    }
    room.remove(A, Source::Microphone);
    assert_eq!(room.poll(Time::ZERO), Some(vec![(B, C)]));
}
