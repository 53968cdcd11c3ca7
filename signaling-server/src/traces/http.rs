//! The spans of HTTP requests, by the semantic conventions for HTTP servers. Paths and queries are left out, although the conventions
//! want the path: they name meetings, accounts and files. The route, which is of the program's text, tells enough.

use super::{Context, Span, SpanKind, Traces};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::Tracer;
use opentelemetry_sdk::propagation::TraceContextPropagator;

impl Traces {
    /// `behind_proxy`: the request came by a proxy that is believed. Only then the trace it belongs to is, too: a stranger could
    /// otherwise choose what is told, and under whose number.
    pub(crate) fn request(
        &self,
        request: &Request,
        scheme: &'static str,
        behind_proxy: bool,
    ) -> Span {
        let Some(on) = &self.0 else {
            return Span(None);
        };
        let method = word(request.method());
        let route = request.extensions().get::<MatchedPath>();
        let name = match route {
            Some(route) => format!("{method} {}", route.as_str()),
            None => method.to_owned(),
        };
        let mut said = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("url.scheme", scheme),
        ];
        said.extend(route.map(|r| KeyValue::new("http.route", r.as_str().to_owned())));
        let parent = match behind_proxy {
            true => parent(request.headers()),
            false => Context::new(),
        };
        let builder = on.tracer.span_builder(name).with_kind(SpanKind::Server);
        let builder = builder.with_attributes(said);
        Span(Some(on.tracer.build_with_context(builder, &parent)))
    }
}

impl Span {
    /// A server's own failures are errors; what a client asked wrongly is not.
    pub(crate) fn answered(&mut self, status: u16) {
        self.set("http.response.status_code", status);
        if status >= 500 {
            self.failed_with(status.to_string().into());
        }
    }

    /// The same for what another server answered to us.
    pub(crate) fn was_answered(&mut self, status: u16) {
        self.set("http.response.status_code", status);
        if status >= 400 {
            self.failed_with(status.to_string().into());
        }
    }
}

/// Methods are words of few: anybody may send another.
fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

/// W3C Trace Context, without its `tracestate`: that is free text.
fn parent(headers: &HeaderMap) -> Context {
    struct Parent<'a>(&'a HeaderMap);
    impl Extractor for Parent<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            let wanted = key == "traceparent";
            self.0.get(key).filter(|_| wanted)?.to_str().ok()
        }

        fn keys(&self) -> Vec<&str> {
            vec!["traceparent"]
        }
    }
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Parent(headers))
}
