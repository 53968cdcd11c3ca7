//! A voice through a lossy network, offline and in virtual time: speech → Opus and redundancy → losses from a seed → jitter buffer →
//! decoder. `cargo xtask bench jitter` scores what comes out; by hand it tells what each kind of redundancy does.
//!
//!     voice_link IN.wav OUT.wav key=value...
//!
//! Settings: `loss` (0 to 1), `burst` (mean length in packets; absent: each packet by itself), `seed`, `seconds` (a shorter clip is
//! repeated), `ppm` (how much slower the sender's clock runs than the receiver's), and of the sender `kbps`, `fec` (0 or 1), `copies` (distances with commas), `deep` (ms), `expected` (0 to 1). Writes what was played, and beside it
//! `OUT.media.wav`: each frame where it belongs in the source, before stretching, for measures that compare. On standard output a
//! line of JSON.

use confab_base::{Bitrate, Duration, Time};
use confab_codec::{AudioDecoder, OpusConfig, opus_decoder, opus_encoder};
use confab_dsp::Stretcher;
use confab_rtp::red::{History, restore};
use confab_rtp::{AudioJitterBuffer, AudioJitterConfig, AudioPacket, Pace, Pull};
use confab_simnet::{Link, LinkConfig, Loss, Rng};
use std::collections::HashMap;
use std::sync::Arc;

const FRAME: usize = 960;
/// What a packet has beside its payload: RTP with extensions, SRTP's tag, UDP and IPv4.
const HEADERS: usize = 64;
const START: u64 = 1000;

struct Settings(HashMap<String, String>);

impl Settings {
    fn get<T: std::str::FromStr>(&self, name: &str, otherwise: T) -> T {
        let given = self.0.get(name).and_then(|v| v.parse().ok());
        given.unwrap_or(otherwise)
    }

    fn loss(&self) -> Loss {
        let loss = self.get("loss", 0.0);
        match self.get("burst", 0.0) {
            burst if burst > 0.0 => Loss::bursts(loss, burst),
            _ => Loss::Random(loss),
        }
    }
}

/// What the network is given: each packet, or nothing where it was lost, and what was sent in all.
struct Sent {
    packets: Vec<Option<Arc<[u8]>>>,
    bytes: usize,
    lost: usize,
}

fn send(pcm: &[f32], settings: &Settings) -> Sent {
    let config = OpusConfig {
        bitrate: Bitrate::kbps(settings.get("kbps", 32)),
        expected_loss: settings.get("expected", 0.0),
        inband_fec: settings.get("fec", 0) == 1,
        ..OpusConfig::default()
    };
    let mut encoder = opus_encoder(config).expect("the encoder's settings are valid");
    encoder.set_deep_redundancy(Duration::from_millis(settings.get("deep", 0)));
    let copies = settings.get("copies", String::new());
    let copies: Vec<u8> = copies.split(',').filter_map(|c| c.parse().ok()).collect();
    let network = LinkConfig {
        delay: Duration::ZERO,
        loss: settings.loss(),
        ..LinkConfig::default()
    };
    let mut link = Link::new(network, Rng::new(settings.get("seed", 1)));
    let (mut history, mut opus) = (History::default(), Vec::new());
    let mut sent = Sent {
        packets: Vec::new(),
        bytes: 0,
        lost: 0,
    };
    for (i, frame) in pcm.chunks_exact(FRAME).enumerate() {
        encoder.encode(frame, &mut opus).expect("a frame of 20 ms");
        let (seq, at) = (i as u64, (i * FRAME) as u32);
        let plain: Arc<[u8]> = opus.as_slice().into();
        let red = history.wrap((seq, at, &plain), 111, &copies);
        history.add(seq, at, &plain);
        let bytes = red.as_ref().map_or(plain.len(), Vec::len);
        sent.bytes += bytes;
        let now = Time::from_millis(START + seq * 20);
        let comes = link.send(bytes, now)[0].is_some();
        sent.lost += usize::from(!comes);
        // Without copies the packet is sent as it is; a mark tells the two apart here, the payload type on the wire.
        let marked = match red {
            Some(red) => [&[1][..], &red].concat(),
            None => [&[0][..], &plain].concat(),
        };
        sent.packets.push(comes.then(|| marked.into()));
    }
    sent
}

