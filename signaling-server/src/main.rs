//! `confab-server`: the command line around the library.
#![allow(
    clippy::print_stdout,
    reason = "a command line answers on standard output"
)]

mod account_command;
mod backup_command;
mod bench_command;
mod cli_meeting;
mod doctor_command;
mod init_command;
mod migrate_command;
mod signals;
mod token_command;

use clap::{Parser, Subcommand};
use cli_meeting::MeetingCommand;
use confab_server::{Config, Digest, Running, config, fresh_secret, log, start};
use signals::{Signal, Signals};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Confab: video meetings on your own server.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a first configuration and make the data folder: three questions, or flags for all of them.
    Init(init_command::Init),
    /// Run the server until SIGINT or SIGTERM. SIGHUP: read the configuration and certificate files anew. SIGUSR1: end as soon as
    /// nobody is in a meeting. SIGUSR2: let a new process take over under meetings that go on.
    Serve(Serve),
    /// Let a new process of the installed program take over from the running server, under meetings that go on. Not for containers.
    Restart(ConfigFile),
    /// Say what is wrong with this server's set-up: name, certificate, ports, addresses, clock.
    Doctor(doctor_command::Options),
    /// Look at configuration files.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Make, list and cancel meetings; works while the server runs.
    Meeting {
        #[command(subcommand)]
        command: MeetingCommand,
    },
    /// Make and look after accounts; works while the server runs.
    Account {
        #[command(subcommand)]
        command: account_command::AccountCommand,
    },
    /// Say how many people this machine carries, by synthetic participants: viewers of one speaker, and cameras all-to-all.
    Bench(bench_command::Bench),
    /// Write all that the server keeps into one file; works while it runs.
    Backup(backup_command::Backup),
    /// Put a backup back into an empty data directory.
    Restore(backup_command::Restore),
    /// Copy all records from SQLite to PostgreSQL, or back; the server has to be stopped.
    MigrateDb(migrate_command::MigrateDb),
    /// Make, list and revoke API tokens. Without a command: make one for the configuration, and print it once with the digest for
    /// access.tokens.
    Token {
        #[command(subcommand)]
        command: Option<token_command::TokenCommand>,
    },
}

