//! What goes into the lane and comes out of it: connections, seats, records, ends.

use super::{FromServer, Weight};
use crate::document::Vector;
use crate::id::{Author, Replica};
use crate::rights::Level;
use confab_base::Code;

/// What is sent over a connection that stumbles is gathered for so long, milliseconds: TCP loses segments and not bytes, and each
/// that is lost holds back all behind it.
pub const GATHER_MS: u64 = 40;

/// A connection, by a number of the shell's. Higher ones are newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneConn(pub u64);

/// Whose connection it is. Made by the server from the seat, never from a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSeat {
    /// The same for the same person whenever they come: an account, or a guest's seat.
    pub who: String,
    pub participant: u32,
    pub name: String,
    pub level: Level,
    /// Whose screen the board lies over. Of other boards: false.
    pub presents: bool,
}

/// Which copy a connection is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LaneCopy {
    #[default]
    New,
    /// One that comes back, and what it has.
    Back(Replica, Vector),
    /// One that is here: another way to it, so that what one connection has to send again comes by the other.
    Second(Replica),
}

/// An author as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorRecord {
    pub author: Author,
    pub who: String,
    pub participant: u32,
    pub name: String,
    /// Session numbers given out so far.
    pub sessions: u32,
}

/// What has to be written, in order, all of a batch or none.
#[derive(Clone, Debug, PartialEq)]
pub enum LaneRecord {
    Author(AuthorRecord),
    /// The next of the log, numbered from 1 without gaps.
    Entry {
        number: u64,
        at_ms: u64,
        /// Lamport time of its last write.
        lamport: u64,
        /// [`Entry::to_bytes`].
        bytes: Vec<u8>,
    },
    /// Holds all entries up to `number`.
    Snapshot {
        number: u64,
        at_ms: u64,
        bytes: Vec<u8>,
    },
}

/// What is stored of a board.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    pub authors: Vec<AuthorRecord>,
    /// The newest snapshot and the number of its last entry.
    pub snapshot: Option<(u64, Vec<u8>)>,
    /// Entries after it, in order.
    pub entries: Vec<Vec<u8>>,
    /// Objects deleted before this Lamport time are buried; 0: none.
    pub bury_before: u64,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    Because(Code),
    /// It is in another room now.
    Moved,
    /// What it calls its replica is not.
    NewCopy,
    /// No more authors or copies.
    Full,
}

impl Close {
    /// Stable, for clients.
    pub fn name(self) -> &'static str {
        match self {
            Close::Because(code) => code.as_str(),
            Close::Moved => "board_moved",
            Close::NewCopy => "board_new_copy",
            Close::Full => "board_full",
        }
    }

    /// Whether the client should come back by itself.
    pub fn again(self) -> bool {
        match self {
            Close::Because(code) => !code.is_final(),
            Close::Moved | Close::NewCopy => true,
            Close::Full => false,
        }
    }

    /// The last frame.
    pub fn to_bytes(self) -> Vec<u8> {
        let code = self.name().to_owned();
        let again = self.again();
        FromServer::Closed { code, again }.to_bytes()
    }
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum LaneOutput {
    Store(LaneRecord),
    Send {
        to: Vec<LaneConn>,
        frame: Vec<u8>,
        weight: Weight,
    },
    /// From now on what waits for this connection is written together every [`GATHER_MS`], or again as it comes.
    Gather {
        conn: LaneConn,
        gather: bool,
    },
    /// Say so as the last frame and end the connection. The lane knows it no more.
    Close {
        conn: LaneConn,
        why: Close,
    },
}
