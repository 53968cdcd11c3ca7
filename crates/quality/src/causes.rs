//! Why a call was bad: the signs of its minutes, put together over time and over people. First what all had at once, since that
//! explains what each of them had; then each participant's own.

use crate::runs::{Bad, Run, runs};
use crate::shared::{Shared, shared};
use crate::signs::{Signs, signs};
use confab_protocol::{CallDevice, CallPerson, Cause, CauseKind, DeviceChange, ServerMinute};

/// Thousandths lost, added up over the minutes, below which a passing loss is left out.
const LOSS: u32 = 50;
/// A minute before or after a trouble may have had a part of it, milliseconds.
const EDGE_MS: u64 = 65_000;
/// Senders that were held back by something else take longer to come back.
const AFTERMATH_MS: u64 = 130_000;
/// A device that went away is replaced in so long, or missed.
const REPLACED_MS: u64 = 12_000;
/// A missing device without anything else known of it was missing for so long at least.
const MISSED_MS: u64 = 60_000;

/// What went wrong, by when it began. Minutes are in order of time, for each participant.
pub fn causes(people: &[CallPerson], server: &[ServerMinute]) -> Vec<Cause> {
    let all: Vec<Vec<Signs>> = people.iter().map(signs).collect();
    let shared = shared(&all, server);
    let mut found = of_server(&shared);
    for (person, signs) in people.iter().zip(&all) {
        found.extend(of_person(person, signs, &shared));
    }
    found.sort_by_key(|cause| (cause.from, cause.kind, cause.participant));
    found
}

fn of_server(shared: &Shared) -> Vec<Cause> {
    let cause = |kind, run: &Run| Cause {
        kind,
        participant: None,
        from: run.from,
        to: run.to,
        amount: run.most,
    };
    let link = shared
        .link
        .iter()
        .map(|run| cause(CauseKind::ServerLink, run));
    let cpu = shared
        .cpu
        .iter()
        .map(|run| cause(CauseKind::ServerCpu, run));
    link.chain(cpu).collect()
}

fn of_person(person: &CallPerson, signs: &[Signs], shared: &Shared) -> Vec<Cause> {
    let mut found = Vec::new();
    let mut add = |kind, runs: &[Run], of: fn(&Run) -> u32| {
        found.extend(runs.iter().map(|run| Cause {
            kind,
            participant: Some(person.id),
            from: run.from,
            to: run.to,
            amount: of(run),
        }));
    };
    // A machine's own trouble and a device's are nobody else's fault.
    let cpu = bad_runs(signs.iter(), |s| s.cpu.map(u32::from), 0);
    let own: Vec<&Signs> = signs.iter().filter(|s| !shared.explains(s)).collect();
    let elsewhere = || shared.link.iter().chain(&shared.cpu).chain(&cpu);
    let way = |loss: fn(&Signs) -> Option<u16>, narrow: fn(&Signs) -> Option<u32>| {
        let loss = bad_runs(own.iter().copied(), |s| loss(s).map(u32::from), LOSS);
        let narrow = bad_runs(own.iter().copied(), narrow, 0);
        let (mut loss, mut narrow) = one_of_both(loss, narrow);
        let beside =
            |run: &Run, most: u64| run.length() <= most && elsewhere().any(|e| e.touches(run));
        loss.retain(|run| !beside(run, EDGE_MS));
        narrow.retain(|run| !beside(run, AFTERMATH_MS));
        (loss, narrow)
    };
    let (loss_up, narrow_up) = way(|s| s.loss_up, |s| s.narrow_up);
    let (loss_down, narrow_down) = way(|s| s.loss_down, |s| s.narrow_down);
    let most: fn(&Run) -> u32 = |run| run.most;
    let least: fn(&Run) -> u32 = |run| run.least;
    add(CauseKind::LossUp, &loss_up, most);
    add(CauseKind::LossDown, &loss_down, most);
    add(CauseKind::BandwidthUp, &narrow_up, least);
    add(CauseKind::BandwidthDown, &narrow_down, least);
    add(CauseKind::Cpu, &cpu, most);
    let mic = device(person, signs, CallDevice::Microphone, |s| s.mic);
    add(CauseKind::Microphone, &mic, most);
    let speaker = device(person, signs, CallDevice::Speaker, |s| s.speaker);
    add(CauseKind::Speaker, &speaker, most);
    found
}

