//! Undo and redo of one person's own steps. A step knows what each of its writes replaced; taken back, that is written
//! again wherever the step's own write still holds. A field somebody wrote since is left as they wrote it.

use crate::change::{Change, Op};
use crate::document::Document;
use crate::edit::Step;
use crate::field::Field;
use crate::id::{ObjectId, Replica, Stamp};
use crate::value::Value;
use std::collections::{BTreeMap, VecDeque};

/// Steps that can be undone.
pub const MAX_UNDO: usize = 200;

/// A write that can be taken back.
#[derive(Clone, Debug)]
struct Write {
    object: ObjectId,
    field: Field,
    /// What was there, and by which write.
    before: Value,
    prior: Stamp,
    /// The write itself.
    stamp: Stamp,
}

/// The steps taken, and those taken back.
#[derive(Debug, Default)]
pub(crate) struct History {
    undo: VecDeque<Vec<Write>>,
    redo: Vec<Vec<Write>>,
}

impl History {
    /// Notes a change about to be made to `document`.
    pub fn remember(&mut self, document: &Document, step: Step, change: &Change) {
        let writes = writes(document, change);
        let joins = step == Step::Continue && self.redo.is_empty();
        self.redo.clear();
        match self.undo.back_mut().filter(|_| joins) {
            Some(last) => join(last, writes),
            None => self.undo.push_back(writes),
        }
        if self.undo.len() > MAX_UNDO {
            self.undo.pop_front();
        }
    }

    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// The writes that take the last step back; `None` where there is no step. They must be made at once.
    pub fn undo(&mut self, document: &Document, replica: Replica) -> Option<Vec<Op>> {
        let step = self.undo.pop_back()?;
        let (ops, back) = self.revert(document, replica, step);
        self.redo.push(back);
        Some(ops)
    }

    /// The writes that do the step last taken back again.
    pub fn redo(&mut self, document: &Document, replica: Replica) -> Option<Vec<Op>> {
        let step = self.redo.pop()?;
        let (ops, back) = self.revert(document, replica, step);
        self.undo.push_back(back);
        Some(ops)
    }

    /// Writes of what was there before, wherever the step's write still holds, and how to take those back.
    fn revert(
        &mut self,
        document: &Document,
        replica: Replica,
        step: Vec<Write>,
    ) -> (Vec<Op>, Vec<Write>) {
        let (mut ops, mut back) = (Vec::new(), Vec::new());
        let mut renewed = BTreeMap::new();
        for write in step {
            let Some(object) = document.object(write.object) else {
                continue;
            };
            let holds = object.stamp(write.field) == write.stamp;
            let Some(now) = object.get(write.field).filter(|_| holds) else {
                continue;
            };
            let stamp = Stamp::new(document.clock() + 1 + ops.len() as u64, replica);
            renewed.insert((write.object, write.field, write.prior), stamp);
            ops.push(Op::Set {
                object: write.object,
                field: write.field,
                value: write.before,
            });
            back.push(Write {
                before: now,
                prior: write.stamp,
                stamp,
                object: write.object,
                field: write.field,
            });
        }
        // Steps that waited for a value to come back see it come back under a new stamp.
        for write in self.undo.iter_mut().chain(&mut self.redo).flatten() {
            if let Some(stamp) = renewed.get(&(write.object, write.field, write.stamp)) {
                write.stamp = *stamp;
            }
        }
        (ops, back)
    }
}

/// How to take a change back that is about to be made.
fn writes(document: &Document, change: &Change) -> Vec<Write> {
    let mut writes: Vec<Write> = Vec::new();
    let mut at: BTreeMap<(ObjectId, Field), usize> = BTreeMap::new();
    for (i, op) in change.ops.iter().enumerate() {
        let stamp = change.stamp(i);
        let write = match op {
            Op::Create { .. } => Some(Write {
                object: ObjectId(stamp),
                field: Field::Alive,
                before: Value::Flag(false),
                prior: stamp,
                stamp,
            }),
            Op::Set { object, field, .. } => match at.get(&(*object, *field)) {
                Some(known) => {
                    writes[*known].stamp = stamp;
                    None
                }
                None => set(document, *object, *field, stamp),
            },
            Op::Bury { .. } => None,
        };
        if let Some(write) = write {
            at.insert((write.object, write.field), writes.len());
            writes.push(write);
        }
    }
    writes
}

/// `None` where the object is made in the same change: its fields go when it goes.
fn set(document: &Document, id: ObjectId, field: Field, stamp: Stamp) -> Option<Write> {
    let object = document.object(id)?;
    Some(Write {
        object: id,
        field,
        before: object.get(field)?,
        prior: object.stamp(field),
        stamp,
    })
}

/// Adds a later edit to a step: of a field written twice, the first value comes back.
fn join(step: &mut Vec<Write>, later: Vec<Write>) {
    let mut at: BTreeMap<(ObjectId, Field), usize> = BTreeMap::new();
    for (i, write) in step.iter().enumerate() {
        at.insert((write.object, write.field), i);
    }
    for write in later {
        match at.get(&(write.object, write.field)) {
            Some(i) if step[*i].stamp == write.prior => step[*i].stamp = write.stamp,
            // Somebody wrote in between: both own writes must be told apart.
            _ => step.push(write),
        }
    }
}
