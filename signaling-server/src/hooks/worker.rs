//! The task that carries letters: it tells the courier what waits in the database, and writes down what the courier says. The
//! requests themselves wait on threads of their own, a few at a time.

use super::Hooks;
use crate::clock::wall_ms;
use crate::store::{HookWrite, StoreError, Tried};
use crate::traces::{Context, FutureExt, SpanKind};
use confab_egress::{Posted, post};
use confab_protocol::{DeliveryState, DeliveryTrouble};
use confab_webhook::{Answer, Courier, Input, Letter, Output, Rules, Secret};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;

/// Letters under way at a time.
pub(super) const AT_ONCE: usize = 8;
/// Letters the courier keeps in mind, and of them those of one webhook that are read at a time.
pub(super) const KEPT: usize = 2_000;
const OF_EACH: u32 = 20;
/// How often it is looked for letters that another process wrote.
const TICK: Duration = Duration::from_secs(5);
/// Writes come in bursts; one look is enough for many.
const SETTLE: Duration = Duration::from_millis(50);
const DAY: u64 = 24 * 3_600_000;
/// Letters that arrived are kept so long, and those that were given up.
const ARRIVED_KEPT: u64 = 7 * DAY;
const DEAD_KEPT: u64 = 30 * DAY;
const PRUNE_EVERY: u64 = 3_600_000;

pub(super) async fn run(hooks: Weak<Hooks>, mut inputs: mpsc::Receiver<Input>, rules: Rules) {
    let mut courier = Courier::new(rules);
    let mut pruned_at = 0;
    loop {
        let Some(strong) = hooks.upgrade() else {
            return;
        };
        match strong.round(&mut courier, &mut pruned_at).await {
            Ok(()) => {}
            Err(error) if error.is_closed() => return,
            Err(error) => tracing::error!(%error, "webhooks"),
        }
        let written = strong.store.written();
        drop(strong);
        let rest = courier
            .next_wakeup()
            .map(|at| Duration::from_millis(at.saturating_sub(wall_ms())));
        let input = tokio::select! {
            input = inputs.recv() => input.unwrap_or(Input::Timeout),
            () = written.notified() => {
                tokio::time::sleep(SETTLE).await;
                Input::Timeout
            }
            () = tokio::time::sleep(rest.unwrap_or(TICK).min(TICK)) => Input::Timeout,
        };
        courier.handle(input, wall_ms());
    }
}

impl Hooks {
    /// What the courier has said is written before it is told of more: otherwise it would hear of what is over again.
    async fn round(
        self: &Arc<Hooks>,
        courier: &mut Courier,
        pruned_at: &mut u64,
    ) -> Result<(), StoreError> {
        self.carry_out(courier).await?;
        let waiting = self.store.waiting_letters(OF_EACH).await?;
        let letters = waiting.into_iter().map(|l| Letter {
            id: l.id,
            webhook: l.webhook,
            due: l.due_at,
            tries: l.tries,
        });
        courier.handle(Input::Waiting(letters.collect()), wall_ms());
        self.carry_out(courier).await?;
        let now = wall_ms();
        if now.saturating_sub(*pruned_at) >= PRUNE_EVERY {
            *pruned_at = now;
            let prune = HookWrite::Prune {
                arrived: now.saturating_sub(ARRIVED_KEPT),
                dead: now.saturating_sub(DEAD_KEPT),
            };
            self.store.write_hook(prune).await?;
        }
        Ok(())
    }

