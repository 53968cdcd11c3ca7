//! Who wrote what, and when in the order of the board: authors, replicas, stamps, object ids.

use std::fmt;

/// A person or guest as one board knows them. The server gives the numbers and keeps who is behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Author(pub u32);

impl Author {
    /// The server itself: it alone buries objects.
    pub const SERVER: Author = Author(0);
}

/// One copy of the board that writes: an author's tab or device. The server gives the session number when the copy is
/// opened and takes changes of a replica from its author only, so a stamp can't claim another author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Replica {
    pub author: Author,
    pub session: u16,
}

impl Replica {
    pub const fn new(author: u32, session: u16) -> Replica {
        Replica {
            author: Author(author),
            session,
        }
    }
}

/// Highest Lamport time a stamp may carry; JavaScript's numbers hold four times as much exactly.
pub const MAX_LAMPORT: u64 = 1 << 48;

/// A Lamport time and the replica that breaks ties: a total order of all writes, the same everywhere (Lamport 1978).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    pub lamport: u64,
    pub replica: Replica,
}

impl Stamp {
    pub const fn new(lamport: u64, replica: Replica) -> Stamp {
        Stamp { lamport, replica }
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stamp { lamport, replica } = self;
        write!(f, "{lamport}@{}.{}", replica.author.0, replica.session)
    }
}

/// An object's id is the stamp of the write that made it; so its maker can be read off and not be forged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub Stamp);

impl ObjectId {
    pub const fn new(lamport: u64, replica: Replica) -> ObjectId {
        ObjectId(Stamp::new(lamport, replica))
    }

    /// Who made the object.
    pub const fn author(self) -> Author {
        self.0.replica.author
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
