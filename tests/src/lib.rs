//! What whole-system tests share: recognising a known voice in a recording, and reading burnt-in marks from video.

pub mod hearing;
pub mod seeing;
