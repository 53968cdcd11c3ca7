//! What the whiteboard reads from strangers: an update at the gate (refused without a trace, or taken and stored), a
//! snapshot, presence, a vector. What is read has one form, so writing it again gives the same bytes.
#![no_main]
use confab_board::{
    Author, Board, Document, EditError, Entry, Field, FromClient, Ink, Kind, Level, Order, PictureAsk, PictureHead, Place, Point, Presence, Replica, Rights, Shown,
    Step, Value, admit, read_update, read_vector, write_update, write_vector,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// A page, a stroke with a cut, a note, and one change of author 1 still to come.
static BOARD: LazyLock<Document> = LazyLock::new(|| {
    let mut board = Board::new(Replica::new(1, 0));
    let made = board.edit(Step::New, |edit| {
        let order = || (Field::Order, Value::Order(Order::whole(0)));
        let page = edit.create(Kind::Page, vec![order()])?;
        let points = [Point { x: 0, y: 0, pressure: 90 }, Point { x: 160, y: 80, pressure: 200 }];
        let ink = Ink::new(&points).map_err(|_| EditError::BadField)?;
        let on = || vec![(Field::Parent, Value::Object(page)), order(), (Field::Place, Value::Place(Place::default()))];
        let stroke = edit.create(Kind::Stroke, on().into_iter().chain([(Field::Ink, Value::Ink(ink))]).collect())?;
        edit.create(Kind::Note, on())?;
        let cut = vec![(Field::Parent, Value::Object(stroke)), (Field::Spans, Value::Spans(vec![(10, 20)].into()))];
        edit.create(Kind::Cut, cut)
    });
    made.expect("a board");
    board.document().clone()
});

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 5 {
        0 => update(bytes, *which),
        1 => {
            if let Ok(document) = Document::from_snapshot(bytes) {
                assert_eq!(document.to_snapshot(), bytes);
                let _ = document.picture_hash();
                let mut merged = BOARD.clone();
                merged.merge(&document);
                let _ = merged.hash();
            }
        }
        2 => {
            if let Ok(presence) = Presence::from_bytes(bytes) {
                assert_eq!(presence.to_bytes(), bytes);
            }
            if let Ok(shown) = Shown::from_bytes(bytes) {
                assert_eq!(shown.to_bytes(), bytes);
            }
        }
        3 => {
            if let Ok(vector) = read_vector(bytes) {
                assert_eq!(write_vector(&vector), bytes);
            }
            if let Ok(frame) = FromClient::from_bytes(bytes) {
                assert_eq!(frame.to_bytes(), bytes);
            }
            if let Ok(ask) = PictureAsk::from_bytes(bytes) {
                assert_eq!(ask.to_bytes(), bytes);
            }
            let _ = PictureHead::read(bytes);
        }
        _ => {
            if let Ok(entry) = Entry::from_bytes(bytes) {
                assert_eq!(entry.to_bytes(), bytes);
            }
        }
    }
});

fn update(bytes: &[u8], which: u8) {
    let Ok(changes) = read_update(bytes) else {
        return;
    };
    assert_eq!(write_update(&changes), bytes);
    let levels = [Level::View, Level::Own, Level::Draw, Level::Host];
    // The sender is who the change says, so that more than forgery is looked at; the server itself is no viewer.
    let author = Author(changes[0].replica.author.0);
    let level = if author == Author::SERVER { Level::Host } else { levels[usize::from(which / 5) % 4] };
    let rights = Rights { author, level };
    let Ok(admitted) = admit(&BOARD, bytes, rights) else {
        return;
    };
    assert!(rights.level > Level::View || admitted.changes().is_empty());
    let mut document = BOARD.clone();
    admitted.apply(&mut document);
    let snapshot = document.to_snapshot();
    let stored = Document::from_snapshot(&snapshot).expect("what was taken can be stored");
    assert_eq!(stored.counts(), document.counts());
    let _ = document.picture_hash();
}
