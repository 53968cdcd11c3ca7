//! Which number to try next: twice as many until it is too many, then halves in between. A number that failed is tried once more
//! before it counts, and three times more where the server had time left: machines stumble.

/// How close the bounds have to come: an eighth.
const CLOSE: u32 = 8;
/// What failures of one number weigh together until it is too many.
const ENOUGH: u32 = 4;

/// How a number went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    TooMany,
    /// A bound was broken while the server had most of a core left: more likely something else on the machine did it.
    Doubtful,
}

impl Verdict {
    fn weight(self) -> u32 {
        match self {
            Verdict::Good => 0,
            Verdict::TooMany => 2,
            Verdict::Doubtful => 1,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Search {
    next: u32,
    most: u32,
    good: u32,
    /// The smallest that was too many.
    bad: Option<u32>,
    /// What its failures weigh.
    failed: u32,
}

impl Search {
    /// Begins at `first` and never goes beyond `most`; both at least 1.
    pub fn new(first: u32, most: u32) -> Search {
        let most = most.max(1);
        Search {
            next: first.clamp(1, most),
            most,
            good: 0,
            bad: None,
            failed: 0,
        }
    }

    /// What to try; none: the answer is there.
    pub fn next(&self) -> Option<u32> {
        let lowest = self.good.max(1);
        match self.bad {
            None if self.good == self.most => None,
            Some(bad) if bad - self.good <= (lowest / CLOSE).max(1) => None,
            _ => Some(self.next),
        }
    }

    /// How [`Search::next`] went.
    pub fn note(&mut self, verdict: Verdict) {
        self.failed += verdict.weight();
        match verdict {
            Verdict::Good => self.good = self.next,
            _ if self.failed >= ENOUGH => self.bad = Some(self.next),
            _ => return,
        }
        self.failed = 0;
        self.next = match self.bad {
            None => self.good.saturating_mul(2).min(self.most),
            Some(bad) => self.good + (bad - self.good) / 2,
        };
    }

    /// The most that went well; 0: none did.
    pub fn good(&self) -> u32 {
        self.good
    }

    /// Whether the end of the range came first.
    pub fn is_open(&self) -> bool {
        self.bad.is_none() && self.good == self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where so many can be carried, and how many tries it takes.
    fn find(first: u32, most: u32, carried: u32) -> (Search, u32) {
        let mut search = Search::new(first, most);
        let mut tries = 0;
        while let Some(number) = search.next() {
            assert!(number >= 1 && number <= most);
            search.note(if number <= carried {
                Verdict::Good
            } else {
                Verdict::TooMany
            });
            tries += 1;
            assert!(tries < 60, "it ends");
        }
        (search, tries)
    }

    #[test]
    fn the_answer_is_within_an_eighth_for_any_capacity() {
        for carried in 1..=199 {
            let (search, _) = find(25, 199, carried);
            let good = search.good();
            assert!(good <= carried && good >= 1, "{carried}: {good}");
            assert!(good + (good / 8).max(1) >= carried, "{carried}: {good}");
            assert_eq!(search.is_open(), carried >= 199);
        }
    }

    #[test]
    fn nothing_at_all_is_an_answer_too() {
        let (search, _) = find(25, 199, 0);
        assert_eq!((search.good(), search.is_open()), (0, false));
        let (search, tries) = find(4, 1, 1);
        assert_eq!((search.good(), search.is_open(), tries), (1, true, 1));
    }

    #[test]
    fn one_stumble_does_not_count() {
        let mut search = Search::new(4, 8);
        search.note(Verdict::TooMany);
        assert_eq!(search.next(), Some(4));
        search.note(Verdict::Good);
        search.note(Verdict::Good);
        assert_eq!((search.good(), search.is_open()), (8, true));
    }

    #[test]
    fn what_is_doubtful_counts_half() {
        let mut search = Search::new(4, 8);
        for _ in 0..3 {
            search.note(Verdict::Doubtful);
            assert_eq!(search.next(), Some(4));
        }
        search.note(Verdict::Good);
        for verdict in [Verdict::TooMany, Verdict::Doubtful] {
            search.note(verdict);
            assert_eq!((search.good(), search.next()), (4, Some(8)));
        }
        search.note(Verdict::Doubtful);
        assert_eq!((search.good(), search.next()), (4, Some(6)));
    }
}
