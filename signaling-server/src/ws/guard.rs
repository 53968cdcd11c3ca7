//! What is refused before the room hears it: what is no message, and numbers that do not rise. How often somebody may
//! ask is the room's rule.

use crate::http::rate::Bucket;
use confab_protocol::{ClientMessage, Code, ParseError, Request};
use std::time::Instant;

/// Bad messages: this many in a burst, one more a second, then the connection ends.
const BAD_BURST: f64 = 20.0;

#[derive(Debug)]
pub(super) struct Guard {
    last_id: Option<u32>,
    bad: Bucket,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Refuse(Code, String),
    End(Code, &'static str),
}

impl Guard {
    pub(super) fn new(now: Instant) -> Guard {
        Guard {
            last_id: None,
            bad: Bucket::full(BAD_BURST, now),
        }
    }

    /// Remembers the number of a message; false if it did not rise.
    pub(super) fn number(&mut self, id: u32) -> bool {
        let rises = self.last_id.is_none_or(|last| id > last);
        if rises {
            self.last_id = Some(id);
        }
        rises
    }

    pub(super) fn judge(
        &mut self,
        message: &Result<ClientMessage, ParseError>,
        now: Instant,
    ) -> Verdict {
        let (code, text) = match message {
            Err(error) => (error.code, error.message.clone()),
            Ok(m) if !self.number(m.id) => (
                Code::OutOfOrder,
                "the number of a message has to rise".to_owned(),
            ),
            Ok(ClientMessage {
                body: Request::Hello(_),
                ..
            }) => (Code::OutOfOrder, "hello was said already".to_owned()),
            Ok(_) => return Verdict::Pass,
        };
        match self.bad.take(BAD_BURST, 1.0, now) {
            true => Verdict::Refuse(code, text),
            false => Verdict::End(code, "too many bad messages"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(id: u32) -> Result<ClientMessage, ParseError> {
        Ok(ClientMessage {
            id,
            body: Request::Ping,
        })
    }

    #[test]
    fn a_replayed_number_is_refused_and_the_connection_stays() {
        let now = Instant::now();
        let mut guard = Guard::new(now);
        assert_eq!(guard.judge(&ping(2), now), Verdict::Pass);
        for id in [2, 1, 0] {
            assert!(
                matches!(
                    guard.judge(&ping(id), now),
                    Verdict::Refuse(Code::OutOfOrder, _)
                ),
                "{id}"
            );
        }
        assert_eq!(guard.judge(&ping(3), now), Verdict::Pass);
    }

    #[test]
    fn repeated_garbage_ends_the_connection() {
        let now = Instant::now();
        let mut guard = Guard::new(now);
        let garbage = Err(ParseError {
            id: None,
            code: Code::BadMessage,
            message: String::new(),
        });
        let verdicts: Vec<_> = (0..30).map(|_| guard.judge(&garbage, now)).collect();
        assert!(matches!(verdicts[0], Verdict::Refuse(Code::BadMessage, _)));
        assert!(matches!(verdicts[29], Verdict::End(Code::BadMessage, _)));
    }
}
