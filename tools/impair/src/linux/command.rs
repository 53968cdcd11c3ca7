//! The command inside namespace a.

use super::system::Signals;
use crate::{Names, RunError};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// The command, if there is one. It is killed when this is dropped.
#[derive(Debug)]
pub struct Guest {
    child: Option<Child>,
    /// When it is killed.
    deadline: Option<Instant>,
}

impl Guest {
    pub fn start(
        command: &[OsString],
        names: &Names,
        addresses: &[[String; 2]; 2],
        signals: &Signals,
    ) -> Result<Guest, RunError> {
        let child = if command.is_empty() {
            None
        } else {
            // `ip netns exec` becomes the command, so its process is the command's.
            let mut program = Command::new("ip");
            program
                .args(["netns", "exec", &names.a])
                .args(command)
                .env("IMPAIR_A", &names.a)
                .env("IMPAIR_B", &names.b)
                .env("IMPAIR_HERE", &addresses[0][0])
                .env("IMPAIR_THERE", &addresses[1][0]);
            signals.leave_to(&mut program);
            Some(
                program
                    .spawn()
                    .map_err(|e| RunError::CommandFailed(e.to_string()))?,
            )
        };
        Ok(Guest {
            child,
            deadline: None,
        })
    }

    pub fn is_there(&self) -> bool {
        self.child.is_some()
    }

    /// Its status, once it has ended: its own, or 128 and the signal that killed it.
    pub fn ended(&mut self) -> Option<u8> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        let signal = status.signal().unwrap_or_default();
        Some(status.code().unwrap_or(128 + signal) as u8)
    }

    /// Asks it to end; [`Guest::insist`] at [`Guest::deadline`].
    pub fn ask_to_end(&mut self) {
        if let (Some(child), None) = (&self.child, self.deadline) {
            // It may just have ended.
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
            self.deadline = Some(Instant::now() + GRACE);
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| self.is_there())
    }

    /// Kills it, if its time is over.
    pub fn insist(&mut self) {
        if self.deadline().is_some_and(|at| at <= Instant::now()) {
            self.kill();
        }
    }

    fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.kill();
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
    }
}
