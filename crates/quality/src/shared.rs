//! Trouble that all have at once is the server's, not theirs. Minutes of different people do not begin together, so it is looked
//! for in shorter steps.

use crate::runs::{Bad, Run, runs};
use crate::signs::Signs;
use confab_protocol::ServerMinute;

const STEP_MS: u64 = 10_000;
/// Of those who are there, how many have to be hit before it is no chance: quarters, and never one alone.
const QUARTERS: usize = 3;
/// The server's machine is so busy that it may be late, per cent.
const BUSY: u8 = 85;
/// It is too late where it also drops so many packets, in ten thousand.
const DROPPED: u64 = 20;

#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// `amount`: the mean loss of those who were hit, thousandths.
    pub link: Vec<Run>,
    /// `amount`: how busy, per cent.
    pub cpu: Vec<Run>,
}

impl Shared {
    /// Whether a minute's way needs no other reason.
    pub(crate) fn explains(&self, signs: &Signs) -> bool {
        let mut all = self.link.iter().chain(&self.cpu);
        all.any(|run| run.from < signs.to && signs.from < run.to)
    }
}

pub(crate) fn shared(people: &[Vec<Signs>], server: &[ServerMinute]) -> Shared {
    let minutes = || people.iter().flatten();
    let (Some(begin), Some(end)) = (
        minutes().map(|m| m.from).min(),
        minutes().map(|m| m.to).max(),
    ) else {
        return Shared::default();
    };
    let (mut link, mut cpu) = (Vec::new(), Vec::new());
    let mut at = people.iter().map(|p| p.as_slice()).collect::<Vec<_>>();
    for from in (begin..end).step_by(STEP_MS as usize) {
        let here = step(&mut at, from + STEP_MS / 2);
        let hit: Vec<u16> = here.iter().filter_map(|m| m.way).collect();
        let minute = server.iter().find(|s| s.from <= from && from < s.to);
        let is_dropping = minute.is_some_and(|s| s.dropped * 10_000 > s.packets * DROPPED);
        let all = hit.len() >= 2 && hit.len() * 4 >= here.len() * QUARTERS;
        let bad = |amount: u32| Bad {
            from,
            to: (from + STEP_MS).min(end),
            amount,
            weight: STEP_MS as u32,
        };
        match minute.filter(|s| s.cpu >= BUSY) {
            Some(busy) if all || is_dropping => cpu.push(bad(u32::from(busy.cpu))),
            _ if all => {
                let sum: u32 = hit.iter().map(|loss| u32::from(*loss)).sum();
                link.push(bad(sum / hit.len() as u32));
            }
            _ => {}
        }
    }
    let mut found = Shared {
        link: runs(&link, 3 * STEP_MS as u32),
        cpu: runs(&cpu, 3 * STEP_MS as u32),
    };
    // The rest of the same trouble, where the server's minute was only half full of it.
    let cpu = &mut found.cpu;
    found
        .link
        .retain(|run| match cpu.iter_mut().find(|c| run.touches(c)) {
            Some(same) => {
                (same.from, same.to) = (same.from.min(run.from), same.to.max(run.to));
                false
            }
            None => true,
        });
    found
}

/// The minutes that are there at this moment. Each list is looked at once from front to back.
fn step<'a>(lists: &mut [&'a [Signs]], now: u64) -> Vec<&'a Signs> {
    let mut here = Vec::with_capacity(lists.len());
    for list in lists {
        while list.first().is_some_and(|m| m.to <= now) {
            *list = &list[1..];
        }
        here.extend(list.first().filter(|m| m.from <= now));
    }
    here
}
