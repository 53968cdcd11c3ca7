//! A whole document in bytes: what is stored, what a late joiner gets, what the hash is of. Equal documents have equal
//! bytes. A snapshot can be merged into a document that has writes of its own.
//!
//! `CBD` 1 · clock · replicas (author, session, next number, Lamport time of its last write), sorted · objects sorted by id: Lamport time as the step from
//! the one before, replica's index, kind + 1 (0 a shell), registers: field, doubled and odd where another write than the
//! making holds and then its stamp, value · buried ids. Changes that wait are not part of it.

use crate::document::Document;
use crate::field::{FIELDS, Field, Kind};
use crate::id::{ObjectId, Replica, Stamp};
use crate::limits::{MAX_OBJECTS, MAX_REPLICAS, MAX_SEQ};
use crate::object::{Object, Register};
use crate::value::Value;
use crate::wire::{Reader, WireError, Writer};
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 4] = b"CBD\x01";
/// Buried ids a snapshot may name.
const MAX_BURIED: u64 = 10_000_000;

impl Document {
    pub fn to_snapshot(&self) -> Vec<u8> {
        let replicas: Vec<Replica> = self.vector.keys().copied().collect();
        let mut w = Writer::new();
        w.raw(MAGIC);
        w.number(self.clock);
        w.number(replicas.len() as u64);
        for (replica, next) in &self.vector {
            w.replica(*replica);
            w.number(*next);
            w.number(self.last_of(*replica));
        }
        w.number(self.objects.len() as u64);
        let mut last = 0;
        for object in self.sorted() {
            write_id(&mut w, object.id, &mut last, &replicas);
            write_object(&mut w, object, &replicas);
        }
        w.number(self.buried.len() as u64);
        last = 0;
        for id in &self.buried {
            write_id(&mut w, *id, &mut last, &replicas);
        }
        w.into_bytes()
    }

    /// Reads a snapshot, or fails and nothing is changed.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Document, WireError> {
        let mut r = Reader::new(bytes);
        if r.raw(4)? != MAGIC {
            return Err(WireError::Unknown);
        }
        let mut document = Document::new();
        document.clock = r.lamport()?;
        let replicas = read_replicas(&mut r, &mut document)?;
        let count = r.below(MAX_OBJECTS as u64 * 2)?;
        let mut last = None;
        for _ in 0..count {
            let id = read_id(&mut r, &mut last, &replicas)?;
            let object = read_object(&mut r, id, &replicas)?;
            document.change_object(id, &mut Vec::new(), |empty, weight| {
                *weight += object.weight();
                *empty = object;
            });
        }
        let buried = r.below(MAX_BURIED)?;
        last = None;
        for _ in 0..buried {
            let id = read_id(&mut r, &mut last, &replicas)?;
            if document.objects.contains_key(&id) {
                return Err(WireError::OutOfRange);
            }
            document.buried.insert(id);
        }
        r.end()?;
        Ok(document)
    }

    /// Takes everything another document knows, and returns the objects whose look may have changed. The same as taking
    /// all its changes, so order and repetition don't matter.
    pub fn merge(&mut self, other: &Document) -> Vec<ObjectId> {
        let mut touched = Vec::new();
        for id in &other.buried {
            self.bury(*id, &mut touched);
        }
        for object in other.sorted() {
            if !self.buried.contains(&object.id) {
                self.merge_object(object, &mut touched);
            }
        }
        for (replica, next) in &other.vector {
            let known = self.vector.entry(*replica).or_default();
            *known = (*known).max(*next);
            let last = self.last.entry(*replica).or_default();
            *last = (*last).max(other.last_of(*replica));
        }
        self.clock = self.clock.max(other.clock);
        self.settle_all(&mut touched);
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    fn merge_object(&mut self, theirs: &Object, touched: &mut Vec<ObjectId>) {
        self.change_object(theirs.id, touched, |object, weight| {
            object.kind = object.kind.or(theirs.kind);
            for (field, register) in theirs.written() {
                object.write(field, register.stamp, register.value.clone(), weight);
            }
        });
    }

    /// SHA-256 of the snapshot: equal where the same changes were taken.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.to_snapshot()).into()
    }
}

