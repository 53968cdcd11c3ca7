//! What is kept of a board: a snapshot, the changes since with the times they were taken at, and all of them again for
//! replay. Pure: whoever stores it gives the bytes and the times.

use crate::change::Change;
use crate::document::{Document, Vector};
use crate::id::{Author, ObjectId};
use crate::limits::{MAX_OPS, MAX_REPLICAS, MAX_SEQ};
use crate::wire::{Reader, WireError, Writer};
use std::collections::VecDeque;

/// A change and when the server took it, milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at_ms: u64,
    pub change: Change,
}

impl Entry {
    /// As stored and as sent for replay: time, change.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.number(self.at_ms);
        self.change.write(&mut w);
        w.into_bytes()
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Entry, WireError> {
        let mut r = Reader::new(bytes);
        let at_ms = r.number()?;
        let change = Change::read(&mut r)?;
        r.end()?;
        Ok(Entry { at_ms, change })
    }
}

/// What a replica that knows a vector lacks.
#[derive(Clone, Debug, PartialEq)]
pub enum Since<'a> {
    /// These changes, in order.
    Changes(Vec<&'a Change>),
    /// More than the log holds: the whole document.
    Snapshot,
}

/// A compaction is due when the tail holds this many changes, or more bytes than the snapshot and at least
/// [`MIN_TAIL_BYTES`].
const MAX_TAIL: usize = 4096;
const MIN_TAIL_BYTES: usize = 256 * 1024;

/// The changes since a stored snapshot. Start-up reads the snapshot and applies the tail.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The vector of the stored snapshot.
    base: Vector,
    snapshot_bytes: usize,
    tail: VecDeque<Entry>,
    tail_bytes: usize,
}

impl Log {
    /// A log whose snapshot, of so many bytes, is this document's.
    pub fn new(snapshot: &Document, snapshot_bytes: usize) -> Log {
        Log {
            base: snapshot.vector().clone(),
            snapshot_bytes,
            ..Log::default()
        }
    }

    /// Adds a change that was taken; `bytes` is the size it is stored in.
    pub fn push(&mut self, entry: Entry, bytes: usize) {
        self.tail_bytes += bytes;
        self.tail.push_back(entry);
    }

    pub fn tail(&self) -> impl Iterator<Item = &Entry> {
        self.tail.iter()
    }

    /// What somebody lacks who knows `vector`. Changes where the log reaches back far enough and they are few.
    pub fn since(&self, vector: &Vector) -> Since<'_> {
        let known = |change: &Change| vector.get(&change.replica).is_some_and(|n| change.seq < *n);
        let covered = self
            .base
            .iter()
            .all(|(replica, next)| vector.get(replica).is_some_and(|n| n >= next));
        let changes: Vec<&Change> = self
            .tail
            .iter()
            .map(|e| &e.change)
            .filter(|c| !known(c))
            .collect();
        if covered && changes.iter().map(|c| c.ops.len()).sum::<usize>() <= MAX_OPS {
            Since::Changes(changes)
        } else {
            Since::Snapshot
        }
    }

    /// Whether a new snapshot should be stored: reading the tail costs as much as reading the document.
    pub fn is_due(&self) -> bool {
        let bytes = self.snapshot_bytes.max(MIN_TAIL_BYTES);
        self.tail.len() >= MAX_TAIL || self.tail_bytes > bytes
    }

    /// A snapshot of `document` was stored. The last `keep` changes stay, so that short cuts still cost few bytes; they are
    /// in the snapshot too, which does no harm.
    pub fn compacted(&mut self, snapshot_bytes: usize, keep: usize) {
        self.snapshot_bytes = snapshot_bytes;
        while self.tail.len() > keep {
            if let Some(entry) = self.tail.pop_front() {
                let Change { replica, seq, .. } = entry.change;
                self.base.insert(replica, seq + 1);
            }
        }
        self.tail_bytes = 0;
    }
}

impl Document {
    /// Deleted objects that the server may bury: deleted before the Lamport time `before` and not brought back, with their
    /// cuts; at most as many as fit one change. By its log's times the server knows which Lamport time is how long ago.
    pub fn buriable(&self, before: u64) -> Vec<ObjectId> {
        let gone = self
            .objects()
            .filter(|o| !o.is_alive() && o.stamp(crate::Field::Alive).lamport < before);
        let with_cuts = gone.flat_map(|o| [o.id()].into_iter().chain(self.cuts(o.id()).to_vec()));
        let mut found: Vec<ObjectId> = with_cuts.take(MAX_OPS).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The change by which the server buries objects for good.
    pub fn bury_change(&self, objects: Vec<ObjectId>) -> Change {
        let replica = crate::Replica {
            author: Author::SERVER,
            session: 0,
        };
        Change {
            replica,
            seq: self.next_seq(replica),
            lamport: self.clock() + 1,
            ops: vec![crate::Op::Bury { objects }],
        }
    }
}

/// Writes a vector: what a client says when it comes back.
pub fn write_vector(vector: &Vector) -> Vec<u8> {
    let mut w = Writer::new();
    w.number(vector.len() as u64);
    for (replica, next) in vector {
        w.replica(*replica);
        w.number(*next);
    }
    w.into_bytes()
}

/// Reads a vector, sorted by replica.
pub fn read_vector(bytes: &[u8]) -> Result<Vector, WireError> {
    let mut r = Reader::new(bytes);
    let count = r.below(MAX_REPLICAS as u64)?;
    let mut vector = Vector::new();
    for _ in 0..count {
        let replica = r.replica()?;
        if vector
            .last_key_value()
            .is_some_and(|(last, _)| *last >= replica)
        {
            return Err(WireError::OutOfRange);
        }
        vector.insert(replica, r.below(MAX_SEQ + 1)?);
    }
    r.end()?;
    Ok(vector)
}

/// Documents are kept at every so many changes, so that going back costs at most so many.
const STRIDE: usize = 2000;

/// A board's whole history, seen at any time in it.
#[derive(Debug)]
pub struct Replay {
    entries: Vec<Entry>,
    /// The document before entry `i * STRIDE`.
    marks: Vec<Document>,
    now: Document,
    next: usize,
}

impl Replay {
    /// Starts before the first entry. `base` is the document the history starts from, empty for a whole one.
    pub fn new(base: Document, entries: Vec<Entry>) -> Replay {
        Replay {
            entries,
            marks: vec![base.clone()],
            now: base,
            next: 0,
        }
    }

    /// Times of the first and the last entry, milliseconds since 1970.
    pub fn span(&self) -> Option<(u64, u64)> {
        Some((self.entries.first()?.at_ms, self.entries.last()?.at_ms))
    }

    pub fn document(&self) -> &Document {
        &self.now
    }

    /// The time of the next entry: when to wake, at speed 1.
    pub fn next_ms(&self) -> Option<u64> {
        self.entries.get(self.next).map(|entry| entry.at_ms)
    }

    /// Goes to a time, forwards or back: everything taken up to and at `at_ms` is there, nothing later.
    pub fn seek(&mut self, at_ms: u64) -> &Document {
        let target = self.entries.partition_point(|entry| entry.at_ms <= at_ms);
        if target < self.next {
            let mark = (target / STRIDE).min(self.marks.len() - 1);
            self.now = self.marks[mark].clone();
            self.next = mark * STRIDE;
        }
        while self.next < target {
            if self.next == self.marks.len() * STRIDE {
                self.marks.push(self.now.clone());
            }
            self.now.apply(&self.entries[self.next].change);
            self.next += 1;
        }
        &self.now
    }
}
