//! `kill -9` while meetings are talked, drawn and made in, again and again: the server opens its database each time, and nothing
//! that it said yes to is lost. The kernel lives on, so this is about the process; a power cut is another matter.

mod common;

use common::drawing::{note, page};
use common::process::Process;
use common::{Invitation, Person, Socket, hello};
use confab_board::*;
use confab_protocol::{
    CreateMeeting, MeetingCreated, MeetingId, ReplyBody, Request, Resume, ServerMessage, Welcome,
};
use futures_util::{SinkExt, StreamExt};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

const ROUNDS: u32 = 50;
const MEETINGS: usize = 3;

/// What a round's people were told yes to.
#[derive(Default)]
struct Told {
    chat: BTreeSet<String>,
    notes: BTreeSet<String>,
}

/// A meeting, and how its one participant gets in again.
struct Talk {
    meeting: Invitation,
    seat: Option<Resume>,
}

impl Talk {
    /// In by the old seat, or by a new one where the server was killed before we heard of the old one.
    async fn enter(&mut self, server: SocketAddr) -> Person {
        let mut hello = hello(&self.meeting, "Ada");
        hello.resume.clone_from(&self.seat);
        let person = Person::enter(server, hello).await.unwrap();
        self.seat = Some(Resume {
            participant: person.id,
            token: person.token.clone(),
            last_seq: 0,
        });
        person
    }
}

fn texts(welcome: &Welcome) -> BTreeSet<String> {
    let chat = &common::told(welcome).chat;
    chat.iter().map(|m| m.text.clone()).collect()
}

