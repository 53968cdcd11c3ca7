//! Looks into recordings for the browser tests: who is heard, whose picture is seen. Prints JSON.
#![allow(clippy::print_stdout)] // its output is its purpose

use clap::Parser;
use confab_tests::{hearing, seeing};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "confab-inspect",
    about = "Recognises voices and test pictures in recordings"
)]
enum Cli {
    /// How much of a looping source is heard in a recording; null: nothing at all
    Hear {
        #[arg(long)]
        heard: PathBuf,
        #[arg(long)]
        source: PathBuf,
        /// Judge the last so many seconds of the recording only
        #[arg(long)]
        last: Option<f32>,
    },
    /// Marks in a video file
    Marks {
        #[arg(long)]
        video: PathBuf,
    },
    /// Marks in single pictures: lines of `<width> <height> <base64 luma>` on standard input
    Mark,
    /// Writes a test clip
    Clip(Clip),
}

#[derive(clap::Args)]
struct Clip {
    #[arg(long)]
    id: u8,
    #[arg(long, default_value_t = 640)]
    width: usize,
    #[arg(long, default_value_t = 360)]
    height: usize,
    #[arg(long, default_value_t = 15)]
    fps: u32,
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    #[arg(long)]
    out: PathBuf,
}

fn main() -> ExitCode {
    match answer(Cli::parse()) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn answer(cli: Cli) -> Result<serde_json::Value, String> {
    match cli {
        Cli::Hear {
            heard,
            source,
            last,
        } => {
            let (heard, source) = (hearing::read_wav(&heard)?, hearing::read_wav(&source)?);
            let wanted = last.map_or(heard.len(), |s| (s * hearing::RATE as f32) as usize);
            let heard = &heard[heard.len().saturating_sub(wanted)..];
            json(&hearing::recognise(heard, &source))
        }
        Cli::Marks { video } => json(&seeing::read_marks(&video)?),
        Cli::Mark => {
            let text = std::io::read_to_string(std::io::stdin()).map_err(|e| e.to_string())?;
            json(&text.lines().map(mark).collect::<Vec<_>>())
        }
        Cli::Clip(c) => {
            seeing::write_clip(&c.out, c.id, (c.width, c.height), c.fps, c.seconds)?;
            Ok(serde_json::Value::Null)
        }
    }
}

/// `[id, counter]`, or nothing where no mark can be read.
fn mark(line: &str) -> Option<(u8, u32)> {
    use base64::Engine;
    let mut words = line.split_whitespace();
    let width = words.next()?.parse().ok()?;
    let height = words.next()?.parse().ok()?;
    let luma = base64::engine::general_purpose::STANDARD
        .decode(words.next()?)
        .ok()?;
    seeing::read_luma(width, height, &luma).map(|m| (m.id, m.counter))
}

fn json(value: &impl serde::Serialize) -> Result<serde_json::Value, String> {
    serde_json::to_value(value).map_err(|e| e.to_string())
}
