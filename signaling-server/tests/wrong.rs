//! Every message a client can send, sent wrong in every way its form allows and in the ways its meaning allows: a stable
//! code comes back, the connection stays, and the meeting is as it was.

mod common;

use common::{Invitation, Person, Server, Socket, hello};
use confab_protocol::{
    AgendaItem, Assignment, Audience, Code, FileId, Layer, Listening, MAX_BREAKOUT_ROOMS, MAX_CHAT,
    MAX_CLIENT_ID, MAX_CLIENT_MESSAGE, MAX_MESSAGE_FILES, MAX_NAME, MAX_SDP, MAX_SLOTS, MeetingId,
    NewPoll, Offer, ParticipantId, Policy, Publish, QualityReport, Reaction, Request, Resume, Role,
    SameRoomChoice, Slot, Snapshot, Source, TrackId, VideoCodec,
};
use serde_json::{Value, json};

/// Bad messages a connection may send in a burst, with room to spare: each batch gets a connection of its own.
const BATCH: usize = 12;

/// One right message of each type. `name` below does not compile while one is missing from its list.
fn one_of_each(meeting: &Invitation) -> Vec<Request> {
    let layer = Layer {
        rid: "f".into(),
        width: 1280,
        height: 720,
        max_bitrate: 1_500_000,
    };
    let camera = Publish {
        mid: "0".into(),
        source: Source::Camera,
        layers: vec![layer],
    };
    let slot = Slot {
        mid: "1".into(),
        track: Some(TrackId(1)),
        max_height: 360,
    };
    let participant = ParticipantId(1);
    let mut hello = hello(meeting, "Eve");
    hello.host_key = Some(meeting.host_key.clone());
    hello.decodes = vec![VideoCodec::H264];
    vec![
        Request::Hello(hello),
        Request::Offer(Offer {
            generation: 1,
            sdp: "v=0\r\n".into(),
            publish: vec![camera],
        }),
        Request::View {
            slots: vec![slot],
            max_bitrate: None,
        },
        Request::Mute {
            source: Source::Camera,
            muted: true,
        },
        Request::Unpublish {
            source: Source::Screen,
        },
        Request::Hand { raised: true },
        Request::Reaction {
            reaction: Reaction::Clap,
        },
        Request::Chat {
            text: "hello".into(),
            client_id: "a-1".into(),
            to: Some(Audience::Person { participant }),
            files: Vec::new(),
        },
        Request::FileRemove {
            file: FileId::from_random(1),
        },
        Request::Rename { name: "Eva".into() },
        Request::HostMute {
            participant,
            source: Source::Microphone,
        },
        Request::HostMuteAll,
        Request::HostLowerHand { participant },
        Request::HostRemove { participant },
        Request::HostLock { locked: true },
        Request::HostSpotlight {
            participants: vec![participant],
        },
        Request::BoardPresent { on: true },
        Request::QualityReport(QualityReport {
            seconds: 60,
            loss_up: Some(10),
            mic_on: 1000,
            ..QualityReport::default()
        }),
        Request::HostAdmit { participant },
        Request::HostAdmitAll,
        Request::HostDeny { participant },
        Request::HostPolicy {
            policy: Policy::default(),
        },
        Request::HostRole {
            participant,
            role: Role::CoHost,
        },
        Request::HostAskUnmute {
            participant,
            source: Source::Microphone,
        },
        Request::HostRename {
            participant,
            name: "Eva".into(),
        },
        Request::HostLowerHands,
        Request::HostFloor { on: true },
        Request::HostFloorPass {
            participant: Some(participant),
        },
        Request::FloorGrab,
        Request::FloorRelease,
        Request::QuestionAsk {
            text: "When?".into(),
            client_id: "q-1".into(),
        },
        Request::QuestionVote {
            question: 1,
            up: true,
        },
        Request::HostQuestionAnswer {
            question: 1,
            text: Some("Now".into()),
        },
        Request::HostQuestionDismiss { question: 1 },
        Request::HostPollOpen {
            poll: NewPoll {
                question: "Tea?".into(),
                options: vec!["Yes".into(), "No".into()],
                multiple: false,
                anonymous: false,
                live: true,
                correct: vec![0],
            },
        },
        Request::PollVote {
            poll: 1,
            choices: vec![0],
        },
        Request::HostPollClose { poll: 1 },
        Request::HostPollRemove { poll: 1 },
        Request::HostAgenda {
            items: vec![AgendaItem {
                title: "News".into(),
                minutes: 5,
            }],
        },
        Request::HostAgendaGo { item: Some(0) },
        Request::HostSeatOrder {
            participants: vec![participant],
        },
        Request::HostBreakout {
            rooms: vec!["Red".into()],
            choose: false,
        },
        Request::HostBreakoutAssign {
            places: vec![Assignment {
                participant,
                room: Some(1),
            }],
        },
        Request::HostBreakoutSpread { anew: true },
        Request::HostBreakoutOpen { minutes: Some(5) },
        Request::HostBreakoutClose { seconds: 60 },
        Request::BreakoutGo { room: Some(1) },
        Request::BreakoutHelp { asked: true },
        Request::HostEnd,
        Request::Listening(Listening {
            stalled_permille: 12,
            minutes: 0,
            fluent_minutes: 0,
        }),
        Request::SameRoom {
            choice: SameRoomChoice::UseMine,
        },
        Request::Resync { last_seq: 0 },
        Request::Ping,
        Request::Leave,
    ]
}

