//! The parts pages are made of.

use super::{CARD_MARGIN, palette};
use eframe::egui::{
    Align, Align2, Button, Color32, CornerRadius, FontId, Frame, Layout, Pos2, Rect, Response,
    RichText, Sense, Stroke, StrokeKind, Ui, Vec2, pos2, vec2,
};

/// How a number is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
    Absent,
}

impl Tone {
    /// Bad from `bad` on, a warning from `warning` on.
    pub fn above(value: f64, warning: f64, bad: f64) -> Tone {
        match value {
            v if v >= bad => Tone::Bad,
            v if v >= warning => Tone::Warning,
            _ => Tone::Plain,
        }
    }

    fn color(self, ui: &Ui) -> Color32 {
        let p = palette(ui);
        match self {
            Tone::Plain => p.text,
            Tone::Good => p.good,
            Tone::Warning => p.warning,
            Tone::Bad => p.danger,
            Tone::Absent => p.muted,
        }
    }
}

/// A surface with a title.
pub fn card<R>(ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    card_with(ui, title, |_| {}, add)
}

/// A surface with a title, and `beside` it at the right edge.
pub fn card_with<R>(
    ui: &mut Ui,
    title: &str,
    beside: impl FnOnce(&mut Ui),
    add: impl FnOnce(&mut Ui) -> R,
) -> R {
    let p = palette(ui);
    let frame = Frame::new()
        .fill(p.surface)
        .stroke(Stroke::new(1.0, p.line))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(CARD_MARGIN);
    frame
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 6.0;
            ui.horizontal(|ui| {
                ui.label(RichText::new(title).strong().color(p.text));
                ui.with_layout(Layout::right_to_left(Align::Center), beside);
            });
            add(ui)
        })
        .inner
}

/// A small heading above rows.
pub fn group(ui: &mut Ui, title: &str) {
    ui.add_space(6.0);
    let color = palette(ui).muted;
    ui.label(RichText::new(title).small().color(color));
}

/// A number that matters, with its name above and its unit behind; `width` points wide.
pub fn tile(ui: &mut Ui, width: f32, label: &str, value: &str, unit: &str, tone: Tone) {
    let p = palette(ui);
    let frame = Frame::new()
        .fill(p.surface)
        .stroke(Stroke::new(1.0, p.line))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(CARD_MARGIN);
    frame.show(ui, |ui| {
        let inner = width - f32::from(CARD_MARGIN.left) - f32::from(CARD_MARGIN.right) - 2.0;
        ui.allocate_ui_with_layout(vec2(inner, 46.0), Layout::top_down(Align::Min), |ui| {
            ui.set_width(inner);
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.label(RichText::new(label).small().color(p.muted));
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                ui.label(RichText::new(value).size(22.0).color(tone.color(ui)));
                ui.label(RichText::new(unit).small().color(p.muted));
            });
        });
    });
}

/// A name and a number on one line.
pub fn fact(ui: &mut Ui, label: &str, value: &str, tone: Tone) {
    let right_to_left = ui.layout().prefer_right_to_left();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let label = RichText::new(label).small().color(palette(ui).muted);
        let value = RichText::new(value).color(tone.color(ui));
        // Beside a title lines are filled from the right; a name is to the left of its number all the same.
        let (first, second) = match right_to_left {
            true => (value, label),
            false => (label, value),
        };
        ui.label(first);
        ui.label(second);
    });
}

/// With a real minus sign.
pub fn decimal(value: f32, digits: usize) -> String {
    format!("{value:.digits$}").replace('-', "−")
}

/// A word in a rounded field.
pub fn pill(ui: &mut Ui, text: &str, tone: Tone) {
    let p = palette(ui);
    let color = tone.color(ui);
    let frame = Frame::new()
        .fill(p.raised)
        .corner_radius(CornerRadius::same(9))
        .inner_margin(eframe::egui::Margin::symmetric(8, 2));
    frame.show(ui, |ui| ui.label(RichText::new(text).small().color(color)));
}

/// A button without a frame until the pointer is on it.
pub fn text_button(ui: &mut Ui, text: &str, on: bool) -> Response {
    let p = palette(ui);
    let color = if on { p.text } else { p.muted };
    let fill = if on { p.raised } else { Color32::TRANSPARENT };
    let button = Button::new(RichText::new(text).color(color))
        .fill(fill)
        .stroke(Stroke::NONE)
        .corner_radius(CornerRadius::same(8));
    ui.add(button)
}

/// What an empty place says: what it is, what to do.
pub fn empty(ui: &mut Ui, title: &str, text: &str) {
    let muted = palette(ui).muted;
    ui.vertical_centered(|ui| {
        ui.add_space(18.0);
        ui.label(RichText::new(title).strong());
        ui.label(RichText::new(text).color(muted));
        ui.add_space(18.0);
    });
}

/// The quietest level a bar shows, dB.
const QUIET: f32 = -72.0;

/// A level: filled to the mean, a lighter part to the peak, a tick where the peak was.
pub fn level_bar(ui: &mut Ui, size: Vec2, rms_db: f32, peak_db: f32, hold_db: f32) {
    let (rect, _) = ui.allocate_exact_size(size.max(Vec2::ZERO), Sense::hover());
    paint_level(ui, rect, rms_db, peak_db, hold_db);
}

/// A level in a place that is there already.
pub fn paint_level(ui: &Ui, rect: Rect, rms_db: f32, peak_db: f32, hold_db: f32) {
    let p = palette(ui);
    let painter = ui.painter_at(rect);
    let radius = CornerRadius::same((rect.height() / 2.0) as u8);
    painter.rect_filled(rect, radius, p.raised);
    let x = |db: f32| rect.left() + ((db - QUIET) / -QUIET).clamp(0.0, 1.0) * rect.width();
    let color = match peak_db {
        db if db >= -0.5 => p.danger,
        db if db >= -3.0 => p.warning,
        _ => p.accent,
    };
    let to = |db: f32| Rect::from_min_max(rect.min, pos2(x(db), rect.bottom()));
    if peak_db > QUIET {
        painter.rect_filled(to(peak_db), radius, color.gamma_multiply(0.35));
    }
    if rms_db > QUIET {
        painter.rect_filled(to(rms_db), radius, color);
    }
    if hold_db > QUIET {
        let at = x(hold_db).min(rect.right() - 1.0);
        painter.vline(at, rect.y_range(), Stroke::new(1.5, p.text));
    }
}

/// A small line of a number over `span` seconds, from 0 to `most`.
pub fn sparkline(
    ui: &mut Ui,
    size: Vec2,
    points: &[[f64; 2]],
    span: f64,
    most: f64,
    color: Color32,
) {
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let p = palette(ui);
    let painter = ui.painter_at(rect);
    painter.rect_stroke(
        rect,
        CornerRadius::same(4),
        Stroke::new(1.0, p.line),
        StrokeKind::Inside,
    );
    if points.len() < 2 {
        let font = FontId::proportional(11.0);
        painter.text(rect.center(), Align2::CENTER_CENTER, "–", font, p.muted);
        return;
    }
    let inner = rect.shrink2(vec2(1.0, 3.0));
    let place = |[ago, value]: &[f64; 2]| -> Pos2 {
        let x = inner.right() + (ago / span) as f32 * inner.width();
        let share = (value / most.max(1e-9)).clamp(0.0, 1.0) as f32;
        pos2(x, inner.bottom() - share * inner.height())
    };
    let line: Vec<Pos2> = points.iter().map(place).collect();
    painter.line(line, Stroke::new(1.5, color));
}
