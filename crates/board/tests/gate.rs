//! What the gate lets through and what it refuses, whole and without a trace.

mod common;

use common::scribble::Dice;
use common::{draw, first_page, random_edit};
use confab_board::limits::{MAX_LEAD, MAX_UPDATE};
use confab_board::{
    Author, Board, Change, Document, Field, Kind, Level, ObjectId, Op, Order, Refusal, Replica,
    Rights, Step, Value, admit, write_update,
};

fn rights(author: u32, level: Level) -> Rights {
    let author = Author(author);
    Rights { author, level }
}

/// A server with a page and three strokes by author 1, and author 1's copy.
fn started() -> (Document, Board, ObjectId, Vec<ObjectId>) {
    let mut board = Board::new(Replica::new(1, 0));
    let page = first_page(&mut board);
    let mut dice = Dice(3);
    let strokes = (0..3).map(|_| draw(&mut board, page, &mut dice)).collect();
    let mut server = Document::new();
    send(&mut board, &mut server, rights(1, Level::Draw)).expect("good changes");
    (server, board, page, strokes)
}

fn send(board: &mut Board, server: &mut Document, rights: Rights) -> Result<usize, Refusal> {
    let update = write_update(&board.take_update());
    let admitted = admit(server, &update, rights)?;
    admitted.apply(server);
    Ok(admitted.changes().len())
}

/// Ben, author 2, in step with the server.
fn ben(server: &Document) -> Board {
    Board::with(Replica::new(2, 0), server.clone())
}

fn try_set(
    server: &mut Document,
    level: Level,
    object: ObjectId,
    field: Field,
    value: Value,
) -> Result<usize, Refusal> {
    let mut ben = ben(server);
    ben.edit(Step::New, |edit| edit.set(object, field, value))
        .expect("an edit");
    send(&mut ben, server, rights(2, level))
}

#[test]
fn levels_are_enforced_on_every_write() {
    let (mut server, _, page, strokes) = started();
    let before = server.hash();
    let mut refused = |level, object, field, value, why| {
        assert_eq!(try_set(&mut server, level, object, field, value), Err(why));
        assert_eq!(server.hash(), before);
    };
    refused(
        Level::View,
        strokes[0],
        Field::Color,
        Value::Number(1),
        Refusal::ViewOnly,
    );
    refused(
        Level::Own,
        strokes[0],
        Field::Color,
        Value::Number(1),
        Refusal::NotYours,
    );
    refused(
        Level::Own,
        strokes[0],
        Field::Alive,
        Value::Flag(false),
        Refusal::NotYours,
    );
    refused(
        Level::Draw,
        strokes[0],
        Field::Locked,
        Value::Flag(true),
        Refusal::HostOnly,
    );
    refused(
        Level::Draw,
        page,
        Field::Alive,
        Value::Flag(false),
        Refusal::HostOnly,
    );
    refused(
        Level::Draw,
        page,
        Field::Cleared,
        Value::Lamport(2),
        Refusal::HostOnly,
    );
    assert_eq!(
        try_set(
            &mut server,
            Level::Draw,
            strokes[0],
            Field::Color,
            Value::Number(1)
        ),
        Ok(1)
    );
    assert_ne!(server.hash(), before);
}

#[test]
fn one_bad_write_refuses_the_good_ones_with_it() {
    let (mut server, _, page, strokes) = started();
    let before = server.to_snapshot();
    let mut ben = ben(&server);
    let mut dice = Dice(9);
    draw(&mut ben, page, &mut dice);
    ben.edit(Step::New, |edit| edit.delete(strokes[1]))
        .expect("an edit");
    draw(&mut ben, page, &mut dice);
    assert_eq!(
        send(&mut ben, &mut server, rights(2, Level::Own)),
        Err(Refusal::NotYours)
    );
    assert_eq!(server.to_snapshot(), before);
}

#[test]
fn a_cut_is_a_change_of_its_stroke() {
    let (mut server, _, _, strokes) = started();
    let mut ben = ben(&server);
    let fields = vec![
        (Field::Parent, Value::Object(strokes[0])),
        (Field::Spans, Value::Spans(vec![(10, 90)].into())),
    ];
    ben.edit(Step::New, |edit| edit.create(Kind::Cut, fields))
        .expect("an edit");
    let update = write_update(&ben.take_update());
    assert_eq!(
        admit(&server, &update, rights(2, Level::Own)),
        Err(Refusal::NotYours)
    );
    let admitted = admit(&server, &update, rights(2, Level::Draw)).expect("may draw");
    assert_eq!(admitted.apply(&mut server).first(), Some(&strokes[0]));
    assert_eq!(server.wiped(strokes[0]), [(10, 90)]);
}