/// The type on the wire; no wildcard, so that a new type is noticed here.
fn name(request: &Request) -> &'static str {
    match request {
        Request::Hello(_) => "hello",
        Request::Offer(_) => "offer",
        Request::View { .. } => "view",
        Request::Mute { .. } => "mute",
        Request::Unpublish { .. } => "unpublish",
        Request::Hand { .. } => "hand",
        Request::Reaction { .. } => "reaction",
        Request::Chat { .. } => "chat",
        Request::FileRemove { .. } => "file_remove",
        Request::Rename { .. } => "rename",
        Request::HostMute { .. } => "host_mute",
        Request::HostMuteAll => "host_mute_all",
        Request::HostLowerHand { .. } => "host_lower_hand",
        Request::HostRemove { .. } => "host_remove",
        Request::HostLock { .. } => "host_lock",
        Request::HostSpotlight { .. } => "host_spotlight",
        Request::BoardPresent { .. } => "board_present",
        Request::QualityReport(_) => "quality_report",
        Request::HostAdmit { .. } => "host_admit",
        Request::HostAdmitAll => "host_admit_all",
        Request::HostDeny { .. } => "host_deny",
        Request::HostPolicy { .. } => "host_policy",
        Request::HostRole { .. } => "host_role",
        Request::HostAskUnmute { .. } => "host_ask_unmute",
        Request::HostRename { .. } => "host_rename",
        Request::HostLowerHands => "host_lower_hands",
        Request::HostFloor { .. } => "host_floor",
        Request::HostFloorPass { .. } => "host_floor_pass",
        Request::FloorGrab => "floor_grab",
        Request::FloorRelease => "floor_release",
        Request::QuestionAsk { .. } => "question_ask",
        Request::QuestionVote { .. } => "question_vote",
        Request::HostQuestionAnswer { .. } => "host_question_answer",
        Request::HostQuestionDismiss { .. } => "host_question_dismiss",
        Request::HostPollOpen { .. } => "host_poll_open",
        Request::PollVote { .. } => "poll_vote",
        Request::HostPollClose { .. } => "host_poll_close",
        Request::HostPollRemove { .. } => "host_poll_remove",
        Request::HostAgenda { .. } => "host_agenda",
        Request::HostAgendaGo { .. } => "host_agenda_go",
        Request::HostSeatOrder { .. } => "host_seat_order",
        Request::HostBreakout { .. } => "host_breakout",
        Request::HostBreakoutAssign { .. } => "host_breakout_assign",
        Request::HostBreakoutSpread { .. } => "host_breakout_spread",
        Request::HostBreakoutOpen { .. } => "host_breakout_open",
        Request::HostBreakoutClose { .. } => "host_breakout_close",
        Request::BreakoutGo { .. } => "breakout_go",
        Request::BreakoutHelp { .. } => "breakout_help",
        Request::HostEnd => "host_end",
        Request::Listening(_) => "listening",
        Request::SameRoom { .. } => "same_room",
        Request::Resync { .. } => "resync",
        Request::Ping => "ping",
        Request::Leave => "leave",
    }
}

const TYPES: usize = 54;

/// Fields that may be left out; without a camera's layers the offer means nothing, which is another test's matter.
fn may_be_absent(kind: &Value, path: &str) -> bool {
    let optional = [
        "/agent",
        "/host_key",
        "/resume",
        "/track",
        "/max_height",
        "/layers",
        "/to",
        "/item",
        "/room",
        "/minutes",
        "/correct",
        "/draw",
    ];
    let nobody = ["host_floor_pass"];
    let is_nobody = nobody.iter().any(|k| kind == k) && path == "/participant";
    let is_aloud = kind == "host_question_answer" && path == "/text";
    let is_unmeasured = kind == "quality_report" && path != "/seconds";
    is_unmeasured || is_nobody || is_aloud || optional.iter().any(|o| path.ends_with(o))
}

