//! The Confab server as a library: HTTP and WebSocket signaling, meetings, storage and the media forwarder in one
//! process. The binary `confab-server` is a thin shell around [`start`]; tests start servers in-process.

mod accept;
mod accounts;
pub mod backup;
mod boards;
mod caldav;
mod clock;
pub mod config;
mod counters;
pub mod doctor;
mod files;
mod handover;
mod hooks;
mod http;
pub mod log;
pub mod mail;
mod media;
mod metrics;
mod move_database;
mod offline;
mod quality;
mod reload;
mod rooms;
mod schedule;
mod secrets;
mod server;
pub mod sfu;
mod store;
mod tls;
mod traces;
mod turn;
mod ws;

pub use accounts::{AccountError, AccountSummary, ProviderSetupError, TokenSummary};
pub use config::{Config, ConfigError, DatabaseUrl};
pub use counters::ServerCounters;
pub use handover::HandoverError;
#[cfg(unix)]
pub use handover::{Successor, ready, restart_server};
pub use move_database::{MoveError, move_database};
pub use offline::{MeetingSummary, OccurrenceSummary, Offline};
pub use reload::Reloaded;
pub use schedule::Refused;
pub use secrets::{Digest, fresh_secret};
#[cfg(unix)]
pub use server::take_over;
pub use server::{Running, StartError, make_data_dir, start};
pub use store::Moved;
