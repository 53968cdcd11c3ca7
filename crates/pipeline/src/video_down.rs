//! From packets to pictures. A few worker threads share the slots; each slot has its own jitter buffer, decoder and sink,
//! so that a slow or broken stream costs nobody else its pictures.

use crate::clock;
use crate::order::{VIDEO_DOWN, VideoDown};
use crate::packet::{Network, ReceivedPacket};
use crate::sink::{FrameInfo, KeyframeAsk, Needs, RemoteTrack, VideoSink};
use crate::stats::{GapCounter, VideoDownStats};
use crate::sync::SharedSync;
use crate::tap::Taps;
use confab_base::{Duration, Time, VideoCodec};
use confab_codec::{CodecError, VideoDecoder, key_frame_size, video_decoder};
use confab_picture::I420;
use confab_rtp::{
    JitterEstimator, LossCounter, ReferenceReporter, TimestampUnwrapper, VideoFrame,
    VideoJitterBuffer, VideoJitterConfig, VideoOutput, VideoPacket, h264_size,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Packets that may wait for a worker: a second of several streams. When it is full, packets are dropped and counted as
/// lost by the jitter buffer, which then asks for a key frame.
const QUEUE: usize = 4096;

/// What a slot is to show.
pub(crate) struct SlotTrack {
    pub(crate) track: RemoteTrack,
    pub(crate) sink: Box<dyn VideoSink>,
    /// The microphone and camera of one participant go together.
    pub(crate) sync: Option<SharedSync>,
}

enum Order {
    Packet(usize, ReceivedPacket),
    Track(usize, Option<SlotTrack>),
    /// The sender muted or unmuted: no gap in between counts.
    Pause(usize),
    Rtt(Duration),
    /// A new peer connection: nothing that was buffered continues.
    Restart,
}

/// The statistics of all slots, by slot index.
pub(crate) type VideoReports = Arc<Mutex<BTreeMap<usize, (RemoteTrack, VideoDownStats)>>>;

/// Our end of a worker: both are taken when it ends.
type WorkerEnd = (Option<Sender<Order>>, Option<JoinHandle<()>>);

/// The worker threads and their queues. Dropping it ends them.
pub(crate) struct VideoReceivers {
    workers: Vec<WorkerEnd>,
    pub(crate) reports: VideoReports,
}

impl VideoReceivers {
    /// Starts `workers` threads named `video-0`, `video-1` …; slot `n` is served by thread `n % workers`.
    pub(crate) fn start(
        workers: usize,
        network: &Arc<dyn Network>,
        taps: &Taps,
    ) -> io::Result<VideoReceivers> {
        let reports = VideoReports::default();
        let start = |n: usize| {
            let (orders, inbox) = bounded(QUEUE);
            let worker = Worker {
                slots: BTreeMap::new(),
                network: network.clone(),
                taps: taps.clone(),
                reports: reports.clone(),
                rtt: Duration::ZERO,
            };
            let thread = std::thread::Builder::new()
                .name(format!("video-{n}"))
                .spawn(move || worker.run(&inbox))?;
            Ok((Some(orders), Some(thread)))
        };
        let workers = (0..workers.max(1)).map(start).collect::<io::Result<_>>()?;
        Ok(VideoReceivers { workers, reports })
    }

    fn queue(&self, slot: usize) -> Option<&Sender<Order>> {
        self.workers[slot % self.workers.len()].0.as_ref()
    }

    /// Hands a packet over; never blocks.
    pub(crate) fn packet(&self, slot: usize, packet: ReceivedPacket) {
        if let Some(queue) = self.queue(slot)
            && queue.try_send(Order::Packet(slot, packet)).is_err()
        {
            tracing::debug!(slot, "video worker is behind, packet dropped");
        }
    }

    pub(crate) fn set_track(&self, slot: usize, track: Option<SlotTrack>) {
        self.order(slot, Order::Track(slot, track));
    }

    pub(crate) fn pause(&self, slot: usize) {
        self.order(slot, Order::Pause(slot));
    }

    pub(crate) fn set_rtt(&self, rtt: Duration) {
        (0..self.workers.len()).for_each(|n| self.order(n, Order::Rtt(rtt)));
    }

    pub(crate) fn restart(&self) {
        (0..self.workers.len()).for_each(|n| self.order(n, Order::Restart));
    }

    /// Orders wait for room: they are rare, and a worker always comes round.
    fn order(&self, slot: usize, order: Order) {
        if let Some(queue) = self.queue(slot) {
            let _ = queue.send(order);
        }
    }
}

impl Drop for VideoReceivers {
    fn drop(&mut self) {
        self.workers.iter_mut().for_each(|w| w.0 = None);
        for (_, thread) in &mut self.workers {
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
    }
}

struct Worker {
    slots: BTreeMap<usize, Slot>,
    network: Arc<dyn Network>,
    taps: Taps,
    reports: VideoReports,
    rtt: Duration,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Order>) {
        loop {
            let wakeup = self
                .slots
                .values()
                .filter_map(|s| s.buffer.next_wakeup())
                .min();
            let order = match wakeup {
                Some(at) => inbox.recv_deadline(clock::instant(at)),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match order {
                Ok(order) => {
                    self.carry_out(order);
                    // What belongs to one picture arrives together; look at it once.
                    while let Ok(order) = inbox.try_recv() {
                        self.carry_out(order);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            for (index, slot) in &mut self.slots {
                slot.run(*index, &*self.network, &self.taps);
                if let Ok(mut reports) = self.reports.lock() {
                    reports.insert(*index, (slot.track, slot.report()));
                }
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Packet(index, packet) => {
                if let Some(slot) = self.slots.get_mut(&index) {
                    slot.push(packet);
                }
            }
            Order::Track(index, track) => self.set_track(index, track),
            Order::Pause(index) => {
                if let Some(slot) = self.slots.get_mut(&index) {
                    slot.gaps.pause();
                }
            }
            Order::Rtt(rtt) => {
                self.rtt = rtt;
                self.slots.values_mut().for_each(|s| s.buffer.set_rtt(rtt));
            }
            Order::Restart => {
                let indices: Vec<usize> = self.slots.keys().copied().collect();
                indices.into_iter().for_each(|i| self.set_track(i, None));
            }
        }
    }

    /// Another track means another decoder and jitter buffer: nothing of the old stream helps the new one.
    fn set_track(&mut self, index: usize, track: Option<SlotTrack>) {
        self.slots.remove(&index);
        if let Ok(mut reports) = self.reports.lock() {
            reports.remove(&index);
        }
        let Some(mut track) = track else { return };
        let network = self.network.clone();
        let ask = KeyframeAsk::new(move || network.request_keyframe(index));
        track.sink.on_slot(ask);
        let mut slot = Slot::new(track);
        slot.buffer.set_rtt(self.rtt);
        self.slots.insert(index, slot);
    }
}

struct Slot {
    track: RemoteTrack,
    /// In the names of its taps.
    tag: String,
    sink: Box<dyn VideoSink>,
    sync: Option<SharedSync>,
    buffer: VideoJitterBuffer,
    reporter: ReferenceReporter,
    /// Of the codec of the newest key frame: senders change it as receivers come and go.
    decoder: Option<(VideoCodec, Box<dyn VideoDecoder>)>,
    /// The decoder has seen everything since a key frame.
    decoding: bool,
    /// What the sink can use of this unit.
    needs: Needs,
    gaps: GapCounter,
    loss: LossCounter,
    jitter: JitterEstimator,
    timestamps: TimestampUnwrapper,
    counted: VideoDownStats,
    /// Between play-out and decoder, and between decoder and sink.
    unit: Option<VideoFrame>,
    picture: Option<Arc<I420>>,
}

impl Slot {
    fn new(track: SlotTrack) -> Slot {
        Slot {
            tag: track.track.tag(),
            track: track.track,
            sink: track.sink,
            sync: track.sync,
            buffer: VideoJitterBuffer::new(VideoJitterConfig::default()),
            reporter: ReferenceReporter::default(),
            decoder: None,
            decoding: false,
            needs: Needs::NOTHING,
            gaps: GapCounter::default(),
            loss: LossCounter::default(),
            jitter: JitterEstimator::new(90_000),
            timestamps: TimestampUnwrapper::default(),
            counted: VideoDownStats::default(),
            unit: None,
            picture: None,
        }
    }

    fn push(&mut self, packet: ReceivedPacket) {
        let Some(codec) = packet.codec else { return };
        self.counted.packets += 1;
        self.counted.bytes += packet.payload.len() as u64;
        self.loss.packet(packet.seq);
        let timestamp = self.timestamps.unwrap(packet.timestamp);
        self.jitter.packet(timestamp, packet.received);
        if let (Some(sync), Some(report)) = (&self.sync, packet.report) {
            sync.video_report(report);
        }
        let video = VideoPacket {
            codec,
            tag: packet.tag,
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
        };
        self.buffer.push(video, packet.received);
    }

    /// Releases, decodes and shows what is due.
    fn run(&mut self, index: usize, network: &dyn Network, taps: &Taps) {
        while let Some(output) = self.buffer.poll_output(clock::now()) {
            match output {
                VideoOutput::RequestKeyframe => {
                    // A frame that builds on what is here costs less.
                    if let Some(stuck) = self.reporter.stuck(self.buffer.newest_base()) {
                        network.refer(index, stuck);
                        continue;
                    }
                    self.counted.keyframe_requests += 1;
                    network.request_keyframe(index);
                }
                VideoOutput::Frame(frame) => {
                    self.needs = self.sink.needs(frame.codec);
                    self.unit = Some(frame);
                    for stage in &VIDEO_DOWN {
                        self.pass(stage.stage, stage.name, taps);
                    }
                    let base = self.buffer.newest_base();
                    if let Some(news) = self.reporter.decoded(base, clock::now()) {
                        network.refer(index, news);
                    }
                }
            }
        }
    }

    fn pass(&mut self, stage: VideoDown, name: &'static str, taps: &Taps) {
        match stage {
            // Both happened in the jitter buffer, which works on packets as they come.
            VideoDown::Assemble => {}
            VideoDown::PlayOut => {
                if let Some(unit) = &self.unit {
                    taps.bytes(name, &self.tag, &unit.data);
                }
            }
            VideoDown::Decode => self.decode(),
            VideoDown::Show => self.show(),
        }
        if stage == VideoDown::Decode
            && let Some(picture) = &self.picture
        {
            taps.picture(name, &self.tag, picture);
        }
    }

    /// Only where the sink wants pictures; after a time when it did not, from a key frame on.
    fn decode(&mut self) {
        let Some(unit) = &self.unit else { return };
        if !self.needs.pictures {
            self.decoding = false;
            return;
        }
        if !self.decoding && !unit.keyframe {
            self.buffer.decoder_lost();
            return;
        }
        let begun = clock::now();
        let decoded = match decoder_for(&mut self.decoder, unit.codec) {
            Ok(decoder) => decoder.decode(&unit.data),
            Err(error) => Err(error),
        };
        self.decoding = true;
        match decoded {
            Ok(picture) => self.picture = picture.map(Arc::new),
            Err(error) => {
                tracing::debug!("slot of {}: {error}", self.track.track);
                self.counted.dropped += 1;
                self.buffer.decoder_lost();
            }
        }
        self.counted.decode_time += clock::now().since(begun);
    }

    fn show(&mut self) {
        let Some(unit) = self.unit.take() else { return };
        let picture = self.picture.take();
        let now = clock::now();
        let info = FrameInfo {
            track: self.track,
            codec: unit.codec,
            timestamp: unit.timestamp,
            keyframe: unit.keyframe,
            arrived: unit.completed,
            shown: now,
        };
        if self.needs == Needs::NOTHING {
            return self.gaps.pause();
        }
        let mut size = None;
        if self.needs.units {
            size = unit.keyframe.then(|| size_of(&unit)).flatten();
            self.sink.unit(&unit.data, &info);
        }
        if let Some(picture) = &picture {
            size = Some((picture.width() as u16, picture.height() as u16));
            self.sink.show(picture, &info);
        } else if !self.needs.units {
            return;
        }
        self.gaps.sign(now);
        self.counted.frames += 1;
        self.counted.codec = Some(unit.codec);
        self.counted.keyframes += u64::from(unit.keyframe);
        self.counted.delay = now.since(unit.completed);
        if let Some(size) = size {
            (self.counted.width, self.counted.height) = size;
        }
        if let Some(sync) = &self.sync {
            let delay = sync.video_presented(unit.timestamp, now);
            self.buffer.set_extra_delay(delay);
        }
    }

    fn report(&self) -> VideoDownStats {
        let buffer = self.buffer.stats(Time::ZERO);
        VideoDownStats {
            target: buffer.target_delay,
            lost: self.loss.lost(),
            dropped: self.counted.dropped + buffer.dropped,
            freezes: self.gaps.freezes,
            freeze_time: self.gaps.freeze_time,
            stalls: self.gaps.stalls,
            stall_time: self.gaps.stall_time,
            jitter: self.jitter.jitter(),
            ..self.counted
        }
    }
}

/// Picture size in a key frame.
fn size_of(unit: &VideoFrame) -> Option<(u16, u16)> {
    match unit.codec {
        VideoCodec::H264 => h264_size(&unit.data),
        codec => key_frame_size(codec, &unit.data),
    }
}

/// The decoder there is, or another one where the sender went over to another codec, which it does with a key frame.
fn decoder_for(
    held: &mut Option<(VideoCodec, Box<dyn VideoDecoder>)>,
    codec: VideoCodec,
) -> Result<&mut dyn VideoDecoder, CodecError> {
    if held.as_ref().is_none_or(|(of, _)| *of != codec) {
        *held = Some((codec, video_decoder(codec)?));
    }
    match held {
        Some((_, decoder)) => Ok(&mut **decoder),
        None => Err(CodecError::Unsupported),
    }
}
