//! The app's side of the frame bus alone, for measuring webviews: feeds a bus with as many streams as asked for, thirty pictures a second
//! each and evenly spread, and prints where it is as a line of JSON. `ui/dev/pictures.mjs` runs it. Ends with its standard input.
//!
//!   framebus <streams> <units.h264> <pictures.y4m>
//!
//! Units: Annex-B with an access unit delimiter before each and one key frame, the first. Pictures: what is sent where the page wants them
//! decoded (decoding itself is left out).
#![allow(clippy::print_stdout)] // a command-line tool talks

use confab_base::{ParticipantId, Source, TrackId, VideoCodec};
use confab_picture::{I420, y4m};
use confab_pipeline::bus::{BusHandle, FrameBus, OWN_CAMERA};
use confab_pipeline::{FrameInfo, KeyframeAsk, RemoteTrack, VideoSinks, clock};
use std::io::{BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_micros(33_333);
const DELIMITER: [u8; 5] = [0, 0, 0, 1, 9];

struct Material {
    units: Vec<Vec<u8>>,
    pictures: Vec<Arc<I420>>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [streams, units, pictures] = &args[..] else {
        return Err("framebus <streams> <units.h264> <pictures.y4m>".into());
    };
    let streams: u32 = streams.parse()?;
    let material = Arc::new(Material {
        units: split(&std::fs::read(units)?),
        pictures: read(pictures, 60)?,
    });
    if material.units.is_empty() || material.pictures.is_empty() {
        return Err("no units or no pictures in these files".into());
    }
    let bus = FrameBus::start()?;
    let bytes: usize = material.units.iter().map(Vec::len).sum();
    let kbps = bytes * 8 * 30 / material.units.len() / 1000;
    println!(
        "{{\"url\":\"{}\",\"token\":\"{}\",\"kbps\":{kbps}}}",
        bus.url(),
        bus.token()
    );
    for n in 0..streams {
        let (material, handle) = (material.clone(), bus.handle());
        std::thread::spawn(move || play(n + 1, &material, FRAME * n / streams, &handle));
    }
    let camera = bus.handle().local(OWN_CAMERA);
    std::thread::spawn(move || {
        for picture in material.pictures.iter().cycle() {
            camera.show(picture, clock::now());
            std::thread::sleep(FRAME);
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let stats = bus.handle().stats();
    let dropped: u64 = stats.values().map(|s| s.dropped).sum();
    let asked: u64 = stats.values().map(|s| s.keyframe_requests).sum();
    println!("{{\"dropped\":{dropped},\"keyframe_requests\":{asked}}}");
    Ok(())
}

/// One track, from its start again when a key frame is asked for.
fn play(id: u32, material: &Material, phase: Duration, bus: &BusHandle) {
    let track = RemoteTrack {
        participant: ParticipantId(id),
        track: TrackId(id),
        source: Source::Camera,
    };
    let mut sink = bus.sinks().open(track);
    let again = Arc::new(AtomicBool::new(false));
    let ask = again.clone();
    sink.on_slot(KeyframeAsk::new(move || ask.store(true, Ordering::Relaxed)));
    let mut next = Instant::now() + phase;
    let mut at = 0;
    loop {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next += FRAME;
        if again.swap(false, Ordering::Relaxed) {
            at = 0;
        }
        let info = FrameInfo {
            track,
            codec: VideoCodec::H264,
            timestamp: (at as u32).wrapping_mul(3000),
            keyframe: at % material.units.len() == 0,
            arrived: clock::now(),
            shown: clock::now(),
        };
        let needs = sink.needs(info.codec);
        if needs.units {
            let unit = &material.units[at % material.units.len()];
            sink.unit(unit, &info);
        }
        if needs.pictures {
            sink.show(&material.pictures[at % material.pictures.len()], &info);
        }
        at += 1;
    }
}

fn split(stream: &[u8]) -> Vec<Vec<u8>> {
    let starts = stream.windows(DELIMITER.len()).enumerate();
    let mut cuts: Vec<usize> = starts
        .filter(|(_, w)| *w == DELIMITER)
        .map(|(i, _)| i)
        .collect();
    cuts.push(stream.len());
    cuts.windows(2)
        .map(|w| stream[w[0]..w[1]].to_vec())
        .collect()
}

fn read(path: &str, count: usize) -> Result<Vec<Arc<I420>>, Box<dyn std::error::Error>> {
    let mut reader = y4m::Reader::new(BufReader::new(std::fs::File::open(path)?))?;
    let mut pictures = Vec::new();
    while let Some(picture) = reader.next_picture()? {
        pictures.push(Arc::new(picture));
        if pictures.len() == count {
            break;
        }
    }
    Ok(pictures)
}
