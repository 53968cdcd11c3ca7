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
    /// Sending: how many packets we sent until the receiver counted `lost`; from which number on is its own affair.
    pub counted_to: Option<u64>,
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
            counted_to: None,
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
            lost: s.remote.as_ref().map(|r| lost_in_all(r.packets_lost)),
            counted_to: s.remote.as_ref().map(|r| *r.maximum_sequence_number),
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

/// The 24 bits a receiver counts in, which go below nothing where packets came twice.
pub(crate) fn lost_in_all(count: u64) -> u64 {
    match count & 0xff_ffff {
        0x80_0000.. => 0,
        count => count,
    }
}

/// Our loss by what receivers count (RFC 3550, 6.4.1). Transport-wide feedback says nothing of packets between two of its
/// reports, and of those whose report was lost: of a voice alone, two or three packets a report, that is most of what is lost.
/// Counts are sums, so a report that is lost takes nothing with it.
#[derive(Debug, Default)]
pub(crate) struct SentLoss {
    /// Of each stream, the newest count: up to which number, and how many lost.
    counts: Vec<(Mid, Option<Rid>, u64, u64)>,
    loss: Option<f32>,
}

impl SentLoss {
    /// The share lost of late, 0 to 1; at least what feedback says.
    pub(crate) fn update(&mut self, stats: &PeerStats) -> Option<f32> {
        let (mut sent, mut lost) = (0, 0);
        let of = |l: &LineStats| Some((l.mid, l.rid, l.counted_to?, l.lost?));
        let sending = stats
            .lines
            .iter()
            .filter(|l| l.direction == StatsDirection::Send);
        let counts: Vec<_> = sending.filter_map(of).collect();
        for (mid, rid, to, count) in &counts {
            let before = self.counts.iter().find(|(m, r, ..)| (m, r) == (mid, rid));
            if let Some((_, _, from, before)) = before.filter(|b| b.2 < *to) {
                sent += to - from;
                lost += count.saturating_sub(*before);
            }
        }
        self.counts = counts;
        if sent > 0 {
            self.loss = Some((lost as f32 / sent as f32).min(1.0));
        }
        match (stats.send_loss, self.loss) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(mid: &str, counted_to: u64, lost: u64) -> LineStats {
        LineStats {
            mid: mid.into(),
            rid: None,
            direction: StatsDirection::Send,
            packets: counted_to,
            bytes: 0,
            lost: Some(lost),
            counted_to: Some(counted_to),
            loss: None,
            jitter: None,
            rtt: None,
            nacks: 0,
            plis: 0,
            firs: 0,
        }
    }

    fn stats(feedback: f32, lines: Vec<LineStats>) -> PeerStats {
        PeerStats {
            at: std::time::Instant::now(),
            rtt: None,
            estimate: None,
            send_loss: Some(feedback),
            receive_loss: None,
            bytes_sent: 0,
            bytes_received: 0,
            path: None,
            lines,
        }
    }

    #[test]
    fn what_receivers_count_is_believed_where_feedback_says_less() {
        let mut sent = SentLoss::default();
        let mut say = |feedback, to, lost| sent.update(&stats(feedback, vec![line("0", to, lost)]));
        // Numbers begin anywhere: the first count is where to count from.
        assert_eq!(say(0.0, 9100, 40), Some(0.0));
        assert_eq!(say(0.1, 9200, 90), Some(0.5));
        // No report came: what was known holds, and the next one makes up for it.
        assert_eq!(say(0.0, 9200, 90), Some(0.5));
        assert_eq!(say(0.0, 9400, 110), Some(0.1));
        assert_eq!(say(0.3, 9500, 110), Some(0.3));
        // Another stream on the line.
        assert_eq!(say(0.2, 20, 2), Some(0.2));
        assert_eq!(say(0.0, 40, 7), Some(0.25));
    }

    #[test]
    fn packets_that_came_twice_are_no_loss() {
        assert_eq!(lost_in_all(0xff_ffff), 0);
        assert_eq!(lost_in_all(0x7f_ffff), 0x7f_ffff);
    }

    #[test]
    fn streams_count_together_and_come_and_go() {
        let mut sent = SentLoss::default();
        sent.update(&stats(0.0, vec![line("0", 100, 0), line("1", 1000, 0)]));
        let both = vec![line("0", 200, 50), line("1", 1300, 50)];
        assert_eq!(sent.update(&stats(0.0, both)), Some(0.25));
        let other = vec![line("0", 300, 60), line("2", 5000, 4000)];
        assert_eq!(sent.update(&stats(0.0, other)), Some(0.1));
    }
}
