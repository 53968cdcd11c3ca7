//! A short, seeded run of tools/api/fire.py: random and mutated requests over the API's document against the program itself.
//! `cargo xtask bench api` does it with 10,000.

use std::path::PathBuf;
use std::process::{Command, Stdio};

fn python() -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    cache.join("confab/tools/bin/python")
}

#[test]
fn random_requests_over_the_document_find_nothing() {
    let there = Command::new(python())
        .args(["-c", "import schemathesis"])
        .stderr(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        eprintln!(
            "not checked: the Python package schemathesis is missing; ./confab test brings it"
        );
        return;
    }
    let run = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/api/fire.py"))
        .args([
            "--server",
            env!("CARGO_BIN_EXE_confab-server"),
            "--requests",
            "600",
            "--seed",
            "20261122",
        ])
        .env_remove("CONFAB_CONFIG")
        .output()
        .expect("python starts");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}");
    assert!(
        run.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
}
