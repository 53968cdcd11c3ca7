//! `./confab test`: everything a change has to pass, quickest failures first, each build made once.

use crate::postgres::{self, Cluster};
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
    parts.step("on PostgreSQL", || {
        server_on_postgres(options.filter.as_deref())
    })?;
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

/// Those of the server's tests that touch its database, once more on PostgreSQL.
const ON_POSTGRES: &str = "package(=confab-server) & (kind(lib) & test(/store|backup|database|landing/) \
    | binary(accounts) | binary(api) | binary(caldav) | binary(command) | binary(files) | binary(kill) | binary(meeting) \
    | binary(mail) | binary(pictures) | binary(running) | binary(schedule) | binary(security) | binary(board) | binary(postgres) | binary(restart))";

fn server_on_postgres(filter: Option<&str>) -> Result {
    headline("The server's tests on PostgreSQL");
    let expression = match filter {
        Some(filter) => format!("{ON_POSTGRES} & ({filter})"),
        None => ON_POSTGRES.to_owned(),
    };
    let run = [
        "cargo",
        "nextest",
        "run",
        "--workspace",
        "--no-tests",
        "pass",
        "-E",
    ];
    let run = run.map(str::to_owned);
    on_postgres(&[&run[..], &[expression]].concat())
}

/// Runs a command with a PostgreSQL server for its tests.
pub fn on_postgres(line: &[String]) -> Result {
    let [program, args @ ..] = line else {
        return Err("no command".to_owned());
    };
    let cluster = Cluster::start()?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = command(program, &args);
    let status = command.env(postgres::VARIABLE, cluster.url()).status();
    match status.map_err(|e| format!("{program} could not be started: {e}"))? {
        status if status.success() => Ok(()),
        status => Err(format!("{program} failed ({status})")),
    }
}

/// Chromium guests against the real server and headless natives.
pub fn browser() -> Result {
    headline("Browser tests");
    let ci = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    run_in("tests/browser", "npm", &ci)?;
    by_file("tests/browser")
}

/// The desktop app on a desktop of its own, through WebKitWebDriver, with the browser tests' guests beside it.
fn desktop() -> Result {
    headline("Desktop tests");
    by_file("tests/desktop")
}

/// The test files of a folder one after the other. A machine that stumbles gets a second try of that file, and the end says so.
fn by_file(folder: &str) -> Result {
    let mut again = Vec::new();
    let mut took = Vec::new();
    for file in test_files(folder)? {
        let begin = Instant::now();
        let test = || {
            let run = ["--test", "--test-concurrency=1", "--test-timeout=600000"];
            run_in(folder, "node", &[&run[..], &[&file]].concat())
        };
        test().or_else(|error| {
            println!("{error}; once more");
            again.push(file.clone());
            test()
        })?;
        took.push((begin.elapsed(), file));
    }
    took.sort_unstable_by(|a, b| b.cmp(a));
    for (time, file) in took.iter().take(5) {
        println!("{file:30} {:6.1} s", time.as_secs_f64());
    }
    if !again.is_empty() {
        println!("flaky: needed a second try: {}", again.join(", "));
    }
    Ok(())
}

fn test_files(folder: &str) -> Result<Vec<String>> {
    let entries =
        std::fs::read_dir(shell::root().join(folder)).map_err(|e| format!("{folder}: {e}"))?;
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut files: Vec<String> = names.filter(|name| name.ends_with(".test.mjs")).collect();
    files.sort_unstable();
    Ok(files)
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