/// Every place in a body but its type.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(i, v)| (i.to_string(), v))
            .collect(),
        _ => return,
    };
    for (key, child) in children {
        let path = format!("{at}/{key}");
        if path != "/type" {
            out.push(path.clone());
            places(child, &path, out);
        }
    }
}

/// Values no field of this one's kind takes.
fn wrong_values(right: &Value) -> Vec<Value> {
    let mut wrong = vec![json!({ "no": ["such"] }), json!([[]])];
    match right {
        Value::String(_) => wrong.extend([json!(7), json!(true)]),
        Value::Number(_) => wrong.extend([json!("7"), json!(-1), json!(1.5), json!(1e30)]),
        Value::Bool(_) => wrong.extend([json!("true"), json!(1)]),
        Value::Array(_) | Value::Object(_) => wrong.extend([json!(7), json!("x")]),
        Value::Null => {}
    }
    wrong
}

/// The body in all wrong forms, and what each of them is.
fn malformed(body: &Value) -> Vec<(String, Value)> {
    let mut paths = Vec::new();
    places(body, "", &mut paths);
    let mut out = Vec::new();
    for path in paths {
        let right = body.pointer(&path).unwrap();
        let mut values = wrong_values(right);
        if !may_be_absent(&body["type"], &path) {
            values.push(Value::Null);
        }
        for value in values {
            let mut wrong = body.clone();
            *wrong.pointer_mut(&path).unwrap() = value.clone();
            out.push((format!("{path} = {value}"), wrong));
        }
        let (parent, key) = path.rsplit_once('/').unwrap();
        if let Some(Value::Object(parent)) = body.clone().pointer_mut(parent)
            && !may_be_absent(&body["type"], &path)
        {
            parent.remove(key);
            let mut wrong = body.clone();
            *wrong.pointer_mut(path.rsplit_once('/').unwrap().0).unwrap() =
                Value::Object(parent.clone());
            out.push((format!("{path} is missing"), wrong));
        }
    }
    for kind in [json!(7), json!(null), json!(["hand"]), json!({})] {
        let mut wrong = body.clone();
        wrong["type"] = kind.clone();
        out.push((format!("/type = {kind}"), wrong));
    }
    out
}

fn body(request: &Request) -> Value {
    serde_json::to_value(request).unwrap()
}

/// What must not change by anything Eve says: all but Eve herself and the running number.
fn seen(snapshot: Snapshot, eves: &str) -> Value {
    let mut people = serde_json::to_value(&snapshot.participants).unwrap();
    let list = people.as_array_mut().unwrap();
    list.retain(|p| p["name"] != eves);
    json!([snapshot.meeting, people, snapshot.chat])
}

struct Scene {
    server: Server,
    meeting: Invitation,
    host: Person,
    before: Value,
}

impl Scene {
    async fn new() -> Scene {
        let server = Server::start().await;
        let meeting = server.meeting().await;
        let mut host = Person::host(&server, &meeting, "Ada").await;
        let _ben = Person::join(&server, &meeting, "Ben").await;
        host.say("before").await;
        let before = seen(host.socket.snapshot().await, "Eve");
        Scene {
            server,
            meeting,
            host,
            before,
        }
    }

    async fn eve(&self) -> Socket {
        Person::join(&self.server, &self.meeting, "Eve")
            .await
            .socket
    }

    async fn unharmed(&mut self) {
        // Ben's connection went when he was dropped; his seat is kept, as reconnecting.
        let mut after = seen(self.host.socket.snapshot().await, "Eve");
        for side in [&mut after, &mut self.before] {
            for person in side[1].as_array_mut().unwrap() {
                person.as_object_mut().unwrap().remove("presence");
            }
        }
        assert_eq!(after, self.before);
    }
}

/// Sends texts on a connection and checks the code of each.
async fn expect(socket: &mut Socket, ids: &mut u32, what: &str, body: &Value, code: Code) {
    *ids += 1;
    let text = json!({ "id": *ids, "body": body }).to_string();
    let too_large = text.len() > MAX_CLIENT_MESSAGE;
    socket.send_text(text).await;
    // What is too large is not read, so its number is unknown.
    let answer = socket.answer(if too_large { 0 } else { *ids }).await;
    assert_eq!(answer.err(), Some(code), "{what}");
}

