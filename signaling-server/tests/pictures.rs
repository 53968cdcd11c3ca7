//! Pictures of whiteboards over real WebSockets: kept for who sees the board, taken from who may draw, refused by name otherwise.

mod common;

use common::{Invitation, Person, Server};
use confab_board::limits::{MAX_PICTURE_BYTES, MAX_PICTURE_PIECE};
use confab_board::{FromServer, LANE_VERSION, OpenPictures, PictureAnswer, PictureAsk};
use confab_protocol::{Permissions, Policy, Request};
use futures_util::{SinkExt, StreamExt};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection for pictures.
struct Album {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What ended a connection, or what it said.
type Said = Result<PictureAnswer, String>;

fn opening(meeting: &Invitation, person: &Person) -> OpenPictures {
    OpenPictures {
        version: LANE_VERSION,
        meeting: meeting.id.as_str().into(),
        participant: person.id.0,
        token: person.token.clone(),
        board: String::new(),
    }
}

impl Album {
    async fn say(server: &Server, open: OpenPictures) -> Album {
        let url = format!("ws://{}/ws/board", server.http());
        let (stream, _) = connect_async(url).await.unwrap();
        let mut album = Album { stream };
        album.send(&PictureAsk::Open(Box::new(open))).await;
        album
    }

    async fn open(server: &Server, meeting: &Invitation, person: &Person) -> Album {
        let mut album = Album::say(server, opening(meeting, person)).await;
        let opened = PictureAnswer::Opened {
            board: "main".into(),
            most: MAX_PICTURE_BYTES,
        };
        assert_eq!(album.next().await, Ok(opened));
        album
    }

    async fn send(&mut self, ask: &PictureAsk<'_>) {
        // A server that has had enough may have closed already.
        let _ = self.stream.send(Message::binary(ask.to_bytes())).await;
    }

    async fn next(&mut self) -> Said {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.stream.next());
            match frame.await.expect("a frame") {
                Some(Ok(Message::Binary(bytes))) if bytes.first() == Some(&13) => {
                    let Ok(FromServer::Closed { code, .. }) = FromServer::from_bytes(&bytes) else {
                        panic!("no last word");
                    };
                    return Err(code);
                }
                Some(Ok(Message::Binary(bytes))) => {
                    return Ok(PictureAnswer::from_bytes(&bytes).unwrap());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(String::new()),
                Some(Ok(_)) => {}
            }
        }
    }

