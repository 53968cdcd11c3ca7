//! The Confab server as a library: HTTP and WebSocket signaling, meetings, storage and the media forwarder in one
//! process. The binary `confab-server` is a thin shell around [`start`]; tests start servers in-process.

pub mod config;
mod secrets;
mod server;

pub use config::{Config, ConfigError};
pub use secrets::Digest;
pub use server::{Running, StartError, start};
