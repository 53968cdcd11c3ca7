//! The shared screen: starting, pausing and stopping it, and the frame around what others see.

use super::devices::{Shared, Unit};
use super::face::{DeskCommand, DeskReply};
use super::handle::Answer;
use super::machine::Machine;

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

    /// There is a frame as long as what it is around is seen by others.
    fn frame(&self) {
        let screen = &self.local.state.screen;
        let seen = screen.on && !screen.paused;
        self.openers
            .frame(self.local.shared.clone().filter(|_| seen));
    }
}
