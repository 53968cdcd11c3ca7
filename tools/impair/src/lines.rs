//! Statistics on their way out: a thread writes them, so that a slow reader doesn't hold up packets.

use crate::Report;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Lines that wait; more are dropped and counted.
const WAITING: usize = 64;
/// How long the end waits for a slow reader.
const PATIENCE: Duration = Duration::from_secs(2);

/// JSON lines to a file or pipe. Its thread is called `stats`.
#[derive(Debug)]
pub struct Lines {
    sender: SyncSender<String>,
    done: Receiver<()>,
    dropped: u64,
}

impl Lines {
    pub fn start(mut to: Box<dyn Write + Send>) -> io::Result<Lines> {
        let (sender, lines) = sync_channel::<String>(WAITING);
        let (tell, done) = sync_channel(1);
        let write = move || {
            for line in lines {
                if to
                    .write_all(line.as_bytes())
                    .and_then(|()| to.flush())
                    .is_err()
                {
                    break;
                }
            }
            // Nobody waits any more if this fails.
            let _ = tell.send(());
        };
        std::thread::Builder::new()
            .name("stats".into())
            .spawn(write)?;
        Ok(Lines {
            sender,
            done,
            dropped: 0,
        })
    }

    pub fn send(&mut self, report: &Report) {
        let Ok(mut line) = serde_json::to_string(report) else {
            self.dropped += 1;
            return;
        };
        line.push('\n');
        self.dropped += u64::from(self.sender.try_send(line).is_err());
    }

    /// Lines dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Waits until all is written, but not for ever.
    pub fn finish(self) {
        drop(self.sender);
        // A reader that stopped reading gets no more.
        let _ = self.done.recv_timeout(PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_stands_still_costs_lines_and_no_time() {
        let (reader, writer) = io::pipe().unwrap();
        let mut lines = Lines::start(Box::new(writer)).unwrap();
        let report = Report::Step {
            number: 1,
            at_s: 0.5,
        };
        // Far more than fits into a pipe and the queue.
        (0..20_000).for_each(|_| lines.send(&report));
        assert!(lines.dropped() > 0);
        drop(reader);
        lines.finish();
    }
}
