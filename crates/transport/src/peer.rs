//! One peer connection: bytes, packets and times in; bytes, packets and events out. No socket, no clock.
//!
//! After any call that takes `&mut self`, call [`Peer::poll`] until it answers [`PeerOutput::Timeout`], then wait for
//! that time or the next packet. Several [`Peer::send_rtp`] calls may share one round of polling: a frame at a time is
//! cheaper than a packet at a time.

use crate::paths::Paths;
use crate::source::Source;
use crate::stats::StatsGatherer;
use crate::stun_peek::{self, PacketKind};
use crate::watchdog::{Change, Watchdog};
use crate::{
    Codec, InPacket, Mid, OutPacket, PeerConfig, PeerCounters, PeerEvent, PeerOutput, PeerRole,
    PeerStats, Protocol, Rid, SendError, SenderReport, StatsDirection,
};
use confab_base::{AudioLevel, Bitrate};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, UNIX_EPOCH};
use str0m::bwe::BweKind;
use str0m::media::KeyframeRequestKind;
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig, net::Receive, net::TcpType};

/// One peer connection.
pub struct Peer {
    pub(crate) rtc: Rtc,
    pub(crate) role: PeerRole,
    pub(crate) now: Instant,
    pub(crate) lines: crate::negotiate::Lines,
    queue: VecDeque<PeerOutput>,
    counters: PeerCounters,
    watchdog: Watchdog,
    paths: Paths,
    gatherer: StatsGatherer,
    /// Line and layer of each incoming SSRC: packets stop carrying mid and rid once we have acknowledged them.
    sources: HashMap<u32, Source>,
    /// SSRC of the datagram just handed in; an RTP packet with another one was carried by RTX.
    datagram_ssrc: Option<u32>,
    up: bool,
    closed: bool,
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
            .enable_bwe(Some(bps(config.start_bitrate)))
            .set_stats_interval(Some(config.stats_interval))
            // Reports every second: A/V sync has its mapping early, loss and RTT are fresh.
            .set_rtcp_report_interval_audio(Duration::from_secs(1))
            .set_rtcp_report_interval_video(Duration::from_secs(1))
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true);
        // H.264 before VP8 in the answer makes browsers send H.264, which every native decodes.
        let codecs = rtc_config.codec_config();
        codecs.clear();
        codecs.enable_opus(true, false);
        codecs.add_h264(108.into(), Some(109.into()), true, 0x42_e01f);
        codecs.enable_vp8(true);
        // Check the path every second and do not give it up for half a minute: the watchdog tells of a cut after
        // `silence`, and the path resumes by itself when it comes back.
        rtc_config.set_initial_stun_rto(Duration::from_millis(200));
        rtc_config.set_max_stun_rto(Duration::from_secs(1));
        rtc_config.set_max_stun_retransmits(32);
        let mut rtc = rtc_config.build(now);
        rtc.bwe()
            .set_bitrate(bps(Bitrate::ZERO), bps(Bitrate::kbps(3000)));
        Peer {
            rtc,
            role: config.role,
            now,
            lines: Default::default(),
            queue: VecDeque::new(),
            counters: PeerCounters::default(),
            watchdog: Watchdog::new(config.silence),
            paths: Paths::default(),
            gatherer: StatsGatherer::default(),
            sources: HashMap::new(),
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

    /// Takes one datagram, or one frame of a TCP connection. Garbage is dropped and counted.
    pub fn handle_packet(
        &mut self,
        protocol: Protocol,
        src: SocketAddr,
        dst: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) {
        self.tell_time(now);
        let kind = stun_peek::classify(bytes);
        match kind {
            PacketKind::Unknown => {
                self.counters.unknown += 1;
                return;
            }
            PacketKind::Rtp | PacketKind::Rtcp if !self.up => {
                self.counters.early += 1;
                return;
            }
            _ => {}
        }
        let Ok(receive) = Receive::new(protocol.to_str0m(), src, dst, bytes) else {
            self.counters.malformed += 1;
            return;
        };
        // What waits from earlier calls goes first: str0m keeps one received packet at a time.
        self.drain();
        let before = self.queue.len();
        self.datagram_ssrc = (kind == PacketKind::Rtp)
            .then(|| stun_peek::rtp_ssrc(bytes))
            .flatten();
        if self.rtc.handle_input(Input::Receive(now, receive)).is_err() {
            self.counters.malformed += 1;
        }
        self.drain();
        self.datagram_ssrc = None;
        if self.role == PeerRole::LiteServer && self.proves_itself(before, src) {
            self.paths.heard(protocol, src, dst, now);
        }
        if self.watchdog.heard(now) == Some(Change::Heard) {
            self.push(PeerEvent::Connected);
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.tell_time(now);
        self.drain();
        if self.rtc.handle_input(Input::Timeout(now)).is_err() {
            self.counters.malformed += 1;
        }
        if self.watchdog.timeout(now) == Some(Change::Silent) {
            self.push(PeerEvent::Disconnected);
        }
    }

    /// Queues an RTP packet. It leaves in the following [`Peer::poll`] rounds: audio at once, video paced to the
    /// bandwidth estimate. Video is kept 3 s for retransmission.
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn send_rtp(
        &mut self,
        mid: Mid,
        rid: Option<Rid>,
        packet: OutPacket,
        now: Instant,
    ) -> Result<(), SendError> {
        self.tell_time(now);
        if self.closed {
            return Err(SendError::Closed);
        }
        if !self.up {
            return Err(SendError::NotConnected);
        }
        let line = self.lines.get(mid).filter(|l| l.sends);
        let pt = line
            .ok_or(SendError::NoLine)?
            .codecs
            .iter()
            .find(|c| c.codec == packet.codec)
            .ok_or(SendError::NoCodec)?
            .pt;
        let mut api = self.rtc.direct_api();
        let stream = api
            .stream_tx_by_mid(mid.0, rid.map(|r| r.0))
            .ok_or(SendError::NoLine)?;
        let extensions = ExtensionValues {
            audio_level: packet.audio_level.map(|l| -(l.0.min(127) as i8)),
            voice_activity: packet.audio_level.map(|_| packet.voice),
            ..Default::default()
        };
        let is_video = packet.codec != Codec::Opus;
        let (seq, time) = (packet.seq.into(), packet.timestamp);
        // A mapping in the future would make reports with timestamp 0.
        let captured = packet.captured.min(now);
        stream.write_rtp(
            RtpWrite::new(pt.into(), seq, time, captured, packet.payload)
                .marker(packet.marker)
                .ext_vals(extensions)
                .nackable(is_video),
        );
        Ok(())
    }

    /// Asks the sender of this line (and layer) for a key frame, by PLI. Nothing happens before its first packet came.
    pub fn request_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        let mut api = self.rtc.direct_api();
        if let Some(stream) = api.stream_rx_by_mid(mid.0, rid.map(|r| r.0)) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Tells the bandwidth estimator what we would like to send in the end (it probes up to there), and what rate to
    /// keep up with padding where media sends less, so that a next layer can be tried; zero: no padding.
    pub fn set_bitrate(&mut self, sustained: Bitrate, desired: Bitrate) {
        self.rtc.bwe().set_bitrate(bps(sustained), bps(desired));
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

    pub fn counters(&self) -> PeerCounters {
        self.counters
    }

    /// What to do next; see the module's first paragraph.
    pub fn poll(&mut self) -> PeerOutput {
        loop {
            if let Some(output) = self.queue.pop_front() {
                return output;
            }
            let next = self.step();
            let Some(output) = self.queue.pop_front() else {
                match next {
                    Step::Again => continue,
                    Step::Idle(at) => {
                        let at = self.watchdog.deadline().map_or(at, |d| d.min(at));
                        return PeerOutput::Timeout(at);
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
                *dst == src && bytes.starts_with(&stun_peek::BINDING_SUCCESS)
            }
            _ => false,
        })
    }

    fn tell_time(&mut self, now: Instant) {
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
                let bytes: Vec<u8> = t.contents.into();
                let mut path = (Protocol::from_str0m(t.proto), t.source, t.destination);
                // STUN answers go where they were asked from; all else where the client is heard.
                if stun_peek::classify(&bytes) != PacketKind::Stun {
                    path = self.paths.better(path);
                }
                let (protocol, src, dst) = path;
                self.queue.push_back(PeerOutput::Transmit {
                    protocol,
                    src,
                    dst,
                    bytes,
                });
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

    fn push(&mut self, event: PeerEvent) {
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
            Event::KeyframeRequest(request) => self.push(PeerEvent::KeyframeRequest {
                mid: Mid(request.mid),
                rid: request.rid.map(Rid),
            }),
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                self.push(PeerEvent::Estimate(Bitrate(estimate.as_u64())));
            }
            Event::PeerStats(stats) => self.gatherer.peer(stats),
            Event::MediaIngressStats(stats) => self.gatherer.ingress(stats),
            Event::MediaEgressStats(stats) => self.gatherer.egress(stats),
            _ => {}
        }
    }

    fn on_rtp(&mut self, packet: RtpPacket) {
        let header = &packet.header;
        let pt = *header.payload_type;
        let ssrc = *header.ssrc;
        let Some(codec) = self.lines.codec_of(pt) else {
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
        if let Some(source) = self.sources.get_mut(&ssrc) {
            source.count(*packet.seq_no);
        }
        let resent = self.datagram_ssrc.is_some_and(|carried| carried != ssrc);
        self.push(PeerEvent::Rtp(InPacket {
            mid,
            rid,
            ssrc,
            pt,
            codec,
            seq: *packet.seq_no,
            timestamp: header.timestamp,
            marker: header.marker,
            audio_level: header
                .ext_vals
                .audio_level
                .map(|l| AudioLevel(l.unsigned_abs())),
            voice: header.ext_vals.voice_activity,
            payload: packet.payload,
            received: packet.timestamp,
            report,
            resent,
        }));
    }

    fn source_of(&mut self, ssrc: u32, told: Option<Mid>) -> Option<(Mid, Option<Rid>)> {
        if let Some(known) = self.sources.get(&ssrc)
            && told.is_none_or(|mid| mid == known.mid)
        {
            return Some((known.mid, known.rid));
        }
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx(&ssrc.into())?;
        let (mid, rid) = (Mid(stream.mid()), stream.rid().map(Rid));
        self.sources.insert(ssrc, Source::new(mid, rid));
        Some((mid, rid))
    }

    /// Adds to the report what str0m does not count: packets that never came, not even after a retransmission.
    fn finish_stats(&mut self) -> Option<PeerStats> {
        let mut stats = self.gatherer.finish()?;
        for line in &mut stats.lines {
            if line.direction == StatsDirection::Receive {
                let of_line = self.sources.values();
                let of_line = of_line.filter(|s| s.mid == line.mid && s.rid == line.rid);
                line.lost = Some(of_line.map(Source::lost).sum());
            }
        }
        Some(stats)
    }
}

enum Step {
    Again,
    Idle(Instant),
}

fn bps(rate: Bitrate) -> str0m::bwe::Bitrate {
    rate.bps().into()
}
