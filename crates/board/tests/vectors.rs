//! Shared vectors: what this crate makes of a script, in `tests/data/board`, repeated by the TypeScript twin
//! (`ui/src/board/vectors.test.ts`). `CONFAB_WRITE=1 cargo test -p confab-board --test vectors` writes them anew.

mod common;

use common::scribble::Dice;
use common::{first_page, random_edit, stroke};
use confab_board::{
    Author, AuthorName, Board, Change, Document, FIELDS, Forbidden, FromClient, FromServer, Ink,
    KINDS, LANE_VERSION, LaneCopy, Level, NO_PRESSURE, Object, ObjectId, Op, Open, OpenPictures,
    Order, PictureAnswer, PictureAsk, Point, Presence, Replica, Rights, Shown, Step, Vector,
    limits, pieces, read_update, touched, write_vector,
};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn name(id: ObjectId) -> String {
    format!("{id:?}")
}

/// Compares with the file, or writes it.
fn hold(file: &str, made: &Json) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../tests/data/board", file]
        .iter()
        .collect();
    // One entry a line, so that a change shows what changed.
    let lines: Vec<String> = match made {
        Json::Array(entries) => entries.iter().map(Json::to_string).collect(),
        other => vec![other.to_string()],
    };
    let text = match made {
        Json::Array(_) => format!("[\n{}\n]\n", lines.join(",\n")),
        _ => format!("{}\n", lines.join("")),
    };
    if std::env::var_os("CONFAB_WRITE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, &text).expect("written");
    }
    let known = std::fs::read_to_string(&path).expect("the vectors");
    assert!(
        known == text,
        "{file} differs from what the crate makes: write it anew if that is meant"
    );
}

#[test]
fn ink_is_as_recorded() {
    let mut dice = Dice(1);
    let mut all: Vec<Vec<Point>> = (0..6).map(|_| stroke(&mut dice).0.points()).collect();
    all.push(vec![Point {
        x: -(1 << 26),
        y: 1 << 26,
        pressure: 0,
    }]);
    all.push(
        (0..9)
            .map(|i| Point {
                x: i * i,
                y: -i,
                pressure: NO_PRESSURE,
            })
            .collect(),
    );
    let cases: Vec<Json> = all
        .iter()
        .map(|points| {
            let ink = Ink::new(points).expect("ink");
            let points: Vec<_> = points
                .iter()
                .map(|p| json!([p.x, p.y, p.pressure]))
                .collect();
            json!({"points": points, "hex": hex(ink.bytes())})
        })
        .collect();
    hold("ink.json", &Json::Array(cases));
}

#[test]
fn erasing_is_as_recorded() {
    let mut dice = Dice(2);
    let mut cases = Vec::new();
    for _ in 0..8 {
        let (ink, place) = stroke(&mut dice);
        let points = ink.points();
        let mut at = || {
            (
                dice.below(place.width as u64 + 1) as i32,
                dice.below(place.height as u64 + 1) as i32,
            )
        };
        let eraser = [at(), at(), at()];
        let radius = 40 + dice.below(160) as i32;
        let spans = touched(&points, &eraser, radius);
        let left: Vec<Vec<_>> = pieces(&points, &spans)
            .iter()
            .map(|run| run.iter().map(|p| json!([p.x, p.y, p.pressure])).collect())
            .collect();
        cases.push(json!({"ink": hex(ink.bytes()), "eraser": eraser, "radius": radius, "spans": spans, "pieces": left}));
    }
    hold("erase.json", &Json::Array(cases));
}

#[test]
fn orders_are_as_recorded() {
    let mut dice = Dice(3);
    let mut keys = vec![Order::whole(0), Order::whole(1)];
    let mut cases = vec![json!([
        null,
        null,
        format!("{:?}", Order::between(None, None))
    ])];
    for _ in 0..60 {
        keys.sort();
        let at = dice.below(keys.len() as u64 + 1) as usize;
        let (below, above) = (
            at.checked_sub(1).map(|i| keys[i].clone()),
            keys.get(at).cloned(),
        );
        let made = Order::between(below.as_ref(), above.as_ref());
        let text = |order: Option<&Order>| order.map(|o| format!("{o:?}"));
        cases.push(json!([
            text(below.as_ref()),
            text(above.as_ref()),
            text(Some(&made))
        ]));
        keys.push(made);
    }
    hold("order.json", &Json::Array(cases));
}

