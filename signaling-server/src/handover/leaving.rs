//! The old process's part: it starts its successor, gives it the sockets, stops what only one does, and from then on has its
//! meetings alone. Until the successor is ready nothing changes; if it dies afterwards, everything is taken back.

use super::wire::{Gift, Said, give, hear, say, unexpected};
use super::{HANDOVER_SOCKET, HELD_SOCKET, HandoverError, Switch, carry};
use crate::media::Media;
use crate::rooms::Rooms;
use crate::sfu::{Bequest, Link};
use crate::store::Database;
use axum::Router;
use confab_protocol::MeetingId;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// From its start until it is ready.
const COMES_UP_WITHIN: Duration = Duration::from_secs(30);
/// From `go` until it has taken everything.
const TAKES_WITHIN: Duration = Duration::from_secs(15);
const FIRST_WORD_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A command waits so long for what becomes of a restart.
const OUTCOME_WITHIN: Duration = Duration::from_secs(60);

/// How a successor is started: this program with these arguments.
#[derive(Clone, Debug)]
pub struct Successor {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}

/// What a process has that another may take over.
pub(crate) struct Estate {
    pub(crate) data_dir: PathBuf,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) media: Arc<Media>,
    pub(crate) store: Arc<Database>,
    pub(crate) router: Router,
    /// The listening sockets once more.
    pub(crate) doors: super::Doors,
    /// This process accepts, and does the work beside the meetings.
    pub(crate) in_charge: Switch,
    /// And no other one has meetings.
    pub(crate) alone: Switch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Here,
    Busy,
    /// Another process took over then.
    Gone(Instant),
}

/// Waits to be asked for a restart, and for the successor it has started.
pub(crate) struct Leaving {
    estate: Arc<Estate>,
    successor: Successor,
    phase: Mutex<Phase>,
    /// The successor's connection is wanted here.
    wanted: Mutex<Option<oneshot::Sender<UnixStream>>>,
}

impl Leaving {
    /// Listens from now on. Needs a tokio runtime.
    ///
    /// # Errors
    /// The socket cannot be made; its path may be too long (107 bytes).
    pub(crate) fn start(estate: Arc<Estate>, successor: Successor) -> io::Result<Arc<Leaving>> {
        let listener = listen(&estate.data_dir.join(HANDOVER_SOCKET))?;
        let leaving = Arc::new(Leaving {
            estate,
            successor,
            phase: Mutex::new(Phase::Here),
            wanted: Mutex::default(),
        });
        tokio::spawn(Arc::clone(&leaving).answer(listener));
        Ok(leaving)
    }

    /// For how long another process has been in charge.
    pub(crate) fn gone_for(&self) -> Option<Duration> {
        match *self.phase() {
            Phase::Gone(since) => Some(since.elapsed()),
            Phase::Here | Phase::Busy => None,
        }
    }

    /// Lets another process take over; its id.
    ///
    /// # Errors
    /// It did not, and nothing has changed.
    pub(crate) async fn restart(self: &Arc<Leaving>) -> Result<u32, HandoverError> {
        self.begin()?;
        tracing::info!("a new process is asked to take over");
        let done = self.try_restart().await;
        match &done {
            Ok(pid) => tracing::info!(
                pid,
                "another process took over; this one ends when its meetings are over"
            ),
            Err(error) => {
                *self.phase() = Phase::Here;
                tracing::error!(%error, "no other process took over; this one goes on");
            }
        }
        done
    }

    fn begin(&self) -> Result<(), HandoverError> {
        let mut phase = self.phase();
        let refused = match *phase {
            Phase::Busy => HandoverError::Busy,
            Phase::Gone(_) => HandoverError::Done,
            Phase::Here if !self.estate.alone.is_on() => HandoverError::Draining,
            Phase::Here => {
                *phase = Phase::Busy;
                return Ok(());
            }
        };
        tracing::error!(error = %refused, "no restart");
        Err(refused)
    }

