//! The command line.

use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// A bad network on purpose, between two network namespaces of this machine.
#[derive(Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: CommandLine,
}

#[derive(Subcommand)]
pub enum CommandLine {
    /// Make two network namespaces and a bad network between them, until SIGINT or SIGTERM or until the command ends. Needs root
    Run(RunArgs),
    /// Say ok, or what is wrong with a script and in which line
    Check { file: PathBuf },
    /// List the built-in scripts, or print one
    Profiles { name: Option<String> },
    /// Print a built-in delivery trace, in mahimahi's format
    Trace { name: String },
}

#[derive(Args)]
pub struct RunArgs {
    /// What to do
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "profile",
        conflicts_with = "profile"
    )]
    pub script: Option<PathBuf>,
    /// A built-in script
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Names of the two namespaces; they must not exist
    #[arg(long, value_name = "A,B")]
    pub names: Option<String>,
    /// Third number of the addresses: 10.99.N.1 and 10.99.N.2
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub subnet: u8,
    /// Of the dice, instead of the script's
    #[arg(long)]
    pub seed: Option<u64>,
    /// Statistics as JSON lines; without it to standard output, with a command to standard error
    #[arg(long, value_name = "FILE")]
    pub stats: Option<PathBuf>,
    /// End by itself
    #[arg(long = "for", value_name = "SECONDS")]
    pub length: Option<u64>,
    /// Real-time scheduling: less delay from a busy machine, but it takes a core from others
    #[arg(long)]
    pub realtime: bool,
    /// End when the process that started it does
    #[arg(long)]
    pub with_parent: bool,
    /// Runs in the first namespace; its status is ours
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
