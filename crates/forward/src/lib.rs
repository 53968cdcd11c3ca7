//! The SFU core: decides which packet of which track goes to whom, and under which numbers. It knows no socket, clock
//! or session description; the server's `sfu` shell carries packets in and out.
//!
//! One [`Forwarder`] serves one meeting. Senders publish tracks of one to three layers; receivers have *slots*
//! (their receiving m-lines) and a view that says which track each slot shows and how high. What a slot carries may
//! move from layer to layer and from track to track: the receiver sees one unbroken RTP stream.
//!
//! * [`forwarder`](Forwarder): routing, and when to think again
//! * `slot`: sequence numbers, timestamps and VP8 picture ids of one slot
//! * `gate`: where a decoder can start; `request`: asking for such a point without flooding the sender
//! * `leg`: a receiver and its budget; `allocate`: the budget over its videos; `hysteresis`: how quickly that may change
//!   (docs/ALLOCATION.md is the rule in words)
//! * `voice`: copies of frames against loss, hop by hop
//! * `speaker`: who talks; `floor`: who of them counts for pictures; `same_room`: whose microphones hear the same room; `quality`: how everyone's link is doing
#![forbid(unsafe_code)]

mod allocate;
mod floor;
mod forwarder;
mod gate;
mod groups;
mod hysteresis;
mod io;
mod leg;
mod members;
mod quality;
mod references;
mod request;
mod same_room;
mod slot;
mod speaker;
mod thinner;
mod track;
mod views;
mod voice;
mod wanted;

pub use confab_base::{Limited, QualityLevel};
pub use forwarder::Forwarder;
pub use gate::is_keyframe_start;
pub use io::{
    ForwardConfig, Input, LayerSpec, LinkHealth, Output, RtpIn, RtpOut, SlotSpec, SlotState,
};