#[derive(clap::Args)]
struct ConfigFile {
    /// The configuration file. Without it the defaults apply: a server on this machine only.
    #[arg(long, env = "CONFAB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Serve {
    #[command(flatten)]
    file: ConfigFile,
    /// For a running server, which starts its successor with it.
    #[arg(long, hide = true)]
    take_over: bool,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Say ok, or what is wrong and in which line.
    Check { file: PathBuf },
    /// Print every key with its explanation and default.
    Example,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments.command)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("confab-server: {error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

async fn run(command: Command) -> Outcome {
    match command {
        Command::Init(init) => init_command::run(init),
        Command::Serve(options) => serve(options).await,
        Command::Restart(file) => restart(&file).await,
        Command::Doctor(options) => options.run().await,
        Command::Config {
            command: ConfigCommand::Check { file },
        } => check(&file),
        Command::Config {
            command: ConfigCommand::Example,
        } => {
            print!("{}", config::example());
            Ok(())
        }
        Command::Meeting { command } => cli_meeting::run(command).await,
        Command::Account { command } => account_command::run(command).await,
        Command::Bench(bench) => bench.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::MigrateDb(migrate) => migrate.run().await,
        Command::Token {
            command: Some(command),
        } => token_command::run(command).await,
        Command::Token { command: None } => {
            let token = fresh_secret();
            println!("token:  {token}\ndigest: {}", Digest::of(&token).to_hex());
            Ok(())
        }
    }
}

impl ConfigFile {
    fn load(&self) -> Result<Config, config::ConfigError> {
        match &self.config {
            Some(file) => Config::load(file),
            None => Ok(Config::default()),
        }
    }
}

fn check(file: &Path) -> Outcome {
    match Config::load(file) {
        Ok(_) => {
            println!("ok");
            Ok(())
        }
        Err(error) => {
            println!("{error}");
            Err("the configuration has an error".into())
        }
    }
}

/// How often a draining server looks whether somebody is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const HOUR: Duration = Duration::from_secs(3600);

async fn serve(Serve { file, take_over }: Serve) -> Outcome {
    // Before anything is installed in its place: another one may lie there later.
    #[cfg(unix)]
    let program = std::env::current_exe()?;
    let config = file.load()?;
    let drain_hours = config.drain_hours;
    log::init(&config.log);
    // Before anything is up: a signal that comes early is not lost, and none ends the process half way.
    let mut signals = Signals::listen()?;
    let running = match take_over {
        true => succeed(config).await?,
        false => start(config).await?,
    };
    // Nobody may read what a successor prints any more.
    if !take_over {
        println!("Confab is at {}", running.public_url);
        if let Some(fingerprint) = &running.tls_fingerprint {
            println!("certificate SHA-256 {fingerprint}");
        }
    }
    #[cfg(unix)]
    {
        let successor = successor(program, &file);
        if let Err(error) = running.allow_restart(successor) {
            tracing::warn!(%error, "no restart without a gap: handover.sock in the data directory");
        }
        confab_server::ready();
    }
    let mut drained = false;
    loop {
        let handed_over = running.handed_over_for();
        let draining = drained || handed_over.is_some();
        if handed_over.is_some_and(|since| is_over(since, drain_hours)) {
            tracing::warn!(
                drain_hours,
                "meetings of this process are sent to the new one"
            );
            break;
        }
        let empty = draining && running.is_empty().await;
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = tokio::time::sleep(LOOK_EVERY), if !empty => continue,
            () = std::future::ready(()), if empty => Signal::Stop,
        };
        match signal {
            Signal::Stop => break,
            Signal::Reload => reload(&file, &running),
            Signal::Drain => {
                tracing::info!("draining: the server ends when nobody is in a meeting");
                running.drain();
                drained = true;
            }
            #[cfg(unix)]
            Signal::HandOver => running.restart(),
        }
    }
    running.shutdown().await;
    Ok(())
}

/// Whether a process has had its meetings long enough after it was taken over from; `drain_hours` 0: until they are over.
fn is_over(since: Duration, drain_hours: u32) -> bool {
    drain_hours > 0 && since > HOUR * drain_hours
}

#[cfg(unix)]
async fn succeed(config: Config) -> Result<Running, confab_server::StartError> {
    confab_server::take_over(config).await
}

#[cfg(unix)]
fn successor(program: PathBuf, file: &ConfigFile) -> confab_server::Successor {
    let mut arguments = vec!["serve".into(), "--take-over".into()];
    if let Some(config) = &file.config {
        arguments.extend(["--config".into(), config.into()]);
    }
    confab_server::Successor { program, arguments }
}

#[cfg(unix)]
async fn restart(file: &ConfigFile) -> Outcome {
    let pid = confab_server::restart_server(&file.load()?.data_dir).await?;
    println!("process {pid} serves now; the one before ends when its meetings are over");
    Ok(())
}

#[cfg(not(unix))]
const ELSEWHERE: &str =
    "a restart without a gap is there on Unix only: drain the server, and start it again";

#[cfg(not(unix))]
async fn succeed(_: Config) -> Result<Running, String> {
    Err(ELSEWHERE.to_owned())
}

#[cfg(not(unix))]
async fn restart(_: &ConfigFile) -> Outcome {
    Err(ELSEWHERE.into())
}

/// A file that cannot be taken changes nothing; the log says why, with its line.
fn reload(file: &ConfigFile, running: &Running) {
    let read = file.load().map_err(|e| e.to_string());
    let taken = read.and_then(|config| running.reload(&config).map_err(|e| e.to_string()));
    if let Err(error) = taken {
        tracing::error!(code = "config_not_taken", %error, "the configuration stays as it was");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_was_taken_over_from_ends_after_its_hours_or_with_its_meetings() {
        let hours = |n: f64| HOUR.mul_f64(n);
        assert!(!is_over(hours(3.9), 4));
        assert!(is_over(hours(4.1), 4));
        assert!(!is_over(hours(1000.0), 0));
    }
}
