//! What a page may not do, and what happens when its process dies: it is loaded anew, and finds its meeting going on.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tauri::{Runtime, Url, WebviewWindow};

/// A page that dies more often than this is left alone: loading it again would only burn the machine.
const MAX_DEATHS: usize = 5;
const DEATHS_WITHIN: Duration = Duration::from_secs(60);

/// Whether an address is one of this app's own pages.
pub fn is_ours(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "tauri" => host == "localhost",
        "http" | "https" => host == "tauri.localhost" && url.port().is_none(),
        _ => false,
    }
}

/// Counts how often a page died lately.
#[derive(Debug, Default)]
struct Deaths(VecDeque<Instant>);

impl Deaths {
    /// Whether the page is worth another try.
    fn again(&mut self, now: Instant) -> bool {
        self.0.retain(|at| now.duration_since(*at) < DEATHS_WITHIN);
        self.0.push_back(now);
        self.0.len() <= MAX_DEATHS
    }
}

/// Loads a page anew when its process dies, and refuses what a page has no business with. Other systems reload by themselves
/// or through Tauri.
#[cfg(target_os = "linux")]
pub fn guard<R: Runtime>(window: &WebviewWindow<R>) -> tauri::Result<()> {
    use std::cell::RefCell;
    use webkit2gtk::{PermissionRequestExt, WebViewExt};

    let label = window.label().to_owned();
    window.with_webview(move |view| {
        let deaths = RefCell::new(Deaths::default());
        let view = view.inner();
        view.connect_web_process_terminated(move |view, reason| {
            if deaths.borrow_mut().again(Instant::now()) {
                tracing::error!(
                    window = label,
                    "the page's process ended ({reason:?}); loading it again"
                );
                view.reload();
            } else {
                tracing::error!(
                    window = label,
                    "the page's process ended ({reason:?}) too often"
                );
            }
        });
        // Devices are the native side's: a page that asks for one has been tampered with.
        view.connect_permission_request(|_, request| {
            request.deny();
            true
        });
    })
}

#[cfg(not(target_os = "linux"))]
pub fn guard<R: Runtime>(_window: &WebviewWindow<R>) -> tauri::Result<()> {
    let _ = Deaths::default().again(Instant::now());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_apps_own_pages_are_shown() {
        let ours = |text: &str| is_ours(&Url::parse(text).unwrap());
        assert!(ours("tauri://localhost/index.html") && ours("http://tauri.localhost/"));
        for text in [
            "https://evil.example/",
            "tauri://evil/",
            "http://tauri.localhost:81/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "confab://join/a/b",
        ] {
            assert!(!ours(text), "{text}");
        }
    }

    /// A window whose capability is not named may not even ask for its state.
    #[test]
    fn every_capability_there_is_is_given() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let config = std::fs::read(here.join("tauri.conf.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        let named = config["app"]["security"]["capabilities"].as_array();
        let mut named: Vec<&str> = named.unwrap().iter().filter_map(|n| n.as_str()).collect();
        let files = std::fs::read_dir(here.join("capabilities")).unwrap();
        let stem = |file: std::fs::DirEntry| file.path().file_stem().map(|s| s.to_owned());
        let mut there: Vec<_> = files.filter_map(|f| stem(f.unwrap())).collect();
        named.sort_unstable();
        there.sort_unstable();
        assert_eq!(there, named);
    }

    #[test]
    fn a_page_that_keeps_dying_is_left_alone_for_a_while() {
        let mut deaths = Deaths::default();
        let begin = Instant::now();
        let tries: Vec<bool> = (0..7)
            .map(|s| deaths.again(begin + Duration::from_secs(s)))
            .collect();
        assert_eq!(tries, [true, true, true, true, true, false, false]);
        assert!(deaths.again(begin + Duration::from_secs(120)));
    }
}
