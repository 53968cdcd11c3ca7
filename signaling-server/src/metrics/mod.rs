//! `/metrics`: what the server counts, in the text format of Prometheus (exposition format 0.0.4). The number of series is fixed:
//! no label tells meetings or people apart. They are written by hand out of counters that are there anyway, which is less than
//! what any library would ask of them.

mod process;

use crate::counters::{Counters, ServerCounters};
use crate::media::Media;
use crate::quality::{Quality, SCORE_STEPS, Scores};
use crate::rooms::Rooms;
use crate::sfu::SfuCounters;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use process::Process;
use std::fmt::Write;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where the readings come from.
pub(crate) struct Metrics {
    pub(crate) counters: Arc<Counters>,
    pub(crate) media: Arc<Media>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) quality: Arc<Quality>,
    pub(crate) sockets: TaskTracker,
}

/// All of them at one time.
#[derive(Clone, Copy, Debug, Default)]
struct Readings {
    server: ServerCounters,
    media: SfuCounters,
    media_tcp: u64,
    meetings: u64,
    people: u64,
    sockets: u64,
    /// Of the machine, 0 to 1, in the last whole minute.
    busy: f64,
    process: Process,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

struct Metric {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// `None`: this system does not tell.
    value: fn(&Readings) -> Option<f64>,
}

const fn metric(
    kind: Kind,
    name: &'static str,
    help: &'static str,
    value: fn(&Readings) -> Option<f64>,
) -> Metric {
    Metric {
        name,
        kind,
        help,
        value,
    }
}

macro_rules! metrics {
    ($($kind:ident $name:literal $help:literal $value:expr;)*) => {
        &[$(metric(Kind::$kind, $name, $help, $value),)*]
    };
}

/// The histogram of voice scores has a form of its own.
const SCORE: &str = "confab_voice_score";
const SCORE_HELP: &str =
    "Voice score (mean opinion score, 1 to 4.5) of each minute of each person in a call.";
const BUILD: &str = "confab_build_info";
const BUILD_HELP: &str = "Always 1; the version is its label.";

#[rustfmt::skip]
const METRICS: &[Metric] = metrics![
    Gauge "confab_meetings" "Meetings that are awake." |r| Some(r.meetings as f64);
    Gauge "confab_people" "People connected in meetings." |r| Some(r.people as f64);
    Gauge "confab_websockets" "WebSocket connections that are open." |r| Some(r.sockets as f64);
    Counter "confab_tcp_connections_total" "TCP connections accepted." |r| Some(r.server.connections as f64);
    Counter "confab_tcp_connections_refused_total" "TCP connections closed at once because of a limit." |r| Some(r.server.connections_refused as f64);
    Counter "confab_tcp_connections_displaced_total" "TCP connections closed to make room for others, when all places were taken." |r| Some(r.server.connections_displaced as f64);
    Counter "confab_tcp_connections_garbage_total" "TCP connections that said nothing we know, or too slowly." |r| Some(r.server.connections_garbage as f64);
    Counter "confab_tls_failed_total" "TLS handshakes that failed." |r| Some(r.server.tls_failed as f64);
    Counter "confab_websockets_total" "WebSocket connections opened." |r| Some(r.server.sockets as f64);
    Counter "confab_websockets_lost_total" "WebSocket connections closed because the client did not read, or fell silent." |r| Some(r.server.sockets_lost as f64);
    Counter "confab_bad_messages_total" "WebSocket messages that were none of the protocol's." |r| Some(r.server.bad_messages as f64);
    Counter "confab_call_minutes_total" "Minutes of people in calls." |r| Some(r.server.minutes as f64);
    Counter "confab_call_minutes_poor_total" "Of these, those with a voice score below 3.6." |r| Some(r.server.poor_minutes as f64);
    Counter "confab_call_minutes_dropped_total" "Of these, those that were not kept since the database was too slow." |r| Some(r.server.minutes_dropped as f64);
    Counter "confab_spans_sent_total" "Spans of traces that the collector took." |r| Some(r.server.spans_sent as f64);
    Counter "confab_spans_dropped_total" "Spans of traces dropped: the collector was away, too slow, or did not want them." |r| Some(r.server.spans_dropped as f64);
    Counter "confab_media_received_packets_total" "Datagrams received, and frames over TCP." |r| Some(r.media.datagrams_in as f64);
    Counter "confab_media_received_bytes_total" "Bytes of these." |r| Some(r.media.bytes_in as f64);
    Counter "confab_media_sent_packets_total" "Datagrams sent, and frames over TCP." |r| Some(r.media.datagrams_out as f64);
    Counter "confab_media_sent_bytes_total" "Bytes of these." |r| Some(r.media.bytes_out as f64);
    Counter "confab_media_sends_total" "Calls to the kernel that sent datagrams." |r| Some(r.media.sends as f64);
    Counter "confab_media_handed_over_total" "Datagrams that came to another worker than their meeting's." |r| Some(r.media.handed_over as f64);
    Counter "confab_media_forwarded_packets_total" "Media packets forwarded, for each receiver." |r| Some(r.media.forwarded as f64);
    Counter "confab_media_restored_frames_total" "Frames of voices restored from copies on the way in." |r| Some(r.media.restored as f64);
    Counter "confab_media_dropped_garbage_total" "Dropped: no STUN, DTLS, RTP or RTCP." |r| Some(r.media.garbage as f64);
    Counter "confab_media_dropped_unknown_address_total" "Dropped: from an address no peer connection knows." |r| Some(r.media.unknown_address as f64);
    Counter "confab_media_dropped_muted_total" "Dropped: media of muted tracks." |r| Some(r.media.muted as f64);
    Counter "confab_media_dropped_unroutable_total" "Dropped: media no track accounts for, or too large." |r| Some(r.media.unroutable as f64);
    Counter "confab_media_dropped_queue_full_total" "Dropped: a queue or the socket was full." |r| Some(r.media.queue_full as f64);
    Counter "confab_media_dropped_not_sent_total" "Dropped on the way out: too large for the path, or no path." |r| Some(r.media.not_sent as f64);
    Gauge "confab_media_tcp_connections" "Connections for media over TCP that are open." |r| Some(r.media_tcp as f64);
    Counter "confab_media_tcp_connections_total" "Connections for media over TCP." |r| Some(r.media.tcp_connections as f64);
    Counter "confab_media_tcp_refused_total" "Of these, those closed for what they sent." |r| Some(r.media.tcp_refused as f64);
    Counter "confab_peer_connections_total" "Peer connections made." |r| Some(r.media.peers as f64);
    Gauge "confab_machine_busy_ratio" "How busy the whole machine was in the last whole minute, 0 to 1." |r| Some(r.busy);
    Counter "process_cpu_seconds_total" "Processor time of the server, seconds." |r| r.process.cpu_seconds;
    Gauge "process_resident_memory_bytes" "Memory of the server." |r| r.process.resident_bytes;
    Gauge "process_open_fds" "File descriptors that are open." |r| r.process.open_files;
    Gauge "process_start_time_seconds" "When the server came up, seconds since 1970." |r| Some(r.process.started_at);
];

impl Metrics {
    pub(crate) async fn text(&self) -> String {
        let (meetings, people) = self.rooms.sums();
        let readings = Readings {
            server: self.counters.read(),
            media: self.media.counters(),
            media_tcp: self.media.tcp_open(),
            meetings,
            people,
            sockets: self.sockets.len() as u64,
            busy: self.quality.busy(),
            process: process::read(),
        };
        text(&readings, &self.quality.scores)
    }

