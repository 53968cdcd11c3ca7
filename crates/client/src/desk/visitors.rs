//! The desk's door for the support window: opened once, then it shows whatever there is, devices before a meeting or the
//! participant in one.

use super::machine::Machine;
use crate::diagnose::{DiagnoseOptions, Diagnostics};
use std::io;

impl Machine {
    /// Opens the door, where it is not open yet; the name of its socket.
    pub(crate) fn let_visitors_in(&mut self, options: DiagnoseOptions) -> io::Result<String> {
        let door = match self.door.take() {
            Some(door) => door,
            None => Diagnostics::start(options)?,
        };
        let name = door.name().to_owned();
        self.door = Some(door);
        self.show_visitors();
        Ok(name)
    }

    /// Whom visitors see is another one now.
    pub(crate) fn show_visitors(&self) {
        let Some(door) = &self.door else { return };
        match (self.call.client(), &self.studio) {
            (Some(client), _) => door.watch(client),
            (None, Some(studio)) => door.watch_studio(studio),
            // What they saw is gone, which they see.
            (None, None) => {}
        }
    }
}
