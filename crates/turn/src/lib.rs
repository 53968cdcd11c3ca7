//! TURN (RFC 8656) without sockets, for a server whose clients all want to talk to the server itself.
//!
//! An ordinary TURN server opens a port for each allocation and relays to any peer. Here the only peers are the server's
//! own media addresses, so no port is opened: a relayed address is a name (`198.51.100.251` or `2001:db8:c0fa:b::1` with a port,
//! addresses that no host on a network has) by which the media side knows the client, and datagrams are handed to it in
//! the process. Nobody can reach a third party through it (docs/adr/0030).
//!
//! * [`Server`]: allocations, permissions, channels; `handle`, `poll_output`, `next_wakeup`, and the data path
//! * [`Credentials`]: user names that expire, and their passwords
//! * [`message`]: STUN messages (RFC 8489); [`framing`]: STUN and ChannelData on a byte stream
#![forbid(unsafe_code)]

mod allocation;
mod credentials;
mod credit;
pub mod framing;
pub mod message;
mod nonce;
mod peek;
mod server;

pub use allocation::{RELAYED_V4, RELAYED_V6, SECOND_V4, SECOND_V6, is_relayed};
pub use credentials::Credentials;
pub use peek::is_for_relay;
pub use server::{Client, Config, Forward, Input, Limits, Output, Server};

/// The realm of all credentials (RFC 8489, 9.2).
pub const REALM: &str = "confab";
