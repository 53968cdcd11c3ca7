//! The way to the server and back: what it takes, what it loses, how long sound waits.

use super::{or_dash, stream_title};
use crate::look::{self, Line, Tone, palette};
use crate::model::Model;
use confab_client::diagnose::{Repair, Stream, Way};
use eframe::egui::{Ui, vec2};

/// Seconds of the plots.
const SPAN: f64 = 60.0;
const GAP: f32 = 10.0;

pub fn draw(ui: &mut Ui, model: &Model) {
    tiles(ui, model);
    let p = palette(ui);
    let series = |name: &str| model.history.before(name, model.now(), SPAN);
    let most = model.most(&["estimate", "send", "receive", "target"], SPAN, 100.0) * 1.1;
    let voice = model.streams(Way::Up, false);
    let redundancy = voice.iter().find_map(|s| s.redundancy.clone());
    let facts = |ui: &mut Ui| {
        if let Some(step) = &redundancy {
            look::fact(ui, "voice against loss", step, Tone::Plain);
        }
    };
    look::card_with(ui, "Bandwidth", facts, |ui| {
        let lines = vec![
            Line::new("estimate", p.series[1], series("estimate")).dashed(),
            Line::new("allowed to encoders", p.series[4], series("target")),
            Line::new("sending", p.series[0], series("send")).filled(),
            Line::new("receiving", p.series[2], series("receive")),
        ];
        look::time_plot(ui, "bandwidth", 128.0, SPAN, 0.0..=most, "kbit/s", lines);
    });
    ui.columns(2, |columns| {
        let loss = model.most(&["send-loss", "receive-loss"], SPAN, 5.0) * 1.1;
        look::card(&mut columns[0], "Loss, before repair", |ui| {
            let lines = vec![
                Line::new("to the server", p.series[5], series("send-loss")).filled(),
                Line::new("from the server", p.series[2], series("receive-loss")),
            ];
            look::time_plot(ui, "loss", 78.0, SPAN, 0.0..=loss, "%", lines);
        });
        let rtt = model.most(&["rtt"], SPAN, 20.0) * 1.1;
        look::card(&mut columns[1], "Round trip", |ui| {
            let lines =
                vec![Line::new("to the server and back", p.series[1], series("rtt")).filled()];
            look::time_plot(ui, "rtt", 78.0, SPAN, 0.0..=rtt, "ms", lines);
        });
    });
    repair(ui, model);
    buffers(ui, model);
}

/// What repair of pictures did; nothing where the server is none of our own ends.
fn repair(ui: &mut Ui, model: &Model) {
    let network = &model.latest.network;
    let ways = [
        ("from the server", network.repair_in),
        ("to the server", network.repair_out),
    ];
    let known: Vec<(&str, Repair)> = ways
        .into_iter()
        .filter_map(|(name, repair)| Some((name, repair?)))
        .collect();
    if known.is_empty() {
        return;
    }
    look::card(ui, "Repair of pictures", |ui| {
        for (name, repair) in known {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0 * GAP;
                look::fact(ui, "way", name, Tone::Plain);
                figures(ui, &repair);
            });
        }
    });
}

fn figures(ui: &mut Ui, repair: &Repair) {
    if let Some(recovered) = repair.recovered {
        let text = format!("{recovered} packets");
        look::fact(ui, "put back", &text, Tone::Plain);
    }
    let tone = match repair.lost {
        0 => Tone::Plain,
        _ => Tone::Warning,
    };
    look::fact(ui, "lost for good", &repair.lost.to_string(), tone);
    if let Some(success) = repair.success_percent {
        let tone = Tone::above(100.0 - success, 2.0, 10.0);
        look::fact(ui, "success", &format!("{success:.1} %"), tone);
    }
    let overhead = format!("{:.1} %", repair.overhead_percent);
    look::fact(ui, "overhead", &overhead, Tone::Plain);
    if let Some(ms) = repair.response_ms {
        look::fact(ui, "response", &format!("{ms:.0} ms"), Tone::Plain);
    }
}

