//! A network in virtual time, from a seed: the same seed gives the same run, to the microsecond.
//!
//! [`Link`] decides what happens to each datagram (delay, jitter, loss in bursts, reordering, duplication, a bottleneck
//! with a queue), [`World`] runs nodes that talk over such links, by datagrams or by streams that keep order and lose
//! nothing, as TCP would. [`QueuedLink`] holds the datagrams and has more to do to them; it also runs outside of virtual
//! time, in `tools/impair`. Both lose by the same chains and roll the same dice.
#![forbid(unsafe_code)]

mod impairments;
mod link;
mod loss;
mod queued;
mod rng;
mod world;

pub use impairments::{
    Bottleneck, Bursts, DeliveryTrace, Impairments, Jitter, JitterShape, QueueBound,
};
pub use link::{Link, LinkConfig, LinkStats};
pub use loss::Loss;
pub use queued::{Delivery, LinkInput, QueuedLink, QueuedStats};
pub use rng::Rng;
pub use world::{Net, Node, NodeId, World};
