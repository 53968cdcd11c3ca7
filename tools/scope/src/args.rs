//! The command line.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Looks into a running Confab participant: how every stage sounds, how every stream fares, what every thread costs.
#[derive(Clone, Debug, Parser)]
#[command(name = "confab-scope", version)]
pub struct Args {
    /// Attach to this one at once: a participant's process id, or what the list calls it. Without it: the only one there is, or a list.
    pub participant: Option<String>,
    /// Show this page first.
    #[arg(long, value_enum, default_value_t = Page::Sound)]
    pub page: Page,
    #[arg(long, value_enum, default_value_t = Theme::System)]
    pub theme: Theme,
    /// Look for participants in this folder instead of the user's own.
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Window size in points, WIDTHxHEIGHT.
    #[arg(long, value_name = "SIZE", default_value = "1180x760", value_parser = parse_size)]
    pub size: (f32, f32),
    /// Write a picture of the window to this file when --for is over, and end.
    #[arg(long, value_name = "PNG")]
    pub screenshot: Option<PathBuf>,
    /// Time from attaching to the picture.
    #[arg(long = "for", value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub wait: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    Sound,
    Network,
    Video,
    Cpu,
    Taps,
}

impl Page {
    pub const ALL: [Page; 5] = [
        Page::Sound,
        Page::Network,
        Page::Video,
        Page::Cpu,
        Page::Taps,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Page::Sound => "Sound",
            Page::Network => "Network",
            Page::Video => "Video",
            Page::Cpu => "CPU",
            Page::Taps => "Taps",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    System,
    Dark,
    Light,
}

fn parse_size(text: &str) -> Result<(f32, f32), String> {
    let wrong = || "takes WIDTHxHEIGHT, 640x400 to 8192x8192".to_owned();
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let number = |t: &str| t.parse::<f32>().map_err(|_| wrong());
    let (width, height) = (number(width)?, number(height)?);
    let fits = (640.0..=8192.0).contains(&width) && (400.0..=8192.0).contains(&height);
    fits.then_some((width, height)).ok_or_else(wrong)
}

/// `500ms`, `5s`, `1m`; a bare number is seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        _ => return Err("takes a number and ms, s or m".to_owned()),
    };
    let seconds = number.parse::<f64>().map_err(|e| e.to_string())? * factor;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_and_times_are_bounded() {
        assert_eq!(parse_size("1280x800"), Ok((1280.0, 800.0)));
        for bad in ["", "1280", "10x10", "NaNx800", "99999x800"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert!(parse_duration("soon").is_err());
    }
}
