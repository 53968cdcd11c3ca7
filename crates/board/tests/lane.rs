//! The lane in virtual time: a shell that stores what it is told to, and people with copies of the board.

mod common;

use common::scribble::Dice;
use common::{draw, first_page};
use confab_base::{Code, Time};
use confab_board::*;
use std::collections::{BTreeMap, BTreeSet};

/// The server's shell: what is stored, what each connection was sent.
struct Rig {
    lane: Lane,
    stored: Restored,
    told: BTreeMap<LaneConn, Vec<FromServer>>,
    closed: BTreeMap<LaneConn, Close>,
    gathers: BTreeSet<LaneConn>,
    now_ms: u64,
}

const WALL: u64 = 1_790_000_000_000;

impl Rig {
    fn new() -> Rig {
        Rig::on(Restored::default())
    }

    fn on(stored: Restored) -> Rig {
        let lane = Lane::restore("main".into(), stored.clone(), WALL).unwrap();
        let mut rig = Rig {
            lane,
            stored,
            told: BTreeMap::new(),
            closed: BTreeMap::new(),
            gathers: BTreeSet::new(),
            now_ms: 0,
        };
        rig.carry_out();
        rig
    }

    /// Killed and started again: all that is left is what was stored.
    fn restart(self) -> Rig {
        Rig::on(self.stored)
    }

    fn carry_out(&mut self) {
        let outputs: Vec<LaneOutput> = std::iter::from_fn(|| self.lane.poll_output()).collect();
        for output in outputs {
            match output {
                LaneOutput::Store(record) => self.store(record),
                LaneOutput::Send { to, frame, .. } => {
                    for conn in to {
                        let frame = FromServer::from_bytes(&frame).unwrap();
                        self.told.entry(conn).or_default().push(frame);
                    }
                }
                LaneOutput::Gather { conn, gather } => {
                    match gather {
                        true => self.gathers.insert(conn),
                        false => self.gathers.remove(&conn),
                    };
                }
                LaneOutput::Close { conn, why } => {
                    self.closed.insert(conn, why);
                }
            }
        }
    }

    fn store(&mut self, record: LaneRecord) {
        match record {
            LaneRecord::Author(record) => {
                self.stored.authors.retain(|a| a.author != record.author);
                self.stored.authors.push(record);
            }
            LaneRecord::Entry { number, bytes, .. } => {
                let before = self.stored.snapshot.as_ref().map_or(0, |s| s.0);
                assert_eq!(number, before + self.stored.entries.len() as u64 + 1);
                self.stored.entries.push(bytes);
            }
            LaneRecord::Snapshot { number, bytes, .. } => {
                self.stored.snapshot = Some((number, bytes));
                self.stored.entries.clear();
            }
        }
    }

    fn enter(&mut self, conn: u64, who: &str, level: Level, copy: LaneCopy) -> Result<(), Close> {
        let seat = seat(who, level);
        let entered = self.lane.enter(LaneConn(conn), seat, copy, WALL);
        self.carry_out();
        entered
    }

    fn say(&mut self, conn: u64, frame: FromClient<'_>) {
        let now = Time::from_millis(self.now_ms);
        let wall = WALL + self.now_ms;
        self.lane
            .frame(LaneConn(conn), &frame.to_bytes(), now, wall);
        self.carry_out();
    }

    fn heard(&mut self, conn: u64) -> Vec<FromServer> {
        self.told.remove(&LaneConn(conn)).unwrap_or_default()
    }

    fn open(&mut self, conn: u64, who: &str, level: Level) -> Person {
        self.enter(conn, who, level, LaneCopy::New).unwrap();
        let heard = self.heard(conn);
        let FromServer::Opened { replica, .. } = heard[0] else {
            panic!("{heard:?}");
        };
        let FromServer::Snapshot(snapshot) = &heard[1] else {
            panic!("{heard:?}");
        };
        let document = Document::from_snapshot(snapshot).unwrap();
        let board = Board::with(replica, document);
        Person { conn, board }
    }

