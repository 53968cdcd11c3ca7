//! No more bytes to an address than came from it, until it is known that it asked: senders of datagrams can be forged, and a
//! server that answers a small question at length would be a weapon against whoever is named as the sender.

use confab_base::{Duration, Time};
use core::net::SocketAddr;
use std::collections::HashMap;

/// Addresses remembered at a time; when there are more, strangers get no answer that is longer than their question.
const MOST: usize = 4096;
/// How long a question counts. Clients repeat theirs within seconds.
const COUNTS_FOR: Duration = Duration::from_secs(10);

/// Bytes that came from an address and were not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Credit {
    owed: HashMap<SocketAddr, (usize, Time)>,
    swept: Time,
}

impl Credit {
    /// Whether an answer of so many bytes may go to where a request of so many came from. If not, the request is
    /// remembered, and the next one may be answered.
    pub fn allows(&mut self, to: SocketAddr, request: usize, answer: usize, now: Time) -> bool {
        if answer <= request {
            return true;
        }
        let known = self
            .owed
            .get(&to)
            .filter(|(_, at)| now.since(*at) < COUNTS_FOR);
        let owed = known.map_or(0, |(owed, _)| *owed) + request;
        if owed >= answer {
            self.owed.remove(&to);
            return true;
        }
        if self.owed.contains_key(&to) || self.has_room(now) {
            self.owed.insert(to, (owed, now));
        }
        false
    }

    fn has_room(&mut self, now: Time) -> bool {
        // Looking through all of them is worth it once a second, no more.
        if self.owed.len() >= MOST && now.since(self.swept) >= Duration::from_secs(1) {
            self.swept = now;
            self.owed.retain(|_, (_, at)| now.since(*at) < COUNTS_FOR);
        }
        self.owed.len() < MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(port: u16) -> SocketAddr {
        ([203, 0, 113, 1], port).into()
    }

    #[test]
    fn the_second_question_pays_for_the_answer() {
        let mut credit = Credit::default();
        let at = Time::from_millis;
        assert!(!credit.allows(address(1), 28, 56, at(0)));
        assert!(
            !credit.allows(address(2), 28, 56, at(0)),
            "not with another's"
        );
        assert!(credit.allows(address(1), 28, 56, at(250)));
        assert!(!credit.allows(address(1), 28, 56, at(300)), "it is spent");
        assert!(
            !credit.allows(address(1), 28, 56, at(20_000)),
            "and forgotten"
        );
    }

    #[test]
    fn a_flood_of_strangers_takes_bounded_memory_and_passes() {
        let mut credit = Credit::default();
        for port in 0..=u16::MAX {
            credit.allows(address(port), 28, 56, Time::from_millis(5));
        }
        assert_eq!(credit.owed.len(), MOST);
        let late: SocketAddr = ([203, 0, 113, 2], 1).into();
        assert!(!credit.allows(late, 28, 56, Time::from_millis(500)));
        assert!(
            credit.allows(late, 60, 56, Time::from_millis(500)),
            "pays at once"
        );
        let after = Time::from_millis(30_000);
        assert!(!credit.allows(late, 28, 56, after));
        assert!(credit.allows(late, 28, 56, after));
    }

    proptest! {
        #[test]
        fn never_more_goes_out_than_came_in(
            questions in prop::collection::vec((0u16..4, 20usize..120, 20usize..120, 0u64..12_000), 0..200),
        ) {
            let mut credit = Credit::default();
            let mut bytes = [(0, 0); 4];
            let mut now = Time::ZERO;
            for (port, request, answer, later) in questions {
                now += Duration::from_millis(later);
                let (came, went) = &mut bytes[usize::from(port)];
                *came += request;
                if credit.allows(address(port), request, answer, now) {
                    *went += answer;
                }
                prop_assert!(*went <= *came);
            }
        }
    }
}