fn bad_runs<'a>(
    signs: impl Iterator<Item = &'a Signs>,
    of: impl Fn(&Signs) -> Option<u32>,
    least: u32,
) -> Vec<Run> {
    let bad = signs.filter_map(|s| Some(bad(s, of(s)?)));
    runs(&bad.collect::<Vec<_>>(), least)
}

/// A way that gets narrow loses at first, until the sender gives in; one that loses holds a sender back that takes it for narrow, for
/// a while longer than it lasts. What follows upon the other is the same trouble, and has the name of what it was for longer.
fn one_of_both(mut loss: Vec<Run>, mut narrow: Vec<Run>) -> (Vec<Run>, Vec<Run>) {
    while let Some((l, n)) = touching(&loss, &narrow) {
        match loss[l].length() >= narrow[n].length() {
            true => {
                // Being held back lasts longer than the loss did.
                let held = narrow.remove(n);
                loss[l].from = loss[l].from.min(held.from);
            }
            false => {
                let lost = loss.remove(l);
                narrow[n].from = narrow[n].from.min(lost.from);
                narrow[n].to = narrow[n].to.max(lost.to);
            }
        }
    }
    (loss, narrow)
}

fn touching(loss: &[Run], narrow: &[Run]) -> Option<(usize, usize)> {
    let find = |l: &Run| narrow.iter().position(|n| l.touches(n));
    let mut found = loss.iter().enumerate();
    found.find_map(|(at, l)| Some((at, find(l)?)))
}

/// The minute, which weighs what it amounts to.
fn bad(signs: &Signs, amount: u32) -> Bad {
    Bad {
        from: signs.from,
        to: signs.to,
        amount,
        weight: amount,
    }
}

/// Minutes in which the device gave nothing, and times at which it went away and nothing took its place.
fn device(
    person: &CallPerson,
    signs: &[Signs],
    which: CallDevice,
    of: fn(&Signs) -> Option<u16>,
) -> Vec<Run> {
    let silent = signs.iter().filter_map(|s| Some(bad(s, u32::from(of(s)?))));
    let mut all: Vec<Bad> = silent.collect();
    let notes = notes(person, which);
    for (i, (at, change)) in notes.iter().enumerate() {
        if !matches!(change, DeviceChange::Lost | DeviceChange::Failed) {
            continue;
        }
        let works =
            |change: &DeviceChange| matches!(change, DeviceChange::Back | DeviceChange::Changed);
        let later = notes[i..].iter().find(|(_, change)| works(change));
        let until = later.map_or(at + MISSED_MS, |(at, _)| *at);
        if until - at > REPLACED_MS {
            all.push(Bad {
                from: *at,
                to: until,
                amount: 1000,
                weight: 1000,
            });
        }
    }
    all.sort_by_key(|b| b.from);
    runs(&all, 0)
}

/// When what happened to a device, oldest first.
fn notes(person: &CallPerson, which: CallDevice) -> Vec<(u64, DeviceChange)> {
    let minutes = person
        .minutes
        .iter()
        .filter_map(|m| Some((m.to, m.client.as_ref()?)));
    let notes = minutes.flat_map(|(to, client)| client.devices.iter().map(move |note| (to, note)));
    let of_it = notes.filter(|(_, note)| note.device == which);
    let mut all: Vec<_> = of_it
        .map(|(to, note)| (to.saturating_sub(u64::from(note.ago_s) * 1000), note.change))
        .collect();
    all.sort_by_key(|(at, _)| *at);
    all
}
