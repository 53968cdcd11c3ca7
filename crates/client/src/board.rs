//! The whiteboard's lane for a page that may open no socket of its own: a WebSocket that carries binary frames between the
//! page, which knows what is in them, and the server (docs/BOARD.md). The opening is completed here, so that the seat's
//! token stays on this side.

use crate::socket::Door;
use confab_base::MeetingId;
use confab_board::{FromClient, PictureAsk};
use confab_session::SavedSeat;
use futures_util::{SinkExt, StreamExt};
use std::io;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, connect_async_tls_with_config};
use url::Url;

/// Frames that may wait for the socket; a page makes some forty a second at most. When it is full the line is given up.
const QUEUE: usize = 256;
/// A snapshot of the largest board stays below this, bytes.
const MAX_FRAME: usize = 64 << 20;

/// What a line tells.
#[derive(Debug)]
pub(crate) enum LineNews {
    Opened,
    Frame(Vec<u8>),
    /// It closed or never opened. The last news.
    Closed,
}

/// A connection being opened or open. Dropping it closes it after what was sent is written.
#[derive(Debug)]
pub(crate) struct BoardLine {
    out: mpsc::Sender<Vec<u8>>,
    /// Dropped with the line, which ends a connecting that hangs.
    _here: oneshot::Sender<()>,
}

impl BoardLine {
    /// Connects on a thread of its own, which calls `tell` and may be kept waiting by it; `false` from it ends the line.
    ///
    /// # Errors
    /// No thread could be started.
    pub(crate) fn open(
        door: Door,
        tell: impl Fn(LineNews) -> bool + Send + 'static,
    ) -> io::Result<BoardLine> {
        let (out, outbox) = mpsc::channel(QUEUE);
        let (here, gone) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::Builder::new()
            .name("board".to_owned())
            .spawn(move || {
                runtime.block_on(run(door, outbox, gone, &tell));
                tell(LineNews::Closed);
            })?;
        Ok(BoardLine { out, _here: here })
    }

    /// Queues a frame; `false`: the queue is full or the line is over.
    pub(crate) fn send(&self, frame: Vec<u8>) -> bool {
        self.out.try_send(frame).is_ok()
    }
}

/// The lane's address, from that of signaling: `<base>/ws` and `<base>/ws/board`.
pub(crate) fn board_url(socket: &Url) -> Option<Url> {
    let mut url = socket.clone();
    url.path_segments_mut().ok()?.pop_if_empty().push("board");
    Some(url)
}

/// The frame as the server is to get it: an opening, of the lane or for pictures, gets meeting and seat. `None`: it is one, and there is no seat.
pub(crate) fn complete(
    frame: Vec<u8>,
    meeting: &MeetingId,
    seat: Option<&SavedSeat>,
) -> Option<Vec<u8>> {
    if let Ok(PictureAsk::Open(mut open)) = PictureAsk::from_bytes(&frame) {
        let seat = seat?;
        open.meeting = meeting.as_str().to_owned();
        open.participant = seat.participant.0;
        open.token = seat.token.clone();
        return Some(open.to_bytes());
    }
    match FromClient::from_bytes(&frame) {
        Ok(FromClient::Open(mut open)) => {
            let seat = seat?;
            open.meeting = meeting.as_str().to_owned();
            open.participant = seat.participant.0;
            open.token = seat.token.clone();
            Some(open.to_bytes())
        }
        // What it is, and whether it is anything, the server looks at.
        _ => Some(frame),
    }
}

