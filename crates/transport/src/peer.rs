//! One peer connection: bytes, packets and times in; bytes, packets and events out. No socket, no clock.
//!
//! After any call that takes `&mut self`, call [`Peer::poll`] until it answers [`PeerOutput::Timeout`], then wait for
//! that time or the next packet. Several [`Peer::send_rtp`] calls may share one round of polling: a frame at a time is
//! cheaper than a packet at a time.

use crate::egress::{Egress, OWN_SSRC, Read, own_extension, tapped};
use crate::inbound::Inbound;
use crate::insist::Insist;
use crate::paths::Paths;
use crate::source::{Source, Sources};
use crate::stats::{SentLoss, StatsGatherer};
use crate::stun_peek::{self, PacketKind};
use crate::watchdog::{Change, Watchdog};
use crate::{
    Codec, InPacket, Mid, PeerConfig, PeerCounters, PeerEvent, PeerOutput, PeerRole, PeerStats,
    Protocol, Rid, SenderReport, StatsDirection,
};
use confab_base::{AudioLevel, Bitrate, FrameTag};
use confab_congestion::Asks;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant, UNIX_EPOCH};
use str0m::format::{Codec::Vp9, FormatParams};
use str0m::media::Frequency;
use str0m::rtp::RtpPacket;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig, net::Receive, net::TcpType};

/// The number we offer the header extension of our own ends under; str0m uses the others below 14.
const OWN_EXTENSION: u8 = 9;

/// One peer connection.
pub struct Peer {
    pub(crate) rtc: Rtc,
    pub(crate) role: PeerRole,
    pub(crate) now: Instant,
    pub(crate) lines: crate::negotiate::Lines,
    pub(crate) queue: VecDeque<PeerOutput>,
    /// The way out for media.
    pub(crate) egress: Box<Egress>,
    counters: PeerCounters,
    watchdog: Watchdog,
    last_proven: Option<Instant>,
    pub(crate) paths: Paths,
    gatherer: StatsGatherer,
    sent_loss: SentLoss,
    /// Line and layer of each incoming SSRC: packets stop carrying mid and rid once we have acknowledged them.
    pub(crate) sources: Sources,
    /// Where the other side is one of ours: puts back what was lost of its video.
    pub(crate) inbound: Option<Box<Inbound>>,
    /// What a browser's video misses.
    pub(crate) asks: Asks,
    /// Requests without an answer.
    pub(crate) insist: Insist,
    /// SSRC of the datagram just handed in; an RTP packet with another one was carried by RTX.
    datagram_ssrc: Option<u32>,
    pub(crate) up: bool,
    pub(crate) closed: bool,
    /// Rounds of immediate timeouts since time last moved.
    spins: u32,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peer({:?}, up: {})", self.role, self.up)
    }
}

