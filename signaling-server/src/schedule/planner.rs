//! Makes, changes and cancels meetings: rules of `change.rs`, rooms of `booking.rs`, written under a revision. What people are
//! told of it by mail is `mail.rs`'s.

use super::wire::{AddTo, Created, MeetingPlan, OccurrenceBody, Wanted};
use super::{Change, ChangeError, Plan, Told};
use crate::caldav::Concerned;
use crate::clock::wall_ms;
use crate::mail::Post;
use crate::secrets::{Digest, fresh_meeting_id, fresh_secret};
use crate::store::{Database, MeetingRecord, PlanWrite, PlannedMeeting, SeenRoom, StoreError};
use confab_base::AccountId;
use confab_calendar::{Occurrence, Outlook, google, occurrence_name, outlook};
use confab_protocol::{Code, MeetingId, Policy};
use std::borrow::Cow;
use std::sync::Arc;

/// Who else changes the same meeting at once makes us look again so often.
const TRIES: usize = 5;

/// Why something was not done, as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Refused {
    pub code: Code,
    pub message: Cow<'static, str>,
}

impl Refused {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Refused {
        Refused {
            code,
            message: message.into(),
        }
    }
}

pub(crate) fn bad(message: impl Into<Cow<'static, str>>) -> Refused {
    Refused::new(Code::BadValue, message)
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        if matches!(error, StoreError::Stale) {
            return Refused::new(Code::ChangedMeanwhile, "changed meanwhile; look again");
        }
        tracing::error!(%error, "store");
        match error.is_full() {
            true => Refused::new(Code::StorageFull, "the server's disk is full"),
            false => Refused::new(Code::Internal, "the server failed"),
        }
    }
}

impl From<ChangeError> for Refused {
    fn from(error: ChangeError) -> Refused {
        let code = match error {
            ChangeError::NoOccurrence => Code::NotFound,
            ChangeError::Cancelled => Code::MeetingCancelled,
            _ => Code::BadValue,
        };
        Refused::new(code, error.to_string())
    }
}

/// Plans of a server, for the API and the command line alike.
pub(crate) struct Planner {
    pub(crate) store: Arc<Database>,
    /// Without a trailing slash.
    pub(crate) public_url: String,
    /// Letters, and who invites where a plan names nobody.
    pub(crate) post: Arc<Post>,
    /// Whose own calendars hear of it.
    pub(crate) concerned: Concerned,
}

/// A meeting before and after a change.
pub(crate) struct Changed {
    pub(crate) before: PlannedMeeting,
    pub(crate) after: PlannedMeeting,
    pub(crate) told: Told,
}

impl Planner {
    pub(crate) async fn create(
        &self,
        owner: Option<AccountId>,
        wanted: Wanted,
    ) -> Result<(Created, PlannedMeeting), Refused> {
        let now = wall_ms();
        let host_key = fresh_secret();
        let record = MeetingRecord {
            id: fresh_meeting_id(),
            title: wanted.title,
            host_key: Digest::of(&host_key),
            starts_at: wanted.starts_at.unwrap_or(now),
            minutes: wanted.minutes,
            created_at: now,
            locked: false,
            ended: false,
            cancelled: false,
            policy: Policy::default(),
            passcode: None,
            owner,
            co_hosts: Vec::new(),
        };
        let mut plan = Plan::of_record(&record);
        if let Some(schedule) = wanted.schedule {
            plan.schedule = schedule;
        }
        plan.begin(wanted.rest);
        for _ in 0..TRIES {
            let room = self.fit(&record.id, &plan, now).await?;
            let (record, plan) = (record.clone(), Box::new(plan.clone()));
            let id = record.id.clone();
            match self
                .store
                .write_plan(PlanWrite::Create { record, plan, room })
                .await
            {
                Err(StoreError::Stale) => continue,
                other => other?,
            }
            let made = self.meeting(&id).await?;
            self.concerned.by(&[&made]);
            tracing::info!(meeting = ?id, "meeting created");
            return Ok((self.created(&made, &host_key), made));
        }
        Err(StoreError::Stale.into())
    }

    pub(crate) async fn meeting(&self, id: &MeetingId) -> Result<PlannedMeeting, Refused> {
        let found = self.store.planned(id).await?;
        found.ok_or_else(|| Refused::new(Code::MeetingNotFound, "no such meeting"))
    }

    /// `seen`: the revision the asker looked at; none: whatever it is.
    pub(crate) async fn change(
        &self,
        id: &MeetingId,
        seen: Option<u32>,
        change: Change,
    ) -> Result<Changed, Refused> {
        for _ in 0..TRIES {
            let before = self.meeting(id).await?;
            check_seen(&before, seen)?;
            let now = wall_ms();
            let title = change
                .title
                .clone()
                .filter(|_| change.scope == super::Scope::All);
            let (plan, told) = before.plan.changed(change.clone(), now)?;
            let moved = plan.room != before.plan.room || plan.sequence != before.plan.sequence;
            let room = match moved && !plan.cancelled {
                true => self.fit(id, &plan, now).await?,
                false => None,
            };
            let write = PlanWrite::Change {
                id: id.clone(),
                title: title.unwrap_or_else(|| before.record.title.clone()),
                plan: Box::new(plan),
                room,
            };
            match self.store.write_plan(write).await {
                Err(StoreError::Stale) => continue,
                other => other?,
            }
            let after = self.meeting(id).await?;
            self.concerned.by(&[&before, &after]);
            return Ok(Changed {
                before,
                after,
                told,
            });
        }
        Err(StoreError::Stale.into())
    }