    /// Puts bytes under a hash; the code of a refusal.
    async fn put_as(&mut self, sha256: [u8; 32], bytes: &[u8]) -> Result<(), String> {
        let (size, name) = (bytes.len() as u32, "a.png".to_owned());
        self.send(&PictureAsk::Put { sha256, size, name }).await;
        let mut pieces = bytes.chunks(MAX_PICTURE_PIECE);
        loop {
            match self.next().await? {
                PictureAnswer::Took(_) => {
                    if let Some(piece) = pieces.next() {
                        self.send(&PictureAsk::Piece(piece)).await;
                    }
                }
                PictureAnswer::Kept(kept) => {
                    assert_eq!(kept, sha256);
                    return Ok(());
                }
                PictureAnswer::Refused { code, .. } => return Err(code),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.put_as(hash(bytes), bytes).await
    }

    async fn get(&mut self, sha256: [u8; 32]) -> Result<Vec<u8>, String> {
        self.send(&PictureAsk::Get(sha256)).await;
        let size = match self.next().await? {
            PictureAnswer::Found { size, .. } => size as usize,
            PictureAnswer::Refused { code, .. } => return Err(code),
            other => panic!("{other:?}"),
        };
        let mut bytes = Vec::new();
        while bytes.len() < size {
            match self.next().await? {
                PictureAnswer::Piece(piece) => bytes.extend(piece),
                other => panic!("{other:?}"),
            }
        }
        Ok(bytes)
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The beginning of a PNG of a size, and then nothing in particular.
fn png(width: u32, height: u32, length: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend((bytes.len()..length).map(|n| (n % 251) as u8));
    bytes
}

fn may_draw(draw: bool) -> Request {
    let permissions = Permissions {
        draw,
        ..Permissions::default()
    };
    Request::HostPolicy {
        policy: Policy {
            permissions,
            ..Policy::default()
        },
    }
}

#[tokio::test]
async fn a_picture_is_there_for_all_who_see_the_board_and_after_a_restart() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let picture = png(640, 480, 300_000);
    let mut a = Album::open(&server, &meeting, &ada).await;
    let mut b = Album::open(&server, &meeting, &bob).await;
    assert_eq!(b.get(hash(&picture)).await, Err("not_found".into()));
    assert_eq!(a.put(&picture).await, Ok(()));
    assert_eq!(b.get(hash(&picture)).await.unwrap(), picture);
    // The board has it: nothing of it goes up again.
    b.send(&PictureAsk::Put {
        sha256: hash(&picture),
        size: picture.len() as u32,
        name: "again.png".into(),
    })
    .await;
    assert_eq!(b.next().await, Ok(PictureAnswer::Kept(hash(&picture))));

    let server = server.restart().await;
    let cleo = Person::join(&server, &meeting, "Cleo").await;
    let mut c = Album::open(&server, &meeting, &cleo).await;
    assert_eq!(c.get(hash(&picture)).await.unwrap(), picture);
    // Another meeting's board has nothing of it.
    let other = server.meeting().await;
    let dan = Person::host(&server, &other, "Dan").await;
    let mut d = Album::open(&server, &other, &dan).await;
    assert_eq!(d.get(hash(&picture)).await, Err("not_found".into()));
}

#[tokio::test]
async fn who_may_not_draw_puts_nothing_there_and_still_sees() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let (first, second) = (png(10, 10, 100), png(10, 20, 100_000));
    let mut a = Album::open(&server, &meeting, &ada).await;
    let mut b = Album::open(&server, &meeting, &bob).await;
    a.put(&first).await.unwrap();
    ada.ask(may_draw(false)).await.unwrap();
    let view_only = || Err("board_view_only".to_owned());
    let mut refused = b.put(&second).await;
    // The board is told of it a moment later.
    for _ in 0..50 {
        if refused.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        refused = b.put(&png(10, 30, 100)).await;
    }
    assert_eq!(refused, view_only());
    assert_eq!(b.put(&png(1, 1, 64)).await, view_only());
    assert_eq!(b.get(hash(&first)).await.unwrap(), first);
    ada.ask(may_draw(true)).await.unwrap();
    assert_eq!(a.put(&png(2, 2, 64)).await, Ok(()));

    // No seat, another's token, a board elsewhere, one over a screen.
    for (change, code) in [
        (("participant", ""), "bad_secret"),
        (("token", ""), "bad_secret"),
        (("", "room-1"), "not_allowed"),
        (("", "screen-1"), "not_allowed"),
    ] {
        let mut open = opening(&meeting, &bob);
        match change.0 {
            "participant" => open.participant = 9999,
            "token" => open.token = ada.token.clone(),
            _ => open.board = change.1.into(),
        }
        let mut album = Album::say(&server, open).await;
        assert_eq!(album.next().await, Err(code.into()), "{change:?}");
    }
}

#[tokio::test]
async fn what_is_no_picture_or_another_than_announced_is_refused_and_leaves_nothing() {
    let server = Server::start_with(|config| config.files.meeting_mb = 1).await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let mut a = Album::open(&server, &meeting, &ada).await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for (bytes, code) in [
        (&svg[..], "board_not_a_picture"),
        (b"%PDF-1.7", "board_not_a_picture"),
        (&png(9000, 10, 100), "board_picture_size"),
        (&png(8192, 8192, 100), "board_picture_size"),
    ] {
        assert_eq!(a.put(bytes).await, Err(code.into()));
        assert_eq!(a.get(hash(bytes)).await, Err("not_found".into()));
    }
    let picture = png(10, 10, 100);
    assert_eq!(
        a.put_as([7; 32], &picture).await,
        Err("board_forged".into())
    );
    // All of the meeting's room: nothing that was refused counts.
    let large = png(10, 10, 900_000);
    assert_eq!(a.put(&large).await, Ok(()));
    let more = png(11, 10, 900_000);
    assert_eq!(a.put(&more).await, Err("quota_exceeded".into()));
    assert_eq!(a.get(hash(&large)).await.unwrap(), large);

    // What breaks the order ends the connection.
    a.send(&PictureAsk::Piece(&[1])).await;
    assert_eq!(a.next().await, Err("bad_message".into()));
    let mut a = Album::open(&server, &meeting, &ada).await;
    let (size, name) = (100, String::new());
    let sha256 = hash(&picture);
    a.send(&PictureAsk::Put { sha256, size, name }).await;
    assert_eq!(a.next().await, Ok(PictureAnswer::Took(0)));
    a.send(&PictureAsk::Get(sha256)).await;
    assert_eq!(a.next().await, Err("bad_message".into()));
    let mut a = Album::open(&server, &meeting, &ada).await;
    assert_eq!(a.get(sha256).await, Err("not_found".into()));
}

#[tokio::test]
async fn a_server_that_takes_no_files_takes_no_pictures() {
    let server = Server::start_with(|config| config.files.max_mb = 0).await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let mut album = Album::say(&server, opening(&meeting, &ada)).await;
    let board = "main".to_owned();
    let opened = PictureAnswer::Opened { board, most: 0 };
    assert_eq!(album.next().await, Ok(opened));
    let refused = album.put(&png(1, 1, 64)).await;
    assert_eq!(refused, Err("not_allowed".into()));
}
