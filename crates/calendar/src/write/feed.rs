//! A calendar to subscribe to: many meetings in one file.

use super::event::Scope;
use super::{Ics, Method, begin, end, zones};
use crate::{Meeting, Zone};

/// A subscription as calendars show it.
#[derive(Clone, Copy, Debug)]
pub struct Feed<'a> {
    /// What the calendar is called.
    pub name: &'a str,
    /// How often to fetch it again, in minutes; at least one.
    pub every_minutes: u32,
}

/// All `meetings` in one file, each zone defined once for all of them. The refresh interval and the name are said in RFC 7986's way and in
/// the older ones, which Google, Outlook and Apple still read.
pub fn feed(feed: Feed<'_>, meetings: &[Meeting]) -> Ics {
    // A message needs an organizer in every event; without, it is a plain calendar, which subscribers read as well.
    let all_organized = meetings.iter().all(|m| m.organizer.is_some());
    let method = all_organized.then_some(Method::Publish);
    let mut lines = begin(method);
    lines.text("NAME", feed.name);
    lines.text("X-WR-CALNAME", feed.name);
    let every = feed.every_minutes.max(1);
    lines.add(&format!("REFRESH-INTERVAL;VALUE=DURATION:PT{every}M"));
    lines.add(&format!("X-PUBLISHED-TTL:PT{every}M"));
    for (zone, first, last) in zones_of(meetings) {
        zones::define(&mut lines, zone, first, last);
    }
    if meetings.is_empty() {
        zones::define_utc(&mut lines); // A calendar holds at least one component (RFC 5545, 3.6).
    }
    for meeting in meetings {
        meeting.write_events(&mut lines, Scope::PUBLISHED);
    }
    end(lines, method)
}

/// Zones with the stretch of time any of the meetings needs them for.
fn zones_of(meetings: &[Meeting]) -> Vec<(&Zone, u64, Option<u64>)> {
    let mut found: Vec<(&Zone, u64, Option<u64>)> = Vec::new();
    for meeting in meetings {
        let (first, last) = meeting.span();
        for zone in meeting.zones() {
            match found.iter_mut().find(|(known, ..)| *known == zone) {
                Some((_, from, until)) => {
                    *from = first.min(*from);
                    *until = until.zip(last).map(|(a, b)| a.max(b));
                }
                None => found.push((zone, first, last)),
            }
        }
    }
    found
}