#[test]
fn the_list_holds_every_type_once() {
    let meeting = Invitation {
        id: MeetingId::from_random(1),
        host_key: "k".into(),
    };
    let mut names: Vec<_> = one_of_each(&meeting).iter().map(name).collect();
    for (request, name) in one_of_each(&meeting).iter().zip(&names) {
        assert_eq!(body(request)["type"], **name);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TYPES);
}

#[tokio::test]
async fn wrong_forms_of_every_message_get_a_code_and_change_nothing() {
    let mut scene = Scene::new().await;
    let mut count = 0;
    for request in one_of_each(&scene.meeting) {
        let kind = name(&request);
        let mut cases = malformed(&body(&request));
        let mut large = body(&request);
        large["padding"] = "x".repeat(MAX_CLIENT_MESSAGE).into();
        cases.push(("too large".into(), large));
        let mut unknown = body(&request);
        unknown["type"] = format!("{kind}_2").into();
        cases.push(("unknown type".into(), unknown));
        count += cases.len();
        for batch in cases.chunks(BATCH) {
            let mut eve = scene.eve().await;
            let mut ids = 100;
            for (what, wrong) in batch {
                let code = match what.as_str() {
                    "too large" => Code::TooLarge,
                    "unknown type" => Code::UnknownMessage,
                    _ => Code::BadMessage,
                };
                expect(&mut eve, &mut ids, &format!("{kind}: {what}"), wrong, code).await;
            }
            eve.send_as(ids + 1, Request::Ping).await;
            assert!(eve.answer(ids + 1).await.is_ok(), "after {kind}");
            eve.send_as(ids + 2, Request::Leave).await;
            assert!(eve.answer(ids + 2).await.is_ok());
        }
    }
    assert!(count > 200, "{count} forms");
    scene.unharmed().await;
}

#[tokio::test]
async fn messages_without_a_number_or_a_body_are_none() {
    let mut scene = Scene::new().await;
    let right = body(&Request::Hand { raised: true });
    let mut eve = scene.eve().await;
    for envelope in [
        json!({ "body": right }),
        json!({ "id": "7", "body": right }),
        json!({ "id": -1, "body": right }),
        json!({ "id": 4_294_967_296u64, "body": right }),
        json!({ "id": 1.5, "body": right }),
        json!([1, right, 3]),
        json!(null),
        json!("hand"),
    ] {
        eve.send_text(envelope.to_string()).await;
        let answer = eve.answer(0).await;
        assert_eq!(answer.err(), Some(Code::BadMessage), "{envelope}");
    }
    for (id, envelope) in [
        (200, json!({ "id": 200 })),
        (201, json!({ "id": 201, "body": [] })),
        (202, json!({ "id": 202, "body": {} })),
        (203, json!({ "id": 203, "body": "ping" })),
    ] {
        eve.send_text(envelope.to_string()).await;
        assert_eq!(
            eve.answer(id).await.err(),
            Some(Code::BadMessage),
            "{envelope}"
        );
    }
    scene.unharmed().await;
}

#[tokio::test]
async fn every_message_is_out_of_order_before_hello_and_hello_after_it() {
    let mut scene = Scene::new().await;
    for request in one_of_each(&scene.meeting) {
        let kind = name(&request);
        if let Request::Hello(_) = request {
            let mut eve = scene.eve().await;
            eve.send_as(50, request).await;
            assert_eq!(eve.answer(50).await.err(), Some(Code::OutOfOrder));
            eve.send_as(51, Request::Leave).await;
            assert!(eve.answer(51).await.is_ok());
            continue;
        }
        let mut early = Socket::open(scene.server.http()).await;
        early.send(request).await;
        assert_eq!(early.end().await, Some(Code::OutOfOrder), "{kind}");
    }
    scene.unharmed().await;
}

#[tokio::test]
async fn hosts_requests_of_a_guest_are_refused() {
    let mut scene = Scene::new().await;
    let mut eve = scene.eve().await;
    let mut refused = 0;
    for request in one_of_each(&scene.meeting) {
        if name(&request).starts_with("host_") {
            let answer = eve.ask(request.clone()).await;
            assert_eq!(answer.err(), Some(Code::NotAllowed), "{}", name(&request));
            refused += 1;
        }
    }
    assert_eq!(refused, 30);
    scene.unharmed().await;
}