struct Receiver {
    buffer: AudioJitterBuffer,
    decoder: Box<dyn AudioDecoder>,
    stretcher: Stretcher,
    /// What the decoder made last.
    made: Vec<f32>,
    /// Not played yet.
    held: Vec<f32>,
    played: Vec<f32>,
    /// Frames where they belong in the source.
    media: Vec<f32>,
    delays: Vec<f64>,
    /// From being captured to being heard, ms: for each frame pulled.
    ways: Vec<f64>,
    clock: Clock,
}

/// When the sender's samples are captured, by the receiver's clock.
#[derive(Clone, Copy)]
struct Clock {
    ppm: f64,
}

impl Clock {
    fn captured(self, samples: u64) -> Time {
        let micros = samples as f64 / 0.048 * (1.0 + self.ppm / 1e6);
        Time::from_millis(START) + Duration::from_micros(micros as u64)
    }
}

impl Receiver {
    fn new(samples: usize, clock: Clock) -> Receiver {
        Receiver {
            buffer: AudioJitterBuffer::new(AudioJitterConfig::default()),
            decoder: opus_decoder(1).expect("a decoder for one channel"),
            stretcher: Stretcher::new(1),
            made: Vec::new(),
            held: Vec::new(),
            played: Vec::new(),
            media: vec![0.0; samples],
            delays: Vec::new(),
            ways: Vec::new(),
            clock,
        }
    }

    fn push(&mut self, i: usize, marked: &[u8], now: Time) {
        let (seq, timestamp) = (i as u64, (i * FRAME) as u32);
        let (payload, copies) = match marked.split_first() {
            Some((1, red)) => restore(seq, timestamp, red).expect("what was packed"),
            _ => (marked[1..].into(), Vec::new()),
        };
        let deep = self.decoder.deep_redundancy(&payload) as u32;
        let packet = AudioPacket {
            seq,
            timestamp,
            payload,
            deep,
        };
        self.buffer.push(packet, now);
        for copy in copies {
            self.buffer.push_copy(copy, seq);
        }
    }

    /// The next 10 ms.
    fn play(&mut self, now: Time) {
        while self.held.len() < 480 {
            let ahead = Duration::from_micros(self.held.len() as u64 * 1_000_000 / 48_000);
            let before = self.buffer.position();
            let pull = self.buffer.pull(now + ahead);
            let samples = pull.samples() as usize;
            let pace = self.decode(pull);
            let after = self.buffer.position();
            if let Some(end) = after.filter(|_| before != after) {
                self.place(end as usize, samples);
            }
            match pace {
                Pace::Normal => 0,
                Pace::Faster => self.stretcher.faster(&mut self.made),
                Pace::Slower => self.stretcher.slower(&mut self.made),
            };
            self.held.append(&mut self.made);
            if let Some(end) = after {
                let held = Duration::from_micros(self.held.len() as u64 * 1_000_000 / 48_000);
                let way = (now + held).since(self.clock.captured(end.into()));
                self.ways.push(way.as_secs_f64() * 1e3);
            }
        }
        self.played.extend(self.held.drain(..480));
        let delay = self.buffer.stats().delay;
        self.delays.push(delay.as_secs_f64() * 1e3);
    }

    fn decode(&mut self, pull: Pull) -> Pace {
        let (samples, out) = (pull.samples() as usize, &mut self.made);
        let (result, pace) = match pull {
            Pull::Packet { payload, pace, .. } => (self.decoder.decode(&payload, out), pace),
            Pull::Fec { payload, .. } => {
                let result = self.decoder.decode_fec(&payload, samples, out);
                (result, Pace::Normal)
            }
            Pull::Deep {
                payload,
                before,
                pace,
                ..
            } => {
                let before = before as usize;
                let result = self.decoder.decode_deep(&payload, before, samples, out);
                (result, pace)
            }
            Pull::Conceal { .. } => (self.decoder.conceal(samples, out), Pace::Normal),
            Pull::Silence { .. } => {
                out.clear();
                out.resize(samples, 0.0);
                (Ok(()), Pace::Normal)
            }
        };
        result.expect("what the encoder made can be decoded");
        pace
    }

    fn place(&mut self, end: usize, samples: usize) {
        let start = end.saturating_sub(samples);
        let room = self.media.len().saturating_sub(start);
        let length = self.made.len().min(room);
        self.media[start..start + length].copy_from_slice(&self.made[..length]);
    }

