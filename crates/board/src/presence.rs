//! What is shown and not kept: cursors, laser pointers, strokes while they are drawn, what is selected or typed in, and
//! the view that others follow. The newest of a sort replaces the one before; a lost one costs nothing.

use crate::id::{ObjectId, Replica};
use crate::ink::{Ink, Point};
use crate::limits::{MAX_COORDINATE, MAX_PRESENCE, MAX_SELECTION};
use crate::rights::Level;
use crate::wire::{Reader, WireError, Writer};

/// Something a person shows. Coordinates are sixteenths of a unit of the page.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// Nothing any more: the board was left, the pointer lifted.
    Gone,
    Cursor {
        page: ObjectId,
        x: i32,
        y: i32,
    },
    /// The way of the laser pointer since the last message.
    Laser {
        page: ObjectId,
        ink: Ink,
    },
    /// Points of a stroke in the making, from the one numbered `first` on. The finished stroke comes as a change made with
    /// the same `key` as its [`Presence::Drawn`].
    Drawing {
        key: u32,
        page: ObjectId,
        tool: u8,
        color: u32,
        width: u16,
        first: u32,
        ink: Ink,
    },
    /// The stroke in the making became this object, or was given up; one of [`FADING`] ink is complete and fades now.
    Drawn {
        key: u32,
        object: Option<ObjectId>,
    },
    Selection {
        objects: Vec<ObjectId>,
    },
    /// Types a text in this object.
    Typing {
        object: ObjectId,
    },
    /// What the person looks at: the middle, and the zoom in thousandths.
    View {
        page: ObjectId,
        x: i32,
        y: i32,
        zoom: u32,
    },
}

/// The tool of ink in the making that becomes no object, but fades.
pub const FADING: u8 = 4;

/// A presence message and whose it is. Only the server makes these from foreign bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub replica: Replica,
    pub presence: Presence,
}

impl Presence {
    /// Whether somebody of this level may show it: who may not draw has a cursor and a view.
    pub fn is_allowed(&self, level: Level) -> bool {
        match self {
            Presence::Gone | Presence::Cursor { .. } | Presence::View { .. } => true,
            _ => level >= Level::Own,
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.write(&mut w);
        w.into_bytes()
    }

    /// Reads exactly one message of at most [`MAX_PRESENCE`] bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Presence, WireError> {
        if bytes.len() > MAX_PRESENCE {
            return Err(WireError::OutOfRange);
        }
        let mut r = Reader::new(bytes);
        let presence = Presence::read(&mut r)?;
        r.end()?;
        Ok(presence)
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Presence::Gone => w.byte(0),
            Presence::Cursor { page, x, y } => {
                w.byte(1);
                w.object(*page, NEAR);
                write_point(w, *x, *y);
            }
            Presence::Laser { page, ink } => {
                w.byte(2);
                w.object(*page, NEAR);
                w.bytes(ink.bytes());
            }
            Presence::Drawing {
                key,
                page,
                tool,
                color,
                width,
                first,
                ink,
            } => {
                w.byte(3);
                w.number((*key).into());
                w.object(*page, NEAR);
                w.byte(*tool);
                w.number((*color).into());
                w.number((*width).into());
                w.number((*first).into());
                w.bytes(ink.bytes());
            }
            Presence::Drawn { key, object } => {
                w.byte(4);
                w.number((*key).into());
                w.byte(object.is_some().into());
                object.iter().for_each(|id| w.object(*id, NEAR));
            }
            Presence::Selection { objects } => {
                w.byte(5);
                w.number(objects.len() as u64);
                objects.iter().for_each(|id| w.object(*id, NEAR));
            }
            Presence::Typing { object } => {
                w.byte(6);
                w.object(*object, NEAR);
            }
            Presence::View { page, x, y, zoom } => {
                w.byte(7);
                w.object(*page, NEAR);
                write_point(w, *x, *y);
                w.number((*zoom).into());
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Presence, WireError> {
        Ok(match r.byte()? {
            0 => Presence::Gone,
            1 => Presence::Cursor {
                page: r.object(NEAR)?,
                x: coordinate(r)?,
                y: coordinate(r)?,
            },
            2 => Presence::Laser {
                page: r.object(NEAR)?,
                ink: Ink::read(r)?,
            },
            3 => Presence::Drawing {
                key: word(r)?,
                page: r.object(NEAR)?,
                tool: r.below(FADING.into())? as u8,
                color: word(r)?,
                width: r.below(16 * 1024)? as u16,
                first: r.below(crate::limits::MAX_POINTS as u64)? as u32,
                ink: Ink::read(r)?,
            },
            4 => Presence::Drawn {
                key: word(r)?,
                object: match r.byte()? {
                    0 => None,
                    1 => Some(r.object(NEAR)?),
                    _ => return Err(WireError::OutOfRange),
                },
            },
            5 => {
                let count = r.below(MAX_SELECTION as u64)?;
                let objects: Result<_, _> = (0..count).map(|_| r.object(NEAR)).collect();
                Presence::Selection { objects: objects? }
            }
            6 => Presence::Typing {
                object: r.object(NEAR)?,
            },
            7 => Presence::View {
                page: r.object(NEAR)?,
                x: coordinate(r)?,
                y: coordinate(r)?,
                zoom: r.below(1_000_000)? as u32,
            },
            _ => return Err(WireError::Unknown),
        })
    }
}

impl Shown {
    /// What the server sends on: the sender, then the message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.replica(self.replica);
        self.presence.write(&mut w);
        w.into_bytes()
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Shown, WireError> {
        if bytes.len() > MAX_PRESENCE + 16 {
            return Err(WireError::OutOfRange);
        }
        let mut r = Reader::new(bytes);
        let replica = r.replica()?;
        let presence = Presence::read(&mut r)?;
        r.end()?;
        Ok(Shown { replica, presence })
    }
}

/// Presence has no writer of its own in its bytes, so references to objects are near the server's number, in full.
const NEAR: Replica = Replica::new(0, 0);

fn write_point(w: &mut Writer, x: i32, y: i32) {
    w.signed(x.into());
    w.signed(y.into());
}

fn coordinate(r: &mut Reader<'_>) -> Result<i32, WireError> {
    Ok(r.within(MAX_COORDINATE)? as i32)
}

fn word(r: &mut Reader<'_>) -> Result<u32, WireError> {
    Ok(r.below(u32::MAX.into())? as u32)
}

/// A stroke in the making on the receiving side: points by their number, so a lost message leaves a gap of straight line
/// and not a wrong stroke.
pub fn extend(points: &mut Vec<Point>, first: u32, ink: &Ink) {
    points.truncate(first as usize);
    points.extend(ink.points());
}
