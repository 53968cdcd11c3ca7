//! How it looks: the product's colours (`ui/src/styles/tokens.css`), letters and shapes, and the parts pages are made of.

mod parts;
mod plots;

pub use parts::{
    Tone, card, card_with, decimal, empty, fact, group, level_bar, paint_level, pill, sparkline,
    text_button, tile,
};
pub use plots::{Line, spectrum, time_plot};

use crate::args::Theme;
use eframe::egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle,
    ThemePreference, Ui, Vec2, Visuals, style::WidgetVisuals,
};

/// One theme's colours.
#[derive(Debug)]
pub struct Palette {
    pub stage: Color32,
    pub surface: Color32,
    pub raised: Color32,
    pub hover: Color32,
    pub line: Color32,
    pub text: Color32,
    pub muted: Color32,
    pub accent: Color32,
    pub on_accent: Color32,
    pub accent_soft: Color32,
    pub danger: Color32,
    pub warning: Color32,
    pub good: Color32,
    /// Lines of plots, told apart also by those who see red and green alike.
    pub series: [Color32; 6],
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const DARK: Palette = Palette {
    stage: rgb(0x0e1116),
    surface: rgb(0x161b22),
    raised: rgb(0x1f2630),
    hover: rgb(0x2a3340),
    line: rgb(0x2d3642),
    text: rgb(0xf0f3f6),
    muted: rgb(0x9aa7b4),
    accent: rgb(0x1fb8a2),
    on_accent: rgb(0x04211c),
    accent_soft: rgb(0x14322f),
    danger: rgb(0xf2696e),
    warning: rgb(0xf2a33a),
    good: rgb(0x3bb273),
    series: [
        rgb(0x1fb8a2),
        rgb(0x7aa2f7),
        rgb(0xf2a33a),
        rgb(0xd386d8),
        rgb(0x9aa7b4),
        rgb(0xf2696e),
    ],
};

const LIGHT: Palette = Palette {
    stage: rgb(0xf3f5f7),
    surface: rgb(0xffffff),
    raised: rgb(0xf3f5f7),
    hover: rgb(0xe9edf1),
    line: rgb(0xd5dbe1),
    text: rgb(0x12171c),
    muted: rgb(0x55616d),
    accent: rgb(0x0b7f70),
    on_accent: rgb(0xffffff),
    accent_soft: rgb(0xdff3ef),
    danger: rgb(0xc62a2f),
    warning: rgb(0x8f5600),
    good: rgb(0x1d7f4b),
    series: [
        rgb(0x0b7f70),
        rgb(0x2f5fc4),
        rgb(0xb86a00),
        rgb(0x8d3fa0),
        rgb(0x55616d),
        rgb(0xc62a2f),
    ],
};

/// The colours of the theme that is on.
pub fn palette(ui: &Ui) -> &'static Palette {
    of(ui.visuals().dark_mode)
}

fn of(dark: bool) -> &'static Palette {
    if dark { &DARK } else { &LIGHT }
}

pub fn install(context: &Context, theme: Theme) {
    set_theme(context, theme);
    for (theme, dark) in [
        (eframe::egui::Theme::Dark, true),
        (eframe::egui::Theme::Light, false),
    ] {
        context.set_visuals_of(theme, visuals(dark));
    }
    context.all_styles_mut(|style| {
        let size = |points, family: FontFamily| FontId::new(points, family);
        style.text_styles = [
            (TextStyle::Small, size(12.0, FontFamily::Proportional)),
            (TextStyle::Body, size(14.0, FontFamily::Proportional)),
            (TextStyle::Button, size(14.0, FontFamily::Proportional)),
            (TextStyle::Monospace, size(13.0, FontFamily::Monospace)),
            (TextStyle::Heading, size(20.0, FontFamily::Proportional)),
        ]
        .into();
        style.spacing.item_spacing = Vec2::new(8.0, 8.0);
        style.spacing.button_padding = Vec2::new(12.0, 6.0);
        style.spacing.interact_size.y = 28.0;
        style.spacing.scroll.floating_allocated_width = 8.0;
        style.animation_time = 0.12;
    });
}

pub fn set_theme(context: &Context, theme: Theme) {
    context.set_theme(match theme {
        Theme::System => ThemePreference::System,
        Theme::Dark => ThemePreference::Dark,
        Theme::Light => ThemePreference::Light,
    });
}

fn visuals(dark: bool) -> Visuals {
    let p = of(dark);
    let mut visuals = if dark {
        Visuals::dark()
    } else {
        Visuals::light()
    };
    let widget = |fill: Color32, line: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, line),
        corner_radius: CornerRadius::same(6),
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    visuals.widgets.noninteractive = widget(p.surface, p.line, p.text);
    visuals.widgets.inactive = widget(p.raised, p.line, p.text);
    visuals.widgets.hovered = widget(p.hover, p.muted, p.text);
    visuals.widgets.active = widget(p.accent_soft, p.accent, p.text);
    visuals.widgets.open = widget(p.hover, p.line, p.text);
    visuals.selection.bg_fill = p.accent_soft;
    visuals.selection.stroke = Stroke::new(1.0, p.accent);
    visuals.panel_fill = p.stage;
    visuals.window_fill = p.surface;
    visuals.window_stroke = Stroke::new(1.0, p.line);
    visuals.extreme_bg_color = p.stage;
    visuals.faint_bg_color = p.raised;
    visuals.hyperlink_color = p.accent;
    visuals.warn_fg_color = p.warning;
    visuals.error_fg_color = p.danger;
    visuals.weak_text_color = Some(p.muted);
    visuals.window_shadow = Shadow::NONE;
    visuals.popup_shadow = Shadow::NONE;
    visuals
}

/// Inside a card.
pub const CARD_MARGIN: Margin = Margin::symmetric(16, 14);
