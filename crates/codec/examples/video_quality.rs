//! The video codecs beside each other on one clip: `cargo run --release -p confab-codec --example video_quality -- clip.y4m 300 10`,
//! with kbps and seconds, and a height to scale the clip to if it is to be another. Prints for each codec, with one and with three
//! temporal layers, what rate it really took, how many frames it left out, the picture's quality (mean over all pictures, the one
//! before where a frame was left out) and what CPU time coding took.

use confab_base::{Bitrate, Time, VideoCodec};
use confab_codec::{CAN_ENCODE, LayerConfig, VideoConfig, video_decoder, video_encoder};
use confab_picture::{I420, psnr_y, y4m};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

#[allow(clippy::print_stdout)] // a tool's output
fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let [_, file, kbps, seconds, height @ ..] = args.as_slice() else {
        return Err("clip.y4m kbps seconds [height]".into());
    };
    let height: Option<usize> = height.first().map(|h| h.parse()).transpose()?;
    let mut clip = y4m::Reader::new(std::io::BufReader::new(std::fs::File::open(file)?))?;
    let fps = clip.header().frames_per_second().round().clamp(1.0, 60.0) as u32;
    let wanted = seconds.parse::<u32>()? * fps;
    let mut pictures = Vec::new();
    while pictures.len() < wanted as usize {
        let Some(picture) = clip.next_looped()? else {
            return Err("the clip is empty".into());
        };
        pictures.push(match height {
            Some(height) => picture.scale_to(height * 16 / 9, height),
            None => picture,
        });
    }
    println!("codec layers   kbps  left out  PSNR dB  encode ms  decode ms (means)");
    for codec in CAN_ENCODE {
        for temporal in [1u8, 3] {
            println!(
                "{}",
                measure(codec, temporal, &pictures, fps, kbps.parse()?)?
            );
        }
    }
    Ok(())
}

fn measure(
    codec: VideoCodec,
    temporal_layers: u8,
    pictures: &[I420],
    fps: u32,
    kbps: u64,
) -> Result<String, Failure> {
    let (width, height) = pictures[0].size();
    let mut encoder = video_encoder(
        codec,
        VideoConfig {
            layers: vec![LayerConfig {
                width,
                height,
                bitrate: Bitrate::kbps(kbps),
                max_fps: fps,
            }],
            temporal_layers,
            screen: false,
        },
    )?;
    let mut decoder = video_decoder(codec)?;
    let (mut bytes, mut left_out, mut quality) = (0, 0, 0.0);
    let (mut encode, mut decode) = (Vec::new(), Vec::new());
    let mut seen = I420::black(width, height);
    for (n, picture) in pictures.iter().enumerate() {
        let at = Time::from_micros(n as u64 * 1_000_000 / u64::from(fps));
        let begin = spent();
        let frames = encoder.encode(picture, at, &[])?;
        encode.push(spent() - begin);
        left_out += usize::from(frames.is_empty());
        for frame in &frames {
            bytes += frame.data.len();
            let begin = spent();
            seen = decoder.decode(&frame.data)?.ok_or("no picture")?;
            decode.push(spent() - begin);
        }
        quality += psnr_y(picture, &seen);
    }
    let count = pictures.len() as f64;
    Ok(format!(
        "{codec:5?} {temporal_layers:6} {:6.0} {left_out:9} {:8.2} {:10.2} {:10.2}",
        bytes as f64 * 8.0 * f64::from(fps) / count / 1000.0,
        quality / count,
        mean(&encode),
        mean(&decode),
    ))
}

/// CPU time of this thread, on which all coding is done, so that other programs do not count; where the system does not say, time.
fn spent() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|n| n.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// The system's clock of a thread runs in steps: only sums are right.
fn mean(times: &[Duration]) -> f64 {
    let sum: Duration = times.iter().sum();
    sum.as_secs_f64() * 1000.0 / times.len().max(1) as f64
}
