//! Whiteboards of the pages: each page that opens one has a line of its own, and its frames are carried as they are.

use super::api;
use super::face::{DeskCode, DeskCommand, DeskEvent, DeskReply};
use super::handle::Answer;
use super::machine::Machine;

use crate::board::{BoardLine, LineNews, board_url, complete};
use crate::socket::{Door, tls_config};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use confab_protocol::Code;

/// Lines of all pages at once: the server takes eight copies of one person.
const MOST_LINES: usize = 8;

impl Machine {
    pub(crate) fn on_board_command(&mut self, command: DeskCommand) -> DeskReply {
        let done = match command {
            DeskCommand::BoardOpen { line } => self.open_board(line),
            DeskCommand::BoardSay { line, frame } => self.board_says(line, &frame),
            DeskCommand::BoardClose { line } => {
                self.boards.remove(&line);
                Ok(())
            }
            _ => Err(Code::BadMessage),
        };
        match done {
            Ok(()) => DeskReply::Done,
            Err(code) => DeskReply::Failed {
                code: DeskCode::Code(code),
            },
        }
    }

    fn open_board(&mut self, line: u32) -> Result<(), Code> {
        if self.boards.len() >= MOST_LINES || self.boards.contains_key(&line) {
            return Err(Code::Overloaded);
        }
        let tls = tls_config(&self.options.trust).map_err(|error| {
            tracing::error!("{error}");
            Code::Internal
        })?;
        let door = Door {
            url: board_url(&self.options.link.socket).ok_or(Code::BadValue)?,
            tls,
            // The seat opens it.
            session: None,
            test: self.options.test.clone(),
        };
        let news = self.board_news.0.clone();
        // Waits while the desk is behind, and so the server's frames wait.
        let opened = BoardLine::open(door, move |what| news.send((line, what)).is_ok());
        let opened = opened.map_err(|error| {
            tracing::error!("no thread for a whiteboard: {error}");
            Code::Internal
        })?;
        self.boards.insert(line, opened);
        Ok(())
    }

    fn board_says(&mut self, line: u32, frame: &str) -> Result<(), Code> {
        let frame = STANDARD.decode(frame).map_err(|_| Code::BadMessage)?;
        let known = self.boards.get(&line).ok_or(Code::NotFound)?;
        let seat = self.call.client().and_then(|client| client.seat());
        let frame = complete(frame, &self.options.link.meeting, seat.as_ref());
        if frame.is_some_and(|frame| known.send(frame)) {
            return Ok(());
        }
        // Without a seat, or without room: the page hears that the line is over, and tries again later.
        self.on_board_news(line, LineNews::Closed);
        Ok(())
    }

    /// Asks the server, on a thread of its own.
    pub(crate) fn board_history(&self, board: String, after: u64, answer: Answer) {
        let Some(seat) = self.call.client().and_then(|client| client.seat()) else {
            let code = DeskCode::Code(Code::BadSecret);
            return answer(DeskReply::Failed { code });
        };
        let (link, trust) = (self.options.link.clone(), self.options.trust.clone());
        self.help(answer, move || {
            match api::board_history(&link, &trust, &seat, &board, after) {
                Ok((bytes, next)) => DeskReply::BoardHistory {
                    entries: STANDARD.encode(bytes),
                    next,
                },
                Err(code) => DeskReply::Failed { code },
            }
        });
    }

    pub(crate) fn on_board_news(&mut self, line: u32, news: LineNews) {
        // A line that a page closed has nothing more to tell.
        if !self.boards.contains_key(&line) {
            return;
        }
        match news {
            LineNews::Opened => self.tell(DeskEvent::BoardOpened { line }),
            LineNews::Frame(bytes) => {
                let frame = STANDARD.encode(bytes);
                self.tell(DeskEvent::BoardFrame { line, frame });
            }
            LineNews::Closed => {
                self.boards.remove(&line);
                self.tell(DeskEvent::BoardClosed { line });
            }
        }
    }
}
