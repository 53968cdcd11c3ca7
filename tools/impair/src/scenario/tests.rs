//! Scripts as people write them, and as they should not.

use super::*;
use confab_base::Bitrate;
use confab_simnet::{Bottleneck, Bursts, JitterShape, QueueBound};

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::parse(text, Path::new("x.toml")).map_err(|e| e.to_string())
}

fn refused(text: &str) -> String {
    parse(text).expect_err(text)
}

const FULL: &str = r#"
about = "everything"
seed = 7

[both]
delay_ms = 25
jitter_ms = 4.5
jitter_shape = "normal"
[up]
loss_percent = 10
duplicate_percent = 1
reorder_percent = 2
reorder_ms = 15
rate_kbit = 2000
queue_bytes = 30000
[down]
delay_ms = 5
burst = { loss_percent = 80, length = 8 }
policer = { rate_kbit = 500, burst_bytes = 9000 }
queue_ms = 100

[[step]]
at_s = 1.5
down.rate_kbit = 300
[[step]]
at_s = 3
both.cut = true
up.loss_percent = 0
down.burst = { loss_percent = 0, length = 1 }
down.rate_kbit = 0
"#;

#[test]
fn every_key_is_understood() {
    let scenario = parse(FULL).unwrap();
    assert_eq!((scenario.about.as_str(), scenario.seed), ("everything", 7));
    let (up, down) = (&scenario.up, &scenario.down);
    assert_eq!(up.delay, Duration::from_millis(25));
    assert_eq!(down.delay, Duration::from_millis(5));
    for side in [up, down] {
        assert_eq!(side.jitter.up_to, Duration::from_micros(4500));
        assert_eq!(side.jitter.shape, JitterShape::Normal);
    }
    assert_eq!((up.loss, up.duplicate, up.reorder), (0.1, 0.01, 0.02));
    assert_eq!(up.reorder_by, Duration::from_millis(15));
    assert_eq!(up.bottleneck, Bottleneck::Rate(Bitrate::kbps(2000)));
    assert_eq!(up.queue, QueueBound::Bytes(30_000));
    assert_eq!(down.queue, QueueBound::Time(Duration::from_millis(100)));
    let bursts = Bursts {
        loss: 0.8,
        length: 8.0,
    };
    assert_eq!(down.bursts, Some(bursts));
    let policer = Bottleneck::Policer {
        rate: Bitrate::kbps(500),
        burst_bytes: 9000,
    };
    assert_eq!(down.bottleneck, policer);
}

#[test]
fn steps_change_what_they_name_and_keep_the_rest() {
    let scenario = parse(FULL).unwrap();
    let (up, down) = scenario.at(Duration::from_millis(1500));
    assert_eq!(up, &scenario.up);
    assert_eq!(down.bottleneck, Bottleneck::Rate(Bitrate::kbps(300)));
    assert_eq!(down.bursts, scenario.down.bursts);
    let (up, down) = scenario.at(Duration::from_secs(9));
    assert!(up.cut && down.cut);
    assert_eq!((up.loss, up.duplicate), (0.0, 0.01));
    assert_eq!((&down.bottleneck, down.bursts), (&Bottleneck::None, None));
}

#[test]
fn a_script_starts_from_a_profile_and_changes_it() {
    let scenario = parse("profile = \"dip300\"\nup.delay_ms = 100\n").unwrap();
    assert_eq!(scenario.steps.len(), 2);
    for at in [0, 20, 40] {
        let (up, down) = scenario.at(Duration::from_secs(at));
        assert_eq!(up.delay, Duration::from_millis(100));
        assert_eq!(down.delay, Duration::from_millis(25));
    }
    let own = "profile = \"dip300\"\n[[step]]\nat_s = 5\ndown.rate_kbit = 100\n";
    assert_eq!(parse(own).unwrap().steps.len(), 1, "own steps replace");
}

#[test]
fn traces_come_built_in_or_from_files_beside_the_script() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.trace"), "1\n2\n").unwrap();
    let script = folder.path().join("x.toml");
    let load = |text: &str| {
        std::fs::write(&script, text).unwrap();
        Scenario::load(&script).map_err(|e| e.to_string())
    };
    let scenario = load("up.trace = \"a.trace\"\ndown.trace = \"lte\"\n").unwrap();
    for side in [scenario.up, scenario.down] {
        assert!(matches!(side.bottleneck, Bottleneck::Trace(_)));
    }
    let error = load("\nup.trace = \"b.trace\"\n").unwrap_err();
    assert!(error.contains("x.toml:2: bad_trace: "), "{error}");
    std::fs::write(folder.path().join("b.trace"), "1\nx\n").unwrap();
    let error = load("up.trace = \"b.trace\"\n").unwrap_err();
    assert!(error.contains("b.trace:2: bad_trace: "), "{error}");
    let error = load("up.trace = \"5g\"\n").unwrap_err();
    assert!(error.contains("x.toml:1: bad_trace: "), "{error}");
}

#[test]
fn unknown_keys_and_wrong_types_name_their_line() {
    for (text, line) in [
        ("seed = 1\nsede = 2\n", 2),
        ("[up]\ndelay_ms = 1\ndelay_s = 1\n", 3),
        ("\n\n[[step]]\nat_s = 1\nup.rate = 5\n", 5),
        ("[up]\ndelay_ms = \"5\"\n", 2),
        ("[up]\njitter_shape = \"round\"\n", 2),
        ("[up]\nburst = { loss_percent = 5 }\n", 2),
        ("[sideways]\ndelay_ms = 1\n", 1),
        ("[up\n", 1),
    ] {
        let start = format!("x.toml:{line}: bad_syntax: ");
        let error = refused(text);
        assert!(error.starts_with(&start), "{text:?}: {error}");
    }
}

#[test]
fn values_out_of_range_name_their_line() {
    for (text, line) in [
        ("[up]\n\ndelay_ms = -1\n", 3),
        ("down.loss_percent = 101\n", 1),
        ("down.loss_percent = nan\n", 1),
        ("up.jitter_ms = inf\n", 1),
        ("seed = 3\nup.queue_bytes = 100\n", 2),
        ("[up]\nqueue_ms = 5\nqueue_bytes = 5000\n", 3),
        ("[up]\nrate_kbit = 5\ntrace = \"lte\"\n", 3),
        ("[up]\npolicer = { rate_kbit = 0, burst_bytes = 5000 }\n", 2),
        ("[up]\nburst = { loss_percent = 99.5, length = 900 }\n", 2),
        ("[up]\nburst = { loss_percent = 80, length = 3.9 }\n", 2),
        ("[[step]]\nat_s = 1e9\n", 2),
    ] {
        let start = format!("x.toml:{line}: bad_value: ");
        let error = refused(text);
        assert!(error.starts_with(&start), "{text:?}: {error}");
    }
    assert_eq!(
        refused("up.delay_ms = 60001"),
        "x.toml:1: bad_value: delay_ms = 60001: must be 0 to 60000"
    );
}

#[test]
fn steps_stand_in_order_and_profiles_exist() {
    let error = refused("[[step]]\nat_s = 2\n[[step]]\nat_s = 1\n");
    assert!(error.starts_with("x.toml:4: bad_order: "), "{error}");
    let error = refused("\nprofile = \"paradise\"\n");
    assert!(error.starts_with("x.toml:2: unknown_profile: "), "{error}");
    let missing = Scenario::load(Path::new("no/such.toml")).unwrap_err();
    assert_eq!((missing.fault, missing.line), (Fault::Unreadable, None));
}
