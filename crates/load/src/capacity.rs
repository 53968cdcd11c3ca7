//! What a machine carries, in a sentence.

use crate::outcome::{Outcome, Reason};
use crate::scene::Kind;
use crate::search::Search;
use serde::Serialize;

/// The end of a search.
#[derive(Clone, Debug, Serialize)]
pub struct Capacity {
    pub kind: Kind,
    pub kbps: u32,
    /// The most that went well; 0: none did.
    pub most: u32,
    /// It may be more: the largest meeting there is came first.
    pub is_open: bool,
    /// Of the most that went well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The smallest number that was too many, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<(u32, Reason)>,
}

impl Capacity {
    /// `rows`: all that was measured in the search.
    pub fn of(kind: Kind, kbps: u32, search: &Search, rows: &[Outcome]) -> Capacity {
        let rows = rows.iter().filter(|r| r.scene.kind == kind);
        let mut good = rows
            .clone()
            .filter(|r| r.scene.count == search.good() && r.too_many().is_none());
        let bad = rows.filter(|r| r.scene.count > search.good());
        let bad = bad.filter_map(|r| Some((r.scene.count, r.too_many()?)));
        Capacity {
            kind,
            kbps,
            most: search.good(),
            is_open: search.is_open(),
            outcome: good.next_back().copied(),
            limit: bad.min_by_key(|(count, _)| *count),
        }
    }

    /// For people.
    pub fn sentence(&self) -> String {
        let most = self.most;
        let about = if self.is_open { "at least" } else { "about" };
        let mbps = f64::from(self.kbps) / 1000.0;
        let what = match self.kind {
            Kind::Viewers => format!("{about} {most} viewers of one speaker at {mbps} Mbps"),
            Kind::Cameras => {
                format!("{about} {most} cameras all-to-all ({mbps} Mbps for the largest picture)")
            }
        };
        if most == 0 {
            let why = self.limit.map(|(_, reason)| reason.to_string());
            let why = why.unwrap_or_else(|| "nothing was measured".into());
            return format!("This machine carries none of it: {why}.");
        }
        let best = self.outcome.map(|o| {
            let (p99, lost) = (o.p99_ms, o.lost_percent());
            format!(", with {p99:.1} ms added at p99 and {lost:.2} % lost")
        });
        let limit = match (&self.limit, self.is_open) {
            (_, true) => "; the largest meeting there is came before any bound".to_owned(),
            (Some((count, reason)), _) => format!("; {count} are too many: {reason}"),
            (None, _) => String::new(),
        };
        format!(
            "This machine carries {what}{}{limit}.",
            best.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Scene;

    fn row(count: u32, p99_ms: f64) -> Outcome {
        let scene = Scene {
            kind: Kind::Viewers,
            count,
            kbps: 1500,
        };
        Outcome {
            scene,
            people: count + 1,
            seconds: 5.0,
            expected: 1000,
            arrived: 1000,
            smaller: 0,
            lost: 0,
            numbered: 1000,
            p50_ms: 1.0,
            p99_ms,
            server_cpu: Some(10.0),
            people_cpu: 10.0,
            cores: 2,
        }
    }

    fn sentence(delay: impl Fn(u32) -> f64) -> String {
        let mut search = Search::new(25, 199);
        let mut rows = Vec::new();
        while let Some(count) = search.next() {
            let outcome = row(count, delay(count));
            search.note(outcome.verdict());
            rows.push(outcome);
        }
        Capacity::of(Kind::Viewers, 1500, &search, &rows).sentence()
    }

    #[test]
    fn it_says_how_many_and_what_limits_them() {
        assert_eq!(
            sentence(|n| f64::from(n) / 5.0),
            "This machine carries about 100 viewers of one speaker at 1.5 Mbps, with 20.0 ms added at p99 and 0.00 % lost; \
             112 are too many: p99 of 22.4 ms (bound 20)."
        );
        assert_eq!(
            sentence(|_| 3.0),
            "This machine carries at least 199 viewers of one speaker at 1.5 Mbps, with 3.0 ms added at p99 and 0.00 % lost; \
             the largest meeting there is came before any bound."
        );
        assert_eq!(
            sentence(|_| 30.0),
            "This machine carries none of it: p99 of 30.0 ms (bound 20)."
        );
    }
}
