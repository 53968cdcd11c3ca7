//! `./confab test`: everything a change has to pass, quickest failures first, each build made once.

use crate::shell::{self, Result, command, headline, run_in};
use crate::{check, generate, media, setup, ui};
use clap::Args;
use std::time::{Duration, Instant};

#[derive(Args)]
pub struct Options {
    /// Leave out what takes minutes: browser, desktop app, fuzzing, lints
    #[arg(long)]
    quick: bool,
    /// Only Rust tests whose name matches this nextest filter expression
    #[arg(long)]
    filter: Option<String>,
}

/// Sets up and runs all tests, then says how long each part took.
pub fn run(options: &Options) -> Result {
    let mut parts = Parts::default();
    parts.step("setup", || {
        setup::space(20);
        setup::packages(true).and_then(|()| setup::tools())
    })?;
    parts.step("clips", media::fetch)?;
    parts.step("quick checks", || {
        generate::check().and_then(|()| check::quick())
    })?;
    parts.step("ui build", ui::build)?;
    parts.step("ui tests", ui::test)?;
    parts.step("rust tests", || rust(options.filter.as_deref()))?;
    if !options.quick {
        parts.step("browser tests", browser)?;
        parts.step("desktop tests", desktop)?;
        parts.step("fuzzing", fuzz)?;
        parts.step("lints and licences", check::slow)?;
    }
    parts.report();
    Ok(())
}

#[derive(Default)]
struct Parts(Vec<(&'static str, Duration)>);

impl Parts {
    fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begin = Instant::now();
        let result = work();
        self.0.push((name, begin.elapsed()));
        if result.is_err() {
            self.report();
        }
        result
    }

    fn report(&self) {
        headline("Time taken");
        for (name, took) in &self.0 {
            println!("{name:20} {:6.1} s", took.as_secs_f64());
        }
    }
}

/// All Rust tests through nextest, which prints the slowest at its end (see .config/nextest.toml). Whole meetings with
/// real codecs and sockets come last and one at a time: each wants the machine to itself, or its timing says nothing.
/// Always the whole workspace, narrowed by expression: by package, cargo would build dependencies again with fewer features.
fn rust(filter: Option<&str>) -> Result {
    headline("Rust tests");
    shell::run("cargo", &["build", "--workspace", "--all-targets"])?;
    let nextest = |packages: &str, more: &[&str]| {
        let expression = match filter {
            Some(filter) => format!("{packages} & ({filter})"),
            None => packages.to_owned(),
        };
        let run = ["nextest", "run", "--workspace", "--no-tests", "pass", "-E"];
        shell::run("cargo", &[&run[..], &[&expression], more].concat())
    };
    nextest("not package(=confab-tests)", &[])?;
    headline("Whole meetings");
    nextest("package(=confab-tests)", &["--test-threads", "1"])
}

/// Chromium guests against the real server and headless natives.
pub fn browser() -> Result {
    headline("Browser tests");
    run_in(
        "tests/browser",
        "npm",
        &["ci", "--no-audit", "--no-fund", "--loglevel=error"],
    )?;
    run_in("tests/browser", "npm", &["test", "--silent"])
}

/// The desktop app on a desktop of its own, through WebKitWebDriver, with the browser tests' guests beside it. A machine that
/// stumbles gets a second try, and the log says so.
fn desktop() -> Result {
    headline("Desktop tests");
    let test = || run_in("tests/desktop", "npm", &["test", "--silent"]);
    test().or_else(|error| {
        println!("{error}; once more");
        test()
    })
}

/// A short run of every fuzz target from its corpus.
fn fuzz() -> Result {
    headline("Fuzzing, a short run of every target");
    let status = command("sh", &["fuzz/run.sh", "short"])
        .status()
        .map_err(|e| format!("fuzz: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err("a fuzz target failed; its input stands above".into())
    }
}
