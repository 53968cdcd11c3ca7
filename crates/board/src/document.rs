//! The document: a map of objects whose fields are last-writer-wins registers. Changes may come in any order, twice or
//! late; every replica that has seen the same changes holds the same bytes (a state-based CRDT; Shapiro et al. 2011).
//!
//! Nothing is checked here but order: foreign changes go through [`crate::Gate`] at the server, and clients take what
//! the server sends.

use crate::change::{Change, Op};
use crate::field::{Field, Kind};
use crate::id::{ObjectId, Replica, Stamp};
use crate::limits::MAX_PENDING;
use crate::object::Object;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// How many objects there are of which sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not deleted, pages and cuts included.
    pub live: usize,
    /// Pages that are not deleted.
    pub pages: usize,
    /// Deleted ones and shells included, buried ones not.
    pub objects: usize,
    /// Registers' content, bytes, about.
    pub weight: usize,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Taken, with those that had waited for it: the objects whose look may have changed, sorted.
    Now(Vec<ObjectId>),
    /// Was known.
    Known,
    /// Waits for an earlier one of its replica.
    Waiting,
    /// Dropped: too many wait already. A sync brings it again.
    Dropped,
}

/// How many changes of each replica are known: what a sync asks by.
pub type Vector = BTreeMap<Replica, u64>;

/// Mixes the numbers of an id (a multiplication and a fold each); the same everywhere. Ids chosen to collide cost their
/// sender's board some microseconds a write at [`crate::limits::MAX_OBJECTS`], no more: probing goes by groups.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u64((*b).into()));
    }

    fn write_u64(&mut self, n: u64) {
        let wide = u128::from(self.0.rotate_left(23) ^ n) * 0x9e37_79b9_7f4a_7c15;
        self.0 = wide as u64 ^ (wide >> 64) as u64;
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.write_u64(n.into());
    }
}

#[derive(Clone, Debug, Default)]
pub struct Document {
    /// By hash and not sorted: what a write costs must not grow with the board.
    pub(crate) objects: HashMap<ObjectId, Object, BuildHasherDefault<Mix>>,
    pub(crate) buried: BTreeSet<ObjectId>,
    pub(crate) vector: Vector,
    /// Lamport time of each replica's last write.
    pub(crate) last: BTreeMap<Replica, u64>,
    /// Highest Lamport time seen.
    pub(crate) clock: u64,
    counts: Counts,
    /// Cuts by stroke, deleted ones included.
    cuts: BTreeMap<ObjectId, Vec<ObjectId>>,
    pending: BTreeMap<(Replica, u64), Change>,
}

impl Document {
    pub fn new() -> Document {
        Document::default()
    }

    /// Takes a change. Idempotent, and free of order but for each replica's own, which is restored here.
    pub fn apply(&mut self, change: &Change) -> Applied {
        let next = self.next_seq(change.replica);
        if change.seq < next {
            return Applied::Known;
        }
        if change.seq > next {
            if self.pending.len() >= MAX_PENDING {
                return Applied::Dropped;
            }
            let key = (change.replica, change.seq);
            self.pending.entry(key).or_insert_with(|| change.clone());
            return Applied::Waiting;
        }
        let mut touched = Vec::new();
        self.take(change, &mut touched);
        self.settle(change.replica, &mut touched);
        touched.sort_unstable();
        touched.dedup();
        Applied::Now(touched)
    }

    /// Takes what waited for the replica's changes up to now.
    fn settle(&mut self, replica: Replica, touched: &mut Vec<ObjectId>) {
        while let Some(change) = self.pending.remove(&(replica, self.next_seq(replica))) {
            self.take(&change, touched);
        }
    }

    pub(crate) fn settle_all(&mut self, touched: &mut Vec<ObjectId>) {
        let vector = &self.vector;
        self.pending
            .retain(|(replica, seq), _| vector.get(replica).is_none_or(|next| seq >= next));
        let waiting: BTreeSet<Replica> = self.pending.keys().map(|(replica, _)| *replica).collect();
        for replica in waiting {
            self.settle(replica, touched);
        }
    }

    fn take(&mut self, change: &Change, touched: &mut Vec<ObjectId>) {
        self.vector.insert(change.replica, change.seq + 1);
        self.last.insert(change.replica, change.next_lamport() - 1);
        self.clock = self.clock.max(change.next_lamport() - 1);
        for (i, op) in change.ops.iter().enumerate() {
            let stamp = change.stamp(i);
            match op {
                Op::Create { kind, fields } => self.create(stamp, *kind, fields, touched),
                Op::Set {
                    object,
                    field,
                    value,
                } => self.set(*object, *field, stamp, value, touched),
                Op::Bury { objects } => objects.iter().for_each(|id| self.bury(*id, touched)),
            }
        }
    }

