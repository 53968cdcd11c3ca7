//! The lane's frames: a byte for the sort, then the body. docs/BOARD.md has the table.

use super::LaneCopy;
use crate::document::Vector;
use crate::id::{Author, Replica};
use crate::limits::{MAX_NAME, MAX_PRESENCE, MAX_REPLICAS, MAX_SEQ, MAX_UPDATE};
use crate::rights::Level;
use crate::store::{read_vector, write_vector};
use crate::wire::{Reader, WireError, Writer};

/// The version of the lane.
pub const LANE_VERSION: u64 = 1;
/// Largest frame a client may send: an update, or `open` with a long vector.
pub const MAX_CLIENT_FRAME: usize = 512 * 1024;
/// Characters of ids, tokens and names of boards in `open`.
const MAX_WORD: usize = 200;

/// The first frame of a client.
#[derive(Clone, PartialEq, Eq)]
pub struct Open {
    pub version: u64,
    pub meeting: String,
    pub participant: u32,
    pub token: String,
    /// Empty: the board of where one is.
    pub board: String,
    pub copy: LaneCopy,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token stays out of logs.
        f.debug_struct("Open")
            .field("participant", &self.participant)
            .field("board", &self.board)
            .finish_non_exhaustive()
    }
}

/// What a client says.
#[derive(Clone, Debug, PartialEq)]
pub enum FromClient<'a> {
    Open(Box<Open>),
    Update(&'a [u8]),
    Presence(&'a [u8]),
    Hash,
    Ping,
    /// Of who presents: whether the others may draw on the screen.
    Allow(bool),
}

/// An author and who it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorName {
    pub author: Author,
    /// The seat it has, or last had, in the meeting.
    pub participant: u32,
    pub name: String,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq)]
pub enum FromServer {
    Opened {
        replica: Replica,
        level: Level,
        time_ms: u64,
        next: u64,
        board: String,
    },
    Changes(Vec<u8>),
    Snapshot(Vec<u8>),
    Acknowledged(u64),
    Refused {
        next: u64,
        name: String,
        wait_ms: u64,
    },
    /// As [`crate::Shown`].
    Presence(Vec<u8>),
    Rights(Level),
    Hash {
        vector: Vector,
        hash: [u8; 32],
    },
    Closed {
        code: String,
        again: bool,
    },
    Pong(u64),
    Authors(Vec<AuthorName>),
    /// Over a screen only: whether who presents lets the others draw.
    Allowed(bool),
}

impl Open {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.byte(1);
        w.number(self.version);
        w.bytes(self.meeting.as_bytes());
        w.number(self.participant.into());
        w.bytes(self.token.as_bytes());
        w.bytes(self.board.as_bytes());
        match &self.copy {
            LaneCopy::New => w.byte(0),
            LaneCopy::Back(replica, vector) => {
                w.byte(1);
                w.replica(*replica);
                w.raw(&write_vector(vector));
            }
            LaneCopy::Second(replica) => {
                w.byte(2);
                w.replica(*replica);
            }
        }
        w.into_bytes()
    }

    fn read(mut r: Reader<'_>) -> Result<Open, WireError> {
        let version = r.number()?;
        let meeting = r.text(MAX_WORD)?.to_owned();
        let participant = r.below(u32::MAX.into())? as u32;
        let token = r.text(MAX_WORD)?.to_owned();
        let board = r.text(MAX_WORD)?.to_owned();
        let copy = match r.byte()? {
            0 => {
                r.end()?;
                LaneCopy::New
            }
            1 => {
                let replica = r.replica()?;
                LaneCopy::Back(replica, read_vector(r.rest())?)
            }
            2 => {
                let replica = r.replica()?;
                r.end()?;
                LaneCopy::Second(replica)
            }
            _ => return Err(WireError::OutOfRange),
        };
        Ok(Open {
            version,
            meeting,
            participant,
            token,
            board,
            copy,
        })
    }
}

