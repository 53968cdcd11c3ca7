//! Cameras that need no device: a Y4M file and a test pattern, paced by the wall clock.

use crate::{Camera, CameraError};
use confab_capture::{Control, End, Frame, Slot};
use confab_picture::{I420, Mark, TestPattern, write_mark, y4m};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The longest nap between looks at the stop flag.
const NAP: Duration = Duration::from_millis(50);

pub(crate) fn open_pattern(width: usize, height: usize, fps: u32, id: u8) -> Camera {
    let pattern = TestPattern::new(width, height, id);
    Camera::start("camera", pattern.size(), move |slot, control| {
        let mut pace = Pace::new(f64::from(fps.clamp(1, 120)));
        while !control.stopped() {
            // The number comes from the clock, so that a late frame does not slow the pattern down.
            let number = pace.wait(control);
            if !control.paused() {
                put(slot, pattern.frame(number as u32), pace.due(number));
            }
        }
        End::Stopped
    })
}

pub(crate) fn open_file(path: &Path, looped: bool, clock: bool) -> Result<Camera, CameraError> {
    let fail = |why: String| CameraError::File {
        path: path.to_owned(),
        why,
    };
    let file = File::open(path).map_err(|e| fail(e.to_string()))?;
    let mut reader = y4m::Reader::new(BufReader::new(file)).map_err(|e| fail(e.to_string()))?;
    let first = reader
        .next_picture()
        .map_err(|e| fail(e.to_string()))?
        .ok_or_else(|| fail("it holds no picture".into()))?;
    let fps = reader.header().frames_per_second().clamp(1.0, 120.0);
    let name = path.to_owned();
    Ok(Camera::start(
        "camera",
        first.size(),
        move |slot, control| {
            let (mut pace, mut number, mut picture) = (Pace::new(fps), 0, Some(first));
            while let Some(shown) = picture.take() {
                let now = pace.wait(control);
                if control.stopped() {
                    return End::Stopped;
                }
                if !control.paused() {
                    let mut shown = shown;
                    if clock {
                        write_mark(&mut shown, time_of_day());
                    }
                    put(slot, shown, pace.due(now));
                }
                // A reader that fell behind skips frames, as a camera would.
                let skip = now.saturating_sub(number).clamp(1, 30);
                number = now.max(number + 1);
                for _ in 0..skip {
                    let next = if looped {
                        reader.next_looped()
                    } else {
                        reader.next_picture()
                    };
                    picture = next.unwrap_or_else(|e| {
                        tracing::warn!("{}: {e}", name.display());
                        None
                    });
                }
            }
            End::Finished
        },
    ))
}

/// Now, as a mark: milliseconds since 1970, the low 32 bits.
fn time_of_day() -> Mark {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let counter = since.map_or(0, |d| d.as_millis() as u32);
    Mark { id: 0, counter }
}

fn put(slot: &Slot, picture: I420, captured: Instant) {
    slot.put(Frame {
        picture: Arc::new(picture),
        captured,
    });
}

/// Frame numbers of a clock that started with it.
struct Pace {
    start: Instant,
    fps: f64,
    last: Option<u64>,
}

impl Pace {
    fn new(fps: f64) -> Pace {
        Pace {
            start: Instant::now(),
            fps,
            last: None,
        }
    }

    fn due(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / self.fps)
    }

    /// Sleeps until the next frame is due, or the end, and gives its number.
    fn wait(&mut self, control: &Control) -> u64 {
        let now = (self.start.elapsed().as_secs_f64() * self.fps) as u64;
        let number = self.last.map_or(0, |last| now.max(last + 1));
        self.last = Some(number);
        while !control.stopped() {
            let left = self.due(number).saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(NAP));
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_picture::read_counter;

    fn take(camera: &mut Camera) -> Option<Frame> {
        camera.next(Duration::from_secs(10))
    }

    #[test]
    fn a_pattern_counts_on_and_carries_its_id() {
        let mut camera = open_pattern(320, 180, 60, 9);
        let first = read_counter(&take(&mut camera).unwrap().picture).unwrap();
        let second = read_counter(&take(&mut camera).unwrap().picture).unwrap();
        assert_eq!((first.id, second.id), (9, 9));
        assert!(second.counter > first.counter);
        assert_eq!(camera.size(), (320, 180));
    }

    #[test]
    fn a_file_can_say_when_each_picture_was_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.y4m");
        let mut writer =
            y4m::Writer::new(File::create(&path).unwrap(), (320, 180), (50, 1)).unwrap();
        writer
            .write(&I420::filled(320, 180, [90, 128, 128]))
            .unwrap();
        drop(writer);
        let before = time_of_day().counter;
        let mut camera = open_file(&path, true, true).unwrap();
        let marks: Vec<_> = (0..3)
            .map(|_| read_counter(&take(&mut camera).unwrap().picture).unwrap())
            .collect();
        assert!(marks.iter().all(|m| m.id == 0));
        let times: Vec<_> = marks
            .iter()
            .map(|m| m.counter.wrapping_sub(before))
            .collect();
        assert!(times.windows(2).all(|t| t[1] > t[0]), "{times:?}");
    }

    fn clip(folder: &Path, frames: u8) -> std::path::PathBuf {
        let path = folder.join("clip.y4m");
        let mut writer = y4m::Writer::new(File::create(&path).unwrap(), (64, 36), (50, 1)).unwrap();
        for luma in 0..frames {
            writer
                .write(&I420::filled(64, 36, [luma, 128, 128]))
                .unwrap();
        }
        path
    }

    #[test]
    fn a_file_ends_unless_it_loops() {
        let folder = tempfile::tempdir().unwrap();
        let path = clip(folder.path(), 3);
        let mut once = open_file(&path, false, false).unwrap();
        while take(&mut once).is_some() {}
        assert_eq!(once.end(), Some(End::Finished));
        let mut looped = open_file(&path, true, false).unwrap();
        for _ in 0..8 {
            assert!(take(&mut looped).is_some());
        }
        assert!(!looped.ended());
    }

    #[test]
    fn a_file_that_is_no_video_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no.y4m");
        std::fs::write(&path, "garbage").unwrap();
        let error = open_file(&path, true, false).unwrap_err().to_string();
        assert!(error.contains("no.y4m"), "{error}");
    }
}
