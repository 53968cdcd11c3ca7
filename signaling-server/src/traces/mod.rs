//! How long the server's work takes, told to the collector an operator names (OpenTelemetry, OTLP over HTTP), and to nobody where none
//! is named. Spans are made by hand at the server's doors: [`Span`] says what may be in one, `http.rs` makes those of requests,
//! `join.rs` those of people on their way into a meeting, `queue.rs` sends them.
//!
//! A span that another one causes is below it: within a task by OpenTelemetry's current context, over queues because what waits in
//! them carries its [`Cause`].

mod http;
mod join;
mod queue;

pub(crate) use join::{Join, Stage};
pub(crate) use opentelemetry::Context;
pub(crate) use opentelemetry::context::FutureExt;
pub(crate) use opentelemetry::trace::SpanKind;

use crate::config::TracesConfig;
use crate::counters::Counters;
use opentelemetry::trace::{
    Link, Span as _, SpanContext, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span as Recording};
use queue::Sending;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a shutdown waits for the collector to take what is left.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Who makes spans. The default makes none.
#[derive(Clone, Default)]
pub(crate) struct Traces(Option<Arc<On>>);

struct On {
    tracer: SdkTracer,
    sending: Sending,
}

impl Traces {
    /// As `[traces]` says. Starts a task: needs a tokio runtime.
    pub(crate) fn start(config: &TracesConfig, counters: &Arc<Counters>) -> Traces {
        let Some(otlp) = &config.otlp else {
            return Traces::default();
        };
        let resource = Resource::builder_empty()
            .with_service_name("confab-server")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let (queue, sending) = queue::start(otlp, &resource, Arc::clone(counters));
        let share = Sampler::TraceIdRatioBased(config.sample.get());
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .with_resource(resource)
            .with_span_processor(queue)
            .build();
        let tracer = provider.tracer("confab-server");
        Traces(Some(Arc::new(On { tracer, sending })))
    }

    pub(crate) fn span_in(&self, name: &'static str, kind: SpanKind, parent: &Context) -> Span {
        let Some(on) = &self.0 else {
            return Span(None);
        };
        let builder = on.tracer.span_builder(name).with_kind(kind);
        Span(Some(on.tracer.build_with_context(builder, parent)))
    }

    /// Of work done for several at once: below the first cause somebody is told of, linked to the others.
    pub(crate) fn span_for(&self, name: &'static str, kind: SpanKind, causes: &[Cause]) -> Span {
        let Some(on) = &self.0 else {
            return Span(None);
        };
        let known: Vec<&SpanContext> = causes.iter().filter_map(|c| c.0.as_ref()).collect();
        let told = known.iter().position(|c| c.is_sampled());
        let parent = told.or_else(|| (!known.is_empty()).then_some(0));
        let at = parent.map_or_else(Context::new, |i| {
            Context::new().with_remote_span_context(known[i].clone())
        });
        let others = known.iter().enumerate();
        let others = others.filter(|(i, c)| Some(*i) != parent && c.is_sampled());
        let links = others.map(|(_, c)| Link::new((*c).clone(), Vec::new(), 0));
        let builder = on.tracer.span_builder(name).with_kind(kind);
        let builder = builder.with_links(links.collect());
        Span(Some(on.tracer.build_with_context(builder, &at)))
    }

    /// Hands the collector what is left, and waits two seconds for it at most. Spans that end later are lost.
    pub(crate) async fn shutdown(&self) {
        if let Some(on) = &self.0 {
            let _ = tokio::time::timeout(LAST_SPANS, on.sending.finish()).await;
        }
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "on" } else { "off" })
    }
}

/// A stretch of work. It ends when it is dropped. Of a trace that was not chosen, or with traces off, it is nothing.
#[derive(Debug, Default)]
pub(crate) struct Span(Option<Recording>);

impl Span {
    pub(crate) fn set(&mut self, key: &'static str, said: impl Into<Said>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, said.into().0));
        }
    }

    /// `kind` is a word of few: a code, not a sentence.
    pub(crate) fn failed(&mut self, kind: &'static str) {
        self.failed_with(kind.into());
    }

    fn failed_with(&mut self, kind: Value) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new("error.type", kind));
            span.set_status(Status::error(""));
        }
    }

    /// To be current while what this span is about is done.
    pub(crate) fn context(&self) -> Context {
        match &self.0 {
            Some(span) => Context::new().with_remote_span_context(span.span_context().clone()),
            None => Context::new(),
        }
    }
}

/// What a span may say: numbers, and words of this program's text. Nothing that came from outside fits in, so there is no secret, name,
/// address or id to be masked.
#[derive(Debug)]
pub(crate) struct Said(Value);

macro_rules! said {
    ($($plain:ty => $said:expr;)*) => {
        $(impl From<$plain> for Said {
            fn from(plain: $plain) -> Said {
                Said($said(plain))
            }
        })*
    };
}

said! {
    &'static str => Value::from;
    bool => Value::Bool;
    u16 => |n| Value::I64(i64::from(n));
    u32 => |n| Value::I64(i64::from(n));
    usize => |n| Value::I64(i64::try_from(n).unwrap_or(i64::MAX));
    u64 => |n| Value::I64(i64::try_from(n).unwrap_or(i64::MAX));
}

/// The span that something was asked for in, for whatever waits in a queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause(Option<SpanContext>);

impl Cause {
    /// The current context's.
    pub(crate) fn current() -> Cause {
        Context::map_current(|context| {
            let found = context.span().span_context().clone();
            Cause(found.is_valid().then_some(found))
        })
    }
}
