//! The Confab server as a library: HTTP and WebSocket signaling, meetings, storage and the media forwarder in one
//! process. The binary `confab-server` is a thin shell around [`start`]; tests start servers in-process.

mod accept;
mod clock;
pub mod config;
mod counters;
mod http;
pub mod log;
mod media;
mod rooms;
mod secrets;
mod server;
pub mod sfu;
mod store;
mod tls;
mod ws;

pub use config::{Config, ConfigError};
pub use counters::ServerCounters;
pub use secrets::{Digest, fresh_secret};
pub use server::{MeetingSummary, Offline, Running, StartError, start};
