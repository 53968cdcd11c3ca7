//! A picture of the window, for tests and for reports.

use eframe::egui::{ColorImage, Context, ViewportCommand};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Attaching and drawing have this much more time.
const GRACE: Duration = Duration::from_secs(20);

/// Takes one picture some time after attaching, writes it, and closes the window.
#[derive(Debug)]
pub struct Shot {
    file: PathBuf,
    wait: Duration,
    begun: Instant,
    attached: Option<Instant>,
    asked: bool,
    told: Told,
}

/// What became of the picture.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<Mutex<Option<Result<(), String>>>>);

impl Told {
    fn set(&self, result: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }

    fn get(&self) -> Option<Result<(), String>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn outcome(&self) -> Result<(), String> {
        self.get()
            .unwrap_or_else(|| Err("the window closed before its picture was taken".to_owned()))
    }
}

impl Shot {
    pub fn new(file: PathBuf, wait: Duration) -> Shot {
        Shot {
            file,
            wait,
            begun: Instant::now(),
            attached: None,
            asked: false,
            told: Told::default(),
        }
    }

    pub fn result(&self) -> Told {
        self.told.clone()
    }

    /// Called with every drawing; `ready`: there is something to show.
    pub fn step(&mut self, context: &Context, ready: bool) {
        if self.told.get().is_some() {
            return context.send_viewport_cmd(ViewportCommand::Close);
        }
        if ready && self.attached.is_none() {
            self.attached = Some(Instant::now());
        }
        let due = self.attached.is_some_and(|at| at.elapsed() >= self.wait);
        if (due || self.begun.elapsed() > self.wait + GRACE) && !self.asked {
            self.asked = true;
            let (told, file, wake) = (self.told.clone(), self.file.clone(), context.clone());
            context.request_screenshot(move |image| {
                told.set(write(&file, &image));
                wake.request_repaint();
            });
        }
        context.request_repaint_after(Duration::from_millis(50));
    }
}

fn write(path: &Path, image: &ColorImage) -> Result<(), String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::create(path).map_err(|e| failed(&e))?;
    let [width, height] = image.size.map(|n| n as u32);
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(|p| [p.r(), p.g(), p.b()])
        .collect();
    let mut writer = encoder.write_header().map_err(|e| failed(&e))?;
    writer.write_image_data(&pixels).map_err(|e| failed(&e))?;
    writer.finish().map_err(|e| failed(&e))
}