impl Peer {
    pub fn new(config: PeerConfig, now: Instant) -> Peer {
        crate::init();
        let mut rtc_config = RtcConfig::new()
            .set_rtp_mode(true)
            .set_ice_lite(config.role == PeerRole::LiteServer)
            .set_stats_interval(Some(config.stats_interval))
            // A/V sync has its mapping early, loss and RTT are fresh. Four out of five reports of a bad network get lost: a
            // voice has to know of it within a second or two, at 3 kbps.
            .set_rtcp_report_interval_audio(Duration::from_millis(250))
            .set_rtcp_report_interval_video(Duration::from_secs(1))
            .clear_codecs();
        if config.own_ends {
            rtc_config
                .extension_map()
                .set(OWN_EXTENSION, own_extension());
        }
        // H.264 first in the answer makes browsers send H.264, which every native decodes; so does plain Opus before RED, which
        // they could not fill as well as we do.
        let codecs = rtc_config.codec_config();
        codecs.clear();
        codecs.enable_opus(true, true);
        codecs.add_h264(108.into(), Some(109.into()), true, 0x42_e01f);
        codecs.enable_vp8(true);
        // Profile 0 alone: nobody here decodes more than 8 bits.
        let vp9 = FormatParams {
            profile_id: Some(0),
            ..FormatParams::default()
        };
        let ticks = Frequency::NINETY_KHZ;
        codecs.add_config(98.into(), Some(99.into()), Vp9, ticks, None, vp9);
        codecs.enable_av1(true);
        // The watchdog tells of a cut after `silence`, and the path resumes by itself when it comes back; ICE keeps it for most
        // of a minute. Where four out of five datagrams get lost, one check in 25 is answered, and one in five arrives, of which
        // a server of ICE wants one in 15 s: checked every second, a path that works would be given up every minute or two;
        // like this it is every twenty minutes, for 5 kbps. (120: ICE counts doublings in numbers of 128 bits.)
        rtc_config.set_initial_stun_rto(Duration::from_millis(200));
        rtc_config.set_max_stun_rto(Duration::from_millis(400));
        rtc_config.set_max_stun_retransmits(120);
        let (rtc, keys) = tapped(|p| rtc_config.set_crypto_provider(p).build(now));
        let mut egress = Egress::new(keys, config.role, config.start_bitrate, now);
        egress.set_desired(Bitrate::kbps(3000), now);
        Peer {
            rtc,
            role: config.role,
            now,
            lines: Default::default(),
            queue: VecDeque::new(),
            egress: Box::new(egress),
            counters: PeerCounters::default(),
            watchdog: Watchdog::new(config.silence),
            last_proven: None,
            paths: Paths::default(),
            gatherer: StatsGatherer::default(),
            sent_loss: SentLoss::default(),
            sources: Sources::default(),
            inbound: None,
            asks: Asks::default(),
            insist: Insist::default(),
            datagram_ssrc: None,
            up: false,
            closed: false,
            spins: 0,
        }
    }

    /// Adds an address packets may come to: in the server its announced address (before [`Peer::accept_offer`], so that
    /// the answer names it; TCP is passive), in a client the socket's own address (TCP is active; any time).
    /// Returns whether it was new and usable; 0.0.0.0 is not.
    pub fn add_local_candidate(&mut self, addr: SocketAddr, protocol: Protocol) -> bool {
        let candidate = match (protocol, self.role) {
            (Protocol::Udp, _) => Candidate::builder().udp().host(addr).build(),
            (Protocol::Tcp, role) => {
                let kind = match role {
                    PeerRole::Client => TcpType::Active,
                    PeerRole::LiteServer => TcpType::Passive,
                };
                Candidate::builder().tcp().host(addr).tcptype(kind).build()
            }
        };
        candidate.is_ok_and(|c| self.rtc.add_local_candidate(c).is_some())
    }

    /// A client's socket of this address is gone; packets will not be sent from it any more.
    pub fn remove_local_candidate(&mut self, addr: SocketAddr, protocol: Protocol) {
        let candidate = match protocol {
            Protocol::Udp => Candidate::builder().udp().host(addr).build(),
            Protocol::Tcp => Candidate::builder()
                .tcp()
                .host(addr)
                .tcptype(TcpType::Active)
                .build(),
        };
        if let Ok(candidate) = candidate {
            self.rtc.direct_api().invalidate_candidate(&candidate);
        }
    }

