//! Against a PipeWire server of our own with a synthetic red source, as a compositor would be one. Skipped, with a word, where
//! its programs are not installed (Debian: pipewire, wireplumber, gstreamer1.0-pipewire,
//! gstreamer1.0-tools, dbus).
//!
//! The server's address is in the environment, and a test may not change its own: the inside runs in a child process.

use super::*;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

struct Server {
    dir: tempfile::TempDir,
    children: Vec<Child>,
}

impl Server {
    fn start() -> Option<Server> {
        let mut server = Server {
            dir: tempfile::tempdir().unwrap(),
            children: Vec::new(),
        };
        server.spawn("pipewire", &[])?;
        server.until("the server", || {
            server.dir.path().join("pipewire-0").exists()
        });
        // It wants a session bus.
        server.spawn("dbus-run-session", &["--", "wireplumber"])?;
        server.spawn(
            "gst-launch-1.0",
            &[
                "-q",
                "videotestsrc",
                "is-live=true",
                "pattern=red",
                "!",
                "video/x-raw,format=BGRx,width=640,height=360,framerate=15/1",
                "!",
                "pipewiresink",
                "mode=provide",
                "stream-properties=props,node.name=red-screen,media.class=Video/Source",
            ],
        )?;
        Some(server)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let dir: &Path = self.dir.path();
        let mut command = Command::new(program);
        command
            .env("XDG_RUNTIME_DIR", dir)
            .env("HOME", dir)
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stderr(Stdio::null());
        command
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) -> Option<()> {
        let mut command = self.command(program);
        let child = command.args(arguments).stdout(Stdio::null()).spawn();
        let Ok(child) = child else {
            eprintln!("skipped: {program} is not installed");
            return None;
        };
        self.children.push(child);
        Some(())
    }

    fn until(&self, what: &str, there: impl Fn() -> bool) {
        let begin = Instant::now();
        while !there() {
            assert!(
                begin.elapsed() < Duration::from_secs(60),
                "{what} is not there"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The source's number, once it is there.
    fn node(&self) -> Option<u32> {
        let output = self.command("pw-cli").args(["ls", "Node"]).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let before = text.split("node.name = \"red-screen\"").next()?;
        if before.len() == text.len() {
            return None;
        }
        let id = before.rsplit("\tid ").next()?;
        id.split(',').next()?.trim().parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Without the server the session manager ends by itself, and its bus after it; a killed bus launcher would leave both.
        let (bus, mut others) = match self.children.len() {
            0 => return,
            1 => (None, vec![self.children.remove(0)]),
            _ => (
                Some(self.children.remove(1)),
                std::mem::take(&mut self.children),
            ),
        };
        for child in &mut others {
            let _ = child.kill();
            let _ = child.wait();
        }
        let begin = Instant::now();
        if let Some(mut bus) = bus {
            while matches!(bus.try_wait(), Ok(None)) {
                if begin.elapsed() > Duration::from_secs(20) {
                    let _ = bus.kill();
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

#[test]
fn a_pipewire_stream_comes_as_pictures_and_its_end_is_told() {
    let Some(server) = Server::start() else {
        return;
    };
    server.until("the source", || server.node().is_some());
    let inside = server
        .command(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "portal::tests::inside",
            "--ignored",
            "--nocapture",
        ])
        .env("NODE", server.node().unwrap().to_string())
        .env("SOURCE", server.children[2].id().to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&inside.stdout).into_owned();
    assert!(
        inside.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
#[ignore = "runs inside a_pipewire_stream_comes_as_pictures_and_its_end_is_told"]
fn inside() {
    let number = |name: &str| std::env::var(name).unwrap().parse::<u32>().unwrap();
    let (closed, told) = std::sync::mpsc::channel();
    let remote = Remote {
        fd: None,
        node: number("NODE"),
        close: Box::new(move || closed.send(()).unwrap()),
    };
    let mut screen = start(remote, &ScreenOptions::default()).unwrap();
    assert_eq!(screen.size(), (640, 360));
    for _ in 0..5 {
        let picture = screen.next(Duration::from_secs(20)).unwrap().picture;
        // Red in BT.601 limited range: Y 81, V 240, within rounding.
        assert!(picture.y()[5000].abs_diff(81) <= 2 && picture.v()[5000].abs_diff(240) <= 2);
    }
    Command::new("kill")
        .arg(number("SOURCE").to_string())
        .status()
        .unwrap();
    let begin = Instant::now();
    while screen.end().is_none() {
        screen.next(Duration::from_secs(1));
        assert!(begin.elapsed() < Duration::from_secs(30), "no end");
    }
    eprintln!("the end was told after {:?}", begin.elapsed());
    assert_eq!(screen.end(), Some(confab_capture::End::Revoked));
    told.recv().unwrap();
}
