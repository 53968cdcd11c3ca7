//! Developer commands of the workspace: `cargo xtask help`. `./confab` is the door to it.
//!
//! Each command says what it does before it does it, may be run twice, and stops at the first failure.
#![allow(clippy::print_stdout)] // a command-line tool talks

mod bench;
mod check;
mod dist;
mod generate;
mod media;
mod postgres;
mod run;
mod sdk;
mod setup;
mod shell;
mod test;
mod ui;
mod weights;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "confab", about = "Runs, tests and checks Confab")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set everything up, start a server and a demo meeting, and open it in the desktop app
    Run(run::Options),
    /// Set everything up and run all tests and checks
    Test(test::Options),
    /// Import arrows, purity, formatting, lints, generated files, texts, licences, sizes
    Check(check::Options),
    /// Write the generated files: TypeScript types of the protocol, the desk and the shell
    Generate,
    /// Write the clients for programs in sdk/, from docs/openapi.json
    Sdk,
    /// Measure quality beside others: a table
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
    /// Install system packages and tools only
    Setup {
        /// Also what only the tests need
        #[arg(long)]
        tests: bool,
    },
    /// Run a command, such as `cargo test -p confab-server`, with a PostgreSQL server for its tests
    OnPostgres {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Fetch the speech and video clips that tests and the demo use
    Media,
    /// Bring the weights of the strong noise suppression to where the app looks for them
    Weights(weights::Options),
    /// Build the web UI into ui/dist
    Ui,
    /// Make installable packages of the desktop app, or of the server
    Dist(dist::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match shell::claim_target().and_then(|()| run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nconfab: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> shell::Result {
    match command {
        Command::Run(options) => run::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Bench { what } => bench::bench(&what),
        Command::Check(options) => check::run(&options),
        Command::Generate => generate::write().and_then(|()| sdk::write()),
        Command::Sdk => sdk::write(),
        Command::Setup { tests } => setup::packages(tests).and_then(|()| setup::tools().map(drop)),
        Command::OnPostgres { command } => test::on_postgres(&command),
        Command::Weights(options) => weights::run_command(&options),
        Command::Media => setup::tools().and_then(|_| media::fetch()),
        Command::Dist(options) if !options.builds() => dist::run(&options),
        Command::Dist(options) => setup::packages(false)
            .and_then(|()| setup::tools())
            .and_then(|_| dist::run(&options)),
        Command::Ui => setup::tools().and_then(|_| ui::build()),
    }
}
