//! `confab-impair`: a bad network on purpose, between two network namespaces. See `docs/IMPAIR.md`.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    reason = "a command line: profiles, traces and statistics are its output"
)]

mod args;

use args::{Cli, CommandLine, RunArgs};
use clap::Parser;
use confab_base::Duration;
use confab_impair::{
    Fault, Names, PROFILES, RunError, RunOptions, SYNTHETIC, Scenario, ScriptError, profile, run,
    synthetic, write_trace,
};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// The status of our own failures, as `env` and `timeout` have it: the command's own are left to it.
const FAILED: u8 = 125;

/// A failure as it is printed.
struct Failure(String);

impl From<ScriptError> for Failure {
    fn from(error: ScriptError) -> Failure {
        Failure(error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        Failure(format!("{}: {error}", error.code()))
    }
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        CommandLine::Run(args) => start(args),
        CommandLine::Check { file } => check(&file),
        CommandLine::Profiles { name: None } => list(),
        CommandLine::Profiles { name: Some(name) } => show(&name),
        CommandLine::Trace { name } => trace(&name),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(Failure(text)) => {
            eprintln!("{text}");
            ExitCode::from(FAILED)
        }
    }
}

fn start(args: RunArgs) -> Result<u8, Failure> {
    let mut scenario = match (&args.script, &args.profile) {
        (Some(file), _) => Scenario::load(file)?,
        (None, Some(name)) => named(name)?,
        (None, None) => return Err(Failure("bad_value: --script or --profile".to_owned())),
    };
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    let names = args.names.as_deref().map(Names::parse).transpose()?;
    let options = RunOptions {
        scenario,
        names,
        subnet: args.subnet,
        stats: stats(&args)?,
        length: args.length.map(Duration::from_secs),
        realtime: args.realtime,
        with_parent: args.with_parent,
        command: args.command,
    };
    Ok(run(options)?)
}

fn stats(args: &RunArgs) -> Result<Box<dyn Write + Send>, Failure> {
    let failed = |e: std::io::Error| Failure::from(RunError::IoFailed(e.to_string()));
    Ok(match &args.stats {
        Some(file) => Box::new(File::create(file).map_err(failed)?),
        None if args.command.is_empty() => Box::new(std::io::stdout()),
        None => Box::new(std::io::stderr()),
    })
}

fn named(name: &str) -> Result<Scenario, Failure> {
    let code = Fault::UnknownProfile.as_str();
    let unknown = || Failure(format!("{code}: there is no profile {name:?}"));
    Ok(profile(name).ok_or_else(unknown)?.scenario()?)
}

fn check(file: &Path) -> Result<u8, Failure> {
    let scenario = Scenario::load(file)?;
    println!("ok: {}, {} steps", scenario.about, scenario.steps.len());
    Ok(0)
}

fn list() -> Result<u8, Failure> {
    for profile in PROFILES {
        println!("{:<16}{}", profile.name, profile.scenario()?.about);
    }
    Ok(0)
}

fn show(name: &str) -> Result<u8, Failure> {
    named(name)?;
    print!("{}", profile(name).map_or("", |p| p.text));
    Ok(0)
}

fn trace(name: &str) -> Result<u8, Failure> {
    let code = Fault::BadTrace.as_str();
    let known = SYNTHETIC.join(", ");
    let trace = synthetic(name);
    let trace = trace.ok_or_else(|| Failure(format!("{code}: there are {known}")))?;
    print!("{}", write_trace(&trace));
    Ok(0)
}