#[test]
fn locked_objects_are_for_their_author_and_hosts() {
    let (mut server, mut ada, _, strokes) = started();
    ada.edit(Step::New, |edit| {
        edit.set(strokes[0], Field::Locked, Value::Flag(true))
    })
    .expect("an edit");
    send(&mut ada, &mut server, rights(1, Level::Draw)).expect("her own");
    let color = || (Field::Color, Value::Number(5));
    let (field, value) = color();
    assert_eq!(
        try_set(&mut server, Level::Draw, strokes[0], field, value),
        Err(Refusal::Locked)
    );
    let (field, value) = color();
    assert_eq!(
        try_set(&mut server, Level::Host, strokes[0], field, value),
        Ok(1)
    );
}

#[test]
fn forged_authorship_is_refused() {
    let (server, mut ada, page, _) = started();
    let before = server.hash();
    draw(&mut ada, page, &mut Dice(1));
    let update = write_update(&ada.take_update());
    // Ben sends what Ada's replica made, or claims her number.
    assert_eq!(
        admit(&server, &update, rights(2, Level::Host)),
        Err(Refusal::Forged)
    );
    let claimed = Change {
        replica: Replica::new(1, 7),
        seq: 0,
        lamport: server.clock() + 1,
        ops: vec![Op::Create {
            kind: Kind::Page,
            fields: vec![(Field::Order, Value::Order(Order::whole(1)))],
        }],
    };
    let bytes = claimed.to_bytes();
    assert_eq!(
        admit(&server, &bytes, rights(2, Level::Host)),
        Err(Refusal::Forged)
    );
    assert!(admit(&server, &bytes, rights(1, Level::Draw)).is_ok());
    // Nor may anybody but the server bury.
    let bury = Change {
        replica: Replica::new(2, 0),
        seq: 0,
        lamport: server.clock() + 1,
        ops: vec![Op::Bury {
            objects: vec![page],
        }],
    };
    assert_eq!(
        admit(&server, &bury.to_bytes(), rights(2, Level::Host)),
        Err(Refusal::ServerOnly)
    );
    assert_eq!(server.hash(), before);
}

#[test]
fn clocks_and_numbers_must_go_on() {
    let (server, ..) = started();
    let change = |seq, lamport| Change {
        replica: Replica::new(2, 0),
        seq,
        lamport,
        ops: vec![Op::Create {
            kind: Kind::Page,
            fields: vec![(Field::Order, Value::Order(Order::whole(1)))],
        }],
    };
    let ask = |changes: &[Change]| {
        admit(&server, &write_update(changes), rights(2, Level::Draw)).map(|a| a.changes().len())
    };
    let now = server.clock() + 1;
    assert_eq!(ask(&[change(0, now)]), Ok(1));
    assert_eq!(
        ask(&[change(0, now), change(1, now + 1), change(0, now)]),
        Ok(2)
    );
    assert_eq!(ask(&[change(1, now)]), Err(Refusal::Gap));
    assert_eq!(
        ask(&[change(0, now), change(2, now + 1)]),
        Err(Refusal::Gap)
    );
    assert_eq!(
        ask(&[change(0, now), change(1, now)]),
        Err(Refusal::BadClock),
        "an id twice"
    );
    assert_eq!(
        ask(&[change(0, now + MAX_LEAD)]),
        Err(Refusal::BadClock),
        "would win for ever"
    );
}

#[test]
fn an_update_sent_again_is_taken_once() {
    let (mut server, mut ada, page, _) = started();
    draw(&mut ada, page, &mut Dice(5));
    let update = write_update(&ada.take_update());
    let first = admit(&server, &update, rights(1, Level::Draw)).expect("good");
    first.apply(&mut server);
    let hash = server.hash();
    let again = admit(&server, &update, rights(1, Level::Draw)).expect("known");
    assert!(again.changes().is_empty());
    again.apply(&mut server);
    assert_eq!(server.hash(), hash);
}

