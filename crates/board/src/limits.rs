//! Explicit limits of a board. What breaks one is refused whole, with a code.

/// Largest update a client may send in one message, bytes.
pub const MAX_UPDATE: usize = 96 * 1024;
/// Operations in one update: enough to move everything a person can select.
pub const MAX_OPS: usize = 4096;
/// Objects of a board that are not deleted.
pub const MAX_LIVE: usize = 20_000;
/// Objects of a board, deleted ones that are not buried yet included.
pub const MAX_OBJECTS: usize = 60_000;
/// Pages that are not deleted.
pub const MAX_PAGES: usize = 200;
/// Bytes of ink, texts and registers of a board, about.
pub const MAX_DOCUMENT: usize = 24 * 1024 * 1024;
/// Points of a stroke.
pub const MAX_POINTS: usize = 8192;
/// Bytes of a stroke's ink.
pub const MAX_INK: usize = 48 * 1024;
/// Spans of one cut.
pub const MAX_SPANS: usize = 256;
/// Cuts of one stroke; the next piece wiped off it must be the whole rest.
pub const MAX_CUTS: usize = 1000;
/// Characters of a text (Unicode scalar values).
pub const MAX_TEXT: usize = 4000;
/// Characters of a name.
pub const MAX_NAME: usize = 200;
/// Coordinates lie within this many sixteenths of a unit of the origin: four million units each way.
pub const MAX_COORDINATE: i64 = 1 << 26;
/// Size of an order's whole part.
pub const MAX_ORDER: i64 = 1 << 40;
/// Digits of an order's fraction.
pub const MAX_ORDER_FRACTION: usize = 48;
/// Replicas that ever wrote to one board.
pub const MAX_REPLICAS: usize = 20_000;
/// How far a change's Lamport time may be ahead of the board's; more would win every later write.
pub const MAX_LEAD: u64 = 100_000;
/// Changes of one replica are numbered up to this.
pub const MAX_SEQ: u64 = 1 << 40;
/// Changes that wait for earlier ones of their replica, in one document.
pub const MAX_PENDING: usize = 4096;
/// Largest presence message, bytes.
pub const MAX_PRESENCE: usize = 2048;
/// Objects named in one presence message's selection.
pub const MAX_SELECTION: usize = 100;
/// Bytes an author may send in a burst (offline work comes in such), and the lasting rate per second.
pub const BYTES_BURST: u32 = 2 * 1024 * 1024;
pub const BYTES_RATE: u32 = 64 * 1024;
/// Updates and presence messages an author may send in a burst, and the lasting rate per second.
pub const MESSAGES_BURST: u32 = 120;
pub const MESSAGES_RATE: u32 = 60;
/// A client gathers its changes this long at most before it sends them, milliseconds.
pub const BATCH_MS: u64 = 50;
/// Bytes of one picture.
pub const MAX_PICTURE_BYTES: u64 = 8 * 1024 * 1024;
/// Its sides and its pixels: four bytes each where it is shown.
pub const MAX_PICTURE_SIDE: u32 = 8192;
pub const MAX_PICTURE_PIXELS: u32 = 16 * 1024 * 1024;
/// Pictures stored with one board.
pub const MAX_PICTURES: u64 = 500;
/// Bytes of a picture in one frame.
pub const MAX_PICTURE_PIECE: usize = 48 * 1024;
/// Bytes a client may be ahead of what the server says it took.
pub const PICTURE_WINDOW: u64 = 8 * 48 * 1024;
