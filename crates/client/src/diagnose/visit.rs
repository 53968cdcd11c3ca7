//! The visitor's side: who is there, attaching, reading what they tell.

use super::words::{MAX_REPLY, PROTOCOL, RefuseCode, Reply, Request, Welcome};
use confab_local_socket::{Folder, Stream};
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// Waiting for more bytes goes in steps of this.
const STEP: Duration = Duration::from_millis(5);

/// A participant that can be attached to.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// Of its socket.
    pub name: String,
    pub welcome: Welcome,
}

/// All that let themselves be looked at and answer within `patience` each, by name.
pub fn running(folder: &Folder, program: &str, patience: Duration) -> Vec<Running> {
    let names = folder.names().into_iter();
    names
        .filter_map(|name| {
            let visit = Visit::attach(folder, &name, program, patience).ok()?;
            Some(Running {
                name,
                welcome: visit.welcome,
            })
        })
        .collect()
}

/// Why there is no visit.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    #[error("nobody listens there: {0}")]
    Socket(#[from] io::Error),
    #[error("it {code}; it speaks version {protocol}, this is {PROTOCOL}")]
    Refused { code: RefuseCode, protocol: u32 },
    #[error("it did not answer in time")]
    Silent,
    #[error("what it said is not the protocol")]
    NotTheProtocol,
}

/// A connection to a participant.
#[derive(Debug)]
pub struct Visit {
    stream: Stream,
    inbox: Vec<u8>,
    welcome: Welcome,
}

impl Visit {
    /// Connects, and says hello.
    pub fn attach(
        folder: &Folder,
        name: &str,
        program: &str,
        patience: Duration,
    ) -> Result<Visit, AttachError> {
        Visit::attach_as(folder, name, program, patience, PROTOCOL)
    }

    /// As a program that speaks another version, for tests.
    #[doc(hidden)]
    pub fn attach_as(
        folder: &Folder,
        name: &str,
        program: &str,
        patience: Duration,
        protocol: u32,
    ) -> Result<Visit, AttachError> {
        let stream = folder.connect(name)?;
        stream.set_nonblocking(true)?;
        let mut visit = Visit {
            stream,
            inbox: Vec::new(),
            welcome: Welcome::default(),
        };
        visit.ask(&Request::Hello {
            protocol,
            program: program.to_owned(),
        })?;
        match visit.next(patience)? {
            Some(Reply::Welcome(welcome)) => {
                visit.welcome = welcome;
                Ok(visit)
            }
            Some(Reply::Refused { code, protocol }) => Err(AttachError::Refused { code, protocol }),
            Some(_) => Err(AttachError::NotTheProtocol),
            None => Err(AttachError::Silent),
        }
    }

    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Sends a request; its answer comes among what [`Visit::next`] gives.
    pub fn ask(&mut self, request: &Request) -> Result<(), AttachError> {
        let mut line = serde_json::to_vec(request).map_err(io::Error::from)?;
        line.push(b'\n');
        let mut rest = &line[..];
        let deadline = Instant::now() + Duration::from_secs(2);
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(n) if n > 0 => rest = &rest[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
                _ if Instant::now() > deadline => return Err(AttachError::Silent),
                _ => std::thread::sleep(STEP),
            }
        }
        Ok(())
    }

    /// The next thing it says, waited for no longer than `patience`.
    ///
    /// # Errors
    /// It is gone, or does not speak the protocol.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Reply>, AttachError> {
        let deadline = Instant::now() + patience;
        let mut buffer = [0; 16_384];
        loop {
            if let Some(end) = self.inbox.iter().position(|b| *b == b'\n') {
                let rest = self.inbox.split_off(end + 1);
                let line = std::mem::replace(&mut self.inbox, rest);
                let reply = serde_json::from_slice(&line);
                return reply.map(Some).map_err(|_| AttachError::NotTheProtocol);
            }
            if self.inbox.len() > MAX_REPLY {
                return Err(AttachError::NotTheProtocol);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(n) => self.inbox.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
                Err(_) if Instant::now() >= deadline => return Ok(None),
                Err(_) => std::thread::sleep(STEP),
            }
        }
    }
}