impl FromClient<'_> {
    pub fn to_bytes(&self) -> Vec<u8> {
        let (sort, body): (u8, &[u8]) = match self {
            FromClient::Open(open) => return open.to_bytes(),
            FromClient::Update(update) => (5, update),
            FromClient::Presence(presence) => (8, presence),
            FromClient::Hash => (11, &[]),
            FromClient::Ping => (14, &[]),
            FromClient::Allow(false) => (17, &[0]),
            FromClient::Allow(true) => (17, &[1]),
        };
        [&[sort], body].concat()
    }

    /// Reads a client's frame. What is in an update or in presence is looked at later.
    pub fn from_bytes(bytes: &[u8]) -> Result<FromClient<'_>, WireError> {
        let (sort, body) = bytes.split_first().ok_or(WireError::Short)?;
        match (sort, body) {
            (1, body) => Ok(FromClient::Open(Box::new(Open::read(Reader::new(body))?))),
            (5, body) => Ok(FromClient::Update(body)),
            (8, body) => Ok(FromClient::Presence(body)),
            (11, []) => Ok(FromClient::Hash),
            (14, []) => Ok(FromClient::Ping),
            (17, [allow @ 0..=1]) => Ok(FromClient::Allow(*allow == 1)),
            (17, []) => Err(WireError::Short),
            (17, [_]) => Err(WireError::OutOfRange),
            (11 | 14 | 17, _) => Err(WireError::Trailing),
            _ => Err(WireError::Unknown),
        }
    }
}

impl FromServer {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            FromServer::Opened {
                replica,
                level,
                time_ms,
                next,
                board,
            } => {
                w.byte(2);
                w.replica(*replica);
                w.byte(*level as u8);
                w.number(*time_ms);
                w.number(*next);
                w.bytes(board.as_bytes());
            }
            FromServer::Changes(update) => sorted(&mut w, 3, update),
            FromServer::Snapshot(snapshot) => sorted(&mut w, 4, snapshot),
            FromServer::Acknowledged(next) => {
                w.byte(6);
                w.number(*next);
            }
            FromServer::Refused {
                next,
                name,
                wait_ms,
            } => {
                w.byte(7);
                w.number(*next);
                w.bytes(name.as_bytes());
                w.number(*wait_ms);
            }
            FromServer::Presence(shown) => sorted(&mut w, 9, shown),
            FromServer::Rights(level) => sorted(&mut w, 10, &[*level as u8]),
            FromServer::Hash { vector, hash } => {
                sorted(&mut w, 12, &write_vector(vector));
                w.raw(hash);
            }
            FromServer::Closed { code, again } => {
                w.byte(13);
                w.bytes(code.as_bytes());
                w.byte(u8::from(*again));
            }
            FromServer::Pong(time_ms) => {
                w.byte(15);
                w.number(*time_ms);
            }
            FromServer::Authors(authors) => write_authors(&mut w, authors),
            FromServer::Allowed(allowed) => sorted(&mut w, 18, &[u8::from(*allowed)]),
        }
        w.into_bytes()
    }

    /// For clients in Rust and for tests.
    pub fn from_bytes(bytes: &[u8]) -> Result<FromServer, WireError> {
        let (sort, body) = bytes.split_first().ok_or(WireError::Short)?;
        let mut r = Reader::new(body);
        let frame = match sort {
            2 => FromServer::Opened {
                replica: r.replica()?,
                level: read_level(&mut r)?,
                time_ms: r.number()?,
                next: r.below(MAX_SEQ + 1)?,
                board: r.text(MAX_WORD)?.to_owned(),
            },
            3 => return Ok(FromServer::Changes(body.to_vec())),
            4 => return Ok(FromServer::Snapshot(body.to_vec())),
            6 => FromServer::Acknowledged(r.below(MAX_SEQ + 1)?),
            7 => FromServer::Refused {
                next: r.below(MAX_SEQ + 1)?,
                name: r.text(MAX_WORD)?.to_owned(),
                wait_ms: r.number()?,
            },
            9 => return Ok(FromServer::Presence(body.to_vec())),
            10 => FromServer::Rights(read_level(&mut r)?),
            12 => {
                let at = body.len().checked_sub(32).ok_or(WireError::Short)?;
                let (vector, hash) = body.split_at(at);
                let hash = hash.try_into().map_err(|_| WireError::Short)?;
                let vector = read_vector(vector)?;
                return Ok(FromServer::Hash { vector, hash });
            }
            13 => FromServer::Closed {
                code: r.text(MAX_WORD)?.to_owned(),
                again: r.below(1)? == 1,
            },
            15 => FromServer::Pong(r.number()?),
            16 => FromServer::Authors(read_authors(&mut r)?),
            18 => FromServer::Allowed(r.below(1)? == 1),
            _ => return Err(WireError::Unknown),
        };
        r.end()?;
        Ok(frame)
    }
}

