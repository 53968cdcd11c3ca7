//! A network in virtual time, from a seed: the same seed gives the same run, to the microsecond.
//!
//! [`Link`] decides what happens to each datagram (delay, jitter, loss in bursts, reordering, duplication, a bottleneck
//! with a queue), [`World`] runs nodes that talk over such links, by datagrams or by streams that keep order and lose
//! nothing, as TCP would.
#![forbid(unsafe_code)]

mod link;
mod rng;
mod world;

pub use link::{Link, LinkConfig, LinkStats, Loss};
pub use rng::Rng;
pub use world::{Net, Node, NodeId, World};
