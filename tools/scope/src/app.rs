//! The window: a bar above, a page below, and the link behind.

use crate::args::{Args, Page, Theme};
use crate::link::{Link, News, Order};
use crate::look::{self, Tone, palette};
use crate::model::Model;
use crate::pages::{self, SoundView};
use crate::shot::Shot;
use confab_client::diagnose::{Reply, Running};
use eframe::egui::{
    Align, CentralPanel, Context, Frame, Key, Layout, Margin, Panel, RichText, ScrollArea, Ui,
};

/// Everything the window knows.
#[derive(Debug)]
pub struct Scope {
    link: Link,
    page: Page,
    theme: Theme,
    running: Option<Vec<Running>>,
    /// Whom the command line names; attached to once.
    wanted: Option<String>,
    /// The only one there may be attached to without a question, once.
    shy: bool,
    attached: Option<(String, Model)>,
    problem: Option<String>,
    /// Nothing new is taken in, so that one can look.
    paused: bool,
    sound: SoundView,
    shot: Option<Shot>,
}

impl Scope {
    pub fn new(link: Link, args: &Args, shot: Option<Shot>) -> Scope {
        let scope = Scope {
            link,
            page: args.page,
            theme: args.theme,
            running: None,
            wanted: args.participant.clone(),
            shy: true,
            attached: None,
            problem: None,
            paused: false,
            sound: SoundView::default(),
            shot,
        };
        if let Some(name) = &scope.wanted {
            scope.order(Order::Attach(name.clone()));
        }
        scope
    }

    fn order(&self, order: Order) {
        // Sixteen presses that were not taken yet: the seventeenth is no loss.
        let _ = self.link.orders.try_send(order);
    }

    fn take_news(&mut self) {
        while let Ok(news) = self.link.news.try_recv() {
            match news {
                News::List(running) => {
                    if self.shy
                        && self.wanted.is_none()
                        && let [one] = &running[..]
                    {
                        self.order(Order::Attach(one.name.clone()));
                    }
                    self.shy &= running.is_empty();
                    self.running = Some(running);
                }
                News::Attached(name, welcome) => {
                    self.problem = None;
                    self.shy = false;
                    self.attached = Some((name, Model::new(welcome)));
                }
                News::Reply(reply) => {
                    let is_snapshot = matches!(reply, Reply::Snapshot(_));
                    if let Some((_, model)) = &mut self.attached
                        && !(self.paused && is_snapshot)
                    {
                        model.take(reply);
                    }
                }
                News::Detached(why) => {
                    self.attached = None;
                    self.running = None;
                    self.shy = false;
                    self.paused = false;
                    self.problem = why;
                }
            }
        }
    }

    fn keys(&mut self, context: &Context) {
        let pages = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5];
        context.input(|input| {
            for (key, page) in pages.into_iter().zip(Page::ALL) {
                if input.key_pressed(key) {
                    self.page = page;
                }
            }
            if input.key_pressed(Key::Space) && self.attached.is_some() {
                self.paused = !self.paused;
            }
        });
    }

    fn bar(&mut self, ui: &mut Ui) {
        ui.horizontal_centered(|ui| {
            let p = palette(ui);
            ui.label(RichText::new("Scope").size(16.0).strong().color(p.accent));
            ui.add_space(12.0);
            if self.attached.is_some() {
                for page in Page::ALL {
                    if look::text_button(ui, page.title(), self.page == page).clicked() {
                        self.page = page;
                    }
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                self.bar_right(ui)
            });
        });
    }

    fn bar_right(&mut self, ui: &mut Ui) {
        let (next, word) = match ui.visuals().dark_mode {
            true => (Theme::Light, "Light"),
            false => (Theme::Dark, "Dark"),
        };
        if look::text_button(ui, word, false).clicked() {
            self.theme = next;
            look::set_theme(ui.ctx(), next);
        }
        let Some((name, model)) = &self.attached else {
            return;
        };
        let detach = look::text_button(ui, "Detach", false).clicked();
        let word = if self.paused { "Go on" } else { "Hold" };
        let hold = look::text_button(ui, word, self.paused).clicked();
        ui.add_space(8.0);
        let session = &model.latest.session;
        let tone = match session.phase.as_str() {
            "joined" => Tone::Good,
            "reconnecting" | "ended" => Tone::Warning,
            _ => Tone::Absent,
        };
        look::pill(
            ui,
            if session.phase.is_empty() {
                "attached"
            } else {
                &session.phase
            },
            tone,
        );
        let cpu = model.latest.process.cpu_percent;
        if let Some(percent) = cpu {
            look::pill(ui, &format!("{percent:.0} % CPU"), pages::cpu_tone(cpu));
        }
        let who = match session.name.as_str() {
            "" => format!("process {name}"),
            who => format!("{who} · process {name}"),
        };
        let muted = palette(ui).muted;
        ui.add(eframe::egui::Label::new(RichText::new(who).color(muted)).truncate());
        if hold {
            self.paused = !self.paused;
        }
        if detach {
            self.order(Order::Detach);
        }
    }

    fn page(&mut self, ui: &mut Ui) {
        let Some((_, model)) = &self.attached else {
            let chosen = pages::lobby(ui, self.running.as_deref(), self.problem.as_deref());
            if let Some(name) = chosen {
                self.order(Order::Attach(name));
            }
            return;
        };
        if !model.has_begun() {
            return look::empty(ui, "Attached", "Waiting for the first snapshot.");
        }
        let order = match self.page {
            Page::Sound => {
                pages::sound(ui, model, &mut self.sound);
                None
            }
            Page::Network | Page::Video => {
                ScrollArea::vertical()
                    .auto_shrink([false, false])
                    .show(ui, |ui| match self.page {
                        Page::Network => pages::network(ui, model),
                        _ => pages::video(ui, model),
                    });
                None
            }
            Page::Cpu => {
                pages::cpu(ui, model);
                None
            }
            Page::Taps => pages::taps(ui, model),
        };
        if let Some(order) = order {
            self.order(order);
        }
    }
}

impl eframe::App for Scope {
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let context = ui.ctx().clone();
        self.take_news();
        self.keys(&context);
        let p = palette(ui);
        let bar = Frame::new()
            .fill(p.surface)
            .inner_margin(Margin::symmetric(16, 8));
        Panel::top("bar")
            .frame(bar)
            .exact_size(48.0)
            .show(ui, |ui| self.bar(ui));
        let page = Frame::new().fill(p.stage).inner_margin(Margin::same(14));
        CentralPanel::default().frame(page).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 10.0;
            self.page(ui);
        });
        let ready = self.attached.as_ref().is_some_and(|(_, m)| m.has_begun());
        if let Some(shot) = &mut self.shot {
            shot.step(&context, ready);
        }
    }
}
