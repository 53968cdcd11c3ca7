//! Ink over the real screen, as the X server shows it.

use super::*;
use crate::x11::overlay::{Film, open as film};
use crate::{Ink, InkPoint, InkStroke};
use x11rb::protocol::xproto::ImageFormat;

const RED_INK: u32 = 0x00d1_3438;

/// A line of 1 % of the width.
fn line(color: u32, points: &[(f32, f32)]) -> InkStroke {
    let points = points.iter().map(|&(x, y)| InkPoint { x, y, thick: 1.0 });
    InkStroke {
        color,
        width: 0.01,
        hatched: false,
        points: points.collect(),
    }
}

impl Xvfb {
    /// What is on the screen at a pixel.
    fn pixel(&self, x: i16, y: i16) -> u32 {
        let format = ImageFormat::Z_PIXMAP;
        let image = self
            .conn
            .get_image(format, self.root, x, y, 1, 1, !0)
            .unwrap();
        let data = image.reply().unwrap().data;
        u32::from_le_bytes([data[0], data[1], data[2], 0])
    }

    fn film(&self, spec: &ScreenSpec) -> Film {
        film(self.display(), spec).unwrap()
    }

    /// The window that a click at this place goes to.
    fn under(&self, x: i16, y: i16) -> Window {
        self.conn
            .warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x, y)
            .unwrap();
        self.conn.sync().unwrap();
        let pointer = self.conn.query_pointer(self.root).unwrap();
        pointer.reply().unwrap().child
    }

    fn place_at(&self, window: Window, x: i32, y: i32) {
        let aux = ConfigureWindowAux::new().x(x).y(y);
        self.conn.configure_window(window, &aux).unwrap();
        self.conn.sync().unwrap();
    }
}

/// Looks at what is on the sheet now.
fn show(film: &mut Film, ink: &Ink) {
    film.look(&ink.wait(u64::MAX, Duration::ZERO)).unwrap();
}

#[test]
fn ink_lies_where_it_was_drawn_and_lets_clicks_through() {
    let Some(x) = Xvfb::start(&[]) else { return };
    let below = x.window("below", (0, 0), (640, 480), BLUE);
    let (ink, mut film) = (Ink::default(), x.film(&x.monitor()));
    // From (160, 240) to (480, 240), 6.4 pixels thick.
    ink.draw(0, [line(RED_INK, &[(0.25, 0.5), (0.75, 0.5)])]);
    show(&mut film, &ink);
    for at in [160, 320, 480] {
        assert_eq!(x.pixel(at, 240), RED_INK, "{at}");
    }
    for (at, row) in [(320, 235), (320, 245), (155, 240), (485, 240)] {
        assert_eq!(x.pixel(at, row), BLUE, "beside the line, {at} {row}");
    }
    assert_eq!(x.under(320, 240), below);
    // Whatever comes over it, it comes up again, and still takes no click.
    let over = x.window("over", (300, 200), (60, 60), GREEN);
    assert_eq!(x.pixel(320, 240), GREEN);
    show(&mut film, &ink);
    assert_eq!(x.pixel(320, 240), RED_INK);
    assert_eq!(x.under(320, 240), over);
    // A second colour on top, then all goes.
    ink.draw(1, [line(GREEN, &[(0.25, 0.25), (0.25, 0.75)])]);
    show(&mut film, &ink);
    assert_eq!((x.pixel(160, 240), x.pixel(170, 240)), (GREEN, RED_INK));
    ink.clear();
    show(&mut film, &ink);
    assert_eq!((x.pixel(160, 130), x.pixel(200, 240)), (BLUE, BLUE));
}

#[test]
fn ink_follows_its_window_and_leaves_those_above_alone() {
    let Some(x) = Xvfb::start(&[]) else { return };
    x.window("desk", (0, 0), (640, 480), GREEN);
    let shared = x.window("shared", (100, 100), (200, 100), BLUE);
    let (ink, mut film) = (Ink::default(), x.film(&spec(shared)));
    ink.draw(0, [line(RED_INK, &[(0.0, 0.5), (1.0, 0.5)])]);
    show(&mut film, &ink);
    // Inside its border of three pixels: from (103, 153).
    assert_eq!(x.pixel(200, 153), RED_INK);
    assert_eq!((x.pixel(98, 153), x.pixel(308, 153)), (GREEN, GREEN));
    x.place_at(shared, 300, 200);
    show(&mut film, &ink);
    assert_eq!((x.pixel(400, 253), x.pixel(200, 153)), (RED_INK, GREEN));
    x.resize(shared, 100, 200);
    show(&mut film, &ink);
    assert_eq!((x.pixel(350, 303), x.pixel(350, 253)), (RED_INK, BLUE));
    // A window on it is not written on.
    let over = x.window("over", (350, 250), (40, 90), 0);
    show(&mut film, &ink);
    assert_eq!((x.pixel(330, 303), x.pixel(370, 303)), (RED_INK, 0));
    x.conn.unmap_window(over).unwrap();
    x.conn.sync().unwrap();
    show(&mut film, &ink);
    assert_eq!(x.pixel(370, 303), RED_INK);
    x.conn.unmap_window(shared).unwrap();
    x.conn.sync().unwrap();
    show(&mut film, &ink);
    assert_eq!(x.pixel(350, 303), GREEN, "hidden, and so is the ink");
    x.conn.destroy_window(shared).unwrap();
    x.conn.sync().unwrap();
    let seen = ink.wait(u64::MAX, Duration::ZERO);
    assert!(film.look(&seen).is_err(), "closed: the overlay ends");
}

#[test]
fn the_overlay_runs_by_itself_and_goes_when_it_is_dropped() {
    let Some(x) = Xvfb::start(&[]) else { return };
    x.window("below", (0, 0), (640, 480), BLUE);
    let ink = Ink::default();
    let overlay = crate::overlay::x11(x.display(), &x.monitor(), &ink).unwrap();
    let becomes = |wanted: u32| {
        let begin = Instant::now();
        while x.pixel(320, 240) != wanted {
            assert!(begin.elapsed() < Duration::from_secs(60), "{wanted:#x}");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    ink.draw(0, [line(RED_INK, &[(0.25, 0.5), (0.75, 0.5)])]);
    becomes(RED_INK);
    ink.draw(0, [line(GREEN, &[(0.25, 0.5), (0.75, 0.5)])]);
    becomes(GREEN);
    drop(overlay);
    becomes(BLUE);
}

#[test]
fn the_shared_picture_is_without_the_ink() {
    let Some(x) = Xvfb::start(&[]) else { return };
    let below = x.window("below", (0, 0), (640, 480), BLUE);
    let mut eye = x.eye(&x.monitor(), false);
    look(&mut eye);
    let (ink, mut film) = (Ink::default(), x.film(&x.monitor()));
    ink.draw(0, [line(RED_INK, &[(0.25, 0.5), (0.75, 0.5)])]);
    show(&mut film, &ink);
    assert_eq!(x.pixel(320, 240), RED_INK, "on the screen");
    let seen = look(&mut eye);
    for row in 230..250 {
        assert_eq!(colour(&seen, 320, row), BLUE, "row {row}");
    }
    // What changes beneath is seen around the ink, and where it was once it is gone.
    x.paint(below, GREEN);
    let seen = look(&mut eye);
    assert_eq!(colour(&seen, 320, 230), GREEN);
    assert_ne!(colour(&seen, 320, 240), RED);
    ink.clear();
    show(&mut film, &ink);
    let seen = look(&mut eye);
    assert_eq!(colour(&seen, 320, 240), x.pixel(320, 240));
}