    /// Sends what the person did, and gives back what it was told.
    fn sync(&mut self, person: &mut Person) -> Vec<FromServer> {
        let update = write_update(&person.board.take_update());
        if !update.is_empty() {
            self.say(person.conn, FromClient::Update(&update));
        }
        let heard = self.heard(person.conn);
        person.hear(&heard);
        heard
    }
}

struct Person {
    conn: u64,
    board: Board,
}

impl Person {
    fn hear(&mut self, frames: &[FromServer]) {
        for frame in frames {
            match frame {
                FromServer::Changes(update) if !update.is_empty() => {
                    for change in read_update(update).unwrap() {
                        self.board.receive(&change);
                    }
                }
                FromServer::Snapshot(bytes) => {
                    self.board.receive_snapshot(bytes).unwrap();
                }
                FromServer::Acknowledged(next) => self.board.acknowledge(*next),
                FromServer::Opened { next, .. } => {
                    self.board.acknowledge(*next);
                    self.board.resend();
                }
                _ => {}
            }
        }
    }

    fn hash(&self) -> [u8; 32] {
        self.board.document().hash()
    }

    fn copy(&self) -> LaneCopy {
        let vector = self.board.document().vector().clone();
        LaneCopy::Back(self.board.replica(), vector)
    }
}

fn seat(who: &str, level: Level) -> LaneSeat {
    LaneSeat {
        who: who.into(),
        participant: who.len() as u32,
        name: who.into(),
        level,
        presents: false,
    }
}

fn refusal(frames: &[FromServer]) -> Option<&str> {
    frames.iter().find_map(|frame| match frame {
        FromServer::Refused { name, .. } => Some(name.as_str()),
        _ => None,
    })
}

#[test]
fn two_people_draw_and_hold_the_same_and_a_late_one_too() {
    let mut rig = Rig::new();
    let mut ada = rig.open(1, "ada", Level::Host);
    let mut bob = rig.open(2, "bob", Level::Draw);
    assert_ne!(ada.board.replica().author, bob.board.replica().author);
    let mut dice = Dice(1);
    let page = first_page(&mut ada.board);
    assert!(matches!(
        rig.sync(&mut ada)[..],
        [FromServer::Authors(_), FromServer::Acknowledged(1)]
    ));
    rig.sync(&mut bob);
    for _ in 0..20 {
        draw(&mut ada.board, page, &mut dice);
        draw(&mut bob.board, page, &mut dice);
        rig.sync(&mut ada);
        rig.sync(&mut bob);
    }
    rig.sync(&mut ada);
    assert_eq!(ada.hash(), bob.hash());
    assert_eq!(ada.board.unacknowledged() + bob.board.unacknowledged(), 0);
    let late = rig.open(3, "cleo", Level::View);
    assert_eq!(late.hash(), ada.hash());
    rig.say(3, FromClient::Hash);
    let answer = rig.heard(3);
    let told = matches!(answer[..], [FromServer::Hash { hash, .. }] if hash == ada.hash());
    assert!(told, "{answer:?}");
}

#[test]
fn who_may_not_draw_is_refused_whole_and_nobody_hears_of_it() {
    let mut rig = Rig::new();
    let mut ada = rig.open(1, "ada", Level::Host);
    let page = first_page(&mut ada.board);
    rig.sync(&mut ada);
    let mut bob = rig.open(2, "bob", Level::View);
    rig.heard(1);
    let before = rig.lane.document().hash();
    draw(&mut bob.board, page, &mut Dice(2));
    let heard = rig.sync(&mut bob);
    assert_eq!(refusal(&heard), Some("board_view_only"));
    let pen = Presence::Typing { object: page };
    rig.say(2, FromClient::Presence(&pen.to_bytes()));
    assert_eq!(rig.heard(1), []);
    assert_eq!(rig.lane.document().hash(), before);

    rig.lane.seat(LaneConn(2), seat("bob", Level::Draw));
    rig.carry_out();
    assert_eq!(rig.heard(2), [FromServer::Rights(Level::Draw)]);
    bob.board.resend();
    assert!(refusal(&rig.sync(&mut bob)).is_none());
    assert_ne!(rig.lane.document().hash(), before);
    rig.lane.seat(LaneConn(2), seat("bob", Level::View));
    rig.carry_out();
    draw(&mut bob.board, page, &mut Dice(3));
    assert_eq!(refusal(&rig.sync(&mut bob)), Some("board_view_only"));
}

