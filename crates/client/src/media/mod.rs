//! The client's media side: one peer connection per generation, the slots on it, and the pipeline behind both.

mod rates;
mod views;

use crate::face::{Saving, Shown, TestSwitches};
use crate::ladder;
use crate::network::{ClientNetwork, SendLineUse};
use crate::slots::{MAX_AUDIO_SLOTS, SlotTable, slots_for};
use crate::usage::{Usage, Used};
use confab_base::{
    Bitrate, Duration, MediaKind, ParticipantId, Reference, Source, Time, TrackId, VideoCodec,
};
use confab_congestion::{MainLayer, SendBudget, VoiceSender};
use confab_pipeline::{
    CAN_ENCODE, CHEAP, CodecPair, FINE, Outgoing, Pipeline, PipelineStats, ReceivedPacket,
    VideoSinks, clock,
};
use confab_protocol::{Layer, Publish, Slot};
use confab_session::{CodecChoice, Input, SessionState, may_be_fine};
use confab_transport::driver::{
    Direction, Driver, DriverConfig, DriverEvent, DriverHandle, TlsWay,
};
use confab_transport::{InPacket, LocalOffer, MediaPlan, Mid, PeerStats, Protocol, Rid, SendLine};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc;
pub(crate) use views::Tracks;

/// What the peer connection of a generation tells the client's loop.
#[derive(Debug)]
pub(crate) struct MediaNews {
    generation: u32,
    event: DriverEvent,
}

/// A peer connection that is not up after this long is given up. ICE over TCP has its chance before.
const CONNECT_TIME: Duration = Duration::from_secs(12);
/// One that was up and is silent has this long to come back by itself.
const RETURN_TIME: Duration = Duration::from_secs(2);

/// Which line carries which slot; read for every packet.
#[derive(Debug, Default)]
struct Routes {
    audio: HashMap<Mid, usize>,
    video: HashMap<Mid, usize>,
}

#[derive(Debug)]
struct Current {
    generation: u32,
    driver: DriverHandle,
    /// An offer is on its way; another one has to wait for its answer.
    offering: bool,
    plan: MediaPlan,
    /// What the last offer published.
    published: Vec<Outgoing>,
    routes: Arc<RwLock<Routes>>,
    made: Time,
    connected: bool,
    /// Since when nothing is heard.
    silent: Option<Time>,
}

/// What the slots shall carry, and the most the server may send, bits per second.
pub(crate) type View = (Vec<Slot>, Option<u64>);

/// What statistics are made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) pipeline: PipelineStats,
    pub(crate) peer: Option<PeerStats>,
    pub(crate) estimate: Option<Bitrate>,
    pub(crate) send_mids: Vec<(Source, Mid, Vec<Rid>)>,
    pub(crate) video_mids: Vec<String>,
    /// The step of the ladder the voice is on.
    pub(crate) redundancy: &'static str,
    /// Of the meeting so far.
    pub(crate) used: Used,
    /// Layers that are wanted are not sent, since the way to the server is too narrow.
    pub(crate) is_short: bool,
}

pub(crate) struct MediaSide {
    pipeline: Arc<Pipeline>,
    outgoing: Vec<Outgoing>,
    sinks: Box<dyn VideoSinks>,
    network: Arc<ClientNetwork>,
    news: mpsc::Sender<MediaNews>,
    tls: Option<TlsWay>,
    test: TestSwitches,
    current: Option<Current>,
    audio: SlotTable,
    video: SlotTable,
    send_lines: Vec<SendLineUse>,
    paused: HashSet<TrackId>,
    view: Option<View>,
    max_height: u16,
    max_videos: usize,
    /// What a view shows; `None`: nobody said, so everything.
    shown: Option<Vec<Shown>>,
    saving: Saving,
    /// Layers the server wants of each source; of those that are not there: all.
    wanted: Vec<(Source, Vec<u8>)>,
    /// Which camera layer goes first where there is little room.
    main: MainLayer,
    /// The codecs the others allow, whatever coding costs, and for little.
    fine: CodecChoice,
    cheap: CodecChoice,
    /// What the server knows of them: an older one may know less.
    agreed: Vec<VideoCodec>,
    /// Sources that send nothing now, which the budget keeps nothing for.
    muted: Vec<Source>,
    /// The voices are not played here.
    deaf: bool,
    /// Who spoke last, latest first.
    recent: Vec<ParticipantId>,
    estimate: Option<Bitrate>,
    peer: Option<PeerStats>,
    usage: Usage,
    budget: SendBudget,
    /// What the voice does against loss, and the payload type of plain frames where the server takes copies.
    voice: VoiceSender,
    /// Packets of our voice that are lost in a row on the way to the server, tenths; 0: not known.
    burst: u8,
    red: Option<u8>,
    /// Which source and layer each rung of the budget's ladder is.
    ladder: Vec<(Source, usize)>,
}

