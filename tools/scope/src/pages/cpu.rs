//! What it costs: threads and memory.

use super::or_dash;
use crate::look::{self, Line, Tone, palette};
use crate::model::{Model, threads};
use eframe::egui::{
    Align, Color32, CornerRadius, Layout, Rect, RichText, ScrollArea, Sense, Ui, pos2, vec2,
};

/// Seconds of the plots.
const SPAN: f64 = 60.0;

pub fn draw(ui: &mut Ui, model: &Model) {
    let process = &model.latest.process;
    if process.threads.is_empty() {
        return look::card(ui, "CPU", |ui| match process.cpu_percent {
            None if model.snapshots < 20 => look::empty(ui, "Measuring", "One moment."),
            _ => look::empty(
                ui,
                "Not known",
                "The participant's system does not tell what threads cost.",
            ),
        });
    }
    let p = palette(ui);
    let series = |name: &str| model.history.before(name, model.now(), SPAN);
    ui.columns(2, |columns| {
        let most = model.most(&["cpu"], SPAN, 50.0) * 1.1;
        look::card(&mut columns[0], "CPU", |ui| {
            let line = Line::new("of one core", p.series[0], series("cpu")).filled();
            look::time_plot(ui, "cpu", 120.0, SPAN, 0.0..=most, "%", vec![line]);
        });
        let most = model.most(&["memory"], SPAN, 50.0) * 1.2;
        look::card(&mut columns[1], "Memory, resident", |ui| {
            let line = Line::new("of the process", p.series[1], series("memory")).filled();
            look::time_plot(ui, "memory", 120.0, SPAN, 0.0..=most, "MB", vec![line]);
        });
    });
    let all = threads(&model.latest);
    let total = format!(
        "{} % of a core in {} threads",
        or_dash(process.cpu_percent, 1),
        process.threads.len()
    );
    let beside = |ui: &mut Ui| {
        ui.label(RichText::new(total).small().color(palette(ui).muted));
    };
    look::card_with(ui, "Threads", beside, |ui| {
        let most = all.first().map_or(10.0, |(_, percent)| percent.max(10.0));
        let area = ScrollArea::vertical()
            .auto_shrink([false, false])
            .id_salt("threads");
        area.show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            for (name, percent) in &all {
                row(ui, model, name, *percent, most);
            }
        });
    });
}

fn row(ui: &mut Ui, model: &Model, name: &str, percent: f64, most: f64) {
    let p = palette(ui);
    let same = model
        .latest
        .process
        .threads
        .iter()
        .filter(|t| t.name == name)
        .count();
    ui.horizontal(|ui| {
        ui.allocate_ui_with_layout(
            vec2(180.0, 24.0),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.set_min_width(180.0);
                let quiet = percent < 0.05;
                ui.label(RichText::new(name).monospace().color(if quiet {
                    p.muted
                } else {
                    p.text
                }));
                if same > 1 {
                    ui.label(RichText::new(format!("×{same}")).small().color(p.muted));
                }
            },
        );
        let width = (ui.available_width() - 210.0).max(60.0);
        bar(ui, width, percent / most, p.accent);
        ui.allocate_ui_with_layout(
            vec2(64.0, 24.0),
            Layout::right_to_left(Align::Center),
            |ui| {
                ui.set_min_width(64.0);
                ui.label(format!("{percent:.1} %"));
            },
        );
        let points = model
            .history
            .before(&format!("thread/{name}"), model.now(), SPAN);
        look::sparkline(ui, vec2(110.0, 22.0), &points, SPAN, most, p.series[0]);
    });
}

fn bar(ui: &mut Ui, width: f32, share: f64, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(width, 8.0), Sense::hover());
    let p = palette(ui);
    ui.painter()
        .rect_filled(rect, CornerRadius::same(4), p.raised);
    let right = rect.left() + share.clamp(0.0, 1.0) as f32 * rect.width();
    let full = Rect::from_min_max(rect.min, pos2(right, rect.bottom()));
    ui.painter().rect_filled(full, CornerRadius::same(4), color);
}

/// What the top bar says of the cost.
pub fn tone(percent: Option<f64>) -> Tone {
    percent.map_or(Tone::Absent, |p| Tone::above(p, 100.0, 180.0))
}