/// Talks until the connection ends; several messages are always on their way.
async fn talk(mut socket: Socket, round: u32, told: &mut BTreeSet<String>) {
    let (mut sent, mut n) = (Vec::new(), 0);
    loop {
        while sent.len() < 4 {
            let text = format!("{round}-{n}");
            n += 1;
            let chat = Request::Chat {
                client_id: text.clone(),
                text: text.clone(),
                to: None,
                files: Vec::new(),
            };
            sent.push((socket.send(chat).await, text));
        }
        let Some(message) = socket.next().await else {
            return;
        };
        let (id, yes) = match message {
            ServerMessage::Reply { id, body } => (id, body == ReplyBody::Done),
            ServerMessage::Error { id, .. } => (id, false),
            _ => continue,
        };
        if let Some(at) = sent.iter().position(|(asked, _)| *asked == id) {
            let (_, text) = sent.swap_remove(at);
            match yes {
                true => {
                    told.insert(text);
                }
                // More than one may say in a second.
                false => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

type Lane =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn frame(lane: &mut Lane) -> Option<FromServer> {
    loop {
        match lane.next().await {
            Some(Ok(Message::Binary(bytes))) => return FromServer::from_bytes(&bytes).ok(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return None,
        }
    }
}

/// A copy of the board, as the server has it.
async fn open(server: SocketAddr, meeting: &MeetingId, person: &Person) -> (Lane, Board) {
    let (mut lane, _) = connect_async(format!("ws://{server}/ws/board"))
        .await
        .unwrap();
    let open = Open {
        version: LANE_VERSION,
        meeting: meeting.as_str().into(),
        participant: person.id.0,
        token: person.token.clone(),
        board: String::new(),
        copy: LaneCopy::New,
    };
    lane.send(Message::binary(open.to_bytes())).await.unwrap();
    let Some(FromServer::Opened { replica, .. }) = frame(&mut lane).await else {
        panic!("not opened");
    };
    let Some(FromServer::Snapshot(bytes)) = frame(&mut lane).await else {
        panic!("no snapshot");
    };
    let document = Document::from_snapshot(&bytes).unwrap();
    (lane, Board::with(replica, document))
}

fn notes(board: &Board) -> BTreeSet<String> {
    let objects = board.document().objects();
    objects
        .filter_map(|object| match object.get(Field::Text) {
            Some(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        })
        .collect()
}

/// Draws note after note until the connection ends; `told` are those that were acknowledged.
async fn draw((mut lane, mut board): (Lane, Board), round: u32, told: &mut BTreeSet<String>) {
    let page = page(&mut board);
    let mut waiting = BTreeSet::new();
    for n in 0.. {
        let text = format!("{round}-{n}");
        note(&mut board, page, 0, &text);
        waiting.insert(text);
        let update = write_update(&board.take_update());
        let update = FromClient::Update(&update).to_bytes();
        if lane.send(Message::binary(update)).await.is_err() {
            return;
        }
        while board.unacknowledged() > 0 {
            match frame(&mut lane).await {
                Some(FromServer::Acknowledged(next)) => board.acknowledge(next),
                Some(FromServer::Closed { .. }) | None => return,
                Some(_) => {}
            }
        }
        told.append(&mut waiting);
    }
}

/// Makes meetings until the server is gone.
async fn make(server: SocketAddr, told: &mut Vec<MeetingId>) {
    loop {
        let ask = move || -> Option<MeetingId> {
            let body = serde_json::to_string(&CreateMeeting::default()).unwrap();
            let url = format!("http://{server}/api/v1/meetings");
            let made = ureq::post(url).content_type("application/json").send(body);
            let made = made.ok()?.into_body().read_to_string().ok()?;
            let made: MeetingCreated = serde_json::from_str(&made).ok()?;
            Some(made.id)
        };
        match tokio::task::spawn_blocking(ask).await.unwrap() {
            Some(id) => told.push(id),
            None => return,
        }
    }
}

/// Everything that was said yes to is there, and only then does the next round begin.
async fn look(
    server: SocketAddr,
    talks: &mut [Talk],
    told: &[Told],
    made: &[MeetingId],
) -> Vec<Person> {
    let mut people = Vec::new();
    for (talk, told) in talks.iter_mut().zip(told) {
        let person = talk.enter(server).await;
        let there = texts(&person.welcome);
        let lost: Vec<_> = told.chat.difference(&there).collect();
        assert!(lost.is_empty(), "messages lost: {lost:?}");
        let (mut lane, board) = open(server, &talk.meeting.id, &person).await;
        let drawn = notes(&board);
        let lost: Vec<_> = told.notes.difference(&drawn).collect();
        assert!(lost.is_empty(), "notes lost: {lost:?}");
        let _ = lane.close(None).await;
        people.push(person);
    }
    let ids = made.to_vec();
    let ask = move || {
        for id in ids {
            let url = format!("http://{server}/api/v1/meetings/{id}");
            ureq::get(url).call().expect("a meeting was lost");
        }
    };
    tokio::task::spawn_blocking(ask).await.unwrap();
    people
}

fn config(dir: &Path) -> std::path::PathBuf {
    let file = dir.join("confab.toml");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n{}[media]\naddress = \"127.0.0.1\"\nworkers = 1\n\
         [limits]\nmeetings_per_minute = 1000000\njoins_per_minute = 1000000\n[log]\nlevel = \"error\"\n",
        dir.join("data").display(),
        common::process::database(&dir.join("data"))
    );
    std::fs::write(&file, text).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let mut talks: Vec<Talk> = (0..MEETINGS)
        .map(|_| Talk {
            meeting: common::process::new_meeting(&config),
            seat: None,
        })
        .collect();
    let mut told: Vec<Told> = talks.iter().map(|_| Told::default()).collect();
    let mut made: Vec<MeetingId> = Vec::new();
    let mut counts = [0; 3];
    let begun = std::time::Instant::now();
    for round in 0..ROUNDS {
        let mut server = Process::serve(&config);
        let address = server.address;
        let people = look(address, &mut talks, &told, &made).await;
        told = talks.iter().map(|_| Told::default()).collect();
        made.clear();
        let mut lanes = Vec::new();
        for (talk, person) in talks.iter().zip(&people) {
            lanes.push(open(address, &talk.meeting.id, person).await);
        }
        let work = async {
            let all = told.iter_mut().zip(people).zip(lanes);
            let each = all.map(|((told, person), lane)| async move {
                let Told { chat, notes } = told;
                tokio::join!(talk(person.socket, round, chat), draw(lane, round, notes));
            });
            tokio::join!(
                futures_util::future::join_all(each),
                make(address, &mut made)
            );
        };
        // From the first write to well into many: each round another moment.
        let life = Duration::from_millis(u64::from(20 + round * 37 % 230));
        let kill = async {
            tokio::time::sleep(life).await;
            server.child.kill().unwrap();
            server.child.wait().unwrap();
        };
        tokio::join!(work, kill);
        counts[0] += told.iter().map(|t| t.chat.len()).sum::<usize>();
        counts[1] += told.iter().map(|t| t.notes.len()).sum::<usize>();
        counts[2] += made.len();
    }
    let server = Process::serve(&config);
    look(server.address, &mut talks, &told, &made).await;
    let seconds = begun.elapsed().as_secs();
    eprintln!(
        "{ROUNDS} kills in {seconds} s: {} messages, {} notes, {} meetings acknowledged, none lost",
        counts[0], counts[1], counts[2]
    );
    assert!(
        counts.iter().all(|n| *n > 50),
        "too little was written: {counts:?}"
    );
}
