//! A replica that writes: edits made by one person here, undo and redo of that person's own steps, and the changes that
//! the server has not acknowledged yet.

use crate::change::{Change, Op};
use crate::document::{Applied, Document};
use crate::field::{Field, Kind};
use crate::id::{ObjectId, Replica, Stamp};
use crate::limits::{MAX_OPS, MAX_UPDATE};
use crate::undo::History;
use crate::value::Value;
use crate::wire::WireError;
use std::collections::{BTreeMap, VecDeque};

/// Why an edit was not made; nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("no such object")]
    UnknownObject,
    #[error("the kind has no such field, a required one is missing, or the value is out of range")]
    BadField,
    #[error("too much in one edit")]
    TooLarge,
}

/// Whether an edit is a step of its own or goes on with the last one, as the moves of one drag do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    New,
    /// Joins the last step if nothing was undone since.
    Continue,
}

/// One person's copy of a board.
#[derive(Debug)]
pub struct Board {
    document: Document,
    replica: Replica,
    history: History,
    /// Changes not acknowledged yet; the first `sent` of them were handed out.
    outbox: VecDeque<Change>,
    sent: usize,
}

/// An edit being put together. Ids of new objects are known at once.
#[derive(Debug)]
pub struct Edit<'a> {
    document: &'a Document,
    first: Stamp,
    ops: Vec<Op>,
    made: BTreeMap<ObjectId, Kind>,
}

impl Edit<'_> {
    /// Makes an object. Fields in any order, without [`Field::Alive`].
    pub fn create(
        &mut self,
        kind: Kind,
        mut fields: Vec<(Field, Value)>,
    ) -> Result<ObjectId, EditError> {
        fields.sort_by_key(|(field, _)| *field);
        let twice = fields.windows(2).any(|pair| pair[0].0 == pair[1].0);
        let good = |(field, value): &(Field, Value)| {
            *field != Field::Alive && kind.has(*field) && value.fits(*field)
        };
        let has = |field: &Field| fields.iter().any(|(f, _)| f == field);
        if twice || !fields.iter().all(good) || !kind.required().iter().all(has) {
            return Err(EditError::BadField);
        }
        let id = ObjectId(Stamp::new(
            self.first.lamport + self.ops.len() as u64,
            self.first.replica,
        ));
        self.ops.push(Op::Create { kind, fields });
        self.made.insert(id, kind);
        Ok(id)
    }

    /// Writes a field of an object that is there or that this edit made.
    pub fn set(&mut self, object: ObjectId, field: Field, value: Value) -> Result<(), EditError> {
        let known = self.document.object(object).and_then(|o| o.kind());
        let kind = known.or_else(|| self.made.get(&object).copied());
        let kind = kind.ok_or(EditError::UnknownObject)?;
        let fixed = field.is_fixed() || (kind == Kind::Cut && field == Field::Parent);
        if !kind.has(field) || fixed || !value.fits(field) {
            return Err(EditError::BadField);
        }
        self.ops.push(Op::Set {
            object,
            field,
            value,
        });
        Ok(())
    }

    pub fn delete(&mut self, object: ObjectId) -> Result<(), EditError> {
        self.set(object, Field::Alive, Value::Flag(false))
    }

    /// Clears a page of all that is on it now. For hosts.
    pub fn clear(&mut self, page: ObjectId) -> Result<(), EditError> {
        let on_page = |o: &&crate::Object| o.parent() == Some(page);
        let last = self
            .document
            .objects()
            .filter(on_page)
            .map(|o| o.id().0.lamport)
            .max();
        self.set(page, Field::Cleared, Value::Lamport(last.unwrap_or(0)))
    }

    pub fn document(&self) -> &Document {
        self.document
    }
}

impl Board {
    pub fn new(replica: Replica) -> Board {
        Board::with(replica, Document::new())
    }

    /// Goes on with a document. The replica must not have writes out that the document does not know.
    pub fn with(replica: Replica, document: Document) -> Board {
        Board {
            document,
            replica,
            history: History::default(),
            outbox: VecDeque::new(),
            sent: 0,
        }
    }

    pub fn document(&self) -> &Document {
        &self.document
    }

    pub fn replica(&self) -> Replica {
        self.replica
    }

