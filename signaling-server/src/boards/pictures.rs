//! One connection that carries the bytes of a board's pictures: up from who may draw on it now, down to who may see it now. They are
//! kept like files of the chat, looked at only as far as to know that they are pictures, and given to nobody but by this way.

use super::actor::{board_level, find};
use super::socket::{End, SILENCE, Sink, next, write};
use super::{Boards, internal, place, seated, which};
use crate::clock::wall_ms;
use crate::files::Incoming;
use crate::rooms::BoardSeats;
use crate::store::{BoardKey, FileRecord, FileWrite};
use axum::extract::ws::WebSocket;
use bytes::Bytes;
use confab_board::limits::{MAX_PICTURE_BYTES, MAX_PICTURE_PIECE, MAX_PICTURES};
use confab_board::{
    Close, LANE_VERSION, Level, NoPicture, OpenPictures, PICTURE_HEAD, PictureAnswer, PictureAsk,
    PictureHead, screen_track,
};
use confab_protocol::{Code, MeetingId, ParticipantId, clean_file_name};
use confab_room::BoardSeat;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::timeout;

/// Serves one connection until it ends.
pub(super) async fn serve(
    stream: &mut SplitStream<WebSocket>,
    sink: &mut Sink,
    boards: &Arc<Boards>,
    open: OpenPictures,
) -> End {
    let album = match Album::open(boards, &open).await {
        Ok(album) => album,
        Err(why) => return Some(why),
    };
    let opened = PictureAnswer::Opened {
        board: album.key.name.clone(),
        most: MAX_PICTURE_BYTES.min(boards.files.max_file()),
    };
    let mut said = say(sink, &opened).await;
    loop {
        if let Err(end) = said {
            return end;
        }
        said = match heard(stream).await {
            Ok(frame) => album.answer(stream, sink, &frame).await,
            Err(end) => return end,
        };
    }
}

/// A board's pictures, as one seat has them.
struct Album {
    boards: Arc<Boards>,
    key: BoardKey,
    participant: ParticipantId,
    /// A host who asked for this board, wherever it is.
    named: bool,
    seats: watch::Receiver<BoardSeats>,
}

/// A picture that was announced.
struct Announced {
    sha256: [u8; 32],
    size: u32,
    name: String,
}

impl Album {
    async fn open(boards: &Arc<Boards>, open: &OpenPictures) -> Result<Album, Close> {
        if open.version != LANE_VERSION {
            return Err(Close::Because(Code::UnsupportedVersion));
        }
        let stranger = Close::Because(Code::BadSecret);
        let meeting = MeetingId::parse(&open.meeting).ok_or(stranger)?;
        let seats = boards.rooms.board_seats(&meeting).await.ok_or(stranger)?;
        let seat = seated(&seats, open.participant, &open.token).ok_or(stranger)?;
        // Nothing over a screen is stored.
        if screen_track(&open.board).is_some() {
            return Err(Close::Because(Code::NotAllowed));
        }
        let (name, named) = which(&seat, &open.board)?;
        let at = boards.store.board_occurrence(&meeting).await;
        let at = at.map_err(internal)?;
        Ok(Album {
            boards: Arc::clone(boards),
            key: BoardKey { meeting, at, name },
            participant: seat.participant,
            named,
            seats,
        })
    }

    /// The seat as it is now, if the board is still its own.
    fn seat(&self) -> Result<BoardSeat, Close> {
        // Where the meeting sleeps or starts over nobody tells any more who may do what.
        if self.seats.has_changed().is_err() {
            return Err(Close::Because(Code::GoingAway));
        }
        let seats = Arc::clone(&self.seats.borrow());
        let seat = find(&seats, self.participant).ok_or(Close::Because(Code::Removed))?;
        match place(seat) == self.key.name || self.named && seat.leads {
            true => Ok(seat.clone()),
            false => Err(Close::Moved),
        }
    }

    async fn answer(
        &self,
        stream: &mut SplitStream<WebSocket>,
        sink: &mut Sink,
        frame: &Bytes,
    ) -> Result<(), End> {
        self.seat().map_err(Some)?;
        match PictureAsk::from_bytes(frame) {
            Ok(PictureAsk::Get(sha256)) => self.give(sink, sha256).await,
            Ok(PictureAsk::Put { sha256, size, name }) => {
                let announced = Announced { sha256, size, name };
                let answer = match self.take(stream, sink, announced).await? {
                    Ok(()) => PictureAnswer::Kept(sha256),
                    Err(code) => refused(sha256, code),
                };
                say(sink, &answer).await
            }
            Ok(PictureAsk::Open(_)) => Err(Some(Close::Because(Code::OutOfOrder))),
            Ok(PictureAsk::Piece(_)) | Err(_) => Err(Some(Close::Because(Code::BadMessage))),
        }
    }