#[test]
fn nobody_writes_in_anothers_name_nor_as_another_copy() {
    let mut rig = Rig::new();
    let ada = rig.open(1, "ada", Level::Host);
    let bob = rig.open(2, "bob", Level::Draw);
    let second = rig.open(3, "bob", Level::Draw);
    assert_eq!(second.board.replica().author, bob.board.replica().author);
    assert_ne!(second.board.replica().session, bob.board.replica().session);
    let empty = rig.lane.document().hash();
    for forged in [ada.board.replica(), bob.board.replica(), Replica::new(0, 0)] {
        let mut board = Board::new(forged);
        first_page(&mut board);
        let update = write_update(&board.take_update());
        rig.say(3, FromClient::Update(&update));
        assert_eq!(refusal(&rig.heard(3)), Some("board_forged"), "{forged:?}");
    }
    assert_eq!(rig.lane.document().hash(), empty);
    let theirs = LaneCopy::Back(ada.board.replica(), Vector::new());
    assert_eq!(
        rig.enter(4, "bob", Level::Draw, theirs),
        Err(Close::NewCopy)
    );
    let unknown = Replica {
        session: 9,
        ..bob.board.replica()
    };
    let unknown = LaneCopy::Back(unknown, Vector::new());
    assert_eq!(
        rig.enter(4, "bob", Level::Draw, unknown),
        Err(Close::NewCopy)
    );
}

#[test]
fn a_kill_loses_nothing_acknowledged_and_what_was_not_comes_once() {
    let mut rig = Rig::new();
    let mut ada = rig.open(1, "ada", Level::Host);
    let page = first_page(&mut ada.board);
    rig.sync(&mut ada);
    let mut dice = Dice(4);
    draw(&mut ada.board, page, &mut dice);
    // Stored, but the acknowledgement is lost on the way.
    let update = write_update(&ada.board.take_update());
    rig.say(1, FromClient::Update(&update));
    let stored = rig.lane.document().hash();
    let mut rig = rig.restart();
    assert_eq!(rig.lane.document().hash(), stored);
    draw(&mut ada.board, page, &mut dice);
    rig.enter(2, "ada", Level::Host, ada.copy()).unwrap();
    ada.conn = 2;
    let heard = rig.heard(2);
    assert!(matches!(&heard[1], FromServer::Changes(none) if none.is_empty()));
    ada.hear(&heard);
    assert_eq!(ada.board.unacknowledged(), 1);
    rig.sync(&mut ada);
    assert_eq!(ada.board.unacknowledged(), 0);
    assert_eq!(ada.hash(), rig.lane.document().hash());
    let objects = rig.lane.document().objects().count();
    assert_eq!(objects, 3, "a page and two strokes");
    // A new copy after the restart never gets a number that was given before.
    let again = rig.open(3, "ada", Level::Host);
    assert_ne!(again.board.replica(), ada.board.replica());
}

