//! Reads the mark (source number and frame counter) that test pictures carry, out of what somebody saw.

use confab_picture::{I420, TestPattern, psnr_y, read_counter, y4m};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

/// What was seen of one source.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Source {
    pub id: u8,
    /// Pictures with this source's mark.
    pub frames: usize,
    /// Different counters among them.
    pub different: usize,
    /// Frames in a row of the file without a new counter, at most.
    pub longest_freeze: usize,
    /// Median luma PSNR against the picture that was sent, dB; only where the size is known to be the sender's pattern.
    pub psnr_db: f64,
}

/// A video file's marks.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Seen {
    pub frames: usize,
    /// Frames whose mark could not be read.
    pub unread: usize,
    pub fps: f64,
    pub sources: Vec<Source>,
}

/// Reads a Y4M file to its end, or to where a killed writer left it.
pub fn read_marks(path: &Path) -> Result<Seen, String> {
    let name = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::open(path).map_err(|e| name(&e))?;
    let mut reader = y4m::Reader::new(BufReader::new(file)).map_err(|e| name(&e))?;
    let fps = reader.header().frames_per_second();
    let mut seen = Seen {
        frames: 0,
        unread: 0,
        fps,
        sources: Vec::new(),
    };
    let mut by_id: BTreeMap<u8, (Source, u32, usize, Vec<f64>)> = BTreeMap::new();
    while let Ok(Some(picture)) = reader.next_picture() {
        seen.frames += 1;
        let Some(mark) = read_counter(&picture) else {
            seen.unread += 1;
            continue;
        };
        let (source, last, still, quality) = by_id.entry(mark.id).or_default();
        source.id = mark.id;
        source.frames += 1;
        if source.frames == 1 || mark.counter != *last {
            source.different += 1;
            (*last, *still) = (mark.counter, 0);
            if source.different % 10 == 1 {
                quality.push(quality_of(&picture, mark.id, mark.counter));
            }
        } else {
            *still += 1;
            source.longest_freeze = source.longest_freeze.max(*still);
        }
    }
    seen.sources = by_id
        .into_values()
        .map(|(mut source, _, _, mut quality)| {
            quality.sort_by(f64::total_cmp);
            source.psnr_db = quality.get(quality.len() / 2).copied().unwrap_or(0.0);
            source
        })
        .collect();
    Ok(seen)
}

/// PSNR of a received picture against the test pattern it shows, made anew at 1280x720 and scaled to what was received.
fn quality_of(picture: &I420, id: u8, counter: u32) -> f64 {
    let (width, height) = picture.size();
    let sent = TestPattern::new(1280, 720, id)
        .frame(counter)
        .scale_to(width, height);
    psnr_y(picture, &sent)
}

/// Writes a clip of the test pattern, as a fake camera for browsers.
pub fn write_clip(
    path: &Path,
    id: u8,
    size: (usize, usize),
    fps: u32,
    seconds: u32,
) -> Result<(), String> {
    let name = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::create(path).map_err(|e| name(&e))?;
    let mut writer =
        y4m::Writer::new(BufWriter::new(file), size, (fps, 1)).map_err(|e| name(&e))?;
    let pattern = TestPattern::new(1280, 720, id);
    for counter in 0..fps * seconds {
        let picture = pattern.frame(counter).scale_to(size.0, size.1);
        writer.write(&picture).map_err(|e| name(&e))?;
    }
    writer.flush().map_err(|e| name(&e))
}

/// The mark in a picture of which only the luma is known. Odd sizes are cropped by a pixel.
pub fn read_luma(width: usize, height: usize, luma: &[u8]) -> Option<confab_picture::Mark> {
    if luma.len() != width * height {
        return None;
    }
    let mut picture = I420::black(width & !1, height & !1);
    let (w, h) = picture.size();
    let [y, _, _] = picture.planes_mut();
    for row in 0..h {
        y[row * w..(row + 1) * w].copy_from_slice(&luma[row * width..row * width + w]);
    }
    read_counter(&picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_clip_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.y4m");
        write_clip(&path, 7, (320, 180), 15, 2).unwrap();
        let seen = read_marks(&path).unwrap();
        assert_eq!((seen.frames, seen.unread, seen.sources.len()), (30, 0, 1));
        let source = &seen.sources[0];
        assert_eq!(
            (source.id, source.different, source.longest_freeze),
            (7, 30, 0)
        );
        assert!(source.psnr_db > 35.0, "{source:?}");
    }
}
