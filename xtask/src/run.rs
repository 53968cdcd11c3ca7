//! `./confab run`: from a fresh clone to a meeting one can talk in.

use crate::shell::{self, Result, cache, command, headline, output, root, target};
use crate::{media, setup, ui};
use clap::Args;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

#[derive(Args)]
pub struct Options {
    /// HTTP port on this machine
    #[arg(long, default_value_t = 8480)]
    port: u16,
    /// Leave the demo participant out
    #[arg(long)]
    alone: bool,
    /// Print the links and open nothing
    #[arg(long)]
    no_open: bool,
    /// Open the meeting in the browser instead of the desktop app
    #[arg(long)]
    browser: bool,
    /// Stop by itself after this many seconds
    #[arg(long = "for")]
    seconds: Option<u64>,
    /// Optimise everything; takes longer to build. Codecs and media code are optimised either way
    #[arg(long)]
    release: bool,
}

/// Where the meeting is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    App,
    Browser,
    Nowhere,
}

impl Options {
    fn place(&self) -> Where {
        let display =
            std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some();
        match (self.no_open || !display, self.browser) {
            (true, _) => Where::Nowhere,
            (false, true) => Where::Browser,
            (false, false) => Where::App,
        }
    }
}

/// Sets up, builds, starts server, meeting and demo participant, opens the meeting, and waits for Ctrl+C.
pub fn run(options: &Options) -> Result {
    setup::space(8);
    setup::packages(false)?;
    setup::tools()?;
    ui::build()?;
    if !options.alone {
        media::fetch()?;
    }
    let place = options.place();
    headline("Server, participant, and the desktop app where there is a display");
    let bin = target().join(if options.release { "release" } else { "debug" });
    let bin = if bin.is_absolute() {
        bin
    } else {
        root().join(bin)
    };
    // The workspace's build settings keep codecs fast in debug builds too. Where all of it was built before, as by the tests,
    // and where the app is wanted, the whole workspace: for fewer packages cargo builds dependencies again with fewer features.
    let mut args = vec!["build", "--bins"];
    if place == Where::App || bin.join("confab-desktop").exists() {
        args.push("--workspace");
    } else {
        args.extend(["--package", "confab-server", "--package", "confab-client"]);
    }
    if options.release {
        args.push("--release");
    }
    shell::run("cargo", &args)?;

    headline("Meeting");
    let data = cache().join("demo");
    std::fs::create_dir_all(&data).map_err(|e| e.to_string())?;
    let config = data.join("confab.toml");
    let text = format!(
        "listen = \"127.0.0.1:{}\"\ndata_dir = {:?}\n",
        options.port,
        data.join("data")
    );
    std::fs::write(&config, text).map_err(|e| e.to_string())?;
    let config = config.to_string_lossy().into_owned();
    let address = SocketAddr::from(([127, 0, 0, 1], options.port));
    if TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok() {
        return Err(format!(
            "port {} is in use; choose another with --port",
            options.port
        ));
    }

    let program = |name: &str| bin.join(name).to_string_lossy().into_owned();
    let server_program = program("confab-server");
    let server = spawn(&server_program, &["serve", "--config", &config])?;
    let mut children = Children(vec![("server", server)]);
    wait_for(address, &mut children)?;
    let links = output(
        &server_program,
        &[
            "meeting",
            "new",
            "--title",
            "Demo meeting",
            "--config",
            &config,
        ],
    )?;
    let link = |word: &str| {
        let found = links
            .split_whitespace()
            .filter(|w| w.starts_with("http"))
            .find(|w| w.contains("#host=") == (word == "host"));
        found
            .map(str::to_owned)
            .ok_or_else(|| format!("the server printed no {word} link"))
    };
    let (guest, host) = (link("guest")?, link("host")?);
    if !options.alone {
        let clips = media::folder();
        let (mic, camera) = (clips.join("speech-en.wav"), clips.join("talking-head.y4m"));
        let (mic, camera) = (mic.to_string_lossy(), camera.to_string_lossy());
        let args = [
            "join",
            &guest,
            "--name",
            "Demo participant",
            "--mic-file",
            &mic,
            "--camera-file",
            &camera,
            "--loop",
        ];
        children.0.push((
            "demo participant",
            spawn(&program("confab-headless"), &args)?,
        ));
    }
    println!("\n  You are the host:   {host}\n  Invite others with: {guest}\n");
    println!(
        "  A second native participant: {} join '{guest}' --name Ada --mic-tone --camera-pattern",
        program("confab-headless")
    );
    match place {
        Where::App => open_app(&program("confab-desktop"), &host, &mut children)?,
        Where::Browser => open_browser(&host),
        Where::Nowhere => println!("  Open the first link in a browser on this machine."),
    }
    println!("Ctrl+C ends it.");
    wait(options.seconds, &mut children)
}

fn spawn(program: &str, args: &[&str]) -> Result<Child> {
    command(program, args)
        .stdout(Stdio::null())
        .spawn()
        .map_err(|e| format!("{program}: {e}"))
}

/// What the app is called among the children.
const APP: &str = "desktop app";

/// Programs started here; they end with this one.
struct Children(Vec<(&'static str, Child)>);

impl Drop for Children {
    fn drop(&mut self) {
        for (_, child) in self.0.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Children {
    fn check(&mut self) -> Result {
        for (name, child) in &mut self.0 {
            // Somebody closed its window, or another one that was running took the link.
            if *name == APP && matches!(child.try_wait(), Ok(Some(s)) if s.success()) {
                continue;
            }
            if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
                return Err(format!(
                    "the {name} ended by itself ({status}); its last words stand above"
                ));
            }
        }
        Ok(())
    }
}

fn wait_for(address: SocketAddr, children: &mut Children) -> Result {
    let begin = Instant::now();
    while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
        children.check()?;
        if begin.elapsed() > Duration::from_secs(20) {
            return Err(format!("the server does not answer on {address}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Opens the app's window on the meeting. It is closed with everything else, and may be closed before.
fn open_app(program: &str, link: &str, children: &mut Children) -> Result {
    let app = command(program, &[link])
        .stdout(Stdio::null())
        .spawn()
        .map_err(|e| format!("{program}: {e}"))?;
    children.0.push((APP, app));
    println!("  The meeting opens in a window of its own.");
    Ok(())
}

fn open_browser(link: &str) {
    let opened = command("xdg-open", &[link])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if opened.is_err() {
        println!("  No browser could be started; open the first link yourself.");
    }
}

fn wait(seconds: Option<u64>, children: &mut Children) -> Result {
    let begin = Instant::now();
    loop {
        children.check()?;
        if seconds.is_some_and(|s| begin.elapsed() >= Duration::from_secs(s)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