#[test]
fn after_a_cut_a_copy_gets_what_it_lacks_and_gives_what_it_drew() {
    let mut rig = Rig::new();
    let mut ada = rig.open(1, "ada", Level::Host);
    let page = first_page(&mut ada.board);
    rig.sync(&mut ada);
    let mut bob = rig.open(2, "bob", Level::Draw);
    let cursor = Presence::Cursor { page, x: 16, y: 16 };
    rig.say(2, FromClient::Presence(&cursor.to_bytes()));
    rig.heard(1);
    rig.lane.leave(LaneConn(2));
    rig.carry_out();
    let gone = Shown {
        replica: bob.board.replica(),
        presence: Presence::Gone,
    };
    assert_eq!(rig.heard(1), [FromServer::Presence(gone.to_bytes())]);
    let mut dice = Dice(5);
    for _ in 0..5 {
        draw(&mut ada.board, page, &mut dice);
        draw(&mut bob.board, page, &mut dice);
        rig.sync(&mut ada);
    }
    rig.enter(3, "bob", Level::Draw, bob.copy()).unwrap();
    bob.conn = 3;
    let heard = rig.heard(3);
    assert!(matches!(&heard[1], FromServer::Changes(some) if !some.is_empty()));
    bob.hear(&heard);
    rig.sync(&mut bob);
    rig.sync(&mut ada);
    assert_eq!(ada.hash(), bob.hash());
    // The same copy once more: the older connection gives way.
    rig.enter(4, "bob", Level::Draw, bob.copy()).unwrap();
    assert_eq!(rig.closed[&LaneConn(3)].name(), "replaced");
    assert!(!rig.closed[&LaneConn(3)].again());
}

#[test]
fn a_long_log_becomes_a_snapshot_and_reads_the_same() {
    let mut rig = Rig::new();
    let mut ada = rig.open(1, "ada", Level::Host);
    let page = first_page(&mut ada.board);
    let mut dice = Dice(6);
    for i in 0..4200 {
        rig.now_ms = i * 50;
        if i < 100 {
            draw(&mut ada.board, page, &mut dice);
        } else {
            let name = Value::Text(format!("{i}").into());
            ada.board
                .edit::<_, EditError>(Step::New, |edit| edit.set(page, Field::Name, name))
                .unwrap();
        }
        rig.sync(&mut ada);
    }
    assert_eq!(ada.board.unacknowledged(), 0);
    let (number, _) = rig.stored.snapshot.as_ref().expect("a snapshot");
    assert_eq!(number + rig.stored.entries.len() as u64, 4201);
    let rig = rig.restart();
    assert_eq!(rig.lane.document().hash(), ada.hash());
}

#[test]
fn a_flood_is_refused_by_the_rate_and_then_ended() {
    let mut rig = Rig::new();
    let mut ada = rig.open(1, "ada", Level::Host);
    first_page(&mut ada.board);
    let update = write_update(&ada.board.take_update());
    let mut taken = 0;
    for _ in 0..10_000 {
        if rig.closed.contains_key(&LaneConn(1)) {
            break;
        }
        rig.say(1, FromClient::Update(&update));
        let heard = rig.heard(1);
        taken += usize::from(
            heard
                .iter()
                .any(|f| matches!(f, FromServer::Acknowledged(_))),
        );
    }
    assert!((100..=130).contains(&taken), "{taken}");
    let why = rig.closed[&LaneConn(1)];
    assert_eq!((why.name(), why.again()), ("too_fast", true));
    assert_eq!(
        rig.stored.entries.len(),
        1,
        "the same change is stored once"
    );
    // Another connection doesn't bring a new allowance; time does.
    rig.enter(2, "ada", Level::Host, ada.copy()).unwrap();
    rig.heard(2);
    rig.say(2, FromClient::Update(&update));
    assert_eq!(refusal(&rig.heard(2)), Some("too_fast"));
    rig.now_ms += 1000;
    rig.say(2, FromClient::Update(&update));
    assert_eq!(rig.heard(2), [FromServer::Acknowledged(1)]);
}

