//! Plots over time, and spectra.

use super::palette;
use eframe::egui::{Color32, RichText, Stroke, Ui, Vec2b, vec2};
use egui_plot::{
    AxisHints, GridInput, GridMark, HPlacement, HoverPosition, LineStyle, Plot, PlotPoints,
};
use std::ops::RangeInclusive;

/// A line of a plot over time.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    pub color: Color32,
    pub dashed: bool,
    pub filled: bool,
    /// Seconds before now and values.
    pub points: Vec<[f64; 2]>,
}

impl Line {
    pub fn new(name: impl Into<String>, color: Color32, points: Vec<[f64; 2]>) -> Line {
        Line {
            name: name.into(),
            color,
            dashed: false,
            filled: false,
            points,
        }
    }

    pub fn dashed(mut self) -> Line {
        self.dashed = true;
        self
    }

    pub fn filled(mut self) -> Line {
        self.filled = true;
        self
    }
}

/// The names of the lines with a dash in their colours, newest values behind.
fn legend(ui: &mut Ui, lines: &[Line], unit: &str) {
    let muted = palette(ui).muted;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
        for line in lines {
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 12.0), eframe::egui::Sense::hover());
            let middle = rect.center().y;
            let stroke = Stroke::new(2.0, line.color);
            if line.dashed {
                ui.painter()
                    .hline(rect.left()..=rect.left() + 5.0, middle, stroke);
                ui.painter()
                    .hline(rect.left() + 9.0..=rect.right(), middle, stroke);
            } else {
                ui.painter().hline(rect.x_range(), middle, stroke);
            }
            ui.label(RichText::new(&line.name).small().color(muted));
            if let Some([_, value]) = line.points.last() {
                ui.label(RichText::new(format!("{} {unit}", number(*value))).small());
                ui.add_space(8.0);
            }
        }
    });
}

/// As many digits as people read.
fn number(value: f64) -> String {
    let text = match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    text.replace('-', "−")
}

/// Values over the last `span` seconds.
pub fn time_plot(
    ui: &mut Ui,
    id: &str,
    height: f32,
    span: f64,
    range: RangeInclusive<f64>,
    unit: &str,
    lines: Vec<Line>,
) {
    legend(ui, &lines, unit);
    let unit_text = unit.to_owned();
    let p = palette(ui);
    let quiet = p.line.gamma_multiply(0.7);
    let (low, high) = (*range.start(), *range.end());
    let plot = base(id, height)
        .grid_color(quiet)
        .custom_x_axes(vec![
            AxisHints::new_x().formatter(|mark, _| ago(mark.value)),
        ])
        .custom_y_axes(vec![y_axis(move |mark| {
            // The corner belongs to the time.
            let corner = (mark.value - low).abs() < 1e-9;
            if corner {
                String::new()
            } else {
                number_mark(mark.value)
            }
        })])
        .x_grid_spacer(move |input| marks(input, nice(span, 6.0)))
        .y_grid_spacer(move |input| marks(input, nice(high - low, f64::from(height) / 26.0)))
        .label_formatter(move |at| match at {
            HoverPosition::NearDataPoint {
                plot_name,
                position,
                ..
            } => Some(format!(
                "{plot_name}: {} {unit_text}\n{}",
                number(position.y),
                ago(position.x)
            )),
            HoverPosition::Elsewhere { .. } => None,
        });
    plot.show(ui, move |plot| {
        plot.set_plot_bounds_x(-span..=0.0);
        plot.set_plot_bounds_y(low..=high);
        for line in lines {
            let mut drawn = egui_plot::Line::new(line.name, PlotPoints::from(line.points))
                .color(line.color)
                .width(1.8);
            if line.dashed {
                drawn = drawn.style(LineStyle::dashed_dense());
            }
            if line.filled {
                drawn = drawn.fill(low as f32).fill_alpha(0.10);
            }
            plot.line(drawn);
        }
    });
}