#[tokio::test]
async fn hosts_requests_about_nobody_find_nobody() {
    let mut scene = Scene::new().await;
    let nobody = ParticipantId(4_000_000);
    let own = scene.host.id;
    let source = Source::Camera;
    for (request, code) in [
        (
            Request::HostMute {
                participant: nobody,
                source,
            },
            Code::NotFound,
        ),
        (
            Request::HostLowerHand {
                participant: nobody,
            },
            Code::NotFound,
        ),
        (
            Request::HostRemove {
                participant: nobody,
            },
            Code::NotFound,
        ),
        (
            Request::HostSpotlight {
                participants: vec![nobody],
            },
            Code::NotFound,
        ),
        (Request::HostRemove { participant: own }, Code::BadValue),
    ] {
        let what = format!("{request:?}");
        assert_eq!(scene.host.ask(request).await.err(), Some(code), "{what}");
    }
    scene.unharmed().await;
}

#[tokio::test]
async fn a_hello_that_is_wrong_in_meaning_is_refused_with_its_code() {
    let mut scene = Scene::new().await;
    let right = hello(&scene.meeting, "Eve");
    let resume = |participant, token: &str| Resume {
        participant,
        token: token.into(),
        last_seq: 0,
    };
    let mut cases = vec![(right.clone(), Code::BadValue); 3];
    cases[0].0.name = String::new();
    cases[1].0.name = " \u{202e}\n ".into();
    cases[2].0.name = "x".repeat(MAX_NAME + 1);
    let mut more = |code, change: &dyn Fn(&mut confab_protocol::Hello)| {
        let mut wrong = right.clone();
        change(&mut wrong);
        cases.push((wrong, code));
    };
    more(Code::UnsupportedVersion, &|h| h.protocol = 0);
    more(Code::MeetingNotFound, &|h| {
        h.meeting = MeetingId::from_random(7)
    });
    more(Code::BadSecret, &|h| h.host_key = Some("wrong".into()));
    more(Code::BadSecret, &|h| {
        h.resume = Some(resume(ParticipantId(1), "wrong"))
    });
    more(Code::BadSecret, &|h| {
        h.resume = Some(resume(ParticipantId(4_000_000), ""))
    });
    for (wrong, code) in cases {
        let what = format!("{wrong:?}");
        let entered = Person::enter(scene.server.http(), wrong).await;
        assert_eq!(entered.err(), Some(code), "{what}");
    }
    let mut forms = malformed(&body(&Request::Hello(right)));
    forms.truncate(40);
    for (what, wrong) in forms {
        let mut eve = Socket::open(scene.server.http()).await;
        eve.send_text(json!({ "id": 1, "body": wrong }).to_string())
            .await;
        assert_eq!(eve.end().await, Some(Code::BadMessage), "{what}");
    }
    scene.unharmed().await;
}

