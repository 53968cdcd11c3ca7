//! An object: its kind and its registers, each with the stamp of the write that holds.

use crate::field::{Field, Kind};
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
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub(crate) id: ObjectId,
    pub(crate) kind: Option<Kind>,
    /// Sorted by field.
    pub(crate) registers: Vec<(Field, Register)>,
}

impl Object {
    pub(crate) fn shell(id: ObjectId) -> Object {
        Object {
            id,
            kind: None,
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

    pub(crate) fn register(&self, field: Field) -> Option<&Register> {
        let at = self.registers.binary_search_by_key(&field, |(f, _)| *f);
        at.ok().map(|at| &self.registers[at].1)
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
        match self.registers.binary_search_by_key(&field, |(f, _)| *f) {
            Ok(at) => {
                let register = &mut self.registers[at].1;
                if register.stamp >= stamp {
                    return false;
                }
                *weight = *weight + value.weight() - register.value.weight();
                *register = Register { stamp, value };
            }
            Err(at) => {
                *weight += value.weight();
                self.registers
                    .insert(at, (field, Register { stamp, value }));
            }
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
        let alive = self.register(Field::Alive).map(|r| &r.value);
        self.kind.is_some() && alive != Some(&Value::Flag(false))
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
        match self.register(field)?.value {
            Value::End(end) => Some(end),
            _ => None,
        }
    }

    pub fn asset(&self) -> Option<Asset> {
        match self.register(Field::Asset)?.value {
            Value::Asset(asset) => asset,
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
