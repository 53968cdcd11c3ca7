//! Meetings that are led: the lobby, roles, the floor. First as stories; then by dice, with what must hold whatever happens.

use confab_base::{Duration, ParticipantId, Source};
use confab_protocol::{
    AbsentHost, AgendaItem, Audience, Event, LobbyPolicy, NewPoll, Permissions, Policy, Request,
    Role,
};
use confab_session::{Action, Notice, Phase};
use confab_sim::Meeting;
use confab_simnet::{LinkConfig, Loss, NodeId, Rng};
use std::collections::BTreeMap;

const MIC: Source = Source::Microphone;

fn ask(request: Request) -> Action {
    Action::Ask(request)
}

fn you(m: &Meeting, id: NodeId) -> ParticipantId {
    m.see(id).session.state().you.expect("is in")
}

fn wait_for_host() -> Policy {
    Policy {
        lobby: LobbyPolicy::Everyone,
        absent_host: AbsentHost::Wait,
        ..Policy::default()
    }
}

#[test]
fn those_who_wait_come_in_within_two_seconds_of_a_late_host() {
    let mut m = Meeting::with(1, wait_for_host());
    let early: Vec<_> = (0..5)
        .map(|_| m.join(false, LinkConfig::default()))
        .collect();
    m.run_ms(5000);
    for (i, id) in early.iter().enumerate() {
        let state = m.see(*id).session.state();
        assert_eq!(state.phase, Phase::Waiting);
        let place = state.waiting.as_ref().expect("is in the lobby").place;
        assert_eq!(place.position as usize, i + 1);
        assert_eq!(state.room, None);
    }
    let host = m.join(true, LinkConfig::default());
    m.run_ms(1000);
    assert!(m.see(host).is_joined());
    assert_eq!(m.see(host).session.state().lobby.len(), 5);
    m.act(host, ask(Request::HostAdmitAll));
    m.run_ms(1000);
    m.assert_converged();
    assert_eq!(m.snapshot().participants.len(), 6);
}

#[test]
fn two_grabs_at_once_have_one_winner_and_one_order_for_all() {
    for seed in 0..50 {
        let mut m = Meeting::of(seed, 6);
        let (host, guests) = (m.people[0], m.people[1..].to_vec());
        m.act(host, ask(Request::HostFloor { on: true }));
        m.run_ms(300);
        // Within the same instant, over links of the same length.
        for id in &guests {
            m.act(*id, ask(Request::FloorGrab));
        }
        m.run_ms(300);
        m.assert_converged();
        let floors = |id: NodeId| -> Vec<_> {
            let events = m.see(id).events.iter();
            let floor = |e: &confab_protocol::Sequenced| match &e.event {
                Event::FloorChanged { floor } => Some(floor.clone()),
                _ => None,
            };
            events.filter_map(floor).collect()
        };
        let seen = floors(host);
        assert!(guests.iter().all(|id| floors(*id) == seen));
        let floor = m.snapshot().tools.floor.expect("it is controlled");
        assert!(floor.holder.is_some());
        assert_eq!(floor.queue.len(), guests.len() - 1);
        for id in &guests {
            let action = Action::Mute {
                source: MIC,
                muted: false,
            };
            m.act(*id, action);
        }
        m.run_ms(300);
        let people = m.snapshot().participants;
        let heard = people.iter().filter(|p| !p.muted.contains(&MIC));
        assert_eq!(
            heard.map(|p| Some(p.id)).collect::<Vec<_>>(),
            [floor.holder]
        );
    }
}

#[test]
fn who_is_asked_to_unmute_hears_of_it_and_stays_muted() {
    let mut m = Meeting::of(1, 2);
    let (host, guest) = (m.people[0], m.people[1]);
    let participant = you(&m, guest);
    let source = MIC;
    m.act(
        host,
        ask(Request::HostAskUnmute {
            participant,
            source,
        }),
    );
    m.run_ms(300);
    let by = you(&m, host);
    assert_eq!(m.see(guest).notices, [Notice::AskedToUnmute { by, source }]);
    assert!(m.see(guest).session.state().own.muted.contains(&MIC));
}

const SEEDS: u64 = 100;
const STEPS: u64 = 60;

#[test]
fn whatever_happens_the_rules_hold() {
    for seed in 0..SEEDS {
        let run = std::panic::catch_unwind(|| run(seed));
        assert!(run.is_ok(), "seed {seed}");
    }
}

