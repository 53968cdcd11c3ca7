//! The web UI: installed, checked and built with npm; skipped when nothing it is made of has changed.

use crate::shell::{Result, headline, output, root, run_in};

/// Builds ui/dist unless it is already made from these sources.
pub fn build() -> Result {
    headline("Web UI");
    let stamp = root().join("ui/dist/.made-from");
    let sources = sources()?;
    if std::fs::read_to_string(&stamp).is_ok_and(|s| s == sources) {
        println!("ui/dist is up to date");
        return Ok(());
    }
    install()?;
    run_in("ui", "npm", &["run", "--silent", "build"])?;
    std::fs::write(&stamp, sources).map_err(|e| e.to_string())
}

/// Types, unit tests and texts of the UI.
pub fn test() -> Result {
    headline("Web UI: types and unit tests");
    install()?;
    run_in("ui", "npm", &["run", "--silent", "check"])?;
    run_in("ui", "npm", &["test", "--silent"])
}

/// `npm ci`, unless node_modules was made from this lock file.
pub fn install() -> Result {
    let lock = root().join("ui/package-lock.json");
    let stamp = root().join("ui/node_modules/.made-from");
    let want = output("git", &["hash-object", &lock.to_string_lossy()])?;
    if std::fs::read_to_string(&stamp).is_ok_and(|s| s == want) {
        return Ok(());
    }
    run_in(
        "ui",
        "npm",
        &["ci", "--no-audit", "--no-fund", "--loglevel=error"],
    )?;
    std::fs::write(&stamp, want).map_err(|e| e.to_string())
}

/// A fingerprint of every file the UI is built from.
fn sources() -> Result<String> {
    let files = output(
        "git",
        &[
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "ui",
            // Weights that guests load.
            "assets",
        ],
    )?;
    let files: Vec<&str> = files.lines().filter(|f| root().join(f).is_file()).collect();
    output("git", &[&["hash-object"], files.as_slice()].concat())
}
