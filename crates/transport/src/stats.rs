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
    /// Fraction of what we sent that got lost of late, 0 to 1: by transport-wide feedback or by what receivers count, whichever is more.
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

/// Our loss by what receivers count in all (RFC 3550, 6.4.1). Transport-wide feedback says nothing of packets between two of its
/// reports, and of those whose report was lost: of a voice alone, two or three packets a report, that is most of what is lost.
#[derive(Debug, Default)]
pub(crate) struct SentLoss {
    /// Packets sent and lost when the receivers' count last moved.
    base: (u64, u64),
    loss: f32,
}

impl SentLoss {
    /// So many packets without another count mean that nothing more was lost: three seconds of a voice.
    const QUIET: u64 = 150;

    /// The share lost of late, 0 to 1; at least what feedback says.
    pub(crate) fn update(&mut self, stats: &PeerStats) -> Option<f32> {
        let counted = stats.lines.iter().filter_map(|l| {
            let lost = l.lost.filter(|_| l.direction == StatsDirection::Send)?;
            Some((l.packets, lost))
        });
        let (packets, lost) = counted.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let sent = packets.saturating_sub(self.base.0);
        let more = lost.saturating_sub(self.base.1);
        let fewer = packets < self.base.0 || lost < self.base.1;
        if fewer || more > 0 || sent >= SentLoss::QUIET {
            self.loss = match fewer || sent == 0 {
                true => 0.0,
                false => (more as f32 / sent as f32).min(1.0),
            };
            self.base = (packets, lost);
        }
        let by_count = (packets > 0).then_some(self.loss);
        match (stats.send_loss, by_count) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(packets: u64, lost: u64, feedback: f32) -> PeerStats {
        let line = LineStats {
            mid: "0".into(),
            rid: None,
            direction: StatsDirection::Send,
            packets,
            bytes: 0,
            lost: Some(lost),
            loss: None,
            jitter: None,
            rtt: None,
            nacks: 0,
            plis: 0,
            firs: 0,
        };
        PeerStats {
            at: std::time::Instant::now(),
            rtt: None,
            estimate: None,
            send_loss: Some(feedback),
            receive_loss: None,
            bytes_sent: 0,
            bytes_received: 0,
            path: None,
            lines: vec![line],
        }
    }

    #[test]
    fn what_receivers_count_is_believed_where_feedback_says_less() {
        let mut sent = SentLoss::default();
        assert_eq!(sent.update(&stats(100, 0, 0.0)), Some(0.0));
        assert_eq!(sent.update(&stats(200, 100, 0.1)), Some(0.5));
        // No report came: the last one counts, until so much was sent that one must have come.
        assert_eq!(sent.update(&stats(250, 100, 0.0)), Some(0.5));
        assert_eq!(sent.update(&stats(400, 100, 0.0)), Some(0.0));
        assert_eq!(sent.update(&stats(450, 100, 0.3)), Some(0.3));
        // Lines that are gone take their counts along.
        assert_eq!(sent.update(&stats(20, 2, 0.0)), Some(0.0));
        assert_eq!(sent.update(&stats(40, 7, 0.0)), Some(0.25));
    }
}
