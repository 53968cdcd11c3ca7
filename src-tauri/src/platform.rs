//! What this machine is, for support; where programs that belong to the app stand.

use crate::drawing::NO_DMABUF;
use crate::shell::Shell;
use std::io;
use std::path::PathBuf;
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

/// Whether this session is Wayland's, also where the app itself draws by way of X11.
pub fn is_wayland() -> bool {
    let variable = |name| std::env::var(name).unwrap_or_default();
    cfg!(target_os = "linux")
        && speaks_wayland(&variable("XDG_SESSION_TYPE"), &variable("WAYLAND_DISPLAY"))
}

fn speaks_wayland(session: &str, display: &str) -> bool {
    match session {
        "wayland" => true,
        // A login by the network or in a test has none of the two kinds.
        "x11" => false,
        _ => !display.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_says_which_it_is_or_its_display_does() {
        assert!(speaks_wayland("wayland", ""));
        assert!(!speaks_wayland("x11", "wayland-0"));
        assert!(speaks_wayland("", "wayland-0") && !speaks_wayland("tty", ""));
    }

    #[test]
    fn a_stamp_sorts_by_time() {
        assert_eq!(stamp().len(), "20260301-101530".len());
    }
}
