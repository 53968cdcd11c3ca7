//! A client of the whiteboard's lane.

use super::{Invitation, PATIENCE, Person};
use confab_board::*;
use confab_protocol::MeetingId;
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A connection of the lane.
pub struct Lane {
    pub stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Lane {
    pub async fn say(server: SocketAddr, first: &[u8]) -> Lane {
        let url = format!("ws://{server}/ws/board");
        let (stream, _) = connect_async(url).await.unwrap();
        let mut lane = Lane { stream };
        lane.send(first.to_vec()).await;
        lane
    }

    pub async fn send(&mut self, frame: Vec<u8>) {
        // A server that has had enough may have closed already.
        let _ = self.stream.send(Message::binary(frame)).await;
    }

    /// The next frame; `None`: the connection is over.
    pub async fn next(&mut self) -> Option<FromServer> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.stream.next());
            match frame.await.expect("a frame") {
                Some(Ok(Message::Binary(bytes))) => {
                    return Some(FromServer::from_bytes(&bytes).unwrap());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The code of the last frame.
    pub async fn end(&mut self) -> String {
        let mut last = String::new();
        while let Some(frame) = self.next().await {
            if let FromServer::Closed { code, .. } = frame {
                last = code;
            }
        }
        last
    }
}

/// Somebody with a copy of the board.
pub struct Drawer {
    pub lane: Lane,
    pub board: Board,
    pub level: Level,
    pub name: String,
}

pub fn open(meeting: &MeetingId, person: &Person, copy: LaneCopy) -> Open {
    Open {
        version: LANE_VERSION,
        meeting: meeting.as_str().into(),
        participant: person.id.0,
        token: person.token.clone(),
        board: String::new(),
        copy,
    }
}

/// Makes a page.
pub fn page(board: &mut Board) -> ObjectId {
    let fields = vec![(Field::Order, Value::Order(Order::whole(0)))];
    let made = board.edit::<_, EditError>(Step::New, |edit| edit.create(Kind::Page, fields));
    made.unwrap()
}

/// Puts a note on it; `n`: its place.
pub fn note(board: &mut Board, page: ObjectId, n: i32, text: &str) {
    let place = Place {
        x: n * 16,
        y: 0,
        width: 1600,
        height: 1600,
        turn: 0,
    };
    let fields = vec![
        (Field::Parent, Value::Object(page)),
        (Field::Order, Value::Order(Order::whole(i64::from(n)))),
        (Field::Place, Value::Place(place)),
        (Field::Color, Value::Number(0xffee_88ff)),
        (Field::Text, Value::Text(text.to_owned().into())),
    ];
    let made = board.edit::<_, EditError>(Step::New, |edit| edit.create(Kind::Note, fields));
    made.unwrap();
}

impl Drawer {
    pub async fn open(server: SocketAddr, meeting: &Invitation, person: &Person) -> Drawer {
        let open = open(&meeting.id, person, LaneCopy::New);
        Drawer::say(server, &open).await
    }

    pub async fn say(server: SocketAddr, open: &Open) -> Drawer {
        let mut lane = Lane::say(server, &open.to_bytes()).await;
        let Some(FromServer::Opened {
            replica,
            level,
            board,
            ..
        }) = lane.next().await
        else {
            panic!("not opened");
        };
        let Some(FromServer::Snapshot(bytes)) = lane.next().await else {
            panic!("no snapshot");
        };
        let document = Document::from_snapshot(&bytes).unwrap();
        Drawer {
            lane,
            board: Board::with(replica, document),
            level,
            name: board,
        }
    }

    pub fn page(&mut self) -> ObjectId {
        page(&mut self.board)
    }

    pub fn note(&mut self, page: ObjectId, n: i32) {
        note(&mut self.board, page, n, &format!("note {n}"));
    }

    pub async fn send(&mut self) {
        let update = write_update(&self.board.take_update());
        self.lane.send(FromClient::Update(&update).to_bytes()).await;
    }

    /// Takes what comes until `done`.
    pub async fn until(&mut self, mut done: impl FnMut(&Board, &FromServer) -> bool) -> FromServer {
        loop {
            let frame = self.lane.next().await.expect("the lane to stay");
            match &frame {
                FromServer::Changes(update) if !update.is_empty() => {
                    for change in read_update(update).unwrap() {
                        self.board.receive(&change);
                    }
                }
                FromServer::Acknowledged(next) => self.board.acknowledge(*next),
                FromServer::Closed { code, .. } => panic!("closed: {code}"),
                _ => {}
            }
            if done(&self.board, &frame) {
                return frame;
            }
        }
    }

    pub async fn acknowledged(&mut self) {
        self.until(|board, _| board.unacknowledged() == 0).await;
    }

    pub async fn refused(&mut self) -> String {
        let frame = self.until(|_, frame| matches!(frame, FromServer::Refused { .. }));
        match frame.await {
            FromServer::Refused { name, .. } => name,
            other => panic!("{other:?}"),
        }
    }

    pub async fn server_hash(&mut self) -> [u8; 32] {
        self.lane.send(FromClient::Hash.to_bytes()).await;
        let frame = self.until(|_, frame| matches!(frame, FromServer::Hash { .. }));
        match frame.await {
            FromServer::Hash { hash, .. } => hash,
            other => panic!("{other:?}"),
        }
    }

    pub fn hash(&self) -> [u8; 32] {
        self.board.document().hash()
    }

    pub fn objects(&self) -> usize {
        self.board.document().objects().count()
    }
}
