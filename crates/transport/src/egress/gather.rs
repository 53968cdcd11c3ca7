//! What a server sends waits in clear until all that goes to one receiver leaves, and is sealed then, into a buffer that all
//! receivers share: a picture for fifty receivers is megabytes, sealed one by one it stays within the processor's cache, and
//! so does what is known of a receiver while its packets pass.

use super::Egress;
use super::stream::Number;
use crate::paths::Path;
use crate::{OutPacket, SendError};
use std::time::Instant;

/// The packets that are ready, all for one destination.
#[derive(Debug)]
pub struct MediaBatch<'a> {
    pub path: Path,
    /// All packets, one after the other.
    pub bytes: &'a [u8],
    /// The length of each.
    pub sizes: &'a [u16],
}

/// Room for a batch, to be used for one peer after the other.
#[derive(Debug, Default)]
pub struct MediaBuffer {
    bytes: Vec<u8>,
    sizes: Vec<u16>,
}

/// Packets with their numbers, in the order they were given.
#[derive(Default)]
pub(super) struct Gathered {
    packets: Vec<Waiting>,
    bytes: usize,
}

struct Waiting {
    /// Its stream's place.
    at: usize,
    name: (u32, u64),
    packet: OutPacket,
}

impl Egress {
    /// Takes a packet to be sealed when it leaves; beyond what may wait it is dropped.
    pub(super) fn gather(&mut self, at: usize, packet: OutPacket) -> Result<(), SendError> {
        let name = self.streams[at].number(Number::Given(packet.seq));
        let name = name.ok_or(SendError::Repeated)?;
        if self.gathered.bytes <= super::MOST_WAITING {
            self.gathered.bytes += packet.payload.len();
            self.gathered.packets.push(Waiting { at, name, packet });
        }
        Ok(())
    }

    /// Seals what was gathered.
    pub fn seal_gathered(&mut self, now: Instant) {
        if self.gathered.packets.is_empty() {
            return;
        }
        let mut packets = std::mem::take(&mut self.gathered.packets);
        for waiting in packets.drain(..) {
            // The codec was there when it was taken; if it is gone since, so is the packet.
            let _ = self.seal_media(waiting.at, waiting.name, &waiting.packet, now);
        }
        self.gathered.packets = packets;
        self.gathered.bytes = 0;
    }

    /// Whether packets wait to be taken.
    pub fn has_media(&self) -> bool {
        let is_waiting = !self.sizes.is_empty() || !self.gathered.packets.is_empty();
        is_waiting && self.path.is_some()
    }

    /// Hands out all that waits, sealed; `buffer` lends its room.
    pub fn take_media(
        &mut self,
        path: Path,
        buffer: &mut MediaBuffer,
        now: Instant,
        send: impl FnOnce(MediaBatch<'_>),
    ) {
        let borrowed = self.sizes.is_empty();
        if borrowed {
            self.swap(buffer);
        }
        self.seal_gathered(now);
        if !self.sizes.is_empty() {
            send(MediaBatch {
                path,
                bytes: &self.out,
                sizes: &self.sizes,
            });
        }
        self.out.clear();
        self.sizes.clear();
        if borrowed {
            self.swap(buffer);
        }
    }

    fn swap(&mut self, buffer: &mut MediaBuffer) {
        std::mem::swap(&mut self.out, &mut buffer.bytes);
        std::mem::swap(&mut self.sizes, &mut buffer.sizes);
    }
}
