//! Explicit limits. A message that breaks one is refused with a code; it never costs the connection's other messages.

/// Largest text frame a client may send, bytes.
pub const MAX_CLIENT_MESSAGE: usize = 128 * 1024;
/// Largest SDP inside an `offer`, bytes.
pub const MAX_SDP: usize = 96 * 1024;
/// Longest display name, Unicode scalar values after trimming; at least 1.
pub const MAX_NAME: usize = 64;
/// Longest chat message, Unicode scalar values after trimming; at least 1.
pub const MAX_CHAT: usize = 4000;
/// Longest client-chosen chat id, ASCII characters.
pub const MAX_CLIENT_ID: usize = 64;
/// Longest meeting title, Unicode scalar values.
pub const MAX_TITLE: usize = 120;
/// Chat messages kept in a snapshot.
pub const MAX_CHAT_HISTORY: usize = 200;
/// Events kept for resync; a client further behind gets a snapshot.
pub const MAX_EVENT_HISTORY: usize = 512;
/// Receive slots of one participant, per media kind.
pub const MAX_SLOTS: usize = 64;
/// Participants of one meeting unless the meeting says less.
pub const MAX_PARTICIPANTS: usize = 200;
/// The least a client may ask to be sent at most, bits per second: two voices, without copies.
pub const MIN_VIEW_BITRATE: u64 = 100_000;
/// Requests a client may send in a burst, and the lasting rate per second.
pub const REQUEST_BURST: u32 = 60;
pub const REQUEST_RATE: u32 = 20;
/// Offers of a participant in a burst, and the lasting rate per second: each may cost a handshake.
pub const OFFER_BURST: u32 = 8;
pub const OFFER_RATE: u32 = 1;
/// A client pings this often while nothing else is sent, milliseconds.
pub const PING_INTERVAL_MS: u64 = 1000;
/// Either side holds the connection dead after this silence, milliseconds.
pub const PING_TIMEOUT_MS: u64 = 3000;
/// A participant whose connection was lost keeps its seat this long, milliseconds.
pub const SEAT_KEPT_MS: u64 = 60_000;