/// What [`MediaSide`] starts with.
pub(crate) struct MediaConfig {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) network: Arc<ClientNetwork>,
    pub(crate) sinks: Box<dyn VideoSinks>,
    pub(crate) news: mpsc::Sender<MediaNews>,
    /// The server's TLS, for media that gets through no other way.
    pub(crate) tls: Option<TlsWay>,
    pub(crate) test: TestSwitches,
    pub(crate) max_height: u16,
    pub(crate) max_videos: usize,
    pub(crate) saving: Saving,
}

impl MediaSide {
    pub(crate) fn new(config: MediaConfig) -> MediaSide {
        let outgoing = config.pipeline.outgoing();
        let ladder = ladder::order(&outgoing, config.saving.small_camera, |o| {
            (0..o.layers.len()).collect()
        });
        let voice = VoiceSender::default();
        let mut budget = ladder::budget(voice.rate(), &outgoing, &ladder);
        budget.set_cap(config.saving.up);
        let side = MediaSide {
            budget,
            ladder,
            voice,
            burst: 0,
            red: None,
            outgoing,
            pipeline: config.pipeline,
            sinks: config.sinks,
            network: config.network,
            news: config.news,
            tls: config.tls,
            test: config.test,
            current: None,
            audio: SlotTable::default(),
            video: SlotTable::default(),
            send_lines: Vec::new(),
            paused: HashSet::new(),
            view: None,
            max_height: config.max_height,
            max_videos: config.max_videos.min(crate::MAX_VIDEO_SLOTS),
            shown: None,
            saving: config.saving,
            wanted: Vec::new(),
            main: MainLayer::default(),
            fine: CodecChoice::new(CHEAP[0]),
            cheap: CodecChoice::new(CHEAP[0]),
            agreed: Vec::new(),
            muted: Vec::new(),
            deaf: false,
            recent: Vec::new(),
            estimate: None,
            peer: None,
            usage: Usage::default(),
        };
        // Layers the first budget has no room for must not begin, or their watchers would see them stop.
        side.spend();
        side
    }

    /// Own sources that can be sent.
    pub(crate) fn sources(&self) -> Vec<Source> {
        self.outgoing.iter().map(|o| o.source).collect()
    }

    /// Codes only the layers that somebody could be sent.
    pub(crate) fn set_wanted(&mut self, state: &SessionState) {
        let Some(room) = &state.room else { return };
        let own = room.participants.iter().find(|p| Some(p.id) == state.you);
        let tracks = own.map_or(&[][..], |p| &p.tracks);
        let wanted = state.layers_wanted.iter().filter_map(|wanted| {
            let track = tracks.iter().find(|t| t.id == wanted.track)?;
            Some((track.source, wanted.layers.clone()))
        });
        let wanted: Vec<_> = wanted.collect();
        if self.wanted != wanted {
            self.wanted = wanted;
            self.refresh_ladder();
        }
    }

    /// Codes pictures in the best codecs that all of the others decode: one for as long as the machine has time for it, and another.
    pub(crate) fn choose_codec(&mut self, state: &SessionState) {
        let Some(room) = &state.room else { return };
        let now = clock::now();
        let is_known = |c: &VideoCodec| CHEAP.contains(c) || self.agreed.contains(c);
        let known: Vec<_> = FINE.into_iter().filter(is_known).collect();
        self.fine.update(&known, room, state.you, now);
        self.cheap.update(&CHEAP, room, state.you, now);
        let (fine, cheap) = (self.fine.current(), self.cheap.current());
        for source in [Source::Camera, Source::Screen] {
            let fine = match may_be_fine(source, room.participants.len()) {
                true => fine,
                false => cheap,
            };
            self.pipeline.set_codecs(source, CodecPair { fine, cheap });
        }
    }

    pub(crate) fn set_max_height(&mut self, height: u16) {
        self.max_height = height;
    }

    /// From now on only these are received, the most important first.
    pub(crate) fn show(&mut self, shown: Vec<Shown>) {
        self.shown = Some(shown);
    }

