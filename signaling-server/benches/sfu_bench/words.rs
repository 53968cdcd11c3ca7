//! What the processes of the bench tell each other.

use confab_protocol::{Publish, Slot};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    pub name: String,
    pub senders: u32,
    pub receivers: u32,
    /// Of each sender's video, thousands of bits per second.
    pub kbps: u64,
    /// The participants are ends of ours, whose pictures are repaired; else they are as any browser.
    pub own: bool,
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

/// What the fleet is started with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Orders {
    pub case: Case,
    pub time: Duration,
    /// The address it binds to, and where the server is.
    pub ip: IpAddr,
    /// The address of Janus' HTTP interface; without one it talks to the process that started it.
    pub janus: Option<String>,
    /// It takes bursts whole, as through a network card that segments.
    pub whole: bool,
    /// The core it stays on.
    pub core: Option<usize>,
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
    End(Heard),
}

/// What came of a case, as the fleet saw it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Heard {
    /// Packets sent by all senders and got by all receivers.
    pub sent: u64,
    pub got: u64,
    /// Microseconds from the sender's call to the kernel of the receiver.
    pub p50: u32,
    pub p99: u32,
    /// CPU time of the fleet.
    pub cpu: Duration,
}
