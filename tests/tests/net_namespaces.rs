//! Three hosts on one machine: a server and two natives in network namespaces of their own, joined by a bridge, TLS with
//! the server's own certificate. They meet over real links; one link is pulled for five seconds and put back.
//!
//! Needs root for `ip netns`. Where that is missing the test says so and checks nothing; CI has it.
#![allow(
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "a report test prints what it measured"
)]

use confab_tests::hearing;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Namespaces and their links, removed again at the end.
struct Hosts {
    tag: String,
}

impl Hosts {
    const NAMES: [&str; 3] = ["srv", "ada", "bob"];

    /// `None` where namespaces can't be made.
    fn new() -> Option<Hosts> {
        let hosts = Hosts {
            tag: format!("cf{}", std::process::id() % 10_000),
        };
        let bridge = hosts.bridge();
        if !ip(&["netns", "add", &hosts.ns("hub")]) {
            return None;
        }
        // The bridge lives in a namespace too, so that nothing touches this machine's own network.
        let hub = hosts.ns("hub");
        assert!(
            ip(&["-n", &hub, "link", "add", &bridge, "type", "bridge"]),
            "a bridge can be made"
        );
        assert!(ip(&["-n", &hub, "link", "set", &bridge, "up"]));
        for (i, name) in Hosts::NAMES.iter().enumerate() {
            let (ns, port) = (hosts.ns(name), format!("p-{name}"));
            assert!(ip(&["netns", "add", &ns]));
            assert!(ip(&[
                "-n", &hub, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns",
                &ns
            ]));
            assert!(ip(&[
                "-n", &hub, "link", "set", &port, "master", &bridge, "up"
            ]));
            assert!(ip(&[
                "-n",
                &ns,
                "addr",
                "add",
                &format!("{}/24", address(i)),
                "dev",
                "eth0"
            ]));
            assert!(ip(&["-n", &ns, "link", "set", "eth0", "up"]));
            assert!(ip(&["-n", &ns, "link", "set", "lo", "up"]));
        }
        Some(hosts)
    }

    fn ns(&self, name: &str) -> String {
        format!("{}-{name}", self.tag)
    }

    fn bridge(&self) -> String {
        format!("{}br", self.tag)
    }

    fn command(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.ns(host)])
            .arg(program_path(program))
            .stdin(Stdio::null());
        command
    }

    /// Pulls the host's cable or puts it back.
    fn link(&self, host: &str, up: bool) {
        let state = if up { "up" } else { "down" };
        assert!(ip(&[
            "-n",
            &self.ns("hub"),
            "link",
            "set",
            &format!("p-{host}"),
            state
        ]));
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in Hosts::NAMES.iter().chain(&["hub"]) {
            ip(&["netns", "del", &self.ns(name)]);
        }
    }
}

fn address(i: usize) -> String {
    format!("10.213.7.{}", i + 1)
}

fn ip(args: &[&str]) -> bool {
    Command::new("ip")
        .args(args)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// A built program beside this test.
fn program_path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows itself");
    let path = test
        .parent()
        .and_then(Path::parent)
        .expect("target/<profile>/deps")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace --all-targets` first",
        path.display()
    );
    path
}

/// A process that ends with the test; its log is shown if the test fails.
struct Running(Child, PathBuf);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.1).unwrap_or_default();
            eprintln!("--- {}\n{log}", self.1.display());
        }
    }
}

fn start(mut command: Command, log: &Path) -> Running {
    let file = std::fs::File::create(log).expect("a log file");
    let child = command.stdout(Stdio::null()).stderr(file).spawn();
    Running(child.expect("ip netns exec starts"), log.to_owned())
}

fn wait_for(what: &str, limit: Duration, mut probe: impl FnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !probe() {
        assert!(begin.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
    begin.elapsed()
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |m| m.len())
}

/// Sum of the remote videos' bytes written so far: grows only while pictures arrive.
fn pictures(folder: &Path) -> u64 {
    std::fs::read_dir(folder).map_or(0, |d| d.flatten().map(|f| size(&f.path())).sum())
}

#[test]
fn natives_in_namespaces_of_their_own_meet_and_survive_a_pulled_cable() {
    let Some(hosts) = Hosts::new() else {
        eprintln!("skipped: network namespaces need root and iproute2");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let config = at("confab.toml");
    let text = format!(
        "listen = \"{ip}:443\"\npublic_url = \"https://{ip}\"\ndata_dir = {:?}\n[tls]\nself_signed = true\n",
        at("data"),
        ip = address(0)
    );
    std::fs::write(&config, text).expect("the configuration");
    let mut serve = hosts.command("srv", "confab-server");
    serve.args(["serve", "--config"]).arg(&config);
    let _server = start(serve, &at("server.log"));

    let mut link = String::new();
    wait_for(
        "the server makes a meeting",
        Duration::from_secs(20),
        || {
            let mut new = hosts.command("srv", "confab-server");
            let out = new
                .args(["meeting", "new", "--title", "Namespaces", "--config"])
                .arg(&config)
                .output()
                .expect("meeting new");
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            let found = text
                .split_whitespace()
                .find(|w| w.starts_with("https://") && !w.contains('#'));
            link = found.unwrap_or_default().to_owned();
            !link.is_empty()
        },
    );

    let media = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/fetched");
    let join = |host: &str, name: &str, voice: &str| {
        let mut command = hosts.command(host, "confab-headless");
        command.args([
            "join",
            &link,
            "--name",
            name,
            "--insecure",
            "--loop",
            "--camera-pattern",
            "320x180@15",
        ]);
        command.arg("--mic-file").arg(media.join(voice));
        command
            .arg("--speaker-file")
            .arg(at(&format!("{name}.wav")))
            .arg("--video-out")
            .arg(at(name));
        start(command, &at(&format!("{name}.log")))
    };
    let _ada = join("ada", "Ada", "speech-en.wav");
    let bob = join("bob", "Bob", "speech-fr.wav");
    let flows = |name: &str| {
        let before = pictures(&at(name));
        std::thread::sleep(Duration::from_millis(300));
        pictures(&at(name)) > before
    };
    for name in ["Ada", "Bob"] {
        let took = wait_for(
            &format!("{name} sees the other"),
            Duration::from_secs(20),
            || flows(name),
        );
        println!("{name} sees after {took:?}");
    }
    std::thread::sleep(Duration::from_secs(8));

    hosts.link("bob", false);
    std::thread::sleep(Duration::from_secs(5));
    assert!(!flows("Bob"), "a pulled cable carries nothing");
    hosts.link("bob", true);
    for name in ["Bob", "Ada"] {
        let took = wait_for(
            &format!("{name} sees the other again"),
            Duration::from_secs(3),
            || flows(name),
        );
        println!("{name} sees again after {took:?}");
    }
    std::thread::sleep(Duration::from_secs(6));
    drop(bob);

    let heard = hearing::read_wav(&at("Ada.wav")).expect("what Ada heard");
    let voice = hearing::read_wav(&media.join("speech-fr.wav")).expect("Bob's voice");
    let found = hearing::recognise(&heard[..heard.len().min(9 * hearing::RATE)], &voice)
        .expect("Ada heard something");
    println!("Ada hears Bob: {found:?}");
    assert!(
        found.recognised >= 12,
        "Ada hears Bob before the cut: {found:?}"
    );
}
