//! Puts the parts together: [`start`] brings a whole server up on a runtime of its own.

mod doors;
mod parts;

pub(crate) use doors::bounds;
pub(crate) use parts::{letters, planner, post};

use crate::accept::{Gate, Port, Web};
use crate::accounts::ProviderSetupError;
use crate::boards::Boards;
use crate::caldav::SealError;
use crate::config::Config;
use crate::counters::{Counters, ServerCounters};
use crate::files::FilesSetupError;
use crate::handover::{Doors, HandoverError, Inheritance, Switch};
#[cfg(unix)]
use crate::handover::{Estate, Leaving, Successor};
use crate::http::{self, Site};
use crate::mail::MailSetupError;
use crate::media::Media;
use crate::reload::{Reload, Reloaded};
use crate::rooms::Rooms;
use crate::sfu::SfuCounters;
use crate::store::{Database, StoreError};
use crate::tls::{self, Tls, TlsError};
use crate::traces::Traces;
use confab_protocol::{Code, CreateMeeting, MeetingCreated};
use parts::{Ground, build};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::sync::OnceLock;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// How long a shutdown waits for connections to close after the meetings said goodbye.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a server did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Config(String),
    #[error("data directory {dir}: {source}")]
    DataDir { dir: PathBuf, source: io::Error },
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("media port: {0}")]
    Media(io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Mail(#[from] MailSetupError),
    #[error(transparent)]
    Provider(#[from] ProviderSetupError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Files(#[from] FilesSetupError),
    #[error("{key}: {message}")]
    Authorities { key: &'static str, message: String },
    #[error("threads: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Handover(#[from] HandoverError),
}

/// A running server. Dropping it without [`Running::shutdown`] stops it at once, as `kill -9` would: nobody is told.
pub struct Running {
    pub http_addr: SocketAddr,
    /// Where media comes in.
    pub udp_addr: SocketAddr,
    /// Where metrics are told without a token.
    pub metrics_addr: Option<SocketAddr>,
    /// Without a trailing slash.
    pub public_url: String,
    /// SHA-256 of the certificate, where TLS is on.
    pub tls_fingerprint: Option<String>,
    parts: Parts,
    // Last, so that what the fields above still do on being dropped finds it.
    runtime: Option<Runtime>,
}

struct Parts {
    rooms: Arc<Rooms>,
    boards: Arc<Boards>,
    site: Arc<Site>,
    media: Arc<Media>,
    counters: Arc<Counters>,
    reload: Reload,
    stop: CancellationToken,
    #[cfg(unix)]
    estate: Arc<Estate>,
    /// Once it may be handed over.
    #[cfg(unix)]
    leaving: OnceLock<Arc<Leaving>>,
    /// Turned by nobody: there is no other process.
    #[cfg(not(unix))]
    _switches: (Switch, Switch),
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("http_addr", &self.http_addr)
            .field("udp_addr", &self.udp_addr)
            .finish()
    }
}

impl Running {
    /// Creates a meeting, as the API would, without its rate limit.
    pub async fn create_meeting(&self, wanted: CreateMeeting) -> Result<MeetingCreated, Code> {
        let (id, host_key) = self.parts.rooms.create(wanted).await?;
        Ok(http::links(&self.public_url, id, &host_key))
    }

    pub fn counters(&self) -> ServerCounters {
        self.parts.counters.read()
    }

    /// What the media side counts: packets, drops by reason.
    pub fn media_counters(&self) -> SfuCounters {
        self.parts.media.counters()
    }

    /// Takes what can be taken of another configuration while meetings go on; reads certificate files and the mail password
    /// anew in any case.
    ///
    /// # Errors
    /// The configuration cannot be; nothing of it was taken.
    pub fn reload(&self, config: &Config) -> Result<Reloaded, StartError> {
        let runtime = self.runtime.as_ref().map(Runtime::enter);
        let reloaded = self.parts.reload.take(config);
        drop(runtime);
        reloaded
    }

    /// From now on `/readyz` says that newcomers should go elsewhere. Nobody is sent away.
    pub fn drain(&self) {
        self.parts.rooms.drain();
    }

    /// From now on another process of this program may take over, under meetings that go on: by [`Running::restart`], or when
    /// [`crate::restart_server`] asks for it.
    ///
    /// # Errors
    /// It cannot be listened for that; the server goes on all the same.
    #[cfg(unix)]
    pub fn allow_restart(&self, successor: Successor) -> io::Result<()> {
        let _inside = self.runtime.as_ref().map(Runtime::enter);
        let leaving = Leaving::start(Arc::clone(&self.parts.estate), successor)?;
        // The first one stays.
        let _ = self.parts.leaving.set(leaving);
        Ok(())
    }

    /// Lets another process take over, which is told of in the log. Returns at once.
    #[cfg(unix)]
    pub fn restart(&self) {
        let (Some(leaving), Some(runtime)) = (self.parts.leaving.get(), &self.runtime) else {
            return tracing::error!(
                "this server cannot be handed over; why, it said when it started"
            );
        };
        let leaving = Arc::clone(leaving);
        // What came of it is in the log.
        runtime.spawn(async move { drop(leaving.restart().await) });
    }

    /// For how long another process has been in charge. This one still has its meetings, and should end when they are over.
    pub fn handed_over_for(&self) -> Option<Duration> {
        #[cfg(unix)]
        return self.parts.leaving.get()?.gone_for();
        #[cfg(not(unix))]
        None
    }

    /// Whether nobody is in a meeting, or before its door.
    pub async fn is_empty(&self) -> bool {
        self.parts.rooms.is_empty().await
    }

    /// Tells all clients that the server goes away, stores what is due and stops.
    pub async fn shutdown(mut self) {
        self.parts.stop.cancel();
        // They write to the store that the meetings close.
        self.parts.boards.shutdown().await;
        self.parts.rooms.shutdown().await;
        self.parts.site.sockets.close();
        // Whoever has not read its goodbye by then does not read.
        let _ = tokio::time::timeout(LAST_WORDS, self.parts.site.sockets.wait()).await;
        self.parts.site.traces.shutdown().await;
        self.parts.media.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.parts.media.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts a server: checks the configuration, opens the data directory, listens, wakes the meetings that were running.
pub async fn start(config: Config) -> Result<Running, StartError> {
    start_by(config, |config| bring_up(config, None)).await
}

/// Starts a server that takes over from the one that runs with the same data directory, which asked for it (docs/adr/0035). That one
/// keeps the meetings that are awake in it.
///
/// # Errors
/// Nothing was taken over: the other one goes on as before.
#[cfg(unix)]
pub async fn take_over(config: Config) -> Result<Running, StartError> {
    start_by(config, succeed).await
}

#[cfg(unix)]
async fn succeed(config: Config) -> Result<Up, StartError> {
    use crate::handover::{ask, follow, settle, tell_failure};
    let (mut stream, inheritance) = ask(&config).await?;
    let up = match bring_up(config, Some(inheritance)).await {
        Ok(up) => up,
        Err(error) => {
            tell_failure(&mut stream, &error.to_string()).await;
            return Err(error);
        }
    };
    let (estate, held) = (&up.parts.estate, &up.parts.rooms.held);
    if let Err(error) = settle(&mut stream, estate, held).await {
        tell_failure(&mut stream, &error.to_string()).await;
        return Err(error.into());
    }
    tokio::spawn(follow(stream, Arc::clone(estate), Arc::clone(held)));
    Ok(up)
}

async fn start_by<F>(
    config: Config,
    bring_up: impl FnOnce(Config) -> F + Send + 'static,
) -> Result<Running, StartError>
where
    F: Future<Output = Result<Up, StartError>> + Send + 'static,
{
    config
        .check()
        .map_err(|fault| StartError::Config(fault.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8)))
        .thread_name("confab-http")
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let brought_up = match runtime.spawn(bring_up(config)).await {
        Ok(result) => result,
        Err(panicked) => Err(StartError::Runtime(io::Error::other(panicked))),
    };
    match brought_up {
        Ok(up) => {
            let Up {
                http_addr,
                udp_addr,
                metrics_addr,
                public_url,
                tls_fingerprint,
                parts,
            } = up;
            Ok(Running {
                http_addr,
                udp_addr,
                metrics_addr,
                public_url,
                tls_fingerprint,
                parts,
                runtime: Some(runtime),
            })
        }
        Err(error) => {
            runtime.shutdown_background();
            Err(error)
        }
    }
}

struct Up {
    http_addr: SocketAddr,
    udp_addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    public_url: String,
    tls_fingerprint: Option<String>,
    parts: Parts,
}

/// An heir stops before it begins: it neither accepts nor does what only one process does, and wakes no meeting.
async fn bring_up(config: Config, given: Option<Inheritance>) -> Result<Up, StartError> {
    make_data_dir(&config.data_dir)?;
    let counters = Arc::new(Counters::default());
    let traces = Traces::start(&config.traces, &counters);
    let is_heir = given.is_some();
    let (doors, media_given) = given.map(|g| (g.doors, g.media)).unzip();
    let store = Arc::new(match is_heir {
        true => Database::take_over(&config, traces.clone()).await?,
        false => Database::serve(&config, traces.clone()).await?,
    });
    let (in_charge, alone) = (Switch::new(), Switch::new());
    let tls = tls::open(&config)?;
    let (http_door, ice_tcp_door, metrics_door) = match doors {
        Some(doors) => (Some(doors.http), doors.ice_tcp, doors.metrics),
        None => (None, None, None),
    };
    let (listener, http_spare, http_addr) = doors::listen(config.listen, http_door)?;
    let public_url = config.public_url(http_addr);
    let stop = CancellationToken::new();
    let media = Arc::new(Media::start(&config, http_addr, media_given).map_err(StartError::Media)?);
    let post = post(&config, &public_url, &traces)?;
    let site = build(&Ground {
        config: &config,
        public_url: &public_url,
        store: &store,
        media: &media,
        post: &post,
        counters: &counters,
        traces: &traces,
        stop: &stop,
        in_charge: &in_charge,
        alone: &alone,
    })?;
    let (rooms, boards) = (Arc::clone(&site.rooms), Arc::clone(&site.boards));
    let metrics_door = doors::metrics(&config, &site, (&stop, in_charge.duty()), metrics_door)?;
    let (metrics_spare, metrics_addr) = metrics_door.unzip();
    let gate = Gate::new(bounds(&config));
    let tls_fingerprint = tls.as_ref().and_then(Tls::fingerprint);
    let router = http::router(Arc::clone(&site));
    let web = Web {
        router: router.clone(),
        tls: tls.as_ref().map(|t| t.acceptor.clone()),
        public_url: public_url.clone(),
    };
    let port = Port {
        gate: Arc::clone(&gate),
        counters: Arc::clone(&counters),
        web: Some(web),
        media: media.ingress(),
        stop: stop.clone(),
        in_charge: in_charge.duty(),
    };
    let ice_tcp_spare = doors::accept(&config, port, listener, ice_tcp_door)?;
    if !is_heir {
        rooms.restore().await?;
        in_charge.set(true);
        alone.set(true);
    }
    // Only now: the authority looks at this port.
    if let Some(tls) = &tls {
        tls.keep_fresh(in_charge.duty());
    }
    let data_dir = config.data_dir.clone();
    let reload = Reload {
        config: Mutex::new(config),
        gate,
        site: Arc::clone(&site),
        post,
        tls,
    };
    let udp_addr = media.udp_addr;
    tracing::info!(%http_addr, %udp_addr, public_url, "listening");
    let doors = Doors {
        http: http_spare,
        ice_tcp: ice_tcp_spare,
        metrics: metrics_spare,
    };
    #[cfg(unix)]
    let estate = Arc::new(Estate {
        data_dir,
        rooms: Arc::clone(&rooms),
        media: Arc::clone(&media),
        store,
        router,
        doors,
        in_charge,
        alone,
    });
    #[cfg(not(unix))]
    let _ = (data_dir, store, router, doors);
    Ok(Up {
        http_addr,
        udp_addr,
        metrics_addr,
        public_url,
        tls_fingerprint,
        parts: Parts {
            rooms,
            boards,
            site,
            media,
            counters,
            reload,
            stop,
            #[cfg(unix)]
            estate,
            #[cfg(unix)]
            leaving: OnceLock::new(),
            #[cfg(not(unix))]
            _switches: (in_charge, alone),
        },
    })
}

/// Makes the folder if it is missing, for the owner alone: names and chat are in it.
///
/// # Errors
/// It cannot be made.
pub fn make_data_dir(dir: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| StartError::DataDir {
        dir: dir.to_owned(),
        source,
    })
}