fn tiles(ui: &mut Ui, model: &Model) {
    let network = &model.latest.network;
    let width = (ui.available_width() - 5.0 * GAP) / 6.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing = vec2(GAP, GAP);
        let path = match network.path.as_str() {
            "" => "–".to_owned(),
            path => path.to_uppercase(),
        };
        let tone = if network.path == "tcp" {
            Tone::Warning
        } else {
            Tone::Plain
        };
        look::tile(ui, width, "Path", &path, &model.latest.session.media, tone);
        let rtt = network
            .rtt_ms
            .map_or(Tone::Absent, |v| Tone::above(v, 150.0, 400.0));
        look::tile(
            ui,
            width,
            "Round trip",
            &or_dash(network.rtt_ms, 1),
            "ms",
            rtt,
        );
        let estimate = or_dash(network.estimate_kbps, 0);
        look::tile(ui, width, "Estimate", &estimate, "kbit/s", Tone::Plain);
        look::tile(
            ui,
            width,
            "Sending",
            &format!("{:.0}", network.send_kbps),
            "kbit/s",
            Tone::Plain,
        );
        look::tile(
            ui,
            width,
            "Receiving",
            &format!("{:.0}", network.receive_kbps),
            "kbit/s",
            Tone::Plain,
        );
        let worst = network
            .send_loss_percent
            .into_iter()
            .chain(network.receive_loss_percent);
        let worst = worst.reduce(f64::max);
        let tone = worst.map_or(Tone::Absent, |v| Tone::above(v, 2.0, 10.0));
        let both = format!(
            "{} / {}",
            or_dash(network.send_loss_percent, 1),
            or_dash(network.receive_loss_percent, 1)
        );
        look::tile(ui, width, "Loss out / in", &both, "%", tone);
    });
}

/// One small plot for each stream that is received.
fn buffers(ui: &mut Ui, model: &Model) {
    let audio = model.streams(Way::Down, false);
    let video = model.streams(Way::Down, true);
    if audio.is_empty() && video.is_empty() {
        return look::card(ui, "Jitter buffers", |ui| {
            look::empty(
                ui,
                "Nothing is received",
                "Nobody else sends, or nothing of it is shown.",
            );
        });
    }
    let all: Vec<&Stream> = audio.into_iter().chain(video).collect();
    for pair in all.chunks(2) {
        ui.columns(2, |columns| {
            for (stream, ui) in pair.iter().zip(columns) {
                buffer(ui, model, stream);
            }
        });
    }
}

fn buffer(ui: &mut Ui, model: &Model, stream: &Stream) {
    let name = |what: &str| format!("{what}/{}", stream.key);
    let facts = |ui: &mut Ui| {
        if stream.muted {
            look::pill(ui, "muted", Tone::Absent);
        }
        let last = |what: &str| model.history.last(&name(what));
        if let Some(concealed) = last("concealed") {
            let tone = Tone::above(concealed, 1.0, 5.0);
            look::fact(ui, "invented", &format!("{concealed:.1} %"), tone);
        }
        for (what, name) in [
            ("lbrr", "repeated"),
            ("copies", "copied"),
            ("described", "described"),
        ] {
            if let Some(share) = last(what).filter(|s| *s > 0.0) {
                look::fact(ui, name, &format!("{share:.1} %"), Tone::Plain);
            }
        }
        if let Some(jitter) = stream.jitter_ms {
            look::fact(ui, "jitter", &format!("{jitter:.1} ms"), Tone::Plain);
        }
    };
    let title = format!("{} · buffer", stream_title(stream));
    look::card_with(ui, &title, facts, |ui| {
        let p = palette(ui);
        let (held, aim) = (name("buffer"), name("buffer-target"));
        let series = |name: &str| model.history.before(name, model.now(), SPAN);
        let most = model.most(&[&held, &aim], SPAN, 80.0) * 1.1;
        let lines = vec![
            Line::new("waits", p.series[0], series(&held)).filled(),
            Line::new("aims at", p.series[4], series(&aim)).dashed(),
        ];
        look::time_plot(ui, &held, 78.0, SPAN, 0.0..=most, "ms", lines);
    });
}
