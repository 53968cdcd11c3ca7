//! The gate: takes a foreign update and its sender's rights, looks at every write in it, and gives the whole update as
//! checked changes or refuses it whole with a stable code. It only reads the document, so a refusal leaves no trace.

use crate::change::{Change, Op, read_update};
use crate::document::Document;
use crate::field::{Field, Kind};
use crate::id::{Author, ObjectId, Replica, Stamp};
use crate::limits::{
    MAX_CUTS, MAX_DOCUMENT, MAX_LEAD, MAX_LIVE, MAX_OBJECTS, MAX_PAGES, MAX_REPLICAS, MAX_UPDATE,
};
use crate::rights::{Forbidden, Rights};
use crate::value::{End, Value};
use crate::wire::WireError;
use confab_base::Code;
use std::collections::BTreeMap;

/// Why an update was refused. [`Refusal::name`] is stable and travels; [`Refusal::code`] is the same in the words of
/// the signaling protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the bytes are no update: {0}")]
    Malformed(#[from] WireError),
    #[error("the update is larger than allowed")]
    TooLarge,
    #[error("a change claims another author")]
    Forged,
    #[error("an earlier change of the replica is missing")]
    Gap,
    #[error("a Lamport time goes backwards or far ahead")]
    BadClock,
    #[error("only to look at")]
    ViewOnly,
    #[error("another's object")]
    NotYours,
    #[error("for hosts only")]
    HostOnly,
    #[error("the object is locked")]
    Locked,
    #[error("for the server only")]
    ServerOnly,
    #[error("no such object")]
    UnknownObject,
    #[error("a field the object does not have, or a reference to the wrong kind")]
    BadField,
    #[error("the board is full")]
    Full,
}

impl Refusal {
    /// Stable, for clients.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Malformed(_) => "board_malformed",
            Refusal::TooLarge => "board_too_large",
            Refusal::Forged => "board_forged",
            Refusal::Gap => "board_gap",
            Refusal::BadClock => "board_bad_clock",
            Refusal::ViewOnly => "board_view_only",
            Refusal::NotYours => "board_not_yours",
            Refusal::HostOnly => "board_host_only",
            Refusal::Locked => "board_locked",
            Refusal::ServerOnly => "board_server_only",
            Refusal::UnknownObject => "board_unknown_object",
            Refusal::BadField => "board_bad_field",
            Refusal::Full => "board_full",
        }
    }

    /// The nearest of the product's codes.
    pub fn code(self) -> Code {
        match self {
            Refusal::Malformed(_) => Code::BadMessage,
            Refusal::TooLarge => Code::TooLarge,
            Refusal::Gap => Code::OutOfOrder,
            Refusal::BadClock | Refusal::BadField => Code::BadValue,
            Refusal::UnknownObject => Code::NotFound,
            Refusal::Full => Code::Overloaded,
            _ => Code::NotAllowed,
        }
    }
}

impl From<Forbidden> for Refusal {
    fn from(why: Forbidden) -> Refusal {
        match why {
            Forbidden::ViewOnly => Refusal::ViewOnly,
            Forbidden::NotYours => Refusal::NotYours,
            Forbidden::HostOnly => Refusal::HostOnly,
            Forbidden::Locked => Refusal::Locked,
        }
    }
}

/// Changes that passed the gate: new ones only, in order. Made here alone.
#[derive(Debug, PartialEq)]
pub struct Admitted {
    changes: Vec<Change>,
}