    async fn try_restart(self: &Arc<Leaving>) -> Result<u32, HandoverError> {
        let held = listen(&self.estate.data_dir.join(HELD_SOCKET))?;
        let (wanted, coming) = oneshot::channel();
        *self.wanted() = Some(wanted);
        let child = Command::new(&self.successor.program)
            .args(&self.successor.arguments)
            .stdin(Stdio::null())
            .spawn();
        let mut child = child.map_err(HandoverError::NotStarted)?;
        let link = std::os::unix::net::UnixDatagram::pair()?;
        let ready = tokio::select! {
            // What it says is better than how it ends.
            biased;
            ready = self.give(coming, &link.1) => ready,
            status = ended(&mut child) => Err(HandoverError::Exited(status)),
            () = sleep(COMES_UP_WITHIN) => Err(HandoverError::Late),
        };
        *self.wanted() = None;
        let taken = match ready {
            Ok(stream) => self.leave(stream, held, link.0).await,
            Err(error) => Err(error),
        };
        let pid = child.id();
        if taken.is_err() {
            let _ = child.kill();
        }
        // It is not this process's to wait for: one that dies is seen by its stream. What is left of it goes with this process.
        let waits = std::thread::Builder::new().name("successor".to_owned());
        let _ = waits.spawn(move || child.wait());
        taken.map(|()| pid)
    }

    /// Gives the successor the sockets, and waits until it is ready.
    async fn give(
        &self,
        coming: oneshot::Receiver<UnixStream>,
        link: &Link,
    ) -> Result<UnixStream, HandoverError> {
        let Ok(mut stream) = coming.await else {
            return Err(HandoverError::Broken(ErrorKind::NotConnected.into()));
        };
        let doors = &self.estate.doors;
        let Bequest { sockets, words } = self.estate.media.bequest()?;
        let gift = Gift {
            ice_tcp: doors.ice_tcp.is_some(),
            metrics: doors.metrics.is_some(),
            udp: sockets.len(),
            media: words,
        };
        say(&mut stream, &Said::Gift(gift)).await?;
        let mut all = vec![doors.http.as_fd()];
        all.extend(doors.ice_tcp.iter().map(TcpListener::as_fd));
        all.extend(doors.metrics.iter().map(TcpListener::as_fd));
        all.extend(sockets.iter().map(AsFd::as_fd));
        all.push(link.as_fd());
        let all: Vec<BorrowedFd<'_>> = all;
        give(&stream, &all).await?;
        match hear(&mut stream).await? {
            Said::Ready => Ok(stream),
            other => Err(unexpected(other)),
        }
    }

    /// Stops what only one process does, and says so. Where nobody takes it, it is taken back.
    async fn leave(
        self: &Arc<Leaving>,
        mut stream: UnixStream,
        held: UnixListener,
        link: Link,
    ) -> Result<(), HandoverError> {
        let estate = &self.estate;
        estate.media.cross(link)?;
        estate.in_charge.set(false);
        estate.alone.set(false);
        let (meetings, released) = estate.rooms.freeze();
        let served = tokio::spawn(carry::serve(held, estate.router.clone()));
        let taken = async {
            estate.store.let_go().await.map_err(io::Error::other)?;
            say(&mut stream, &Said::Go { held: meetings }).await?;
            match hear(&mut stream).await? {
                Said::Taken => Ok(()),
                other => Err(unexpected(other)),
            }
        };
        let taken = timeout(TAKES_WITHIN, taken).await;
        match taken.unwrap_or(Err(HandoverError::Late)) {
            Ok(()) => {
                *self.phase() = Phase::Gone(Instant::now());
                let leaving = Arc::clone(self);
                tokio::spawn(async move {
                    tell_released(stream, released).await;
                    served.abort();
                    leaving.take_back().await;
                });
                Ok(())
            }
            Err(error) => {
                drop(stream);
                served.abort();
                self.take_back().await;
                Err(error)
            }
        }
    }

