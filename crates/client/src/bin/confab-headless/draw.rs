//! `--draw`: the whiteboard opened, strokes drawn on it one after the other, and what becomes of them as events.

use confab_client::board_words::{
    Board, EditError, Field, Ink, Kind, ObjectId, Order, Place, Point, Step, Value,
};
use confab_client::{BoardNews, Drawing};
use serde_json::{Value as Json, json};
use std::time::Instant;

/// Sixteenths of a unit.
const UNIT: i32 = 16;
/// Strokes in a row, and how far apart.
const ROW: u32 = 10;
const APART: i32 = 120 * UNIT;

/// The board, and what is still to be drawn.
pub struct Drawer {
    pub board: Drawing,
    /// When the next stroke is due; `None`: all are drawn.
    pub next: Option<Instant>,
    drawn: u32,
    most: u32,
}

impl Drawer {
    pub fn new(board: Drawing, most: u32) -> Drawer {
        Drawer {
            board,
            next: None,
            drawn: 0,
            most,
        }
    }

    /// News as an event's line; the first opening lets the drawing begin.
    pub fn note(&mut self, news: &BoardNews) -> Json {
        if matches!(news, BoardNews::Opened { .. }) && self.drawn < self.most {
            self.next.get_or_insert_with(Instant::now);
        }
        match news {
            BoardNews::Opened { board, level } => {
                json!({ "type": "board", "what": "opened", "board": board, "level": level.name() })
            }
            BoardNews::Rights(level) => {
                json!({ "type": "board", "what": "rights", "level": level.name() })
            }
            BoardNews::Changed {
                objects,
                unsaved,
                hash,
            } => {
                let hash: String = hash.iter().map(|b| format!("{b:02x}")).collect();
                json!({ "type": "board", "what": "changed", "objects": objects, "unsaved": unsaved, "hash": hash })
            }
            BoardNews::Refused(name) => json!({ "type": "board", "what": "refused", "code": name }),
            BoardNews::Closed(code) => json!({ "type": "board", "what": "closed", "code": code }),
        }
    }

    /// Draws one.
    pub fn draw(&mut self, every: std::time::Duration) {
        let number = self.drawn;
        self.drawn += 1;
        self.next = (self.drawn < self.most).then(|| Instant::now() + every);
        self.board.write(move |board| {
            if let Err(error) = stroke(board, number) {
                tracing::error!("cannot draw: {error}");
            }
        });
    }
}

/// A wave of 40 points, the `number`th in rows of ten, on the first page; a board without one gets it.
fn stroke(board: &mut Board, number: u32) -> Result<ObjectId, EditError> {
    let page = board.document().pages().first().copied();
    let above = board.document().counts().objects as i64;
    let points: Vec<Point> = (0..40)
        .map(|i| Point {
            x: i * 2 * UNIT,
            y: ((f64::from(i) / 4.0).sin() * 20.0 * f64::from(UNIT)) as i32 + 20 * UNIT,
            pressure: 128,
        })
        .collect();
    let ink = Ink::new(&points).map_err(|_| EditError::BadField)?;
    let place = Place {
        x: (number % ROW) as i32 * APART,
        y: (number / ROW) as i32 * APART,
        width: 78 * UNIT,
        height: 40 * UNIT,
        turn: 0,
    };
    board.edit(Step::New, |edit| {
        let page = match page {
            Some(page) => page,
            None => edit.create(
                Kind::Page,
                vec![(Field::Order, Value::Order(Order::whole(0)))],
            )?,
        };
        edit.create(
            Kind::Stroke,
            vec![
                (Field::Parent, Value::Object(page)),
                (Field::Order, Value::Order(Order::whole(above))),
                (Field::Place, Value::Place(place)),
                (Field::Color, Value::Number(0x1b1f_24ff)),
                (Field::Width, Value::Number(48)),
                (Field::Ink, Value::Ink(ink)),
            ],
        )
    })
}
