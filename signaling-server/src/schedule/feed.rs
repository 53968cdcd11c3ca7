//! Calendars to subscribe to. The link holds a token; it can be revoked, and only its digest is stored.

use super::{Planner, Refused};
use crate::secrets::Digest;
use confab_base::AccountId;
use confab_calendar::Ics;

#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) id: String,
    pub(crate) token: Digest,
    /// None: all meetings of the server.
    pub(crate) owner: Option<AccountId>,
    pub(crate) name: String,
    /// Milliseconds since 1970.
    pub(crate) created_at: u64,
}

/// What is over stays in the calendar so long, milliseconds.
const PAST: u64 = 90 * 24 * 3_600_000;
/// Meetings of one feed; the newest count.
const MOST: u32 = 1_000;
const EVERY_MINUTES: u32 = 60;

impl Planner {
    /// The calendar as it is at `now`.
    pub(crate) async fn feed(&self, feed: &Feed, now: u64) -> Result<Ics, Refused> {
        let from = now.saturating_sub(PAST);
        let owner = feed.owner.as_ref();
        let meetings = self
            .store
            .planned_between(owner, from, u64::MAX, MOST)
            .await?;
        let events: Vec<_> = meetings
            .iter()
            .flat_map(|m| m.plan.calendar(&self.told_of(m)))
            .collect();
        let named = confab_calendar::Feed {
            name: if feed.name.is_empty() {
                "Confab"
            } else {
                &feed.name
            },
            every_minutes: EVERY_MINUTES,
        };
        Ok(confab_calendar::feed(named, &events))
    }
}
