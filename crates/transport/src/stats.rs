//! Statistics, once a second, as counted by this side and reported by the other in RTCP.

use crate::{Mid, Protocol, Rid};
use confab_base::Bitrate;
use confab_congestion::repair::{RepairReceiveStats, RepairSendStats};
use std::collections::VecDeque;
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
    /// How many packets of one voice that we send get lost in a row, in the mean; `None` where it is not known: by the server's own
    /// way out only, and after some losses.
    pub send_burst: Option<f32>,
    /// The longest that what we send waited in queues on its way over the last three to five seconds, by transport-wide feedback.
    pub send_queued: Duration,
    /// Fraction of what was sent to us that got lost since the last report, 0 to 1.
    pub receive_loss: Option<f32>,
    /// Repair of video between our own ends, where the other is one: of what we send, and of what comes.
    pub repair_out: Option<Box<RepairSendStats>>,
    pub repair_in: Option<Box<RepairReceiveStats>>,
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
            send_burst: None,
            send_queued: Duration::ZERO,
            repair_out: None,
            repair_in: None,
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

/// Losses are counted over this time at least: a report tells of a dozen packets of a voice, and by so few half of them lost
/// looks like anything between a quarter and three.
const WINDOW: Duration = Duration::from_millis(1900);
/// A stream of which nothing new was counted for so long has stopped: reports come each second or so, and some of them get lost.
const KEPT: Duration = Duration::from_secs(6);

/// Our loss by what receivers count (RFC 3550, 6.4.1). Transport-wide feedback says nothing of packets between two of its
/// reports, and of those whose report was lost: of a voice alone, two or three packets a report, that is most of what is lost.
/// Counts are sums, so a report that is lost takes nothing with it.
#[derive(Debug, Default)]
pub(crate) struct SentLoss {
    streams: Vec<Counts>,
    loss: Option<f32>,
}

/// What the receiver of one stream counted of late, the newest last: when we heard of it, up to which number, how many lost.
#[derive(Debug)]
struct Counts {
    stream: (Mid, Option<Rid>),
    counts: VecDeque<(Instant, u64, u64)>,
}

impl Counts {
    fn add(&mut self, at: Instant, to: u64, lost: u64) {
        match self.counts.back() {
            Some(&(_, last, _)) if last == to => return,
            // Another stream on the line.
            Some(&(_, last, _)) if last > to => self.counts.clear(),
            _ => {}
        }
        self.counts.push_back((at, to, lost));
        while self.counts.get(1).is_some_and(|c| at - c.0 >= WINDOW) {
            self.counts.pop_front();
        }
    }

    /// Forgets what was counted long before: a stream that stopped says nothing of the path now.
    fn forget(&mut self, now: Instant) {
        let is_old = |c: &(Instant, u64, u64)| now.saturating_duration_since(c.0) >= KEPT;
        if self.counts.back().is_some_and(is_old) {
            let last = self.counts.pop_back();
            self.counts.clear();
            self.counts.extend(last);
        }
    }

    /// Sent and lost in the window.
    fn sums(&self) -> (u64, u64) {
        let ends = self.counts.front().zip(self.counts.back());
        ends.map_or((0, 0), |(a, b)| (b.1 - a.1, b.2.saturating_sub(a.2)))
    }
}

impl SentLoss {
    /// The share lost of late, 0 to 1; at least what feedback says.
    pub(crate) fn update(&mut self, stats: &PeerStats) -> Option<f32> {
        let sending = |l: &&LineStats| l.direction == StatsDirection::Send;
        let lines = || stats.lines.iter().filter(sending);
        let stream = |l: &LineStats| (l.mid, l.rid);
        self.streams
            .retain(|s| lines().any(|l| stream(l) == s.stream));
        for line in lines() {
            let Some((to, lost)) = line.counted_to.zip(line.lost) else {
                continue;
            };
            let counts = self.counts(stream(line));
            counts.add(stats.at, to, lost);
            counts.forget(stats.at);
        }
        let sums = self.streams.iter().map(Counts::sums);
        let (sent, lost) = sums.fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
        if sent > 0 {
            self.loss = Some((lost as f32 / sent as f32).min(1.0));
        }
        match (stats.send_loss, self.loss) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }

    fn counts(&mut self, stream: (Mid, Option<Rid>)) -> &mut Counts {
        let known = self.streams.iter().position(|s| s.stream == stream);
        let place = known.unwrap_or(self.streams.len());
        if known.is_none() {
            let counts = VecDeque::new();
            self.streams.push(Counts { stream, counts });
        }
        &mut self.streams[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

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

    /// After so many seconds.
    fn stats(seconds: u64, feedback: f32, lines: Vec<LineStats>) -> PeerStats {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        PeerStats {
            at: *START + Duration::from_secs(seconds),
            rtt: None,
            estimate: None,
            send_loss: Some(feedback),
            send_burst: None,
            send_queued: Duration::ZERO,
            repair_out: None,
            repair_in: None,
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
        let mut seconds = 0;
        let mut say = |feedback, to, lost| {
            seconds += 1;
            sent.update(&stats(seconds, feedback, vec![line("0", to, lost)]))
        };
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
    fn losses_are_counted_over_two_seconds() {
        let mut sent = SentLoss::default();
        let counts = [(1, 0, 0), (2, 50, 0), (3, 100, 40), (4, 150, 80)];
        let of = |(at, to, lost)| sent.update(&stats(at, 0.0, vec![line("0", to, lost)]));
        let shares: Vec<_> = counts.into_iter().map(of).collect();
        assert_eq!(shares, [Some(0.0), Some(0.0), Some(0.4), Some(0.8)]);
    }

    #[test]
    fn a_stream_that_stopped_says_nothing_of_the_path_now() {
        let mut sent = SentLoss::default();
        let mut say = |at, voice: u64, camera: (u64, u64)| {
            let lines = vec![line("0", voice, 0), line("1", camera.0, camera.1)];
            sent.update(&stats(at, 0.0, lines))
        };
        say(1, 50, (100, 0));
        assert_eq!(say(2, 100, (200, 100)), Some(100.0 / 150.0));
        // The camera is given up; the voice goes on without loss.
        let later: Vec<_> = (3..12).map(|at| say(at, at * 50, (200, 100))).collect();
        assert_eq!(later.last(), Some(&Some(0.0)), "{later:?}");
        // And is back, from where it stopped.
        assert_eq!(say(12, 600, (300, 150)), Some(50.0 / 200.0));
    }

    #[test]
    fn packets_that_came_twice_are_no_loss() {
        assert_eq!(lost_in_all(0xff_ffff), 0);
        assert_eq!(lost_in_all(0x7f_ffff), 0x7f_ffff);
    }

    #[test]
    fn streams_count_together_and_come_and_go() {
        let mut sent = SentLoss::default();
        sent.update(&stats(1, 0.0, vec![line("0", 100, 0), line("1", 1000, 0)]));
        let both = vec![line("0", 200, 50), line("1", 1300, 50)];
        assert_eq!(sent.update(&stats(2, 0.0, both)), Some(0.25));
        let other = vec![line("0", 300, 60), line("2", 5000, 4000)];
        assert_eq!(sent.update(&stats(3, 0.0, other)), Some(0.3));
    }
}
