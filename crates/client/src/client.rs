//! Starts a participant and holds its threads.

use crate::actor::{Actor, Parts, Shared};
use crate::face::{ClientOptions, Command, Event, StartError};
use crate::media::{MediaConfig, MediaSide};
use crate::network::ClientNetwork;
use crate::socket::{Door, Trust, tls_config};
use confab_pipeline::{MediaOptions, Pipeline};
use confab_session::{Action, SavedSeat, SessionState};
use confab_transport::driver::TlsWay;
use crossbeam_channel::Receiver;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::mpsc;
use url::{Host, Url};

/// Events that may wait for a reader; later ones are dropped, except the last.
const EVENTS: usize = 1024;
/// Commands that may wait; a person is slower.
const COMMANDS: usize = 64;
/// News of the peer connection; the loop is faster than they come.
const MEDIA_NEWS: usize = 1024;

/// Open devices and the media threads behind them, which may be there before a participant joins and after it left.
/// One participant at a time sends from it.
#[derive(Clone, Debug)]
pub struct Studio {
    pipeline: Arc<Pipeline>,
    network: Arc<ClientNetwork>,
}

impl Studio {
    /// Opens the devices.
    ///
    /// # Errors
    /// A device or file that cannot be opened, a thread that cannot be started.
    pub fn open(options: &MediaOptions) -> Result<Studio, StartError> {
        let network = Arc::new(ClientNetwork::default());
        let pipeline = Pipeline::start(options, network.clone(), rand::random())?;
        Ok(Studio {
            pipeline: Arc::new(pipeline),
            network,
        })
    }

    /// For changing devices; tell the client by [`Command::SourcesChanged`].
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }
}

/// Starts participants.
#[derive(Debug)]
pub struct Client;

impl Client {
    /// Opens the devices and begins to join. Everything that happens then comes as [`Event`]s.
    ///
    /// # Errors
    /// A device or file that cannot be opened, a CA file without certificates, `--insecure` for a public host.
    pub fn start(options: ClientOptions) -> Result<ClientHandle, StartError> {
        let studio = Studio::open(&options.media)?;
        Client::run(options, studio, false)
    }

    /// Begins to join with devices that are open already and stay open after the end; `options.media` is not used.
    ///
    /// # Errors
    /// As for [`Client::start`], devices aside.
    pub fn start_in(options: ClientOptions, studio: &Studio) -> Result<ClientHandle, StartError> {
        Client::run(options, studio.clone(), true)
    }

    fn run(options: ClientOptions, studio: Studio, lent: bool) -> Result<ClientHandle, StartError> {
        if options.trust == Trust::InsecureLocal && !is_local(&options.link.socket) {
            let host = options.link.socket.host_str().unwrap_or_default();
            return Err(StartError::InsecureHost(host.to_owned()));
        }
        let Studio { pipeline, network } = studio;
        let door = Door {
            url: options.link.socket.clone(),
            tls: tls_config(&options.trust)?,
            session: options.session.clone(),
            test: options.test.clone(),
        };
        let (commands, commands_in) = mpsc::channel(COMMANDS);
        let (events_out, events) = crossbeam_channel::bounded(EVENTS);
        let (news, media_news) = mpsc::channel(MEDIA_NEWS);
        let shared = Arc::new(Shared::of(&pipeline));
        let handle_shared = shared.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let run = move || {
            let mut options = options;
            let sinks = std::mem::replace(&mut options.sinks, Box::new(confab_pipeline::NoSinks));
            let media = MediaSide::new(MediaConfig {
                pipeline,
                network,
                sinks,
                news,
                tls: media_tls(&door),
                test: options.test.clone(),
                max_height: options.max_height,
                max_videos: options.max_videos,
                saving: options.saving,
            });
            let parts = Parts {
                door,
                media,
                shared,
                events: events_out,
                commands: commands_in,
                media_news,
                lent,
            };
            runtime.block_on(Actor::new(&options, parts).run());
        };
        let thread = std::thread::Builder::new()
            .name("client".to_owned())
            .spawn(run)?;
        Ok(ClientHandle {
            events,
            commands: Some(commands),
            shared: handle_shared,
            thread: Some(thread),
        })
    }
}

/// A running participant. Dropping it leaves the meeting and waits until files are written to their end.
#[derive(Debug)]
pub struct ClientHandle {
    /// What happens. Bounded: a reader that is 1024 events behind misses some; [`ClientHandle::state`] is always true.
    pub events: Receiver<Event>,
    commands: Option<mpsc::Sender<Command>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl ClientHandle {
    /// Whether the client took the command; not when it has ended or has 64 commands waiting.
    pub fn send(&self, command: Command) -> bool {
        let commands = self.commands.as_ref();
        commands.is_some_and(|c| c.try_send(command).is_ok())
    }

    pub fn act(&self, action: Action) -> bool {
        self.send(Command::Act(action))
    }

    /// The session as it stands now.
    pub fn state(&self) -> SessionState {
        self.shared.state()
    }

    /// What a connection beside signaling needs to take this seat; `None`: there is none.
    pub(crate) fn seat(&self) -> Option<SavedSeat> {
        self.shared.seat()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Leaves, and waits until everything is closed and written.
    pub fn leave(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        // Without a sender the client leaves by itself.
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for ClientHandle {
    fn drop(&mut self) {
        self.finish();
    }
}

/// TLS for media, as signaling has it. None where signaling is in the clear.
fn media_tls(door: &Door) -> Option<TlsWay> {
    if door.url.scheme() != "wss" {
        return None;
    }
    // An IPv6 address stands in brackets in a URL, and in none in a certificate.
    let host = door.url.host_str()?.trim_matches(['[', ']']);
    Some(TlsWay {
        config: Arc::clone(&door.tls),
        name: host.to_owned().try_into().ok()?,
        port: door.url.port_or_known_default()?,
    })
}

/// This machine, or an address that no public network routes.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Some(Host::Ipv6(ip)) => {
            IpAddr::V6(ip).is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_hosts_are_local() {
        for (url, local) in [
            ("wss://localhost/ws", true),
            ("wss://127.0.0.1:8480/ws", true),
            ("wss://10.1.2.3/ws", true),
            ("wss://[::1]/ws", true),
            ("wss://203.0.113.9/ws", false),
            ("wss://localhost.example.org/ws", false),
        ] {
            assert_eq!(is_local(&Url::parse(url).unwrap()), local, "{url}");
        }
    }
}
