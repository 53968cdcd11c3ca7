//! Our own document on the script of tools/bench/board, through the gate, as the server takes it.
//!
//! `cargo run -p confab-board --example engine [ops]` prints one line of JSON.
#![allow(clippy::print_stdout)]

#[path = "../../../tools/bench/board/src/harness.rs"]
mod harness;
#[path = "../tests/common/scribble.rs"]
mod scribble;

use confab_board::{
    Author, Board, Document, EditError, Field, Ink, Kind, Level, ObjectId, Order, Place, Point,
    Replica, Rights, Step, Value, admit, read_update, write_update,
};
use harness::{Act, Engine};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    harness::start::<Ours>(&args);
}

struct Ours {
    board: Board,
    strokes: Vec<ObjectId>,
    page: Option<ObjectId>,
}

impl Ours {
    fn note(&mut self) {
        let document = self.board.document();
        let ids = |kind| {
            document
                .objects()
                .filter(move |o| o.kind() == Some(kind))
                .map(|o| o.id())
        };
        (self.strokes, self.page) = (ids(Kind::Stroke).collect(), ids(Kind::Page).next());
    }
}

impl Engine for Ours {
    const NAME: &'static str = "ours";

    fn new(peer: u32) -> Ours {
        Ours {
            board: Board::new(Replica::new(peer, 0)),
            strokes: Vec::new(),
            page: None,
        }
    }

    fn act(&mut self, act: &Act) -> Vec<u8> {
        let (page, strokes) = (self.page, &self.strokes);
        let done = self.board.edit(Step::New, |edit| match act {
            Act::Stroke(made) => {
                let points: Vec<Point> = made
                    .points
                    .iter()
                    .map(|&(x, y, pressure)| Point { x, y, pressure })
                    .collect();
                let ink = Ink::new(&points).map_err(|_| EditError::BadField)?;
                let [x, y, width, height] = made.place;
                let turn = 0;
                let place = Place {
                    x,
                    y,
                    width,
                    height,
                    turn,
                };
                let page = match page {
                    Some(page) => page,
                    None => edit.create(
                        Kind::Page,
                        vec![(Field::Order, Value::Order(Order::whole(0)))],
                    )?,
                };
                let fields = vec![
                    (Field::Parent, Value::Object(page)),
                    (
                        Field::Order,
                        Value::Order(Order::whole(strokes.len() as i64)),
                    ),
                    (Field::Place, Value::Place(place)),
                    (Field::Color, Value::Number(0xff)),
                    (Field::Width, Value::Number(32)),
                    (Field::Ink, Value::Ink(ink)),
                ];
                Ok(Some((page, edit.create(Kind::Stroke, fields)?)))
            }
            Act::Move { object, x, y } => {
                let id = strokes[*object];
                let old = edit.document().object(id).and_then(|o| o.place());
                let place = Place {
                    x: *x,
                    y: *y,
                    ..old.expect("a stroke")
                };
                edit.set(id, Field::Place, Value::Place(place))?;
                Ok(None)
            }
            Act::Color { object, color } => {
                edit.set(strokes[*object], Field::Color, Value::Number(*color))?;
                Ok(None)
            }
            Act::Delete { object } => {
                edit.delete(strokes[*object])?;
                Ok::<_, EditError>(None)
            }
        });
        if let Some((page, stroke)) = done.expect("an edit") {
            self.page = Some(page);
            self.strokes.push(stroke);
        }
        let update = write_update(&self.board.take_update());
        let next = self.board.document().next_seq(self.board.replica());
        self.board.acknowledge(next);
        update
    }

    fn apply(&mut self, update: &[u8]) -> Result<(), String> {
        // The author as the server knows it from the seat: here the one named, or the first.
        let author = read_update(update).map_or(Author(1), |c| c[0].replica.author);
        let author = if author.0 <= 2 { author } else { Author(1) };
        let level = Level::Draw;
        let rights = Rights { author, level };
        let admitted = admit(self.board.document(), update, rights).map_err(|e| e.to_string())?;
        for change in admitted.changes() {
            self.board.receive(change);
            for (i, op) in change.ops.iter().enumerate() {
                if let confab_board::Op::Create { kind, .. } = op {
                    match kind {
                        Kind::Stroke => self.strokes.push(ObjectId(change.stamp(i))),
                        _ => self.page = Some(ObjectId(change.stamp(i))),
                    }
                }
            }
        }
        Ok(())
    }

    fn save(&self) -> Vec<u8> {
        self.board.document().to_snapshot()
    }

    fn load(bytes: &[u8]) -> Ours {
        let mut ours = Ours::new(98);
        let document = Document::from_snapshot(bytes).expect("a saved document");
        ours.board = Board::with(Replica::new(98, 0), document);
        ours.note();
        ours
    }

    fn strokes(&self) -> usize {
        self.strokes.len()
    }
}
