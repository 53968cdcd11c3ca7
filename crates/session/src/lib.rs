//! One participant of a meeting, as a pure state machine: joins, follows the room, comes back after cuts, and says
//! when a peer connection is to be made. `ui/src/session/session.ts` is its twin in TypeScript; the transcripts in
//! `tests/data/transcripts` are replayed against both.
#![forbid(unsafe_code)]

mod codec;
mod face;
mod follow;
mod link;
mod listening;
mod peer;
mod requests;
mod session;

pub use codec::{CodecChoice, best_codec, may_be_fine};
pub use face::{
    Action, InLobby, Input, JoinOptions, MediaPhase, Notice, OutboxChat, Output, Own, Phase,
    SavedSeat, SessionState,
};
pub use follow::apply;
pub use session::Session;
