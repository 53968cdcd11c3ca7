//! Statistics, once a second, as counted by this side and reported by the other in RTCP.

use crate::{Mid, Protocol, Rid};
use confab_base::Bitrate;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// One second's report. Counters run from the start of the peer connection.
#[derive(Clone, Debug)]
pub struct PeerStats {
    pub at: Instant,
    /// Newest round-trip time, from RTCP, else from ICE.
    pub rtt: Option<Duration>,
    /// Bandwidth estimate for what we send.
    pub estimate: Option<Bitrate>,
    /// Fraction of what we sent that got lost in the last second, 0 to 1, by transport-wide feedback.
    pub send_loss: Option<f32>,
    /// Fraction of what was sent to us that got lost since the last report, 0 to 1.
    pub receive_loss: Option<f32>,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Protocol, local and remote address in use.
    pub path: Option<(Protocol, SocketAddr, SocketAddr)>,
    pub lines: Vec<LineStats>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatsDirection {
    Send,
    Receive,
}

/// One stream: a line, or one layer of it. Packets and bytes include retransmissions.
#[derive(Clone, Debug)]
pub struct LineStats {
    pub mid: Mid,
    pub rid: Option<Rid>,
    pub direction: StatsDirection,
    pub packets: u64,
    pub bytes: u64,
    /// Lost packets in all. Receiving: what never came, not even as a retransmission (what is on its way counts until it
    /// comes). Sending: by the receiver's reports, so before repair.
    pub lost: Option<u64>,
    /// Fraction lost in the newest RTCP report interval, 0 to 1.
    pub loss: Option<f32>,
    /// Interarrival jitter of RFC 3550, RTP ticks; ours when receiving, the other side's when sending.
    pub jitter: Option<u32>,
    pub rtt: Option<Duration>,
    /// Sent when receiving, received when sending; so are `plis` and `firs`.
    pub nacks: u64,
    pub plis: u64,
    pub firs: u64,
}

/// Gathers str0m's per-stream events, which follow the one for the whole peer, into one report.
#[derive(Debug, Default)]
pub(crate) struct StatsGatherer {
    open: Option<PeerStats>,
}

impl StatsGatherer {
    pub(crate) fn peer(&mut self, s: str0m::stats::PeerStats) {
        let pair = s.selected_candidate_pair.as_ref();
        self.open = Some(PeerStats {
            at: s.timestamp,
            rtt: s.rtt.or(pair.and_then(|p| p.current_round_trip_time)),
            estimate: s.bwe_tx.map(|b| Bitrate(b.as_u64())),
            send_loss: s.egress_loss_fraction,
            receive_loss: s.ingress_loss_fraction,
            bytes_sent: s.peer_bytes_tx,
            bytes_received: s.peer_bytes_rx,
            path: pair.map(|p| {
                (
                    Protocol::from_str0m(p.protocol),
                    p.local.addr,
                    p.remote.addr,
                )
            }),
            lines: Vec::new(),
        });
    }

    pub(crate) fn ingress(&mut self, s: str0m::stats::MediaIngressStats) {
        let Some(open) = &mut self.open else { return };
        open.lines.push(LineStats {
            mid: Mid(s.mid),
            rid: s.rid.map(Rid),
            direction: StatsDirection::Receive,
            packets: s.packets,
            bytes: s.bytes,
            lost: None,
            loss: s.loss,
            jitter: Some(s.jitter),
            rtt: s.rtt,
            nacks: s.nacks,
            plis: s.plis,
            firs: s.firs,
        });
    }

    pub(crate) fn egress(&mut self, s: str0m::stats::MediaEgressStats) {
        let Some(open) = &mut self.open else { return };
        open.lines.push(LineStats {
            mid: Mid(s.mid),
            rid: s.rid.map(Rid),
            direction: StatsDirection::Send,
            packets: s.packets,
            bytes: s.bytes,
            lost: s.remote.as_ref().map(|r| r.packets_lost),
            loss: s.loss,
            jitter: s.remote.as_ref().map(|r| r.jitter),
            rtt: s.rtt,
            nacks: s.nacks,
            plis: s.plis,
            firs: s.firs,
        });
    }

    /// The report, once everything that belongs to it was drained.
    pub(crate) fn finish(&mut self) -> Option<PeerStats> {
        self.open.take()
    }
}