impl Admitted {
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Takes them all, and returns the objects whose look may have changed.
    pub fn apply(&self, document: &mut Document) -> Vec<ObjectId> {
        let mut touched = Vec::new();
        for change in &self.changes {
            if let crate::document::Applied::Now(ids) = document.apply(change) {
                touched.extend(ids);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched
    }
}

/// Checks an update against the document and the sender's rights. Changes known already are left out, so an update may
/// be sent again after a cut.
pub fn admit(document: &Document, bytes: &[u8], rights: Rights) -> Result<Admitted, Refusal> {
    if bytes.len() > MAX_UPDATE {
        return Err(Refusal::TooLarge);
    }
    let mut check = Check::new(document, rights);
    let mut changes = Vec::new();
    for change in read_update(bytes)? {
        if change.replica.author != rights.author {
            return Err(Refusal::Forged);
        }
        if check.is_new(&change)? {
            check.change(&change)?;
            changes.push(change);
        }
    }
    Ok(Admitted { changes })
}

/// The document as it would be after the changes looked at so far, as far as the checks ask.
struct Check<'a> {
    document: &'a Document,
    rights: Rights,
    next: BTreeMap<Replica, u64>,
    last: BTreeMap<Replica, u64>,
    clock: u64,
    made: BTreeMap<ObjectId, (Kind, Option<ObjectId>)>,
    /// What the update itself wrote to these fields.
    locked: BTreeMap<ObjectId, bool>,
    alive: BTreeMap<ObjectId, bool>,
    cuts: BTreeMap<ObjectId, usize>,
    live: isize,
    pages: isize,
    weight: usize,
}

impl<'a> Check<'a> {
    fn new(document: &'a Document, rights: Rights) -> Check<'a> {
        Check {
            document,
            rights,
            next: BTreeMap::new(),
            last: BTreeMap::new(),
            clock: document.clock(),
            made: BTreeMap::new(),
            locked: BTreeMap::new(),
            alive: BTreeMap::new(),
            cuts: BTreeMap::new(),
            live: 0,
            pages: 0,
            weight: 0,
        }
    }

    /// Whether the change is the replica's next; known ones are not.
    fn is_new(&mut self, change: &Change) -> Result<bool, Refusal> {
        let known = self.document.next_seq(change.replica);
        let next = self.next.entry(change.replica).or_insert(known);
        if change.seq < *next {
            return Ok(false);
        }
        if change.seq > *next {
            return Err(Refusal::Gap);
        }
        *next += 1;
        let replicas = self.document.vector().len();
        if known == 0 && replicas >= MAX_REPLICAS {
            return Err(Refusal::Full);
        }
        Ok(true)
    }

    fn change(&mut self, change: &Change) -> Result<(), Refusal> {
        // A replica's clock never goes back: else it could make an id twice.
        let known = self.document.last_of(change.replica);
        let last = self.last.entry(change.replica).or_insert(known);
        if change.lamport <= *last || change.next_lamport() > self.clock + MAX_LEAD {
            return Err(Refusal::BadClock);
        }
        *last = change.next_lamport() - 1;
        for (i, op) in change.ops.iter().enumerate() {
            self.op(op, change.stamp(i))?;
        }
        self.clock = self.clock.max(change.next_lamport() - 1);
        self.room()
    }

    fn op(&mut self, op: &Op, stamp: Stamp) -> Result<(), Refusal> {
        match op {
            Op::Create { kind, fields } => self.create(*kind, fields, ObjectId(stamp)),
            Op::Set {
                object,
                field,
                value,
            } => self.set(*object, *field, value, stamp),
            Op::Bury { objects } if self.rights.author == Author::SERVER => {
                objects.iter().try_for_each(|id| self.kind(*id).map(drop))
            }
            Op::Bury { .. } => Err(Refusal::ServerOnly),
        }
    }

    fn create(
        &mut self,
        kind: Kind,
        fields: &[(Field, Value)],
        id: ObjectId,
    ) -> Result<(), Refusal> {
        self.rights.may_create(kind)?;
        let mut parent = None;
        for (field, value) in fields {
            self.reference(kind, *field, value, id)?;
            if let (Field::Parent, Value::Object(id)) = (field, value) {
                parent = Some(*id);
            }
            self.weight += value.weight();
        }
        if let (Kind::Cut, Some(stroke)) = (kind, parent) {
            // To wipe off a part is to change the stroke.
            self.may_change(stroke, Kind::Stroke, Field::Alive)?;
            let known = self.document.cuts(stroke).len();
            let cuts = self.cuts.entry(stroke).or_insert(known);
            *cuts += 1;
            if *cuts > MAX_CUTS {
                return Err(Refusal::Full);
            }
        }
        self.made.insert(id, (kind, parent));
        self.count(kind, 1);
        Ok(())
    }

    fn set(
        &mut self,
        id: ObjectId,
        field: Field,
        value: &Value,
        stamp: Stamp,
    ) -> Result<(), Refusal> {
        let (kind, parent) = self.kind(id)?;
        if !kind.has(field) || (kind == Kind::Cut && field == Field::Parent) {
            return Err(Refusal::BadField);
        }
        if stamp <= id.0 {
            return Err(Refusal::BadClock);
        }
        self.may_change(id, kind, field)?;
        if let (Kind::Cut, Some(stroke)) = (kind, parent) {
            self.may_change(stroke, Kind::Stroke, Field::Alive)?;
        }
        self.reference(kind, field, value, id)?;
        self.weight += value.weight();
        if let Value::Flag(flag) = value {
            self.flag(id, kind, field, *flag);
        }
        Ok(())
    }

    /// Notes what the update did to the flags that later checks ask for.
    fn flag(&mut self, id: ObjectId, kind: Kind, field: Field, flag: bool) {
        if field == Field::Locked {
            self.locked.insert(id, flag);
            return;
        }
        let before = self.document.object(id).is_none_or(|o| o.is_alive());
        let was = self.alive.insert(id, flag).unwrap_or(before);
        self.count(kind, isize::from(flag) - isize::from(was));
    }

    fn count(&mut self, kind: Kind, by: isize) {
        self.live += by;
        if kind == Kind::Page {
            self.pages += by;
        }
    }

    /// Kind and, of a cut, stroke of an object that is there or that this update made.
    fn kind(&self, id: ObjectId) -> Result<(Kind, Option<ObjectId>), Refusal> {
        if let Some(made) = self.made.get(&id) {
            return Ok(*made);
        }
        let object = self.document.object(id).ok_or(Refusal::UnknownObject)?;
        let kind = object.kind().ok_or(Refusal::UnknownObject)?;
        let stroke = object.parent().filter(|_| kind == Kind::Cut);
        Ok((kind, stroke))
    }

    fn may_change(&self, id: ObjectId, kind: Kind, field: Field) -> Result<(), Refusal> {
        let known = || self.document.object(id).is_some_and(|o| o.is_locked());
        let locked = self.locked.get(&id).copied().unwrap_or_else(known);
        Ok(self.rights.may_set(id, kind, field, locked)?)
    }

    /// Whether what a value refers to is there and of the right kind.
    fn reference(
        &self,
        kind: Kind,
        field: Field,
        value: &Value,
        own: ObjectId,
    ) -> Result<(), Refusal> {
        let good = match (field, value) {
            (Field::Parent, Value::Object(id)) => {
                let wanted = if kind == Kind::Cut {
                    Kind::Stroke
                } else {
                    Kind::Page
                };
                self.kind(*id)?.0 == wanted
            }
            (Field::Group, Value::MaybeObject(Some(id))) => {
                *id != own && self.kind(*id)?.0 == Kind::Group
            }
            (Field::From | Field::To, Value::End(end)) => match **end {
                End::Bound { object, .. } => {
                    let target = self.kind(object)?.0;
                    object != own && !matches!(target, Kind::Page | Kind::Group | Kind::Cut)
                }
                End::Free { .. } => true,
            },
            (Field::Cleared, Value::Lamport(time)) => *time <= self.clock,
            _ => true,
        };
        if good { Ok(()) } else { Err(Refusal::BadField) }
    }

    fn room(&self) -> Result<(), Refusal> {
        let counts = self.document.counts();
        let live = counts.live as isize + self.live;
        let pages = counts.pages as isize + self.pages;
        // What only deletes is welcome on a full board.
        let grows = self.live > 0 || self.pages > 0 || !self.made.is_empty();
        let full = live > MAX_LIVE as isize
            || pages > MAX_PAGES as isize
            || counts.objects + self.made.len() > MAX_OBJECTS;
        let heavy = counts.weight + self.weight > MAX_DOCUMENT && self.weight > 64 * 1024;
        let heavy = heavy || (grows && counts.weight + self.weight > MAX_DOCUMENT);
        if (grows && full) || heavy {
            Err(Refusal::Full)
        } else {
            Ok(())
        }
    }
}
