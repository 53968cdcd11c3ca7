//! By which way WebKitGTK hands its pictures to the window: DMA buffers, or shared memory. Which is faster depends on driver
//! and machine, so pages tell how fast they draw, and where that is slow the other way is tried once at the next start. It has
//! to be known before anything else runs, so it stands in a small file of its own.

use crate::store::{self, Found};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Tells WebKitGTK to draw through shared memory.
pub const NO_DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
/// Drawn pictures a second that are good enough not to try anything else.
const ENOUGH: f64 = 24.0;
/// What no screen does.
const MOST: f64 = 1000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    DmaBuffers,
    SharedMemory,
}

impl Way {
    fn other(self) -> Way {
        match self {
            Way::DmaBuffers => Way::SharedMemory,
            Way::SharedMemory => Way::DmaBuffers,
        }
    }
}

/// Pictures a second, as told last by a page with several pictures in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Rates {
    /// Of the webview that they were measured with; another one has none yet.
    webview: String,
    dma_buffers: Option<f64>,
    shared_memory: Option<f64>,
}

impl Rates {
    fn of(&self, way: Way) -> Option<f64> {
        let rate = match way {
            Way::DmaBuffers => self.dma_buffers,
            Way::SharedMemory => self.shared_memory,
        };
        rate.filter(|fps| (0.0..MOST).contains(fps))
    }

    fn set(&mut self, way: Way, fps: f64) {
        match way {
            Way::DmaBuffers => self.dma_buffers = Some(fps),
            Way::SharedMemory => self.shared_memory = Some(fps),
        }
    }
}

/// The way for this start: the usual one, unless it is slow here and the other one is untried or faster. Without a GPU DMA
/// buffers cost twice the time of a plain copy (measured: 14 against 24 pictures a second with nine in the page).
fn choose(gpu: bool, rates: &Rates) -> Way {
    let usual = match gpu {
        true => Way::DmaBuffers,
        false => Way::SharedMemory,
    };
    match (rates.of(usual), rates.of(usual.other())) {
        (None, _) => usual,
        (Some(fps), _) if fps >= ENOUGH => usual,
        (Some(_), None) => usual.other(),
        (Some(fps), Some(other)) if other > fps => usual.other(),
        (Some(_), Some(_)) => usual,
    }
}

/// What was chosen at this start.
#[derive(Debug)]
pub struct Drawing {
    way: Way,
    file: PathBuf,
    rates: Mutex<Rates>,
}

impl Drawing {
    /// Chooses. `None` where there is nothing to choose: on other systems, and where the user has set the variable.
    pub fn begin() -> Option<Drawing> {
        if !cfg!(target_os = "linux") || std::env::var_os(NO_DMABUF).is_some() {
            return None;
        }
        let webview = tauri::webview_version().unwrap_or_default();
        Some(Drawing::choose_by(
            folder()?.join("drawing.json"),
            webview,
            has_gpu(Path::new("/dev/dri")),
        ))
    }

    fn choose_by(file: PathBuf, webview: String, gpu: bool) -> Drawing {
        let rates = match store::read(&file) {
            Found::Content(content) => serde_json::from_value(Value::Object(content)).ok(),
            Found::Nothing | Found::Broken(_) => None,
        };
        let rates = rates.filter(|rates: &Rates| rates.webview == webview);
        let rates = rates.unwrap_or(Rates {
            webview,
            ..Rates::default()
        });
        Drawing {
            way: choose(gpu, &rates),
            file,
            rates: Mutex::new(rates),
        }
    }

    /// Whether [`NO_DMABUF`] is to be set.
    pub fn wants_shared_memory(&self) -> bool {
        self.way == Way::SharedMemory
    }

    /// A page tells how many pictures a second it drew. Counts from the next start on.
    pub fn note(&self, fps: f64) {
        if !(0.0..MOST).contains(&fps) {
            return;
        }
        let mut rates = crate::shell::lock(&self.rates);
        rates.set(self.way, fps);
        tracing::info!("drawn by {:?}: {fps:.0} pictures a second", self.way);
        let content = serde_json::to_value(&*rates).unwrap_or_default();
        if let Err(error) = store::write(&self.file, &content) {
            tracing::warn!("{}: {error}", self.file.display());
        }
    }
}

/// Where the shell keeps this user's data, which Tauri knows only later.
fn folder() -> Option<PathBuf> {
    let absolute = |name| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    Some(data?.join("org.confab.Confab"))
}

fn has_gpu(folder: &Path) -> bool {
    let Ok(nodes) = std::fs::read_dir(folder) else {
        return false;
    };
    let render = |name: &OsStr| name.to_string_lossy().starts_with("renderD");
    nodes.flatten().any(|node| render(&node.file_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(dma_buffers: Option<f64>, shared_memory: Option<f64>) -> Rates {
        Rates {
            dma_buffers,
            shared_memory,
            ..Rates::default()
        }
    }

    #[test]
    fn the_usual_way_stays_where_it_is_fast_enough() {
        assert_eq!(choose(true, &rates(None, None)), Way::DmaBuffers);
        assert_eq!(choose(false, &rates(None, None)), Way::SharedMemory);
        let fast = rates(Some(30.0), Some(60.0));
        assert_eq!(choose(true, &fast), Way::DmaBuffers);
    }

    #[test]
    fn a_slow_way_gives_the_other_one_a_try_and_the_faster_one_stays() {
        assert_eq!(choose(true, &rates(Some(9.0), None)), Way::SharedMemory);
        let better = rates(Some(9.0), Some(20.0));
        assert_eq!(choose(true, &better), Way::SharedMemory);
        assert_eq!(choose(false, &better), Way::SharedMemory);
        let worse = rates(Some(14.0), Some(12.0));
        assert_eq!(choose(true, &worse), Way::DmaBuffers);
        assert_eq!(choose(false, &worse), Way::DmaBuffers);
    }

    #[test]
    fn numbers_that_cannot_be_are_none() {
        assert_eq!(choose(true, &rates(Some(-1.0), None)), Way::DmaBuffers);
        let nonsense = rates(Some(9.0), Some(1e12));
        assert_eq!(choose(true, &nonsense), Way::SharedMemory);
    }

    #[test]
    fn what_a_page_told_counts_at_the_next_start_with_the_same_webview() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("drawing.json");
        let start = |webview: &str| Drawing::choose_by(file.clone(), webview.to_owned(), true);
        let first = start("2.50.6");
        assert!(!first.wants_shared_memory());
        first.note(f64::NAN);
        first.note(8.0);
        let second = start("2.50.6");
        assert!(second.wants_shared_memory());
        second.note(5.0);
        assert!(!start("2.50.6").wants_shared_memory(), "it was no better");
        assert!(!start("2.52.0").wants_shared_memory(), "nothing is known");
        std::fs::write(&file, b"{ broken").unwrap();
        assert!(!start("2.50.6").wants_shared_memory());
    }

    #[test]
    fn a_render_node_is_a_gpu() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_gpu(&folder.path().join("dri")));
        std::fs::write(folder.path().join("card0"), "").unwrap();
        assert!(!has_gpu(folder.path()));
        std::fs::write(folder.path().join("renderD128"), "").unwrap();
        assert!(has_gpu(folder.path()));
    }
}
