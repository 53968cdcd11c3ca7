//! When meetings are, and how calendars hear of it: time zones, series and their occurrences, iCalendar (RFC 5545, 5546,
//! 7986) out and in, links for web calendars, rooms that can be booked. Pure: the time is told, zones come out of a
//! database inside the program. docs/CALENDAR.md says what is read and written.
#![forbid(unsafe_code)]

mod booking;
mod itip;
mod links;
mod meeting;
mod read;
mod rule;
mod series;
mod slot;
mod uri;
mod weekdays;
mod when;
mod write;
mod zone;

pub use booking::{
    Booking, Conflict, HORIZON, MOST_COMPARED, NowNext, conflicts, free_busy, now_next,
};
pub use itip::{Answered, Change, Refusal, interpret};
pub use jiff::civil;
pub use links::{Outlook, google, outlook};
pub use meeting::{
    Address, Answer, Attendee, FormError, GuestLink, Kind, MOST_ATTENDEES, MOST_DESCRIPTION,
    MOST_TITLE, Meeting, Person, Role, Uid,
};
pub use read::{
    Calendar, Incoming, LoneOccurrence, MOST_COMPONENTS, MOST_LINES, MOST_OCTETS, ReadError, read,
};
pub use rule::{Ends, MOST_COUNT, MOST_INTERVAL, Pattern, Rule};
pub use series::{MOST_EXCEPTIONS, Override, Series, SeriesError};
pub use slot::{MOST_MINUTES, Slot, SlotError, YEARS};
pub use weekdays::{Weekdays, WeekdaysError};
pub use when::{Doors, Occurrence, Schedule, When, occurrence_name, parse_occurrence_name};
pub use write::{Feed, Ics, MailPart, Method, WriteError, feed};
pub use zone::Zone;
