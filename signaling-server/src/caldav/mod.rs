//! Meetings in people's own calendars. Whoever has an account may name a calendar; every meeting that is theirs or that they are
//! invited to is put there, changed and cancelled with its plan. `confab_caldav` speaks with the calendar; `worker.rs` does so when
//! a plan changes, and again when a server was away; `seal.rs` keeps the password.

mod seal;
mod worker;

pub(crate) use seal::{Seal, SealError};
pub(crate) use worker::{Calendars, Concerned};

use confab_base::AccountId;
use confab_protocol::{CalendarChoice, CalendarState, Code};

/// An account's calendar, as it is stored.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) account: AccountId,
    /// As it was given.
    pub(crate) url: String,
    pub(crate) user: String,
    /// Sealed for this account ([`Seal`]).
    pub(crate) password: Vec<u8>,
    /// The collection that events are put into, absolute, with a slash at its end.
    pub(crate) calendar: String,
    pub(crate) name: String,
    /// All that were found.
    pub(crate) choices: Vec<CalendarChoice>,
    pub(crate) state: CalendarState,
    /// Why not, after the last try.
    pub(crate) error: Option<Code>,
    /// When all was last in the calendar. Milliseconds since 1970, as are all times here.
    pub(crate) pushed_at: Option<u64>,
    /// Tries in a row that failed.
    pub(crate) failures: u32,
    /// Not before that; none: when something changes.
    pub(crate) retry_at: Option<u64>,
    /// Rises when somebody connects anew: what an older push found out is not written over it.
    pub(crate) revision: u32,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("account", &self.account)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
