//! An object: its kind and its registers, each with the stamp of the write that holds.

use crate::field::{FIELDS, Field, Kind};
use crate::id::{ObjectId, Stamp};
use crate::value::{Asset, End, Place, Spans, TextStyle, Value};
use crate::{Ink, Order};

/// A field's value and who wrote it when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Register {
    pub stamp: Stamp,
    pub value: Value,
}

/// An object of the board, or the shell of one: writes to it came before the write that makes it.
///
/// What every write asks for stands together, and the registers are found by counting bits: on a large board a write costs what
/// it takes from memory that is not at hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub(crate) id: ObjectId,
    pub(crate) kind: Option<Kind>,
    /// [`Field::Alive`] was written, and is false.
    is_deleted: bool,
    /// Which fields were written: a bit each.
    written: u32,
    /// Of the fields that were, in their order.
    registers: Vec<Register>,
}

impl Object {
    pub(crate) fn shell(id: ObjectId) -> Object {
        Object {
            id,
            kind: None,
            is_deleted: false,
            written: 0,
            registers: Vec::new(),
        }
    }

    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// `None` until the write that makes it has come.
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Where the field's register is, or would be.
    fn find(&self, field: Field) -> Result<usize, usize> {
        let bit = 1 << field as u32;
        let before = (self.written & (bit - 1)).count_ones() as usize;
        match self.written & bit {
            0 => Err(before),
            _ => Ok(before),
        }
    }

    pub(crate) fn register(&self, field: Field) -> Option<&Register> {
        self.find(field).ok().map(|at| &self.registers[at])
    }

    /// What was written, in the order of the fields.
    pub(crate) fn written(&self) -> impl Iterator<Item = (Field, &Register)> {
        let fields = FIELDS
            .into_iter()
            .filter(|f| self.written & (1 << *f as u32) != 0);
        fields.zip(&self.registers)
    }

    /// How many fields were written.
    pub(crate) fn count(&self) -> usize {
        self.registers.len()
    }

    /// [`Value::weight`] of everything written.
    pub(crate) fn weight(&self) -> usize {
        self.registers.iter().map(|r| r.value.weight()).sum()
    }

    /// The stamp of the write that holds; of a field never written, of the one that made the object.
    pub(crate) fn stamp(&self, field: Field) -> Stamp {
        self.register(field).map_or(self.id.0, |r| r.stamp)
    }

    /// Takes the write where it is newer, and says whether it was. The change of weight is added to `weight`.
    pub(crate) fn write(
        &mut self,
        field: Field,
        stamp: Stamp,
        value: Value,
        weight: &mut usize,
    ) -> bool {
        let deletes = value == Value::Flag(false);
        match self.find(field) {
            Ok(at) => {
                let register = &mut self.registers[at];
                if register.stamp >= stamp {
                    return false;
                }
                *weight = *weight + value.weight() - register.value.weight();
                *register = Register { stamp, value };
            }
            Err(at) => {
                *weight += value.weight();
                self.written |= 1 << field as u32;
                self.registers.insert(at, Register { stamp, value });
            }
        }
        if field == Field::Alive {
            self.is_deleted = deletes;
        }
        true
    }

    /// The field's value, or its default. `None` where the kind has no such field.
    pub fn get(&self, field: Field) -> Option<Value> {
        match self.register(field) {
            Some(register) => Some(register.value.clone()),
            None if self.kind?.has(field) => Value::default_of(field),
            None => None,
        }
    }

    /// Made and not deleted. Whether it is seen depends on its page too: [`crate::Document::is_visible`].
    pub fn is_alive(&self) -> bool {
        self.kind.is_some() && !self.is_deleted
    }

    pub fn parent(&self) -> Option<ObjectId> {
        match self.register(Field::Parent)?.value {
            Value::Object(id) => Some(id),
            _ => None,
        }
    }

    pub fn order(&self) -> Option<&Order> {
        match &self.register(Field::Order)?.value {
            Value::Order(order) => Some(order),
            _ => None,
        }
    }

    pub fn place(&self) -> Option<Place> {
        match self.register(Field::Place)?.value {
            Value::Place(place) => Some(place),
            _ => None,
        }
    }

    pub fn ink(&self) -> Option<&Ink> {
        match &self.register(Field::Ink)?.value {
            Value::Ink(ink) => Some(ink),
            _ => None,
        }
    }

    pub fn spans(&self) -> Option<&Spans> {
        match &self.register(Field::Spans)?.value {
            Value::Spans(spans) => Some(spans),
            _ => None,
        }
    }

    pub fn group(&self) -> Option<ObjectId> {
        match self.register(Field::Group)?.value {
            Value::MaybeObject(group) => group,
            _ => None,
        }
    }

    pub fn is_locked(&self) -> bool {
        self.register(Field::Locked)
            .is_some_and(|r| r.value == Value::Flag(true))
    }

    /// A field that holds a number, or its default; 0 where the kind has none.
    pub fn number(&self, field: Field) -> u32 {
        match self.get(field) {
            Some(Value::Number(n)) => n,
            _ => 0,
        }
    }

    /// [`Field::Text`] or [`Field::Name`]; empty where there is none.
    pub fn text(&self, field: Field) -> &str {
        match self.register(field).map(|r| &r.value) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    pub fn text_style(&self) -> TextStyle {
        match self.get(Field::TextStyle) {
            Some(Value::TextStyle(style)) => style,
            _ => TextStyle::default(),
        }
    }

    /// [`Field::From`] or [`Field::To`].
    pub fn end(&self, field: Field) -> Option<End> {
        match &self.register(field)?.value {
            Value::End(end) => Some(**end),
            _ => None,
        }
    }

    pub fn asset(&self) -> Option<Asset> {
        match &self.register(Field::Asset)?.value {
            Value::Asset(asset) => asset.as_deref().copied(),
            _ => None,
        }
    }

    /// Of a page: objects made up to this time were cleared away.
    pub(crate) fn cleared(&self) -> u64 {
        match self.register(Field::Cleared).map(|r| &r.value) {
            Some(Value::Lamport(time)) => *time,
            _ => 0,
        }
    }
}