#[test]
fn what_is_no_frame_ends_the_connection_and_changes_nothing() {
    let bad: [&[u8]; 6] = [&[], &[2], &[99, 1], &[11, 0], &[8, 200], &[1, 1]];
    for (i, bytes) in bad.into_iter().enumerate() {
        let mut rig = Rig::new();
        let ada = rig.open(1, "ada", Level::Host);
        rig.lane.frame(LaneConn(1), bytes, Time::ZERO, WALL);
        rig.carry_out();
        assert_eq!(rig.closed[&LaneConn(1)].name(), "bad_message", "{i}");
        assert_eq!(rig.lane.document().hash(), ada.hash());
        assert!(!rig.lane.is_open());
    }
    let mut rig = Rig::new();
    rig.open(1, "ada", Level::Host);
    rig.say(1, FromClient::Update(&vec![0; limits::MAX_UPDATE + 1]));
    assert_eq!(rig.closed[&LaneConn(1)].name(), "too_large");
    rig.open(2, "ada", Level::Host);
    rig.say(2, FromClient::Update(&[7; 30]));
    assert_eq!(refusal(&rig.heard(2)), Some("board_malformed"));
}

#[test]
fn who_comes_later_is_shown_where_the_others_are() {
    let mut rig = Rig::new();
    let mut ada = rig.open(1, "ada", Level::Host);
    let page = first_page(&mut ada.board);
    rig.sync(&mut ada);
    for x in [16, 32] {
        let view = Presence::View {
            page,
            x,
            y: 0,
            zoom: 1000,
        };
        rig.say(1, FromClient::Presence(&view.to_bytes()));
    }
    rig.enter(2, "bob", Level::View, LaneCopy::New).unwrap();
    let seen: Vec<Shown> = rig
        .heard(2)
        .iter()
        .filter_map(|frame| match frame {
            FromServer::Presence(shown) => Some(Shown::from_bytes(shown).unwrap()),
            _ => None,
        })
        .collect();
    assert!(matches!(
        seen[..],
        [Shown {
            presence: Presence::View { x: 32, .. },
            ..
        }]
    ));
}

#[test]
fn authors_keep_their_numbers_and_are_told_by_name() {
    let mut rig = Rig::new();
    rig.open(1, "ada", Level::Host);
    let bob = rig.open(2, "bob", Level::Draw);
    let mut rig = rig.restart();
    rig.open(3, "cleo", Level::Draw);
    rig.heard(3);
    let again = rig.open(4, "bob", Level::Draw);
    assert_eq!(again.board.replica().author, bob.board.replica().author);
    let named = LaneSeat {
        name: "Robert".into(),
        ..seat("bob", Level::Draw)
    };
    rig.lane.seat(LaneConn(4), named);
    rig.carry_out();
    let told = rig.heard(3);
    let is_told = matches!(&told[..], [FromServer::Authors(a)] if a[0].name == "Robert");
    assert!(is_told, "{told:?}");
}

/// Frames that a connection got since it was last asked, by their kind of message.
fn kinds(rig: &mut Rig, conn: u64) -> Vec<&'static str> {
    let heard = rig.heard(conn);
    let kind = |frame: &FromServer| match frame {
        FromServer::Opened { .. } => "opened",
        FromServer::Changes(_) => "changes",
        FromServer::Acknowledged(_) => "acknowledged",
        FromServer::Refused { .. } => "refused",
        FromServer::Presence(_) => "presence",
        FromServer::Pong(_) => "pong",
        FromServer::Closed { .. } => "closed",
        _ => "other",
    };
    heard.iter().map(kind).collect()
}

