//! A running program, and sockets in its namespaces.

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Enough on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often somebody who receives looks whether all has been delivered.
const LOOK: Duration = Duration::from_millis(200);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);
static RUNS: AtomicU32 = AtomicU32::new(0);

/// Says so where the machine can't do this.
pub fn unable() -> bool {
    let root = rustix::process::geteuid().is_root();
    let unable = !root || !Path::new("/dev/net/tun").exists();
    if unable {
        eprintln!("skipped: network namespaces and TUN devices need root and /dev/net/tun");
    }
    unable
}

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confab-impair"));
    command.stdin(Stdio::null());
    command
}

pub fn ip(arguments: &[&str]) -> bool {
    let status = Command::new("ip").args(arguments).status();
    status.is_ok_and(|s| s.success())
}

pub fn exists(namespace: &str) -> bool {
    path(namespace).exists()
}

fn path(namespace: &str) -> PathBuf {
    Path::new("/var/run/netns").join(namespace)
}

/// A running program; it is ended with this.
pub struct Impair {
    child: Child,
    pub names: [String; 2],
    folder: tempfile::TempDir,
}

impl Impair {
    pub fn start(script: &str) -> Impair {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let tag = format!("impt{}-{run}", std::process::id());
        let names = [format!("{tag}a"), format!("{tag}b")];
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        std::fs::write(&file, script).unwrap();
        let child = program()
            .args(["run", "--with-parent", "--names", &names.join(",")])
            .arg("--script")
            .arg(&file)
            .arg("--stats")
            .arg(folder.path().join("stats"))
            .spawn()
            .unwrap();
        let impair = Impair {
            child,
            names,
            folder,
        };
        impair.line("ready");
        impair
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("stats"));
        let text = text.unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str);
        lines.map_while(Result::ok).collect()
    }

    /// Waits for a line of this type.
    pub fn line(&self, kind: &str) -> Value {
        self.line_where(kind, |_| true)
    }

    /// Waits for a line of this type that fits.
    pub fn line_where(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let mut lines = self.lines().into_iter();
            if let Some(line) = lines.find(|l| l["type"] == kind && fits(l)) {
                return line;
            }
            assert!(begun.elapsed() < PATIENCE, "no {kind} in {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn end(&mut self) -> Option<i32> {
        // If it has ended already, its status says so.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        self.child.wait().ok()?.code()
    }

    /// Ends it, sees that nothing is left, and gives its summary.
    pub fn stop(mut self) -> Value {
        assert_eq!(self.end(), Some(0));
        assert!(!self.names.iter().any(|n| exists(n)), "a namespace is left");
        self.line("summary")
    }
}

impl Drop for Impair {
    fn drop(&mut self) {
        self.end();
    }
}

/// A socket that lives in the namespace, made by a thread that went there.
pub fn socket(namespace: &str, address: &str) -> UdpSocket {
    let (file, address) = (path(namespace), address.to_owned());
    let make = move || {
        let namespace = File::open(file).unwrap();
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(namespace.as_fd(), kind).unwrap();
        UdpSocket::bind(address).unwrap()
    };
    std::thread::spawn(make).join().unwrap()
}

/// Sends a number and the time.
pub fn send(socket: &UdpSocket, to: &str, number: u32, bytes: usize) {
    let mut packet = vec![0; bytes];
    packet[..4].copy_from_slice(&number.to_be_bytes());
    let now = START.elapsed().as_nanos() as u64;
    packet[4..12].copy_from_slice(&now.to_be_bytes());
    socket.send_to(&packet, to).unwrap();
}

/// Number, when it was sent, when it came.
pub struct Received(pub Vec<(u32, Duration, Duration)>);

impl Received {
    /// Receives so many, or until somebody says that all has been delivered.
    pub fn until(socket: &UdpSocket, count: usize, delivered: &AtomicBool) -> Received {
        socket.set_read_timeout(Some(LOOK)).unwrap();
        let mut all = Vec::new();
        let mut packet = [0; 2000];
        let mut heard = Instant::now();
        while all.len() < count && heard.elapsed() < PATIENCE {
            let last = delivered.load(Ordering::Relaxed);
            let Ok(12..) = socket.recv(&mut packet) else {
                if last {
                    break;
                }
                continue;
            };
            heard = Instant::now();
            let came = START.elapsed();
            let number = u32::from_be_bytes(packet[..4].try_into().unwrap());
            let sent = u64::from_be_bytes(packet[4..12].try_into().unwrap());
            all.push((number, Duration::from_nanos(sent), came));
        }
        Received(all)
    }

    /// Receives so many.
    pub fn exactly(socket: &UdpSocket, count: usize) -> Received {
        Received::until(socket, count, &AtomicBool::new(false))
    }

    pub fn numbers(&self) -> BTreeSet<u32> {
        self.0.iter().map(|r| r.0).collect()
    }

    /// The least delay, and the one in the middle.
    pub fn delays(&self) -> (Duration, Duration) {
        let delays = self.0.iter().map(|(_, sent, came)| *came - *sent);
        let mut delays: Vec<_> = delays.collect();
        delays.sort_unstable();
        (delays[0], delays[delays.len() / 2])
    }

    /// When the first that came was sent, and the last came.
    pub fn span(&self) -> (Duration, Duration) {
        let first = self.0.iter().map(|r| r.1).min().unwrap();
        let last = self.0.iter().map(|r| r.2).max().unwrap();
        (first, last)
    }
}
