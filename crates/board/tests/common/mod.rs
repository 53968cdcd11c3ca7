//! What the tests of the board share: random edits by many people, and ways to hand them round.
#![allow(dead_code)]

pub mod scribble;

use confab_board::{
    Board, Edit, EditError, End, Field, Ink, Kind, Object, ObjectId, Order, Place, Point, Step,
    TextStyle, Value,
};
use scribble::Dice;

/// A stroke as a hand makes it.
pub fn stroke(dice: &mut Dice) -> (Ink, Place) {
    let made = scribble::scribble(dice);
    let points: Vec<Point> = made
        .points
        .iter()
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
    (
        Ink::new(&points).expect("a stroke of at most 140 points"),
        place,
    )
}

/// A page to begin with, made by the board's own replica.
pub fn first_page(board: &mut Board) -> ObjectId {
    let fields = vec![(Field::Order, Value::Order(Order::whole(0)))];
    let made = board.edit(Step::New, |edit| edit.create(Kind::Page, fields));
    made.expect("a page")
}

pub fn draw(board: &mut Board, page: ObjectId, dice: &mut Dice) -> ObjectId {
    let (ink, place) = stroke(dice);
    let order = Order::whole(board.document().objects().count() as i64);
    let fields = vec![
        (Field::Parent, Value::Object(page)),
        (Field::Order, Value::Order(order)),
        (Field::Place, Value::Place(place)),
        (Field::Color, Value::Number(dice.next() as u32)),
        (Field::Width, Value::Number(16 + dice.below(64) as u32)),
        (Field::Ink, Value::Ink(ink)),
    ];
    let made = board.edit(Step::New, |edit| edit.create(Kind::Stroke, fields));
    made.expect("a stroke")
}

/// Small ink, so that thousands of documents are cheap.
fn little_ink(dice: &mut Dice) -> Ink {
    let points: Vec<Point> = (0..2 + dice.below(6) as i32)
        .map(|i| Point {
            x: i * 40,
            y: dice.below(100) as i32,
            pressure: dice.next() as u8,
        })
        .collect();
    Ink::new(&points).expect("a few points")
}

fn place(dice: &mut Dice) -> Place {
    Place {
        x: dice.below(20_000) as i32 - 10_000,
        y: dice.below(20_000) as i32 - 10_000,
        width: dice.below(5000) as i32,
        height: dice.below(5000) as i32,
        turn: dice.below(36_000) as u16,
    }
}

fn pick(ids: &[ObjectId], dice: &mut Dice) -> Option<ObjectId> {
    ids.get(dice.below(ids.len() as u64) as usize).copied()
}

/// Ids of a kind, deleted ones too: people write to what others deleted meanwhile.
pub fn of_kind(edit: &Edit<'_>, kind: Kind) -> Vec<ObjectId> {
    edit.document()
        .objects()
        .filter(|o| o.kind() == Some(kind))
        .map(Object::id)
        .collect()
}

/// One random edit of one to three writes, of every kind there is.
pub fn random_edit(board: &mut Board, dice: &mut Dice) {
    let step = if dice.below(4) == 0 {
        Step::Continue
    } else {
        Step::New
    };
    let writes = 1 + dice.below(3);
    let done = board.edit(step, |edit| {
        (0..writes).try_for_each(|_| random_write(edit, dice))
    });
    done.expect("a good edit");
}

fn random_write(edit: &mut Edit<'_>, dice: &mut Dice) -> Result<(), EditError> {
    let pages = of_kind(edit, Kind::Page);
    let objects: Vec<ObjectId> = edit.document().objects().map(Object::id).collect();
    let page = pick(&pages, dice).filter(|_| dice.below(40) > 0);
    let Some(page) = page else {
        let fields = vec![(
            Field::Order,
            Value::Order(Order::whole(dice.below(9) as i64)),
        )];
        return edit.create(Kind::Page, fields).map(drop);
    };
    if dice.below(3) == 0 || objects.len() < 3 {
        return random_object(edit, page, dice);
    }
    let object = pick(&objects, dice).ok_or(EditError::UnknownObject)?;
    random_set(edit, object, page, dice)
}