#[test]
fn a_second_way_brings_changes_and_acknowledgements_and_takes_updates_once() {
    let mut rig = Rig::new();
    let mut ada = rig.open(1, "ada", Level::Draw);
    let mut bob = rig.open(2, "bob", Level::Draw);
    let second = |person: &Person| LaneCopy::Second(person.board.replica());
    rig.enter(3, "ada", Level::Draw, second(&ada)).unwrap();
    rig.enter(4, "bob", Level::Draw, second(&bob)).unwrap();
    assert_eq!(kinds(&mut rig, 3), ["opened"]);
    assert_eq!(kinds(&mut rig, 4), ["opened"]);
    for conn in [1, 2] {
        rig.heard(conn);
    }
    let page = first_page(&mut ada.board);
    draw(&mut ada.board, page, &mut Dice(5));
    let update = write_update(&ada.board.take_update());
    // The second is faster.
    rig.say(3, FromClient::Update(&update));
    assert_eq!(kinds(&mut rig, 1), ["acknowledged"]);
    assert_eq!(kinds(&mut rig, 3), ["acknowledged"]);
    assert_eq!(kinds(&mut rig, 2), ["changes"]);
    assert_eq!(kinds(&mut rig, 4), ["changes"]);
    // What comes later the other way is known.
    rig.say(1, FromClient::Update(&update));
    assert_eq!(kinds(&mut rig, 1), ["acknowledged"]);
    for conn in 2..=4 {
        assert!(kinds(&mut rig, conn).is_empty(), "{conn}");
    }
    for change in read_update(&update).unwrap() {
        bob.board.receive(&change);
    }
    assert_eq!(bob.hash(), rig.lane.document().hash());
    // Presence and refusals are the first one's alone.
    let cursor = Presence::Cursor { page, x: 1, y: 2 };
    rig.say(1, FromClient::Presence(&cursor.to_bytes()));
    assert_eq!(kinds(&mut rig, 2), ["presence"]);
    assert!(kinds(&mut rig, 4).is_empty());
    rig.say(4, FromClient::Update(&update));
    for conn in [2, 4] {
        assert!(kinds(&mut rig, conn).is_empty(), "forged: {conn}");
    }
    rig.say(4, FromClient::Ping);
    assert_eq!(kinds(&mut rig, 4), ["pong"]);
}

#[test]
fn a_second_way_is_of_a_copy_that_is_here_and_goes_with_it() {
    let mut rig = Rig::new();
    let ada = rig.open(1, "ada", Level::Draw);
    let bob = rig.open(2, "bob", Level::Draw);
    let second = |person: &Person| LaneCopy::Second(person.board.replica());
    let foreign = rig.enter(3, "ada", Level::Draw, second(&bob));
    assert_eq!(foreign, Err(Close::NewCopy));
    rig.enter(4, "ada", Level::Draw, second(&ada)).unwrap();
    rig.enter(5, "ada", Level::Draw, second(&ada)).unwrap();
    assert_eq!(
        rig.closed.get(&LaneConn(4)).copied(),
        Some(Close::Because(Code::Replaced))
    );
    let both = [LaneConn(1), LaneConn(5)];
    assert!(both.iter().all(|conn| rig.gathers.contains(conn)));
    // It says updates and pings, nothing else.
    rig.say(5, FromClient::Hash);
    assert_eq!(
        rig.closed.get(&LaneConn(5)).copied(),
        Some(Close::Because(Code::BadMessage))
    );
    assert_eq!(rig.closed.get(&LaneConn(1)).copied(), None);
    assert!(!rig.gathers.contains(&LaneConn(1)), "alone again");
    rig.enter(6, "ada", Level::Draw, second(&ada)).unwrap();
    rig.lane.leave(LaneConn(1));
    rig.carry_out();
    assert_eq!(rig.closed.get(&LaneConn(6)).copied(), Some(Close::NewCopy));
    let late = rig.enter(7, "ada", Level::Draw, second(&ada));
    assert_eq!(late, Err(Close::NewCopy));
    rig.enter(8, "bob", Level::Draw, second(&bob)).unwrap();
    rig.lane.close_all(Close::Because(Code::GoingAway));
    rig.carry_out();
    for conn in [2, 8] {
        assert_eq!(
            rig.closed.get(&LaneConn(conn)).copied(),
            Some(Close::Because(Code::GoingAway))
        );
    }
}
