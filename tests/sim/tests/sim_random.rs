//! Meetings told by dice: whatever happens, once it is quiet everyone sees the same room, and nothing said is lost or
//! doubled. A failing seed is printed; it fails the same way every time.

use confab_base::{Bitrate, Duration, Source};
use confab_protocol::Reaction;
use confab_room::MediaEvent;
use confab_session::Action;
use confab_sim::Meeting;
use confab_simnet::{LinkConfig, Loss, NodeId, Rng};

const SEEDS: u64 = 200;
const STEPS: u64 = 60;

#[test]
fn whatever_happens_everyone_sees_one_room_in_the_end() {
    for seed in 0..SEEDS {
        let run = std::panic::catch_unwind(|| run(seed));
        assert!(run.is_ok(), "seed {seed}");
    }
}

#[test]
fn a_seed_repeats_to_the_last_message() {
    let (a, b) = (run(42), run(42));
    assert_eq!(a.snapshot(), b.snapshot());
    assert_eq!(a.see_server().messages_out, b.see_server().messages_out);
    assert_ne!(a.snapshot(), run(43).snapshot());
}

fn run(seed: u64) -> Meeting {
    let mut dice = Rng::new(seed);
    let mut m = Meeting::new(seed);
    for i in 0..2 + dice.below(5) {
        let link = link(&mut dice);
        m.join(i == 0, link);
        m.run_ms(dice.below(300));
    }
    for _ in 0..STEPS {
        step(&mut m, &mut dice);
        m.run_ms(dice.below(700));
    }
    calm(&mut m);
    m.assert_converged();
    check_chat(&m);
    m
}

fn link(dice: &mut Rng) -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(5 + dice.below(150)),
        jitter: Duration::from_millis(dice.below(60)),
        loss: Loss::bursts(dice.unit() * 0.1, 1.0 + dice.unit() * 3.0),
        rate: dice.chance(0.2).then_some(Bitrate::kbps(300)),
        ..LinkConfig::default()
    }
}

fn step(m: &mut Meeting, dice: &mut Rng) {
    let Some(&id) = dice.pick(&m.people.clone()) else {
        return;
    };
    match dice.below(20) {
        0 | 1 => {
            m.set_up(id, false);
            let others = m.people.clone();
            m.run_ms(dice.below(6000));
            if dice.chance(0.3) {
                let other = dice.pick(&others).copied().unwrap_or(id);
                let action = action(m, dice);
                m.act(other, action);
            }
            m.set_up(id, true);
        }
        2 => restart(m, dice),
        3 => lose_media(m, id),
        4 if m.people.len() < 12 => {
            let link = link(dice);
            m.join(dice.chance(0.2), link);
        }
        5 if dice.chance(0.3) => m.act(id, Action::Leave),
        6 => {
            // More at once than the server takes.
            for _ in 0..dice.below(90) {
                let action = action(m, dice);
                m.act(id, action);
            }
        }
        _ => {
            let action = action(m, dice);
            m.act(id, action);
        }
    }
}

fn restart(m: &mut Meeting, dice: &mut Rng) {
    if dice.chance(0.5) {
        m.server(|s, net| s.kill(net));
    } else {
        m.server(|s, net| s.shut_down(net));
    }
    m.run_ms(dice.below(4000));
    m.server(|s, net| s.restart(net));
}

fn lose_media(m: &mut Meeting, id: NodeId) {
    let state = m.see(id).session.state();
    let (Some(participant), generation) = (state.you, state.generation) else {
        return;
    };
    m.server(|s, net| {
        let lost = MediaEvent::Lost {
            participant,
            generation,
        };
        s.media_event(lost, net);
    });
}

fn action(m: &Meeting, dice: &mut Rng) -> Action {
    let source = *dice.pick(&Source::ALL).unwrap_or(&Source::Camera);
    let people = m.snapshot().participants;
    let somebody = dice
        .pick(&people)
        .map(|p| p.id)
        .unwrap_or(confab_base::ParticipantId(1));
    let yes = dice.chance(0.5);
    match dice.below(14) {
        0..=2 => Action::Mute { source, muted: yes },
        3 => Action::Hand { raised: yes },
        4 => Action::Unpublish { source },
        5 => Action::Reaction {
            reaction: Reaction::Clap,
        },
        6..=8 => {
            let n = dice.next_u32();
            Action::Chat {
                text: format!("words {n}"),
                client_id: format!("c{n}"),
                to: None,
                files: Vec::new(),
            }
        }
        9 => Action::Rename {
            name: format!("N{}", dice.below(100)),
        },
        10 => Action::HostMute {
            participant: somebody,
            source,
        },
        11 => Action::HostMuteAll,
        12 if dice.chance(0.2) => Action::HostRemove {
            participant: somebody,
        },
        12 => Action::HostLowerHand {
            participant: somebody,
        },
        _ if dice.chance(0.5) => Action::HostSpotlight {
            participants: yes.then_some(somebody).into_iter().collect(),
        },
        _ => Action::HostLock { locked: yes },
    }
}

/// All faults end, and everyone has time to come back.
fn calm(m: &mut Meeting) {
    if !m.see_server().is_alive() {
        m.server(|s, net| s.restart(net));
    }
    for id in m.people.clone() {
        m.set_up(id, true);
    }
    m.run_ms(30_000);
}

/// Every message is there once, and whoever is still in and not refused finds its own.
fn check_chat(m: &Meeting) {
    let chat = m.snapshot().chat;
    let mut ids: Vec<_> = chat.iter().map(|c| c.id).collect();
    let mut client_ids: Vec<_> = chat.iter().map(|c| &c.client_id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "chat ids rise");
    ids.dedup();
    client_ids.sort();
    client_ids.dedup();
    assert_eq!(client_ids.len(), ids.len(), "a message is there twice");
    if chat.len() == confab_protocol::MAX_CHAT_HISTORY {
        return;
    }
    for id in &m.people {
        let person = m.see(*id);
        if !person.has_ended() {
            for said in &person.said {
                assert!(
                    client_ids.contains(&said),
                    "{id:?} said {said}, and it is lost"
                );
            }
        }
    }
}