/// Whether its size alone makes a frame wrong.
pub(super) fn is_too_large(frame: &FromClient<'_>) -> bool {
    match frame {
        FromClient::Update(update) => update.len() > MAX_UPDATE,
        FromClient::Presence(presence) => presence.len() > MAX_PRESENCE,
        _ => false,
    }
}

fn sorted(w: &mut Writer, sort: u8, body: &[u8]) {
    w.byte(sort);
    w.raw(body);
}

fn write_authors(w: &mut Writer, authors: &[AuthorName]) {
    w.byte(16);
    w.number(authors.len() as u64);
    for known in authors {
        w.number(known.author.0.into());
        w.number(known.participant.into());
        w.bytes(known.name.as_bytes());
    }
}

fn read_authors(r: &mut Reader<'_>) -> Result<Vec<AuthorName>, WireError> {
    let count = r.below(MAX_REPLICAS as u64)?;
    let mut authors = Vec::new();
    for _ in 0..count {
        authors.push(AuthorName {
            author: Author(r.below(u32::MAX.into())? as u32),
            participant: r.below(u32::MAX.into())? as u32,
            name: r.text(MAX_NAME)?.to_owned(),
        });
    }
    Ok(authors)
}

fn read_level(r: &mut Reader<'_>) -> Result<Level, WireError> {
    match r.byte()? {
        0 => Ok(Level::View),
        1 => Ok(Level::Own),
        2 => Ok(Level::Draw),
        3 => Ok(Level::Host),
        _ => Err(WireError::OutOfRange),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_come_back_as_they_were() {
        let replica = Replica::new(3, 2);
        let open = Open {
            version: LANE_VERSION,
            meeting: "m".into(),
            participant: 7,
            token: "secret".into(),
            board: String::new(),
            copy: LaneCopy::Back(replica, Vector::from([(replica, 9)])),
        };
        let bytes = open.to_bytes();
        let read = FromClient::from_bytes(&bytes).unwrap();
        assert_eq!(read, FromClient::Open(Box::new(open.clone())));
        assert!(!format!("{open:?}").contains("secret"));
        let all = [
            FromServer::Opened {
                replica,
                level: Level::Draw,
                time_ms: 1_790_000_000_000,
                next: 4,
                board: "main".into(),
            },
            FromServer::Changes(vec![1, 2]),
            FromServer::Snapshot(vec![]),
            FromServer::Acknowledged(300),
            FromServer::Refused {
                next: 1,
                name: "board_forged".into(),
                wait_ms: 0,
            },
            FromServer::Rights(Level::Own),
            FromServer::Hash {
                vector: Vector::from([(replica, 1)]),
                hash: [7; 32],
            },
            FromServer::Closed {
                code: "removed".into(),
                again: false,
            },
            FromServer::Pong(5),
            FromServer::Authors(vec![AuthorName {
                author: Author(1),
                participant: 2,
                name: "Ada".into(),
            }]),
            FromServer::Allowed(false),
        ];
        for frame in all {
            assert_eq!(FromServer::from_bytes(&frame.to_bytes()), Ok(frame));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = FromServer::from_bytes(&bytes);
            if let Ok(frame) = FromClient::from_bytes(&bytes) {
                prop_assert_eq!(frame.to_bytes(), bytes);
            }
        }
    }
}
