//! The whiteboard: a document many people draw on at once, together or cut off, that is the same for all in the end.
//!
//! Pure: no clock, no dice, no sockets. [`Document`] merges changes, [`Board`] is one person's copy with undo, [`admit`]
//! is the server's gate, [`Log`] keeps and replays, [`Presence`] is what is shown and not kept. The same document exists
//! in TypeScript (`ui/src/board`), held to it by `tests/data/board`. docs/BOARD.md has the bytes and the lane,
//! docs/adr/0024-board.md why it is our own.
#![forbid(unsafe_code)]

mod change;
mod document;
mod edit;
mod erase;
mod field;
mod gate;
mod id;
mod ink;
mod lane;
pub mod limits;
mod object;
mod order;
mod picture;
mod presence;
mod rate;
mod rights;
mod snapshot;
mod store;
mod undo;
mod value;
mod view;
mod wire;

pub use change::{Change, Op, read_update, write_update};
pub use document::{Applied, Counts, Document, Vector};
pub use edit::{Board, Edit, EditError, Step};
pub use erase::{STEPS, pieces, touched};
pub use field::{FIELDS, Field, KINDS, Kind};
pub use gate::{Admitted, Refusal, admit};
pub use id::{Author, MAX_LAMPORT, ObjectId, Replica, Stamp};
pub use ink::{Ink, NO_PRESSURE, Point};
pub use lane::{
    AuthorName, AuthorRecord, Close, FromClient, FromServer, GATHER_MS, Heard, LANE_VERSION, Lane,
    LaneClient, LaneConn, LaneCopy, LaneOutput, LaneRecord, LaneSeat, MAX_CLIENT_FRAME, Open,
    OpenPictures, Overflow, PictureAnswer, PictureAsk, Queue, Restored, SCREEN_PAGE, Weight,
    screen_board, screen_level, screen_track,
};
pub use object::Object;
pub use order::Order;
pub use picture::{NoPicture, PICTURE_HEAD, PictureHead};
pub use presence::{FADING, Presence, Shown, extend};
pub use rate::{Meter, TooFast};
pub use rights::{Forbidden, Level, Rights};
pub use store::{Entry, Log, Replay, Since, read_vector, write_vector};
pub use undo::MAX_UNDO;
pub use value::{Asset, End, Place, Spans, TextStyle, Value};
pub use wire::{Reader, WireError, Writer};
