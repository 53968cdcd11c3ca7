//! The shared screen: starting, pausing and stopping it, and the frame around what others see.

use super::devices::{Shared, Unit};
use super::face::{DeskCode, DeskCommand, DeskReply, DrawnStroke};
use super::handle::Answer;
use super::machine::Machine;
use confab_pipeline::screens::{InkPoint, InkStroke};
use confab_protocol::Code;

impl Machine {
    pub(crate) fn on_screen_command(&mut self, command: DeskCommand, answer: Answer) {
        let screen = &mut self.local.state.screen;
        match command {
            DeskCommand::StartScreen { id, audio, mode } => {
                (screen.device, screen.mode) = (id, mode);
                // What is shared anew is not paused. The share before stays as it is until the new one is there.
                screen.paused = false;
                self.local.screen_sound = audio;
                let before = std::mem::take(&mut self.local.pause);
                self.local.pause_before = before;
                self.open_screen(answer);
            }
            DeskCommand::StopScreen => {
                self.stop_screen();
                self.done(answer);
            }
            DeskCommand::PauseScreen { on } => {
                self.pause_screen(on);
                self.done(answer);
            }
            DeskCommand::SetScreenMode { mode } => {
                let before = std::mem::replace(&mut screen.mode, mode);
                match screen.on && before != mode {
                    true => self.open_screen(answer),
                    false => self.done(answer),
                }
            }
            _ => answer(DeskReply::Done),
        }
    }

    fn open_screen(&mut self, answer: Answer) {
        let screen = &mut self.local.state.screen;
        (screen.starting, screen.problem) = (true, None);
        self.touch();
        self.order(Unit::Screen, Some(answer));
    }

    fn pause_screen(&mut self, on: bool) {
        let screen = &mut self.local.state.screen;
        screen.paused = on && (screen.on || screen.starting);
        self.local.pause.set(screen.paused);
        if screen.paused {
            self.local.pause_before.set(true);
        }
        self.frame();
    }

    pub(crate) fn stop_screen(&mut self) {
        let screen = &mut self.local.state.screen;
        let mode = screen.mode;
        *screen = Default::default();
        screen.mode = mode;
        self.show_share(None);
        self.touch();
        self.close_unit(Unit::Screen);
    }

    /// Names what is shared now, and puts a frame around it.
    pub(crate) fn show_share(&mut self, shared: Option<Shared>) {
        let (title, spec) = match shared.filter(|_| self.local.state.screen.on) {
            Some(Shared { spec, title }) => (title, Some(spec)),
            None => (None, None),
        };
        self.local.state.screen.title = title;
        self.local.shared = spec;
        self.frame();
    }

    /// What others draw on what is shared, as the page that has their lane tells it.
    pub(crate) fn draw_over(&mut self, keep: u32, strokes: &[DrawnStroke]) -> DeskReply {
        let strokes = strokes.iter().map(stroke);
        match self.openers.ink().draw(keep as usize, strokes) {
            true => DeskReply::Done,
            false => DeskReply::Failed {
                code: DeskCode::Code(Code::BadValue),
            },
        }
    }

    /// There is a frame as long as what it is around is seen by others.
    fn frame(&self) {
        let screen = &self.local.state.screen;
        let seen = screen.on && !screen.paused;
        if !screen.on {
            self.openers.ink().clear();
        }
        self.openers
            .frame(self.local.shared.clone().filter(|_| seen));
    }
}

fn stroke(drawn: &DrawnStroke) -> InkStroke {
    let (points, _) = drawn.points.as_chunks::<3>();
    InkStroke {
        color: drawn.color,
        width: drawn.width,
        hatched: drawn.hatched,
        points: points
            .iter()
            .map(|&[x, y, thick]| InkPoint { x, y, thick })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stroke_of_a_page_is_three_numbers_a_point_and_what_is_over_is_left_out() {
        let drawn = DrawnStroke {
            color: 0xd1_3438,
            width: 0.004,
            hatched: true,
            points: vec![0.1, 0.2, 1.0, 0.3, 0.4, 0.5, 0.6],
        };
        let point = |x, y, thick| InkPoint { x, y, thick };
        let ink = stroke(&drawn);
        assert_eq!(ink.points, [point(0.1, 0.2, 1.0), point(0.3, 0.4, 0.5)]);
        assert_eq!(
            (ink.color, ink.width, ink.hatched),
            (0xd1_3438, 0.004, true)
        );
    }
}
