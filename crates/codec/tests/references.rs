//! A loss that repair could not mend, in virtual time: the real encoder and decoder, tags, packets, jitter buffer and what the receiver
//! says of its frames, once with key frames for an answer and once with long-term references. What the answer weighs, and how long the
//! picture stands. `cargo test -p confab-codec --test references -- --nocapture` prints it; docs/QUALITY.md has the table.

use confab_base::{Bitrate, Duration, FrameTag, FrameTagger, Reference, Time, VideoCodec};
use confab_codec::{
    LayerConfig, VideoConfig, VideoDecoder, VideoEncoder, video_decoder, video_encoder,
};
use confab_picture::TestPattern;
use confab_rtp::{
    ReferenceLog, ReferenceReporter, VideoJitterBuffer, VideoJitterConfig, VideoOutput,
    VideoPacket, h264,
};
use confab_simnet::Rng;
use std::collections::VecDeque;

/// Each way, and what the link carries.
const WAY: Duration = Duration::from_millis(50);
const LINK: u64 = 600_000;
const RATE: Bitrate = Bitrate::kbps(500);
const PICTURE: u64 = 33;
const END: u64 = 9000;
/// Nothing comes for so long, so often.
const LOST: u64 = 250;
const LOSSES: usize = 2;
const SSRC: u32 = 7;

enum Word {
    Said(Vec<u8>),
    Keyframe,
}

struct Call {
    now: Time,
    encoder: Box<dyn VideoEncoder>,
    decoder: Box<dyn VideoDecoder>,
    tagger: FrameTagger,
    log: ReferenceLog,
    seq: u64,
    /// When the link is free, and what is on its way.
    free: Time,
    link: VecDeque<(Time, VideoPacket)>,
    buffer: VideoJitterBuffer,
    reporter: ReferenceReporter,
    back: VecDeque<(Time, Word)>,
    wants_key: bool,
    /// An answer is waited for, since the first word of a loss.
    asked: bool,
    /// Bytes of each answer, and whether it was a key frame.
    answers: Vec<(usize, bool)>,
    shown: Vec<u64>,
}

impl Call {
    fn new(long_term: bool) -> Call {
        let config = VideoConfig {
            layers: vec![LayerConfig {
                width: 640,
                height: 360,
                bitrate: RATE,
                max_fps: 30,
            }],
            temporal_layers: 3,
            screen: false,
        };
        let mut encoder = video_encoder(VideoCodec::H264, config).expect("it is one of ours");
        assert!(!long_term || encoder.keep_long_term_references());
        Call {
            now: Time::ZERO,
            encoder,
            decoder: video_decoder(VideoCodec::H264).expect("it is one of ours"),
            tagger: FrameTagger::default(),
            log: ReferenceLog::default(),
            seq: 0,
            free: Time::ZERO,
            link: VecDeque::new(),
            buffer: VideoJitterBuffer::new(VideoJitterConfig::default()),
            reporter: ReferenceReporter::default(),
            back: VecDeque::new(),
            wants_key: false,
            asked: false,
            answers: Vec::new(),
            shown: Vec::new(),
        }
    }

    fn film(&mut self, picture: &confab_picture::I420, is_lost: impl Fn(u64) -> bool) {
        let force = [std::mem::take(&mut self.wants_key)];
        let frames = self.encoder.encode(picture, self.now, &force).unwrap();
        for frame in frames {
            let back = frame.refers.map(|refers| frame.number.wrapping_sub(refers));
            let tag = self
                .tagger
                .next_from(frame.temporal, frame.keyframe, back)
                .expect("never so far");
            if self.asked && (frame.keyframe || frame.refers.is_some()) && frame.temporal == 0 {
                self.asked = false;
                self.answers.push((frame.data.len(), frame.keyframe));
            }
            if frame.temporal == 0 {
                self.log.sent(self.seq, frame.number, frame.keyframe);
            }
            let mut payloads = Vec::new();
            h264::packetize(&frame.data, 1150, &mut payloads);
            let last = payloads.len() - 1;
            for (at, payload) in payloads.into_iter().enumerate() {
                let takes = Duration::from_micros((payload.len() as u64 + 40) * 8_000_000 / LINK);
                self.free = self.free.max(self.now) + takes;
                let packet = VideoPacket {
                    codec: VideoCodec::H264,
                    seq: self.seq,
                    timestamp: (self.now.as_millis() * 90) as u32,
                    marker: at == last,
                    payload,
                    tag: Some(FrameTag {
                        start: at == 0,
                        ..tag
                    }),
                };
                self.seq += 1;
                if !is_lost(self.free.as_millis()) {
                    self.link.push_back((self.free + WAY, packet));
                }
            }
        }
    }