fn run(seed: u64) {
    let mut dice = Rng::new(seed);
    let mut m = Meeting::with(seed, policy(&mut dice));
    for i in 0..3 + dice.below(4) {
        let link = link(&mut dice);
        m.join(i == 1, link);
        m.run_ms(dice.below(300));
    }
    for _ in 0..STEPS {
        step(&mut m, &mut dice);
        m.run_ms(dice.below(500));
        if m.see_server().is_alive() {
            check_floor(&m);
        }
    }
    if !m.see_server().is_alive() {
        m.server(|s, net| s.restart(net));
    }
    for id in m.people.clone() {
        m.set_up(id, true);
    }
    // Longer than a place is kept for somebody who left while its link was down.
    m.run_ms(65_000);
    m.assert_converged();
    check_floor(&m);
    check_order(&m);
    check_asides(&m);
    check_lobby(&m);
}

fn policy(dice: &mut Rng) -> Policy {
    let lobbies = [LobbyPolicy::Off, LobbyPolicy::Guests, LobbyPolicy::Everyone];
    let absent = [AbsentHost::Wait, AbsentHost::FirstOpens, AbsentHost::Anyone];
    Policy {
        lobby: *dice.pick(&lobbies).unwrap_or(&LobbyPolicy::Off),
        absent_host: *dice.pick(&absent).unwrap_or(&AbsentHost::Wait),
        permissions: Permissions {
            share: dice.chance(0.7),
            chat: dice.chance(0.7),
            unmute: dice.chance(0.7),
            reactions: dice.chance(0.7),
            // Asked by the whiteboard alone.
            draw: true,
        },
    }
}

fn link(dice: &mut Rng) -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(5 + dice.below(150)),
        jitter: Duration::from_millis(dice.below(60)),
        loss: Loss::bursts(dice.unit() * 0.05, 1.0 + dice.unit() * 3.0),
        ..LinkConfig::default()
    }
}

fn step(m: &mut Meeting, dice: &mut Rng) {
    let Some(&id) = dice.pick(&m.people.clone()) else {
        return;
    };
    match dice.below(24) {
        0 | 1 => {
            m.set_up(id, false);
            m.run_ms(dice.below(6000));
            m.set_up(id, true);
        }
        2 => {
            m.server(|s, net| s.kill(net));
            m.run_ms(dice.below(3000));
            m.server(|s, net| s.restart(net));
        }
        3 if m.people.len() < 12 => {
            let link = link(dice);
            m.join(dice.chance(0.2), link);
        }
        4 if dice.chance(0.3) => m.act(id, Action::Leave),
        5..=7 => {
            // A race: all at once.
            for other in m.people.clone() {
                m.act(other, ask(Request::FloorGrab));
            }
        }
        _ => {
            let action = action(m, dice);
            m.act(id, action);
        }
    }
}

fn action(m: &Meeting, dice: &mut Rng) -> Action {
    let people = m.snapshot().participants;
    let somebody = dice.pick(&people).map_or(ParticipantId(1), |p| p.id);
    let waiting = ParticipantId(1 + dice.below(12) as u32);
    let yes = dice.chance(0.5);
    let n = dice.next_u32();
    let request = match dice.below(24) {
        0 | 1 => {
            return Action::Mute {
                source: MIC,
                muted: yes,
            };
        }
        2..=4 => {
            let audiences = [
                None,
                Some(Audience::Hosts),
                Some(Audience::Person {
                    participant: somebody,
                }),
            ];
            return Action::Chat {
                text: format!("words {n}"),
                client_id: format!("c{n}"),
                to: *dice.pick(&audiences).unwrap_or(&None),
                files: Vec::new(),
            };
        }
        5 => return Action::Hand { raised: yes },
        6 | 7 => Request::HostAdmitAll,
        8 => Request::HostAdmit {
            participant: waiting,
        },
        9 if dice.chance(0.3) => Request::HostDeny {
            participant: waiting,
        },
        9 | 10 => Request::HostPolicy {
            policy: policy(dice),
        },
        11 => {
            let roles = [Role::Host, Role::CoHost, Role::Participant];
            Request::HostRole {
                participant: somebody,
                role: *dice.pick(&roles).unwrap_or(&Role::Participant),
            }
        }
        12 => Request::HostAskUnmute {
            participant: somebody,
            source: MIC,
        },
        13 => Request::HostFloor {
            on: dice.chance(0.7),
        },
        14 => Request::HostFloorPass {
            participant: yes.then_some(somebody),
        },
        15 => Request::FloorRelease,
        16 => Request::QuestionAsk {
            text: format!("{n}?"),
            client_id: format!("q{n}"),
        },
        17 => Request::QuestionVote {
            question: 1 + dice.below(5) as u32,
            up: yes,
        },
        18 => Request::HostPollOpen {
            poll: NewPoll {
                question: "?".into(),
                options: vec!["a".into(), "b".into()],
                multiple: yes,
                anonymous: yes,
                live: dice.chance(0.5),
                correct: Vec::new(),
            },
        },
        19 | 20 => Request::PollVote {
            poll: 1 + dice.below(3) as u32,
            choices: vec![u8::from(yes)],
        },
        21 => Request::HostPollClose {
            poll: 1 + dice.below(3) as u32,
        },
        22 => Request::HostAgenda {
            items: vec![AgendaItem {
                title: format!("{n}"),
                minutes: 5,
            }],
        },
        _ if dice.chance(0.2) => Request::HostRemove {
            participant: somebody,
        },
        _ => Request::HostLowerHands,
    };
    ask(request)
}

