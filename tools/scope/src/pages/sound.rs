//! How every stage sounds: a list of them with levels, and one of them in depth.

use crate::look::{self, Line, Tone, palette};
use crate::model::{Model, Stage, stage_title};
use confab_client::diagnose::{Voice, Way};
use eframe::egui::{
    Align, Align2, CornerRadius, FontId, Grid, Layout, Rect, RichText, ScrollArea, Sense, Stroke,
    StrokeKind, Ui, pos2, vec2,
};

/// Which stage is looked at.
#[derive(Clone, Debug, Default)]
pub struct SoundView {
    chosen: Option<String>,
}

/// Seconds of the level plot.
const SPAN: f64 = 30.0;
const LIST: f32 = 300.0;

pub fn draw(ui: &mut Ui, model: &Model, view: &mut SoundView) {
    if model.stages.is_empty() {
        return look::card(ui, "Sound", |ui| {
            look::empty(
                ui,
                "No sound passes",
                "There is neither a microphone nor a speaker open.",
            );
        });
    }
    let gone = view
        .chosen
        .as_ref()
        .is_some_and(|c| model.stage(c).is_none());
    if view.chosen.is_none() || gone {
        let voice = model.stage("voice").or(model.stages.first());
        view.chosen = voice.map(|s| s.sound.info.name.clone());
    }
    let height = ui.available_height();
    ui.horizontal_top(|ui| {
        ui.allocate_ui_with_layout(vec2(LIST, height), Layout::top_down(Align::Min), |ui| {
            ui.set_width(LIST);
            look::card(ui, "Stages", |ui| list(ui, model, view));
        });
        ui.vertical(|ui| {
            let chosen = view.chosen.as_deref().and_then(|name| model.stage(name));
            let Some(stage) = chosen else { return };
            depth(ui, model, stage);
            match &model.latest.voice {
                Some(voice) => ui.columns(2, |columns| {
                    levels(&mut columns[0], model, stage);
                    echo(&mut columns[1], model, voice);
                }),
                None => levels(ui, model, stage),
            }
        });
    });
}

fn list(ui: &mut Ui, model: &Model, view: &mut SoundView) {
    let area = ScrollArea::vertical()
        .auto_shrink([false, false])
        .id_salt("stages");
    area.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let of = |way: Way, one: bool| {
            let all = model.stages.iter();
            all.filter(move |s| {
                s.sound.info.way == way && s.sound.info.participant.is_some() == one
            })
        };
        for (title, stages) in [
            (
                "Microphone to network",
                of(Way::Up, false).collect::<Vec<_>>(),
            ),
            ("Voices heard", of(Way::Down, true).collect()),
            ("Mix to speaker", of(Way::Down, false).collect()),
        ] {
            if stages.is_empty() {
                continue;
            }
            look::group(ui, title);
            for stage in stages {
                let name = &stage.sound.info.name;
                if row(ui, model, stage, view.chosen.as_deref() == Some(name)) {
                    view.chosen = Some(name.clone());
                }
            }
        }
    });
}