    /// Devices were opened or closed: what can be sent is another list now. The next [`MediaSide::update`] offers it.
    pub(crate) fn refresh_sources(&mut self, muted: &[Source]) {
        self.outgoing = self.pipeline.outgoing();
        self.silence(muted);
        self.refresh_ladder();
    }

    /// Muted sources stop here, unless a test wants to see the server drop them.
    pub(crate) fn set_muted(&mut self, muted: &[Source]) {
        if self.silence(muted) {
            self.refresh_ladder();
        }
    }

    /// Another device in this room is live: the voices are not played here. See [`confab_session::SessionState::live_instead`].
    pub(crate) fn set_deaf(&mut self, deaf: bool) {
        if self.deaf == deaf {
            return;
        }
        self.deaf = deaf;
        self.pipeline.set_deaf(deaf);
        match deaf {
            true => tracing::info!("another device in this room is live: silent here"),
            false => tracing::info!("live in this room"),
        }
    }

    /// Whether these are others than before.
    fn silence(&mut self, muted: &[Source]) -> bool {
        let muted = if self.test.send_while_muted() {
            &[]
        } else {
            muted
        };
        for outgoing in &self.outgoing {
            let muted = muted.contains(&outgoing.source);
            self.pipeline.set_muted(outgoing.source, muted);
        }
        let changed = self.muted != muted;
        self.muted = muted.to_vec();
        changed
    }

    /// Drops the peer connection there is and makes another one, with slots for `tracks`.
    pub(crate) fn new_peer(&mut self, generation: u32, tracks: &Tracks) {
        self.drop_peer();
        let config = DriverConfig {
            test_filter: self.filter(),
            tls: self.tls.clone(),
            ..DriverConfig::new(format!("transport-{generation}"))
        };
        let driver = match Driver::start(config) {
            Ok(driver) => driver,
            Err(error) => {
                tracing::error!("no transport thread: {error}");
                return;
            }
        };
        let routes = Arc::<RwLock<Routes>>::default();
        self.network.replace(Some(driver.sender()));
        if let Err(error) = self.carry(generation, &driver, &routes) {
            tracing::error!("no media thread: {error}");
        }
        let plan = self.plan(tracks);
        driver.create_offer(plan.clone());
        self.current = Some(Current {
            generation,
            driver,
            offering: true,
            plan,
            published: self.outgoing.clone(),
            routes,
            made: clock::now(),
            connected: false,
            silent: None,
        });
    }

    fn drop_peer(&mut self) {
        self.current = None;
        self.network.replace(None);
        self.pipeline.restart_slots();
        self.audio = SlotTable::default();
        self.video = SlotTable::default();
        self.view = None;
        self.peer = None;
        self.estimate = None;
        self.red = None;
        self.pipeline
            .protect_voice(self.voice.protection(), self.red);
    }

    fn filter(&self) -> Option<confab_transport::driver::Filter> {
        let test = self.test.clone();
        let mut datagrams = 0;
        Some(Box::new(move |_: Direction, protocol, _: &[u8]| {
            datagrams += 1;
            let lost = test.block_udp() || test.loses(datagrams);
            !(test.cut() || lost && protocol == Protocol::Udp)
        }))
    }

    /// A thread that carries packets to the pipeline and everything else to the client's loop, until the driver is gone.
    fn carry(
        &self,
        generation: u32,
        driver: &DriverHandle,
        routes: &Arc<RwLock<Routes>>,
    ) -> std::io::Result<()> {
        let (media, events) = (driver.media.clone(), driver.events.clone());
        let (pipeline, routes) = (Arc::downgrade(&self.pipeline), routes.clone());
        let news = self.news.clone();
        let carry = move || {
            confab_priority::raise(confab_priority::Urgency::Network);
            loop {
                crossbeam_channel::select! {
                    recv(media) -> packet => {
                        let (Ok(packet), Some(pipeline)) = (packet, pipeline.upgrade()) else {
                            break;
                        };
                        route(packet, &pipeline, &routes);
                    }
                    recv(events) -> event => {
                        let Ok(event) = event else { break };
                        // The loop takes events faster than they come; when it is gone this thread ends soon, too.
                        if news.try_send(MediaNews { generation, event }).is_err() {
                            tracing::warn!("a media event found no reader");
                        }
                    }
                }
            }
        };
        let name = format!("media-in-{generation}");
        std::thread::Builder::new().name(name).spawn(carry)?;
        Ok(())
    }

