//! The way out for media: RTP past str0m. A forwarded packet costs a header, one encryption into the buffer it is sent from
//! and a place in the resend cache; str0m's general path costs several times that (adr/0001). Clients take the same way, so
//! that both hops have one estimate and one repair: pictures wait in a pacer there, as they come from an encoder all at once.
//!
//! str0m still does ICE, DTLS, SDP and all that comes in, and writes the RTCP; that passes here in clear, is completed
//! and sealed. Here are numbering, sealing, resends, the bandwidth estimate with its probes, and the receivers' RTCP.

mod feedback;
mod gather;
mod keys;
mod own;
mod rtcp;
mod seal;
mod soften;
mod stream;

pub(crate) use feedback::Read;
pub use gather::{MediaBatch, MediaBuffer};
pub(crate) use keys::tapped;
pub(crate) use own::{OWN_SSRC, media_packet, own_extension, own_lines, recovered_tag};

use crate::paths::Path;
use crate::{
    Codec, LineInfo, LineStats, Mid, OutPacket, PeerEvent, PeerRole, Rid, SendError, StatsDirection,
};
use confab_base::{Bitrate, MediaKind, Reference, Time};
use confab_congestion::{OwnLoss, Pacer, SendSide, VoiceRuns};
use gather::Gathered;
use keys::KeyCell;
use own::OwnStream;
use rtcp::{Between, ReportClock, SenderPart};
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
/// Changes smaller than this share are not told.
const TELL: f64 = 0.03;
/// Padding-only packets are no longer than their length byte can tell.
const MOST_PADDING: usize = 224;

pub(crate) struct Egress {
    keys: KeyCell,
    sealer: Option<Sealer>,
    opener: Option<Opener>,
    start: Instant,
    /// The lines and layers of `streams`, apart: they are searched for every packet.
    names: Vec<(Mid, Option<Rid>)>,
    streams: Vec<OutStream>,
    /// Where the other side is one of ours.
    own: Option<OwnStream>,
    /// A client's pictures on their way out.
    pacer: Option<Pacer<(usize, OutPacket)>>,
    /// A server's packets that are sealed when they leave.
    gathered: Gathered,
    side: SendSide,
    /// The estimate told last, and what of it was left for media.
    path_rate: Option<Bitrate>,
    told: Bitrate,
    /// What of a browser's packets gets lost on the way to us.
    own_loss: OwnLoss,
    /// Of the next report on a browser's packets.
    report_number: u8,
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
    between: Between,
}

