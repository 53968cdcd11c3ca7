//! The server's way out: RTP to receivers, past str0m. A forwarded packet costs a header, one encryption into the buffer
//! it is sent from and a place in the resend cache; str0m's general path costs several times that (adr/0001).
//!
//! str0m still does ICE, DTLS, SDP and all that comes in, and writes the RTCP; that passes here in clear, is completed
//! and sealed. Here are numbering, sealing, resends, the bandwidth estimate with its probes, and the receivers' RTCP.

mod feedback;
mod keys;
mod rtcp;
mod seal;
mod stream;

pub(crate) use feedback::Read;
pub(crate) use keys::tapped;

use crate::paths::Path;
use crate::{Codec, LineInfo, LineStats, Mid, OutPacket, PeerEvent, SendError, StatsDirection};
use confab_base::{Bitrate, MediaKind, Time};
use confab_congestion::{SendSide, VoiceRuns};
use keys::KeyCell;
use rtcp::{ReportClock, SenderPart};
use seal::{Opener, Sealer};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::rtp::Extension;
use stream::{Extensions, Header, Number, OutStream, Resend};

/// UDP, IP and the tag of the encryption, for the estimate.
const OVERHEAD: usize = 28;
/// Sealed bytes that wait for the socket's owner; beyond that the newest are dropped.
const MOST_WAITING: usize = 4 << 20;
/// Sender reports remembered, to measure the round trip.
const REPORTS: usize = 4;
/// Padding-only packets are no longer than their length byte can tell.
const MOST_PADDING: usize = 224;

/// The packets that are ready, all for one destination.
#[derive(Debug)]
pub struct MediaBatch<'a> {
    pub path: Path,
    /// All packets, one after the other.
    pub bytes: &'a [u8],
    /// The length of each.
    pub sizes: &'a [u16],
}

pub(crate) struct Egress {
    keys: KeyCell,
    sealer: Option<Sealer>,
    opener: Option<Opener>,
    start: Instant,
    /// The lines of `streams`, apart: they are searched for every packet.
    mids: Vec<Mid>,
    streams: Vec<OutStream>,
    side: SendSide,
    /// Voice packets lost in a row.
    runs: VoiceRuns,
    out: Vec<u8>,
    sizes: Vec<u16>,
    /// Where str0m sends to.
    pub path: Option<Path>,
    /// Middle bits of the NTP time of our last sender reports, and when they left.
    reports: VecDeque<(u32, Instant)>,
    rtt: Option<Duration>,
    fillers: u64,
    bytes_sent: u64,
    plain: Vec<u8>,
    arrivals: Vec<(u16, Option<i64>)>,
    clock: ReportClock,
}

impl Egress {
    pub fn new(keys: KeyCell, start_bitrate: Bitrate, now: Instant) -> Egress {
        Egress {
            keys,
            sealer: None,
            opener: None,
            start: now,
            mids: Vec::new(),
            streams: Vec::new(),
            side: SendSide::new(start_bitrate),
            runs: VoiceRuns::default(),
            out: Vec::new(),
            sizes: Vec::new(),
            path: None,
            reports: VecDeque::new(),
            rtt: None,
            fillers: 0,
            bytes_sent: 0,
            plain: Vec::new(),
            arrivals: Vec::new(),
            clock: ReportClock::default(),
        }
    }

    /// Makes the ciphers once the handshake is through; whether they are there.
    fn armed(&mut self) -> bool {
        if self.sealer.is_none()
            && let Some(keys) = self.keys.get()
        {
            self.sealer = Sealer::new(keys);
            self.opener = Opener::new(keys);
        }
        self.sealer.is_some()
    }

    fn time(&self, at: Instant) -> Time {
        Time::from_micros(at.saturating_duration_since(self.start).as_micros() as u64)
    }

    /// Takes over what was negotiated.
    pub fn refresh(&mut self, rtc: &mut Rtc, lines: &[LineInfo]) {
        // A line may be given up for good, and its place go to another.
        self.streams.retain(|s| rtc.media(s.mid.0).is_some());
        self.mids = self.streams.iter().map(|s| s.mid).collect();
        for stream in &mut self.streams {
            stream.sends = false;
        }
        for line in lines.iter().filter(|l| l.sends) {
            let Some(extensions) = rtc.media(line.mid.0).map(|m| {
                let id = |e| {
                    m.remote_extmap()
                        .id_of(e)
                        .filter(|id| (1..=14).contains(id))
                };
                Extensions {
                    mid: id(Extension::RtpMid),
                    transport_wide: id(Extension::TransportSequenceNumber),
                    audio_level: id(Extension::AudioLevel)
                        .filter(|_| line.kind == MediaKind::Audio),
                }
            }) else {
                continue;
            };
            let at = match self.at(line.mid) {
                Some(at) => at,
                None => {
                    let mut api = rtc.direct_api();
                    let Some(stream) = api.stream_tx_by_mid(line.mid.0, None) else {
                        continue;
                    };
                    let (ssrc, rtx) = (*stream.ssrc(), stream.rtx().map(|r| *r));
                    self.mids.push(line.mid);
                    self.streams
                        .push(OutStream::new(line.mid, line.kind, ssrc, rtx));
                    self.streams.len() - 1
                }
            };
            let stream = &mut self.streams[at];
            stream.sends = true;
            stream.codecs.clone_from(&line.codecs);
            stream.extensions = extensions;
        }
    }

