//! Changes: what one replica did in one go, the unit that is merged, stored and replayed. An update is some of them in
//! a row, the unit that is sent, checked and taken or refused whole.

use crate::field::{Field, Kind};
use crate::id::{MAX_LAMPORT, ObjectId, Replica, Stamp};
use crate::limits::{MAX_OPS, MAX_SEQ};
use crate::value::Value;
use crate::wire::{Reader, WireError, Writer};

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Makes an object; its id is the stamp of this write.
    Create {
        kind: Kind,
        /// Sorted by field, none twice.
        fields: Vec<(Field, Value)>,
    },
    Set {
        object: ObjectId,
        field: Field,
        value: Value,
    },
    /// The server's alone: the objects are gone for good and their bytes with them.
    Bury { objects: Vec<ObjectId> },
}

/// What one replica did in one go. Write `i` carries the stamp `(lamport + i, replica)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub replica: Replica,
    /// Counts the replica's changes from 0, without gaps.
    pub seq: u64,
    pub lamport: u64,
    /// At least one.
    pub ops: Vec<Op>,
}

impl Change {
    /// The stamp of write `i`.
    pub fn stamp(&self, i: usize) -> Stamp {
        Stamp::new(self.lamport + i as u64, self.replica)
    }

    /// The Lamport time after the last write.
    pub fn next_lamport(&self) -> u64 {
        self.lamport + self.ops.len() as u64
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.write(&mut w);
        w.into_bytes()
    }

    /// Reads exactly one change.
    pub fn from_bytes(bytes: &[u8]) -> Result<Change, WireError> {
        let mut r = Reader::new(bytes);
        let change = Change::read(&mut r)?;
        r.end()?;
        Ok(change)
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.replica(self.replica);
        w.number(self.seq);
        w.number(self.lamport);
        w.number(self.ops.len() as u64);
        for op in &self.ops {
            write_op(w, op, self.replica);
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Change, WireError> {
        let replica = r.replica()?;
        let seq = r.below(MAX_SEQ)?;
        let lamport = r.below(MAX_LAMPORT - MAX_OPS as u64)?;
        let count = r.below(MAX_OPS as u64)?;
        if count == 0 || lamport == 0 {
            return Err(WireError::OutOfRange);
        }
        let mut ops = Vec::new();
        for _ in 0..count {
            ops.push(read_op(r, replica)?);
        }
        Ok(Change {
            replica,
            seq,
            lamport,
            ops,
        })
    }
}

/// Writes an update: the changes one after the other.
pub fn write_update<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<u8> {
    let mut w = Writer::new();
    changes.into_iter().for_each(|change| change.write(&mut w));
    w.into_bytes()
}

/// Reads an update of one or more changes, of any replicas, at most [`MAX_OPS`] writes together.
pub fn read_update(bytes: &[u8]) -> Result<Vec<Change>, WireError> {
    let mut r = Reader::new(bytes);
    let (mut changes, mut ops) = (Vec::new(), 0);
    while !r.is_empty() || changes.is_empty() {
        let change = Change::read(&mut r)?;
        ops += change.ops.len();
        if ops > MAX_OPS {
            return Err(WireError::OutOfRange);
        }
        changes.push(change);
    }
    Ok(changes)
}

const CREATE: u8 = 0;
const SET: u8 = 1;
const BURY: u8 = 2;

fn write_op(w: &mut Writer, op: &Op, near: Replica) {
    match op {
        Op::Create { kind, fields } => {
            w.byte(CREATE);
            w.byte(*kind as u8);
            w.number(fields.len() as u64);
            for (field, value) in fields {
                w.byte(*field as u8);
                value.write(w, near);
            }
        }
        Op::Set {
            object,
            field,
            value,
        } => {
            w.byte(SET);
            w.object(*object, near);
            w.byte(*field as u8);
            value.write(w, near);
        }
        Op::Bury { objects } => {
            w.byte(BURY);
            w.number(objects.len() as u64);
            objects.iter().for_each(|id| w.object(*id, near));
        }
    }
}

fn read_op(r: &mut Reader<'_>, near: Replica) -> Result<Op, WireError> {
    match r.byte()? {
        CREATE => read_create(r, near),
        SET => {
            let object = r.object(near)?;
            let field = Field::of(r.byte()?)?;
            if field.is_fixed() {
                return Err(WireError::OutOfRange);
            }
            let value = Value::read(r, field, near)?;
            Ok(Op::Set {
                object,
                field,
                value,
            })
        }
        BURY => {
            let count = r.below(MAX_OPS as u64)?;
            let objects: Result<_, _> = (0..count).map(|_| r.object(near)).collect();
            Ok(Op::Bury { objects: objects? })
        }
        _ => Err(WireError::Unknown),
    }
}

fn read_create(r: &mut Reader<'_>, near: Replica) -> Result<Op, WireError> {
    let kind = Kind::of(r.byte()?)?;
    let count = r.below(crate::field::FIELDS.len() as u64)?;
    let mut fields: Vec<(Field, Value)> = Vec::new();
    for _ in 0..count {
        let field = Field::of(r.byte()?)?;
        let sorted = fields.last().is_none_or(|(last, _)| *last < field);
        if !sorted || !kind.has(field) || field == Field::Alive {
            return Err(WireError::OutOfRange);
        }
        fields.push((field, Value::read(r, field, near)?));
    }
    let whole = kind
        .required()
        .iter()
        .all(|field| fields.iter().any(|(f, _)| f == field));
    if whole {
        Ok(Op::Create { kind, fields })
    } else {
        Err(WireError::OutOfRange)
    }
}