    async fn carry_out(self: &Arc<Hooks>, courier: &mut Courier) -> Result<(), StoreError> {
        while let Some(output) = courier.poll_output() {
            let at = wall_ms();
            let write = match output {
                Output::Send(letter) => {
                    tokio::spawn(Arc::clone(self).send(letter));
                    continue;
                }
                Output::Arrived { id, tries, status } => HookWrite::Tried(Tried {
                    id,
                    state: DeliveryState::Arrived,
                    tries,
                    due_at: None,
                    status: Some(status),
                    trouble: None,
                    at,
                }),
                Output::Again {
                    id,
                    tries,
                    due,
                    answer,
                } => failed(id, DeliveryState::Waiting, tries, Some(due), answer),
                Output::Dead { id, tries, answer } => {
                    tracing::warn!(tries, "a webhook's letter was given up");
                    failed(id, DeliveryState::Dead, tries, None, answer)
                }
                Output::SwitchOff { webhook } => {
                    tracing::warn!("a webhook answered 410 and is switched off");
                    HookWrite::SwitchOff(webhook)
                }
            };
            self.store.write_hook(write).await?;
        }
        Ok(())
    }

    async fn send(self: Arc<Hooks>, letter: Letter) {
        let name = "webhook delivery";
        let mut span = self.traces.span_in(name, SpanKind::Client, &Context::new());
        span.set("http.request.method", "POST");
        if letter.tries > 0 {
            span.set("http.request.resend_count", letter.tries);
        }
        let tried = self.try_send(&letter).with_context(span.context()).await;
        let answer = match tried {
            Ok(answer) => answer,
            Err(error) if error.is_closed() => return,
            Err(error) => {
                tracing::error!(%error, "webhooks");
                Answer::Unreachable
            }
        };
        match &answer {
            Answer::Status { status, .. } => span.was_answered(*status),
            Answer::Unreachable => span.failed("unreachable"),
            Answer::Forbidden => span.failed("forbidden"),
        }
        drop(span);
        let dice = rand::random();
        self.tell(Input::Answered {
            id: letter.id,
            answer,
            dice,
        })
        .await;
    }

    async fn try_send(&self, letter: &Letter) -> Result<Answer, StoreError> {
        let hook = self.store.hook(&letter.webhook).await?;
        let body = self.store.letter_body(&letter.id).await?;
        let (Some(hook), Some(body)) = (hook, body) else {
            // Removed meanwhile: there is nothing to write down either.
            return Ok(Answer::Unreachable);
        };
        let secret = self.seal.open_for(&hook.id, &hook.secret);
        let secret = secret.and_then(|text| Secret::parse(&text));
        let (Some(secret), Ok(url)) = (secret, self.reach.parse(&hook.url)) else {
            return Ok(Answer::Forbidden);
        };
        let (agent, id) = (self.agent.clone(), letter.id.clone());
        let posted = tokio::task::spawn_blocking(move || {
            let seconds = wall_ms() / 1000;
            let signature = secret.sign(&id, seconds, body.as_bytes());
            let seconds = seconds.to_string();
            let headers = [
                ("content-type", "application/json"),
                ("webhook-id", id.as_str()),
                ("webhook-timestamp", seconds.as_str()),
                ("webhook-signature", signature.as_str()),
            ];
            post(&agent, &url, &headers, body.as_bytes())
        });
        Ok(match posted.await {
            Ok(Posted::Answered {
                status,
                retry_after,
            }) => Answer::Status {
                status,
                retry_after: retry_after.map(|rest| rest.as_millis() as u64),
            },
            Ok(Posted::Forbidden) => Answer::Forbidden,
            Ok(Posted::Unreachable) | Err(_) => Answer::Unreachable,
        })
    }
}

fn failed(
    id: String,
    state: DeliveryState,
    tries: u32,
    due_at: Option<u64>,
    answer: Answer,
) -> HookWrite {
    let (status, trouble) = match answer {
        Answer::Status { status, .. } => (Some(status), None),
        Answer::Unreachable => (None, Some(DeliveryTrouble::Unreachable)),
        Answer::Forbidden => (None, Some(DeliveryTrouble::Forbidden)),
    };
    HookWrite::Tried(Tried {
        id,
        state,
        tries,
        due_at,
        status,
        trouble,
        at: wall_ms(),
    })
}
