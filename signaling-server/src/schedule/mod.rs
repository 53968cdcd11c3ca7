//! Meetings that are planned: when they are, who may do what in them, who is invited, which room they take; and what of it
//! took place. The rules of time are `confab_calendar`'s; here they meet the database, the API and the mail.

mod booking;
mod change;
mod feed;
mod list;
mod mail;
pub(crate) mod passcode;
mod plan;
mod planner;
mod policy;
mod wire;

pub(crate) use booking::BookableRoom;
pub(crate) use change::{Change, ChangeError, Scope, Told};
pub(crate) use feed::Feed;
pub(crate) use plan::{
    At, Last, MOST_CO_HOSTS, MOST_EARLIER, MOST_INVITEES, Plan, Segment, Standing, ToldOf,
};
pub use planner::Refused;
pub(crate) use planner::{Changed, Planner};
pub(crate) use policy::{AbsentHost, Lobby, Permissions, SeriesBoards};
pub(crate) use wire::{
    AddTo, Cancel, ChangeMeeting, Created, ListedMeetings, MeetingPlan, NewMeeting, NewRoom,
    Occurrences, line,
};
