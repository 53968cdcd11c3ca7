//! Where the log goes. What may stand in it is decided where it is written: meeting ids only as their first letters, no
//! secrets, names, chat or session descriptions. Each line is looked at once more for addresses (`mask.rs`).

mod mask;

use crate::config::{LogConfig, LogFormat, LogLevel};
use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

/// One for the process, as the log itself is.
static SWITCH: OnceLock<Switch> = OnceLock::new();

struct Switch {
    filter: Handle<Targets, Registry>,
    level: Mutex<LogLevel>,
}

/// Starts logging to standard error. Only once in a process.
pub fn init(config: &LogConfig) {
    let (filter, handle) = reload::Layer::new(targets(config.level));
    let layer = match config.format {
        LogFormat::Text => fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(mask::Masked)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(mask::Masked)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .init();
    let level = Mutex::new(config.level);
    let filter = handle;
    // Set once: `init` panics the second time.
    let _ = SWITCH.set(Switch { filter, level });
}

/// What is logged now. None: [`init`] was not called, somebody else's log is in use.
pub fn level() -> Option<LogLevel> {
    let switch = SWITCH.get()?;
    Some(*switch.level.lock().expect("no panic while setting"))
}

/// Another level from now on, until the process ends. False: see [`level`].
pub fn set_level(level: LogLevel) -> bool {
    let Some(switch) = SWITCH.get() else {
        return false;
    };
    let mut now = switch.level.lock().expect("no panic while setting");
    let done = switch.filter.reload(targets(level)).is_ok();
    if done {
        *now = level;
    }
    done
}

/// Libraries below warnings would say what must not be in a log: paths, session descriptions, SQL.
fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    Targets::new()
        .with_default(level.min(tracing::Level::WARN))
        .with_target("confab", level)
}
