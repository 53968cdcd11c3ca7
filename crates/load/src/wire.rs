//! A participant's socket. Datagrams come with the time the kernel took them in, so that the work of the synthetic people, who
//! compete with nobody but each other, is not counted as the server's delay.

use mio::net::UdpSocket;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Datagrams read in one call, and the longest of them, where bursts come whole.
#[cfg(target_os = "linux")]
const BATCH: usize = 16;
const LONGEST: usize = 1 << 16;
/// A picture at 20 Mbps, with the kernel's overhead, some times over.
#[cfg(target_os = "linux")]
const BUFFER: usize = 4 << 20;

/// A socket. `whole`: the kernel hands over segmented bursts as they were sent, and cuts none into datagrams. On one machine it
/// would do that at the sender's expense; a network card that segments does it at nobody's.
///
/// # Errors
/// No port is free, no file may be opened, or the system lacks what is asked for.
pub fn bind(ip: IpAddr, whole: bool) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, 0).into())?;
    #[cfg(not(target_os = "linux"))]
    let _ = whole;
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{setsockopt, sockopt};
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER).is_err() {
            // Not root: as much as anybody gets.
            let _ = setsockopt(&socket, sockopt::RcvBuf, &BUFFER);
        }
        if whole {
            setsockopt(&socket, sockopt::UdpGroSegment, &true)?;
        }
    }
    Ok(socket)
}

/// The system's clock, which the kernel's times are of.
pub fn clock() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Reads all that waits: sender, bytes, and when it came by [`clock`].
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub struct Reader {
    bytes: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

#[cfg(target_os = "linux")]
impl Reader {
    pub fn new() -> Reader {
        Reader {
            bytes: vec![0; BATCH * LONGEST],
        }
    }

    pub fn read(&mut self, socket: &UdpSocket, mut take: impl FnMut(SocketAddr, &[u8], Duration)) {
        use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};
        use std::io::IoSliceMut;
        use std::os::fd::AsRawFd;
        loop {
            let buffers = self.bytes.chunks_exact_mut(LONGEST);
            let mut slices: Vec<[IoSliceMut<'_>; 1]> =
                buffers.map(|b| [IoSliceMut::new(b)]).collect();
            let fd = socket.as_raw_fd();
            // Made anew: the kernel leaves in it how much it wrote, and takes that for the room there is.
            let space = nix::cmsg_space!(nix::sys::time::TimeSpec, i32);
            let mut headers = MultiHeaders::preallocate(BATCH, Some(space));
            let read = recvmmsg(
                fd,
                &mut headers,
                slices.iter_mut(),
                MsgFlags::MSG_DONTWAIT,
                None,
            );
            let Ok(read) = read else { return };
            let mut count = 0;
            for message in read {
                count += 1;
                let (at, size) = told(&message);
                let from = message.address.as_ref().and_then(address);
                let bytes = message.iovs().next();
                if let (Some(from), Some(bytes)) = (from, bytes) {
                    let datagrams = bytes.chunks(size.unwrap_or(LONGEST));
                    datagrams.for_each(|datagram| take(from, datagram, at));
                }
            }
            if count < BATCH {
                return;
            }
        }
    }
}

/// When it came, and how long its datagrams are, if it is a burst.
#[cfg(target_os = "linux")]
fn told(
    message: &nix::sys::socket::RecvMsg<'_, '_, nix::sys::socket::SockaddrStorage>,
) -> (Duration, Option<usize>) {
    use nix::sys::socket::ControlMessageOwned::{ScmTimestampns, UdpGroSegments};
    let (mut at, mut size) = (None, None);
    for said in message.cmsgs().into_iter().flatten() {
        match said {
            ScmTimestampns(time) => at = Some(Duration::from(time)),
            UdpGroSegments(bytes) => size = usize::try_from(bytes).ok().filter(|s| *s > 0),
            _ => {}
        }
    }
    (at.unwrap_or_else(clock), size)
}

#[cfg(target_os = "linux")]
fn address(from: &nix::sys::socket::SockaddrStorage) -> Option<SocketAddr> {
    let v4 = from.as_sockaddr_in().map(|a| SocketAddr::V4((*a).into()));
    v4.or_else(|| Some(SocketAddr::V6((*from.as_sockaddr_in6()?).into())))
}

/// Elsewhere the time of arrival is that of the read.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn datagrams_come_one_by_one_with_who_sent_them() {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let to = bind(local, false).unwrap();
        let from = std::net::UdpSocket::bind((local, 0)).unwrap();
        let before = clock();
        for i in 0..40u8 {
            from.send_to(&vec![i; 10 + usize::from(i)], to.local_addr().unwrap())
                .unwrap();
        }
        let mut got = Vec::new();
        let mut reader = Reader::new();
        reader.read(&to, |who, bytes, at| {
            assert_eq!(who, from.local_addr().unwrap());
            assert!(at + std::time::Duration::from_secs(1) > before && at <= clock());
            got.push((bytes[0], bytes.len()));
        });
        let sent: Vec<_> = (0..40u8).map(|i| (i, 10 + usize::from(i))).collect();
        assert_eq!(got, sent);
    }
}
