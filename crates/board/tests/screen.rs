//! The board over a shared screen in virtual time: its page, who may draw, what who presents forbids, fading ink.

mod common;

use common::draw;
use common::scribble::Dice;
use confab_base::Time;
use confab_board::*;
use std::collections::BTreeMap;

const WALL: u64 = 1_790_000_000_000;
const PRESENTER: u64 = 1;

struct Rig {
    lane: Lane,
    told: BTreeMap<u64, Vec<FromServer>>,
    now_ms: u64,
}

struct Person {
    conn: u64,
    board: Board,
    page: ObjectId,
}

fn seat(who: &str, level: Level) -> LaneSeat {
    LaneSeat {
        who: who.into(),
        participant: 1,
        name: who.into(),
        level,
        presents: who == "presenter",
    }
}

impl Rig {
    fn new() -> Rig {
        Rig {
            lane: Lane::over_screen(7, WALL).unwrap(),
            told: BTreeMap::new(),
            now_ms: 0,
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.lane.poll_output() {
            if let LaneOutput::Send { to, frame, .. } = output {
                for conn in to {
                    let frame = FromServer::from_bytes(&frame).unwrap();
                    self.told.entry(conn.0).or_default().push(frame);
                }
            }
        }
    }

    fn heard(&mut self, conn: u64) -> Vec<FromServer> {
        self.told.remove(&conn).unwrap_or_default()
    }

    /// Opens the board, and gives back what was told besides the document.
    fn open(&mut self, conn: u64, who: &str, level: Level) -> (Person, Level, Option<bool>) {
        let entered = self
            .lane
            .enter(LaneConn(conn), seat(who, level), LaneCopy::New, WALL);
        entered.unwrap();
        self.carry_out();
        let heard = self.heard(conn);
        let [
            FromServer::Opened { replica, level, .. },
            FromServer::Snapshot(snapshot),
            FromServer::Authors(_),
            rest @ ..,
        ] = &heard[..]
        else {
            panic!("{heard:?}");
        };
        let document = Document::from_snapshot(snapshot).unwrap();
        let pages: Vec<ObjectId> = document
            .objects()
            .filter(|o| o.kind() == Some(Kind::Page))
            .map(|o| o.id())
            .collect();
        let allowed = rest.iter().find_map(|frame| match frame {
            FromServer::Allowed(allowed) => Some(*allowed),
            _ => None,
        });
        let board = Board::with(*replica, document);
        let page = pages[0];
        assert_eq!(pages.len(), 1);
        (Person { conn, board, page }, *level, allowed)
    }

    fn say(&mut self, conn: u64, frame: FromClient<'_>) {
        self.now_ms += 50;
        let now = Time::from_millis(self.now_ms);
        let bytes = frame.to_bytes();
        self.lane.frame(LaneConn(conn), &bytes, now, WALL);
        self.carry_out();
    }

    /// Draws a stroke and sends it; the name of the refusal, if it was refused.
    fn stroke(&mut self, person: &mut Person) -> Option<String> {
        draw(&mut person.board, person.page, &mut Dice(self.now_ms));
        let update = write_update(&person.board.take_update());
        self.say(person.conn, FromClient::Update(&update));
        self.heard(person.conn).into_iter().find_map(|f| match f {
            FromServer::Refused { name, .. } => Some(name),
            _ => None,
        })
    }
}

#[test]
fn the_page_is_there_and_is_nobodys_to_make_or_delete() {
    let mut rig = Rig::new();
    let (mut viewer, level, allowed) = rig.open(2, "viewer", Level::Own);
    assert_eq!((level, allowed), (Level::Own, Some(true)));
    assert_eq!(viewer.page.author(), Author::SERVER);
    assert_eq!(rig.stroke(&mut viewer), None);
    for act in [
        |board: &mut Board, page: ObjectId| board.edit(Step::New, |edit| edit.delete(page)),
        |board: &mut Board, page: ObjectId| board.edit(Step::New, |edit| edit.clear(page)),
    ] {
        let (mut other, ..) = rig.open(3, "viewer", Level::Own);
        act(&mut other.board, other.page).unwrap();
        let update = write_update(&other.board.take_update());
        rig.say(3, FromClient::Update(&update));
        let refused = rig.heard(3);
        assert!(
            matches!(&refused[..], [FromServer::Refused { name, .. }] if name == "board_not_yours"),
            "{refused:?}"
        );
        rig.lane.leave(LaneConn(3));
    }
}

#[test]
fn who_presents_may_everything_and_clears() {
    let mut rig = Rig::new();
    // Whatever the seat says: over one's own screen one is the host.
    let (mut presenter, level, _) = rig.open(PRESENTER, "presenter", Level::View);
    assert_eq!(level, Level::Host);
    let (mut viewer, ..) = rig.open(2, "viewer", Level::Own);
    assert_eq!(rig.stroke(&mut viewer), None);
    for frame in rig.heard(PRESENTER) {
        if let FromServer::Changes(update) = frame {
            for change in read_update(&update).unwrap() {
                presenter.board.receive(&change);
            }
        }
    }
    let page = presenter.page;
    let cleared = presenter.board.edit(Step::New, |edit| edit.clear(page));
    cleared.unwrap();
    let update = write_update(&presenter.board.take_update());
    rig.say(PRESENTER, FromClient::Update(&update));
    assert!(matches!(
        rig.heard(PRESENTER)[..],
        [FromServer::Acknowledged(1)]
    ));
}

#[test]
fn what_who_presents_forbids_is_refused_whoever_asks_until_it_is_allowed_again() {
    let mut rig = Rig::new();
    let (mut presenter, ..) = rig.open(PRESENTER, "presenter", Level::View);
    let (mut viewer, ..) = rig.open(2, "viewer", Level::Own);
    let (mut host, level, _) = rig.open(3, "host", Level::Host);
    assert_eq!(level, Level::Host);
    rig.told.clear();
    rig.say(PRESENTER, FromClient::Allow(false));
    assert_eq!(rig.heard(PRESENTER), [FromServer::Allowed(false)]);
    for conn in [2, 3] {
        let expected = [FromServer::Allowed(false), FromServer::Rights(Level::View)];
        assert_eq!(rig.heard(conn), expected);
    }
    let before = rig.lane.document().hash();
    for person in [&mut viewer, &mut host] {
        assert_eq!(rig.stroke(person).as_deref(), Some("board_view_only"));
    }
    assert_eq!(rig.lane.document().hash(), before);
    // Ink that is shown and not kept is held back as well.
    let fading = Presence::Drawing {
        key: 1,
        page: viewer.page,
        tool: FADING,
        color: 0xd134_38ff,
        width: 40,
        first: 0,
        ink: Ink::new(&[Point {
            x: 1,
            y: 2,
            pressure: 128,
        }])
        .unwrap(),
    };
    rig.told.clear();
    rig.say(2, FromClient::Presence(&fading.to_bytes()));
    assert_eq!(rig.heard(PRESENTER), []);
    // A seat that changes meanwhile, and one that comes, stay lookers-on.
    rig.lane.seat(LaneConn(2), seat("viewer", Level::Host));
    rig.carry_out();
    assert_eq!(rig.heard(2), []);
    let (_, level, allowed) = rig.open(4, "late", Level::Own);
    assert_eq!((level, allowed), (Level::View, Some(false)));
    assert_eq!(rig.stroke(&mut presenter), None);

    rig.told.clear();
    rig.say(PRESENTER, FromClient::Allow(true));
    let told = rig.heard(4);
    assert_eq!(
        told,
        [FromServer::Allowed(true), FromServer::Rights(Level::Own)]
    );
    rig.say(2, FromClient::Presence(&fading.to_bytes()));
    let shown = rig.heard(PRESENTER);
    assert!(
        matches!(shown[..], [.., FromServer::Presence(_)]),
        "{shown:?}"
    );
}

#[test]
fn nobody_but_who_presents_allows_or_forbids_and_on_other_boards_nobody() {
    let mut rig = Rig::new();
    let (mut viewer, ..) = rig.open(2, "viewer", Level::Own);
    rig.open(3, "host", Level::Host);
    rig.told.clear();
    for conn in [2, 3] {
        rig.say(conn, FromClient::Allow(false));
        let heard = rig.heard(conn);
        assert!(
            matches!(&heard[..], [FromServer::Refused { name, .. }] if name == "board_host_only"),
            "{heard:?}"
        );
    }
    assert_eq!(rig.stroke(&mut viewer), None);
    let mut rig = Rig {
        lane: Lane::restore("main".into(), Restored::default(), WALL).unwrap(),
        ..Rig::new()
    };
    let entered = rig.lane.enter(
        LaneConn(1),
        seat("presenter", Level::View),
        LaneCopy::New,
        WALL,
    );
    entered.unwrap();
    rig.carry_out();
    let opened = rig.heard(1);
    assert!(
        matches!(
            opened[..],
            [
                FromServer::Opened {
                    level: Level::View,
                    ..
                },
                _,
                _
            ]
        ),
        "a seat that presents is no host of the meeting's board: {opened:?}"
    );
    rig.say(1, FromClient::Allow(false));
    let heard = rig.heard(1);
    assert!(matches!(heard[..], [FromServer::Refused { .. }]));
}

#[test]
fn a_copy_that_was_cut_off_comes_back_with_what_it_drew() {
    let mut rig = Rig::new();
    let (mut viewer, ..) = rig.open(2, "viewer", Level::Own);
    assert_eq!(rig.stroke(&mut viewer), None);
    viewer.board.acknowledge(1);
    rig.lane.leave(LaneConn(2));
    draw(&mut viewer.board, viewer.page, &mut Dice(9));
    let copy = LaneCopy::Back(
        viewer.board.replica(),
        viewer.board.document().vector().clone(),
    );
    let entered = rig
        .lane
        .enter(LaneConn(5), seat("viewer", Level::Own), copy, WALL);
    entered.unwrap();
    rig.carry_out();
    let heard = rig.heard(5);
    assert!(matches!(&heard[1], FromServer::Changes(none) if none.is_empty()));
    viewer.board.resend();
    let update = write_update(&viewer.board.take_update());
    rig.say(5, FromClient::Update(&update));
    assert_eq!(rig.heard(5), [FromServer::Acknowledged(2)]);
    assert_eq!(rig.lane.document().hash(), viewer.board.document().hash());
}
