//! What a field holds. The field tells the type, so values travel without a tag; ranges are checked on reading, so a
//! value that exists is a good one.

use crate::field::Field;
use crate::id::{MAX_LAMPORT, ObjectId, Replica};
use crate::ink::Ink;
use crate::limits::{MAX_COORDINATE, MAX_NAME, MAX_SPANS, MAX_TEXT};
use crate::order::Order;
use crate::wire::{Reader, WireError, Writer};
use std::sync::Arc;

/// A box in sixteenths of a unit; one unit is a CSS pixel at 100 %. Turned about its middle, in hundredths of a degree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
    /// Clockwise, 0 to 35 999.
    pub turn: u16,
}

/// An end of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A point of the page, sixteenths of a unit.
    Free { x: i32, y: i32 },
    /// A point of an object's box: 0 left or top, 65 535 right or bottom. `at` is where the end lies when the object is
    /// gone, sixteenths of a unit.
    Bound {
        object: ObjectId,
        across: u16,
        down: u16,
        at: (i32, i32),
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextStyle {
    /// Sixteenths of a unit; 0 is the default size.
    pub size: u16,
    /// 0 left, 1 middle, 2 right.
    pub align: u8,
    /// Bit 0 bold, 1 italic, 2 underlined, 3 struck through, 4 fixed width.
    pub flags: u8,
}

/// A picture or a page of a PDF that is stored elsewhere, by the SHA-256 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    pub sha256: [u8; 32],
    /// 0 PNG, 1 JPEG, 2 WebP, 3 PDF, 4 SVG.
    pub media: u8,
    /// Size of the file, bytes.
    pub bytes: u32,
    /// Natural size, pixels (PDF: points).
    pub width: u32,
    pub height: u32,
    /// Page of a PDF, from 0.
    pub page: u16,
}

/// Parts of a stroke's length from..to, in 1/256 of the way from one point to the next; sorted, apart from each other.
pub type Spans = Arc<[(u32, u32)]>;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Flag(bool),
    Object(ObjectId),
    MaybeObject(Option<ObjectId>),
    Order(Order),
    Place(Place),
    Number(u32),
    Text(Arc<str>),
    TextStyle(TextStyle),
    /// Boxed as pictures are: few have them, and what all have is small.
    End(Box<End>),
    Asset(Option<Box<Asset>>),
    Spans(Spans),
    Ink(Ink),
    Lamport(u64),
}

/// Greatest value of the fields that hold a [`Value::Number`].
fn most(field: Field) -> u64 {
    match field {
        Field::Color | Field::Fill => u32::MAX.into(),
        Field::Width => 16 * 1024,
        Field::Dash => 2,
        Field::Shape => 9,
        Field::Line => 11,
        Field::Template => 7,
        _ => 3,
    }
}

impl Value {
    /// What the field holds where it was never written. `None` for fields an object must be made with.
    pub fn default_of(field: Field) -> Option<Value> {
        Some(match field {
            Field::Alive => Value::Flag(true),
            Field::Locked => Value::Flag(false),
            Field::Color => Value::Number(0xff),
            Field::Width => Value::Number(32),
            Field::Fill | Field::Dash | Field::Line | Field::Template | Field::Tool => {
                Value::Number(0)
            }
            Field::Text | Field::Name => Value::Text("".into()),
            Field::TextStyle => Value::TextStyle(TextStyle::default()),
            Field::Group => Value::MaybeObject(None),
            Field::Asset => Value::Asset(None),
            Field::Cleared => Value::Lamport(0),
            _ => return None,
        })
    }

    /// About what the value costs in memory and on disk, bytes.
    pub(crate) fn weight(&self) -> usize {
        8 + match self {
            Value::Text(text) => text.len(),
            Value::Ink(ink) => ink.bytes().len(),
            Value::Spans(spans) => spans.len() * 4,
            Value::Asset(Some(_)) => 48,
            _ => 0,
        }
    }

    /// Whether the value is of the field's type and in its range: one made here, not read, may be neither.
    pub fn fits(&self, field: Field) -> bool {
        let near = Replica::new(0, 0);
        let mut w = Writer::new();
        self.write(&mut w, near);
        let bytes = w.into_bytes();
        let mut r = Reader::new(&bytes);
        Value::read(&mut r, field, near).is_ok_and(|v| v == *self) && r.is_empty()
    }

    pub(crate) fn write(&self, w: &mut Writer, near: Replica) {
        match self {
            Value::Flag(flag) => w.byte((*flag).into()),
            Value::Object(id) => w.object(*id, near),
            Value::MaybeObject(id) => {
                w.byte(id.is_some().into());
                id.iter().for_each(|id| w.object(*id, near));
            }
            Value::Order(order) => order.write(w),
            Value::Place(place) => write_place(w, *place),
            Value::Number(n) => w.number((*n).into()),
            Value::Text(text) => w.bytes(text.as_bytes()),
            Value::TextStyle(style) => {
                w.number(style.size.into());
                w.byte(style.align);
                w.byte(style.flags);
            }
            Value::End(end) => write_end(w, **end, near),
            Value::Asset(asset) => {
                w.byte(asset.is_some().into());
                asset.iter().for_each(|asset| write_asset(w, asset));
            }
            Value::Spans(spans) => write_spans(w, spans),
            Value::Ink(ink) => w.bytes(ink.bytes()),
            Value::Lamport(time) => w.number(*time),
        }
    }