    /// The other process is gone: its meetings, the sockets and the work are this one's again.
    async fn take_back(self: &Arc<Leaving>) {
        let estate = &self.estate;
        let was_gone = matches!(*self.phase(), Phase::Gone(_));
        if was_gone {
            tracing::error!("the process that took over is gone: this one takes everything back");
        }
        estate.media.read_sockets();
        estate.rooms.thaw();
        if let Err(error) = estate.store.claim().await {
            tracing::error!(%error, "taking the database back");
        }
        if let Err(error) = estate.rooms.restore().await {
            tracing::error!(%error, "waking meetings");
        }
        estate.in_charge.set(true);
        estate.alone.set(true);
        if was_gone {
            // The other one has put its own in this place.
            match listen(&estate.data_dir.join(HANDOVER_SOCKET)) {
                Ok(listener) => drop(tokio::spawn(Arc::clone(self).answer(listener))),
                Err(error) => tracing::warn!(%error, "no further restart without a gap"),
            }
            *self.phase() = Phase::Here;
            super::notify::ready();
        }
    }

    /// Boxed, since what is asked here may lead to listening again.
    fn answer(
        self: Arc<Leaving>,
        listener: UnixListener,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(Arc::clone(&self).hear_out(stream))),
                    Err(error) => {
                        tracing::warn!(%error, "accepting at handover.sock");
                        sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        })
    }

    async fn hear_out(self: Arc<Leaving>, mut stream: UnixStream) {
        match timeout(FIRST_WORD_WITHIN, hear(&mut stream)).await {
            Ok(Ok(Said::TakeOver)) => {
                let wanted = self.wanted().take();
                match wanted {
                    Some(wanted) => drop(wanted.send(stream)),
                    None => {
                        let why = HandoverError::Unasked.to_string();
                        super::tell_failure(&mut stream, &why).await;
                    }
                }
            }
            Ok(Ok(Said::Restart)) => {
                let done = self.restart().await;
                let outcome = Said::Outcome {
                    pid: *done.as_ref().unwrap_or(&std::process::id()),
                    error: done.err().map(|error| error.to_string()),
                };
                // Who asked may have gone.
                let _ = say(&mut stream, &outcome).await;
            }
            _ => {}
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self) -> MutexGuard<'_, Option<oneshot::Sender<UnixStream>>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until the other process is gone.
async fn tell_released(mut stream: UnixStream, mut released: mpsc::Receiver<MeetingId>) {
    let (mut read, mut write) = stream.split();
    let mut byte = [0];
    let told = async {
        while let Some(meeting) = released.recv().await {
            let text = serde_json::to_vec(&Said::Released { meeting }).unwrap_or_default();
            let length = (text.len() as u32).to_be_bytes();
            let message = [&length[..], &text].concat();
            if tokio::io::AsyncWriteExt::write_all(&mut write, &message)
                .await
                .is_err()
            {
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = told => {}
        // It has nothing more to say.
        _ = tokio::io::AsyncReadExt::read(&mut read, &mut byte) => {}
    }
}

/// How a child ended, once it has.
async fn ended(child: &mut Child) -> String {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.to_string(),
            Ok(None) => sleep(LOOK_EVERY).await,
            Err(error) => return error.to_string(),
        }
    }
}

/// For the owner alone, in place of what another process left there.
fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Asks the server with this data directory to let a new process take over; the id of the process that serves then.
///
/// # Errors
/// None took over: the old one goes on. Or there is no server.
pub async fn restart_server(data_dir: &Path) -> Result<u32, HandoverError> {
    let path = data_dir.join(HANDOVER_SOCKET);
    let stream = UnixStream::connect(&path).await;
    let mut stream = stream.map_err(HandoverError::NoServer)?;
    say(&mut stream, &Said::Restart).await?;
    let outcome = timeout(OUTCOME_WITHIN, hear(&mut stream)).await;
    match outcome.map_err(|_| HandoverError::Late)?? {
        Said::Outcome { pid, error: None } => Ok(pid),
        Said::Outcome {
            error: Some(why), ..
        } => Err(HandoverError::Failed(why)),
        other => Err(unexpected(other)),
    }
}