fn read_replicas(r: &mut Reader<'_>, document: &mut Document) -> Result<Vec<Replica>, WireError> {
    let vector = &mut document.vector;
    let count = r.below(MAX_REPLICAS as u64 * 2)?;
    for _ in 0..count {
        let replica = r.replica()?;
        let sorted = vector
            .last_key_value()
            .is_none_or(|(last, _)| *last < replica);
        let next = r.below(MAX_SEQ + 1)?;
        let last = r.below(document.clock)?;
        if !sorted || next == 0 || last == 0 {
            return Err(WireError::OutOfRange);
        }
        vector.insert(replica, next);
        document.last.insert(replica, last);
    }
    Ok(vector.keys().copied().collect())
}

fn index(replicas: &[Replica], replica: Replica) -> u64 {
    // Every stamp comes from a change, and every change leaves its replica in the vector.
    replicas.binary_search(&replica).unwrap_or(replicas.len()) as u64
}

fn write_id(w: &mut Writer, id: ObjectId, last: &mut u64, replicas: &[Replica]) {
    w.number(id.0.lamport - *last);
    *last = id.0.lamport;
    w.number(index(replicas, id.0.replica));
}

fn read_id(
    r: &mut Reader<'_>,
    last: &mut Option<ObjectId>,
    replicas: &[Replica],
) -> Result<ObjectId, WireError> {
    let before = last.map_or(0, |id| id.0.lamport);
    let lamport = before + r.lamport()?;
    let id = ObjectId(Stamp::new(lamport, read_replica(r, replicas)?));
    if last.is_some_and(|last| last >= id) || lamport > crate::id::MAX_LAMPORT {
        return Err(WireError::OutOfRange);
    }
    *last = Some(id);
    Ok(id)
}

fn read_replica(r: &mut Reader<'_>, replicas: &[Replica]) -> Result<Replica, WireError> {
    let at = r.number()?;
    let replica = usize::try_from(at).ok().and_then(|at| replicas.get(at));
    replica.copied().ok_or(WireError::OutOfRange)
}

fn write_object(w: &mut Writer, object: &Object, replicas: &[Replica]) {
    w.byte(object.kind.map_or(0, |kind| kind as u8 + 1));
    w.number(object.count() as u64);
    for (field, register) in object.written() {
        let later = register.stamp != object.id.0;
        w.byte(field as u8 * 2 + u8::from(later));
        if later {
            w.number(register.stamp.lamport);
            w.number(index(replicas, register.stamp.replica));
        }
        register.value.write(w, object.id.0.replica);
    }
}

fn read_object(
    r: &mut Reader<'_>,
    id: ObjectId,
    replicas: &[Replica],
) -> Result<Object, WireError> {
    let mut object = Object::shell(id);
    let kind = r.byte()?;
    if kind > 0 {
        object.kind = Some(Kind::of(kind - 1)?);
    }
    let count = r.below(FIELDS.len() as u64)?;
    let mut last = None;
    for _ in 0..count {
        let (field, Register { stamp, value }) = read_register(r, id, replicas)?;
        let sorted = last.replace(field).is_none_or(|last| last < field);
        let known = object.kind.is_none_or(|kind| kind.has(field));
        if !sorted || !known {
            return Err(WireError::OutOfRange);
        }
        object.write(field, stamp, value, &mut 0);
    }
    let required = object.kind.map_or(&[][..], Kind::required);
    if required
        .iter()
        .all(|field| object.register(*field).is_some())
    {
        Ok(object)
    } else {
        Err(WireError::OutOfRange)
    }
}

fn read_register(
    r: &mut Reader<'_>,
    id: ObjectId,
    replicas: &[Replica],
) -> Result<(Field, Register), WireError> {
    let head = r.byte()?;
    let field = Field::of(head / 2)?;
    let stamp = if head & 1 == 1 {
        let stamp = Stamp::new(r.lamport()?, read_replica(r, replicas)?);
        if stamp == id.0 {
            return Err(WireError::BadNumber);
        }
        stamp
    } else {
        id.0
    };
    let value = Value::read(r, field, id.0.replica)?;
    Ok((field, Register { stamp, value }))
}
