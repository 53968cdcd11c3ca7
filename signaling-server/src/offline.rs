//! The data directory without a server on top, for the command line. A server may run on it at the same time: both write under
//! the same locks and revisions. Letters go out from here, too.

use crate::clock::wall_ms;
use crate::config::Config;
use crate::http;
use crate::rooms::new_meeting;
use crate::schedule::{ChangeMeeting, NewMeeting, Planner, Refused};
use crate::server::{StartError, make_data_dir, planner, post};
use crate::store::{Database, MeetingRecord, Store};
use crate::traces::Traces;
use confab_protocol::{Code, CreateMeeting, MeetingCreated, MeetingId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long the command line waits for the mail server.
const LETTERS: Duration = Duration::from_secs(60);

/// A meeting as the command line lists it.
#[derive(Clone, Debug)]
pub struct MeetingSummary {
    pub guest_link: String,
    pub title: String,
    /// Milliseconds since 1970; of a series, of the occurrence that is meant now.
    pub starts_at: u64,
    pub locked: bool,
    pub ended: bool,
    pub cancelled: bool,
}

/// An occurrence as the command line lists it.
#[derive(Clone, Debug)]
pub struct OccurrenceSummary {
    pub guest_link: String,
    /// Its name in its meeting; none where nothing was planned.
    pub name: Option<String>,
    pub title: String,
    /// Milliseconds since 1970.
    pub begins_at: u64,
    pub ends_at: u64,
    pub cancelled: bool,
}

pub struct Offline {
    pub(crate) store: Arc<Database>,
    pub(crate) planner: Arc<Planner>,
}

impl std::fmt::Debug for Offline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offline")
            .field("public_url", &self.planner.public_url)
            .finish_non_exhaustive()
    }
}

impl Offline {
    pub async fn open(config: &Config) -> Result<Offline, StartError> {
        make_data_dir(&config.data_dir)?;
        let store = Arc::new(Database::open(config).await?);
        let public_url = config.public_url(config.listen);
        let post = post(config, &public_url, &Traces::default())?;
        let planner = planner(Arc::clone(&store), &public_url, post);
        Ok(Offline { store, planner })
    }

    pub async fn create_meeting(&self, wanted: CreateMeeting) -> Result<MeetingCreated, Code> {
        let (record, host_key) = new_meeting(wanted)?;
        let id: MeetingId = record.id.clone();
        self.store.create(record).await.map_err(|error| {
            tracing::error!(%error, "store");
            Code::Internal
        })?;
        Ok(http::links(&self.planner.public_url, id, &host_key))
    }

    /// Makes a meeting as `POST /api/v1/meetings` does; `body` is of the same form.
    pub async fn plan(&self, body: Value) -> Result<MeetingCreated, Refused> {
        let wanted: NewMeeting = parsed(body)?;
        let (created, meeting) = self.planner.create(None, wanted.checked()?).await?;
        self.planner.invite(&meeting);
        Ok(MeetingCreated {
            id: created.id,
            guest_link: created.guest_link,
            host_link: created.host_link,
        })
    }

    /// Changes a meeting as `PATCH /api/v1/meetings/{id}` does.
    pub async fn change(&self, id: &MeetingId, body: Value) -> Result<(), Refused> {
        let wanted: ChangeMeeting = parsed(body)?;
        let changed = self.planner.change(id, None, wanted.checked()?).await?;
        self.planner.tell(&changed);
        Ok(())
    }

    /// A new host link. A server that runs learns of it when the meeting next wakes; its API tells it at once.
    pub async fn new_host_key(&self, id: &MeetingId) -> Result<String, Refused> {
        Ok(self.planner.rotate(id, None).await?.host_link)
    }

    /// Newest first, at most `limit`.
    pub async fn meetings(&self, limit: u32) -> Result<Vec<MeetingSummary>, StartError> {
        let summary = |record: MeetingRecord| MeetingSummary {
            guest_link: self.planner.link(&record.id),
            title: record.title,
            starts_at: record.starts_at,
            locked: record.locked,
            ended: record.ended,
            cancelled: record.cancelled,
        };
        let all = self.store.list(limit).await?;
        Ok(all.into_iter().map(summary).collect())
    }

    /// What takes place in the next `days`, by its beginning, at most `limit`.
    pub async fn upcoming(
        &self,
        days: u32,
        limit: usize,
    ) -> Result<Vec<OccurrenceSummary>, Refused> {
        let now = wall_ms();
        let until = now + u64::from(days) * 24 * 3_600_000;
        let found = self.planner.list(None, now..until, limit).await?;
        let summary = found.occurrences.into_iter().map(|l| OccurrenceSummary {
            guest_link: l.guest_link,
            name: l.occurrence.name,
            title: l.occurrence.title,
            begins_at: l.occurrence.begins_at,
            ends_at: l.occurrence.ends_at,
            cancelled: l.occurrence.cancelled,
        });
        Ok(summary.collect())
    }

    /// Waits until letters are sent, then closes. False: some could not be sent in a minute.
    pub async fn close(self) -> Result<bool, StartError> {
        let sent = match self.planner.post.mailer() {
            Some(mailer) => tokio::time::timeout(LETTERS, mailer.idle()).await.is_ok(),
            None => true,
        };
        self.store.close().await?;
        Ok(sent)
    }
}

fn parsed<T: DeserializeOwned>(body: Value) -> Result<T, Refused> {
    serde_json::from_value(body).map_err(|e| Refused::new(Code::BadMessage, e.to_string()))
}
