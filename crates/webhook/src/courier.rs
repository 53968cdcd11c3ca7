//! When letters are sent, tried again and given up. The machine keeps what is due soon; all of it stands in the database, so
//! whatever it has not said to be over is read again after a restart. A letter may so arrive twice, with the same id, and never
//! gets lost while its receiver is away for less than the last try.

use std::collections::{BTreeSet, HashMap, HashSet};

/// Between two tries the rest grows by this.
const GROWS: u64 = 6;
/// No rest is longer: half a day.
const LONGEST_REST: u64 = 12 * 3_600_000;
/// A quarter more at most, so that letters that failed together do not come back together.
const SPREAD: u64 = 4;

/// Bounds of a [`Courier`].
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Tries of one letter until it is dead, 1 to 20.
    pub tries: u32,
    /// Rest after the first failure, milliseconds; six times as long each time, up to half a day.
    pub first_rest: u64,
    /// Letters under way at a time; of one webhook it is one.
    pub at_once: usize,
    /// Letters kept in mind; more are not taken and have to be told again.
    pub kept: usize,
}

/// A letter that is waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub id: String,
    pub webhook: String,
    /// Not before then.
    pub due: u64,
    /// Tries that have failed.
    pub tries: u32,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status; 2xx is taken, 410 means that nobody wants any more of them.
    Status {
        status: u16,
        retry_after: Option<u64>,
    },
    /// No answer in time.
    Unreachable,
    /// The address leads where the server may not ask.
    Forbidden,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Letters from the database. Those that are known already change nothing.
    Waiting(Vec<Letter>),
    /// `dice` is any random number.
    Answered {
        id: String,
        answer: Answer,
        dice: u32,
    },
    /// A webhook is gone or switched off: its letters are forgotten here.
    Gone(String),
    /// Time passed.
    Timeout,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Send(Letter),
    /// It arrived.
    Arrived {
        id: String,
        tries: u32,
        status: u16,
    },
    /// It is tried again at `due`.
    Again {
        id: String,
        tries: u32,
        due: u64,
        answer: Answer,
    },
    /// It is given up.
    Dead {
        id: String,
        tries: u32,
        answer: Answer,
    },
    /// The receiver wants no more: 410.
    SwitchOff {
        webhook: String,
    },
}

/// See the head of this file. Ask for outputs after every input.
#[derive(Debug)]
pub struct Courier {
    rules: Rules,
    letters: HashMap<String, Letter>,
    /// By when they are due, then by their order of arrival.
    queue: BTreeSet<(u64, u64, String)>,
    next: u64,
    under_way: HashSet<String>,
    /// Webhooks with a letter under way.
    busy: HashSet<String>,
    out: std::collections::VecDeque<Output>,
    now: u64,
}

impl Courier {
    pub fn new(rules: Rules) -> Courier {
        Courier {
            rules,
            letters: HashMap::new(),
            queue: BTreeSet::new(),
            next: 0,
            under_way: HashSet::new(),
            busy: HashSet::new(),
            out: std::collections::VecDeque::new(),
            now: 0,
        }
    }

