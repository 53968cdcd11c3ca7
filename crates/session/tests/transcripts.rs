//! Repeats the recorded transcripts. The TypeScript twin is held to the same ones.

use confab_base::Time;
use confab_session::{Input, JoinOptions, Session};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::Path;

#[derive(Deserialize)]
struct Head {
    options: JoinOptions,
}

#[derive(Deserialize)]
struct Step {
    at: u64,
    input: Input,
    outputs: Vec<Value>,
    state: Map<String, Value>,
    wakeup: Option<u64>,
}

fn value(data: &impl serde::Serialize) -> Value {
    serde_json::to_value(data).unwrap()
}

fn replay(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let head: Head = serde_json::from_str(lines.next().unwrap()).unwrap();
    let mut session = Session::new(head.options);
    let mut state = Map::new();
    for (i, line) in lines.enumerate() {
        let place = format!("{}:{}", path.display(), i + 2);
        let step: Step = serde_json::from_str(line).unwrap_or_else(|e| panic!("{place}: {e}"));
        session.handle(step.input, Time::from_millis(step.at));
        let outputs: Vec<_> = std::iter::from_fn(|| session.poll_output())
            .map(|output| value(&output))
            .collect();
        assert_eq!(outputs, step.outputs, "{place}");
        state.extend(step.state);
        state.retain(|_, value| !value.is_null());
        assert_eq!(
            value(session.state()),
            Value::Object(state.clone()),
            "{place}"
        );
        let wakeup = session.next_wakeup().map(Time::as_millis);
        assert_eq!(wakeup, step.wakeup, "{place}");
    }
}

#[test]
fn every_transcript_repeats() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/transcripts");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "jsonl") {
            replay(&path);
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} transcripts");
}