/// Random work of three people, delivered in a shuffled order with some twice.
#[test]
fn documents_are_as_recorded() {
    let cases: Vec<Json> = (0..6).map(document_case).collect();
    hold("documents.json", &Json::Array(cases));
}

fn document_case(seed: u64) -> Json {
    let mut dice = Dice(100 + seed);
    let mut boards: Vec<Board> = (0..3)
        .map(|i| Board::new(Replica::new(1 + 200 * i, i as u16)))
        .collect();
    first_page(&mut boards[0]);
    let mut changes: Vec<Change> = Vec::new();
    for _ in 0..30 {
        let who = dice.below(3) as usize;
        match dice.below(8) {
            0 => drop(boards[who].undo()),
            1 => drop(boards[who].redo()),
            _ => random_edit(&mut boards[who], &mut dice),
        }
        for change in boards[who].take_update() {
            for (other, board) in boards.iter_mut().enumerate() {
                // Some are cut off.
                if other != who && dice.below(4) > 0 {
                    board.receive(&change);
                }
            }
            changes.push(change);
        }
    }
    let mut document = Document::new();
    changes
        .iter()
        .for_each(|change| drop(document.apply(change)));
    let bury = document.bury_change(document.buriable(document.clock() / 2));
    if matches!(&bury.ops[0], Op::Bury { objects } if !objects.is_empty()) {
        document.apply(&bury);
        changes.push(bury);
    }
    for i in (1..changes.len()).rev() {
        changes.swap(i, dice.below(i as u64 + 1) as usize);
    }
    let twice: Vec<Change> = changes.iter().step_by(5).cloned().collect();
    changes.extend(twice);
    let mut shuffled = Document::new();
    changes
        .iter()
        .for_each(|change| drop(shuffled.apply(change)));
    assert_eq!(shuffled.hash(), document.hash());
    describe(&document, &changes)
}

fn describe(document: &Document, changes: &[Change]) -> Json {
    let pages: Vec<Json> = document
        .pages()
        .iter()
        .map(|page| {
            let objects: Vec<String> = document.objects_on(*page).into_iter().map(name).collect();
            json!({"page": name(*page), "objects": objects})
        })
        .collect();
    let wiped: Vec<Json> = document
        .objects()
        .map(Object::id)
        .filter(|id| !document.wiped(*id).is_empty())
        .map(|id| json!([name(id), document.wiped(id)]))
        .collect();
    json!({
        "changes": changes.iter().map(|c| hex(&c.to_bytes())).collect::<Vec<_>>(),
        "snapshot": hex(&document.to_snapshot()),
        "hash": hex(&document.hash()),
        "picture": hex(&document.picture_hash()),
        "vector": hex(&write_vector(document.vector())),
        "pages": pages,
        "wiped": wiped,
    })
}

/// One person works, undoes and redoes while another's changes come in: every change made must be the same bytes.
#[test]
fn sessions_are_as_recorded() {
    let cases: Vec<Json> = (0..4).map(session_case).collect();
    hold("sessions.json", &Json::Array(cases));
}

