//! Webhooks: what admins do with them, and the task that carries their letters. The store writes the letters down with what they
//! tell of (`store/webhooks.rs`), `confab_webhook` says when each is sent, signs it and gives it up, `confab_egress` keeps it out of
//! private networks. Meetings wait for none of it.

mod worker;

use crate::caldav::Seal;
use crate::clock::wall_ms;
use crate::handover::Duty;
use crate::store::{Database, HookRecord, HookWrite, StoreError};
use crate::traces::Traces;
use confab_egress::{Agent, Certificate, Reach};
use confab_protocol::{
    ChangeWebhook, Code, Delivery, HookEvent, NewWebhook, Page, Webhook, WebhookMade,
};
use confab_webhook::{Input, Rules, Secret};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Webhooks of a server.
const MOST: usize = 20;
/// Letters of one webhook that are shown.
const SHOWN: u32 = 200;
/// From the first packet to the last of one answer.
const WITHIN: Duration = Duration::from_secs(10);
/// What waits for the task; whoever comes then waits too.
const INBOX: usize = 64;

/// `[webhooks]`, as the task needs it.
pub(crate) struct HookSetup {
    pub(crate) reach: Reach,
    pub(crate) authorities: Option<Vec<Certificate<'static>>>,
    pub(crate) retry_seconds: u32,
    pub(crate) tries: u32,
    pub(crate) traces: Traces,
}

pub(crate) struct Hooks {
    store: Arc<Database>,
    seal: Arc<Seal>,
    agent: Agent,
    reach: Reach,
    inbox: mpsc::Sender<Input>,
    traces: Traces,
}

impl Hooks {
    /// Carries letters from now on, while it is this process's duty.
    pub(crate) fn start(
        store: Arc<Database>,
        seal: Arc<Seal>,
        setup: HookSetup,
        duty: Duty,
    ) -> Arc<Hooks> {
        let (inbox, inputs) = mpsc::channel(INBOX);
        let hooks = Arc::new(Hooks {
            store,
            seal,
            agent: confab_egress::agent(setup.reach, setup.authorities, WITHIN),
            reach: setup.reach,
            inbox,
            traces: setup.traces,
        });
        let rules = Rules {
            tries: setup.tries,
            first_rest: u64::from(setup.retry_seconds) * 1000,
            at_once: worker::AT_ONCE,
            kept: worker::KEPT,
        };
        tokio::spawn(duty.run(worker::run(Arc::downgrade(&hooks), inputs, rules)));
        hooks
    }

    pub(crate) async fn list(&self) -> Result<Page<Webhook>, Code> {
        let all = self.store.hooks().await.map_err(failed)?;
        let items = all.into_iter().map(shown).collect();
        Ok(Page { items, next: None })
    }

    pub(crate) async fn make(&self, wish: NewWebhook) -> Result<WebhookMade, Code> {
        let url = self.address(&wish.url)?;
        let events = chosen(wish.events)?;
        if self.store.hooks().await.map_err(failed)?.len() >= MOST {
            return Err(Code::TooMany);
        }
        let secret = Secret::new(rand::random()).text();
        let id = crate::secrets::fresh_secret();
        let sealed = self.seal.seal(&id, &secret).ok_or(Code::Internal)?;
        let record = HookRecord {
            id,
            url,
            secret: sealed,
            events,
            enabled: true,
            gone: false,
            created_at: wall_ms(),
            arrived_at: None,
            waiting: 0,
            dead: 0,
            dropped: 0,
        };
        self.write(HookWrite::Add(Box::new(record.clone()))).await?;
        let webhook = shown(record);
        Ok(WebhookMade { webhook, secret })
    }

    pub(crate) async fn change(&self, id: &str, wish: ChangeWebhook) -> Result<Webhook, Code> {
        let before = self.record(id).await?;
        let url = match wish.url {
            Some(url) => self.address(&url)?,
            None => before.url,
        };
        let events = match wish.events {
            Some(events) => chosen(events)?,
            None => before.events,
        };
        let enabled = wish.enabled.unwrap_or(before.enabled);
        let set = HookWrite::Set {
            id: before.id.clone(),
            url,
            events,
            enabled,
        };
        self.write(set).await?;
        if !enabled {
            self.tell(Input::Gone(before.id.clone())).await;
        }
        Ok(shown(self.record(&before.id).await?))
    }

    /// Its letters go with it. The answer is its address.
    pub(crate) async fn remove(&self, id: &str) -> Result<String, Code> {
        let record = self.record(id).await?;
        self.write(HookWrite::Remove(record.id.clone())).await?;
        self.tell(Input::Gone(record.id)).await;
        Ok(record.url)
    }

    pub(crate) async fn deliveries(&self, id: &str) -> Result<Page<Delivery>, Code> {
        let record = self.record(id).await?;
        let items = self.store.deliveries(&record.id, SHOWN).await;
        let items = items.map_err(failed)?;
        Ok(Page { items, next: None })
    }

    /// A letter once more, whatever became of it.
    pub(crate) async fn send_again(&self, id: &str, letter: &str) -> Result<(), Code> {
        let all = self.deliveries(id).await?.items;
        let found = all.into_iter().find(|d| d.id == letter);
        let id = found.ok_or(Code::NotFound)?.id;
        let at = wall_ms();
        self.write(HookWrite::Again { id, at }).await
    }

    pub(crate) async fn test(&self, id: &str) -> Result<(), Code> {
        let webhook = self.record(id).await?.id;
        let at = wall_ms();
        self.write(HookWrite::Test { webhook, at }).await
    }

    async fn record(&self, id: &str) -> Result<HookRecord, Code> {
        let found = self.store.hook(id).await.map_err(failed)?;
        found.ok_or(Code::NotFound)
    }

    fn address(&self, text: &str) -> Result<String, Code> {
        let url = self.reach.parse(text).map_err(|_| Code::WebhookAddress)?;
        Ok(url.into())
    }

    async fn write(&self, write: HookWrite) -> Result<(), Code> {
        self.store.write_hook(write).await.map_err(failed)
    }

    async fn tell(&self, input: Input) {
        // Gone only when the server goes.
        let _ = self.inbox.send(input).await;
    }
}

/// At least one, each once.
fn chosen(mut events: Vec<HookEvent>) -> Result<Vec<HookEvent>, Code> {
    events.sort_unstable();
    events.dedup();
    let good = !events.is_empty() && !events.contains(&HookEvent::WebhookTest);
    good.then_some(events).ok_or(Code::BadValue)
}

fn shown(record: HookRecord) -> Webhook {
    Webhook {
        id: record.id,
        url: record.url,
        events: record.events,
        enabled: record.enabled,
        gone: record.gone,
        created_at: record.created_at,
        arrived_at: record.arrived_at,
        waiting: record.waiting,
        dead: record.dead,
        dropped: record.dropped,
    }
}

fn failed(error: StoreError) -> Code {
    tracing::error!(%error, "webhooks");
    Code::Internal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_chosen_once_each() {
        let (a, b) = (HookEvent::MeetingEnded, HookEvent::MeetingStarted);
        assert_eq!(chosen(vec![a, b, a]), Ok(vec![b, a]));
        assert_eq!(chosen(Vec::new()), Err(Code::BadValue));
        assert_eq!(chosen(vec![HookEvent::WebhookTest]), Err(Code::BadValue));
    }
}
