//! What this machine is, for support; where programs that belong to the app stand; how the webview draws best here.

use crate::shell::Shell;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use time::OffsetDateTime;
use time::macros::format_description;

/// `Linux x86_64, WebKitGTK 2.50.6`
pub fn describe() -> String {
    let system = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "macOS",
        "windows" => "Windows",
        other => other,
    };
    let view = match std::env::consts::OS {
        "linux" => "WebKitGTK",
        "macos" => "WebKit",
        _ => "WebView2",
    };
    let version = tauri::webview_version().unwrap_or_else(|_| "?".to_owned());
    format!("{system} {}, {view} {version}", std::env::consts::ARCH)
}

/// What stands first in a support bundle.
pub fn about(shell: &Shell) -> String {
    let variables = ["XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "LANG", NO_DMABUF];
    let variables: Vec<String> = variables
        .iter()
        .map(|name| format!("{name}={}", std::env::var(name).unwrap_or_default()))
        .collect();
    format!(
        "Confab {}\n{}\nprocessors: {}\npolicy: {:?}\nmeetings open: {}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        describe(),
        std::thread::available_parallelism().map_or(0, usize::from),
        shell.policy,
        if shell.desks.is_empty() { "no" } else { "yes" },
        variables.join("\n"),
    )
}

/// The time for a file's name, UTC: `20260301-101530`.
pub fn stamp() -> String {
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}

/// The diagnostics program, which is installed beside this one.
pub fn diagnostics() -> Option<PathBuf> {
    let name = format!("confab-scope{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::current_exe().ok()?.with_file_name(name);
    path.is_file().then_some(path)
}

/// Starts it on the meeting of this name (of its socket); without one on whatever there is.
pub fn open_diagnostics(name: Option<&str>) -> io::Result<()> {
    let program = diagnostics().ok_or(io::ErrorKind::NotFound)?;
    let mut child = Command::new(program)
        .args(name)
        .stdin(Stdio::null())
        .spawn()?;
    std::thread::Builder::new()
        .name("scope".to_owned())
        .spawn(move || child.wait())
        .map(drop)
}

/// Tells WebKitGTK to draw through shared memory.
const NO_DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Whether the webview should not use DMA buffers: without a GPU they cost twice the time of a plain copy (measured: 14 against
/// 24 frames a second with nine pictures). What the user has set stands.
pub fn wants_plain_buffers() -> Option<&'static str> {
    let free = std::env::var_os(NO_DMABUF).is_none();
    (cfg!(target_os = "linux") && free && !has_gpu(Path::new("/dev/dri"))).then_some(NO_DMABUF)
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

    #[test]
    fn a_render_node_is_a_gpu() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_gpu(&folder.path().join("dri")));
        std::fs::write(folder.path().join("card0"), "").unwrap();
        assert!(!has_gpu(folder.path()));
        std::fs::write(folder.path().join("renderD128"), "").unwrap();
        assert!(has_gpu(folder.path()));
    }

    #[test]
    fn a_stamp_sorts_by_time() {
        assert_eq!(stamp().len(), "20260301-101530".len());
    }
}
