//! Whatever is cut off, doubled, reordered or taken back: all replicas are equal in the end.

mod common;

use common::scribble::Dice;
use common::{first_page, random_edit};
use confab_board::{
    Applied, Board, Change, Document, Entry, Field, Kind, Log, Order, Replica, Since, Step, Value,
    read_update, write_update,
};

const WRITERS: usize = 4;

/// Schedules of a normal run; `CONFAB_FULL=1` or the ignored test do all 10,000.
const SCHEDULES: u64 = 600;

#[derive(Default)]
struct Wire {
    /// Changes on their way to each writer.
    queues: Vec<Vec<Change>>,
}

impl Wire {
    fn send(&mut self, from: usize, change: &Change, dice: &mut Dice) {
        for (to, queue) in self.queues.iter_mut().enumerate() {
            if to == from {
                continue;
            }
            let copies = 1 + usize::from(dice.below(5) == 0);
            for _ in 0..copies {
                let at = dice.below(queue.len() as u64 + 1) as usize;
                queue.insert(at, change.clone());
            }
        }
    }
}

/// One schedule: people edit, undo and redo, in any order messages come twice, late or not until the end.
fn schedule(seed: u64) {
    let mut dice = Dice(seed);
    let mut boards: Vec<Board> = (0..WRITERS)
        .map(|i| Board::new(Replica::new(1 + i as u32 / 2, i as u16)))
        .collect();
    first_page(&mut boards[0]);
    let mut wire = Wire {
        queues: vec![Vec::new(); WRITERS],
    };
    let mut all = Vec::new();
    for _ in 0..40 {
        let who = dice.below(WRITERS as u64) as usize;
        match dice.below(10) {
            0 => drop(boards[who].undo()),
            1 => drop(boards[who].redo()),
            2..=6 => random_edit(&mut boards[who], &mut dice),
            _ => deliver(&mut boards[who], &mut wire.queues[who], &mut dice),
        }
        for change in boards[who].take_update() {
            wire.send(who, &change, &mut dice);
            all.push(change);
        }
    }
    finish(&mut boards, &mut wire, &all, &mut dice);
    let hash = boards[0].document().hash();
    for board in &boards {
        let counts = board.document().counts();
        assert_eq!(board.document().hash(), hash, "seed {seed}");
        assert_eq!(counts, boards[0].document().counts(), "seed {seed}");
        assert_eq!(board.document().waiting(), 0, "seed {seed}");
    }
    let snapshot = boards[0].document().to_snapshot();
    let joiner = Document::from_snapshot(&snapshot).expect("a snapshot");
    assert_eq!(joiner.to_snapshot(), snapshot, "seed {seed}");
    assert_eq!(
        joiner.counts(),
        boards[0].document().counts(),
        "seed {seed}"
    );
    assert_eq!(
        joiner.picture_hash(),
        boards[1].document().picture_hash(),
        "seed {seed}"
    );
}

fn deliver(board: &mut Board, queue: &mut Vec<Change>, dice: &mut Dice) {
    for _ in 0..dice.below(6) {
        if !queue.is_empty() {
            let at = dice.below(queue.len() as u64) as usize;
            board.receive(&queue.remove(at));
        }
    }
}

/// The cut ends: some get the rest message by message, some by a sync, some by a snapshot into what they have.
fn finish(boards: &mut [Board], wire: &mut Wire, all: &[Change], dice: &mut Dice) {
    let mut server = Document::new();
    let mut log = Log::default();
    for change in all {
        assert!(matches!(
            server.apply(change),
            Applied::Now(_) | Applied::Waiting
        ));
        log.push(
            Entry {
                at_ms: 0,
                change: change.clone(),
            },
            0,
        );
    }
    for (board, queue) in boards.iter_mut().zip(&mut wire.queues) {
        match dice.below(3) {
            0 => queue
                .drain(..)
                .for_each(|change| drop(board.receive(&change))),
            1 => match log.since(board.document().vector()) {
                Since::Changes(changes) => {
                    let bytes = write_update(changes);
                    if !bytes.is_empty() {
                        let changes = read_update(&bytes).expect("an update");
                        changes
                            .iter()
                            .for_each(|change| drop(board.receive(change)));
                    }
                }
                Since::Snapshot => panic!("the log is whole"),
            },
            _ => drop(
                board
                    .receive_snapshot(&server.to_snapshot())
                    .expect("a snapshot"),
            ),
        }
    }
}

#[test]
fn replicas_converge_in_any_order() {
    let full = std::env::var_os("CONFAB_FULL").is_some();
    (0..if full { 10_000 } else { SCHEDULES }).for_each(schedule);
}

