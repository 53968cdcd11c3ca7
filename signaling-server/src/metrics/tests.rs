use super::*;
use std::collections::BTreeSet;

const GUIDE: &str = include_str!("../../../docs/OPERATING.md");
const BOARD: &str = include_str!("../../../packaging/monitoring/grafana-confab.json");
const ALERTS: &str = include_str!("../../../packaging/monitoring/alerts.yml");

fn all() -> Vec<&'static str> {
    let plain = METRICS.iter().map(|m| m.name);
    plain.chain([SCORE, BUILD]).collect()
}

/// Every word that begins like one of ours.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = |w: &&str| w.starts_with("confab_") || w.starts_with("process_");
    words.filter(ours).collect()
}

fn is_there(name: &str) -> bool {
    let parts = ["_bucket", "_sum", "_count"];
    let of_histogram = parts
        .iter()
        .any(|part| name.strip_suffix(part) == Some(SCORE));
    of_histogram || all().contains(&name)
}

fn sample() -> Readings {
    Readings {
        people: 7,
        process: Process {
            cpu_seconds: Some(1.5),
            resident_bytes: Some(1e8),
            open_files: Some(20.0),
            started_at: 1.79e9,
        },
        ..Readings::default()
    }
}

#[test]
fn the_operating_guide_and_the_code_name_the_same_metrics() {
    let table = GUIDE.lines().filter_map(|l| l.strip_prefix("| `"));
    let rows = table.filter_map(|row| row.split('`').next());
    let rows: BTreeSet<&str> = rows.filter(|name| named(name).contains(name)).collect();
    assert_eq!(rows, all().into_iter().collect());
}

#[test]
fn the_board_and_the_alerts_ask_for_what_there_is() {
    for (file, text) in [("board", BOARD), ("alerts", ALERTS)] {
        let names = named(text);
        assert!(names.len() > 5, "{file}: {names:?}");
        for name in names {
            assert!(is_there(name), "{file}: there is no {name}");
        }
    }
}

#[test]
fn the_board_is_json_with_a_title_and_a_query_in_every_panel() {
    let board: serde_json::Value = serde_json::from_str(BOARD).unwrap();
    let panels = board["panels"].as_array().unwrap();
    assert!(panels.len() >= 8);
    for panel in panels {
        assert!(!panel["title"].as_str().unwrap().is_empty());
        for target in panel["targets"].as_array().unwrap() {
            assert!(!named(target["expr"].as_str().unwrap()).is_empty());
        }
    }
}

#[test]
fn each_metric_is_told_once_in_the_text_format() {
    let text = text(&sample(), &Scores::default());
    assert!(text.contains("\nconfab_people 7\n"), "{text}");
    for name in all() {
        for part in ["HELP", "TYPE"] {
            let line = format!("# {part} {name} ");
            assert_eq!(text.matches(&line).count(), 1, "{line}");
        }
    }
    // Name, labels, value: nothing else is a line.
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = series.split('{').next().unwrap();
        assert!(is_there(name), "{line}");
    }
    for metric in METRICS {
        let is_total = metric.name.ends_with("_total");
        assert_eq!(is_total, metric.kind == Kind::Counter, "{}", metric.name);
    }
}

#[test]
fn a_systems_silence_leaves_its_metrics_out() {
    let mut readings = sample();
    readings.process.open_files = None;
    let text = text(&readings, &Scores::default());
    assert!(!text.contains("process_open_fds"));
}

#[test]
fn scores_add_up_step_by_step() {
    let scores = Scores::default();
    for score in [10, 20, 21, 36, 44, 45] {
        scores.note(score);
    }
    let text = text(&Readings::default(), &scores);
    for (most, count) in [("2", 2), ("2.5", 3), ("3.6", 4), ("4.3", 4), ("+Inf", 6)] {
        let line = format!("confab_voice_score_bucket{{le=\"{most}\"}} {count}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(text.contains("confab_voice_score_sum 17.6\nconfab_voice_score_count 6\n"));
}
