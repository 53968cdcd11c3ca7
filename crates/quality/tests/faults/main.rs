//! Whether causes are named right: faults of eight kinds injected into simulated calls, and calls without any. What is done to a
//! call is drawn from ranges of physical size; how it shows is left to links, senders and machines.

mod call;
mod person;

use call::{ALL, Call, Fault, call};
use confab_protocol::Cause;
use confab_quality::causes;

/// Named with the right kind and person over at least half of its time, and nothing else named in the whole call.
fn is_right(call: &Call, named: &[Cause]) -> bool {
    let Some(truth) = call.truth else {
        return named.is_empty();
    };
    let is_it = |c: &Cause| c.kind == truth.kind && c.participant == truth.participant;
    let covered: u64 = named
        .iter()
        .filter(|c| is_it(c))
        .map(|c| c.to.min(truth.to).saturating_sub(c.from.max(truth.from)))
        .sum();
    named.iter().all(is_it) && covered * 2 >= truth.to - truth.from
}

/// How many of so many calls are named right, each with its own seed.
fn right(fault: Option<Fault>, seeds: std::ops::Range<u64>) -> usize {
    let seeds = seeds.filter(|seed| {
        let call = call(fault, *seed);
        let named = causes(&call.people, &call.server);
        let is_right = is_right(&call, &named);
        if !is_right {
            eprintln!("{fault:?}, seed {seed}: {:?} named {named:?}", call.truth);
        }
        is_right
    });
    seeds.count()
}

#[test]
fn nine_of_ten_injected_faults_are_named_and_nothing_else_is() {
    let by_kind = ALL.map(|fault| (fault, right(Some(fault), 1000..1005)));
    eprintln!("of 5 each: {by_kind:?}");
    let all: usize = by_kind.iter().map(|(_, n)| n).sum();
    assert!(all >= 36, "{all} of 40");
}

#[test]
fn that_was_no_luck() {
    let by_kind = ALL.map(|fault| (fault, right(Some(fault), 0..25)));
    eprintln!("of 25 each: {by_kind:?}");
    let all: usize = by_kind.iter().map(|(_, n)| n).sum();
    assert!(all >= 180, "{all} of 200");
    assert!(by_kind.iter().all(|(_, n)| *n >= 20), "{by_kind:?}");
}

#[test]
fn at_most_one_of_twenty_calls_without_a_fault_is_blamed() {
    let quiet = right(None, 0..100);
    eprintln!("of 100 calls without a fault, {quiet} have no cause");
    assert!(quiet >= 95, "{quiet} of 100");
}