#[test]
#[ignore = "all 10,000 schedules; a minute or more"]
fn replicas_converge_in_ten_thousand_schedules() {
    (0..10_000).for_each(schedule);
}

/// Steps forward, then all back, then all forward again: the same pictures in reverse.
#[test]
fn undo_restores_exactly_and_redo_too() {
    for seed in 0..60 {
        let mut dice = Dice(1_000_000 + seed);
        let mut board = Board::new(Replica::new(1, 0));
        first_page(&mut board);
        let mut pictures = vec![board.document().picture_hash()];
        for _ in 0..25 {
            let writes = 1 + dice.below(3);
            for i in 0..writes {
                random_edit_as(&mut board, &mut dice, i == 0);
            }
            pictures.push(board.document().picture_hash());
        }
        let different: std::collections::BTreeSet<_> = pictures.iter().collect();
        assert!(different.len() > 20, "steps that can be seen");
        for expected in pictures.iter().rev().skip(1) {
            assert!(board.undo());
            assert_eq!(board.document().picture_hash(), *expected, "seed {seed}");
        }
        for expected in pictures.iter().skip(1) {
            assert!(board.redo());
            assert_eq!(board.document().picture_hash(), *expected, "seed {seed}");
        }
        assert!(!board.redo());
    }
}

/// The first edit of a step begins it, the others go on with it.
fn random_edit_as(board: &mut Board, dice: &mut Dice, first: bool) {
    let page = board.document().pages().first().copied();
    let Some(page) = page else {
        first_page(board);
        return;
    };
    let step = if first { Step::New } else { Step::Continue };
    let notes: Vec<_> = board.document().objects_on(page);
    let done = board.edit(step, |edit| {
        let x = Value::Number(dice.next() as u32);
        match notes.get(dice.below(notes.len() as u64 + 1) as usize) {
            Some(id) if dice.below(4) == 0 => edit.delete(*id),
            Some(id) => edit.set(*id, Field::Color, x),
            None => {
                let fields = vec![
                    (Field::Parent, Value::Object(page)),
                    (
                        Field::Order,
                        Value::Order(Order::whole(dice.below(9) as i64)),
                    ),
                    (Field::Place, Value::Place(Default::default())),
                ];
                edit.create(Kind::Note, fields).map(drop)
            }
        }
    });
    done.expect("a good edit");
}

/// Undo of one person among others: every field the others did not touch since is as before the step.
#[test]
fn undo_takes_back_ones_own_and_leaves_what_others_wrote() {
    let (mut ada, mut ben) = (
        Board::new(Replica::new(1, 0)),
        Board::new(Replica::new(2, 0)),
    );
    let page = first_page(&mut ada);
    let note = |edit: &mut confab_board::Edit<'_>| {
        let fields = vec![
            (Field::Parent, Value::Object(page)),
            (Field::Order, Value::Order(Order::whole(0))),
            (Field::Place, Value::Place(Default::default())),
        ];
        edit.create(Kind::Note, fields)
    };
    let id = ada.edit(Step::New, note).expect("a note");
    let set = |board: &mut Board, field, value: u32| {
        board
            .edit(Step::New, |edit| edit.set(id, field, Value::Number(value)))
            .expect("a write");
    };
    set(&mut ada, Field::Color, 1);
    set(&mut ada, Field::Fill, 1);
    exchange(&mut ada, &mut ben);
    set(&mut ben, Field::Color, 2);
    exchange(&mut ada, &mut ben);
    set(&mut ada, Field::Color, 3);
    exchange(&mut ada, &mut ben);
    let color = |board: &Board| board.document().object(id).map(|o| o.number(Field::Color));
    assert!(ada.undo(), "back to what Ben wrote");
    assert_eq!(color(&ada), Some(2));
    assert!(ada.undo(), "the fill");
    assert!(ada.undo(), "the first colour: Ben wrote over it");
    assert_eq!(color(&ada), Some(2));
    assert_eq!(
        ada.document().object(id).map(|o| o.number(Field::Fill)),
        Some(0)
    );
    exchange(&mut ada, &mut ben);
    assert_eq!(ada.document().hash(), ben.document().hash());
    assert!(ben.undo());
    assert_eq!(
        color(&ben),
        Some(2),
        "Ada's undo wrote it last, by her own hand"
    );
}

fn exchange(a: &mut Board, b: &mut Board) {
    a.take_update()
        .iter()
        .for_each(|change| drop(b.receive(change)));
    b.take_update()
        .iter()
        .for_each(|change| drop(a.receive(change)));
}
