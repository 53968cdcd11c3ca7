//! How soon a resting screen is sharp: `cargo run --release -p confab-codec --example page -- page.yuv 1920 1080 1000 vp8`, with a raw
//! 4:2:0 picture, kbps and h264, vp8 or av1. Prints when each frame has gone out at that rate, its size, its quality, and what coding took.

use confab_base::{Bitrate, Time, VideoCodec};
use confab_codec::{LayerConfig, VideoConfig, video_decoder, video_encoder};
use confab_picture::{I420, psnr_y};
use std::time::Instant;

#[allow(clippy::print_stdout)] // a tool's output
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, file, numbers @ .., codec] = args.as_slice() else {
        return Err("page.yuv width height kbps codec".into());
    };
    let codec = match codec.as_str() {
        "h264" => VideoCodec::H264,
        "vp8" => VideoCodec::Vp8,
        "av1" => VideoCodec::Av1,
        _ => return Err("h264, vp8 or av1".into()),
    };
    let numbers: Result<Vec<usize>, _> = numbers.iter().map(|n| n.parse()).collect();
    let &[width, height, kbps] = numbers?.as_slice() else {
        return Err("page.yuv width height kbps codec".into());
    };
    let page = I420::from_planar(width, height, &std::fs::read(file)?)?;
    let bitrate = Bitrate::kbps(kbps as u64);
    let config = VideoConfig {
        layers: vec![LayerConfig {
            width,
            height,
            bitrate,
            max_fps: 15,
        }],
        temporal_layers: 1,
        screen: true,
    };
    let mut encoder = video_encoder(codec, config)?;
    let mut decoder = video_decoder(codec)?;
    let (mut sent, mut at) = (0.0f64, 0u64);
    for number in 0..14 {
        let begin = Instant::now();
        let frames = encoder.encode(&page, Time::from_millis(at), &[number == 0])?;
        let took = begin.elapsed();
        for frame in &frames {
            sent = sent.max(at as f64) + frame.data.len() as f64 * 8.0 / kbps as f64;
            let seen = decoder.decode(&frame.data)?.ok_or("no picture")?;
            let quality = psnr_y(&page, &seen);
            println!(
                "{at:5} ms: {:7} bytes, out at {sent:6.0} ms, {quality:5.1} dB, coded in {took:?}",
                frame.data.len()
            );
        }
        if frames.is_empty() {
            println!("{at:5} ms: skipped");
        }
        at += 100;
    }
    Ok(())
}