    fn plan(&self, tracks: &Tracks) -> MediaPlan {
        let sends = self.outgoing.iter().map(|o| SendLine {
            source: o.source,
            rids: rids(o),
            codecs: match o.source.kind() {
                MediaKind::Audio => Vec::new(),
                MediaKind::Video => CAN_ENCODE.to_vec(),
            },
        });
        let video = tracks.video.len();
        MediaPlan {
            sends: sends.collect(),
            audio_slots: slots_for(tracks.audio.len(), self.audio.len(), MAX_AUDIO_SLOTS),
            video_slots: slots_for(video, self.video.len(), self.max_videos),
        }
    }

    /// The server's answer to the last offer.
    pub(crate) fn accept(&mut self, sdp: String) {
        if let Some(current) = &self.current {
            current.driver.accept_answer(sdp);
        }
    }

    /// Takes news of the peer connection; what the session has to know comes back.
    pub(crate) fn handle(&mut self, news: MediaNews) -> Option<Input> {
        let generation = news.generation;
        let current = self
            .current
            .as_mut()
            .filter(|c| c.generation == generation)?;
        match news.event {
            DriverEvent::Offer(offer) => return Some(self.on_offer(generation, offer)),
            DriverEvent::OfferFailed(error) | DriverEvent::AnswerFailed(error) => {
                tracing::error!("{error}");
                return Some(Input::MediaFailed { generation });
            }
            DriverEvent::Answered(lines) => {
                current.offering = false;
                let codecs = lines.iter().filter(|l| l.sends).flat_map(|l| &l.codecs);
                let red = codecs.filter(|c| c.red.is_some()).map(|c| c.pt).next();
                self.voice.set_copies(red.is_some());
                self.red = red;
                let all = lines.iter().flat_map(|l| &l.codecs);
                self.agreed = all.filter_map(|c| c.codec.video()).collect();
            }
            DriverEvent::Connected { path } => {
                tracing::info!(generation, ?path, "media connected");
                current.connected = true;
                current.silent = None;
                self.network.set_up(true);
                // What was encoded before went nowhere.
                for outgoing in &self.outgoing {
                    self.pipeline.request_keyframe(outgoing.source, None);
                }
                return Some(Input::MediaConnected { generation });
            }
            DriverEvent::Disconnected => {
                current.silent.get_or_insert(clock::now());
            }
            DriverEvent::Closed => return Some(Input::MediaFailed { generation }),
            DriverEvent::KeyframeRequest { mid, rid } => self.on_keyframe_request(mid, rid),
            DriverEvent::Estimate(estimate) => {
                self.estimate = Some(estimate);
                self.adapt();
            }
            DriverEvent::Reference {
                mid,
                rid,
                reference,
            } => self.on_reference(mid, rid, reference),
            DriverEvent::Hold(time) => self.pipeline.hold_pictures(time),
            DriverEvent::Stats(stats) => {
                if let Some(rtt) = stats.rtt {
                    self.pipeline.set_rtt(rtt);
                }
                self.usage.note(
                    generation,
                    stats.bytes_sent,
                    stats.bytes_received,
                    clock::now(),
                );
                self.peer = Some(stats);
                self.protect_voice();
            }
        }
        None
    }

    /// Whether the peer connection has had its time. `joined`: the signaling connection is up, so a new one can be made.
    pub(crate) fn check(&mut self, joined: bool) -> Option<Input> {
        let now = clock::now();
        let current = self.current.as_mut()?;
        if !joined {
            // Without signaling nothing can be done but wait; the time after it counts.
            current.silent = current.silent.map(|_| now);
            current.made = now;
            return None;
        }
        let late = !current.connected && now.since(current.made) > CONNECT_TIME;
        let gone = current
            .silent
            .is_some_and(|since| now.since(since) > RETURN_TIME);
        let generation = current.generation;
        (late || gone).then_some(Input::MediaFailed { generation })
    }

