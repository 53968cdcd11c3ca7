//! Before attaching: who is there.

use crate::look::{self, Tone, palette};
use confab_client::diagnose::Running;
use eframe::egui::{
    Align, Button, CornerRadius, Frame, Layout, Rect, RichText, Stroke, Ui, UiBuilder, pos2, vec2,
};

/// Whom the user wants to attach to.
pub fn draw(ui: &mut Ui, running: Option<&[Running]>, problem: Option<&str>) -> Option<String> {
    let mut chosen = None;
    let all = ui.available_rect_before_wrap();
    let width = all.width().min(620.0);
    let top = all.top() + (all.height() * 0.12).min(90.0);
    let left = all.center().x - width / 2.0;
    let place = Rect::from_min_max(pos2(left, top), pos2(left + width, all.bottom()));
    ui.scope_builder(UiBuilder::new().max_rect(place), |ui| {
        let p = palette(ui);
        ui.label(RichText::new("Look into a participant").size(28.0).strong());
        ui.label(
            RichText::new("Everybody on this machine who lets themselves be looked at.")
                .color(p.muted),
        );
        ui.add_space(12.0);
        if let Some(problem) = problem {
            ui.label(RichText::new(problem).color(p.danger));
            ui.add_space(8.0);
        }
        match running {
            None => look::empty(ui, "Looking around", "One moment."),
            Some([]) => nobody(ui),
            Some(all) => {
                for one in all {
                    if row(ui, one) {
                        chosen = Some(one.name.clone());
                    }
                }
            }
        }
    });
    chosen
}

fn nobody(ui: &mut Ui) {
    look::card(ui, "Nobody is there", |ui| {
        let muted = palette(ui).muted;
        ui.label(RichText::new("In the desktop app, choose Help → Diagnostics.").color(muted));
        ui.label(RichText::new("On a command line, start a participant with").color(muted));
        ui.label(RichText::new("confab-headless join <link> --name N --diagnose").monospace());
    });
}

fn row(ui: &mut Ui, one: &Running) -> bool {
    let p = palette(ui);
    let session = &one.welcome.session;
    let frame = Frame::new()
        .fill(p.surface)
        .stroke(Stroke::new(1.0, p.line))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(look::CARD_MARGIN);
    let inside = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                let name = match session.name.as_str() {
                    "" => "Not in a meeting",
                    name => name,
                };
                ui.label(RichText::new(name).size(16.0).strong());
                let about = format!("{} · process {}", one.welcome.program, one.name);
                ui.label(RichText::new(about).small().color(p.muted));
            });
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let attach = RichText::new("Attach").color(p.on_accent);
                let button = Button::new(attach).fill(p.accent).stroke(Stroke::NONE);
                let pressed = ui.add(button.min_size(vec2(88.0, 32.0))).clicked();
                let tone = match session.phase.as_str() {
                    "joined" => Tone::Good,
                    "reconnecting" | "ended" => Tone::Warning,
                    _ => Tone::Absent,
                };
                look::pill(ui, &session.phase, tone);
                pressed
            })
            .inner
        })
        .inner
    });
    ui.add_space(2.0);
    inside.inner
}
