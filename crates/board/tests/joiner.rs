//! A late joiner, a stored board, the history.

mod common;

use common::scribble::Dice;
use common::{draw, first_page, random_edit};
use confab_board::{
    Applied, Board, Document, Entry, Field, Log, Object, Replay, Replica, Since, Step, read_vector,
    write_vector,
};

#[test]
fn a_late_joiner_gets_5000_strokes_in_3_megabytes_and_is_equal() {
    let mut board = Board::new(Replica::new(1, 0));
    let page = first_page(&mut board);
    let mut dice = Dice(42);
    let mut points = 0;
    for _ in 0..5000 {
        let id = draw(&mut board, page, &mut dice);
        points += board
            .document()
            .object(id)
            .and_then(Object::ink)
            .map_or(0, |ink| ink.points().len());
    }
    let snapshot = board.document().to_snapshot();
    assert!(points > 350_000, "ink as a hand makes it: {points} points");
    assert!(snapshot.len() <= 3 << 20, "{} bytes", snapshot.len());
    let joiner = Document::from_snapshot(&snapshot).expect("a snapshot");
    assert_eq!(joiner.hash(), board.document().hash());
    assert_eq!(joiner.objects_on(page).len(), 5000);
}

#[test]
fn buried_objects_stay_away_whatever_comes_late() {
    let mut ada = Board::new(Replica::new(1, 0));
    let page = first_page(&mut ada);
    let mut dice = Dice(4);
    let strokes: Vec<_> = (0..3).map(|_| draw(&mut ada, page, &mut dice)).collect();
    let mut server = Document::new();
    let sent = ada.take_update();
    sent.iter().for_each(|change| drop(server.apply(change)));
    let mut offline = Board::with(Replica::new(2, 0), server.clone());
    ada.edit(Step::New, |edit| edit.delete(strokes[1]))
        .expect("an edit");
    ada.take_update()
        .iter()
        .for_each(|change| drop(server.apply(change)));
    assert!(
        server.buriable(server.clock()).is_empty(),
        "not long enough ago"
    );
    let bury = server.bury_change(server.buriable(server.clock() + 1));
    let weight = server.counts().weight;
    server.apply(&bury);
    assert!(server.is_buried(strokes[1]) && server.counts().weight < weight);
    // Drawn on while cut off, and the undo of the deletion: both come too late, and all agree.
    offline
        .edit(Step::New, |edit| {
            edit.set(strokes[1], Field::Width, confab_board::Value::Number(3))
        })
        .expect("an edit");
    ada.undo();
    let late: Vec<_> = offline
        .take_update()
        .into_iter()
        .chain(ada.take_update())
        .collect();
    late.iter().for_each(|change| drop(server.apply(change)));
    let mut shuffled = Document::new();
    for change in late.iter().chain([&bury]).chain(&sent) {
        shuffled.apply(change);
    }
    shuffled.merge(&server);
    assert_eq!(shuffled.hash(), server.hash());
    assert_eq!(shuffled.objects_on(page).len(), 2);
}

#[test]
fn a_log_says_what_is_missing_and_when_to_compact() {
    let mut board = Board::new(Replica::new(1, 0));
    let page = first_page(&mut board);
    let mut dice = Dice(8);
    let (mut server, mut log) = (Document::new(), Log::default());
    let take = |board: &mut Board, server: &mut Document, log: &mut Log| {
        for change in board.take_update() {
            assert!(matches!(server.apply(&change), Applied::Now(_)));
            let entry = Entry { at_ms: 0, change };
            let bytes = entry.to_bytes();
            assert_eq!(Entry::from_bytes(&bytes).as_ref(), Ok(&entry));
            log.push(entry, bytes.len());
        }
    };
    take(&mut board, &mut server, &mut log);
    let early = server.vector().clone();
    assert_eq!(read_vector(&write_vector(&early)).as_ref(), Ok(&early));
    while !log.is_due() {
        draw(&mut board, page, &mut dice);
        take(&mut board, &mut server, &mut log);
    }
    assert!(matches!(log.since(&early), Since::Changes(changes) if changes.len() > 500));
    log.compacted(server.to_snapshot().len(), 100);
    assert!(!log.is_due());
    assert_eq!(
        log.since(&early),
        Since::Snapshot,
        "the log no longer reaches back so far"
    );
    let middle = server.vector().clone();
    draw(&mut board, page, &mut dice);
    take(&mut board, &mut server, &mut log);
    assert!(matches!(log.since(&middle), Since::Changes(changes) if changes.len() == 1));
    assert_eq!(log.since(server.vector()), Since::Changes(Vec::new()));
}

#[test]
fn a_replay_shows_the_board_as_it_was() {
    let mut board = Board::new(Replica::new(1, 0));
    first_page(&mut board);
    let mut dice = Dice(15);
    let (mut entries, mut hashes) = (Vec::new(), Vec::new());
    for i in 0..2600u64 {
        if i > 0 {
            random_edit(&mut board, &mut dice);
        }
        for change in board.take_update() {
            entries.push(Entry {
                at_ms: 1000 + i * 50,
                change,
            });
        }
        if i % 500 == 0 {
            hashes.push((1000 + i * 50, board.document().hash()));
        }
    }
    let mut replay = Replay::new(Document::new(), entries);
    assert_eq!(replay.seek(999).hash(), Document::new().hash());
    assert_eq!(replay.next_ms(), Some(1000));
    for (at, hash) in hashes.iter().chain(hashes.iter().rev()) {
        assert_eq!(replay.seek(*at).hash(), *hash, "at {at}");
    }
    let (_, end) = replay.span().expect("entries");
    assert_eq!(replay.seek(end).hash(), board.document().hash());
}