    pub(crate) fn read(
        r: &mut Reader<'_>,
        field: Field,
        near: Replica,
    ) -> Result<Value, WireError> {
        Ok(match field {
            Field::Alive | Field::Locked => Value::Flag(flag(r)?),
            Field::Parent => Value::Object(r.object(near)?),
            Field::Group => Value::MaybeObject(if flag(r)? {
                Some(r.object(near)?)
            } else {
                None
            }),
            Field::Order => Value::Order(Order::read(r)?),
            Field::Place => Value::Place(read_place(r)?),
            Field::Text => Value::Text(r.text(MAX_TEXT)?.into()),
            Field::Name => Value::Text(r.text(MAX_NAME)?.into()),
            Field::TextStyle => Value::TextStyle(TextStyle {
                size: r.below(16 * 1024)? as u16,
                align: small(r, 2)?,
                flags: small(r, 31)?,
            }),
            Field::From | Field::To => Value::End(Box::new(read_end(r, near)?)),
            Field::Asset => Value::Asset(match flag(r)? {
                true => Some(Box::new(read_asset(r)?)),
                false => None,
            }),
            Field::Spans => Value::Spans(read_spans(r)?),
            Field::Ink => Value::Ink(Ink::read(r)?),
            Field::Cleared => Value::Lamport(r.below(MAX_LAMPORT)?),
            field => Value::Number(r.below(most(field))? as u32),
        })
    }
}

fn flag(r: &mut Reader<'_>) -> Result<bool, WireError> {
    Ok(small(r, 1)? == 1)
}

fn small(r: &mut Reader<'_>, most: u8) -> Result<u8, WireError> {
    let byte = r.byte()?;
    if byte <= most {
        Ok(byte)
    } else {
        Err(WireError::OutOfRange)
    }
}

fn coordinate(r: &mut Reader<'_>) -> Result<i32, WireError> {
    Ok(r.within(MAX_COORDINATE)? as i32)
}

fn write_place(w: &mut Writer, place: Place) {
    for value in [place.x, place.y, place.width, place.height] {
        w.signed(value.into());
    }
    w.number(place.turn.into());
}

fn read_place(r: &mut Reader<'_>) -> Result<Place, WireError> {
    let (x, y) = (coordinate(r)?, coordinate(r)?);
    let (width, height) = (coordinate(r)?, coordinate(r)?);
    if width < 0 || height < 0 {
        return Err(WireError::OutOfRange);
    }
    let turn = r.below(35_999)? as u16;
    Ok(Place {
        x,
        y,
        width,
        height,
        turn,
    })
}

fn write_end(w: &mut Writer, end: End, near: Replica) {
    match end {
        End::Free { x, y } => {
            w.byte(0);
            w.signed(x.into());
            w.signed(y.into());
        }
        End::Bound {
            object,
            across,
            down,
            at,
        } => {
            w.byte(1);
            w.object(object, near);
            w.number(across.into());
            w.number(down.into());
            w.signed(at.0.into());
            w.signed(at.1.into());
        }
    }
}

fn read_end(r: &mut Reader<'_>, near: Replica) -> Result<End, WireError> {
    if !flag(r)? {
        let (x, y) = (coordinate(r)?, coordinate(r)?);
        return Ok(End::Free { x, y });
    }
    Ok(End::Bound {
        object: r.object(near)?,
        across: r.below(u16::MAX.into())? as u16,
        down: r.below(u16::MAX.into())? as u16,
        at: (coordinate(r)?, coordinate(r)?),
    })
}

fn write_asset(w: &mut Writer, asset: &Asset) {
    w.raw(&asset.sha256);
    w.byte(asset.media);
    for value in [asset.bytes, asset.width, asset.height, asset.page.into()] {
        w.number(value.into());
    }
}

fn read_asset(r: &mut Reader<'_>) -> Result<Asset, WireError> {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(r.raw(32)?);
    Ok(Asset {
        sha256,
        media: small(r, 4)?,
        bytes: r.below(u32::MAX.into())? as u32,
        width: r.below(1 << 20)? as u32,
        height: r.below(1 << 20)? as u32,
        page: r.below(u16::MAX.into())? as u16,
    })
}

fn write_spans(w: &mut Writer, spans: &[(u32, u32)]) {
    w.number(spans.len() as u64);
    let mut at = 0;
    for (from, to) in spans {
        w.number(from.wrapping_sub(at).into());
        w.number(to.wrapping_sub(*from).into());
        at = *to;
    }
}

fn read_spans(r: &mut Reader<'_>) -> Result<Spans, WireError> {
    let end = crate::limits::MAX_POINTS as u64 * 256;
    let count = r.below(MAX_SPANS as u64)?;
    let (mut spans, mut at) = (Vec::new(), 0);
    for i in 0..count {
        let from = at + r.below(end)?;
        let to = from + r.below(end)?;
        if to > end || to == from || (i > 0 && from == at) {
            return Err(WireError::OutOfRange);
        }
        spans.push((from as u32, to as u32));
        at = to;
    }
    if spans.is_empty() {
        return Err(WireError::OutOfRange);
    }
    Ok(spans.into())
}