    /// Makes one change of everything `edit` does, or none if it fails. Returns what `edit` returned.
    pub fn edit<T, E: From<EditError>>(
        &mut self,
        step: Step,
        edit: impl FnOnce(&mut Edit<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut open = Edit {
            document: &self.document,
            first: Stamp::new(self.document.clock() + 1, self.replica),
            ops: Vec::new(),
            made: BTreeMap::new(),
        };
        let made = edit(&mut open)?;
        let ops = open.ops;
        if !ops.is_empty() {
            let change = self.next_change(ops)?;
            self.history.remember(&self.document, step, &change);
            self.push(change);
        }
        Ok(made)
    }

    fn next_change(&self, ops: Vec<Op>) -> Result<Change, EditError> {
        let change = Change {
            replica: self.replica,
            seq: self.document.next_seq(self.replica),
            lamport: self.document.clock() + 1,
            ops,
        };
        // What the server would refuse for its size is refused here, where the step can still be made smaller.
        if change.ops.len() > MAX_OPS || change.to_bytes().len() > MAX_UPDATE {
            return Err(EditError::TooLarge);
        }
        Ok(change)
    }

    fn push(&mut self, change: Change) {
        self.document.apply(&change);
        self.outbox.push_back(change);
    }

    pub fn can_undo(&self) -> bool {
        self.history.can_undo()
    }

    pub fn can_redo(&self) -> bool {
        self.history.can_redo()
    }

    /// Takes the last step back. False where there is none. A step others have written over entirely changes nothing.
    pub fn undo(&mut self) -> bool {
        let ops = self.history.undo(&self.document, self.replica);
        self.write_back(ops)
    }

    /// Does the step last taken back again.
    pub fn redo(&mut self) -> bool {
        let ops = self.history.redo(&self.document, self.replica);
        self.write_back(ops)
    }

    fn write_back(&mut self, ops: Option<Vec<Op>>) -> bool {
        let found = ops.is_some();
        for ops in pack(ops.unwrap_or_default()) {
            let change = Change {
                replica: self.replica,
                seq: self.document.next_seq(self.replica),
                lamport: self.document.clock() + 1,
                ops,
            };
            self.push(change);
        }
        found
    }

    /// Takes a change of another replica, as the server sent it.
    pub fn receive(&mut self, change: &Change) -> Applied {
        self.document.apply(change)
    }

    /// Takes a snapshot, as a resync brings it; own changes that the server has not are kept. Returns touched objects.
    pub fn receive_snapshot(&mut self, bytes: &[u8]) -> Result<Vec<ObjectId>, WireError> {
        let other = Document::from_snapshot(bytes)?;
        Ok(self.document.merge(&other))
    }

    /// The next changes to send, up to the size of an update; empty when all were sent.
    pub fn take_update(&mut self) -> Vec<Change> {
        let (mut size, mut ops) = (0, 0);
        let mut batch = Vec::new();
        for change in self.outbox.iter().skip(self.sent) {
            size += change.to_bytes().len();
            ops += change.ops.len();
            if size > MAX_UPDATE || ops > MAX_OPS {
                break;
            }
            batch.push(change.clone());
        }
        self.sent += batch.len();
        batch
    }

    /// The server has this replica's changes below `next`.
    pub fn acknowledge(&mut self, next: u64) {
        while self.outbox.front().is_some_and(|change| change.seq < next) {
            self.outbox.pop_front();
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// After a cut: what was sent and not acknowledged is sent again.
    pub fn resend(&mut self) {
        self.sent = 0;
    }

    /// Changes the server has not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.outbox.len()
    }
}

/// Writes of changes as large as may be sent.
fn pack(ops: Vec<Op>) -> Vec<Vec<Op>> {
    let mut packs: Vec<Vec<Op>> = Vec::new();
    let mut size = usize::MAX;
    for op in ops {
        let weight = match &op {
            Op::Set { value, .. } => value.weight() + 48,
            _ => 48,
        };
        let full = packs.last().is_none_or(|pack| pack.len() >= MAX_OPS);
        if full || size.saturating_add(weight) > MAX_UPDATE {
            packs.push(Vec::new());
            size = 0;
        }
        size += weight;
        packs
            .last_mut()
            .into_iter()
            .for_each(|pack| pack.push(op.clone()));
    }
    packs
}
