//! A participant's socket. Datagrams come with the time the kernel took them in, so that the fleet's own work, which competes
//! with nobody but itself, is not counted as the server's delay.

use mio::net::UdpSocket;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Datagrams read in one call, and the longest of them.
#[cfg(target_os = "linux")]
const BATCH: usize = 32;
const LONGEST: usize = 2048;
/// A picture at 20 Mbps, with the kernel's overhead, some times over.
#[cfg(target_os = "linux")]
const BUFFER: usize = 4 << 20;

pub fn bind(ip: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0).into()).expect("a socket");
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{setsockopt, sockopt};
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).expect("times of arrival");
        if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER).is_err() {
            // Not root: as much as anybody gets.
            let _ = setsockopt(&socket, sockopt::RcvBuf, &BUFFER);
        }
    }
    socket
}

/// The system's clock, which the kernel's times are of.
pub fn clock() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Reads all that waits: sender, bytes, and when it came by [`clock`].
#[cfg(target_os = "linux")]
pub struct Reader {
    headers: nix::sys::socket::MultiHeaders<nix::sys::socket::SockaddrStorage>,
    bytes: Vec<u8>,
}

#[cfg(target_os = "linux")]
impl Reader {
    pub fn new() -> Reader {
        use nix::sys::socket::MultiHeaders;
        let space = nix::cmsg_space!(nix::sys::time::TimeSpec);
        Reader {
            headers: MultiHeaders::preallocate(BATCH, Some(space)),
            bytes: vec![0; BATCH * LONGEST],
        }
    }

    pub fn read(&mut self, socket: &UdpSocket, mut take: impl FnMut(SocketAddr, &[u8], Duration)) {
        use nix::sys::socket::{MsgFlags, recvmmsg};
        use std::io::IoSliceMut;
        use std::os::fd::AsRawFd;
        loop {
            let buffers = self.bytes.chunks_exact_mut(LONGEST);
            let mut slices: Vec<[IoSliceMut<'_>; 1]> =
                buffers.map(|b| [IoSliceMut::new(b)]).collect();
            let fd = socket.as_raw_fd();
            let read = recvmmsg(
                fd,
                &mut self.headers,
                slices.iter_mut(),
                MsgFlags::MSG_DONTWAIT,
                None,
            );
            let Ok(read) = read else { return };
            let mut count = 0;
            for message in read {
                count += 1;
                let at = arrival(&message).unwrap_or_else(clock);
                let from = message.address.as_ref().and_then(address);
                let bytes = message.iovs().next();
                if let (Some(from), Some(bytes)) = (from, bytes) {
                    take(from, bytes, at);
                }
            }
            if count < BATCH {
                return;
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn arrival(
    message: &nix::sys::socket::RecvMsg<'_, '_, nix::sys::socket::SockaddrStorage>,
) -> Option<Duration> {
    use nix::sys::socket::ControlMessageOwned::ScmTimestampns;
    message.cmsgs().ok()?.find_map(|m| match m {
        ScmTimestampns(at) => Some(Duration::from(at)),
        _ => None,
    })
}

#[cfg(target_os = "linux")]
fn address(from: &nix::sys::socket::SockaddrStorage) -> Option<SocketAddr> {
    let v4 = from.as_sockaddr_in().map(|a| SocketAddr::V4((*a).into()));
    v4.or_else(|| Some(SocketAddr::V6((*from.as_sockaddr_in6()?).into())))
}

/// Elsewhere the time of arrival is that of the read.
#[cfg(not(target_os = "linux"))]
pub struct Reader {
    bytes: Vec<u8>,
}

#[cfg(not(target_os = "linux"))]
impl Reader {
    pub fn new() -> Reader {
        Reader {
            bytes: vec![0; LONGEST],
        }
    }

    pub fn read(&mut self, socket: &UdpSocket, mut take: impl FnMut(SocketAddr, &[u8], Duration)) {
        while let Ok((size, from)) = socket.recv_from(&mut self.bytes) {
            take(from, &self.bytes[..size], clock());
        }
    }
}