#[test]
fn references_must_lead_to_what_they_say() {
    let (mut server, _, page, strokes) = started();
    let other = ObjectId::new(server.clock(), Replica::new(9, 9));
    let mut ask = |object, field, value| try_set(&mut server, Level::Host, object, field, value);
    assert_eq!(
        ask(strokes[0], Field::Parent, Value::Object(other)),
        Err(Refusal::UnknownObject)
    );
    assert_eq!(
        ask(strokes[0], Field::Parent, Value::Object(strokes[1])),
        Err(Refusal::BadField)
    );
    assert_eq!(
        ask(strokes[0], Field::Group, Value::MaybeObject(Some(page))),
        Err(Refusal::BadField)
    );
    let bytes = Change {
        replica: Replica::new(2, 0),
        seq: 0,
        lamport: server.clock() + 1,
        ops: vec![Op::Set {
            object: strokes[0],
            field: Field::Text,
            value: Value::Text("no".into()),
        }],
    };
    assert_eq!(
        admit(&server, &bytes.to_bytes(), rights(2, Level::Host)),
        Err(Refusal::BadField)
    );
}

#[test]
fn a_full_board_takes_deletions_only() {
    let mut server = Document::new();
    let mut ada = Board::new(Replica::new(1, 0));
    let page = first_page(&mut ada);
    let note = || {
        vec![
            (Field::Parent, Value::Object(page)),
            (Field::Order, Value::Order(Order::whole(0))),
            (Field::Place, Value::Place(Default::default())),
        ]
    };
    let mut notes = Vec::new();
    let refused = loop {
        let made = ada.edit(Step::New, |edit| {
            (0..1000)
                .map(|_| edit.create(Kind::Note, note()))
                .collect::<Result<Vec<_>, _>>()
        });
        notes.extend(made.expect("an edit"));
        if let Err(why) = send(&mut ada, &mut server, rights(1, Level::Draw)) {
            break why;
        }
    };
    assert_eq!(refused, Refusal::Full);
    assert_eq!(server.counts().live, 19_001);
    let delete = Change {
        replica: Replica::new(1, 1),
        seq: 0,
        lamport: server.clock() + 1,
        ops: vec![Op::Set {
            object: notes[0],
            field: Field::Alive,
            value: Value::Flag(false),
        }],
    };
    assert!(admit(&server, &delete.to_bytes(), rights(1, Level::Draw)).is_ok());
}

/// 20,000 spoiled updates, a tenth of them random bytes, each to the very document the good one was made for: refused
/// without a trace, or taken whole as the gate's rules say.
#[test]
fn spoiled_updates_are_refused_whole() {
    let (mut server, mut ada, ..) = started();
    let mut dice = Dice(77);
    let mut cases = Vec::new();
    for _ in 0..40 {
        let before = server.clone();
        random_edit(&mut ada, &mut dice);
        random_edit(&mut ada, &mut dice);
        let update = write_update(&ada.take_update());
        let admitted = admit(&server, &update, rights(1, Level::Host)).expect("a good update");
        admitted.apply(&mut server);
        cases.push((before.hash(), before, update));
    }
    assert_eq!(server.hash(), ada.document().hash());
    let (mut refused, mut taken) = (0, 0);
    for i in 0..20_000 {
        let (_, before, good) = &cases[i % 40];
        let random = || {
            (0..1 + i % 60)
                .map(|_| Dice(i as u64).next() as u8)
                .collect()
        };
        let bytes = if i % 10 == 9 {
            random()
        } else {
            spoil(good, &mut dice)
        };
        match admit(before, &bytes, rights(1, Level::Host)) {
            Err(why) => {
                assert!(why.name().starts_with("board_"));
                refused += 1;
            }
            Ok(admitted) => {
                taken += 1;
                let mut copy = before.clone();
                admitted.apply(&mut copy);
                let snapshot = copy.to_snapshot();
                let read =
                    Document::from_snapshot(&snapshot).expect("what was taken can be stored");
                assert_eq!(read.to_snapshot(), snapshot);
                assert_eq!(read.counts(), copy.counts());
            }
        }
    }
    assert!(cases.iter().all(|(hash, before, _)| before.hash() == *hash));
    assert!(
        refused > 5000 && taken > 500,
        "{refused} refused, {taken} taken"
    );
}

fn spoil(good: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len() as u64) as usize;
        match dice.below(6) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.insert(at, dice.next() as u8),
            _ => bytes[at] ^= 1 << dice.below(8),
        }
    }
    bytes
}

#[test]
fn what_is_too_large_is_not_even_read() {
    let (server, ..) = started();
    let bytes = vec![0; MAX_UPDATE + 1];
    assert_eq!(
        admit(&server, &bytes, rights(1, Level::Draw)),
        Err(Refusal::TooLarge)
    );
}