fn random_object(edit: &mut Edit<'_>, page: ObjectId, dice: &mut Dice) -> Result<(), EditError> {
    let mut fields = vec![
        (Field::Parent, Value::Object(page)),
        (
            Field::Order,
            Value::Order(Order::whole(dice.below(20) as i64)),
        ),
        (Field::Place, Value::Place(place(dice))),
    ];
    let strokes = of_kind(edit, Kind::Stroke);
    match dice.below(6) {
        0 => fields.push((
            Field::Text,
            Value::Text(format!("Grüße {}", dice.below(99)).into()),
        )),
        1 => {
            let free = |dice: &mut Dice| End::Free {
                x: dice.below(99) as i32,
                y: 7,
            };
            fields.retain(|(f, _)| *f != Field::Place);
            fields.push((Field::From, Value::End(Box::new(free(dice)))));
            let to = pick(&strokes, dice).map_or(free(dice), |object| End::Bound {
                object,
                across: 9,
                down: 65_535,
                at: (-4, 4),
            });
            fields.push((Field::To, Value::End(Box::new(to))));
            return edit.create(Kind::Connector, fields).map(drop);
        }
        2 => {
            fields.truncate(1);
            return edit.create(Kind::Group, fields).map(drop);
        }
        3 => {
            if let Some(stroke) = pick(&strokes, dice) {
                let from = dice.below(300) as u32;
                let spans = Value::Spans(vec![(from, from + 1 + dice.below(500) as u32)].into());
                let fields = vec![
                    (Field::Parent, Value::Object(stroke)),
                    (Field::Spans, spans),
                ];
                return edit.create(Kind::Cut, fields).map(drop);
            }
        }
        _ => {
            fields.push((Field::Ink, Value::Ink(little_ink(dice))));
            return edit.create(Kind::Stroke, fields).map(drop);
        }
    }
    edit.create(Kind::Note, fields).map(drop)
}

fn random_set(
    edit: &mut Edit<'_>,
    object: ObjectId,
    page: ObjectId,
    dice: &mut Dice,
) -> Result<(), EditError> {
    let kind = edit.document().object(object).and_then(|o| o.kind());
    let kind = kind.ok_or(EditError::UnknownObject)?;
    let fields: Vec<Field> = kind
        .required()
        .iter()
        .chain(kind.optional())
        .copied()
        .filter(|f| !f.is_fixed())
        .collect();
    let field = fields[dice.below(fields.len() as u64) as usize];
    let groups = of_kind(edit, Kind::Group);
    let value = match field {
        Field::Alive => Value::Flag(dice.below(3) > 0),
        Field::Locked => Value::Flag(dice.below(2) == 0),
        Field::Parent if kind == Kind::Cut => return Ok(()),
        Field::Parent => Value::Object(page),
        Field::Order => {
            let a = Order::whole(dice.below(20) as i64);
            let b = Order::between(Some(&a), Some(&Order::whole(20)));
            Value::Order(Order::between(Some(&a), Some(&b)))
        }
        Field::Place => Value::Place(place(dice)),
        Field::Text | Field::Name => Value::Text(format!("白板 {}", dice.below(1000)).into()),
        Field::TextStyle => Value::TextStyle(TextStyle {
            size: 300,
            align: 1,
            flags: 3,
        }),
        Field::From | Field::To => Value::End(Box::new(End::Free {
            x: dice.below(50) as i32,
            y: -1,
        })),
        Field::Group => Value::MaybeObject(pick(&groups, dice).filter(|g| *g != object)),
        Field::Asset => return Ok(()),
        Field::Cleared => Value::Lamport(dice.below(edit.document().clock())),
        _ => Value::Number(dice.below(3) as u32),
    };
    edit.set(object, field, value)
}
