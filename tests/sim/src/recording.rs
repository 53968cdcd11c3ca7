//! Transcripts of a session: what it was told and what it answered, a line per input, for both of its twins to repeat.

use confab_base::Time;
use confab_session::{Input, JoinOptions, Output, Session};
use serde_json::{Map, Value, json};

/// A transcript in the making. See `tests/data/transcripts/README.md` for its form.
#[derive(Debug)]
pub struct Recording {
    lines: Vec<Value>,
    state: Map<String, Value>,
}

impl Recording {
    pub fn new(options: &JoinOptions) -> Recording {
        let options = serde_json::to_value(options).expect("plain data");
        Recording {
            lines: vec![json!({ "options": options })],
            state: Map::new(),
        }
    }

    pub fn step(&mut self, input: Input, outputs: &[Output], session: &Session, now: Time) {
        let ms = |t: Time| {
            assert_eq!(
                t.as_micros() % 1000,
                0,
                "transcripts keep whole milliseconds"
            );
            t.as_millis()
        };
        let state = serde_json::to_value(session.state()).expect("plain data");
        let Value::Object(state) = state else {
            unreachable!("the state is an object");
        };
        let gone = self.state.keys().filter(|key| !state.contains_key(*key));
        let gone: Vec<_> = gone.map(|key| (key.clone(), Value::Null)).collect();
        let changed: Map<_, _> = state
            .iter()
            .filter(|(key, value)| self.state.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .chain(gone)
            .collect();
        self.lines.push(json!({
            "at": ms(now),
            "input": input,
            "outputs": outputs,
            "state": changed,
            "wakeup": session.next_wakeup().map(ms),
        }));
        self.state = state;
    }

    /// One JSON object per line.
    pub fn to_text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