    fn receive(&mut self) {
        while self.link.front().is_some_and(|p| p.0 <= self.now) {
            let (at, packet) = self.link.pop_front().expect("looked");
            self.buffer.push(packet, at);
        }
        while let Some(output) = self.buffer.poll_output(self.now) {
            let base = self.buffer.newest_base();
            let said = match output {
                VideoOutput::Frame(frame) => {
                    if let Ok(Some(_)) = self.decoder.decode(&frame.data) {
                        self.shown.push(self.now.as_millis());
                    }
                    self.reporter.decoded(base, self.now)
                }
                VideoOutput::RequestKeyframe => {
                    let stuck = self.reporter.stuck(base);
                    if stuck.is_none() {
                        self.back.push_back((self.now + WAY, Word::Keyframe));
                    }
                    stuck
                }
            };
            if let Some(said) = said {
                let mut bytes = Vec::new();
                Reference::write(&[(SSRC, said)], &mut bytes);
                self.back.push_back((self.now + WAY, Word::Said(bytes)));
            }
        }
    }

    fn hear(&mut self, long_term: bool) {
        while self.back.front().is_some_and(|b| b.0 <= self.now) {
            let said = match self.back.pop_front().expect("looked").1 {
                Word::Keyframe => None,
                Word::Said(bytes) => Some(Reference::parse(&bytes).expect("our own")[0].1),
            };
            let number = said.and_then(|s| self.log.number(s.seq));
            match (said.map(|s| s.is_stuck), number) {
                (Some(false), Some(number)) if long_term => self.encoder.acknowledge(0, number),
                (Some(true), Some(number)) if long_term => {
                    self.asked = true;
                    self.encoder.recover(0, number);
                }
                // As where a browser is there too: nobody is told what is here.
                (Some(_), Some(_)) | (Some(false), None) => {}
                _ => (self.asked, self.wants_key) = (true, true),
            }
        }
    }

    fn step(&mut self, pattern: &TestPattern, long_term: bool, losses: &[u64]) {
        self.now += Duration::from_millis(1);
        let ms = self.now.as_millis();
        if ms.is_multiple_of(PICTURE) {
            let is_lost = |at: u64| losses.iter().any(|from| (*from..from + LOST).contains(&at));
            self.film(&pattern.frame((ms / PICTURE) as u32), is_lost);
        }
        self.receive();
        self.hear(long_term);
    }
}

/// Bytes of the answers with whether each is a key frame, and the longest gap around each loss, milliseconds.
fn run(seed: u64, long_term: bool) -> (Vec<(usize, bool)>, Vec<u64>) {
    let mut dice = Rng::new(seed);
    let losses: Vec<u64> = (0..LOSSES as u64)
        .map(|n| 2500 + n * 3000 + dice.below(400))
        .collect();
    let pattern = TestPattern::new(640, 360, seed as u8);
    let mut call = Call::new(long_term);
    while call.now.as_millis() < END {
        call.step(&pattern, long_term, &losses);
    }
    let gap = |from: &u64| {
        let shown = call.shown.windows(2);
        let near = shown.filter(|w| w[1] > *from && w[0] < from + 2500);
        near.map(|w| w[1] - w[0]).max().unwrap_or(END)
    };
    (call.answers.clone(), losses.iter().map(gap).collect())
}

#[test]
fn a_frame_that_builds_on_one_the_receiver_has_answers_a_loss_with_fewer_bytes_than_a_key_frame() {
    let (mut bytes, mut gaps) = ([0, 0], [0, 0]);
    eprintln!("| seed | key frames: bytes; gaps, ms | references: bytes; gaps, ms |");
    for seed in 1..4 {
        let (keys, key_gaps) = run(seed, false);
        let (references, gaps_of) = run(seed, true);
        eprintln!("| {seed} | {keys:?}; {key_gaps:?} | {references:?}; {gaps_of:?} |");
        assert!(keys.len() >= LOSSES && keys.iter().all(|a| a.1), "{keys:?}");
        assert_eq!(references.len(), LOSSES, "{references:?}");
        assert!(references.iter().all(|a| !a.1), "{references:?}");
        let mean = |all: &[(usize, bool)]| all.iter().map(|a| a.0).sum::<usize>() / all.len();
        bytes[0] += mean(&keys);
        bytes[1] += mean(&references);
        gaps[0] += key_gaps.iter().sum::<u64>();
        gaps[1] += gaps_of.iter().sum::<u64>();
    }
    eprintln!(
        "| all | bytes {:.2}, gaps {:.2} of those with key frames | |",
        bytes[1] as f64 / bytes[0] as f64,
        gaps[1] as f64 / gaps[0] as f64
    );
    assert!(bytes[1] * 10 < bytes[0] * 8, "{bytes:?}");
    assert!(gaps[1] * 10 < gaps[0] * 9, "{gaps:?}");
}
