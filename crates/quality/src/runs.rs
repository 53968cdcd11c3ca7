//! Bad minutes that belong together.

/// A stretch of time that was bad. `weight` says how bad, in the unit of who counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub from: u64,
    pub to: u64,
    pub amount: u32,
    pub weight: u32,
}

/// Several in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub from: u64,
    pub to: u64,
    /// The largest, and the smallest.
    pub most: u32,
    pub least: u32,
    weight: u32,
}

/// Between two bad minutes of one trouble there may be a better one, if it is no longer than this.
const GAP_MS: u64 = 75_000;

impl Run {
    pub(crate) fn length(&self) -> u64 {
        self.to - self.from
    }

    pub(crate) fn touches(&self, other: &Run) -> bool {
        self.from <= other.to + GAP_MS && other.from <= self.to + GAP_MS
    }
}

/// `bad` is in order of time. What weighs less than `least` in all is left out: it passed before anyone could have said so.
pub(crate) fn runs(bad: &[Bad], least: u32) -> Vec<Run> {
    let mut all: Vec<Run> = Vec::new();
    for b in bad {
        match all.last_mut().filter(|run| b.from <= run.to + GAP_MS) {
            Some(run) => {
                run.to = run.to.max(b.to);
                run.most = run.most.max(b.amount);
                run.least = run.least.min(b.amount);
                run.weight = run.weight.saturating_add(b.weight);
            }
            None => all.push(Run {
                from: b.from,
                to: b.to,
                most: b.amount,
                least: b.amount,
                weight: b.weight,
            }),
        }
    }
    all.retain(|run| run.weight >= least);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(minute: u64, amount: u32) -> Bad {
        Bad {
            from: minute * 60_000,
            to: (minute + 1) * 60_000,
            amount,
            weight: amount,
        }
    }

    #[test]
    fn minutes_with_a_better_one_between_are_one_trouble() {
        let found = runs(&[bad(3, 40), bad(5, 90), bad(9, 70)], 0);
        let spans: Vec<_> = found
            .iter()
            .map(|r| (r.from, r.to, r.most, r.least))
            .collect();
        assert_eq!(
            spans,
            [(180_000, 360_000, 90, 40), (540_000, 600_000, 70, 70)]
        );
    }

    #[test]
    fn what_weighs_little_is_left_out() {
        assert_eq!(runs(&[bad(1, 30), bad(7, 30), bad(8, 30)], 50).len(), 1);
    }
}