    /// Our ICE user name fragment: the first half of the USERNAME of STUN requests that are for this peer.
    pub fn local_ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Takes one datagram, or one frame of a TCP connection. Garbage is dropped and counted. False: nothing came of it, and
    /// the peer need not be polled. That is most reports of receivers, of which a server gets many.
    pub fn handle_packet(
        &mut self,
        protocol: Protocol,
        src: SocketAddr,
        dst: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> bool {
        self.tell_time(now);
        let kind = stun_peek::classify(bytes);
        match kind {
            PacketKind::Unknown => {
                self.counters.unknown += 1;
                return false;
            }
            PacketKind::Rtp | PacketKind::Rtcp if !self.up => {
                self.counters.early += 1;
                return false;
            }
            _ => {}
        }
        let mut proven = false;
        if kind == PacketKind::Rtcp {
            let is_server = self.role == PeerRole::LiteServer;
            let due = self.egress.next_wakeup();
            match self.take_rtcp(bytes, now) {
                Read::Unreadable => {
                    self.counters.malformed += 1;
                    return false;
                }
                Read::Done => {
                    self.heard((protocol, src, dst), is_server, now);
                    let new = self.egress.next_wakeup();
                    let is_sooner = new.is_some_and(|new| due.is_none_or(|due| new < due));
                    return is_sooner || !self.queue.is_empty() || self.egress.has_media();
                }
                Read::Pass => proven = is_server,
            }
        }
        let ssrc = (kind == PacketKind::Rtp)
            .then(|| stun_peek::rtp_ssrc(bytes))
            .flatten();
        if self.role == PeerRole::LiteServer && ssrc.is_some_and(|ssrc| !self.sources.admit(ssrc)) {
            self.counters.surplus += 1;
            return false;
        }
        let Ok(receive) = Receive::new(protocol.to_str0m(), src, dst, bytes) else {
            self.counters.malformed += 1;
            return false;
        };
        // What waits from earlier calls goes first: str0m keeps one received packet at a time.
        self.drain();
        let before = self.queue.len();
        self.datagram_ssrc = ssrc;
        if self.rtc.handle_input(Input::Receive(now, receive)).is_err() {
            self.counters.malformed += 1;
        }
        self.drain();
        self.datagram_ssrc = None;
        proven |= self.role == PeerRole::LiteServer && self.proves_itself(before, src);
        self.heard((protocol, src, dst), proven, now);
        true
    }

    /// Something came; `proven`: from somebody who knows the client's secrets. A server takes nothing else for a sign of
    /// life: anybody can send from the client's address.
    fn heard(&mut self, path: (Protocol, SocketAddr, SocketAddr), proven: bool, now: Instant) {
        if proven {
            let (protocol, src, dst) = path;
            self.paths.heard(protocol, src, dst, now);
            self.last_proven = Some(now);
        } else if self.role == PeerRole::LiteServer {
            return;
        }
        if self.watchdog.heard(now) == Some(Change::Heard) {
            self.push(PeerEvent::Connected);
        }
    }

    fn take_rtcp(&mut self, bytes: &[u8], now: Instant) -> Read {
        let mut events = Vec::new();
        let read = self.egress.handle_rtcp(bytes, now, &mut events);
        self.queue.extend(events.into_iter().map(PeerOutput::Event));
        read
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.tell_time(now);
        self.drain();
        if self.rtc.handle_input(Input::Timeout(now)).is_err() {
            self.counters.malformed += 1;
        }
        let is_up = self.up && !self.closed;
        self.egress.handle_timeout(now, is_up);
        self.report_repair(now);
        self.ask(now);
        self.insist(now);
        if self.watchdog.timeout(now) == Some(Change::Silent) {
            self.push(PeerEvent::Disconnected);
        }
    }

    /// Says good-bye (RTCP BYE, DTLS close) in the following [`Peer::poll`] rounds; then [`Peer::is_alive`] is false.
    pub fn disconnect(&mut self) {
        self.closed = true;
        let _ = self.rtc.close();
    }

    /// False once the connection is over for good and everything was polled.
    pub fn is_alive(&self) -> bool {
        self.rtc.is_alive()
    }

    /// Connected now, as far as known.
    pub fn is_connected(&self) -> bool {
        self.up && !self.closed
    }

    /// When a server last heard from somebody who knows the client's secrets.
    pub fn last_proven(&self) -> Option<Instant> {
        self.last_proven
    }

    pub fn counters(&self) -> PeerCounters {
        self.counters
    }

    /// What to do next; see the module's first paragraph.
    pub fn poll(&mut self) -> PeerOutput {
        loop {
            if self.queue.is_empty() {
                self.queue_media();
            }
            if let Some(output) = self.queue.pop_front() {
                return output;
            }
            let next = self.step();
            let Some(output) = self.queue.pop_front() else {
                match next {
                    Step::Again => continue,
                    Step::Idle(at) => {
                        let at = self.watchdog.deadline().map_or(at, |d| d.min(at));
                        let is_up = self.up && !self.closed;
                        let requests = [self.ask_due(), self.insist.next_wakeup()];
                        let own = [self.egress.next_wakeup(), self.report_due()];
                        let own = own.into_iter().chain(requests);
                        let own = own.flatten().min().filter(|_| is_up);
                        return PeerOutput::Timeout(own.map_or(at, |e| e.min(at)));
                    }
                }
            };
            return output;
        }
    }

    /// Whether what came of a packet, the queue from `before` on, shows that its sender knows our secrets: an RTP packet
    /// was decrypted, or a STUN request was answered with a success response.
    fn proves_itself(&self, before: usize, src: SocketAddr) -> bool {
        self.queue.range(before..).any(|output| match output {
            PeerOutput::Event(PeerEvent::Rtp(_)) => true,
            PeerOutput::Transmit { dst, bytes, .. } => {
                *dst == src && stun_peek::is_binding_success(bytes)
            }
            _ => false,
        })
    }

    pub(crate) fn tell_time(&mut self, now: Instant) {
        if now > self.now {
            self.now = now;
            self.spins = 0;
        }
    }

    /// Moves all str0m has into our queue.
    fn drain(&mut self) {
        while matches!(self.step(), Step::Again) {}
    }

    /// One output of str0m, translated into the queue.
    fn step(&mut self) -> Step {
        match self.rtc.poll_output() {
            Ok(Output::Transmit(t)) => {
                let path = (Protocol::from_str0m(t.proto), t.source, t.destination);
                self.transmit(path, t.contents.into());
                Step::Again
            }
            Ok(Output::Event(event)) => {
                self.on_event(event);
                Step::Again
            }
            Ok(Output::Timeout(at)) => {
                if let Some(stats) = self.finish_stats() {
                    self.push(PeerEvent::Stats(stats));
                }
                // Packets written wait for a timeout that is already due. A bound, lest a bug below spin for ever.
                if at <= self.now && self.spins < 1000 && self.rtc.is_alive() {
                    self.spins += 1;
                    if self.rtc.handle_input(Input::Timeout(self.now)).is_ok() {
                        return Step::Again;
                    }
                }
                Step::Idle(at)
            }
            Err(error) => {
                tracing::debug!(%error, "peer connection failed");
                self.rtc.disconnect();
                self.close();
                Step::Again
            }
        }
    }

    fn transmit(&mut self, mut path: crate::paths::Path, mut bytes: Vec<u8>) {
        let kind = stun_peek::classify(&bytes);
        // STUN answers go where they were asked from; all else where the client is heard.
        if kind != PacketKind::Stun {
            self.egress.path = Some(path);
            path = self.paths.better(path);
        }
        let all = match kind {
            PacketKind::Rtcp => self.egress.seal_rtcp(&mut bytes, self.now),
            // str0m has nothing to send here, and would send it in clear.
            PacketKind::Rtp => return,
            _ => vec![bytes],
        };
        let (protocol, src, dst) = path;
        for bytes in all {
            self.queue.push_back(PeerOutput::Transmit {
                protocol,
                src,
                dst,
                bytes,
            });
        }
    }

    pub(crate) fn push(&mut self, event: PeerEvent) {
        self.queue.push_back(PeerOutput::Event(event));
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.push(PeerEvent::Closed);
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.up = true;
                self.watchdog.arm(self.now);
                self.push(PeerEvent::Connected);
            }
            Event::IceConnectionStateChange(state) if self.up && state.is_disconnected() => {
                self.push(PeerEvent::Disconnected);
            }
            Event::Closed => self.close(),
            Event::RtpPacket(packet) => self.on_rtp(packet),
            Event::PeerStats(stats) => self.gatherer.peer(stats),
            Event::MediaIngressStats(stats) => self.gatherer.ingress(stats),
            // What receivers ask and report is read, and what is sent counted, on the own way out.
            _ => {}
        }
    }

    fn on_rtp(&mut self, packet: RtpPacket) {
        let header = &packet.header;
        let pt = *header.payload_type;
        let ssrc = *header.ssrc;
        if ssrc == OWN_SSRC {
            return self.on_repair(&packet.payload);
        }
        let Some((codec, red)) = self.lines.codec_of(pt) else {
            return;
        };
        let Some((mid, rid)) = self.source_of(ssrc, header.ext_vals.mid.map(Mid)) else {
            return;
        };
        if packet.payload.is_empty() {
            return; // Padding, sent to probe the path.
        }
        // A report from before the first packet maps nothing: its timestamp is a made-up 0.
        let info = packet.last_sender_info.as_ref();
        let report = info.filter(|i| i.sender_packet_count > 0).and_then(|info| {
            let since = info.ntp_time.duration_since(UNIX_EPOCH).ok()?;
            Some(SenderReport {
                ntp_micros: since.as_micros() as u64,
                timestamp: info.rtp_time.numer() as u32,
            })
        });
        self.sources.count(ssrc, *packet.seq_no);
        if codec != Codec::Opus && self.inbound.is_none() {
            self.note_video(ssrc, *packet.seq_no);
        }
        let resent = self.datagram_ssrc.is_some_and(|carried| carried != ssrc);
        self.on_media(InPacket {
            mid,
            rid,
            ssrc,
            pt,
            codec,
            seq: *packet.seq_no,
            timestamp: header.timestamp,
            marker: header.marker,
            red,
            audio_level: header
                .ext_vals
                .audio_level
                .map(|l| AudioLevel(l.unsigned_abs())),
            voice: header.ext_vals.voice_activity,
            tag: header.ext_vals.user_values.get::<FrameTag>().copied(),
            payload: packet.payload,
            received: packet.timestamp,
            report,
            resent,
        });
    }

    fn source_of(&mut self, ssrc: u32, told: Option<Mid>) -> Option<(Mid, Option<Rid>)> {
        if let Some(known) = self.sources.get(ssrc)
            && told.is_none_or(|mid| mid == known.mid)
        {
            return Some((known.mid, known.rid));
        }
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx(&ssrc.into())?;
        let (mid, rid) = (Mid(stream.mid()), stream.rid().map(Rid));
        // Repair needs no requests for single packets, and browsers are asked in our own way.
        stream.suppress_nack(true);
        self.sources.insert(ssrc, Source::new(mid, rid));
        Some((mid, rid))
    }

    /// Adds to the report what str0m does not count: packets that never came, not even after a retransmission.
    fn finish_stats(&mut self) -> Option<PeerStats> {
        let mut stats = self.gatherer.finish()?;
        for line in &mut stats.lines {
            if line.direction == StatsDirection::Receive {
                line.lost = Some(self.sources.lost(line.mid, line.rid));
            }
        }
        self.egress.stats(&mut stats);
        stats.repair_in = self.inbound.as_ref().map(|i| Box::new(i.stats()));
        stats.send_loss = self.sent_loss.update(&stats);
        let losses = [stats.send_loss, stats.receive_loss];
        let worst = losses.into_iter().flatten().fold(0.0, f32::max);
        self.insist.set_loss(worst);
        Some(stats)
    }
}

enum Step {
    Again,
    Idle(Instant),
}
