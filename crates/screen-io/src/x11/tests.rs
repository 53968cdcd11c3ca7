//! Against a virtual X server of our own: windows drawn by one connection, looked at by another.

mod overlay;

use super::*;
use crate::{Kind, shrink};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, CreateWindowAux, PropMode, StackMode,
    WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

const RED: u32 = 0x00ff_0000;
const BLUE: u32 = 0x0000_00ff;
const GREEN: u32 = 0x0000_ff00;

struct Xvfb {
    child: Child,
    display: String,
    conn: RustConnection,
    root: Window,
}

impl Xvfb {
    /// `None`, with a word, where Xvfb is not installed.
    fn start(extra: &[&str]) -> Option<Xvfb> {
        let screen = ["-displayfd", "1", "-screen", "0", "640x480x24"];
        let spawned = Command::new("Xvfb")
            .args(screen)
            .args(["-nolisten", "tcp"])
            .args(extra)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = spawned else {
            eprintln!("skipped: Xvfb is not installed");
            return None;
        };
        let mut number = String::new();
        BufReader::new(child.stdout.take()?)
            .read_line(&mut number)
            .ok()?;
        let display = format!(":{}", number.trim());
        let (conn, screen) = RustConnection::connect(Some(&display)).unwrap();
        let root = conn.setup().roots[screen].root;
        Some(Xvfb {
            child,
            display,
            conn,
            root,
        })
    }

    fn display(&self) -> Option<&str> {
        Some(&self.display)
    }

    fn window(&self, title: &str, at: (i16, i16), size: (u16, u16), rgb: u32) -> Window {
        let id = self.conn.generate_id().unwrap();
        let aux = CreateWindowAux::new().background_pixel(rgb).border_pixel(0);
        let class = WindowClass::INPUT_OUTPUT;
        self.conn
            .create_window(
                0, id, self.root, at.0, at.1, size.0, size.1, 3, class, 0, &aux,
            )
            .unwrap();
        self.conn
            .change_property8(
                PropMode::REPLACE,
                id,
                AtomEnum::WM_NAME,
                AtomEnum::STRING,
                title.as_bytes(),
            )
            .unwrap();
        self.conn.map_window(id).unwrap();
        self.conn.sync().unwrap();
        id
    }

    fn paint(&self, window: Window, rgb: u32) {
        let aux = ChangeWindowAttributesAux::new().background_pixel(rgb);
        self.conn.change_window_attributes(window, &aux).unwrap();
        self.conn.clear_area(false, window, 0, 0, 0, 0).unwrap();
        self.conn.sync().unwrap();
    }

    fn resize(&self, window: Window, width: u32, height: u32) {
        let aux = ConfigureWindowAux::new().width(width).height(height);
        self.conn.configure_window(window, &aux).unwrap();
        self.conn.sync().unwrap();
    }

    fn open(&self, spec: &ScreenSpec) -> Screen {
        open(self.display(), spec, &ScreenOptions::default()).unwrap()
    }

    fn eye(&self, spec: &ScreenSpec, cursor: bool) -> Eye {
        let options = ScreenOptions {
            cursor,
            ..ScreenOptions::default()
        };
        let desktop = Desktop::connect(self.display()).unwrap();
        Eye::open(desktop, target(spec).unwrap(), &options).unwrap()
    }