#[tokio::test]
async fn values_out_of_their_range_are_refused_with_their_code() {
    let mut scene = Scene::new().await;
    let slot = |mid: String| json!({ "mid": mid });
    let slots = |n: usize| (0..n).map(|i| slot(i.to_string())).collect::<Vec<_>>();
    let layer = |rid: &str| json!({ "rid": rid, "width": 2, "height": 2, "max_bitrate": 9 });
    let camera = |layers: Vec<Value>| json!({ "mid": "0", "source": "camera", "layers": layers });
    let offer = |generation: u32, sdp: &str, publish: Vec<Value>| json!({ "type": "offer", "generation": generation, "sdp": sdp, "publish": publish });
    let microphone = json!({ "mid": "0", "source": "microphone" });
    let chat = |text: &str, id: &str| json!({ "type": "chat", "text": text, "client_id": id });
    let chat_to = |to: Value| json!({ "type": "chat", "text": "x", "client_id": "to", "to": to });
    let rooms =
        |names: &[&str]| json!({ "type": "host_breakout", "rooms": names, "choose": false });
    let long = "x".repeat(MAX_CHAT + 1);
    let value = Code::BadValue;
    let view = |slots: Value| json!({ "type": "view", "slots": slots });
    let listening = |stalled: u16, minutes: u32, fluent: u32| json!({ "type": "listening", "stalled_permille": stalled, "minutes": minutes, "fluent_minutes": fluent });
    let chat_with = |files: &[u128]| {
        let files: Vec<_> = files.iter().map(|n| FileId::from_random(*n)).collect();
        json!({ "type": "chat", "text": "", "client_id": "files", "files": files })
    };
    let many: Vec<u128> = (0..=MAX_MESSAGE_FILES as u128).map(|n| n << 8).collect();
    let unknown = json!({ "type": "file_remove", "file": FileId::from_random(1) });
    let cases = [
        (chat_with(&[]), value),
        (chat_with(&many), value),
        (chat_with(&[256, 256]), value),
        (chat_with(&[256]), Code::NotFound),
        (unknown, Code::NotFound),
        (view(json!(slots(2 * MAX_SLOTS + 1))), value),
        (view(json!([slot("a".into()), slot("a".into())])), value),
        (view(json!([slot(String::new())])), value),
        (view(json!([slot("m".repeat(17))])), value),
        (chat("", "a"), value),
        (chat("   ", "a"), value),
        (chat(&long, "a"), value),
        (chat("x", ""), value),
        (chat("x", &"a".repeat(MAX_CLIENT_ID + 1)), value),
        (chat("x", "with space"), value),
        (json!({ "type": "rename", "name": "" }), value),
        (
            json!({ "type": "rename", "name": "x".repeat(MAX_NAME + 1) }),
            value,
        ),
        (offer(0, "", vec![]), value),
        (offer(1, &"x".repeat(MAX_SDP + 1), vec![]), Code::TooLarge),
        (offer(1, "", vec![microphone.clone(); 5]), value),
        (offer(1, "", vec![microphone.clone(); 2]), value),
        (
            offer(1, "", vec![microphone, camera(vec![layer("f")])]),
            value,
        ),
        (offer(1, "", vec![camera(vec![])]), value),
        (offer(1, "", vec![camera(vec![layer("q"); 4])]), value),
        (offer(1, "", vec![camera(vec![layer("a b")])]), value),
        (
            offer(1, "", vec![camera(vec![layer(&"q".repeat(17))])]),
            value,
        ),
        // Nobody else is in Eve's room.
        (json!({ "type": "same_room", "choice": "use_mine" }), value),
        (json!({ "type": "same_room", "choice": "apart" }), value),
        (
            json!({ "type": "same_room", "choice": "both" }),
            Code::BadMessage,
        ),
        (
            json!({ "type": "mute", "source": "trombone", "muted": true }),
            Code::BadMessage,
        ),
        (
            json!({ "type": "reaction", "reaction": "yawn" }),
            Code::BadMessage,
        ),
        (offer(2, "garbage", vec![]), Code::BadSdp),
        (offer(1, "garbage", vec![]), Code::StaleGeneration),
        (rooms(&["x"; MAX_BREAKOUT_ROOMS + 1]), value),
        (rooms(&["x", " "]), value),
        (json!({ "type": "host_breakout_open", "minutes": 0 }), value),
        (
            json!({ "type": "host_breakout_close", "seconds": 601 }),
            value,
        ),
        (
            json!({ "type": "host_breakout_assign", "places": [{ "participant": 1, "room": 0 }] }),
            value,
        ),
        // There are no rooms, and Eve is in none.
        (json!({ "type": "breakout_go", "room": 51 }), value),
        (json!({ "type": "breakout_go", "room": 1 }), value),
        (json!({ "type": "breakout_help", "asked": true }), value),
        (
            chat_to(json!({ "type": "room", "room": 1 })),
            Code::NotFound,
        ),
        (chat_to(json!({ "type": "everyone" })), Code::NotAllowed),
        (chat_to(json!({ "type": "nobody" })), Code::BadMessage),
        (listening(1001, 0, 0), value),
        (listening(0, 1, 2), value),
    ];
    for batch in cases.chunks(BATCH + 1) {
        let mut eve = scene.eve().await;
        let mut ids = 100;
        for (wrong, code) in batch {
            let what: String = wrong.to_string().chars().take(100).collect();
            expect(&mut eve, &mut ids, &what, wrong, *code).await;
        }
        // Tracks and sources nobody has are no error: they may have gone a moment ago.
        let slots = vec![Slot {
            mid: "1".into(),
            track: Some(TrackId(4_000_000)),
            max_height: u16::MAX,
        }];
        let source = Source::ScreenAudio;
        for request in [
            Request::View {
                slots,
                max_bitrate: None,
            },
            Request::Unpublish { source },
            Request::Resync { last_seq: u64::MAX },
        ] {
            ids += 1;
            eve.send_as(ids, request).await;
            assert!(eve.answer(ids).await.is_ok());
        }
        eve.send_as(ids + 1, Request::Leave).await;
        assert!(eve.answer(ids + 1).await.is_ok());
    }
    scene.unharmed().await;
}
