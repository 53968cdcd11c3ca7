//! What a writer does next: strokes as a hand makes them, drags, colours, deletions, in the shares of tools/bench/board.

use crate::scribble::{Dice, scribble};
use confab_board::{
    Board, EditError, Field, Ink, Kind, ObjectId, Order, Place, Point, Presence, Step, Value,
};

pub struct Script {
    dice: Dice,
    done: u32,
    /// Every so many ops is a stroke.
    every: u32,
    strokes: Vec<ObjectId>,
}

impl Script {
    pub fn new(seed: u64, only_strokes: bool) -> Script {
        Script {
            dice: Dice(seed),
            done: 0,
            every: if only_strokes { 1 } else { 24 },
            strokes: Vec::new(),
        }
    }

    /// One op; the stroke it made, if it made one. Own strokes are moved: others' may be gone.
    pub fn act(&mut self, board: &mut Board, page: ObjectId) -> Option<ObjectId> {
        let i = self.done;
        self.done += 1;
        if i.is_multiple_of(self.every) || self.strokes.is_empty() {
            let made = self.stroke(board, page);
            self.strokes.push(made);
            return Some(made);
        }
        let object = self.strokes[self.dice.below(self.strokes.len() as u64) as usize];
        let what = self.dice.below(40);
        let color = self.dice.next() as u32;
        let (x, y) = (
            self.dice.below(30_000) as i32,
            self.dice.below(20_000) as i32,
        );
        let place = board.document().object(object).and_then(|o| o.place());
        let place = place.expect("a stroke's place");
        let done = board.edit::<_, EditError>(Step::New, |edit| match what {
            0 => edit.delete(object),
            1 => edit.set(object, Field::Color, Value::Number(color)),
            _ => edit.set(object, Field::Place, Value::Place(Place { x, y, ..place })),
        });
        done.expect("a good edit");
        None
    }

    fn stroke(&mut self, board: &mut Board, page: ObjectId) -> ObjectId {
        let made = scribble(&mut self.dice);
        let points = made.points.iter();
        let points: Vec<Point> = points
            .map(|&(x, y, pressure)| Point { x, y, pressure })
            .collect();
        let [x, y, width, height] = made.place;
        let turn = 0;
        let place = Place {
            x,
            y,
            width,
            height,
            turn,
        };
        let order = Order::whole(board.document().counts().objects as i64);
        let fields = vec![
            (Field::Parent, Value::Object(page)),
            (Field::Order, Value::Order(order)),
            (Field::Place, Value::Place(place)),
            (Field::Color, Value::Number(0xff)),
            (Field::Width, Value::Number(32)),
            (Field::Ink, Value::Ink(Ink::new(&points).expect("ink"))),
        ];
        let made = board.edit::<_, EditError>(Step::New, |edit| edit.create(Kind::Stroke, fields));
        made.expect("a good stroke")
    }

    /// Ink in the making, as it travels while somebody draws.
    pub fn presence(&mut self, page: ObjectId) -> Vec<u8> {
        let made = scribble(&mut self.dice);
        let points: Vec<Point> = made
            .points
            .iter()
            .take(8)
            .map(|&(x, y, pressure)| Point { x, y, pressure })
            .collect();
        let drawing = Presence::Drawing {
            key: 1,
            page,
            tool: 0,
            color: 0xff,
            width: 32,
            first: 0,
            ink: Ink::new(&points).expect("ink"),
        };
        drawing.to_bytes()
    }
}

pub fn first_page(board: &mut Board) -> ObjectId {
    let fields = vec![(Field::Order, Value::Order(Order::whole(0)))];
    let made = board.edit::<_, EditError>(Step::New, |edit| edit.create(Kind::Page, fields));
    made.expect("a page")
}
