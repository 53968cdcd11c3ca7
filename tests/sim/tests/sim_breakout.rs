//! Breakout rooms: first a meeting of twelve; then by dice, with what must hold whatever happens: nobody is sent or told anything
//! of another room, everybody sees the same places, and nobody is lost.

use confab_base::{Duration, ParticipantId, TrackId};
use confab_protocol::{Assignment, Audience, Reaction, Request, Slot};
use confab_room::MediaCommand;
use confab_session::{Action, Input};
use confab_sim::Meeting;
use confab_simnet::{LinkConfig, Loss, NodeId, Rng};
use std::collections::{BTreeMap, BTreeSet};

fn ask(request: Request) -> Action {
    Action::Ask(request)
}

fn plan(rooms: usize, choose: bool) -> Action {
    ask(Request::HostBreakout {
        rooms: (1..=rooms).map(|n| format!("Room {n}")).collect(),
        choose,
    })
}

fn say(text: String, to: Option<Audience>) -> Action {
    Action::Chat {
        client_id: text.replace(' ', "-"),
        text,
        to,
        files: Vec::new(),
    }
}

/// Asks to be sent every track of the meeting.
fn watch(m: &mut Meeting, id: NodeId) {
    let people = m.snapshot().participants;
    let tracks = people.iter().flat_map(|p| &p.tracks).map(|t| t.id);
    let slot = |(i, track): (usize, TrackId)| Slot {
        mid: format!("s{i}"),
        track: Some(track),
        max_height: 360,
    };
    let slots = tracks.enumerate().map(slot).collect();
    let max_bitrate = None;
    m.person(id, |p, net| p.feed(Input::View { slots, max_bitrate }, net));
}

/// The room each one is in, by the server.
fn places(m: &Meeting) -> BTreeMap<ParticipantId, Option<u32>> {
    let people = m.snapshot().participants;
    people.iter().map(|p| (p.id, p.room)).collect()
}

/// What the forwarding unit sends to whom now, by its last commands.
fn sent(m: &Meeting) -> BTreeMap<ParticipantId, BTreeSet<TrackId>> {
    let mut sent = BTreeMap::new();
    for command in &m.see_server().media {
        match command {
            MediaCommand::View {
                participant, slots, ..
            } => {
                let tracks = slots.iter().filter_map(|s| s.track).collect();
                sent.insert(*participant, tracks);
            }
            MediaCommand::Drop { participant } => {
                sent.remove(participant);
            }
            _ => {}
        }
    }
    sent
}

/// At every moment: media goes nowhere but to those in the sender's room, and all groups are as the room says.
fn assert_apart(m: &Meeting) {
    if !m.see_server().is_alive() {
        return;
    }
    let places = places(m);
    let people = m.snapshot().participants;
    let owners: BTreeMap<TrackId, ParticipantId> = people
        .iter()
        .flat_map(|p| p.tracks.iter().map(|t| (t.id, p.id)))
        .collect();
    for (who, tracks) in sent(m) {
        for track in tracks {
            let Some(owner) = owners.get(&track) else {
                continue;
            };
            assert_eq!(
                places[&who], places[owner],
                "{who} is sent {owner}'s {track:?}"
            );
        }
    }
    let mut groups = BTreeMap::new();
    for command in &m.see_server().media {
        if let MediaCommand::Group { participant, group } = command {
            groups.insert(*participant, *group);
        }
    }
    for (who, place) in places {
        let group = groups.get(&who).copied().unwrap_or(0);
        assert_eq!(group, place.unwrap_or(0), "{who}");
    }
}

/// Whoever was told words of a room was in it when they were said.
fn assert_discreet(m: &Meeting) {
    for id in &m.people {
        let state = m.see(*id).session.state();
        for message in &state.asides {
            if matches!(message.to, Some(Audience::Room { .. })) {
                let you = state.you.expect("is in");
                assert!(message.present.contains(&you), "{you} reads {message:?}");
            }
        }
    }
}

#[test]
fn twelve_people_in_four_rooms_and_back() {
    let mut m = Meeting::of(1, 12);
    let (host, guests) = (m.people[0], m.people[1..].to_vec());
    for id in m.people.clone() {
        watch(&mut m, id);
    }
    m.run_ms(500);
    let before = m.snapshot().participants;
    m.act(host, plan(4, false));
    m.act(host, ask(Request::HostBreakoutSpread { anew: true }));
    m.act(host, ask(Request::HostBreakoutOpen { minutes: None }));
    m.run_ms(500);
    m.assert_converged();
    assert_apart(&m);
    let mut sizes = BTreeMap::new();
    for room in places(&m).into_values() {
        *sizes.entry(room).or_insert(0) += 1;
    }
    let sizes: Vec<_> = sizes.into_values().collect();
    assert_eq!(sizes, [1, 3, 3, 3, 2], "the host, and the rooms");
    for (who, tracks) in sent(&m) {
        let room = places(&m)[&who];
        let together = places(&m).values().filter(|r| **r == room).count();
        assert_eq!(tracks.len(), 2 * together, "microphones and cameras");
    }
    for (i, id) in guests.iter().enumerate() {
        m.act(*id, say(format!("from {i}"), None));
    }
    m.act(host, say("to all".into(), Some(Audience::Everyone)));
    m.run_ms(500);
    assert_discreet(&m);
    for id in &guests {
        let state = m.see(*id).session.state();
        assert!((2..=3).contains(&state.asides.len()));
        assert_eq!(state.room.as_ref().map(|r| r.chat.len()), Some(1));
    }
    let peers: Vec<_> = m.people.iter().map(|id| m.see(*id).peers).collect();
    m.act(host, ask(Request::HostBreakoutClose { seconds: 2 }));
    m.run_ms(3000);
    m.assert_converged();
    assert_apart(&m);
    assert_eq!(m.snapshot().participants.len(), before.len());
    for (now, then) in m.snapshot().participants.iter().zip(&before) {
        assert_eq!(
            (now.id, &now.name, now.role),
            (then.id, &then.name, then.role)
        );
        assert_eq!((now.room, &now.tracks), (None, &then.tracks));
    }
    let after: Vec<_> = m.people.iter().map(|id| m.see(*id).peers).collect();
    assert_eq!(peers, after, "no connection was made anew");
}