impl Egress {
    pub fn new(keys: KeyCell, role: PeerRole, start_bitrate: Bitrate, now: Instant) -> Egress {
        let is_client = role == PeerRole::Client;
        let mut side = SendSide::new(start_bitrate);
        if !is_client {
            side.send_in_steps();
        }
        Egress {
            keys,
            sealer: None,
            opener: None,
            start: now,
            names: Vec::new(),
            streams: Vec::new(),
            own: None,
            pacer: is_client.then(Pacer::default),
            gathered: Gathered::default(),
            side,
            path_rate: None,
            told: Bitrate::ZERO,
            own_loss: OwnLoss::default(),
            report_number: 0,
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
            between: Between::default(),
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

    pub fn time(&self, at: Instant) -> Time {
        Time::from_micros(at.saturating_duration_since(self.start).as_micros() as u64)
    }

    pub fn instant(&self, at: Time) -> Instant {
        self.start + Duration::from_micros(at.as_micros())
    }

    /// As the receiver's reports tell it.
    pub fn round_trip(&self) -> Option<Duration> {
        self.rtt
    }

    /// Takes over what was negotiated.
    pub fn refresh(&mut self, rtc: &mut Rtc, lines: &[LineInfo]) {
        // A line may be given up for good, and its place go to another.
        self.streams.retain(|s| rtc.media(s.mid.0).is_some());
        self.names = self.streams.iter().map(|s| (s.mid, s.rid)).collect();
        if let Some(pacer) = &mut self.pacer {
            pacer.clear(); // It names streams by their place.
        }
        for stream in &mut self.streams {
            stream.sends = false;
        }
        for line in lines.iter().filter(|l| l.sends) {
            let layers = line.rids.iter().copied().map(Some);
            for rid in layers.chain(line.rids.is_empty().then_some(None)) {
                self.refresh_stream(rtc, line, rid);
            }
        }
        if self.own.is_none() {
            self.own = OwnStream::negotiated(rtc, lines);
        }
    }

    fn refresh_stream(&mut self, rtc: &mut Rtc, line: &LineInfo, rid: Option<Rid>) {
        let Some(media) = rtc.media(line.mid.0) else {
            return;
        };
        let id = |e| {
            let id = media.remote_extmap().id_of(e);
            id.filter(|id| (1..=14).contains(id))
        };
        let extensions = Extensions {
            mid: id(Extension::RtpMid),
            transport_wide: id(Extension::TransportSequenceNumber),
            audio_level: id(Extension::AudioLevel).filter(|_| line.kind == MediaKind::Audio),
            rid: id(Extension::RtpStreamId),
            resent_rid: id(Extension::RepairedRtpStreamId),
            tag: id(own_extension()).filter(|_| line.kind == MediaKind::Video),
        };
        let at = match self.at(line.mid, rid) {
            Some(at) => at,
            None => {
                let mut api = rtc.direct_api();
                let stream = api.stream_tx_by_mid(line.mid.0, rid.map(|r| r.0));
                let Some(stream) = stream else { return };
                let (ssrc, rtx) = (*stream.ssrc(), stream.rtx().map(|r| *r));
                let name = (line.mid, rid);
                self.names.push(name);
                self.streams
                    .push(OutStream::new(name, line.kind, ssrc, rtx));
                self.streams.len() - 1
            }
        };
        let stream = &mut self.streams[at];
        stream.sends = true;
        stream.codecs.clone_from(&line.codecs);
        stream.extensions = extensions;
    }

    fn at(&self, mid: Mid, rid: Option<Rid>) -> Option<usize> {
        self.names.iter().position(|n| *n == (mid, rid))
    }

    /// Takes a packet; it leaves with the next batch, or is dropped where too much waits. A client's pictures are paced
    /// before that; a server's packets are sealed when they leave.
    pub fn send(
        &mut self,
        (mid, rid): (Mid, Option<Rid>),
        packet: OutPacket,
        now: Instant,
    ) -> Result<(), SendError> {
        if !self.armed() {
            return Err(SendError::NotConnected);
        }
        let at = self.at(mid, rid).ok_or(SendError::NoLine)?;
        let stream = &self.streams[at];
        if !stream.sends {
            return Err(SendError::NoLine);
        }
        let codec = stream.codec(packet.codec).ok_or(SendError::NoCodec)?;
        codec.pt_of(packet.red).ok_or(SendError::NoCodec)?;
        let time = self.time(now);
        match &mut self.pacer {
            None => self.gather(at, packet),
            Some(pacer) if stream.kind == MediaKind::Video => {
                pacer.push(packet.payload.len() + OVERHEAD, (at, packet), time);
                self.pace(now);
                Ok(())
            }
            Some(_) => self.send_now(at, &packet, now),
        }
    }

    /// Whether the way became so narrow just now that pictures would be dropped. Those that a server forwards were sent long ago.
    fn is_held(&self, time: Time) -> bool {
        self.pacer.is_some() && self.side.holds(time)
    }

    /// For how long no pictures should be coded, where that is news.
    pub fn poll_hold(&mut self, now: Time) -> Option<PeerEvent> {
        let until = self.side.poll_hold().filter(|_| self.pacer.is_some())?;
        Some(PeerEvent::Hold(until.since(now)))
    }

    /// Lets go of the pictures whose time has come.
    fn pace(&mut self, now: Instant) {
        let (time, rate) = (self.time(now), self.side.estimate());
        if self.is_held(time) {
            return;
        }
        while let Some((at, packet)) = self.pacer.as_mut().and_then(|p| p.poll(rate, time)) {
            // A number used before is the sender's fault; its packet is left out, as if lost.
            let _ = self.send_now(at, &packet, now);
        }
    }

    fn send_now(&mut self, at: usize, packet: &OutPacket, now: Instant) -> Result<(), SendError> {
        let stream = self.streams.get_mut(at).ok_or(SendError::NoLine)?;
        let name = stream.number(Number::Given(packet.seq));
        let name = name.ok_or(SendError::Repeated)?;
        self.seal_media(at, name, packet, now)
    }

    /// Seals a media packet under a number that was allotted to it, and notes that it left.
    fn seal_media(
        &mut self,
        at: usize,
        name: (u32, u64),
        packet: &OutPacket,
        now: Instant,
    ) -> Result<(), SendError> {
        let time = self.time(now);
        let (mid, rid) = self.names[at];
        let stream = &self.streams[at];
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
            rid: stream
                .extensions
                .rid
                .filter(|_| !stream.bound)
                .zip(rid.as_ref().map(Rid::as_str)),
            tag: stream.extensions.tag.zip(packet.tag),
            ..Header::default()
        };
        self.emit(at, name, header, &packet.payload, time);
        // Between our own ends nobody asks for single packets.
        let rtx = rtx.filter(|_| self.own.is_none());
        // A mapping in the future would make reports with timestamp 0.
        let stream = &mut self.streams[at];
        stream.note(packet, packet.captured.min(now), rtx);
        let Some(own) = &mut self.own else {
            return Ok(());
        };
        if stream.kind == MediaKind::Audio {
            own.voices.sent(packet.payload.len() + OVERHEAD + 40, time);
        } else {
            own.sent(stream.ssrc, packet, time);
            if packet.marker {
                self.repair(time);
            }
        }
        Ok(())
    }

    /// Sends the repair that is due.
    fn repair(&mut self, time: Time) {
        if self.is_held(time) {
            return;
        }
        let mut payload = std::mem::take(&mut self.plain);
        // Bounded: it polices itself by the rate.
        for _ in 0..512 {
            let Some(own) = &mut self.own else { break };
            let wide = (own.transport_wide, None);
            let Some((name, header)) = own.next_repair(&mut payload, time) else {
                break;
            };
            self.seal(name, wide, header, &payload, time);
        }
        self.plain = payload;
    }

    /// When repair is to be looked at again.
    pub fn repair_wakeup(&self) -> Option<Time> {
        self.own.as_ref()?.repair.next_wakeup()
    }

    fn resend(&mut self, at: usize, resend: &Resend, time: Time) {
        // RFC 4588: the number it had stands before the payload.
        let mut payload = std::mem::take(&mut self.plain);
        payload.clear();
        payload.extend((resend.seq as u16).to_be_bytes());
        payload.extend_from_slice(&resend.payload);
        let (mid, rid) = self.names[at];
        let header = Header {
            pt: resend.pt,
            marker: resend.marker,
            timestamp: resend.timestamp,
            ..self.resend_header(at, &mid, &rid)
        };
        if let Some(name) = self.streams[at].number(Number::NextResend) {
            self.emit(at, name, header, &payload, time);
        }
        self.plain = payload;
    }

    /// Whose resend it is.
    fn resend_header<'a>(&self, at: usize, mid: &'a Mid, rid: &'a Option<Rid>) -> Header<'a> {
        let extensions = self.streams[at].extensions;
        let rid = rid.as_ref().map(Rid::as_str);
        Header {
            mid: extensions.mid.map(|id| (id, mid.as_str())),
            rid: extensions.resent_rid.zip(rid),
            ..Header::default()
        }
    }

    /// Seals a packet of a stream behind those that wait, under a number its stream allotted.
    fn emit(
        &mut self,
        at: usize,
        name: (u32, u64),
        header: Header<'_>,
        payload: &[u8],
        time: Time,
    ) {
        let stream = &self.streams[at];
        let transport_wide = stream.extensions.transport_wide;
        let voice = (stream.kind == MediaKind::Audio).then_some(at);
        let size = self.seal(name, (transport_wide, voice), header, payload, time);
        self.streams[at].bytes += size as u64;
    }

    /// Seals a packet whose number nobody used. This is the one place where anything is sealed; its size, none where
    /// too much waits already. `voice`: which stream it is of, if it is a voice.
    fn seal(
        &mut self,
        (ssrc, seq): (u32, u64),
        (transport_wide, voice): (Option<u8>, Option<usize>),
        mut header: Header<'_>,
        payload: &[u8],
        time: Time,
    ) -> usize {
        let start = self.out.len();
        let Some(sealer) = self.sealer.as_mut().filter(|_| start <= MOST_WAITING) else {
            return 0;
        };
        (header.ssrc, header.seq) = (ssrc, seq as u16);
        // Numbers must be used without a gap, so the size is told before it is known: header and tag are near 40 bytes.
        header.transport_wide =
            transport_wide.map(|id| (id, self.side.sent(payload.len() + OVERHEAD + 40, time)));
        if let (Some((_, number)), Some(at)) = (header.transport_wide, voice) {
            self.runs.sent(number, at);
        }
        header.write(&mut self.out);
        let sealed = sealer.rtp(&mut self.out, start, (ssrc, seq), payload);
        if sealed.is_err() {
            return 0;
        }
        let size = self.out.len() - start;
        self.sizes.push(size.min(usize::from(u16::MAX)) as u16);
        self.bytes_sent += size as u64;
        size
    }

    /// Sends what is due: paced pictures, probes. `is_up`: there is somebody to send to.
    pub fn handle_timeout(&mut self, now: Instant, is_up: bool) {
        let time = self.time(now);
        if !is_up || !self.armed() {
            return;
        }
        self.pace(now);
        self.repair(time);
        if !self.can_pad() {
            return;
        }
        // Bounded, should the estimator ask for ever.
        for _ in 0..256 {
            let Some(bytes) = self.side.padding(time) else {
                return;
            };
            self.pad(bytes, time);
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

    fn can_pad(&self) -> bool {
        self.own.is_some() || self.pad_on().is_some()
    }

    /// Something to measure with: a packet sent lately, again, or nothing but padding.
    fn pad(&mut self, bytes: usize, time: Time) {
        self.fillers += 1;
        let turn = self.fillers;
        if let Some(own) = &mut self.own {
            let wide = (own.transport_wide, None);
            if bytes > MOST_PADDING {
                let (name, header) = own.filler();
                let filler = &own::FILLER[..bytes.min(own::FILLER.len())];
                self.seal(name, wide, header, filler, time);
            } else {
                let (name, header) = own.padding();
                let padding = padding(bytes);
                self.seal(name, wide, header, &padding.0[..padding.1], time);
            }
            return;
        }
        let Some(at) = self.pad_on() else { return };
        match self.streams[at].filler(turn).filter(|_| bytes > 300) {
            Some(filler) => self.resend(at, &filler, time),
            None => self.pad_resends(at, bytes, time),
        }
    }

    /// A packet of nothing but padding among a stream's resends.
    fn pad_resends(&mut self, at: usize, bytes: usize, time: Time) {
        let Some(pt) = self.streams[at].codecs.iter().find_map(|c| c.rtx) else {
            return;
        };
        let (mid, rid) = self.names[at];
        let header = Header {
            pt,
            padded: true,
            ..self.resend_header(at, &mid, &rid)
        };
        let (padding, length) = padding(bytes);
        if let Some(name) = self.streams[at].number(Number::NextResend) {
            self.emit(at, name, header, &padding[..length], time);
        }
    }

    /// When [`Egress::handle_timeout`] is due.
    pub fn next_wakeup(&self) -> Option<Instant> {
        let probe = self.side.next_wakeup().filter(|_| self.can_pad());
        let pacer = self.pacer.as_ref().and_then(Pacer::next_wakeup);
        let pictures = [pacer, self.repair_wakeup()].into_iter().flatten().min();
        let pictures = pictures.map(|at| match self.is_held(at) {
            true => self.side.held_until(),
            false => at,
        });
        let at = probe.into_iter().chain(pictures).min()?;
        Some(self.instant(at))
    }

    pub fn set_desired(&mut self, desired: Bitrate, now: Instant) {
        let time = self.time(now);
        self.side.set_desired(desired, time);
    }

    /// RTCP of str0m's, in clear but for its trailer: completed, and sealed in as many packets as it takes. None: there are no keys yet.
    pub fn seal_rtcp(&mut self, clear: &mut [u8], now: Instant) -> Vec<Vec<u8>> {
        let time = self.time(now);
        if !self.armed() {
            return Vec::new();
        }
        let trailer = self.sealer.as_ref().map_or(0, Sealer::rtcp_trailer);
        let Some(end) = clear.len().checked_sub(trailer) else {
            return Vec::new();
        };
        let compound = &mut clear[..end];
        if let Some(own) = &mut self.own {
            own.note_reports(compound);
        }
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
        self.seal_softened(compound, time)
    }

    /// Seals a compound packet; a browser's reports leave out what they shall.
    fn seal_softened(&mut self, compound: &mut [u8], time: Time) -> Vec<Vec<u8>> {
        let (own_loss, number) = (&mut self.own_loss, &mut self.report_number);
        let silent = |came, lost| own_loss.forgive(came, lost, time);
        let softened = match self.own {
            None => soften::soften(compound, number, silent),
            Some(_) => None,
        };
        let Some(softened) = softened else {
            return self.seal_report(compound).into_iter().collect();
        };
        // Where nothing tells what the way there loses, it may well be as bad as the way here.
        let times = self.side.loss().map_or(2, feedback::resends);
        let packets = softened.packets(times);
        packets.filter_map(|p| self.seal_report(p)).collect()
    }

    fn seal_report(&mut self, compound: &[u8]) -> Option<Vec<u8>> {
        let sealed = self.sealer.as_mut()?.rtcp(compound).ok()?;
        self.bytes_sent += sealed.len() as u64;
        Some(sealed)
    }

    /// Seals a request for these numbers of a stream that comes here. `None`: there are no keys yet.
    pub fn seal_nack(&mut self, ssrc: u32, missing: &[u16]) -> Option<Vec<u8>> {
        if !self.armed() {
            return None;
        }
        let sender = self.streams.first().map_or(OWN_SSRC, |s| s.ssrc);
        let request = rtcp::nack(sender, ssrc, missing);
        self.seal_report(&request)
    }

    /// Seals which frame of a stream that comes here is here. `None`: there are no keys yet, or the other end is none of ours.
    pub fn seal_reference(&mut self, ssrc: u32, reference: Reference) -> Option<Vec<u8>> {
        if !self.armed() || self.own.is_none() {
            return None;
        }
        let mut body = Vec::new();
        Reference::write(&[(ssrc, reference)], &mut body);
        let compound = rtcp::references(OWN_SSRC, &body);
        self.seal_report(&compound)
    }

    /// Seals what our own other end shall know of its video here. `None`: there are no keys yet.
    pub fn seal_repair_report(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        if !self.armed() {
            return None;
        }
        let report = self.own.as_ref()?.report(body);
        self.seal_report(&report)
    }

    /// Seals the last reports on what comes, once more. `None`: there are none, or no keys yet, or the other end is none of ours.
    pub fn seal_wide_reports(&mut self) -> Option<Vec<u8>> {
        let reports = self.own.as_ref()?.wide_reports();
        (!reports.is_empty()).then(|| self.seal_report(&reports))?
    }

    /// Fills in what str0m's statistics cannot know.
    pub fn stats(&self, stats: &mut crate::PeerStats) {
        stats.estimate = Some(self.side.estimate());
        stats.send_loss = self.side.loss();
        stats.send_burst = self.runs.mean();
        stats.send_queued = self.side.queued(self.time(stats.at));
        stats.repair_out = self.own.as_ref().map(|o| Box::new(o.repair.stats()));
        stats.rtt = self.rtt.or(stats.rtt);
        stats.bytes_sent += self.bytes_sent;
        stats
            .lines
            .retain(|l| l.direction == StatsDirection::Receive);
        let line = |s: &OutStream| LineStats {
            mid: s.mid,
            rid: s.rid,
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

    /// What media may take of the estimate, when it changed: repair and the voices have their part.
    pub fn poll_estimate(&mut self, now: Time) -> Option<PeerEvent> {
        let news = self.side.poll_estimate();
        let Some(own) = &mut self.own else {
            return news.map(PeerEvent::Estimate);
        };
        if news.is_some() {
            self.path_rate = news;
        }
        let voices = own.voices.rate();
        let pictures = Bitrate(self.path_rate?.0.saturating_sub(voices.0));
        own.repair.set_rate(pictures);
        if let Some(loss) = self.side.loss() {
            own.repair.path_loss(loss, now);
        }
        let share = f64::from(own.repair.media_share());
        let media = Bitrate(voices.0 + pictures.scaled(share).0);
        let told = self.told;
        let is_news = media.0.abs_diff(told.0) as f64 > told.0 as f64 * TELL;
        is_news.then(|| {
            self.told = media;
            PeerEvent::Estimate(media)
        })
    }
}

/// The payload of a packet of nothing but padding, and its length: the last byte tells it.
fn padding(bytes: usize) -> ([u8; MOST_PADDING], usize) {
    let length = bytes.clamp(16, MOST_PADDING);
    let mut padding = [0; MOST_PADDING];
    padding[length - 1] = length as u8;
    (padding, length)
}
