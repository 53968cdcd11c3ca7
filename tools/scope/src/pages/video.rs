//! Pictures, stream by stream: which layer, how large, how often, how smooth.

use super::{or_dash, stream_title};
use crate::look::{self, Tone, palette};
use crate::model::Model;
use confab_client::diagnose::{Stream, Way};
use eframe::egui::{Grid, RichText, Ui, vec2};

/// Seconds of the small lines.
const SPAN: f64 = 60.0;

pub fn draw(ui: &mut Ui, model: &Model) {
    let sent = model.streams(Way::Up, true);
    look::card(ui, "Sent", |ui| {
        if sent.is_empty() {
            return look::empty(
                ui,
                "No pictures are sent",
                "There is neither a camera nor a shared screen.",
            );
        }
        table(ui, model, "sent", &sent, &SENT);
    });
    let seen = model.streams(Way::Down, true);
    look::card(ui, "Received", |ui| {
        if seen.is_empty() {
            return look::empty(
                ui,
                "No pictures are received",
                "Nobody else shows any, or none is on view.",
            );
        }
        table(ui, model, "seen", &seen, &SEEN);
    });
}

/// A column: its head, and what stands in it.
type Column = (&'static str, fn(&Stream) -> (String, Tone));

const SENT: [Column; 7] = [
    ("Layer", |s| (layer_sent(s), Tone::Plain)),
    ("Size", size),
    ("Allowed", |s| {
        let tone = if s.target_kbps == Some(0.0) {
            Tone::Absent
        } else {
            Tone::Plain
        };
        (with_unit(s.target_kbps, 0, "kbit/s"), tone)
    }),
    ("Key frames", |s| (count(s.keyframes), Tone::Plain)),
    ("Asked for", |s| (count(s.keyframe_requests), Tone::Plain)),
    ("Resent", |s| (count(s.nacks), Tone::Plain)),
    ("Loss", loss),
];

const SEEN: [Column; 7] = [
    ("Layer", |s| (layer_seen(s), Tone::Plain)),
    ("Size", size),
    ("Freezes", |s| {
        let freezes = s.freezes.unwrap_or(0);
        let text = format!(
            "{freezes} · {:.1} s",
            s.freeze_ms.unwrap_or(0) as f64 / 1000.0
        );
        (text, Tone::above(freezes as f64, 1.0, 5.0))
    }),
    ("Key frames", |s| {
        (
            format!(
                "{} ({} asked)",
                count(s.keyframes),
                count(s.keyframe_requests)
            ),
            Tone::Plain,
        )
    }),
    ("Dropped", |s| {
        let dropped = s.dropped_frames.unwrap_or(0);
        (dropped.to_string(), Tone::above(dropped as f64, 1.0, 50.0))
    }),
    ("Buffer", |s| {
        let text = format!(
            "{} / {} ms",
            or_dash(s.buffer_ms, 0),
            or_dash(s.buffer_target_ms, 0)
        );
        (text, Tone::Plain)
    }),
    ("Loss", loss),
];

fn table(ui: &mut Ui, model: &Model, id: &str, streams: &[&Stream], columns: &[Column]) {
    let p = palette(ui);
    let grid = Grid::new(id)
        .num_columns(columns.len() + 3)
        .spacing(vec2(22.0, 10.0));
    grid.show(ui, |ui| {
        let heads = ["Stream"].into_iter().chain(columns.iter().map(|c| c.0));
        for head in heads.chain(["Pictures a second", "Rate"]) {
            ui.label(RichText::new(head).small().color(p.muted));
        }
        ui.end_row();
        for stream in streams {
            let color = if stream.muted { p.muted } else { p.text };
            ui.label(RichText::new(stream_title(stream)).strong().color(color));
            for (_, cell) in columns {
                let (text, tone) = cell(stream);
                value(ui, &text, tone);
            }
            line(
                ui,
                model,
                &format!("fps/{}", stream.key),
                30.0,
                &format!("{} fps", or_dash(stream.fps, 0)),
                p.series[1],
            );
            let kbps = format!("{:.0} kbit/s", stream.kbps);
            line(
                ui,
                model,
                &format!("kbps/{}", stream.key),
                50.0,
                &kbps,
                p.series[0],
            );
            ui.end_row();
        }
    });
}

fn value(ui: &mut Ui, text: &str, tone: Tone) {
    let p = palette(ui);
    let color = match tone {
        Tone::Plain => p.text,
        Tone::Good => p.good,
        Tone::Warning => p.warning,
        Tone::Bad => p.danger,
        Tone::Absent => p.muted,
    };
    ui.label(RichText::new(text).color(color));
}

/// A number over the last minute and its value now.
fn line(
    ui: &mut Ui,
    model: &Model,
    series: &str,
    least: f64,
    now: &str,
    color: eframe::egui::Color32,
) {
    ui.horizontal(|ui| {
        let points = model.history.before(series, model.now(), SPAN);
        let most = model.most(&[series], SPAN, least);
        look::sparkline(ui, vec2(90.0, 26.0), &points, SPAN, most, color);
        ui.label(now);
    });
}

fn size(stream: &Stream) -> (String, Tone) {
    match (stream.width, stream.height) {
        (Some(width @ 1..), Some(height @ 1..)) => (format!("{width} × {height}"), Tone::Plain),
        _ => ("–".to_owned(), Tone::Absent),
    }
}

fn loss(stream: &Stream) -> (String, Tone) {
    let tone = stream
        .loss_percent
        .map_or(Tone::Absent, |l| Tone::above(l, 2.0, 10.0));
    (with_unit(stream.loss_percent, 1, "%"), tone)
}

/// The simulcast layer by its stream id.
fn layer_sent(stream: &Stream) -> String {
    match stream.layer.as_deref() {
        Some("q") => "q · quarter".to_owned(),
        Some("h") => "h · half".to_owned(),
        Some("f") => "f · full".to_owned(),
        Some("") | None => "single".to_owned(),
        Some(other) => other.to_owned(),
    }
}

/// Rows the server sends.
fn layer_seen(stream: &Stream) -> String {
    match stream.layer.as_deref() {
        Some("0") | None => "none".to_owned(),
        Some(rows) => format!("{rows}p"),
    }
}

fn with_unit(value: Option<f64>, digits: usize, unit: &str) -> String {
    value.map_or_else(|| "–".to_owned(), |v| format!("{v:.digits$} {unit}"))
}

fn count(value: Option<u64>) -> String {
    value.map_or_else(|| "–".to_owned(), |v| v.to_string())
}