    /// A new host key; the old one is worth nothing from now on.
    pub(crate) async fn rotate(
        &self,
        id: &MeetingId,
        seen: Option<u32>,
    ) -> Result<Created, Refused> {
        let before = self.meeting(id).await?;
        check_seen(&before, seen)?;
        let host_key = fresh_secret();
        let write = PlanWrite::HostKey {
            id: id.clone(),
            key: Digest::of(&host_key),
            seen: before.plan.revision,
        };
        self.store.write_plan(write).await?;
        Ok(self.created(&self.meeting(id).await?, &host_key))
    }

    async fn fit(
        &self,
        id: &MeetingId,
        plan: &Plan,
        now: u64,
    ) -> Result<Option<SeenRoom>, Refused> {
        let Some(room) = &plan.room else {
            return Ok(None);
        };
        let room = self.store.room(room, now).await?;
        let room = room.ok_or_else(|| Refused::new(Code::NotFound, "no such room"))?;
        room.fits(id, plan, now).map(Some)
    }

    pub(crate) fn created(&self, meeting: &PlannedMeeting, host_key: &str) -> Created {
        let guest_link = self.link(&meeting.record.id);
        Created {
            id: meeting.record.id.clone(),
            host_link: format!("{guest_link}#host={host_key}"),
            guest_link,
            revision: meeting.plan.revision,
            mails: self.post.goes(),
        }
    }

    pub(crate) fn link(&self, id: &MeetingId) -> String {
        format!("{}/m/{id}", self.public_url)
    }

    /// As its host sees it.
    pub(crate) fn shown(&self, meeting: PlannedMeeting) -> MeetingPlan {
        let now = wall_ms();
        let stands = meeting.as_it_stands(now);
        let next = meeting.plan.live(now).or_else(|| meeting.plan.next(now));
        let next = next.map(|o| occurrence_body(&meeting, &o));
        let add_to = self.add_to(&meeting, now);
        let PlannedMeeting { record, plan, .. } = meeting;
        MeetingPlan {
            guest_link: self.link(&record.id),
            id: record.id,
            title: record.title,
            description: plan.description,
            schedule: plan.schedule,
            earlier: plan.earlier,
            passcode: plan.passcode.is_some(),
            lobby: plan.lobby,
            absent_host: plan.absent_host,
            permissions: plan.permissions,
            boards: plan.boards,
            expires_at: plan.expires_at,
            cancelled: plan.cancelled,
            ended: stands.ended,
            owner: plan.owner,
            organizer: plan.organizer,
            invitees: plan.invitees,
            co_hosts: plan.co_hosts,
            room: plan.room,
            created_at: record.created_at,
            changed_at: plan.stamp,
            revision: plan.revision,
            sequence: plan.sequence,
            next,
            add_to,
            mails: self.post.goes(),
        }
    }

    /// What whoever has the link is offered: nothing of what is over or cancelled, or was never planned.
    pub(crate) fn offered(&self, meeting: &PlannedMeeting, now: u64) -> Option<AddTo> {
        let meant = meeting.plan.meant(now)?;
        let off = meant.cancelled || meeting.as_it_stands(now).ended;
        self.add_to(meeting, now).filter(|_| !off)
    }

    /// Of what comes: the newest stretch of a series.
    pub(crate) fn add_to(&self, meeting: &PlannedMeeting, now: u64) -> Option<AddTo> {
        let newest = meeting.plan.segments().pop();
        let event = self.event(meeting, newest.filter(|_| !meeting.plan.cancelled)?);
        Some(AddTo {
            google: google(&event),
            outlook: outlook(Outlook::Office, &event, now),
            outlook_live: outlook(Outlook::Live, &event, now),
        })
    }
}

fn check_seen(meeting: &PlannedMeeting, seen: Option<u32>) -> Result<(), Refused> {
    match seen.is_none_or(|seen| seen == meeting.plan.revision) {
        true => Ok(()),
        false => Err(StoreError::Stale.into()),
    }
}

pub(crate) fn occurrence_body(meeting: &PlannedMeeting, occurrence: &Occurrence) -> OccurrenceBody {
    let title = occurrence.title.as_ref().unwrap_or(&meeting.record.title);
    OccurrenceBody {
        name: Some(occurrence_name(occurrence.id)),
        title: title.clone(),
        begins_at: occurrence.begins_at,
        ends_at: occurrence.ends_at,
        zone: Some(occurrence.slot.zone().name().to_owned()),
        cancelled: occurrence.cancelled || meeting.plan.cancelled,
        held: None,
    }
}

impl Plan {
    /// Sets what a new meeting is made with.
    fn begin(&mut self, rest: Change) {
        self.description = rest.description.unwrap_or_default();
        self.passcode = rest.passcode.flatten();
        self.lobby = rest.lobby.unwrap_or_default();
        self.absent_host = rest.absent_host.unwrap_or_default();
        self.permissions = rest.permissions.unwrap_or_default();
        self.boards = rest.boards.unwrap_or_default();
        self.expires_at = rest.expires_at.flatten();
        self.organizer = rest.organizer.flatten();
        self.invitees = rest.invitees.unwrap_or_default();
        self.co_hosts = rest.co_hosts.unwrap_or_default();
        self.room = rest.room.flatten();
    }
}
