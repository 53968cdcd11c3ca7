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
/// Files of one chat message.
pub const MAX_MESSAGE_FILES: usize = 10;
/// Longest name of a file, Unicode scalar values after cleaning; at least 1.
pub const MAX_FILE_NAME: usize = 120;
/// Files a participant may have uploaded and put into no message yet; one more, and the oldest is forgotten.
pub const MAX_UPLOADS: usize = 20;
/// Chat messages kept in a snapshot.
pub const MAX_CHAT_HISTORY: usize = 200;
/// People in the spotlight at a time.
pub const MAX_SPOTLIGHTS: usize = 9;
/// Longest question of a poll or to the hosts, Unicode scalar values after trimming; at least 1.
pub const MAX_QUESTION: usize = 500;
/// Questions to the hosts that are kept; one more is refused until some are dismissed.
pub const MAX_QUESTIONS: usize = 100;
/// Polls of a meeting; one more is refused until some are taken away.
pub const MAX_POLLS: usize = 20;
/// Options of a poll; at least 2.
pub const MAX_OPTIONS: usize = 10;
/// Longest option, Unicode scalar values after trimming; at least 1.
pub const MAX_OPTION: usize = 200;
/// Items of an agenda.
pub const MAX_AGENDA: usize = 50;
/// Breakout rooms of a meeting. A room's name is as long as a person's at most.
pub const MAX_BREAKOUT_ROOMS: usize = 50;
/// Longest timer of breakout rooms, minutes: a day.
pub const MAX_BREAKOUT_MINUTES: u32 = 1440;
/// Longest countdown before everybody is brought back, seconds.
pub const MAX_BREAKOUT_RETURN_S: u32 = 600;
/// Longest passcode, characters.
pub const MAX_PASSCODE: usize = 64;
/// People in the lobby, at most.
pub const MAX_WAITING: usize = 200;
/// Wrong host keys and passcodes from one address before each further one costs a delay.
pub const FREE_TRIES: u32 = 10;
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
/// A participant whose connection was lost keeps its seat this long from then, or from when its media was last heard, milliseconds.
pub const SEAT_KEPT_MS: u64 = 60_000;
/// Seconds a report on quality is about, at least and at most.
pub const MIN_REPORT_S: u16 = 10;
pub const MAX_REPORT_S: u16 = 120;
/// A participant reports no sooner than so long after its last report, milliseconds. Clients do it once a minute.
pub const REPORT_INTERVAL_MS: u64 = 50_000;
/// Changes of devices in one report; of more, the newest.
pub const MAX_REPORT_DEVICES: usize = 20;
/// A minute with less than this is a poor one: tenths of a mean opinion score. Below it many listeners are dissatisfied (ITU-T
/// G.107, annex B: R = 70).
pub const GOOD_SCORE: u8 = 36;