const SEEDS: u64 = 100;
const STEPS: u64 = 60;

#[test]
fn whatever_happens_rooms_stay_apart_and_nobody_is_lost() {
    for seed in 0..SEEDS {
        let run = std::panic::catch_unwind(|| run(seed));
        assert!(run.is_ok(), "seed {seed}");
    }
}

fn run(seed: u64) {
    let mut dice = Rng::new(seed);
    let mut m = Meeting::new(seed);
    for i in 0..4 + dice.below(6) {
        let link = link(&mut dice);
        m.join(i == 0, link);
    }
    m.run_ms(2000);
    for _ in 0..STEPS {
        step(&mut m, &mut dice);
        assert_apart(&m);
        m.run_ms(dice.below(600));
        assert_apart(&m);
        assert_discreet(&m);
    }
    if !m.see_server().is_alive() {
        m.server(|s, net| s.restart(net));
    }
    for id in m.people.clone() {
        m.set_up(id, true);
    }
    m.run_ms(30_000);
    m.assert_converged();
    assert_apart(&m);
    assert_discreet(&m);
    check_words(&m);
    all_come_back(&mut m);
}

fn link(dice: &mut Rng) -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(5 + dice.below(150)),
        jitter: Duration::from_millis(dice.below(40)),
        loss: Loss::bursts(dice.unit() * 0.08, 1.0 + dice.unit() * 2.0),
        ..LinkConfig::default()
    }
}

fn step(m: &mut Meeting, dice: &mut Rng) {
    let Some(&id) = dice.pick(&m.people.clone()) else {
        return;
    };
    match dice.below(16) {
        0 => {
            m.set_up(id, false);
            m.run_ms(dice.below(5000));
            m.set_up(id, true);
        }
        1 if dice.chance(0.5) => {
            m.server(|s, net| s.kill(net));
            m.run_ms(dice.below(3000));
            m.server(|s, net| s.restart(net));
        }
        2 if m.people.len() < 14 => {
            let link = link(dice);
            m.join(dice.chance(0.2), link);
        }
        3 if dice.chance(0.2) => m.act(id, Action::Leave),
        4..=6 => watch(m, id),
        _ => {
            let action = action(m, dice);
            // Hosts do most of it.
            let by = if dice.chance(0.6) { m.people[0] } else { id };
            m.act(by, action);
        }
    }
}

fn action(m: &Meeting, dice: &mut Rng) -> Action {
    let people = m.snapshot().participants;
    let room = |dice: &mut Rng| dice.chance(0.8).then(|| 1 + dice.below(4) as u32);
    match dice.below(12) {
        0 => plan(1 + dice.below(4) as usize, dice.chance(0.5)),
        1 | 2 => {
            let chosen: Vec<_> = people.iter().filter(|_| dice.chance(0.5)).collect();
            let place = |p: &confab_protocol::Participant| p.id;
            let ids: Vec<_> = chosen.into_iter().map(place).collect();
            let place = |participant| Assignment {
                participant,
                room: room(dice),
            };
            ask(Request::HostBreakoutAssign {
                places: ids.into_iter().map(place).collect(),
            })
        }
        3 => ask(Request::HostBreakoutSpread {
            anew: dice.chance(0.5),
        }),
        4 | 5 => ask(Request::HostBreakoutOpen {
            minutes: dice.chance(0.2).then_some(1),
        }),
        6 => ask(Request::HostBreakoutClose {
            seconds: dice.below(5) as u32,
        }),
        7 => ask(Request::BreakoutGo { room: room(dice) }),
        8 => ask(Request::BreakoutHelp {
            asked: dice.chance(0.7),
        }),
        9 => Action::Reaction {
            reaction: Reaction::Clap,
        },
        _ => {
            let to = match dice.below(8) {
                0 => Some(Audience::Everyone),
                1 => Some(Audience::Room { room: 1 }),
                2 => dice
                    .pick(&people)
                    .map(|p| Audience::Person { participant: p.id }),
                _ => None,
            };
            say(format!("words {}", dice.next_u32()), to)
        }
    }
}

/// Whoever said something that was not refused finds it, once.
fn check_words(m: &Meeting) {
    for id in &m.people {
        let person = m.see(*id);
        if person.has_ended() {
            continue;
        }
        let state = person.session.state();
        let all = state.room.iter().flat_map(|r| &r.chat);
        let found: Vec<_> = all.chain(&state.asides).map(|c| &c.client_id).collect();
        for said in &person.said {
            let times = found.iter().filter(|f| **f == said).count();
            assert_eq!(times, 1, "{id:?} said {said}");
        }
    }
}

fn all_come_back(m: &mut Meeting) {
    let before = m.snapshot().participants;
    let host = m.people[0];
    if m.see(host).has_ended() {
        return;
    }
    m.act(host, ask(Request::HostBreakoutClose { seconds: 0 }));
    m.run_ms(3000);
    m.assert_converged();
    let after = m.snapshot().participants;
    let identity = |p: &confab_protocol::Participant| (p.id, p.name.clone(), p.role, p.assigned);
    assert_eq!(
        after.iter().map(identity).collect::<Vec<_>>(),
        before.iter().map(identity).collect::<Vec<_>>()
    );
    assert!(after.iter().all(|p| p.room.is_none()));
}