/// Levels of the bands, dBov: what went into a stage, what came out of it, and that of the last second.
pub fn spectrum(
    ui: &mut Ui,
    id: &str,
    height: f32,
    centres: &[f32],
    before: Option<(&str, &[f32])>,
    after: (&str, &[f32], &[f32]),
) {
    let p = palette(ui);
    let points = |bands: &[f32]| -> Vec<[f64; 2]> {
        let hz = centres.iter().map(|hz| f64::from(*hz).max(1.0).log2());
        hz.zip(bands)
            .map(|(x, db)| [x, f64::from(*db).max(LOW_DB)])
            .collect()
    };
    let hz = |value: f64| 2f64.powf(value);
    let plot = base(id, height)
        .grid_color(p.line.gamma_multiply(0.7))
        .custom_x_axes(vec![
            AxisHints::new_x().formatter(move |mark, _| frequency(hz(mark.value))),
        ])
        .custom_y_axes(vec![y_axis(|mark| number_mark(mark.value))])
        .x_grid_spacer(|_| octaves())
        .y_grid_spacer(|input| marks(input, 20.0))
        .label_formatter(move |at| match at {
            HoverPosition::NearDataPoint {
                plot_name,
                position,
                ..
            } => Some(format!(
                "{plot_name}\n{}   {:.1} dBov",
                frequency(hz(position.x)),
                position.y
            )),
            HoverPosition::Elsewhere { .. } => None,
        });
    let (name, now, slow) = (after.0.to_owned(), points(after.1), points(after.2));
    let before = before.map(|(name, bands)| (name.to_owned(), points(bands)));
    let (accent, muted, second) = (p.accent, p.muted, p.series[1]);
    let ends = centres.first().zip(centres.last());
    let (left, right) = ends.map_or((5.0, 14.5), |(a, b)| {
        (
            f64::from(*a).max(1.0).log2() - 0.1,
            f64::from(*b).max(2.0).log2() + 0.1,
        )
    });
    plot.show(ui, move |plot| {
        plot.set_plot_bounds_x(left..=right);
        plot.set_plot_bounds_y(LOW_DB..=0.0);
        if let Some((name, points)) = before {
            let line = egui_plot::Line::new(name, PlotPoints::from(points));
            plot.line(line.color(second).width(1.6));
        }
        let drawn = egui_plot::Line::new(name.clone(), PlotPoints::from(now)).color(accent);
        plot.line(drawn.width(2.0).fill(LOW_DB as f32).fill_alpha(0.14));
        let drawn = egui_plot::Line::new(format!("{name}, last second"), PlotPoints::from(slow));
        plot.line(
            drawn
                .color(muted)
                .width(1.0)
                .style(LineStyle::dotted_dense()),
        );
    });
}

/// Below this nothing is drawn, dBov.
const LOW_DB: f64 = -110.0;

fn base<'a>(id: &str, height: f32) -> Plot<'a> {
    Plot::new(id.to_owned())
        .height(height)
        .show_background(false)
        .show_axes(Vec2b::TRUE)
        .show_grid(Vec2b::TRUE)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .set_margin_fraction(vec2(0.0, 0.0))
}

fn y_axis<'a>(format: impl Fn(&GridMark) -> String + 'a) -> AxisHints<'a> {
    AxisHints::new_y()
        .placement(HPlacement::Left)
        .min_thickness(40.0)
        .formatter(move |mark, _| format(&mark))
}

fn ago(seconds: f64) -> String {
    if seconds > -0.05 {
        return "now".to_owned();
    }
    format!("{seconds:.0} s").replace('-', "−")
}

fn number_mark(value: f64) -> String {
    let text = match value.abs() {
        v if v >= 10_000.0 => format!("{:.0}k", value / 1000.0),
        v if v > 0.0 && v < 1.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    text.replace('-', "−")
}

fn frequency(hz: f64) -> String {
    if hz >= 999.0 {
        let text = format!("{:.1}", hz / 1000.0);
        return format!("{} kHz", text.trim_end_matches(".0"));
    }
    format!("{hz:.0} Hz")
}

/// A step of 1, 2 or 5 times a power of ten that divides `span` into about `parts`.
fn nice(span: f64, parts: f64) -> f64 {
    let rough = (span / parts.max(1.0)).max(1e-6);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|s| s * power >= rough);
    step.unwrap_or(10.0) * power
}

fn marks(input: GridInput, step: f64) -> Vec<GridMark> {
    let first = (input.bounds.0 / step).ceil() as i64;
    let last = (input.bounds.1 / step).floor() as i64;
    let mark = |n: i64| GridMark {
        value: n as f64 * step,
        // Beside the strongest there is nothing else to fade against.
        step_size: step * 100.0,
    };
    (first..=last.min(first + 100)).map(mark).collect()
}

/// 62.5 Hz to 16 kHz.
fn octaves() -> Vec<GridMark> {
    let mark = |n: i32| GridMark {
        value: (1000.0 * 2f64.powi(n)).log2(),
        step_size: 100.0,
    };
    (-4..=4).map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_numbers() {
        assert_eq!(nice(60.0, 6.0), 10.0);
        assert_eq!(nice(2500.0, 5.0), 500.0);
        assert!((nice(0.7, 5.0) - 0.2).abs() < 1e-9);
    }

    #[test]
    fn numbers_are_written_as_people_read_them() {
        assert_eq!(frequency(62.5), "62 Hz");
        assert_eq!(frequency(1000.0), "1 kHz");
        assert_eq!(frequency(2500.0), "2.5 kHz");
        assert_eq!(ago(-30.0), "−30 s");
        assert_eq!(ago(0.0), "now");
        assert_eq!(number_mark(12_000.0), "12k");
    }
}