fn session_case(seed: u64) -> Json {
    let mut dice = Dice(500 + seed);
    let (mut mine, mut theirs) = (
        Board::new(Replica::new(1, 0)),
        Board::new(Replica::new(2, 3)),
    );
    let mut steps = Vec::new();
    first_page(&mut mine);
    let mut made = "new";
    for i in 0..50 {
        if i > 0 {
            made = match dice.below(8) {
                0 | 1 if mine.undo() => "undo",
                2 if mine.redo() => "redo",
                3 | 4 => {
                    random_edit(&mut theirs, &mut dice);
                    for change in theirs.take_update() {
                        mine.receive(&change);
                        let picture = hex(&mine.document().picture_hash());
                        steps.push(json!({"do": "receive", "changes": [hex(&change.to_bytes())], "picture": picture}));
                    }
                    continue;
                }
                _ => random_step(&mut mine, &mut dice),
            };
        }
        let changes = mine.take_update();
        changes
            .iter()
            .for_each(|change| drop(theirs.receive(change)));
        let bytes: Vec<String> = changes.iter().map(|c| hex(&c.to_bytes())).collect();
        let picture = hex(&mine.document().picture_hash());
        steps.push(json!({"do": made, "changes": bytes, "picture": picture}));
    }
    json!({"replica": [1, 0], "steps": steps, "hash": hex(&mine.document().hash())})
}

/// A step that goes on is made of a new one's writes, so that the recording says which it was.
fn random_step(board: &mut Board, dice: &mut Dice) -> &'static str {
    let mut scratch = Board::with(board.replica(), board.document().clone());
    random_edit(&mut scratch, dice);
    let ops: Vec<Op> = scratch
        .take_update()
        .into_iter()
        .flat_map(|c| c.ops)
        .collect();
    let (step, made) = if dice.below(3) == 0 {
        (Step::Continue, "continue")
    } else {
        (Step::New, "new")
    };
    let done = board.edit(step, |edit| {
        ops.into_iter().try_for_each(|op| match op {
            Op::Create { kind, fields } => edit.create(kind, fields).map(drop),
            Op::Set {
                object,
                field,
                value,
            } => edit.set(object, field, value),
            Op::Bury { .. } => Ok(()),
        })
    });
    done.expect("good writes");
    made
}

/// Spoiled updates: read as the same changes, or refused for the same reason.
#[test]
fn spoiled_updates_are_read_as_recorded() {
    let mut dice = Dice(900);
    let mut board = Board::new(Replica::new(1, 0));
    first_page(&mut board);
    let mut cases = Vec::new();
    for _ in 0..300 {
        random_edit(&mut board, &mut dice);
        let mut bytes = confab_board::write_update(&board.take_update());
        if bytes.is_empty() {
            continue;
        }
        for _ in 0..1 + dice.below(2) {
            let at = dice.below(bytes.len() as u64) as usize;
            match dice.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, dice.next() as u8),
                _ => bytes[at] ^= 1 << dice.below(8),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let fault = read_update(&bytes).err().map(|e| format!("{e:?}"));
        cases.push(json!({"hex": hex(&bytes), "fault": fault}));
    }
    let good = cases.iter().filter(|c| c["fault"].is_null()).count();
    assert!(
        good > 20 && good < 250,
        "{good} of {} still good",
        cases.len()
    );
    hold("spoiled.json", &Json::Array(cases));
}

#[test]
fn presence_is_as_recorded() {
    let page = ObjectId::new(1, Replica::new(1, 0));
    let ink = stroke(&mut Dice(4)).0;
    let all = [
        ("gone", Presence::Gone),
        (
            "cursor",
            Presence::Cursor {
                page,
                x: -5,
                y: 70_000,
            },
        ),
        (
            "laser",
            Presence::Laser {
                page,
                ink: ink.clone(),
            },
        ),
        (
            "drawing",
            Presence::Drawing {
                key: 7,
                page,
                tool: 2,
                color: 0xff00_7fff,
                width: 48,
                first: 30,
                ink,
            },
        ),
        (
            "drawn",
            Presence::Drawn {
                key: 7,
                object: Some(page),
            },
        ),
        (
            "drawn",
            Presence::Drawn {
                key: 8,
                object: None,
            },
        ),
        (
            "selection",
            Presence::Selection {
                objects: vec![page, ObjectId::new(300, Replica::new(70_000, 9))],
            },
        ),
        ("typing", Presence::Typing { object: page }),
        (
            "view",
            Presence::View {
                page,
                x: 1,
                y: -1,
                zoom: 1500,
            },
        ),
    ];
    let cases = all.map(|(is, presence)| {
        let bytes = presence.to_bytes();
        assert_eq!(Presence::from_bytes(&bytes).as_ref(), Ok(&presence));
        let shown = Shown {
            replica: Replica::new(300, 2),
            presence,
        };
        assert_eq!(Shown::from_bytes(&shown.to_bytes()).as_ref(), Ok(&shown));
        json!({"is": is, "hex": hex(&bytes), "shown": hex(&shown.to_bytes())})
    });
    hold("presence.json", &Json::Array(cases.to_vec()));
}

