//! A window into a running participant, for `tools/scope` and for anybody else who reads `docs/SCOPE.md`: who asks over a
//! local socket is told ten times a second how every stage sounds and how every stream fares, and may record a stage.
//!
//! Off until [`Diagnostics::start`]. While nobody is connected two threads sleep: `diagnose-door` waits for connections,
//! `diagnose` for work.

mod process;
mod sampler;
mod service;
mod sound;
mod taps;
mod visit;
mod words;

pub use confab_local_socket::Folder;
pub use visit::{AttachError, Running, Visit, running};
pub use words::{
    BandInfo, FailCode, Network, PROTOCOL, Process, RefuseCode, Repair, Reply, Request, Session,
    Snapshot, StageInfo, StageSound, Stream, TapInfo, Thread, Voice, Way, Welcome,
};

use crate::actor::Shared;
use crate::{ClientHandle, Studio};
use confab_pipeline::Pipeline;
use crossbeam_channel::bounded;
use service::Service;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

/// Under which name sockets lie in the user's folder for them.
pub const KIND: &str = "confab";
/// Connections that wait for the `diagnose` thread; more wait in the operating system.
const WAITING: usize = 4;

/// What a participant lets others see.
#[derive(Clone, Debug)]
pub struct DiagnoseOptions {
    /// Name and version of the program, for people.
    pub program: String,
    pub folder: Folder,
    /// Recordings of stages go here and nowhere else; `None`: none are made.
    pub taps: Option<PathBuf>,
}

impl DiagnoseOptions {
    /// In this user's folder, without recordings.
    pub fn new(program: impl Into<String>) -> DiagnoseOptions {
        DiagnoseOptions {
            program: program.into(),
            folder: Folder::of_user(KIND),
            taps: None,
        }
    }
}

/// Whom the visitors see. Weak: watching keeps nobody in a meeting and no device open.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    shared: Weak<Shared>,
    pipeline: Weak<Pipeline>,
}

pub(crate) type SharedSubject = Arc<Mutex<Subject>>;

/// An open socket. Dropping it ends all visits and finishes the recordings.
#[derive(Debug)]
pub struct Diagnostics {
    name: String,
    folder: Folder,
    subject: SharedSubject,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Diagnostics {
    /// Opens the socket; [`Diagnostics::watch`] says whom it shows.
    ///
    /// # Errors
    /// The socket or a thread could not be made.
    pub fn start(options: DiagnoseOptions) -> io::Result<Diagnostics> {
        let name = next_name();
        let listener = options.folder.bind(&name)?;
        let (hand_over, visitors) = bounded(WAITING);
        let stop = Arc::<AtomicBool>::default();
        let ending = stop.clone();
        let subject = SharedSubject::default();
        let mut service = Service::new(options.program, options.taps, subject.clone(), visitors);
        let door = move || {
            loop {
                let visitor = listener.accept();
                if ending.load(Ordering::Relaxed) {
                    return;
                }
                match visitor {
                    Ok(visitor) => drop(hand_over.send(visitor)),
                    Err(error) => {
                        tracing::warn!("diagnostics: {error}");
                        std::thread::sleep(std::time::Duration::from_millis(100));
                    }
                }
            }
        };
        let threads = vec![
            spawn("diagnose-door", door)?,
            spawn("diagnose", move || service.run())?,
        ];
        Ok(Diagnostics {
            name,
            folder: options.folder,
            subject,
            stop,
            threads,
        })
    }

    /// The socket's name in its folder: the process id, with a number behind it when there are more of this process.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shows this participant from now on.
    pub fn watch(&self, client: &ClientHandle) {
        let shared = client.shared();
        self.set(Subject {
            shared: Arc::downgrade(shared),
            pipeline: shared.pipeline.clone(),
        });
    }

    /// Shows these devices from now on, before or after a meeting.
    pub fn watch_studio(&self, studio: &Studio) {
        self.set(Subject {
            shared: Weak::new(),
            pipeline: Arc::downgrade(studio.pipeline()),
        });
    }

    fn set(&self, subject: Subject) {
        *self.subject.lock().unwrap_or_else(PoisonError::into_inner) = subject;
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The door waits for a connection. Where somebody swept the socket away none can be made, and the threads end with
        // the process.
        if self.folder.connect(&self.name).is_ok() {
            for thread in self.threads.drain(..) {
                let _ = thread.join();
            }
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run)
}

fn next_name() -> String {
    static OPENED: AtomicU32 = AtomicU32::new(0);
    let pid = std::process::id();
    match OPENED.fetch_add(1, Ordering::Relaxed) {
        0 => pid.to_string(),
        before => format!("{pid}-{}", before + 1),
    }
}
