// Limits of a board; twins of crates/board/src/limits.rs, held to it by tests/data/board/limits.json.
export const MAX_UPDATE = 96 * 1024;
export const MAX_OPS = 4096;
export const MAX_OBJECTS = 60_000;
export const MAX_POINTS = 8192;
export const MAX_INK = 48 * 1024;
export const MAX_SPANS = 256;
export const MAX_TEXT = 4000;
export const MAX_NAME = 200;
export const MAX_COORDINATE = 2 ** 26;
export const MAX_ORDER = 2 ** 40;
export const MAX_ORDER_FRACTION = 48;
export const MAX_REPLICAS = 20_000;
export const MAX_SEQ = 2 ** 40;
export const MAX_PENDING = 4096;
export const MAX_PRESENCE = 2048;
export const MAX_SELECTION = 100;
export const MAX_LAMPORT = 2 ** 48;
/** A client gathers its changes this long at most before it sends them, milliseconds. */
export const BATCH_MS = 50;
/** Bytes of one stored picture, its sides and its pixels. */
export const MAX_PICTURE_BYTES = 8 * 1024 * 1024;
export const MAX_PICTURE_SIDE = 8192;
export const MAX_PICTURE_PIXELS = 16 * 1024 * 1024;
/** Pictures stored with one board. */
export const MAX_PICTURES = 500;
/** Bytes of a picture in one frame, and how far a client may be ahead of what the server says it took. */
export const MAX_PICTURE_PIECE = 48 * 1024;
export const PICTURE_WINDOW = 8 * 48 * 1024;