    fn create(
        &mut self,
        stamp: Stamp,
        kind: Kind,
        fields: &[(Field, Value)],
        touched: &mut Vec<ObjectId>,
    ) {
        let id = ObjectId(stamp);
        if self.buried.contains(&id) {
            return;
        }
        self.change_object(id, touched, |object, weight| {
            object.kind = Some(kind);
            for (field, value) in fields {
                object.write(*field, stamp, value.clone(), weight);
            }
        });
    }

    fn set(
        &mut self,
        id: ObjectId,
        field: Field,
        stamp: Stamp,
        value: &Value,
        touched: &mut Vec<ObjectId>,
    ) {
        if self.buried.contains(&id) {
            return;
        }
        self.change_object(id, touched, |object, weight| {
            object.write(field, stamp, value.clone(), weight);
        });
    }

    /// Changes one object, made as a shell where there is none, and keeps counts and indexes.
    pub(crate) fn change_object(
        &mut self,
        id: ObjectId,
        touched: &mut Vec<ObjectId>,
        change: impl FnOnce(&mut Object, &mut usize),
    ) {
        let mut added = false;
        let object = self.objects.entry(id).or_insert_with(|| {
            added = true;
            Object::shell(id)
        });
        let (was_alive, was_made) = (object.is_alive(), object.kind.is_some());
        change(object, &mut self.counts.weight);
        let (alive, kind) = (object.is_alive(), object.kind);
        self.counts.objects += usize::from(added);
        if kind == Some(Kind::Cut) {
            let parent = object.parent();
            if let (false, Some(stroke)) = (was_made, parent) {
                self.cuts.entry(stroke).or_default().push(id);
            }
            touched.extend(parent);
        }
        self.count_alive(kind, was_alive, alive);
        touched.push(id);
    }

    fn count_alive(&mut self, kind: Option<Kind>, was: bool, is: bool) {
        let page = usize::from(kind == Some(Kind::Page));
        if is && !was {
            self.counts.live += 1;
            self.counts.pages += page;
        } else if was && !is {
            self.counts.live -= 1;
            self.counts.pages -= page;
        }
    }

    pub(crate) fn bury(&mut self, id: ObjectId, touched: &mut Vec<ObjectId>) {
        if !self.buried.insert(id) {
            return;
        }
        let Some(object) = self.objects.remove(&id) else {
            return;
        };
        self.counts.objects -= 1;
        self.count_alive(object.kind, object.is_alive(), false);
        self.counts.weight -= object.weight();
        if let (Some(Kind::Cut), Some(stroke)) = (object.kind, object.parent()) {
            if let Some(cuts) = self.cuts.get_mut(&stroke) {
                cuts.retain(|cut| *cut != id);
            }
            touched.push(stroke);
        }
        touched.push(id);
    }

    /// The number the replica's next change must have.
    pub fn next_seq(&self, replica: Replica) -> u64 {
        self.vector.get(&replica).copied().unwrap_or(0)
    }

    pub fn vector(&self) -> &Vector {
        &self.vector
    }

    /// Lamport time of the replica's last write, 0 before its first.
    pub fn last_of(&self, replica: Replica) -> u64 {
        self.last.get(&replica).copied().unwrap_or(0)
    }

    /// Highest Lamport time seen; a new write takes the next.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Changes that wait for earlier ones.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// An object, deleted or not; shells are not given out.
    pub fn object(&self, id: ObjectId) -> Option<&Object> {
        self.objects.get(&id).filter(|o| o.kind.is_some())
    }

    pub fn is_buried(&self, id: ObjectId) -> bool {
        self.buried.contains(&id)
    }

    /// All objects and shells by id.
    pub(crate) fn sorted(&self) -> Vec<&Object> {
        let mut all: Vec<&Object> = self.objects.values().collect();
        all.sort_unstable_by_key(|o| o.id);
        all
    }

    /// All objects, deleted ones included, in the order they were made.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.sorted().into_iter().filter(|o| o.kind.is_some())
    }

    /// A stroke's cuts, deleted ones included.
    pub fn cuts(&self, stroke: ObjectId) -> &[ObjectId] {
        self.cuts.get(&stroke).map_or(&[], Vec::as_slice)
    }
}
