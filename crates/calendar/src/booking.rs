//! Rooms as resources: who has them when, whether a new meeting fits in, and what the display beside the door says.

use crate::{Occurrence, When};
use std::ops::Range;

/// How far ahead endless series are compared, in milliseconds: two years.
pub const HORIZON: u64 = 2 * 366 * 24 * 3_600_000;
/// Occurrences of one booking that are compared; a daily meeting in [`HORIZON`] has fewer.
pub const MOST_COMPARED: usize = 5_000;

/// A meeting in a room. `id` is whatever its owner knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking<Id> {
    pub id: Id,
    pub when: When,
}

/// Two meetings at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict<Id> {
    /// The booking that is there already.
    pub with: Id,
    pub wanted: Occurrence,
    pub taken: Occurrence,
}

/// What a door display shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NowNext<Id> {
    pub now: Option<(Id, Occurrence)>,
    pub next: Option<(Id, Occurrence)>,
    /// Until when the room stays as it is now, taken or free, milliseconds since 1970. None: free for as long as was looked ahead.
    pub until: Option<u64>,
}

/// Where `wanted` meets bookings of the same room in `span` (milliseconds since 1970; [`HORIZON`] from now is what a server asks for):
/// at most `limit` conflicts, the earliest. One meeting may begin as another ends.
pub fn conflicts<Id: Clone>(
    wanted: &When,
    booked: &[Booking<Id>],
    span: Range<u64>,
    limit: usize,
) -> Vec<Conflict<Id>> {
    let wanted = busy(wanted, &span);
    let mut found = Vec::new();
    for booking in booked {
        let taken = busy(&booking.when, &span);
        found.extend(
            meetings(&wanted, &taken, limit)
                .into_iter()
                .map(|(wanted, taken)| Conflict {
                    with: booking.id.clone(),
                    wanted,
                    taken,
                }),
        );
    }
    found.sort_by_key(|c| (c.wanted.begins_at, c.taken.begins_at));
    found.truncate(limit);
    found
}

/// Pairs that overlap, of two lists in order of their beginnings. Neither list need be free of overlaps in itself.
fn meetings(
    wanted: &[Occurrence],
    taken: &[Occurrence],
    limit: usize,
) -> Vec<(Occurrence, Occurrence)> {
    let mut pairs = Vec::new();
    let longest = taken
        .iter()
        .map(|t| t.ends_at - t.begins_at)
        .max()
        .unwrap_or(0);
    for w in wanted {
        let earliest = w.begins_at.saturating_sub(longest);
        let from = taken.partition_point(|t| t.begins_at < earliest);
        let near = taken[from..].iter().take_while(|t| t.begins_at < w.ends_at);
        for t in near.filter(|t| t.ends_at > w.begins_at) {
            if pairs.len() >= limit {
                return pairs;
            }
            pairs.push((w.clone(), t.clone()));
        }
    }
    pairs
}

fn busy(when: &When, span: &Range<u64>) -> Vec<Occurrence> {
    let mut all = when.occurrences(span.start, span.end, MOST_COMPARED);
    all.retain(|o| !o.cancelled);
    all
}

/// What is in the room at `now` and what comes next, looking `ahead` milliseconds.
pub fn now_next<Id: Clone>(booked: &[Booking<Id>], now: u64, ahead: u64) -> NowNext<Id> {
    let span = now..now.saturating_add(ahead.max(1));
    let mut all: Vec<(Id, Occurrence)> = Vec::new();
    for booking in booked {
        let near = busy(&booking.when, &span);
        all.extend(near.into_iter().map(|o| (booking.id.clone(), o)));
    }
    all.sort_by_key(|(_, o)| o.begins_at);
    let current = all.iter().rfind(|(_, o)| o.begins_at <= now).cloned();
    let next = all.iter().find(|(_, o)| o.begins_at > now).cloned();
    let taken_until = merged(all.iter().map(|(_, o)| o.begins_at..o.ends_at).collect());
    let until = match taken_until.iter().find(|taken| taken.contains(&now)) {
        Some(taken) => Some(taken.end),
        None => next.as_ref().map(|(_, o)| o.begins_at),
    };
    NowNext {
        now: current,
        next,
        until,
    }
}

/// When the room, or a person, is taken in `span`: in order, apart from one another, cut to `span`.
pub fn free_busy<Id>(booked: &[Booking<Id>], span: Range<u64>) -> Vec<Range<u64>> {
    let all = booked.iter().flat_map(|b| busy(&b.when, &span));
    merged(
        all.map(|o| o.begins_at.max(span.start)..o.ends_at.min(span.end))
            .collect(),
    )
}

/// Ranges that touch become one.
fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|r| r.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
