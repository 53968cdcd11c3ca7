//! A simulated call, with one fault in it or none.

use crate::person::{Person, Trouble};
use confab_base::Duration;
use confab_protocol::*;
use confab_simnet::{Loss, Rng};

/// The kinds of trouble that are injected. A narrow way is one kind, in either direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    LossUp,
    LossDown,
    Bandwidth,
    Cpu,
    Microphone,
    Speaker,
    ServerLink,
    ServerCpu,
}

pub const ALL: [Fault; 8] = [
    Fault::LossUp,
    Fault::LossDown,
    Fault::Bandwidth,
    Fault::Cpu,
    Fault::Microphone,
    Fault::Speaker,
    Fault::ServerLink,
    Fault::ServerCpu,
];

/// What was done.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    pub kind: CauseKind,
    pub participant: Option<ParticipantId>,
    pub from: u64,
    pub to: u64,
}

pub struct Call {
    pub people: Vec<CallPerson>,
    pub server: Vec<ServerMinute>,
    pub truth: Option<Truth>,
}

const BEGAN: u64 = 1_790_000_000_000;

pub fn call(fault: Option<Fault>, seed: u64) -> Call {
    let mut dice = Rng::new(seed);
    let count = 2 + dice.below(5) as u32;
    let mut people: Vec<(Person, u64)> = (1..=count)
        .map(|id| (Person::new(id, &mut dice), dice.below(75)))
        .collect();
    let length = 60 * (9 + dice.below(8));
    let lasts = 75 + dice.below(210);
    let begin = 150 + dice.below(length - lasts - 200);
    let victim = dice.below(u64::from(count)) as usize;
    let plan = fault.map(|fault| plan(fault, &mut dice));
    let mut server = Vec::new();
    let usual_cpu = 0.05 + dice.unit() * 0.5;
    let (mut cpu, mut dropped) = (0.0, 0.0);
    for second in 0..length {
        let is_now = (begin..begin + lasts).contains(&second);
        let now = plan.as_ref().filter(|_| is_now);
        let wall = BEGAN + (second + 1) * 1000;
        for (i, (person, joins)) in people.iter_mut().enumerate() {
            if second < *joins {
                continue;
            }
            let hits = now.filter(|p| p.kind.1 || i == victim);
            let trouble = hits.map_or_else(Trouble::default, |p| p.trouble);
            // A microphone nobody speaks into is missed by nobody.
            let is_spoken_into = trouble.mic_dead && second % 60 < 45;
            person.unmuted |= is_spoken_into;
            person.second(second, &trouble, wall);
        }
        cpu += now.map_or(usual_cpu, |p| p.server_cpu.max(usual_cpu));
        dropped += now.map_or(0.0, |p| p.server_dropped) * 3000.0;
        if (second + 1) % 60 == 0 {
            server.push(ServerMinute {
                from: wall - 60_000,
                to: wall,
                cpu: (cpu / 60.0 * 100.0) as u8,
                packets: 180_000,
                dropped: dropped as u64,
            });
            (cpu, dropped) = (0.0, 0.0);
        }
    }
    let truth = plan.map(|plan| Truth {
        kind: plan.kind.0,
        participant: (!plan.kind.1).then(|| people[victim].0.id),
        from: BEGAN + begin * 1000,
        to: BEGAN + (begin + lasts) * 1000,
    });
    let people = people
        .into_iter()
        .map(|(person, _)| person.told())
        .collect();
    Call {
        people,
        server,
        truth,
    }
}

struct Plan {
    /// And whether it hits everybody.
    kind: (CauseKind, bool),
    trouble: Trouble,
    server_cpu: f64,
    server_dropped: f64,
}

fn plan(fault: Fault, dice: &mut Rng) -> Plan {
    let mut plan = Plan {
        kind: (CauseKind::LossUp, false),
        trouble: Trouble::default(),
        server_cpu: 0.0,
        server_dropped: 0.0,
    };
    let t = &mut plan.trouble;
    plan.kind = match fault {
        Fault::LossUp => {
            t.loss_up = Some(loss(dice));
            (CauseKind::LossUp, false)
        }
        Fault::LossDown => {
            t.loss_down = Some(loss(dice));
            (CauseKind::LossDown, false)
        }
        Fault::Bandwidth => {
            let share = Some(0.12 + dice.unit() * 0.45);
            t.queue = Duration::from_millis(60 + dice.below(400));
            match dice.chance(0.5) {
                true => {
                    t.narrow_up = share;
                    (CauseKind::BandwidthUp, false)
                }
                false => {
                    t.narrow_down = share;
                    (CauseKind::BandwidthDown, false)
                }
            }
        }
        Fault::Cpu => {
            t.work = 1.1 + dice.unit() * 1.2;
            (CauseKind::Cpu, false)
        }
        Fault::Microphone => {
            t.mic_lost = dice.chance(0.5);
            t.mic_dead = !t.mic_lost;
            (CauseKind::Microphone, false)
        }
        Fault::Speaker => {
            t.speaker_dead = true;
            (CauseKind::Speaker, false)
        }
        Fault::ServerLink => {
            t.server_loss = 0.05 + dice.unit() * 0.25;
            (CauseKind::ServerLink, true)
        }
        Fault::ServerCpu => {
            t.server_loss = 0.04 + dice.unit() * 0.12;
            t.server_late = Duration::from_millis(30 + dice.below(200));
            plan.server_cpu = 0.93 + dice.unit() * 0.07;
            plan.server_dropped = t.server_loss / 2.0;
            (CauseKind::ServerCpu, true)
        }
    };
    plan
}

/// Evenly or in bursts.
fn loss(dice: &mut Rng) -> Loss {
    let share = 0.05 + dice.unit() * 0.4;
    match dice.chance(0.5) {
        true => Loss::Random(share),
        false => Loss::bursts(share, 2.0 + dice.unit() * 6.0),
    }
}
