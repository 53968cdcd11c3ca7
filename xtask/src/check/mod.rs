//! The checks that keep the house in order. Each is a function that lists what is wrong.

mod arrows;
mod purity;
mod sizes;
mod texts;

use crate::shell::{Result, headline};
use crate::{generate, sdk};
use clap::Args;

#[derive(Args)]
pub struct Options {
    /// Only what needs no build
    #[arg(long)]
    quick: bool,
}

/// Runs the checks.
pub fn run(options: &Options) -> Result {
    generate::check()?;
    sdk::check()?;
    quick()?;
    if options.quick { Ok(()) } else { slow() }
}

/// What needs no build: arrows, purity, sizes, texts, formatting.
pub fn quick() -> Result {
    headline("Import arrows, purity, sizes, texts, formatting");
    let rooms = arrows::Rooms::read()?;
    let mut wrong = arrows::check(&rooms)?;
    wrong.extend(purity::check(&rooms)?);
    wrong.extend(sizes::check()?);
    wrong.extend(texts::check()?);
    for line in &wrong {
        println!("  {line}");
    }
    if !wrong.is_empty() {
        return Err(format!("{} things are out of order", wrong.len()));
    }
    crate::shell::run("cargo", &["fmt", "--all", "--check"])
}

/// What builds: clippy without warnings, licences and duplicates without a network.
pub fn slow() -> Result {
    headline("Lints");
    crate::shell::run(
        "cargo",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    headline("Licences and duplicate versions");
    // All systems' crates are looked at; a new machine has those of its own only.
    crate::shell::run("cargo", &["fetch", "--locked", "--quiet"])?;
    crate::shell::run(
        "cargo",
        &["deny", "--offline", "check", "licenses", "bans", "sources"],
    )
}