    fn at(&self, mid: Mid) -> Option<usize> {
        self.mids.iter().position(|m| *m == mid)
    }

    /// Seals a packet; it leaves with the next batch, or is dropped where too much waits.
    pub fn send(&mut self, mid: Mid, packet: &OutPacket, now: Instant) -> Result<(), SendError> {
        if !self.armed() {
            return Err(SendError::NotConnected);
        }
        let time = self.time(now);
        let at = self.at(mid).ok_or(SendError::NoLine)?;
        let stream = &self.streams[at];
        if !stream.sends {
            return Err(SendError::NoLine);
        }
        let codec = stream.codec(packet.codec).ok_or(SendError::NoCodec)?;
        let rtx = codec.rtx.filter(|_| packet.codec != Codec::Opus);
        let level = packet.audio_level;
        let header = Header {
            pt: codec.pt_of(packet.red).ok_or(SendError::NoCodec)?,
            marker: packet.marker,
            timestamp: packet.timestamp,
            audio_level: stream
                .extensions
                .audio_level
                .zip(level.map(|l| u8::from(packet.voice) << 7 | l.0.min(127))),
            mid: stream
                .extensions
                .mid
                .filter(|_| !stream.bound)
                .map(|id| (id, mid.as_str())),
            ..Header::default()
        };
        if !self.emit(at, Number::Given(packet.seq), header, &packet.payload, time) {
            return Err(SendError::Repeated);
        }
        // A mapping in the future would make reports with timestamp 0.
        self.streams[at].note(packet, packet.captured.min(now), rtx);
        Ok(())
    }

    fn resend(&mut self, at: usize, resend: &Resend, time: Time) {
        // RFC 4588: the number it had stands before the payload.
        let mut payload = std::mem::take(&mut self.plain);
        payload.clear();
        payload.extend((resend.seq as u16).to_be_bytes());
        payload.extend_from_slice(&resend.payload);
        let (mid, extension) = self.name(at);
        let header = Header {
            pt: resend.pt,
            marker: resend.marker,
            timestamp: resend.timestamp,
            mid: extension.map(|id| (id, mid.as_str())),
            ..Header::default()
        };
        self.emit(at, Number::NextResend, header, &payload, time);
        self.plain = payload;
    }

    fn name(&self, at: usize) -> (Mid, Option<u8>) {
        let stream = &self.streams[at];
        (stream.mid, stream.extensions.mid)
    }

    /// Seals a packet behind those that wait. This is the one place where anything is sealed, and its number is allotted
    /// here, so that none is used twice; false: it was.
    fn emit(
        &mut self,
        at: usize,
        number: Number,
        mut header: Header<'_>,
        payload: &[u8],
        time: Time,
    ) -> bool {
        let (Some(stream), Some(sealer)) = (self.streams.get_mut(at), &mut self.sealer) else {
            return false;
        };
        let Some((ssrc, seq)) = stream.number(number) else {
            return false;
        };
        let start = self.out.len();
        if start > MOST_WAITING {
            return true;
        }
        (header.ssrc, header.seq) = (ssrc, seq as u16);
        // Numbers must be used without a gap, so the size is told before it is known: header and tag are near 40 bytes.
        header.transport_wide = stream
            .extensions
            .transport_wide
            .map(|id| (id, self.side.sent(payload.len() + OVERHEAD + 40, time)));
        if let Some((_, number)) = header.transport_wide
            && stream.kind == MediaKind::Audio
        {
            self.runs.sent(number, at);
        }
        header.write(&mut self.out);
        if sealer
            .rtp(&mut self.out, start, (ssrc, seq), payload)
            .is_ok()
        {
            let size = self.out.len() - start;
            self.sizes.push(size.min(usize::from(u16::MAX)) as u16);
            stream.bytes += size as u64;
            self.bytes_sent += size as u64;
        }
        true
    }

