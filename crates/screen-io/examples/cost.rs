//! What capturing costs: CPU of our thread and of the X server per second, on a still screen, with a small blinking change, and
//! with everything changing at 15 pictures a second. `cargo run -p confab-screen-io --example cost` starts an Xvfb of its own;
//! Linux only.
#![allow(clippy::print_stdout)] // a report on the command line

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("this measures X11, which only Linux has");
}

#[cfg(target_os = "linux")]
mod linux {
    use confab_screen_io::{ScreenOptions, ScreenSpec, open_with, sources};
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};
    use x11rb::connection::Connection;
    use x11rb::protocol::xproto::{
        ChangeGCAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Rectangle, WindowClass,
    };
    use x11rb::wrapper::ConnectionExt as _;

    type Outcome = Result<(), Box<dyn std::error::Error>>;
    const SIZE: (u16, u16) = (1920, 1080);
    const SPAN: Duration = Duration::from_secs(6);

    pub fn main() -> Outcome {
        match std::env::var("COST_SERVER") {
            Ok(server) => measure(&server),
            // A process may not change its own environment: the measuring one is a child with the display in it.
            Err(_) => {
                let mut server = Command::new("Xvfb")
                    .args(["-displayfd", "1", "-screen", "0", "1920x1080x24"])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::null())
                    .spawn()?;
                let mut number = String::new();
                BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut number)?;
                let done = Command::new(std::env::current_exe()?)
                    .env("DISPLAY", format!(":{}", number.trim()))
                    .env("COST_SERVER", server.id().to_string())
                    .env_remove("WAYLAND_DISPLAY")
                    .env_remove("XDG_SESSION_TYPE")
                    .status();
                server.kill()?;
                server.wait()?;
                done?;
                Ok(())
            }
        }
    }

    /// What is drawn meanwhile.
    #[derive(Clone, Copy, PartialEq)]
    enum Scene {
        Still,
        Caret,
        Everything,
    }

    fn measure(server: &str) -> Outcome {
        let (conn, number) = x11rb::connect(None)?;
        let root = conn.setup().roots[number].root;
        let window = conn.generate_id()?;
        let aux = CreateWindowAux::new().background_pixel(0x0020_4060);
        let class = WindowClass::INPUT_OUTPUT;
        conn.create_window(0, window, root, 0, 0, SIZE.0, SIZE.1, 0, class, 0, &aux)?;
        conn.map_window(window)?;
        let gc = conn.generate_id()?;
        conn.create_gc(gc, window, &CreateGCAux::new())?;
        conn.sync()?;
        let display = ScreenSpec::from_id(&sources().first().ok_or("no screen")?.id);
        let whole = ScreenSpec::Window(format!("window:{window:#x}"));
        println!("1920x1080, 15 pictures a second, {SPAN:?} each; CPU of one core");
        println!("what     scene        pictures  ours %   per picture ms  X server %");
        for (name, spec) in [("display", &display), ("window", &whole)] {
            for (scene, title) in [
                (Scene::Still, "still"),
                (Scene::Caret, "caret"),
                (Scene::Everything, "everything"),
            ] {
                let done = Arc::new(AtomicBool::new(false));
                let mut screen = open_with(spec, &ScreenOptions::default())?;
                let (told, drawn) = (Arc::clone(&done), drawing(scene));
                let reader = std::thread::spawn(move || {
                    let mut pictures = 0u32;
                    while !told.load(Ordering::Relaxed) {
                        pictures += u32::from(screen.next(Duration::from_millis(100)).is_some());
                    }
                    pictures
                });
                std::thread::sleep(Duration::from_millis(500));
                let before = (cpu("self", "screen"), cpu(server, "Xvfb"));
                let begin = Instant::now();
                for n in 0u32.. {
                    if begin.elapsed() >= SPAN {
                        break;
                    }
                    let shade = n.wrapping_mul(0x0001_0307) & 0x00ff_ffff;
                    conn.change_gc(gc, &ChangeGCAux::new().foreground(shade))?;
                    if let Some(part) = drawn {
                        conn.poly_fill_rectangle(window, gc, &[part])?;
                    }
                    conn.sync()?;
                    std::thread::sleep(Duration::from_millis(66));
                }
                let (ours, theirs) = (cpu("self", "screen"), cpu(server, "Xvfb"));
                let seconds = begin.elapsed().as_secs_f64();
                done.store(true, Ordering::Relaxed);
                let pictures = reader.join().map_err(|_| "the reader failed")?;
                let (ours, theirs) = (ours - before.0, theirs - before.1);
                println!(
                    "{name:8} {title:12} {pictures:8}  {:6.2}  {:14.2}  {:10.2}",
                    100.0 * ours / seconds,
                    1000.0 * ours / f64::from(pictures.max(1)),
                    100.0 * theirs / seconds
                );
            }
        }
        Ok(())
    }

    fn drawing(scene: Scene) -> Option<Rectangle> {
        let (x, y, width, height) = match scene {
            Scene::Still => return None,
            Scene::Caret => (600, 500, 2, 18),
            Scene::Everything => (0, 0, SIZE.0, SIZE.1),
        };
        Some(Rectangle {
            x,
            y,
            width,
            height,
        })
    }

    /// Seconds of CPU of the threads of this name.
    fn cpu(process: &str, thread: &str) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
        let of = |path: std::path::PathBuf| -> Option<f64> {
            let name = std::fs::read_to_string(path.join("comm")).ok()?;
            let spent = std::fs::read_to_string(path.join("schedstat")).ok()?;
            let nanos: f64 = spent.split(' ').next()?.parse().ok()?;
            (name.trim() == thread).then_some(nanos / 1e9)
        };
        tasks
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|task| of(task.path()))
            .sum()
    }
}
