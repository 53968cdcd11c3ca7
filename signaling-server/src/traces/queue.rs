//! What waits for the collector. Nobody waits for it: a full queue drops the span that comes, and a batch that the collector did not
//! take is dropped too; both are counted. Spans go out after a second, or sooner where many came.

use crate::counters::Counters;
use confab_egress::{Agent, Posted, Reach, Url, post};
use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

/// Spans that may wait: about a megabyte.
const QUEUE: usize = 2048;
/// Spans of one request.
const BATCH: usize = 512;
/// They come in bursts; one request is enough for many.
const SETTLE: Duration = Duration::from_secs(1);
/// From the first packet to the last of one answer.
const WITHIN: Duration = Duration::from_secs(5);
/// How long a collector that took nothing is left alone.
const REST: Duration = Duration::from_secs(5);

/// Where spans that ended are put.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Sender<SpanData>,
    counters: Arc<Counters>,
}

/// The task that empties it.
pub(super) struct Sending {
    finish: CancellationToken,
    finished: CancellationToken,
}

/// `otlp`: checked by the configuration.
pub(super) fn start(otlp: &str, resource: &Resource, counters: Arc<Counters>) -> (Queue, Sending) {
    let (waiting, spans) = mpsc::channel(QUEUE);
    let (finish, finished) = (CancellationToken::new(), CancellationToken::new());
    let url = Reach::Private.parse(&format!("{}/v1/traces", otlp.trim_end_matches('/')));
    let collector = Collector {
        agent: confab_egress::agent(Reach::Private, None, WITHIN),
        url: url.ok(),
        resource: ResourceAttributesWithSchema::from(resource),
        counters: Arc::clone(&counters),
        is_away: false,
    };
    let (stop, done) = (finish.clone(), finished.clone().drop_guard());
    tokio::spawn(async move {
        let _done = done;
        collector.run(spans, stop).await;
    });
    (Queue { waiting, counters }, Sending { finish, finished })
}

impl Sending {
    /// What waits goes out at once; over when it did, or could not.
    pub(super) async fn finish(&self) {
        self.finish.cancel();
        self.finished.cancelled().await;
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.waiting.try_send(span).is_err() {
            self.counters.spans_dropped.add();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

struct Collector {
    agent: Agent,
    url: Option<Url>,
    resource: ResourceAttributesWithSchema,
    counters: Arc<Counters>,
    is_away: bool,
}

impl Collector {
    async fn run(mut self, mut spans: Receiver<SpanData>, stop: CancellationToken) {
        let mut batch = Vec::new();
        while !stop.is_cancelled() {
            tokio::select! {
                came = spans.recv_many(&mut batch, BATCH) => if came == 0 {
                    return;
                },
                () = stop.cancelled() => break,
            }
            if batch.len() < BATCH {
                rest(SETTLE, &stop).await;
                fill(&mut batch, &mut spans);
            }
            if !self.send(std::mem::take(&mut batch)).await {
                rest(REST, &stop).await;
            }
        }
        loop {
            fill(&mut batch, &mut spans);
            if batch.is_empty() || !self.send(std::mem::take(&mut batch)).await {
                return;
            }
        }
    }

    /// False: dropped.
    async fn send(&mut self, batch: Vec<SpanData>) -> bool {
        let count = batch.len() as u64;
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let (agent, url) = (self.agent.clone(), self.url.clone());
        let posted = tokio::task::spawn_blocking(move || {
            let kind = [("content-type", "application/x-protobuf")];
            url.map(|url| post(&agent, &url, &kind, &body))
        });
        let status = match posted.await {
            Ok(Some(Posted::Answered { status, .. })) => status,
            _ => 0,
        };
        let taken = (200..300).contains(&status);
        match taken {
            true => self.counters.spans_sent.add_many(count),
            false => self.counters.spans_dropped.add_many(count),
        }
        match (taken, std::mem::replace(&mut self.is_away, !taken)) {
            (false, false) => tracing::warn!(
                status,
                "the collector of traces takes none: they are dropped"
            ),
            (true, true) => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        taken
    }
}

fn fill(batch: &mut Vec<SpanData>, spans: &mut Receiver<SpanData>) {
    while batch.len() < BATCH
        && let Ok(span) = spans.try_recv()
    {
        batch.push(span);
    }
}

async fn rest(time: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    #[test]
    fn a_full_queue_drops_what_comes_and_counts_it() {
        let (waiting, mut spans) = mpsc::channel(2);
        let counters = Arc::<Counters>::default();
        let queue = Queue {
            waiting,
            counters: Arc::clone(&counters),
        };
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_span_processor(queue)
            .build();
        let tracer = provider.tracer("test");
        for name in ["one", "two", "three", "four", "five"] {
            drop(tracer.start(name));
        }
        let mut batch = Vec::new();
        fill(&mut batch, &mut spans);
        let names: Vec<&str> = batch.iter().map(|s| s.name.as_ref()).collect();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(counters.read().spans_dropped, 3);
    }
}