    pub fn handle(&mut self, input: Input, now: u64) {
        self.now = self.now.max(now);
        match input {
            Input::Waiting(letters) => letters.into_iter().for_each(|l| self.take(l)),
            Input::Answered { id, answer, dice } => self.answered(&id, answer, dice),
            Input::Gone(webhook) => self.forget(&webhook),
            Input::Timeout => {}
        }
        self.send_due();
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When the next letter is due that could be sent; none: nothing waits, or only for answers.
    pub fn next_wakeup(&self) -> Option<u64> {
        if self.under_way.len() >= self.rules.at_once {
            return None;
        }
        let free = |id: &String| {
            self.letters
                .get(id)
                .is_some_and(|l| !self.busy.contains(&l.webhook))
        };
        let first = self.queue.iter().find(|(_, _, id)| free(id));
        first.map(|(due, _, _)| *due)
    }

    /// Letters in mind, those under way too.
    pub fn kept(&self) -> usize {
        self.letters.len()
    }

    fn take(&mut self, letter: Letter) {
        if self.letters.contains_key(&letter.id) || self.letters.len() >= self.rules.kept {
            return;
        }
        self.next += 1;
        self.queue
            .insert((letter.due, self.next, letter.id.clone()));
        self.letters.insert(letter.id.clone(), letter);
    }

    fn answered(&mut self, id: &str, answer: Answer, dice: u32) {
        if !self.under_way.remove(id) {
            return;
        }
        let Some(mut letter) = self.letters.remove(id) else {
            return;
        };
        self.busy.remove(&letter.webhook);
        let id = id.to_owned();
        match answer {
            Answer::Status { status, .. } if (200..300).contains(&status) => {
                let tries = letter.tries + 1;
                self.out.push_back(Output::Arrived { id, tries, status });
                return;
            }
            Answer::Status { status: 410, .. } => {
                let webhook = letter.webhook.clone();
                let tries = letter.tries + 1;
                self.out.push_back(Output::Dead { id, tries, answer });
                self.out.push_back(Output::SwitchOff {
                    webhook: webhook.clone(),
                });
                self.forget(&webhook);
                return;
            }
            _ => {}
        }
        letter.tries += 1;
        let tries = letter.tries;
        // What leads where it may not will do so again.
        if tries >= self.rules.tries || answer == Answer::Forbidden {
            self.out.push_back(Output::Dead { id, tries, answer });
            return;
        }
        let due = self.now + self.rest(tries, answer, dice);
        letter.due = due;
        self.take(letter);
        self.out.push_back(Output::Again {
            id,
            tries,
            due,
            answer,
        });
    }

    /// Milliseconds until the next try after `tries` that failed.
    fn rest(&self, tries: u32, answer: Answer, dice: u32) -> u64 {
        let grown = GROWS.saturating_pow(tries.saturating_sub(1));
        let rest = self
            .rules
            .first_rest
            .saturating_mul(grown)
            .min(LONGEST_REST);
        let asked = match answer {
            Answer::Status { retry_after, .. } => retry_after.unwrap_or(0).min(LONGEST_REST),
            _ => 0,
        };
        let rest = rest.max(asked);
        rest + u64::from(dice) % (rest / SPREAD + 1)
    }

    /// What is under way is answered all the same, and nobody listens.
    fn forget(&mut self, webhook: &str) {
        let gone: Vec<String> = self
            .letters
            .values()
            .filter(|l| l.webhook == webhook)
            .map(|l| l.id.clone())
            .collect();
        for id in gone {
            self.letters.remove(&id);
            self.under_way.remove(&id);
        }
        self.busy.remove(webhook);
        let letters = &self.letters;
        self.queue.retain(|(_, _, id)| letters.contains_key(id));
    }

    fn send_due(&mut self) {
        while self.under_way.len() < self.rules.at_once {
            let due = self.queue.iter().take_while(|(due, _, _)| *due <= self.now);
            let free = |id: &String| {
                self.letters
                    .get(id)
                    .is_some_and(|l| !self.busy.contains(&l.webhook))
            };
            let mut due = due.filter(|(_, _, id)| free(id));
            let Some(entry) = due.next().cloned() else {
                return;
            };
            self.queue.remove(&entry);
            let letter = self.letters[&entry.2].clone();
            self.under_way.insert(letter.id.clone());
            self.busy.insert(letter.webhook.clone());
            self.out.push_back(Output::Send(letter));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules {
        tries: 8,
        first_rest: 5_000,
        at_once: 4,
        kept: 100,
    };
    const DOWN: Answer = Answer::Status {
        status: 500,
        retry_after: None,
    };
    const TAKEN: Answer = Answer::Status {
        status: 204,
        retry_after: None,
    };

    fn letter(id: &str, webhook: &str, due: u64) -> Letter {
        Letter {
            id: id.into(),
            webhook: webhook.into(),
            due,
            tries: 0,
        }
    }

    fn outputs(courier: &mut Courier) -> Vec<Output> {
        std::iter::from_fn(|| courier.poll_output()).collect()
    }

    fn sent(outputs: &[Output]) -> Vec<&str> {
        let ids = outputs.iter().filter_map(|o| match o {
            Output::Send(letter) => Some(letter.id.as_str()),
            _ => None,
        });
        ids.collect()
    }

    fn answer(courier: &mut Courier, id: &str, answer: Answer, now: u64) -> Vec<Output> {
        let id = id.to_owned();
        courier.handle(
            Input::Answered {
                id,
                answer,
                dice: 0,
            },
            now,
        );
        outputs(courier)
    }

    #[test]
    fn a_letter_that_is_taken_is_over() {
        let mut courier = Courier::new(RULES);
        courier.handle(Input::Waiting(vec![letter("a", "w", 10)]), 5);
        assert_eq!(outputs(&mut courier), vec![]);
        assert_eq!(courier.next_wakeup(), Some(10));
        courier.handle(Input::Timeout, 10);
        assert_eq!(sent(&outputs(&mut courier)), ["a"]);
        let done = answer(&mut courier, "a", TAKEN, 20);
        assert_eq!(
            done,
            [Output::Arrived {
                id: "a".into(),
                tries: 1,
                status: 204
            }]
        );
        assert_eq!((courier.kept(), courier.next_wakeup()), (0, None));
    }

    #[test]
    fn rests_grow_sixfold_until_a_letter_is_dead() {
        let mut courier = Courier::new(RULES);
        courier.handle(Input::Waiting(vec![letter("a", "w", 0)]), 0);
        let (mut now, mut rests) = (0, Vec::new());
        loop {
            assert_eq!(sent(&outputs(&mut courier)), ["a"]);
            match answer(&mut courier, "a", DOWN, now).as_slice() {
                [Output::Again { due, .. }] => {
                    rests.push((due - now) / 1000);
                    now = *due;
                    assert_eq!(courier.next_wakeup(), Some(now));
                    courier.handle(Input::Timeout, now);
                }
                [
                    Output::Dead {
                        tries: 8,
                        answer: DOWN,
                        ..
                    },
                ] => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(rests, [5, 30, 180, 1080, 6480, 38_880, 43_200]);
        assert_eq!(courier.kept(), 0);
    }

    #[test]
    fn a_receiver_that_wants_a_rest_gets_it_but_not_for_ever() {
        for (wanted, given) in [(60_000, 60_000), (1, 5_000), (u64::MAX, LONGEST_REST)] {
            let mut courier = Courier::new(RULES);
            courier.handle(Input::Waiting(vec![letter("a", "w", 0)]), 0);
            outputs(&mut courier);
            let busy = Answer::Status {
                status: 429,
                retry_after: Some(wanted),
            };
            let found = answer(&mut courier, "a", busy, 0);
            assert!(
                matches!(found[..], [Output::Again { due, .. }] if due == given),
                "{found:?}"
            );
        }
    }

    #[test]
    fn one_webhook_has_one_letter_under_way_and_others_do_not_wait_for_it() {
        let mut courier = Courier::new(RULES);
        let letters = ["a", "b", "c"].map(|id| letter(id, "slow", 0));
        courier.handle(Input::Waiting(letters.to_vec()), 0);
        assert_eq!(sent(&outputs(&mut courier)), ["a"]);
        courier.handle(Input::Waiting(vec![letter("x", "quick", 0)]), 1);
        assert_eq!(sent(&outputs(&mut courier)), ["x"]);
        // In the order in which they came.
        assert_eq!(sent(&answer(&mut courier, "a", TAKEN, 2)), ["b"]);
        assert_eq!(sent(&answer(&mut courier, "b", DOWN, 3)), ["c"]);
    }

    #[test]
    fn who_wants_no_more_gets_no_more() {
        let mut courier = Courier::new(RULES);
        let letters = ["a", "b"].map(|id| letter(id, "w", 0));
        courier.handle(Input::Waiting(letters.to_vec()), 0);
        outputs(&mut courier);
        let gone = Answer::Status {
            status: 410,
            retry_after: None,
        };
        let found = answer(&mut courier, "a", gone, 0);
        assert!(
            matches!(&found[..], [Output::Dead { .. }, Output::SwitchOff { webhook }] if webhook == "w")
        );
        assert_eq!(courier.kept(), 0);
    }

    #[test]
    fn an_address_that_leads_inside_is_not_tried_again() {
        let mut courier = Courier::new(RULES);
        courier.handle(Input::Waiting(vec![letter("a", "w", 0)]), 0);
        outputs(&mut courier);
        let found = answer(&mut courier, "a", Answer::Forbidden, 0);
        assert!(
            matches!(found[..], [Output::Dead { tries: 1, .. }]),
            "{found:?}"
        );
    }

    #[test]
    fn letters_beyond_what_is_kept_are_taken_when_told_again() {
        let mut courier = Courier::new(Rules { kept: 2, ..RULES });
        let all = ["a", "b", "c"].map(|id| letter(id, "w", 0)).to_vec();
        courier.handle(Input::Waiting(all.clone()), 0);
        assert_eq!(courier.kept(), 2);
        outputs(&mut courier);
        answer(&mut courier, "a", TAKEN, 1);
        courier.handle(Input::Waiting(all[1..].to_vec()), 2);
        assert_eq!(courier.kept(), 2);
        assert_eq!(sent(&answer(&mut courier, "b", TAKEN, 3)), ["c"]);
    }

    /// A receiver that is down at times, the machine killed at times and filled again from what it said to store.
    fn live(seed: u64, down_until: u64, kill_at: &[u64]) -> (HashSet<String>, HashSet<String>) {
        let mut stored: HashMap<String, Letter> = HashMap::new();
        for n in 0..30 {
            let id = format!("m{n}");
            stored.insert(id.clone(), letter(&id, &format!("w{}", n % 3), n * 100));
        }
        let (mut arrived, mut dead) = (HashSet::new(), HashSet::new());
        let mut courier = Courier::new(RULES);
        let (mut now, mut dice, mut kills) = (0, seed, kill_at.iter().copied().peekable());
        while !stored.is_empty() {
            if kills.next_if(|at| *at <= now).is_some() {
                courier = Courier::new(RULES);
            }
            courier.handle(Input::Waiting(stored.values().cloned().collect()), now);
            let mut busy = false;
            while let Some(output) = courier.poll_output() {
                busy = true;
                match output {
                    Output::Send(letter) => {
                        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let answer = if now < down_until {
                            Answer::Unreachable
                        } else {
                            TAKEN
                        };
                        let (id, dice) = (letter.id, (dice >> 33) as u32);
                        courier.handle(Input::Answered { id, answer, dice }, now);
                    }
                    Output::Arrived { id, .. } => {
                        stored.remove(&id);
                        arrived.insert(id);
                    }
                    Output::Again { id, tries, due, .. } => {
                        assert!(due > now);
                        let letter = stored.get_mut(&id).expect("stored");
                        (letter.tries, letter.due) = (tries, due);
                    }
                    Output::Dead { id, tries, .. } => {
                        assert_eq!(tries, RULES.tries);
                        stored.remove(&id);
                        dead.insert(id);
                    }
                    Output::SwitchOff { .. } => panic!("nobody said 410"),
                }
            }
            if !busy {
                now = courier.next_wakeup().expect("something waits").max(now + 1);
            }
        }
        (arrived, dead)
    }

    proptest! {
        #[test]
        fn every_letter_arrives_or_is_dead_whatever_happens(
            seed in any::<u64>(),
            down in 0u64..200_000_000,
            mut kills in proptest::collection::vec(0u64..200_000_000, 0..4),
        ) {
            kills.sort_unstable();
            let (arrived, dead) = live(seed, down, &kills);
            prop_assert_eq!(arrived.len() + dead.len(), 30);
            prop_assert!(arrived.is_disjoint(&dead));
            // The last try of all is a day after the first.
            if down < 80_000_000 {
                prop_assert!(dead.is_empty(), "{} dead", dead.len());
            }
        }
    }
}
