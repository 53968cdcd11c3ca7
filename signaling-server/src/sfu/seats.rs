//! Participants' seats by their number. They are looked up for every packet of every receiver, and the numbers are given by
//! the meeting itself, in their order: nobody can choose them so that they collide, and one multiplication spreads them.

use crate::sfu::seat::Seat;
use confab_base::ParticipantId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type Seats = HashMap<ParticipantId, Seat, BuildHasherDefault<ByNumber>>;

/// Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4).
#[derive(Default)]
pub(crate) struct ByNumber(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for ByNumber {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(GOLDEN);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u32(u32::from(*b)));
    }
}