/// One stage; whether it was pressed.
fn row(ui: &mut Ui, model: &Model, stage: &Stage, chosen: bool) -> bool {
    let size = vec2(ui.available_width(), 40.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let p = palette(ui);
    if chosen || response.hovered() {
        let fill = if chosen { p.accent_soft } else { p.raised };
        ui.painter().rect_filled(rect, CornerRadius::same(6), fill);
    }
    if response.has_focus() {
        let ring = Stroke::new(2.0, p.accent);
        ui.painter()
            .rect_stroke(rect, CornerRadius::same(6), ring, StrokeKind::Inside);
    }
    let inner = rect.shrink2(vec2(8.0, 6.0));
    let title = model.label(&stage.sound);
    let text = |at, anchor, text: &str, color| {
        ui.painter().with_clip_rect(rect.shrink(4.0)).text(
            at,
            anchor,
            text,
            FontId::proportional(13.0),
            color,
        );
    };
    text(inner.left_top(), Align2::LEFT_TOP, &title, p.text);
    let level = look::decimal(stage.sound.rms_db, 0);
    let level = if stage.sound.rms_db <= -119.0 {
        "–"
    } else {
        &level
    };
    text(inner.right_top(), Align2::RIGHT_TOP, level, p.muted);
    if stage.sound.tap.is_some() {
        ui.painter()
            .circle_filled(pos2(inner.right() - 34.0, inner.top() + 7.0), 4.0, p.danger);
    }
    let bar = Rect::from_min_max(pos2(inner.left(), inner.bottom() - 6.0), inner.max);
    let sound = &stage.sound;
    look::paint_level(ui, bar, sound.rms_db, sound.peak_db, stage.hold_db);
    let spoken = format!("{title}, {:.0} dB", stage.sound.rms_db);
    response.widget_info(|| {
        eframe::egui::WidgetInfo::selected(eframe::egui::Role::Button, true, chosen, &spoken)
    });
    response.clicked()
}

/// Height of what is below the spectrum.
const BELOW: f32 = 226.0;

fn depth(ui: &mut Ui, model: &Model, stage: &Stage) {
    let title = model.label(&stage.sound);
    let before = model.compared(stage);
    let p = palette(ui);
    let facts = |ui: &mut Ui| {
        let sound = &stage.sound;
        let tone = Tone::above(f64::from(sound.peak_db), -3.0, -0.5);
        look::fact(
            ui,
            "peak",
            &format!("{} dB", look::decimal(sound.peak_db, 1)),
            tone,
        );
        ui.add_space(6.0);
        let level = format!("{} dBov", look::decimal(sound.rms_db, 1));
        look::fact(ui, "level", &level, Tone::Plain);
        if let Some(before) = before {
            ui.add_space(6.0);
            let change = sound.rms_db - before.sound.rms_db;
            let sign = if change > 0.05 { "+" } else { "" };
            let change = format!("{sign}{} dB", look::decimal(change, 1));
            look::fact(ui, "change", &change, Tone::Plain);
        }
    };
    // The card's head, its legend and its margins take the rest.
    let height = (ui.available_height() - BELOW - 108.0).clamp(120.0, 520.0);
    look::card_with(ui, &title, facts, |ui| {
        ui.horizontal(|ui| {
            let key = |ui: &mut Ui, color, text: &str| {
                let (rect, _) = ui.allocate_exact_size(vec2(14.0, 12.0), Sense::hover());
                let stroke = Stroke::new(2.0, color);
                ui.painter().hline(rect.x_range(), rect.center().y, stroke);
                ui.label(RichText::new(text).small().color(p.muted));
            };
            if let Some(before) = before {
                let name = stage_title(&before.sound.info.name);
                key(ui, p.series[1], &format!("before ({name})"));
            }
            key(ui, p.accent, "behind it");
            key(ui, p.muted, "behind it, mean of a second");
        });
        let bands = before.map(|b| ("before", &b.sound.bands[..]));
        let after = (title.as_str(), &stage.sound.bands[..], &stage.slow[..]);
        let centres = &model.welcome.bands.centres;
        look::spectrum(ui, "spectrum", height, centres, bands, after);
    });
}

fn levels(ui: &mut Ui, model: &Model, stage: &Stage) {
    look::card(ui, "Level over time", |ui| {
        let p = palette(ui);
        let line = |stage: &Stage, name: &str, color| {
            let series = format!("level/{}", stage.sound.info.name);
            let points = model.history.before(&series, model.now(), SPAN);
            Line::new(name, color, points)
        };
        let mut lines = Vec::new();
        if let Some(before) = model.compared(stage) {
            lines.push(line(before, "before", p.series[1]));
        }
        lines.push(line(stage, "behind", p.accent));
        look::time_plot(ui, "level", 128.0, SPAN, -90.0..=0.0, "dBov", lines);
    });
}

fn echo(ui: &mut Ui, model: &Model, voice: &Voice) {
    let state = |ui: &mut Ui| {
        let word = match (voice.muted, voice.speaking) {
            (true, _) => ("muted", Tone::Absent),
            (false, true) => ("speaking", Tone::Good),
            (false, false) => ("silent", Tone::Absent),
        };
        look::pill(ui, word.0, word.1);
        if let Some(fault) = &voice.noise_fault {
            look::pill(ui, fault, Tone::Warning);
        }
        if voice.howling {
            look::pill(ui, "howling", Tone::Bad);
        }
    };
    look::card_with(ui, "Echo canceller", state, |ui| {
        if !voice.echo_cancel {
            let muted = palette(ui).muted;
            let text = "Off: sound is sent as it comes from the microphone.";
            ui.label(RichText::new(text).color(muted));
            ui.add_space(128.0);
            return;
        }
        let overruns = Tone::above(voice.overruns as f64, 1.0, 100.0);
        let cells = [
            (
                "return loss",
                format!("{} dB", look::decimal(voice.erle_db, 1)),
                Tone::Plain,
            ),
            (
                "delay",
                format!("{:.0} ms", voice.echo_delay_ms),
                Tone::Plain,
            ),
            (
                "drift",
                format!("{} ppm", look::decimal(voice.drift_ppm, 0)),
                Tone::Plain,
            ),
            ("slips", voice.slips.to_string(), Tone::Plain),
            ("room learnt anew", format!("{}×", voice.moves), Tone::Plain),
            ("overruns", voice.overruns.to_string(), overruns),
            ("noise suppressor", voice.noise_engine.clone(), Tone::Plain),
            (
                "its cost",
                format!("{:.1} %", voice.noise_us as f64 / 100.0),
                Tone::above(voice.noise_us as f64, 2000.0, 4000.0),
            ),
        ];
        Grid::new("echo")
            .num_columns(3)
            .spacing(vec2(18.0, 2.0))
            .show(ui, |ui| {
                for row in cells.chunks(3) {
                    for (label, value, tone) in row {
                        look::fact(ui, label, value, *tone);
                    }
                    ui.end_row();
                }
            });
        let p = palette(ui);
        let points = model.history.before("erle", model.now(), SPAN);
        let lines = vec![Line::new("return loss", p.accent, points).filled()];
        let most = model.most(&["erle"], SPAN, 40.0);
        look::time_plot(ui, "erle", 64.0, SPAN, 0.0..=most, "dB", lines);
    });
}
