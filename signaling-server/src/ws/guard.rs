//! What a connection may say before the room hears it: how often, and in which order of numbers.

use crate::http::rate::Bucket;
use confab_protocol::{ClientMessage, Code, ParseError, REQUEST_BURST, REQUEST_RATE, Request};
use std::time::Instant;

/// Messages that are no messages: this many in a burst, one more a second, then the connection ends.
const GARBAGE_BURST: f64 = 20.0;
/// Requests beyond the rate that are answered with `too_fast`, likewise, before the connection ends.
const EXCESS_BURST: f64 = 200.0;

#[derive(Debug)]
pub(super) struct Guard {
    last_id: Option<u32>,
    requests: Bucket,
    excess: Bucket,
    garbage: Bucket,
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
            requests: Bucket::full(REQUEST_BURST.into(), now),
            excess: Bucket::full(EXCESS_BURST, now),
            garbage: Bucket::full(GARBAGE_BURST, now),
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
        if !self
            .requests
            .take(REQUEST_BURST.into(), REQUEST_RATE.into(), now)
        {
            return match self.excess.take(EXCESS_BURST, 1.0, now) {
                true => Verdict::Refuse(Code::TooFast, "too many messages".to_owned()),
                false => Verdict::End(Code::TooFast, "far too many messages"),
            };
        }
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
        match self.garbage.take(GARBAGE_BURST, 1.0, now) {
            true => Verdict::Refuse(code, text),
            false => Verdict::End(code, "too many bad messages"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
    fn a_flood_is_refused_first_and_then_ended() {
        let now = Instant::now();
        let mut guard = Guard::new(now);
        let verdicts: Vec<_> = (1..400).map(|id| guard.judge(&ping(id), now)).collect();
        assert_eq!(
            verdicts.iter().filter(|v| **v == Verdict::Pass).count(),
            REQUEST_BURST as usize
        );
        assert!(matches!(
            verdicts.last(),
            Some(Verdict::End(Code::TooFast, _))
        ));
    }

    #[test]
    fn a_steady_client_is_never_refused() {
        let start = Instant::now();
        let mut guard = Guard::new(start);
        for n in 0..2000 {
            let now = start + Duration::from_millis(n * 1000 / u64::from(REQUEST_RATE));
            assert_eq!(
                guard.judge(&ping(n as u32 + 1), now),
                Verdict::Pass,
                "message {n}"
            );
        }
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
