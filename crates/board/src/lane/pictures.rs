//! The frames of a connection that carries pictures' bytes and nothing else: on the lane's address, beside the lane, so that they
//! never delay a stroke. docs/BOARD.md ("Pictures") has the table.

use crate::limits::{MAX_NAME, MAX_PICTURE_BYTES, MAX_PICTURE_PIECE};
use crate::wire::{Reader, WireError, Writer};

/// Characters of ids, tokens, codes and names of boards.
const MAX_WORD: usize = 200;
/// The sort of [`OpenPictures`].
const OPEN: u8 = 19;

/// The first frame of a connection for pictures.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenPictures {
    pub version: u64,
    pub meeting: String,
    pub participant: u32,
    pub token: String,
    /// Empty: the board of where one is.
    pub board: String,
}

impl std::fmt::Debug for OpenPictures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token stays out of logs.
        f.debug_struct("OpenPictures")
            .field("participant", &self.participant)
            .field("board", &self.board)
            .finish_non_exhaustive()
    }
}

/// What a client says on such a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum PictureAsk<'a> {
    Open(Box<OpenPictures>),
    /// A picture is to be kept with the board.
    Put {
        sha256: [u8; 32],
        /// Bytes, 1 to [`MAX_PICTURE_BYTES`].
        size: u32,
        name: String,
    },
    /// The next of it, 1 to [`MAX_PICTURE_PIECE`] bytes.
    Piece(&'a [u8]),
    Get([u8; 32]),
}

/// What the server says on such a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum PictureAnswer {
    Opened {
        board: String,
        /// Bytes a picture may have now; 0: none is taken.
        most: u64,
    },
    /// So many bytes of the picture have been taken; 0: begin.
    Took(u64),
    /// It is there, for everybody who sees the board.
    Kept([u8; 32]),
    /// A picture was not kept, or is not there.
    Refused {
        sha256: [u8; 32],
        code: String,
    },
    /// A picture of so many bytes follows in pieces.
    Found {
        sha256: [u8; 32],
        size: u32,
    },
    Piece(Vec<u8>),
}

impl OpenPictures {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.byte(OPEN);
        w.number(self.version);
        w.bytes(self.meeting.as_bytes());
        w.number(self.participant.into());
        w.bytes(self.token.as_bytes());
        w.bytes(self.board.as_bytes());
        w.into_bytes()
    }

    fn read(r: &mut Reader<'_>) -> Result<OpenPictures, WireError> {
        Ok(OpenPictures {
            version: r.number()?,
            meeting: r.text(MAX_WORD)?.to_owned(),
            participant: r.below(u32::MAX.into())? as u32,
            token: r.text(MAX_WORD)?.to_owned(),
            board: r.text(MAX_WORD)?.to_owned(),
        })
    }
}

impl PictureAsk<'_> {
    /// Whether a connection's first frame asks for pictures, and not for the lane.
    pub fn begins(frame: &[u8]) -> bool {
        frame.first() == Some(&OPEN)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            PictureAsk::Open(open) => return open.to_bytes(),
            PictureAsk::Put { sha256, size, name } => {
                w.byte(21);
                w.raw(sha256);
                w.number((*size).into());
                w.bytes(name.as_bytes());
            }
            PictureAsk::Piece(piece) => {
                w.byte(22);
                w.raw(piece);
            }
            PictureAsk::Get(sha256) => {
                w.byte(23);
                w.raw(sha256);
            }
        }
        w.into_bytes()
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<PictureAsk<'_>, WireError> {
        let (sort, body) = bytes.split_first().ok_or(WireError::Short)?;
        let mut r = Reader::new(body);
        let frame = match *sort {
            OPEN => PictureAsk::Open(Box::new(OpenPictures::read(&mut r)?)),
            21 => PictureAsk::Put {
                sha256: sha256(&mut r)?,
                size: size(&mut r)?,
                name: r.text(MAX_NAME)?.to_owned(),
            },
            22 => return piece(body).map(PictureAsk::Piece),
            23 => PictureAsk::Get(sha256(&mut r)?),
            _ => return Err(WireError::Unknown),
        };
        r.end()?;
        Ok(frame)
    }
}