/// While the floor is controlled, nobody is heard but its one holder and those who lead.
fn check_floor(m: &Meeting) {
    let room = m.snapshot();
    let Some(floor) = room.tools.floor else {
        return;
    };
    let mut queue = floor.queue.clone();
    queue.extend(floor.holder);
    queue.sort_unstable();
    assert!(queue.windows(2).all(|w| w[0] != w[1]), "twice: {queue:?}");
    for p in &room.participants {
        let may = p.role.moderates() || floor.holder == Some(p.id);
        assert!(may || p.muted.contains(&MIC), "{} speaks", p.id);
    }
    let here = |who: &ParticipantId| room.participants.iter().any(|p| p.id == *who);
    assert!(queue.iter().all(here), "somebody who is gone has a place");
}

/// The same number is the same event for everybody, and nobody is unmuted by another.
fn check_order(m: &Meeting) {
    let mut known = BTreeMap::new();
    for id in &m.people {
        for entry in &m.see(*id).events {
            let other = known.entry(entry.seq).or_insert_with(|| entry.clone());
            assert_eq!(other, entry, "{id:?}");
            if let Event::MuteChanged {
                participant,
                muted: false,
                by,
                ..
            } = &entry.event
            {
                assert_eq!(participant, by, "unmuted by another");
            }
        }
    }
}

/// Nothing said aside reaches whom it is not for, and nothing that was said is lost or there twice.
fn check_asides(m: &Meeting) {
    let mut led: Vec<ParticipantId> = Vec::new();
    for id in &m.people {
        let person = m.see(*id);
        for entry in &person.events {
            match &entry.event {
                // Who has another role now may have led before.
                Event::RoleChanged { participant, .. } => led.push(*participant),
                Event::ParticipantJoined { participant } if participant.role.moderates() => {
                    led.push(participant.id);
                }
                _ => {}
            }
        }
    }
    let room = m.snapshot();
    let seen = m
        .people
        .iter()
        .filter_map(|id| m.see(*id).session.state().room.as_ref());
    for last in seen.chain([&room]) {
        let leading = last.participants.iter().filter(|p| p.role.moderates());
        led.extend(leading.map(|p| p.id));
    }
    for id in &m.people {
        let person = m.see(*id);
        let state = person.session.state();
        let Some(me) = state.you else { continue };
        for aside in &state.asides {
            let meant = match aside.to {
                Some(Audience::Person { participant }) => participant == me,
                Some(Audience::Hosts) => led.contains(&me),
                None | Some(Audience::Everyone) => false,
                Some(Audience::Room { .. }) => aside.present.contains(&me),
            };
            assert!(meant || aside.from == me, "{id:?} reads {aside:?}");
        }
        let mut ids: Vec<_> = state.asides.iter().map(|a| &a.client_id).collect();
        ids.extend(room.chat.iter().map(|c| &c.client_id));
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{id:?} has something twice");
        if person.is_joined() {
            for said in &person.said {
                assert!(ids.contains(&said), "{id:?} said {said}, and it is lost");
            }
        }
    }
}

/// Those who wait are in order, know nothing of the room, and hosts see them as they are.
fn check_lobby(m: &Meeting) {
    let mut waiting = Vec::new();
    for id in &m.people {
        let state = m.see(*id).session.state();
        if state.phase == Phase::Waiting {
            let seat = m.see(*id).session.seat().map(|s| s.participant);
            let place = state.waiting.as_ref().expect("is in the lobby").place;
            waiting.push((seat, place.position));
        }
    }
    waiting.sort_unstable();
    assert_eq!(waiting.len(), m.see_server().room().waiting());
    let positions: Vec<_> = waiting.iter().map(|w| w.1).collect();
    assert_eq!(positions, (1..=waiting.len() as u32).collect::<Vec<_>>());
    let room = m.snapshot();
    for id in &m.people {
        let person = m.see(*id);
        let state = person.session.state();
        let role = room.participants.iter().find(|p| Some(p.id) == state.you);
        if person.is_joined() {
            let sees: Vec<_> = state.lobby.iter().map(|w| Some(w.id)).collect();
            let expected = match role.is_some_and(|p| p.role.moderates()) {
                true => waiting.iter().map(|w| w.0).collect(),
                false => Vec::new(),
            };
            assert_eq!(sees, expected, "{id:?}");
        }
    }
}
