//! `confab-server bench`, small: synthetic people meet over the real signaling, and all that was sent arrives. How long it takes
//! is nothing to assert here.
#![cfg(target_os = "linux")]

mod common;

use common::process::{Process, confab, done, new_meeting};
use serde_json::Value;
use std::process::Output;

fn bench(options: &[&str]) -> Output {
    confab().arg("bench").args(options).output().unwrap()
}

fn rows(output: &Output) -> Vec<Value> {
    let report: Value = serde_json::from_str(&done(output)).unwrap();
    assert!(report["machine"]["cores"].as_u64().unwrap() >= 1);
    report["rows"].as_array().unwrap().clone()
}

/// Nothing is lost, and each of `lookers` pairs of sender and receiver gets so many packets at least in a second: 50 of the voice,
/// and a picture's of 30 frames.
fn assert_whole(row: &Value, lookers: u64) {
    let number = |key: &str| row[key].as_u64().unwrap();
    assert!(number("expected") >= lookers * 70, "{row}");
    assert_eq!(number("lost"), 0, "{row}");
    assert!(number("arrived") + number("smaller") > 0, "{row}");
    assert!(number("arrived") <= number("expected"), "{row}");
    assert!(number("numbered") >= lookers * 40, "{row}");
}

#[test]
fn viewers_and_cameras_meet_and_lose_nothing() {
    let options = [
        "--viewers",
        "3",
        "--cameras",
        "2",
        "--seconds",
        "1",
        "--json",
    ];
    let rows = rows(&bench(&options));
    let [viewers, cameras] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(
        (&viewers["kind"], &viewers["people"]),
        (&"viewers".into(), &4.into())
    );
    assert_eq!(
        (&cameras["kind"], &cameras["people"]),
        (&"cameras".into(), &2.into())
    );
    assert_whole(viewers, 3);
    assert_whole(cameras, 2);
    assert!(viewers["server_cpu"].is_number());
}

#[test]
fn a_server_that_runs_is_measured_in_a_meeting_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("confab.toml");
    let data = dir.path().join("data");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n",
        data.display()
    );
    std::fs::write(&config, text).unwrap();
    let server = Process::serve(&config);
    let meeting = new_meeting(&config);
    let link = format!(
        "http://{}/m/{}#host={}",
        server.address,
        meeting.id.as_str(),
        meeting.host_key
    );
    let against = [
        "--against",
        &link,
        "--viewers",
        "1",
        "--seconds",
        "1",
        "--json",
    ];
    let rows = rows(&bench(&against));
    assert_whole(&rows[0], 1);
    assert!(rows[0]["server_cpu"].is_null(), "its process was not named");
}

#[test]
fn what_cannot_be_reached_is_said_with_its_code() {
    let refused = bench(&[
        "--against",
        "http://127.0.0.1:8480/nothing",
        "--viewers",
        "1",
    ]);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("bad_link: "), "{said}");
    let closed = "http://127.0.0.1:1/m/fqj32ypn8nw2234hegdtp04rt8";
    let refused = bench(&["--against", closed, "--viewers", "1"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("unreachable: "),
        "{said}"
    );
}
