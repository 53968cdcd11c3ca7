//! What the server is told about how well the others are heard, and when.

use crate::session::Session;
use confab_base::{Duration, Time};
use confab_protocol::{Listening, QualityReport, Request};

/// Told at most this often, but for a minute that is full. While something stalls it is told so often even where nothing
/// changed, since the server forgets what it does not hear again.
const INTERVAL: Duration = Duration::from_secs(5);

/// What the server knows.
#[derive(Debug, Default)]
pub(crate) struct Told {
    last: Option<(Listening, Time)>,
}

impl Told {
    /// Another connection: maybe to a server that knows nothing.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// When to say this; `None`: it is known.
    fn due(&self, listening: Listening) -> Option<Time> {
        match self.last {
            None => (listening != Listening::default()).then_some(Time::ZERO),
            Some((told, _)) if told.minutes != listening.minutes => Some(Time::ZERO),
            Some((told, at)) => {
                (told != listening || listening.stalled_permille > 0).then(|| at + INTERVAL)
            }
        }
    }
}

impl Session {
    pub(crate) fn on_listening(&mut self, listening: Listening) {
        if self.state.listening != Some(listening) {
            self.state.listening = Some(listening);
            self.mark_changed();
        }
    }

    /// While there is no connection, or no seat yet, it is not kept: the server measured that minute itself.
    pub(crate) fn on_quality(&mut self, report: QualityReport, now: Time) {
        if self.is_up() {
            self.post(Request::QualityReport(report), now);
        }
    }

    pub(crate) fn listening_wakeup(&self) -> Option<Time> {
        self.told.due(self.state.listening?)
    }

    pub(crate) fn run_listening(&mut self, now: Time) {
        if let Some(listening) = self.state.listening
            && self.told.due(listening).is_some_and(|at| at <= now)
        {
            self.told.last = Some((listening, now));
            self.post(Request::Listening(listening), now);
        }
    }
}
