//! `confab-headless`: a participant on the command line. See `docs/HEADLESS.md`.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    reason = "a command line: device lists and JSON lines are its output"
)]

mod args;
mod draw;
mod join;
mod lines;
mod outcome;

use args::{Cli, CommandLine, DevicesArgs, ProcessArgs};
use clap::Parser;
use confab_client::pipeline::{VoiceConfig, devices, offline};
use outcome::{Failure, exit_code};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_new(&cli.log).unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let result = match cli.command {
        CommandLine::Join(args) => join::run(&args),
        CommandLine::Devices(args) => list_devices(&args),
        CommandLine::Process(args) => process(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Scripts read the code in front, people the text behind it.
            eprintln!("{}: {failure}", failure.code());
            exit_code(&failure)
        }
    }
}

fn list_devices(args: &DevicesArgs) -> Result<(), Failure> {
    let (list, screens) = (devices::list(), devices::list_screens());
    if args.json {
        let text = serde_json::to_string_pretty(&lines::devices_json(&list, &screens));
        println!("{}", text.map_err(|e| Failure::File(e.to_string()))?);
        return Ok(());
    }
    for (kind, devices) in [
        ("microphones", &list.microphones),
        ("speakers", &list.speakers),
        ("cameras", &list.cameras),
        ("screens", &screens),
    ] {
        println!("{kind}:");
        if devices.is_empty() {
            println!("  none");
        }
        for device in devices {
            let default = if device.default { " (default)" } else { "" };
            println!("  {}\t{}{default}", device.id, device.name);
        }
    }
    Ok(())
}

fn process(args: &ProcessArgs) -> Result<(), Failure> {
    let config = match args.original_sound {
        true => VoiceConfig::ORIGINAL,
        false => args.noise.voice(),
    };
    let weights = args.noise.weights();
    let report = offline::process(&args.far, &args.near, &args.out, config, weights)
        .map_err(|e| Failure::File(e.to_string()))?;
    println!(
        "{:.2} s processed, voice in {:.0} % of it, noise suppression {}",
        report.seconds,
        report.voice * 100.0,
        report.noise.engine.name()
    );
    if let Some(fault) = report.noise.fault {
        eprintln!("{}: the standard suppressor worked instead", fault.code());
    }
    Ok(())
}
