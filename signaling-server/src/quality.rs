//! How calls went: takes the minutes that meetings tell, adds the server's own, keeps them for a while, and answers those who look
//! after the server. It never holds a meeting up: what does not fit into its queue is dropped, and counted.

use crate::clock::wall_ms;
use crate::counters::{Counter, Counters};
use crate::handover::Duty;
use crate::media::Media;
use crate::sfu::SfuCounters;
use crate::store::{Database, MinuteRecord, QualityWrite, StoreError};
use confab_priority::MachineLoad;
use confab_protocol::{Call, CallDetails, GOOD_SCORE, MeetingId, ServerMinute};
use confab_quality::{causes, score};
use confab_room::MinuteOf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Minutes that wait to be written: each of 4000 people's, once.
const QUEUE: usize = 4096;
const MINUTE: Duration = Duration::from_secs(60);
const DAY_MS: u64 = 24 * 3_600_000;
/// Minutes of a call that are told at once: ten people for a day, or 200 for more than an hour.
const MOST_MINUTES: u32 = 15_000;
/// A day of the server's own.
const MOST_SERVER_MINUTES: u32 = 1440;
/// Calls of one page.
pub(crate) const PAGE: u32 = 50;

/// Upper bounds of the histogram's steps, tenths of a mean opinion score.
pub(crate) const SCORE_STEPS: [u8; 6] = [20, 25, 31, 36, 40, 43];

/// How good minutes were, since the start: of all people in all meetings together.
#[derive(Debug, Default)]
pub(crate) struct Scores {
    /// One for each step, and one for what is above.
    steps: [Counter; SCORE_STEPS.len() + 1],
    tenths: Counter,
}

impl Scores {
    pub(crate) fn note(&self, score: u8) {
        let step = SCORE_STEPS.iter().position(|most| score <= *most);
        self.steps[step.unwrap_or(SCORE_STEPS.len())].add();
        self.tenths.add_many(u64::from(score));
    }

    /// Minutes of each step by itself, and the sum of all scores in tenths.
    pub(crate) fn read(&self) -> ([u64; SCORE_STEPS.len() + 1], u64) {
        (
            std::array::from_fn(|i| self.steps[i].read()),
            self.tenths.read(),
        )
    }
}

pub(crate) struct Quality {
    store: Arc<Database>,
    /// `None`: nothing is kept.
    queue: Option<mpsc::Sender<MinuteRecord>>,
    counters: Arc<Counters>,
    pub(crate) scores: Scores,
    /// How busy the machine was in the last whole minute, per cent.
    busy: Arc<AtomicU8>,
}

impl Quality {
    /// Keeps minutes for `days` from now on; 0: none.
    pub(crate) fn start(
        store: Arc<Database>,
        media: Arc<Media>,
        counters: Arc<Counters>,
        days: u32,
        (stop, duty): (CancellationToken, Duty),
    ) -> Arc<Quality> {
        let (queue, minutes) = mpsc::channel(QUEUE);
        let keeps = days > 0;
        if keeps {
            tokio::spawn(write_always(Arc::clone(&store), minutes));
        }
        let busy = Arc::new(AtomicU8::new(0));
        let own = Watch {
            store: Arc::clone(&store),
            media,
            days,
            busy: Arc::clone(&busy),
        };
        tokio::spawn(duty.run(own.always(stop)));
        Arc::new(Quality {
            store,
            queue: keeps.then_some(queue),
            counters,
            scores: Scores::default(),
            busy,
        })
    }

    /// A minute of somebody in a meeting is over.
    pub(crate) fn note(&self, meeting: &MeetingId, title: &str, minute: MinuteOf) {
        let score = score(minute.report.as_ref(), minute.measured.as_ref());
        self.counters.minutes.add();
        if score < GOOD_SCORE {
            self.counters.poor_minutes.add();
        }
        self.scores.note(score);
        let Some(queue) = &self.queue else { return };
        let record = MinuteRecord {
            meeting: meeting.clone(),
            title: title.to_owned(),
            minute,
            score,
        };
        if queue.try_send(record).is_err() {
            self.counters.minutes_dropped.add();
        }
    }

