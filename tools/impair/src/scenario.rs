//! A script that was read and checked: settings at the start, and at every step.

use crate::script::{Keys, Script, Source};
use crate::{Change, Fault, ScriptError, profile};
use confab_base::{Duration, Time};
use confab_simnet::Impairments;
use std::path::Path;

/// What happens to packets, and when. Up is from namespace a to b.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// For people.
    pub about: String,
    pub seed: u64,
    pub up: Impairments,
    pub down: Impairments,
    /// In order of time.
    pub steps: Vec<Step>,
}

/// Some time after the start, settings change to these.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub at: Duration,
    pub up: Impairments,
    pub down: Impairments,
}

/// A step may be a day after the start.
const LAST_STEP_S: f64 = 86_400.0;
const MOST_STEPS: usize = 10_000;

impl Scenario {
    /// Reads and checks a file. Traces it names count from its folder.
    pub fn load(file: &Path) -> Result<Scenario, ScriptError> {
        let text = std::fs::read_to_string(file).map_err(|e| ScriptError {
            file: file.to_owned(),
            line: None,
            fault: Fault::Unreadable,
            text: e.to_string(),
        })?;
        Scenario::parse(&text, file)
    }

    /// Parses and checks a text; `file` stands in errors, and traces count from its folder.
    pub fn parse(text: &str, file: &Path) -> Result<Scenario, ScriptError> {
        let source = Source { text, file };
        let script = source.parse()?;
        let mut scenario = base(source, &script)?;
        if !script.about.is_empty() {
            scenario.about.clone_from(&script.about);
        }
        scenario.seed = script.seed.unwrap_or(scenario.seed);
        let change = Both::read(source, &script.both, &script.up, &script.down)?;
        change.apply(&mut scenario.up, &mut scenario.down);
        for step in &mut scenario.steps {
            change.apply(&mut step.up, &mut step.down);
        }
        if !script.step.is_empty() {
            scenario.steps = steps(source, &script, &scenario)?;
        }
        Ok(scenario)
    }

    /// The settings that hold this long after the start.
    pub fn at(&self, since_start: Duration) -> (&Impairments, &Impairments) {
        let begun = self.steps.iter().rev().find(|s| s.at <= since_start);
        begun.map_or((&self.up, &self.down), |s| (&s.up, &s.down))
    }
}

/// What the script starts from: a profile, or nothing.
fn base(source: Source<'_>, script: &Script) -> Result<Scenario, ScriptError> {
    let Some(name) = &script.profile else {
        return Ok(Scenario {
            about: String::new(),
            seed: 1,
            up: Impairments::default(),
            down: Impairments::default(),
            steps: Vec::new(),
        });
    };
    let unknown = || {
        let text = format!(
            "there is no profile {:?}; `confab-impair profiles` lists them",
            name.get_ref()
        );
        source.error(Some(name.span()), Fault::UnknownProfile, text)
    };
    let profile = profile(name.get_ref()).ok_or_else(unknown)?;
    profile.scenario()
}

fn steps(source: Source<'_>, script: &Script, start: &Scenario) -> Result<Vec<Step>, ScriptError> {
    let (mut up, mut down) = (start.up.clone(), start.down.clone());
    let mut steps = Vec::<Step>::new();
    for keys in &script.step {
        let at = source.number("at_s", &keys.at_s, 0.0..=LAST_STEP_S)?;
        let at = Duration::from_micros((at * 1e6).round() as u64);
        let wrong = match steps.last() {
            Some(last) if last.at > at => Some("a step must not be before the one above it"),
            _ if steps.len() == MOST_STEPS => Some("more than 10,000 steps"),
            _ => None,
        };
        if let Some(text) = wrong {
            return Err(source.error(Some(keys.at_s.span()), Fault::BadOrder, text.to_owned()));
        }
        Both::read(source, &keys.both, &keys.up, &keys.down)?.apply(&mut up, &mut down);
        steps.push(Step {
            at,
            up: up.clone(),
            down: down.clone(),
        });
    }
    Ok(steps)
}

/// A change of both directions, then of each.
struct Both {
    both: Change,
    up: Change,
    down: Change,
}

impl Both {
    fn read(source: Source<'_>, both: &Keys, up: &Keys, down: &Keys) -> Result<Both, ScriptError> {
        Ok(Both {
            both: source.change(both)?,
            up: source.change(up)?,
            down: source.change(down)?,
        })
    }

    fn apply(&self, up: &mut Impairments, down: &mut Impairments) {
        self.both.apply(up);
        self.up.apply(up);
        self.both.apply(down);
        self.down.apply(down);
    }
}

/// Where a scenario is when told the time.
#[derive(Debug)]
pub(crate) struct Timeline {
    steps: std::vec::IntoIter<Step>,
    start: Time,
}

impl Timeline {
    pub fn new(steps: Vec<Step>, start: Time) -> Timeline {
        Timeline {
            steps: steps.into_iter(),
            start,
        }
    }

    /// When the next step is to be done.
    pub fn next_at(&self) -> Option<Time> {
        let step = self.steps.as_slice().first()?;
        Some(self.start + step.at)
    }

    /// The next step, if it is due, and when it was.
    pub fn due(&mut self, now: Time) -> Option<(Time, Step)> {
        let at = self.next_at().filter(|at| *at <= now)?;
        Some((at, self.steps.next()?))
    }
}

#[cfg(test)]
mod tests;
