//! The worker's UDP socket: many datagrams per system call in (recvmmsg, GRO) and out (GSO).

use crate::sfu::counters::Counters;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Type};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

/// Kernel buffers: half a second of a 100 Mbps worker. The kernel may grant less.
const KERNEL_BUFFER: usize = 4 << 20;
/// One receive buffer: a whole GRO burst.
const RECEIVE_BUFFER: usize = 64 << 10;
/// Most bytes of one segmented send; the kernel's limit is 64 KiB with headers.
const MOST_SEGMENTED: usize = 60_000;

#[derive(Debug)]
pub(crate) struct Socket {
    pub mio: mio::net::UdpSocket,
    state: UdpSocketState,
    /// Bound to an IPv6 address: IPv4 destinations are written in their mapped form.
    is_v6: bool,
}

/// Buffers for one receive call.
pub(crate) struct ReceiveBuffers {
    bytes: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
}

impl ReceiveBuffers {
    pub fn new() -> ReceiveBuffers {
        ReceiveBuffers {
            bytes: vec![0; BATCH_SIZE * RECEIVE_BUFFER],
            meta: [RecvMeta::default(); BATCH_SIZE],
        }
    }

    /// The datagrams of the last [`Socket::receive`]: sender, local address, bytes.
    pub fn datagrams(
        &self,
        count: usize,
    ) -> impl Iterator<Item = (SocketAddr, Option<IpAddr>, &[u8])> {
        let buffers = self
            .bytes
            .chunks_exact(RECEIVE_BUFFER)
            .zip(&self.meta)
            .take(count);
        buffers.flat_map(|(bytes, meta)| {
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let burst = bytes.get(..meta.len).unwrap_or(&[]);
            burst
                .chunks(meta.stride.max(1))
                .map(move |d| (from, meta.dst_ip, d))
        })
    }
}

impl Socket {
    /// Takes a bound one, which may come from another process.
    pub fn new(socket: std::net::UdpSocket) -> io::Result<Socket> {
        socket.set_nonblocking(true)?;
        let is_v6 = socket.local_addr()?.is_ipv6();
        let mio = mio::net::UdpSocket::from_std(socket);
        let state = UdpSocketState::new(UdpSockRef::from(&mio))?;
        Ok(Socket { mio, state, is_v6 })
    }

    /// Binds; with `shared` other sockets may bind the same port, and the kernel spreads senders over them.
    pub fn bind(addr: SocketAddr, shared: bool) -> io::Result<std::net::UdpSocket> {
        let socket =
            socket2::Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        #[cfg(unix)]
        if shared {
            socket.set_reuse_port(true)?;
        }
        #[cfg(not(unix))]
        let _ = shared;
        // Best effort: an unprivileged process gets what the system allows.
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        Ok(socket.into())
    }

    fn form(&self, ip: IpAddr) -> IpAddr {
        match ip {
            IpAddr::V4(v4) if self.is_v6 => v4.to_ipv6_mapped().into(),
            other => other,
        }
    }

    /// Fills the buffers; how many were filled, and whether more may wait. Fewer than there are means none does: the
    /// kernel fills them until nothing is left.
    pub fn receive(&self, buffers: &mut ReceiveBuffers) -> (usize, bool) {
        let mut slices = buffers
            .bytes
            .chunks_exact_mut(RECEIVE_BUFFER)
            .map(IoSliceMut::new);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        let read = self
            .state
            .recv(UdpSockRef::from(&self.mio), &mut slices, &mut buffers.meta);
        match read {
            Ok(count) => (count, count == BATCH_SIZE),
            // ICMP answers to what we sent come one by one, and packets may wait behind them.
            Err(error) => {
                let refused = matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::HostUnreachable
                        | io::ErrorKind::NetworkUnreachable
                );
                (0, refused)
            }
        }
    }
}

/// Sends packets that lie one behind the other: each run of one size, with a smaller one at its end, in one system
/// call. A full send buffer drops a run, as the network would.
pub(crate) fn send_sized(
    socket: &Socket,
    counters: &Counters,
    to: (Option<IpAddr>, SocketAddr),
    batch: &confab_transport::MediaBatch<'_>,
) {
    let most = socket.state.max_gso_segments();
    let (mut bytes, mut sizes) = (batch.bytes, batch.sizes);
    while let Some(&first) = sizes.first() {
        let segment = usize::from(first);
        let most = most.min(MOST_SEGMENTED / segment.max(1)).max(1);
        let mut count = sizes.iter().take(most).take_while(|s| **s == first).count();
        let mut length = count * segment;
        if let Some(&last) = sizes.get(count).filter(|s| **s < first && count < most) {
            count += 1;
            length += usize::from(last);
        }
        let Some((run, rest)) = bytes.split_at_checked(length) else {
            return;
        };
        transmit(
            socket,
            counters,
            to,
            run,
            (count > 1).then_some(segment),
            count as u64,
        );
        (bytes, sizes) = (rest, &sizes[count..]);
    }
}

fn transmit(
    socket: &Socket,
    counters: &Counters,
    (source, destination): (Option<IpAddr>, SocketAddr),
    contents: &[u8],
    segment_size: Option<usize>,
    count: u64,
) {
    let transmit = Transmit {
        destination: SocketAddr::new(socket.form(destination.ip()), destination.port()),
        ecn: None,
        contents,
        segment_size,
        src_ip: source.map(|ip| socket.form(ip)),
    };
    match socket
        .state
        .try_send(UdpSockRef::from(&socket.mio), &transmit)
    {
        Ok(()) => {
            Counters::add(&counters.datagrams_out, count);
            Counters::add(&counters.bytes_out, contents.len() as u64);
            Counters::add(&counters.sends, 1);
        }
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
            Counters::add(&counters.queue_full, count)
        }
        // An unreachable network or a refused port: ICE will notice by itself.
        Err(error) => {
            Counters::add(&counters.not_sent, count);
            tracing::trace!(%error, "datagrams not sent");
        }
    }
}

/// Datagrams for one destination, of one size but for the last: one system call.
#[derive(Debug, Default)]
pub(crate) struct SendBatch {
    bytes: Vec<u8>,
    to: Option<(Option<IpAddr>, SocketAddr)>,
    segment: usize,
    count: u64,
    /// The last one was smaller than the others: nothing may follow.
    ended: bool,
}

impl SendBatch {
    /// Adds a datagram, sending what was gathered before if this one does not fit to it.
    pub fn push(
        &mut self,
        socket: &Socket,
        counters: &Counters,
        to: (Option<IpAddr>, SocketAddr),
        bytes: &[u8],
    ) {
        let fits = self.to == Some(to)
            && !self.ended
            && bytes.len() <= self.segment
            && self.bytes.len() + bytes.len() <= MOST_SEGMENTED
            && self.count < socket.state.max_gso_segments() as u64;
        if !fits {
            self.flush(socket, counters);
            self.to = Some(to);
            self.segment = bytes.len();
        }
        self.ended = bytes.len() < self.segment;
        self.bytes.extend_from_slice(bytes);
        self.count += 1;
    }

    /// Sends what was gathered. A full send buffer drops it, as the network would.
    pub fn flush(&mut self, socket: &Socket, counters: &Counters) {
        let Some(to) = self.to.take().filter(|_| self.count > 0) else {
            return;
        };
        let segment = (self.count > 1).then_some(self.segment);
        transmit(socket, counters, to, &self.bytes, segment, self.count);
        self.bytes.clear();
        self.count = 0;
        self.ended = false;
    }
}
