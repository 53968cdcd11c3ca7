//! Shows what a background looks like on a real clip, and what it costs:
//! `cargo run --release -p confab-mask --example look -- CLIP.y4m OUT.png [PICTURE]`.
//!
//! Works through the clip's first PICTURE (default 60) pictures and writes the last one as it is, blurred, replaced; below
//! what the network found, the mask, and the mask over the picture. Then the time of the processor that this thread took, per picture (Linux).

use confab_mask::{MASK_SIZE, PersonMask};
use confab_picture::{Backdrop, Background, I420, Mask, Strength, y4m};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let clip = args.next().ok_or("which clip?")?;
    let target = args.next().ok_or("where to?")?;
    let count: usize = args.next().map_or(Ok(60), |n| n.parse())?;
    let mut reader = y4m::Reader::new(BufReader::new(File::open(clip)?))?;
    let strength = Strength::Strong;
    let mut blur = Backdrop::new(Background::Blur { strength });
    let mut replace = Backdrop::new(Background::Picture(Arc::new(sunset())));
    let (mut person, mut mask) = (PersonMask::new(), Mask::filled(2, 2, 0));
    let (mut blurred, mut replaced) = (I420::black(2, 2), I420::black(2, 2));
    let mut last = None;
    let mut nanos = 0;
    let mut pictures = 0;
    while let Some(picture) = reader.next_picture()?.filter(|_| pictures < count) {
        let before = thread_time();
        person.mask(&picture, &mut mask);
        blur.compose(&picture, &mask, &mut blurred);
        nanos += thread_time() - before;
        replace.compose(&picture, &mask, &mut replaced);
        pictures += 1;
        last = Some(picture);
    }
    let last = last.ok_or("the clip has no pictures")?;
    let (w, h) = last.size();
    let (mw, mh) = MASK_SIZE;
    let found = person.found().iter().map(|f| (f * 255.0) as u8).collect();
    let found = grey(found, mw, mh)?.scale_to(w, h);
    let cover = grey(mask.cover().to_vec(), w, h)?;
    let green = Arc::new(I420::filled(w, h, [144, 54, 34]));
    let mut cut = I420::black(w, h);
    Backdrop::new(Background::Picture(green)).compose(&last, &mask, &mut cut);
    let mut all = I420::black(w * 3, h * 2);
    for (n, part) in [&last, &blurred, &replaced, &found, &cover, &cut]
        .into_iter()
        .enumerate()
    {
        all.paste(part, n % 3 * w, n / 3 * h);
    }
    write_png(&target, &all)?;
    let each = nanos as f64 / 1e6 / pictures.max(1) as f64;
    let share = each * 30.0 / 10.0;
    writeln!(
        std::io::stdout(),
        "{pictures} pictures of {w}x{h}: {each:.2} ms of processor each, {share:.1} % of a core at 30 a second"
    )?;
    Ok(())
}

fn grey(luma: Vec<u8>, w: usize, h: usize) -> Result<I420> {
    let none = vec![128; w * h / 4];
    Ok(I420::from_planes(w, h, luma, none.clone(), none)?)
}

/// Something without edges, so that those of the mask are seen.
fn sunset() -> I420 {
    let mut p = I420::filled(640, 360, [0, 110, 150]);
    for (row, luma) in p.planes_mut()[0].chunks_exact_mut(640).enumerate() {
        luma.fill(210 - (row / 3) as u8);
    }
    p
}

fn write_png(path: &str, picture: &I420) -> Result<()> {
    let (w, h) = picture.size();
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), w as u32, h as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder
        .write_header()?
        .write_image_data(&picture.to_rgb())?;
    Ok(())
}

/// Nanoseconds for which a processor worked on this thread.
fn thread_time() -> u64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = line.split_whitespace().next();
    first.and_then(|n| n.parse().ok()).unwrap_or_default()
}
