//! Where the log goes. What may stand in it is decided where it is written: meeting ids only as their first letters, no
//! secrets, names, chat or session descriptions.

use crate::config::{LogConfig, LogFormat, LogLevel};
use std::io::IsTerminal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Starts logging to standard error. Only once in a process.
pub fn init(config: &LogConfig) {
    let level = match config.level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    // Libraries below warnings would say what must not be in a log: paths, session descriptions, SQL.
    let filter = Targets::new()
        .with_default(level.min(tracing::Level::WARN))
        .with_target("confab", level);
    let layer = match config.format {
        LogFormat::Text => fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .init();
}