    /// Sends probes that are due. `is_up`: there is somebody to send to.
    pub fn handle_timeout(&mut self, now: Instant, is_up: bool) {
        let time = self.time(now);
        if !is_up || !self.armed() {
            return;
        }
        let Some(at) = self.pad_on() else { return };
        // Bounded, should the estimator ask for ever.
        for _ in 0..256 {
            let Some(bytes) = self.side.padding(time) else {
                return;
            };
            self.fillers += 1;
            let turn = self.fillers;
            match self.streams[at].filler(turn).filter(|_| bytes > 300) {
                Some(filler) => self.resend(at, &filler, time),
                None => self.pad(at, bytes, time),
            }
        }
    }

    /// The stream whose resends can be padding: one that sent something, and whose other side takes resends.
    fn pad_on(&self) -> Option<usize> {
        let usable = |s: &OutStream| {
            s.sends
                && s.rtx.is_some()
                && s.packets > 0
                && s.extensions.transport_wide.is_some()
                && s.codecs.iter().any(|c| c.rtx.is_some())
        };
        self.streams.iter().position(usable)
    }

    /// A packet of nothing but padding.
    fn pad(&mut self, at: usize, bytes: usize, time: Time) {
        let Some(pt) = self.streams[at].codecs.iter().find_map(|c| c.rtx) else {
            return;
        };
        let length = bytes.clamp(16, MOST_PADDING);
        let mut padding = [0; MOST_PADDING];
        padding[length - 1] = length as u8;
        let (mid, extension) = self.name(at);
        let header = Header {
            pt,
            padded: true,
            mid: extension.map(|id| (id, mid.as_str())),
            ..Header::default()
        };
        self.emit(at, Number::NextResend, header, &padding[..length], time);
    }

    /// When [`Egress::handle_timeout`] is due.
    pub fn next_wakeup(&self) -> Option<Instant> {
        let at = self.side.next_wakeup()?;
        self.pad_on()?;
        Some(self.start + Duration::from_micros(at.as_micros()))
    }

    pub fn set_desired(&mut self, desired: Bitrate, now: Instant) {
        let time = self.time(now);
        self.side.set_desired(desired, time);
    }

    /// RTCP of str0m's, in clear but for its trailer: completed and sealed. `None`: there are no keys yet.
    pub fn seal_rtcp(&mut self, clear: &mut [u8], now: Instant) -> Option<Vec<u8>> {
        if !self.armed() {
            return None;
        }
        let sealer = self.sealer.as_mut()?;
        let end = clear.len().checked_sub(sealer.rtcp_trailer())?;
        let compound = &mut clear[..end];
        let (streams, reports) = (&self.streams, &mut self.reports);
        rtcp::complete(compound, |ssrc, ntp| -> Option<SenderPart> {
            let part = streams.iter().find(|s| s.ssrc == ssrc)?.report(now)?;
            if reports.back().is_none_or(|(n, _)| *n != ntp) {
                reports.push_back((ntp, now));
                if reports.len() > REPORTS {
                    reports.pop_front();
                }
            }
            Some(part)
        });
        let sealed = sealer.rtcp(compound).ok()?;
        self.bytes_sent += sealed.len() as u64;
        Some(sealed)
    }

    /// Whether packets wait to be taken.
    pub fn has_media(&self) -> bool {
        !self.sizes.is_empty() && self.path.is_some()
    }

    pub fn media(&self, path: Path) -> MediaBatch<'_> {
        MediaBatch {
            path,
            bytes: &self.out,
            sizes: &self.sizes,
        }
    }

    pub fn clear_media(&mut self) {
        self.out.clear();
        self.sizes.clear();
    }

    /// Fills in what str0m's statistics cannot know.
    pub fn stats(&self, stats: &mut crate::PeerStats) {
        stats.estimate = Some(self.side.estimate());
        stats.send_loss = self.side.loss();
        stats.send_burst = self.runs.mean();
        stats.rtt = self.rtt.or(stats.rtt);
        stats.bytes_sent += self.bytes_sent;
        stats
            .lines
            .retain(|l| l.direction == StatsDirection::Receive);
        let line = |s: &OutStream| LineStats {
            mid: s.mid,
            rid: None,
            direction: StatsDirection::Send,
            packets: s.packets,
            bytes: s.bytes,
            lost: s.arrived().map(|(_, lost)| lost),
            counted_to: s.arrived().map(|(sent, _)| sent),
            loss: s.received.map(|r| f32::from(r.fraction) / 256.0),
            jitter: s.received.map(|r| r.jitter),
            rtt: self.rtt,
            nacks: s.nacks,
            plis: s.plis,
            firs: s.firs,
        };
        let sent = self.streams.iter().filter(|s| s.packets > 0);
        stats.lines.extend(sent.map(line));
    }

    /// The estimate, when it changed.
    pub fn poll_estimate(&mut self) -> Option<PeerEvent> {
        self.side.poll_estimate().map(PeerEvent::Estimate)
    }
}