    async fn give(&self, sink: &mut Sink, sha256: [u8; 32]) -> Result<(), End> {
        let found = self.boards.store.picture(&self.key, &sha256).await;
        let Some((id, size)) = found.map_err(|e| Some(internal(e)))? else {
            return say(sink, &refused(sha256, Code::NotFound.as_str())).await;
        };
        let mut bytes = match self.boards.files.read(&id, 0, size).await {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "reading a picture");
                return say(sink, &refused(sha256, Code::NotFound.as_str())).await;
            }
        };
        // No picture is larger than it was when it was taken.
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        say(sink, &PictureAnswer::Found { sha256, size }).await?;
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|error| {
                tracing::error!(%error, "reading a picture");
                Some(Close::Because(Code::Internal))
            })?;
            for part in piece.chunks(MAX_PICTURE_PIECE) {
                say(sink, &PictureAnswer::Piece(part.to_vec())).await?;
            }
        }
        Ok(())
    }

    /// The outer error ends the connection, the inner one is the code of a refusal.
    async fn take(
        &self,
        stream: &mut SplitStream<WebSocket>,
        sink: &mut Sink,
        announced: Announced,
    ) -> Result<Result<(), &'static str>, End> {
        let Announced { sha256, size, name } = announced;
        let mut incoming = match self.begin(&sha256, size).await.map_err(Some)? {
            Ok(Some(incoming)) => incoming,
            Ok(None) => return Ok(Ok(())),
            Err(code) => return Ok(Err(code)),
        };
        let (size, mut taken) = (u64::from(size), 0);
        let mut head = Vec::new();
        say(sink, &PictureAnswer::Took(0)).await?;
        while taken < size {
            let frame = heard(stream).await?;
            let fits = |piece: &[u8]| taken + piece.len() as u64 <= size;
            match PictureAsk::from_bytes(&frame) {
                Ok(PictureAsk::Piece(piece)) if fits(piece) => {
                    let room = PICTURE_HEAD - head.len();
                    head.extend_from_slice(&piece[..piece.len().min(room)]);
                    taken += piece.len() as u64;
                }
                _ => return Err(Some(Close::Because(Code::BadMessage))),
            }
            if let Err(code) = incoming.write(frame.slice(1..)).await {
                // More of it is on its way, which nobody could tell from what comes next.
                say(sink, &refused(sha256, code.as_str())).await?;
                return Err(Some(Close::Because(code)));
            }
            say(sink, &PictureAnswer::Took(taken)).await?;
        }
        let (_, is) = match incoming.complete().await {
            Ok(complete) => complete,
            Err(code) => return Ok(Err(code.as_str())),
        };
        if is != sha256 {
            return Ok(Err("board_forged"));
        }
        match PictureHead::read(&head) {
            Ok(_) => self.keep(incoming, size, sha256, &name).await,
            Err(NoPicture::Unknown) => Ok(Err("board_not_a_picture")),
            Err(NoPicture::Size) => Ok(Err("board_picture_size")),
        }
    }

    /// A place for a picture; `None`: the board has it already. The outer error ends the connection.
    async fn begin(
        &self,
        sha256: &[u8; 32],
        size: u32,
    ) -> Result<Result<Option<Incoming>, &'static str>, Close> {
        let seat = self.seat()?;
        if board_level(&seat) < Level::Own {
            return Ok(Err("board_view_only"));
        }
        let store = &self.boards.store;
        let known = store.picture(&self.key, sha256).await.map_err(internal)?;
        if known.is_some() {
            return Ok(Ok(None));
        }
        if store.pictures(&self.key).await.map_err(internal)? >= MAX_PICTURES {
            return Ok(Err("board_full"));
        }
        let account = seat.account.as_ref();
        let files = &self.boards.files;
        let taken = files.take(&self.key.meeting, account, size.into()).await;
        Ok(taken.map(Some).map_err(Code::as_str))
    }

    async fn keep(
        &self,
        incoming: Incoming,
        size: u64,
        sha256: [u8; 32],
        name: &str,
    ) -> Result<Result<(), &'static str>, End> {
        // It may have been forbidden meanwhile.
        let seat = self.seat().map_err(Some)?;
        if board_level(&seat) < Level::Own {
            return Ok(Err("board_view_only"));
        }
        let record = FileRecord {
            id: incoming.id.clone(),
            meeting: self.key.meeting.clone(),
            from: self.participant,
            account: seat.account,
            name: clean_file_name(name).unwrap_or_else(|| "picture".to_owned()),
            size,
            sha256,
            created_at: wall_ms(),
        };
        let save = FileWrite::SavePicture(Box::new(record), self.key.clone());
        let saved = self.boards.store.write_file(save).await;
        saved.map_err(|e| Some(internal(e)))?;
        // Where somebody else was faster the board has theirs, and this one goes with the next sweep.
        incoming.keep();
        Ok(Ok(()))
    }
}

/// The next frame of somebody who is still there.
async fn heard(stream: &mut SplitStream<WebSocket>) -> Result<Bytes, End> {
    timeout(SILENCE, next(stream)).await.unwrap_or(Err(None))
}

async fn say(sink: &mut Sink, answer: &PictureAnswer) -> Result<(), End> {
    match write(sink, Bytes::from(answer.to_bytes())).await {
        true => Ok(()),
        false => Err(None),
    }
}

fn refused(sha256: [u8; 32], code: &str) -> PictureAnswer {
    let code = code.to_owned();
    PictureAnswer::Refused { sha256, code }
}
