//! Kinds of objects and the fields each kind has. The numbers are the wire's and never change meaning.

use crate::wire::WireError;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A page of the board; everything else lies on one.
    Page = 0,
    /// Ink drawn by hand.
    Stroke = 1,
    /// Rectangle, ellipse and so on ([`Field::Shape`]), with a text inside.
    Shape = 2,
    /// A line whose ends may hold on to objects.
    Connector = 3,
    /// A text without a box.
    Text = 4,
    /// A sticky note.
    Note = 5,
    /// A picture or a page of a PDF, by reference.
    Image = 6,
    /// Objects that move together name it in [`Field::Group`].
    Group = 7,
    /// Parts wiped off a stroke, which is its parent. Cuts of one stroke add up, so two erasers never disagree.
    Cut = 8,
}

/// A register of an object. The newest write wins, field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// Whether the object is there; `false` is deleted and can be undone.
    Alive = 0,
    /// The page the object lies on; of a cut, its stroke.
    Parent = 1,
    /// Place among neighbours: z-order of objects, order of pages.
    Order = 2,
    /// The box: position, size, turn.
    Place = 3,
    /// Of lines and letters, 0xRRGGBBAA.
    Color = 4,
    /// Of surfaces and paper, 0xRRGGBBAA; 0 is none.
    Fill = 5,
    /// Of lines, sixteenths of a unit.
    Width = 6,
    /// 0 solid, 1 dashed, 2 dotted.
    Dash = 7,
    Text = 8,
    TextStyle = 9,
    /// 0 rectangle, 1 rounded rectangle, 2 ellipse, 3 diamond, 4 triangle, 5 hexagon, 6 star, 7 line, 8 arrow, 9 cloud.
    Shape = 10,
    /// Where a connector starts and ends.
    From = 11,
    To = 12,
    /// Heads and way of a connector: bit 0 a head at the start, bit 1 at the end, bits 2-3 straight, elbow, curve.
    Line = 13,
    /// The group the object, or group, is in.
    Group = 14,
    /// The picture shown, of a page its background.
    Asset = 15,
    /// A page's name; elsewhere the text read to those who can't see the object.
    Name = 16,
    /// A page's paper: 0 blank, 1 grid, 2 dots, 3 lines, 4 kanban, 5 lecture, 6 music, 7 axes.
    Template = 17,
    /// Only its author and hosts may change a locked object.
    Locked = 18,
    /// Parts of the stroke's length that a cut wiped off.
    Spans = 19,
    /// 0 pen, 1 marker, 2 highlighter, 3 brush.
    Tool = 20,
    /// A stroke's points; never changes.
    Ink = 21,
    /// Of a page: objects made up to this Lamport time were cleared away by a host.
    Cleared = 22,
}

pub const KINDS: [Kind; 9] = [
    Kind::Page,
    Kind::Stroke,
    Kind::Shape,
    Kind::Connector,
    Kind::Text,
    Kind::Note,
    Kind::Image,
    Kind::Group,
    Kind::Cut,
];

pub const FIELDS: [Field; 23] = [
    Field::Alive,
    Field::Parent,
    Field::Order,
    Field::Place,
    Field::Color,
    Field::Fill,
    Field::Width,
    Field::Dash,
    Field::Text,
    Field::TextStyle,
    Field::Shape,
    Field::From,
    Field::To,
    Field::Line,
    Field::Group,
    Field::Asset,
    Field::Name,
    Field::Template,
    Field::Locked,
    Field::Spans,
    Field::Tool,
    Field::Ink,
    Field::Cleared,
];

use Field as F;

impl Kind {
    /// Fields the kind must be made with.
    pub fn required(self) -> &'static [Field] {
        match self {
            Kind::Page => &[F::Order],
            Kind::Stroke => &[F::Parent, F::Order, F::Place, F::Ink],
            Kind::Shape => &[F::Parent, F::Order, F::Place, F::Shape],
            Kind::Connector => &[F::Parent, F::Order, F::From, F::To],
            Kind::Text | Kind::Note => &[F::Parent, F::Order, F::Place],
            Kind::Image => &[F::Parent, F::Order, F::Place, F::Asset],
            Kind::Group => &[F::Parent],
            Kind::Cut => &[F::Parent, F::Spans],
        }
    }

    /// Fields the kind may have besides. All have a default ([`crate::Value::default_of`]).
    pub fn optional(self) -> &'static [Field] {
        match self {
            Kind::Page => &[
                F::Alive,
                F::Fill,
                F::Asset,
                F::Name,
                F::Template,
                F::Cleared,
            ],
            Kind::Stroke => &[
                F::Alive,
                F::Color,
                F::Width,
                F::Group,
                F::Name,
                F::Locked,
                F::Tool,
            ],
            Kind::Shape => &[
                F::Alive,
                F::Color,
                F::Fill,
                F::Width,
                F::Dash,
                F::Text,
                F::TextStyle,
                F::Group,
                F::Name,
                F::Locked,
            ],
            Kind::Connector => &[
                F::Alive,
                F::Color,
                F::Width,
                F::Dash,
                F::Text,
                F::TextStyle,
                F::Line,
                F::Group,
                F::Name,
                F::Locked,
            ],
            Kind::Text => &[
                F::Alive,
                F::Color,
                F::Text,
                F::TextStyle,
                F::Group,
                F::Name,
                F::Locked,
            ],
            Kind::Note => &[
                F::Alive,
                F::Color,
                F::Fill,
                F::Text,
                F::TextStyle,
                F::Group,
                F::Name,
                F::Locked,
            ],
            Kind::Image => &[F::Alive, F::Group, F::Name, F::Locked],
            Kind::Group => &[F::Alive, F::Group, F::Name, F::Locked],
            Kind::Cut => &[F::Alive],
        }
    }

    pub fn has(self, field: Field) -> bool {
        self.required().contains(&field) || self.optional().contains(&field)
    }

    pub(crate) fn of(code: u8) -> Result<Kind, WireError> {
        KINDS
            .get(usize::from(code))
            .copied()
            .ok_or(WireError::Unknown)
    }
}

impl Field {
    /// Fields that are written when the object is made and never again.
    pub fn is_fixed(self) -> bool {
        matches!(self, F::Ink | F::Spans)
    }

    pub(crate) fn of(code: u8) -> Result<Field, WireError> {
        FIELDS
            .get(usize::from(code))
            .copied()
            .ok_or(WireError::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places_in_the_lists() {
        assert!(KINDS.iter().enumerate().all(|(i, k)| *k as usize == i));
        assert!(FIELDS.iter().enumerate().all(|(i, f)| *f as usize == i));
    }

    #[test]
    fn no_field_is_both_required_and_optional() {
        for kind in KINDS {
            assert!(kind.required().iter().all(|f| !kind.optional().contains(f)));
        }
    }
}
