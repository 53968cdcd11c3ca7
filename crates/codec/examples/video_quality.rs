//! The video codecs beside each other on one clip: `cargo run --release -p confab-codec --example video_quality -- clip.y4m 300 10`,
//! with kbps (or several rates with commas between) and seconds, and a height to scale the clip to if it is to be another. `screen`
//! instead of a clip is a page of letters on which somebody types, which is then scrolled, and rests, 15 pictures a second. Prints for
//! each codec, with one and, of clips, with three temporal layers, what rate it really took, how many frames it left out, the picture's quality (mean over all pictures, the one
//! before where a frame was left out) and what CPU time coding took.

use confab_base::{Bitrate, Time, VideoCodec};
use confab_codec::{CAN_ENCODE, LayerConfig, VideoConfig, video_decoder, video_encoder};
use confab_picture::{I420, ScreenPattern, psnr_y, y4m};
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
    let seconds = seconds.parse::<u32>()?;
    let is_screen = file == "screen";
    let (pictures, fps) = match is_screen {
        true => (screen(height.unwrap_or(1080), seconds)?, SCREEN_FPS),
        false => clip(file, height, seconds)?,
    };
    println!(
        "codec layers   kbps  left out  PSNR dB  encode ms  slowest  decode ms (means)  first, kB"
    );
    for kbps in kbps.split(',') {
        for codec in CAN_ENCODE {
            let layers = if is_screen { &[1u8][..] } else { &[1, 3] };
            for temporal in layers {
                let kind = (codec, *temporal, is_screen);
                println!("{}", measure(kind, &pictures, fps, kbps.parse()?)?);
            }
        }
    }
    Ok(())
}

const SCREEN_FPS: u32 = 15;

/// Seven seconds of typing, two of scrolling, one of rest, and so on.
fn screen(height: usize, seconds: u32) -> Result<Vec<I420>, Failure> {
    let width = height * 16 / 9;
    let page = ScreenPattern::new(width, height, 1);
    let long = ScreenPattern::new(width, 4 * height, 1).frame(0);
    let (mut pictures, mut typed, mut top) = (Vec::new(), 0, 0);
    for n in 0..seconds * SCREEN_FPS {
        match n / SCREEN_FPS % 10 {
            0..7 => {
                typed += 1;
                pictures.push(page.frame(typed));
                continue;
            }
            7 | 8 => top = (top + 32) % (3 * height),
            _ => {}
        }
        let rows = |plane: &[u8], width: usize, top: usize, height: usize| {
            plane[top * width..][..width * height].to_vec()
        };
        let luma = rows(long.y(), width, top, height);
        let chroma = |plane| rows(plane, width / 2, top / 2, height / 2);
        let planes = [luma, chroma(long.u()), chroma(long.v())].concat();
        pictures.push(I420::from_planar(width, height, &planes)?);
    }
    Ok(pictures)
}

fn clip(file: &str, height: Option<usize>, seconds: u32) -> Result<(Vec<I420>, u32), Failure> {
    let mut clip = y4m::Reader::new(std::io::BufReader::new(std::fs::File::open(file)?))?;
    let fps = clip.header().frames_per_second().round().clamp(1.0, 60.0) as u32;
    let wanted = seconds * fps;
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
    Ok((pictures, fps))
}

/// Codec, temporal layers, and whether it is a screen.
type Coding = (VideoCodec, u8, bool);

fn measure(
    (codec, temporal_layers, screen): Coding,
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
            screen,
        },
    )?;
    let mut decoder = video_decoder(codec)?;
    let (mut bytes, mut first, mut left_out, mut quality) = (0, 0, 0, 0.0);
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
            first = if first == 0 { bytes } else { first };
            let begin = spent();
            seen = decoder.decode(&frame.data)?.ok_or("no picture")?;
            decode.push(spent() - begin);
        }
        quality += psnr_y(picture, &seen);
    }
    let count = pictures.len() as f64;
    Ok(format!(
        "{codec:5?} {temporal_layers:6} {:6.0} {left_out:9} {:8.2} {:10.2} {:8.1} {:10.2} {:18.1}",
        bytes as f64 * 8.0 * f64::from(fps) / count / 1000.0,
        quality / count,
        mean(&encode),
        encode
            .iter()
            .max()
            .map_or(0.0, |t| t.as_secs_f64() * 1000.0),
        mean(&decode),
        first as f64 / 1000.0,
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