/// Every level, kind, field, owner and lock: what is forbidden, and why.
#[test]
fn rights_are_as_recorded() {
    let mut cases = Vec::new();
    for level in [Level::View, Level::Own, Level::Draw, Level::Host] {
        let author = Author(1);
        let rights = Rights { author, level };
        let why = |answer: Result<(), Forbidden>| answer.err().map(|why| format!("{why:?}"));
        for kind in KINDS {
            cases.push(json!({"level": level as u8, "create": kind as u8, "why": why(rights.may_create(kind))}));
            for field in FIELDS.into_iter().filter(|f| kind.has(*f)) {
                for (maker, locked) in [(1, false), (1, true), (2, false), (2, true)] {
                    let object = ObjectId::new(9, Replica::new(maker, 0));
                    let answer = why(rights.may_set(object, kind, field, locked));
                    cases.push(json!({"level": level as u8, "kind": kind as u8, "field": field as u8, "maker": maker, "locked": locked, "why": answer}));
                }
            }
        }
    }
    hold("rights.json", &Json::Array(cases));
}

#[test]
fn limits_are_as_recorded() {
    use limits::*;
    let all = json!({
        "MAX_UPDATE": MAX_UPDATE, "MAX_OPS": MAX_OPS, "MAX_OBJECTS": MAX_OBJECTS, "MAX_POINTS": MAX_POINTS,
        "MAX_INK": MAX_INK, "MAX_SPANS": MAX_SPANS, "MAX_TEXT": MAX_TEXT, "MAX_NAME": MAX_NAME,
        "MAX_COORDINATE": MAX_COORDINATE, "MAX_ORDER": MAX_ORDER, "MAX_ORDER_FRACTION": MAX_ORDER_FRACTION,
        "MAX_REPLICAS": MAX_REPLICAS, "MAX_SEQ": MAX_SEQ, "MAX_PENDING": MAX_PENDING, "MAX_PRESENCE": MAX_PRESENCE,
        "MAX_SELECTION": MAX_SELECTION, "MAX_LAMPORT": confab_board::MAX_LAMPORT, "BATCH_MS": BATCH_MS,
        "MAX_PICTURE_BYTES": MAX_PICTURE_BYTES, "MAX_PICTURE_SIDE": MAX_PICTURE_SIDE, "MAX_PICTURE_PIXELS": MAX_PICTURE_PIXELS,
        "MAX_PICTURES": MAX_PICTURES, "MAX_PICTURE_PIECE": MAX_PICTURE_PIECE, "PICTURE_WINDOW": PICTURE_WINDOW,
    });
    hold("limits.json", &all);
}