    /// 0 to 1.
    pub(crate) fn busy(&self) -> f64 {
        f64::from(self.busy.load(Ordering::Relaxed)) / 100.0
    }

    /// Newest first, and the number before which the next page begins.
    pub(crate) async fn calls(&self, before: u32) -> Result<(Vec<Call>, Option<u32>), StoreError> {
        let mut calls = self.store.calls(before, PAGE + 1).await?;
        let more = calls.len() > PAGE as usize;
        calls.truncate(PAGE as usize);
        let next = calls.last().map(|c| c.id).filter(|_| more);
        Ok((calls, next))
    }

    pub(crate) async fn call(&self, id: u32) -> Result<Option<CallDetails>, StoreError> {
        let Some(call) = self.store.call(id).await? else {
            return Ok(None);
        };
        let people = self.store.call_people(id, MOST_MINUTES).await?;
        let told = people.iter().flat_map(|p| &p.minutes);
        let cut = call.minutes > MOST_MINUTES;
        let from = told
            .map(|m| m.from)
            .min()
            .filter(|_| cut)
            .unwrap_or(call.from);
        let span = (from, call.to);
        let server = self.store.server_minutes(span, MOST_SERVER_MINUTES).await?;
        Ok(Some(CallDetails {
            causes: causes(&people, &server),
            call,
            people,
            server,
            cut,
        }))
    }
}

/// One after the other; those that wait go into one transaction by themselves, since the writer takes what is waiting.
async fn write_always(store: Arc<Database>, mut minutes: mpsc::Receiver<MinuteRecord>) {
    let mut batch = Vec::new();
    while minutes.recv_many(&mut batch, 64).await > 0 {
        let mut writes = Vec::with_capacity(batch.len());
        for record in batch.drain(..) {
            let write = QualityWrite::Minute(Box::new(record));
            writes.push(store.write_quality(write));
        }
        for result in futures_util::future::join_all(writes).await {
            match result {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                // Its meeting is gone, or the disk is full: calls go on.
                Err(error) => tracing::warn!(%error, "writing a minute of a call"),
            }
        }
    }
}

/// The server's own minutes; and forgets what is too old.
struct Watch {
    store: Arc<Database>,
    media: Arc<Media>,
    days: u32,
    busy: Arc<AtomicU8>,
}

impl Watch {
    async fn always(self, stop: CancellationToken) {
        let mut load = MachineLoad::new();
        load.look();
        let mut before = (self.media.counters(), wall_ms());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(MINUTE) => {}
            }
            let now = (self.media.counters(), wall_ms());
            let cpu = (load.look() * 100.0).round() as u8;
            self.busy.store(cpu, Ordering::Relaxed);
            let minute = minute(&before, &now, cpu);
            before = now;
            match self.keep(minute).await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "writing the server's minute"),
            }
        }
    }

    async fn keep(&self, minute: ServerMinute) -> Result<(), StoreError> {
        let kept = u64::from(self.days) * DAY_MS;
        let forget = QualityWrite::Forget(minute.to.saturating_sub(kept));
        if self.days > 0 {
            let write = QualityWrite::Server(minute);
            self.store.write_quality(write).await?;
        }
        self.store.write_quality(forget).await
    }
}

/// Between two readings, each with its time.
fn minute(before: &(SfuCounters, u64), now: &(SfuCounters, u64), cpu: u8) -> ServerMinute {
    let dropped = |c: &SfuCounters| c.queue_full + c.not_sent;
    ServerMinute {
        from: before.1,
        to: now.1,
        cpu,
        packets: now.0.datagrams_out.saturating_sub(before.0.datagrams_out),
        dropped: dropped(&now.0).saturating_sub(dropped(&before.0)),
    }
}
