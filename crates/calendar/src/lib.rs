//! Meetings as iCalendar (RFC 5545), for any calendar program to take in. Single events, in UTC.
#![forbid(unsafe_code)]

mod ics;

pub use ics::Event;