    /// Answers whoever reaches this address, until stopped.
    pub(crate) async fn serve(self: Arc<Metrics>, listener: TcpListener, stop: CancellationToken) {
        let answer = |State(metrics): State<Arc<Metrics>>| async move { response(&metrics).await };
        let router = Router::new()
            .route("/metrics", get(answer))
            .with_state(self);
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "the metrics' own address");
        }
    }
}

pub(crate) async fn response(metrics: &Metrics) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, metrics.text().await).into_response()
}

fn text(readings: &Readings, scores: &Scores) -> String {
    let mut text = String::with_capacity(8 * 1024);
    head(&mut text, BUILD, "gauge", BUILD_HELP);
    let _ = writeln!(
        text,
        "{BUILD}{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    );
    for metric in METRICS {
        let Some(value) = (metric.value)(readings) else {
            continue;
        };
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        head(&mut text, metric.name, kind, metric.help);
        let _ = writeln!(text, "{} {value}", metric.name);
    }
    histogram(&mut text, scores);
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn histogram(text: &mut String, scores: &Scores) {
    head(text, SCORE, "histogram", SCORE_HELP);
    let (steps, tenths) = scores.read();
    let mut so_far = 0;
    for (most, count) in SCORE_STEPS.iter().zip(steps) {
        so_far += count;
        let most = f64::from(*most) / 10.0;
        let _ = writeln!(text, "{SCORE}_bucket{{le=\"{most}\"}} {so_far}");
    }
    so_far += steps[SCORE_STEPS.len()];
    let sum = tenths as f64 / 10.0;
    let _ = writeln!(
        text,
        "{SCORE}_bucket{{le=\"+Inf\"}} {so_far}\n{SCORE}_sum {sum}\n{SCORE}_count {so_far}"
    );
}

#[cfg(test)]
mod tests;
