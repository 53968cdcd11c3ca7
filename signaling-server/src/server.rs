//! Puts the parts together: [`start`] brings a whole server up on a runtime of its own.

use crate::accept::{Gate, Port, Web};
use crate::config::{Config, IceTcp};
use crate::counters::{Counters, ServerCounters};
use crate::http::{self, Site};
use crate::media::Media;
use crate::rooms::{Rooms, new_meeting};
use crate::sfu::SfuCounters;
use crate::store::{MeetingRecord, Sqlite, Store, StoreError};
use crate::tls::{self, TlsError};
use confab_protocol::{Code, CreateMeeting, MeetingCreated, MeetingId};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
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
    #[error("threads: {0}")]
    Runtime(io::Error),
}

/// A running server. Dropping it without [`Running::shutdown`] stops it at once, as `kill -9` would: nobody is told.
pub struct Running {
    pub http_addr: SocketAddr,
    /// Where media comes in.
    pub udp_addr: SocketAddr,
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
    site: Arc<Site>,
    media: Arc<Media>,
    counters: Arc<Counters>,
    stop: CancellationToken,
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

    /// Tells all clients that the server goes away, stores what is due and stops.
    pub async fn shutdown(mut self) {
        self.parts.stop.cancel();
        self.parts.rooms.shutdown().await;
        self.parts.site.sockets.close();
        // Whoever has not read its goodbye by then does not read.
        let _ = tokio::time::timeout(LAST_WORDS, self.parts.site.sockets.wait()).await;
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
                public_url,
                tls_fingerprint,
                parts,
            } = up;
            Ok(Running {
                http_addr,
                udp_addr,
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
    public_url: String,
    tls_fingerprint: Option<String>,
    parts: Parts,
}

async fn bring_up(config: Config) -> Result<Up, StartError> {
    make_data_dir(&config.data_dir)?;
    let store = Arc::new(Sqlite::open(&config.data_dir).await?);
    let tls = tls::open(&config)?;
    let (listener, http_addr) = listen(config.listen).await?;
    let public_url = config.public_url(http_addr);
    let counters = Arc::new(Counters::default());
    let stop = CancellationToken::new();
    let media = Arc::new(Media::start(&config, http_addr).map_err(StartError::Media)?);
    let rooms = Rooms::new(store, Arc::clone(&media));
    rooms.restore().await?;

    let site = Site::new(
        Arc::clone(&rooms),
        Arc::clone(&counters),
        public_url.clone(),
        &config,
    );
    let per_address = match config.behind_proxy {
        // All connections come from the proxy.
        true => config.limits.connections,
        false => config.limits.connections_per_address,
    };
    let gate = Gate::new(config.limits.connections, per_address);
    let tls_fingerprint = tls.as_ref().map(|t| t.fingerprint.clone());
    let web = Web {
        router: http::router(Arc::clone(&site)),
        tls: tls.map(|t| t.acceptor),
        public_url: public_url.clone(),
    };
    let port = |web: Option<Web>, takes_media: bool| {
        Arc::new(Port {
            gate: Arc::clone(&gate),
            counters: Arc::clone(&counters),
            web,
            media: media.ingress().filter(|_| takes_media),
            stop: stop.clone(),
        })
    };
    if let IceTcp::Port(number) = config.ice_tcp() {
        let (own, _) = listen(SocketAddr::from((config.media_address(), number))).await?;
        tokio::spawn(port(None, true).run(own));
    }
    tokio::spawn(port(Some(web), config.ice_tcp() == IceTcp::Shared).run(listener));
    let udp_addr = media.udp_addr;
    tracing::info!(%http_addr, %udp_addr, public_url, "listening");
    Ok(Up {
        http_addr,
        udp_addr,
        public_url,
        tls_fingerprint,
        parts: Parts {
            rooms,
            site,
            media,
            counters,
            stop,
        },
    })
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// For the owner alone: names and chat are in it.
fn make_data_dir(dir: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| StartError::DataDir {
        dir: dir.to_owned(),
        source,
    })
}

/// A meeting as the command line lists it.
#[derive(Clone, Debug)]
pub struct MeetingSummary {
    pub guest_link: String,
    pub title: String,
    /// Milliseconds since 1970.
    pub starts_at: u64,
    pub locked: bool,
    pub ended: bool,
}

/// The data directory without a server on top, for the command line. A server may run on it at the same time.
pub struct Offline {
    store: Sqlite,
    public_url: String,
}

impl std::fmt::Debug for Offline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offline")
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

impl Offline {
    pub async fn open(config: &Config) -> Result<Offline, StartError> {
        make_data_dir(&config.data_dir)?;
        Ok(Offline {
            store: Sqlite::open(&config.data_dir).await?,
            public_url: config.public_url(config.listen),
        })
    }

    pub async fn create_meeting(&self, wanted: CreateMeeting) -> Result<MeetingCreated, Code> {
        let (record, host_key) = new_meeting(wanted)?;
        let id: MeetingId = record.id.clone();
        self.store.create(record).await.map_err(|error| {
            tracing::error!(%error, "store");
            Code::Internal
        })?;
        Ok(http::links(&self.public_url, id, &host_key))
    }

    /// Newest first, at most `limit`.
    pub async fn meetings(&self, limit: u32) -> Result<Vec<MeetingSummary>, StartError> {
        let summary = |record: MeetingRecord| MeetingSummary {
            guest_link: format!("{}/m/{}", self.public_url, record.id),
            title: record.title,
            starts_at: record.starts_at,
            locked: record.locked,
            ended: record.ended,
        };
        Ok(self
            .store
            .list(limit)
            .await?
            .into_iter()
            .map(summary)
            .collect())
    }

    pub async fn close(self) -> Result<(), StartError> {
        Ok(self.store.close().await?)
    }
}
