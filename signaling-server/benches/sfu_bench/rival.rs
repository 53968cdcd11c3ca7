//! Janus (GPL, Debian's package `janus`) as the fleet's other server: started with a configuration of its own, stopped after
//! each case.

use super::host::{Row, Stage, Watch, listen, start_fleet};
use super::words::{Case, Said};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Until it answers.
const STARTED: Duration = Duration::from_secs(20);

/// Whether Janus is there.
pub fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|p| p.join("janus").is_file())
}

/// Janus on this core; `loops`: event loops that its handles share, 0 for a thread per handle, as it comes. `None`: it did
/// not start, or the fleet failed.
pub fn play(case: &Case, stage: Stage, loops: usize) -> Option<Row> {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    configure(folder.path(), stage, loops, port);
    let mut janus = Command::new("janus")
        .arg("-F")
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let url = format!("http://127.0.0.1:{port}/janus");
    let row = wait(&url)
        .then(|| watch(case, stage, &janus, url))
        .flatten();
    let _ = janus.kill();
    let _ = janus.wait();
    row
}

fn watch(case: &Case, stage: Stage, janus: &Child, url: String) -> Option<Row> {
    let mut watch = Watch::new(janus.id());
    let (mut fleet, _to) = start_fleet(case, stage, Some(url));
    let mut row = None;
    for said in listen(&mut fleet) {
        match said {
            Said::Begin => watch.begin(),
            Said::End(heard) => row = Some(watch.end(case, heard)),
            Said::Offer { .. } => {}
        }
    }
    let _ = fleet.wait();
    row
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn wait(url: &str) -> bool {
    let start = Instant::now();
    while start.elapsed() < STARTED {
        if ureq::get(format!("{url}/info")).call().is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

fn configure(folder: &Path, stage: Stage, loops: usize, port: u16) {
    let shared = if loops > 0 {
        format!("event_loops = {loops}")
    } else {
        String::new()
    };
    let main = format!(
        "general: {{\n configs_folder = \"{}\"\n plugins_folder = \"{plugins}\"\n transports_folder = \"{transports}\"\n \
         debug_level = 2\n debug_colors = false\n session_timeout = 0\n {shared}\n}}\nmedia: {{\n ipv6 = false\n}}\n\
         nat: {{\n ice_enforce_list = \"{ip}\"\n}}\n\
         plugins: {{\n disable = \"{unused}\"\n}}\n",
        folder.display(),
        plugins = installed("plugins"),
        transports = installed("transports"),
        ip = stage.ip,
        unused = UNUSED.map(|name| format!("libjanus_{name}.so")).join(","),
    );
    let http = format!(
        "general: {{\n json = \"compact\"\n base_path = \"/janus\"\n http = true\n port = {port}\n ip = \"127.0.0.1\"\n https = false\n}}\n"
    );
    let files = [
        ("janus.jcfg", main),
        ("janus.transport.http.jcfg", http),
        ("janus.plugin.videoroom.jcfg", "general: {\n}\n".to_owned()),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("room on the disk");
    }
}

/// Plugins that the bench has no use for.
const UNUSED: [&str; 11] = [
    "audiobridge",
    "duktape",
    "echotest",
    "lua",
    "nosip",
    "recordplay",
    "sip",
    "streaming",
    "textroom",
    "videocall",
    "voicemail",
];

/// Where Debian keeps a kind of Janus' modules.
fn installed(kind: &str) -> String {
    let architectures = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut folders = architectures.map(|a| a.path().join("janus").join(kind));
    let found = folders.find(|f| f.is_dir());
    found.map_or_else(String::new, |f| f.to_string_lossy().into_owned())
}
