//! `confab-server`: the command line around the library.
#![allow(
    clippy::print_stdout,
    reason = "a command line answers on standard output"
)]

use clap::{Parser, Subcommand};
use confab_protocol::CreateMeeting;
use confab_server::{Config, Digest, Offline, config, fresh_secret, log, start};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Confab: video meetings on your own server.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until SIGINT or SIGTERM.
    Serve(ConfigFile),
    /// Look at configuration files.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Make and list meetings; works while the server runs.
    Meeting {
        #[command(subcommand)]
        command: MeetingCommand,
    },
    /// Make an API token; print it once, with the digest for access.tokens.
    Token,
}

#[derive(clap::Args)]
struct ConfigFile {
    /// The configuration file. Without it the defaults apply: a server on this machine only.
    #[arg(long, env = "CONFAB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Say ok, or what is wrong and in which line.
    Check { file: PathBuf },
    /// Print every key with its explanation and default.
    Example,
}

#[derive(Subcommand)]
enum MeetingCommand {
    /// Make a meeting and print its guest link and its host link.
    New {
        #[arg(long, default_value = "")]
        title: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// List the newest meetings. Host links are not kept, so they cannot be listed.
    List {
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        config: ConfigFile,
    },
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
        Command::Serve(file) => serve(file.load()?).await,
        Command::Config {
            command: ConfigCommand::Check { file },
        } => check(&file),
        Command::Config {
            command: ConfigCommand::Example,
        } => {
            print!("{}", config::example());
            Ok(())
        }
        Command::Meeting {
            command: MeetingCommand::New { title, config },
        } => new_meeting(title, &config.load()?).await,
        Command::Meeting {
            command: MeetingCommand::List { limit, config },
        } => list(limit, &config.load()?).await,
        Command::Token => {
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

async fn serve(config: Config) -> Outcome {
    log::init(&config.log);
    let running = start(config).await?;
    println!("Confab is at {}", running.public_url);
    if let Some(fingerprint) = &running.tls_fingerprint {
        println!("certificate SHA-256 {fingerprint}");
    }
    stop_signal().await?;
    running.shutdown().await;
    Ok(())
}

#[cfg(unix)]
async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

#[cfg(not(unix))]
async fn stop_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

async fn new_meeting(title: String, config: &Config) -> Outcome {
    let offline = Offline::open(config).await?;
    let made = offline
        .create_meeting(CreateMeeting {
            title,
            ..CreateMeeting::default()
        })
        .await;
    let made = made.map_err(|code| format!("the meeting was not created: {code}"))?;
    println!(
        "guest link: {}\nhost link:  {}",
        made.guest_link, made.host_link
    );
    Ok(offline.close().await?)
}

async fn list(limit: u32, config: &Config) -> Outcome {
    let offline = Offline::open(config).await?;
    for meeting in offline.meetings(limit).await? {
        let state = match (meeting.ended, meeting.locked) {
            (true, _) => "ended",
            (false, true) => "locked",
            (false, false) => "open",
        };
        println!("{}  {state}  {}", meeting.guest_link, meeting.title);
    }
    Ok(offline.close().await?)
}