    /// Largest less smallest mean of a minute, ms; the first ten seconds left out, and a last minute that is not whole.
    fn drift(&self) -> f64 {
        let minutes: Vec<f64> = self.ways[self.ways.len().min(500)..]
            .chunks_exact(3000)
            .map(|minute| minute.iter().sum::<f64>() / minute.len() as f64)
            .collect();
        let largest = minutes.iter().copied().fold(f64::MIN, f64::max);
        let smallest = minutes.iter().copied().fold(f64::MAX, f64::min);
        (largest - smallest).max(0.0)
    }

    fn report(&self, sent: &Sent, (seconds, source): (f64, &[f32])) -> String {
        let stats = self.buffer.stats();
        let share = |samples: u64| samples as f64 / stats.total_samples as f64;
        let rest =
            stats.concealed_samples + stats.fec_samples + stats.red_samples + stats.deep_samples;
        let mut delays = self.delays[self.delays.len() / 6..].to_vec();
        delays.sort_by(f64::total_cmp);
        let packets = sent.packets.len();
        let kbps = |bytes: usize| bytes as f64 * 8.0 / seconds / 1000.0;
        format!(
            "{{\"loss\": {:.3}, \"kbps\": {:.1}, \"kbps_with_headers\": {:.1}, \"came\": {:.4}, \"red\": {:.4}, \"lbrr\": {:.4}, \
             \"deep\": {:.4}, \"concealed\": {:.4}, \"delay_ms\": {:.0}, \"delay_p95_ms\": {:.0}, \"stalls\": {}, \
             \"drift_ms\": {:.1}, \"step\": {:.2}}}",
            sent.lost as f64 / packets as f64,
            kbps(sent.bytes),
            kbps(sent.bytes + packets * HEADERS),
            1.0 - share(rest),
            share(stats.red_samples),
            share(stats.fec_samples),
            share(stats.deep_samples),
            share(stats.concealed_samples),
            delays.iter().sum::<f64>() / delays.len() as f64,
            delays[delays.len() * 95 / 100],
            stats.stalls,
            self.drift(),
            step(&self.played) / step(source),
        )
    }
}

/// Largest difference between neighbouring samples, after the first seconds. A click is larger than the sound's own.
fn step(pcm: &[f32]) -> f32 {
    let settled = &pcm[pcm.len().min(96_000)..pcm.len() - pcm.len().min(96_000)];
    settled
        .windows(2)
        .map(|w| (w[1] - w[0]).abs())
        .fold(0.0, f32::max)
}

fn read(path: &str, seconds: usize) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).expect("a WAV file");
    assert_eq!(
        (reader.spec().sample_rate, reader.spec().channels),
        (48_000, 1)
    );
    let samples = reader.samples::<i16>().map_while(Result::ok);
    let samples = samples.map(|s| f32::from(s) / 32_768.0);
    let clip: Vec<f32> = samples.take(seconds * 48_000).collect();
    clip.iter()
        .copied()
        .cycle()
        .take(seconds * 48_000)
        .collect()
}

fn write(path: &str, pcm: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).expect("a file can be made");
    for sample in pcm {
        let sample = (sample * 32_768.0).clamp(-32_768.0, 32_767.0) as i16;
        writer
            .write_sample(sample)
            .expect("a sample can be written");
    }
    writer.finalize().expect("the file can be closed");
}

#[allow(clippy::print_stdout)] // It is what the program is for.
fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        panic!("voice_link IN.wav OUT.wav key=value...");
    };
    let pairs = arguments.filter_map(|a| {
        let (key, value) = a.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    });
    let settings = Settings(pairs.collect());
    let pcm = read(&input, settings.get("seconds", 60));
    let sent = send(&pcm, &settings);
    let clock = Clock {
        ppm: settings.get("ppm", 0.0),
    };
    let mut receiver = Receiver::new(pcm.len(), clock);
    let mut coming = 0;
    // The tail of the buffer is played, too.
    for tick in 0..sent.packets.len() * 2 + 50 {
        let now = Time::from_millis(START + tick as u64 * 10);
        while coming < sent.packets.len() && clock.captured((coming * FRAME) as u64) <= now {
            if let Some(packet) = &sent.packets[coming] {
                receiver.push(coming, packet, now);
            }
            coming += 1;
        }
        receiver.play(now);
    }
    write(&output, &receiver.played);
    write(&output.replace(".wav", ".media.wav"), &receiver.media);
    println!(
        "{}",
        receiver.report(&sent, (pcm.len() as f64 / 48_000.0, &pcm))
    );
}
