//! What the two processes of the bench tell each other.

use confab_protocol::{Publish, Slot};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Case {
    pub name: String,
    pub senders: u32,
    pub receivers: u32,
    /// Of each sender's video, thousands of bits per second.
    pub kbps: u64,
}

impl Case {
    pub fn people(&self) -> u32 {
        if self.senders == 1 {
            self.receivers + 1
        } else {
            self.receivers
        }
    }
}

/// A line of the fleet's.
#[derive(Serialize, Deserialize)]
pub enum Said {
    /// Answered by a session description. Track ids: twice the sender's number, one more for video.
    Offer {
        n: u32,
        sdp: String,
        publish: Vec<Publish>,
        slots: Vec<Slot>,
    },
    /// Everyone is in and has an estimate: counting begins.
    Begin,
    /// Packets sent by all senders and got by all receivers; microseconds from write to read.
    End {
        sent: u64,
        got: u64,
        p50: u32,
        p99: u32,
    },
}
