//! The doors of a server: which addresses it listens at, how many may come, and who takes what comes.

use super::StartError;
use crate::accept::{Bounds, Port};
use crate::config::{Config, IceTcp};
use crate::handover::Duty;
use crate::http::Site;
use crate::metrics::Metrics;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Connections that wait to be accepted; the kernel may keep fewer.
const BACKLOG: i32 = 1024;

/// Accepts while this process is in charge. The socket of the port for media alone once more, where there is one.
pub(super) fn accept(
    config: &Config,
    mut port: Port,
    listener: TcpListener,
    ice_tcp_door: Option<std::net::TcpListener>,
) -> Result<Option<std::net::TcpListener>, StartError> {
    let in_charge = port.in_charge.clone();
    let media = match config.ice_tcp() {
        IceTcp::Shared => None,
        IceTcp::Port(_) | IceTcp::Off => port.media.take(),
    };
    let mut again = None;
    if let IceTcp::Port(number) = config.ice_tcp() {
        let at = SocketAddr::from((config.media_address(), number));
        let (own, spare, _) = listen(at, ice_tcp_door)?;
        again = Some(spare);
        let for_media = Port {
            gate: Arc::clone(&port.gate),
            counters: Arc::clone(&port.counters),
            web: None,
            media,
            stop: port.stop.clone(),
            in_charge: in_charge.clone(),
        };
        tokio::spawn(in_charge.clone().run(Arc::new(for_media).run(own)));
    }
    tokio::spawn(in_charge.run(Arc::new(port).run(listener)));
    Ok(again)
}

/// How many connections there may be. Behind a proxy all come from its address.
pub(crate) fn bounds(config: &Config) -> Bounds {
    let limits = &config.limits;
    let (per_address, new_per_minute) = match config.behind_proxy {
        true => (limits.connections, u32::MAX),
        false => (
            limits.connections_per_address,
            limits.new_connections_per_minute,
        ),
    };
    Bounds {
        total: limits.connections,
        per_address,
        new_per_minute,
    }
}

/// Tells metrics at an address of their own, where the configuration has one.
pub(super) fn metrics(
    config: &Config,
    site: &Site,
    (stop, duty): (&CancellationToken, Duty),
    door: Option<std::net::TcpListener>,
) -> Result<Option<(std::net::TcpListener, SocketAddr)>, StartError> {
    let Some(address) = config.metrics.listen else {
        return Ok(None);
    };
    let (listener, spare, bound) = listen(address, door)?;
    let metrics: Arc<Metrics> = Arc::clone(&site.metrics);
    tokio::spawn(duty.run(metrics.serve(listener, stop.clone())));
    tracing::info!(address = %bound, "metrics");
    Ok(Some((spare, bound)))
}

/// Listens at `address`, by the socket of another process if that is where it listens. The same once more, and where.
pub(super) fn listen(
    address: SocketAddr,
    given: Option<std::net::TcpListener>,
) -> Result<(TcpListener, std::net::TcpListener, SocketAddr), StartError> {
    let is_there = |door: &std::net::TcpListener| {
        let at = door.local_addr();
        at.is_ok_and(|at| at.ip() == address.ip() && [0, at.port()].contains(&address.port()))
    };
    let listened = || {
        let listener = match given.filter(is_there) {
            Some(door) => door,
            None => bind(address)?,
        };
        let (spare, bound) = (listener.try_clone()?, listener.local_addr()?);
        Ok((TcpListener::from_std(listener)?, spare, bound))
    };
    listened().map_err(|source| StartError::Listen { address, source })
}

/// As tokio does it, but without giving the listener to the runtime at once.
fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Elsewhere it means something else.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