async fn run(
    door: Door,
    mut outbox: mpsc::Receiver<Vec<u8>>,
    gone: oneshot::Receiver<()>,
    tell: &impl Fn(LineNews) -> bool,
) {
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let connector = Some(Connector::Rustls(door.tls));
    let url = door.url.as_str();
    let mut stream = tokio::select! {
        opened = connect_async_tls_with_config(url, Some(limits), true, connector) => match opened {
            Ok((stream, _)) => stream,
            Err(error) => return tracing::info!("whiteboard: {error}"),
        },
        _ = gone => return,
    };
    let mut goes_on = tell(LineNews::Opened);
    while goes_on {
        tokio::select! {
            frame = outbox.recv() => {
                goes_on = match frame {
                    Some(frame) => stream.send(Message::binary(frame)).await.is_ok(),
                    None => false,
                };
            }
            message = stream.next() => {
                goes_on = match message {
                    Some(Ok(Message::Binary(frame))) => tell(LineNews::Frame(frame.to_vec())),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                    Some(Ok(_)) => true,
                };
            }
        }
    }
    let _ = stream.close(None).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::TestSwitches;
    use crate::socket::{Trust, tls_config};
    use confab_base::ParticipantId;
    use confab_board::{LANE_VERSION, LaneCopy, Open};
    use crossbeam_channel::{Receiver, unbounded};
    use std::net::TcpListener;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn door(url: &str) -> Door {
        Door {
            url: Url::parse(url).unwrap(),
            tls: tls_config(&Trust::PublicRoots).unwrap(),
            session: None,
            test: TestSwitches::default(),
        }
    }

    fn listening(url: &str) -> (BoardLine, Receiver<LineNews>) {
        let (tell, told) = unbounded();
        let line = BoardLine::open(door(url), move |news| tell.send(news).is_ok());
        (line.unwrap(), told)
    }

    /// Takes one connection, answers each frame with its bytes backwards, and ends after `most`. Gives what it got.
    fn echo(listener: TcpListener, most: usize) -> Receiver<Vec<u8>> {
        let (took, got) = unbounded();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = tokio_tungstenite::accept_async(stream).await.unwrap();
                for _ in 0..most {
                    let Some(Ok(Message::Binary(frame))) = stream.next().await else {
                        break;
                    };
                    let _ = took.send(frame.to_vec());
                    let back: Vec<u8> = frame.iter().rev().copied().collect();
                    // Who has closed reads no more.
                    let _ = stream.send(Message::binary(back)).await;
                }
                let _ = stream.close(None).await;
            });
        });
        got
    }

    #[test]
    fn frames_go_there_and_back_until_the_server_closes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/ws/board", listener.local_addr().unwrap());
        echo(listener, 2);
        let (line, told) = listening(&url);
        assert!(matches!(told.recv_timeout(PATIENCE), Ok(LineNews::Opened)));
        for frame in [vec![1, 2, 3], vec![5; 100_000]] {
            assert!(line.send(frame.clone()));
            let Ok(LineNews::Frame(back)) = told.recv_timeout(PATIENCE) else {
                panic!("no frame");
            };
            assert!(back.iter().rev().eq(frame.iter()));
        }
        assert!(matches!(told.recv_timeout(PATIENCE), Ok(LineNews::Closed)));
    }

    #[test]
    fn what_was_sent_last_is_written_before_a_line_closes_and_nobody_there_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/ws/board", listener.local_addr().unwrap());
        let got = echo(listener, 9);
        let (line, told) = listening(&url);
        assert!(matches!(told.recv_timeout(PATIENCE), Ok(LineNews::Opened)));
        assert!(line.send(vec![7, 8]));
        drop(line);
        let last: Vec<LineNews> = told.iter().collect();
        assert!(matches!(last.last(), Some(LineNews::Closed)));
        assert_eq!(got.recv_timeout(PATIENCE), Ok(vec![7, 8]));

        // Port 9 of this machine: nothing listens.
        let (_line, told) = listening("ws://127.0.0.1:9/ws/board");
        assert!(matches!(told.recv_timeout(PATIENCE), Ok(LineNews::Closed)));
    }

    #[test]
    fn an_opening_gets_the_seat_and_other_frames_stay_as_they_are() {
        let meeting = MeetingId::parse(&"0".repeat(26)).unwrap();
        let seat = SavedSeat {
            participant: ParticipantId(5),
            token: "secret".into(),
        };
        let open = Open {
            version: LANE_VERSION,
            meeting: String::new(),
            participant: 0,
            token: String::new(),
            board: "screen-7".into(),
            copy: LaneCopy::New,
        };
        let bytes = complete(open.to_bytes(), &meeting, Some(&seat)).unwrap();
        let expected = Open {
            meeting: meeting.as_str().into(),
            participant: 5,
            token: "secret".into(),
            ..open.clone()
        };
        assert_eq!(bytes, expected.to_bytes());
        assert_eq!(complete(open.to_bytes(), &meeting, None), None);
        let pictures = |meeting: &str, participant, token: &str| {
            let open = confab_board::OpenPictures {
                version: LANE_VERSION,
                meeting: meeting.into(),
                participant,
                token: token.into(),
                board: "main".into(),
            };
            open.to_bytes()
        };
        assert_eq!(
            complete(pictures("", 0, ""), &meeting, Some(&seat)),
            Some(pictures(meeting.as_str(), 5, "secret"))
        );
        assert_eq!(complete(pictures("", 0, ""), &meeting, None), None);
        for frame in [vec![14], vec![5, 1, 2], vec![], vec![1]] {
            assert_eq!(complete(frame.clone(), &meeting, None), Some(frame));
        }
    }

    #[test]
    fn the_lane_is_beside_signaling() {
        for (socket, board) in [
            ("wss://a.b/ws", "wss://a.b/ws/board"),
            ("ws://127.0.0.1:8480/x/ws", "ws://127.0.0.1:8480/x/ws/board"),
        ] {
            let url = board_url(&Url::parse(socket).unwrap()).unwrap();
            assert_eq!(url.as_str(), board);
        }
    }
}