    /// The only monitor.
    fn monitor(&self) -> ScreenSpec {
        ScreenSpec::from_id(&sources(self.display()).unwrap()[0].id)
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spec(window: Window) -> ScreenSpec {
    ScreenSpec::Window(format!("window:{window:#x}"))
}

/// The colour at a pixel, roughly.
fn colour(picture: &I420, x: usize, y: usize) -> u32 {
    let at = 3 * (y * picture.width() + x);
    let rgb = picture.to_rgb();
    rgb[at..at + 3]
        .iter()
        .fold(0, |sum, c| (sum << 8) | if *c > 127 { 0xff } else { 0 })
}

/// Waits for a picture that is as wanted.
fn wait(screen: &mut Screen, wanted: impl Fn(&I420) -> bool) -> I420 {
    let begin = Instant::now();
    loop {
        let frame = screen.next(Duration::from_secs(20));
        let picture = frame.expect("the capture goes on").picture;
        if wanted(&picture) {
            return (*picture).clone();
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{picture:?}");
    }
}

/// Looks until something was drawn.
fn look(eye: &mut Eye) -> I420 {
    loop {
        match eye.look(true).unwrap() {
            Sight::New(picture) => return picture,
            Sight::Same => std::thread::sleep(Duration::from_millis(2)),
            Sight::End(end) => panic!("{end:?}"),
        }
    }
}

#[test]
fn what_is_drawn_on_a_display_is_captured() {
    let Some(x) = Xvfb::start(&[]) else { return };
    x.paint(x.root, RED);
    let all = sources(x.display()).unwrap();
    assert_eq!((all[0].kind, all[0].size), (Kind::Display, (640, 480)));
    let mut screen = x.open(&x.monitor());
    wait(&mut screen, |p| colour(p, 300, 200) == RED);
    x.paint(x.root, BLUE);
    wait(&mut screen, |p| colour(p, 300, 200) == BLUE);
    let missing = ScreenSpec::Display("display:no-such".into());
    let error = open(x.display(), &missing, &ScreenOptions::default());
    assert!(matches!(error, Err(ScreenError::NotFound(_))));
}

#[test]
fn a_still_screen_is_not_read_again_and_a_small_change_is_a_small_read() {
    let Some(x) = Xvfb::start(&[]) else { return };
    let window = x.window("w", (10, 10), (100, 50), RED);
    let mut eye = x.eye(&x.monitor(), false);
    assert_eq!(colour(&look(&mut eye), 60, 40), RED);
    // What was drawn before the eye opened may be told once more.
    while !matches!(eye.look(true).unwrap(), Sight::Same) {}
    for _ in 0..20 {
        assert!(matches!(eye.look(true).unwrap(), Sight::Same));
    }
    x.paint(window, BLUE);
    let picture = look(&mut eye);
    assert_eq!(colour(&picture, 60, 40), BLUE);
    assert_eq!(colour(&picture, 60, 200), 0);
}

#[test]
fn a_window_is_seen_whole_though_another_lies_on_it() {
    let Some(x) = Xvfb::start(&[]) else { return };
    let below = x.window("below", (100, 100), (200, 120), RED);
    let above = x.window("above", (50, 50), (300, 100), BLUE);
    let mut screen = x.open(&spec(below));
    assert_eq!(screen.size(), (200, 120));
    let picture = wait(&mut screen, |_| true);
    for at in [(0, 0), (199, 0), (0, 119), (199, 119), (100, 10)] {
        assert_eq!(colour(&picture, at.0, at.1), RED, "{at:?}");
    }
    x.paint(below, GREEN);
    wait(&mut screen, |p| colour(p, 100, 10) == GREEN);
    let small = shrink(&super::picture(x.display(), &spec(above)).unwrap(), 150);
    assert_eq!((small.size(), colour(&small, 70, 20)), ((150, 50), BLUE));
}

#[test]
fn a_resized_window_is_followed_and_its_closing_is_the_end() {
    let Some(x) = Xvfb::start(&[]) else { return };
    let window = x.window("w", (20, 20), (200, 100), RED);
    let mut screen = x.open(&spec(window));
    for (width, height) in [(321, 241), (64, 400), (202, 102)] {
        x.resize(window, width, height);
        let size = (width as usize & !1, height as usize & !1);
        let picture = wait(&mut screen, |p| {
            p.size() == size && colour(p, size.0 - 1, size.1 - 1) == RED
        });
        assert_eq!((picture.size(), screen.size()), (size, size));
    }
    x.conn.destroy_window(window).unwrap();
    x.conn.sync().unwrap();
    while screen.next(Duration::from_secs(20)).is_some() {}
    assert_eq!(screen.end(), Some(End::Closed));
    let gone = open(x.display(), &spec(window), &ScreenOptions::default());
    assert!(matches!(gone, Err(ScreenError::NotFound(_))));
}

#[test]
fn a_hidden_window_waits_and_one_put_away_for_good_is_closed() {
    let Some(x) = Xvfb::start(&[]) else { return };
    let window = x.window("w", (20, 20), (200, 100), RED);
    let state = x
        .conn
        .intern_atom(false, b"WM_STATE")
        .unwrap()
        .reply()
        .unwrap()
        .atom;
    let set = |value: u32| {
        x.conn
            .change_property32(PropMode::REPLACE, window, state, state, &[value, 0])
            .unwrap();
        x.conn.sync().unwrap();
    };
    set(1);
    let mut eye = x.eye(&spec(window), false);
    look(&mut eye);
    set(3);
    x.conn.unmap_window(window).unwrap();
    x.conn.sync().unwrap();
    for _ in 0..20 {
        assert!(matches!(
            eye.look(true).unwrap(),
            Sight::Same | Sight::New(_)
        ));
    }
    x.conn.map_window(window).unwrap();
    set(1);
    x.paint(window, GREEN);
    while colour(&look(&mut eye), 100, 50) != GREEN {}
    x.conn.unmap_window(window).unwrap();
    set(0);
    loop {
        match eye.look(true).unwrap() {
            Sight::End(end) => break assert_eq!(end, End::Closed),
            _ => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

#[test]
fn windows_are_listed_topmost_first_without_a_window_manager_and_with_one() {
    let Some(x) = Xvfb::start(&[]) else { return };
    let first = x.window("first", (0, 0), (200, 100), RED);
    let second = x.window("second", (0, 0), (100, 60), RED);
    x.window("tiny", (0, 0), (8, 8), RED);
    x.window("", (0, 0), (100, 100), RED);
    let aux = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
    x.conn.configure_window(first, &aux).unwrap();
    x.conn.sync().unwrap();
    let titles = || -> Vec<String> {
        let all = sources(x.display()).unwrap();
        let windows = all.into_iter().filter(|s| s.kind == Kind::Window);
        windows.map(|s| s.title).collect()
    };
    assert_eq!(titles(), ["first", "second"]);
    let atom = |name: &str| {
        let cookie = x.conn.intern_atom(false, name.as_bytes()).unwrap();
        cookie.reply().unwrap().atom
    };
    let gone = 0x00ab_cdef;
    x.conn
        .change_property32(
            PropMode::REPLACE,
            x.root,
            atom("_NET_CLIENT_LIST_STACKING"),
            AtomEnum::WINDOW,
            &[first, gone, second],
        )
        .unwrap();
    let utf8 = atom("UTF8_STRING");
    x.conn
        .change_property8(
            PropMode::REPLACE,
            second,
            atom("_NET_WM_NAME"),
            utf8,
            "Präsentation — 演示".as_bytes(),
        )
        .unwrap();
    x.conn.sync().unwrap();
    assert_eq!(titles(), ["Präsentation — 演示", "first"]);
    let ours = [std::process::id()];
    x.conn
        .change_property32(
            PropMode::REPLACE,
            first,
            atom("_NET_WM_PID"),
            AtomEnum::CARDINAL,
            &ours,
        )
        .unwrap();
    x.conn.sync().unwrap();
    assert_eq!(titles(), ["Präsentation — 演示"]);
}

#[test]
fn the_pointer_is_drawn_where_it_is_and_gone_where_it_was() {
    let Some(x) = Xvfb::start(&[]) else { return };
    x.paint(x.root, BLUE);
    let window = x.window("w", (100, 100), (200, 100), BLUE);
    let put = |at: (i16, i16)| {
        x.conn
            .warp_pointer(x11rb::NONE, x.root, 0, 0, 0, 0, at.0, at.1)
            .unwrap();
        x.conn.sync().unwrap();
    };
    // Pixels that are not the background's, near a place.
    let other = |p: &I420, at: (usize, usize)| {
        let pixels = (0..24).flat_map(|dy| (0..24).map(move |dx| (dx, dy)));
        pixels
            .filter(|(dx, dy)| {
                let (x, y) = (
                    (at.0 + dx).saturating_sub(12),
                    (at.1 + dy).saturating_sub(12),
                );
                p.y()[y * p.width() + x].abs_diff(41) > 20
            })
            .count()
    };
    let (mut display, mut inside) = (x.eye(&x.monitor(), true), x.eye(&spec(window), true));
    put((20, 30));
    let picture = look(&mut display);
    assert!(other(&picture, (20, 30)) > 5);
    assert_eq!(other(&look(&mut inside), (100, 50)), 0);
    put((203, 153));
    let picture = look(&mut display);
    assert_eq!(other(&picture, (20, 30)), 0);
    assert!(other(&picture, (203, 153)) > 5);
    assert!(other(&look(&mut inside), (100, 50)) > 5);
}

#[test]
fn a_server_without_shared_memory_is_asked_plainly() {
    let Some(x) = Xvfb::start(&["-extension", "MIT-SHM"]) else {
        return;
    };
    let window = x.window("w", (100, 100), (200, 100), RED);
    let mut screen = x.open(&x.monitor());
    wait(&mut screen, |p| colour(p, 150, 150) == RED);
    x.paint(window, GREEN);
    wait(&mut screen, |p| colour(p, 150, 150) == GREEN);
}

#[test]
fn a_paused_screen_shows_nothing_new_and_a_dead_server_is_the_end() {
    let Some(mut x) = Xvfb::start(&[]) else {
        return;
    };
    x.paint(x.root, RED);
    let mut screen = x.open(&x.monitor());
    wait(&mut screen, |p| colour(p, 300, 200) == RED);
    let handle = screen.handle();
    handle.pause(true);
    // One look may have been under way.
    screen.next(Duration::from_millis(200));
    x.paint(x.root, BLUE);
    let still = wait(&mut screen, |_| true);
    assert_eq!(colour(&still, 300, 200), RED);
    handle.pause(false);
    wait(&mut screen, |p| colour(p, 300, 200) == BLUE);
    x.child.kill().unwrap();
    while screen.next(Duration::from_secs(20)).is_some() {}
    assert_eq!(screen.end(), Some(End::Gone));
}

#[test]
fn a_border_follows_its_window_and_is_not_in_its_picture() {
    let Some(x) = Xvfb::start(&[]) else { return };
    let window = x.window("w", (100, 100), (200, 100), RED);
    let border = crate::border::x11(x.display(), &spec(window), GREEN).unwrap();
    let mut display = x.open(&x.monitor());
    // The window has a border of its own of 3 pixels.
    wait(&mut display, |p| {
        colour(p, 100, 101) == GREEN && colour(p, 305, 150) == GREEN
    });
    let inside = super::picture(x.display(), &spec(window)).unwrap();
    let (width, height) = inside.size();
    for at in [(0, 0), (width - 1, height - 1)] {
        assert_eq!(colour(&inside, at.0, at.1), RED);
    }
    let aux = ConfigureWindowAux::new().x(300).y(200);
    x.conn.configure_window(window, &aux).unwrap();
    x.conn.sync().unwrap();
    wait(&mut display, |p| {
        colour(p, 300, 201) == GREEN && colour(p, 100, 101) == 0
    });
    assert_eq!(
        sources(x.display()).unwrap().len(),
        2,
        "the border is no window to share"
    );
    drop(border);
    wait(&mut display, |p| colour(p, 300, 201) == 0);
}

#[test]
fn without_a_display_there_is_a_clear_error() {
    let spec = ScreenSpec::Display("x".into());
    let error = open(Some(":9999"), &spec, &ScreenOptions::default());
    assert!(matches!(error, Err(ScreenError::NoDisplay)));
    assert!(matches!(
        sources(Some(":9999")),
        Err(ScreenError::NoDisplay)
    ));
    for bad in ["window:", "window:0xzz", "window:17"] {
        assert!(matches!(
            target(&ScreenSpec::from_id(bad)),
            Err(ScreenError::NotFound(_))
        ));
    }
}