/// One frame of each sort of the lane, with what is in it.
#[test]
fn frames_of_the_lane() {
    let (ada, bob) = (Replica::new(1, 0), Replica::new(300, 2));
    let vector = Vector::from([(ada, 7), (bob, 1000)]);
    let open = |copy| Open {
        version: LANE_VERSION,
        meeting: "0000000000000000000000000w".into(),
        participant: 5,
        token: "secret".into(),
        board: "room-2".into(),
        copy,
    };
    let from_client = [
        ("open", open(LaneCopy::New).to_bytes()),
        (
            "open_again",
            open(LaneCopy::Back(bob, vector.clone())).to_bytes(),
        ),
        ("open_second", open(LaneCopy::Second(bob)).to_bytes()),
        ("update", FromClient::Update(&[1, 2, 3]).to_bytes()),
        ("presence", FromClient::Presence(&[0]).to_bytes()),
        ("hash", FromClient::Hash.to_bytes()),
        ("ping", FromClient::Ping.to_bytes()),
        ("allow", FromClient::Allow(true).to_bytes()),
        ("forbid", FromClient::Allow(false).to_bytes()),
    ];
    let opened = FromServer::Opened {
        replica: bob,
        level: Level::Draw,
        time_ms: 1_790_000_000_000,
        next: 1000,
        board: "room-2".into(),
    };
    let refused = FromServer::Refused {
        next: 7,
        name: "too_fast".into(),
        wait_ms: 250,
    };
    let closed = FromServer::Closed {
        code: "overloaded".into(),
        again: true,
    };
    let author = |author, participant, name: &str| AuthorName {
        author: Author(author),
        participant,
        name: name.into(),
    };
    let authors = vec![author(1, 5, "Ada"), author(300, 6, "李")];
    let hash = FromServer::Hash {
        vector,
        hash: [0xab; 32],
    };
    let from_server = [
        ("opened", opened),
        ("changes", FromServer::Changes(vec![1, 2, 3])),
        ("changes_none", FromServer::Changes(vec![])),
        ("snapshot", FromServer::Snapshot(vec![4, 5])),
        ("acknowledged", FromServer::Acknowledged(1000)),
        ("refused", refused),
        ("presence", FromServer::Presence(vec![1, 0, 0])),
        ("rights", FromServer::Rights(Level::View)),
        ("hash", hash),
        ("closed", closed),
        ("pong", FromServer::Pong(1_790_000_000_000)),
        ("authors", FromServer::Authors(authors)),
        ("allowed", FromServer::Allowed(true)),
        ("forbidden", FromServer::Allowed(false)),
    ];
    let mut made = Vec::new();
    for (name, bytes) in from_client {
        made.push(json!({"from": "client", "frame": name, "bytes": hex(&bytes)}));
    }
    for (name, frame) in from_server {
        let bytes = frame.to_bytes();
        assert_eq!(FromServer::from_bytes(&bytes), Ok(frame));
        made.push(json!({"from": "server", "frame": name, "bytes": hex(&bytes)}));
    }
    hold("lane.json", &Json::Array(made));
}

/// One frame of each sort of a connection for pictures, with what is in it.
#[test]
fn frames_for_pictures() {
    let open = OpenPictures {
        version: LANE_VERSION,
        meeting: "0000000000000000000000000w".into(),
        participant: 5,
        token: "secret".into(),
        board: "room-2".into(),
    };
    let put = PictureAsk::Put {
        sha256: [0xcd; 32],
        size: 70_000,
        name: "图 1.png".into(),
    };
    let asks = [
        ("open", PictureAsk::Open(Box::new(open))),
        ("put", put),
        ("piece", PictureAsk::Piece(&[1, 2, 3])),
        ("get", PictureAsk::Get([0xef; 32])),
    ];
    let opened = PictureAnswer::Opened {
        board: "room-2".into(),
        most: 8_388_608,
    };
    let refused = PictureAnswer::Refused {
        sha256: [0xcd; 32],
        code: "quota_exceeded".into(),
    };
    let found = PictureAnswer::Found {
        sha256: [0xef; 32],
        size: 70_000,
    };
    let answers = [
        ("opened", opened),
        ("took", PictureAnswer::Took(49_152)),
        ("kept", PictureAnswer::Kept([0xcd; 32])),
        ("refused", refused),
        ("found", found),
        ("piece", PictureAnswer::Piece(vec![1, 2, 3])),
    ];
    let of =
        |from, name, bytes: Vec<u8>| json!({"from": from, "frame": name, "bytes": hex(&bytes)});
    let asks = asks.map(|(name, ask)| of("client", name, ask.to_bytes()));
    let answers = answers.map(|(name, answer)| of("server", name, answer.to_bytes()));
    hold(
        "pictures.json",
        &Json::Array([&asks[..], &answers].concat()),
    );
}