    fn on_offer(&mut self, generation: u32, offer: LocalOffer) -> Input {
        let names = |mids: &[Mid]| {
            mids.iter()
                .map(|m| m.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        self.audio.set_mids(&names(&offer.audio_slots));
        self.video.set_mids(&names(&offer.video_slots));
        if let Some(current) = &self.current {
            let index = |mids: &[Mid]| {
                mids.iter()
                    .copied()
                    .enumerate()
                    .map(|(i, m)| (m, i))
                    .collect()
            };
            let mut routes = current
                .routes
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            routes.audio = index(&offer.audio_slots);
            routes.video = index(&offer.video_slots);
        }
        let find = |source| self.outgoing.iter().find(|o| o.source == source);
        let lines = offer.publish.iter().map(|(mid, source)| SendLineUse {
            source: *source,
            mid: *mid,
            rids: find(*source).map(rids).unwrap_or_default(),
        });
        self.send_lines = lines.collect();
        self.network
            .set_lines(self.send_lines.clone(), offer.video_slots.clone());
        let publish = offer.publish.iter().map(|(mid, source)| Publish {
            mid: mid.as_str().to_owned(),
            source: *source,
            layers: find(*source).map(layers).unwrap_or_default(),
        });
        Input::LocalOffer {
            generation,
            publish: publish.collect(),
            sdp: offer.sdp,
        }
    }

    fn on_keyframe_request(&self, mid: Mid, rid: Option<Rid>) {
        if let Some(line) = self.send_lines.iter().find(|l| l.mid == mid) {
            let layer = rid.and_then(|rid| line.rids.iter().position(|r| *r == rid));
            self.pipeline.request_keyframe(line.source, layer);
        }
    }

    fn on_reference(&self, mid: Mid, rid: Option<Rid>, reference: Reference) {
        let Some(line) = self.send_lines.iter().find(|l| l.mid == mid) else {
            return;
        };
        let place = |rid| line.rids.iter().position(|r| *r == rid);
        let Some(layer) = rid.map_or(Some(0), place) else {
            return;
        };
        if let Some(seq) = self.network.origin(line.source, layer, reference.seq) {
            let reference = Reference { seq, ..reference };
            self.pipeline.refer(line.source, layer, reference);
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let lines = self.send_lines.iter();
        Snapshot {
            pipeline: self.pipeline.stats(),
            peer: self.peer.clone(),
            estimate: self.estimate,
            send_mids: lines.map(|l| (l.source, l.mid, l.rids.clone())).collect(),
            video_mids: self.video.mids().to_vec(),
            redundancy: self.voice.step(),
            used: self.usage.used(),
            is_short: self.is_short(),
        }
    }

    /// Who saves data wants no more than is sent.
    fn is_short(&self) -> bool {
        let mut layers = self.budget.targets().layers.iter();
        self.saving.up.is_none() && layers.any(|layer| !layer.active)
    }

    /// Ends the peer connection. A pipeline that is nobody else's writes every file to its end.
    pub(crate) fn close(self, lent: bool) {
        drop(self.current);
        self.network.replace(None);
        if lent {
            self.pipeline.restart_slots();
            self.pipeline.set_deaf(false);
            return;
        }
        // The sinks' files close with the last handle on them, which the pipeline's threads may hold.
        let pipeline = self.pipeline;
        while Arc::strong_count(&pipeline) > 1 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        drop(pipeline);
        drop(self.sinks);
    }
}

fn rids(outgoing: &Outgoing) -> Vec<Rid> {
    let rids = outgoing.rids.iter();
    rids.map(|rid| Rid::from(rid.as_str())).collect()
}

fn layers(outgoing: &Outgoing) -> Vec<Layer> {
    let simulcast = !outgoing.rids.is_empty();
    let layer = |l: &confab_pipeline::OutgoingLayer| Layer {
        rid: if simulcast {
            l.rid.clone()
        } else {
            String::new()
        },
        width: l.width,
        height: l.height,
        max_bitrate: l.bitrate.bps(),
    };
    outgoing.layers.iter().map(layer).collect()
}

fn route(packet: InPacket, pipeline: &Pipeline, routes: &RwLock<Routes>) {
    let received = ReceivedPacket {
        codec: packet.codec.video(),
        seq: packet.seq,
        timestamp: packet.timestamp,
        marker: packet.marker,
        audio_level: packet.audio_level,
        tag: packet.tag,
        received: clock::at(packet.received),
        report: packet.report.map(|r| (r.ntp_micros, r.timestamp)),
        payload: packet.payload,
        red: packet.red,
    };
    let routes = routes.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(slot) = routes.audio.get(&packet.mid) {
        pipeline.audio_packet(*slot, received);
    } else if let Some(slot) = routes.video.get(&packet.mid) {
        pipeline.video_packet(*slot, received);
    }
}
