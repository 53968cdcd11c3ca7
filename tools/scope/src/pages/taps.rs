//! Recording stages to files, where the participant keeps them.

use crate::link::Order;
use crate::look::{self, Tone, palette};
use crate::model::{Model, Stage, TapNote, stage_title};
use eframe::egui::{Align, Button, Layout, RichText, ScrollArea, Stroke, Ui, vec2};

/// What a button wants.
pub fn draw(ui: &mut Ui, model: &Model) -> Option<Order> {
    let mut wanted = None;
    if !model.welcome.taps {
        look::card(ui, "Recording is off", |ui| {
            let muted = palette(ui).muted;
            ui.label(
                RichText::new("This participant was started without a folder for recordings, so none can be made.")
                    .color(muted),
            );
            ui.label(
                RichText::new("confab-headless join … --diagnose --diagnose-taps <folder>")
                    .monospace(),
            );
        });
    }
    let height = ui.available_height();
    ui.horizontal_top(|ui| {
        let width = ui.available_width() * 0.58;
        ui.allocate_ui_with_layout(vec2(width, height), Layout::top_down(Align::Min), |ui| {
            ui.set_width(width);
            look::card(ui, "Stages", |ui| {
                let area = ScrollArea::vertical()
                    .auto_shrink([false, false])
                    .id_salt("taps");
                area.show(ui, |ui| {
                    for stage in &model.stages {
                        if let Some(order) = row(ui, model, stage) {
                            wanted = Some(order);
                        }
                    }
                });
            });
        });
        ui.vertical(|ui| {
            look::card(ui, "Files", |ui| files(ui, model));
        });
    });
    wanted
}

fn row(ui: &mut Ui, model: &Model, stage: &Stage) -> Option<Order> {
    let p = palette(ui);
    let mut wanted = None;
    let name = stage.sound.info.name.clone();
    ui.horizontal(|ui| {
        ui.allocate_ui_with_layout(
            vec2(180.0, 34.0),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.set_min_width(180.0);
                ui.label(model.label(&stage.sound));
            },
        );
        let width = (ui.available_width() - 230.0).max(40.0);
        look::level_bar(
            ui,
            vec2(width, 6.0),
            stage.sound.rms_db,
            stage.sound.peak_db,
            stage.hold_db,
        );
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let size = vec2(84.0, 28.0);
            match &stage.sound.tap {
                Some(tap) => {
                    let stop = Button::new(RichText::new("Stop").color(p.danger));
                    if ui
                        .add(stop.stroke(Stroke::new(1.0, p.danger)).min_size(size))
                        .clicked()
                    {
                        wanted = Some(Order::Tap {
                            stage: name.clone(),
                            on: false,
                        });
                    }
                    let missed = if tap.missed > 0.0 {
                        Tone::Warning
                    } else {
                        Tone::Plain
                    };
                    look::fact(ui, "", &format!("{:.1} s", tap.seconds), missed);
                    ui.label(RichText::new("●").color(p.danger));
                }
                None => {
                    let record =
                        ui.add_enabled(model.welcome.taps, Button::new("Record").min_size(size));
                    if record.clicked() {
                        wanted = Some(Order::Tap {
                            stage: name.clone(),
                            on: true,
                        });
                    }
                }
            }
        });
    });
    wanted
}

fn files(ui: &mut Ui, model: &Model) {
    let p = palette(ui);
    if let Some(folder) = &model.welcome.folder {
        ui.label(RichText::new(folder).monospace().color(p.muted));
    }
    if model.notes.is_empty() {
        return look::empty(
            ui,
            "Nothing recorded yet",
            "WAV, 48 kHz mono. A recording ends with this visit.",
        );
    }
    let area = ScrollArea::vertical()
        .auto_shrink([false, false])
        .id_salt("files");
    area.show(ui, |ui| {
        for note in &model.notes {
            match note {
                TapNote::Began { stage, file } => {
                    ui.label(
                        RichText::new(format!("Recording {}", stage_title(stage))).color(p.danger),
                    );
                    ui.label(RichText::new(file).monospace().small());
                }
                TapNote::Ended { stage, file } => {
                    ui.label(format!("Recorded {}", stage_title(stage)));
                    ui.label(RichText::new(file).monospace().small());
                }
                TapNote::Failed { why } => {
                    ui.label(RichText::new(format!("Not recorded: {why}.")).color(p.warning));
                }
            }
            ui.add_space(4.0);
        }
    });
}