impl PictureAnswer {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            PictureAnswer::Opened { board, most } => {
                w.byte(20);
                w.bytes(board.as_bytes());
                w.number(*most);
            }
            PictureAnswer::Took(bytes) => {
                w.byte(24);
                w.number(*bytes);
            }
            PictureAnswer::Kept(sha256) => {
                w.byte(25);
                w.raw(sha256);
            }
            PictureAnswer::Refused { sha256, code } => {
                w.byte(26);
                w.raw(sha256);
                w.bytes(code.as_bytes());
            }
            PictureAnswer::Found { sha256, size } => {
                w.byte(27);
                w.raw(sha256);
                w.number((*size).into());
            }
            PictureAnswer::Piece(piece) => {
                w.byte(28);
                w.raw(piece);
            }
        }
        w.into_bytes()
    }

    /// For clients in Rust and for tests.
    pub fn from_bytes(bytes: &[u8]) -> Result<PictureAnswer, WireError> {
        let (sort, body) = bytes.split_first().ok_or(WireError::Short)?;
        let mut r = Reader::new(body);
        let frame = match sort {
            20 => PictureAnswer::Opened {
                board: r.text(MAX_WORD)?.to_owned(),
                most: r.number()?,
            },
            24 => PictureAnswer::Took(r.below(MAX_PICTURE_BYTES)?),
            25 => PictureAnswer::Kept(sha256(&mut r)?),
            26 => PictureAnswer::Refused {
                sha256: sha256(&mut r)?,
                code: r.text(MAX_WORD)?.to_owned(),
            },
            27 => PictureAnswer::Found {
                sha256: sha256(&mut r)?,
                size: size(&mut r)?,
            },
            28 => return Ok(PictureAnswer::Piece(piece(body)?.to_vec())),
            _ => return Err(WireError::Unknown),
        };
        r.end()?;
        Ok(frame)
    }
}

fn sha256(r: &mut Reader<'_>) -> Result<[u8; 32], WireError> {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(r.raw(32)?);
    Ok(sha256)
}

fn size(r: &mut Reader<'_>) -> Result<u32, WireError> {
    match r.below(MAX_PICTURE_BYTES)? {
        0 => Err(WireError::OutOfRange),
        size => Ok(size as u32),
    }
}

fn piece(body: &[u8]) -> Result<&[u8], WireError> {
    match body.len() {
        0 => Err(WireError::Short),
        1..=MAX_PICTURE_PIECE => Ok(body),
        _ => Err(WireError::OutOfRange),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_come_back_as_they_were() {
        let open = OpenPictures {
            version: 1,
            meeting: "m".into(),
            participant: 7,
            token: "secret".into(),
            board: "room-2".into(),
        };
        assert!(!format!("{open:?}").contains("secret"));
        let asks = [
            PictureAsk::Open(Box::new(open)),
            PictureAsk::Put {
                sha256: [3; 32],
                size: 70_000,
                name: "图.png".into(),
            },
            PictureAsk::Piece(&[1, 2]),
            PictureAsk::Get([9; 32]),
        ];
        for ask in asks {
            let bytes = ask.to_bytes();
            assert_eq!(
                PictureAsk::begins(&bytes),
                matches!(ask, PictureAsk::Open(_))
            );
            assert_eq!(PictureAsk::from_bytes(&bytes), Ok(ask));
        }
        let answers = [
            PictureAnswer::Opened {
                board: "main".into(),
                most: 8,
            },
            PictureAnswer::Took(0),
            PictureAnswer::Kept([1; 32]),
            PictureAnswer::Refused {
                sha256: [2; 32],
                code: "quota_exceeded".into(),
            },
            PictureAnswer::Found {
                sha256: [3; 32],
                size: 5,
            },
            PictureAnswer::Piece(vec![7; 5]),
        ];
        for answer in answers {
            assert_eq!(PictureAnswer::from_bytes(&answer.to_bytes()), Ok(answer));
        }
    }

    #[test]
    fn no_picture_is_empty_or_larger_than_allowed() {
        let mut w = Writer::new();
        w.byte(21);
        w.raw(&[0; 32]);
        w.number(MAX_PICTURE_BYTES + 1);
        w.bytes(b"x");
        assert_eq!(
            PictureAsk::from_bytes(&w.into_bytes()),
            Err(WireError::OutOfRange)
        );
        assert_eq!(PictureAsk::from_bytes(&[22]), Err(WireError::Short));
        let long = vec![22; MAX_PICTURE_PIECE + 2];
        assert_eq!(PictureAsk::from_bytes(&long), Err(WireError::OutOfRange));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = PictureAnswer::from_bytes(&bytes);
            if let Ok(ask) = PictureAsk::from_bytes(&bytes) {
                prop_assert_eq!(ask.to_bytes(), bytes);
            }
        }
    }
}
