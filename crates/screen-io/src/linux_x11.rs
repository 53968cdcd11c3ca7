//! X11: RandR lists the monitors, MIT-SHM hands over their pixels without copying them through the socket, XFixes tells
//! the cursor, which is drawn in because X11 leaves it out. Servers without shared memory (remote ones) are asked plainly.

use crate::{FPS, REFRESH, Screen, ScreenError, ScreenInfo};
use confab_capture::{Frame, Slot};
use confab_picture::I420;
use memmap2::MmapMut;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use x11rb::connection::Connection;
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat, ImageOrder, Window};
use x11rb::rust_connection::RustConnection;

/// All bit planes.
const ALL_PLANES: u32 = !0;

/// A monitor's place on the root window, made even.
#[derive(Clone, Copy, Debug)]
struct Area {
    x: i16,
    y: i16,
    width: u16,
    height: u16,
}

fn failed(e: impl std::fmt::Display) -> ScreenError {
    ScreenError::Failed(e.to_string())
}

/// Connects to `display`, or to the session's.
fn connect(display: Option<&str>) -> Result<(RustConnection, Window), ScreenError> {
    let (conn, number) = RustConnection::connect(display).map_err(|_| ScreenError::NoDisplay)?;
    let root = conn
        .setup()
        .roots
        .get(number)
        .ok_or(ScreenError::NoDisplay)?
        .root;
    Ok((conn, root))
}

/// The monitors of a display.
pub(crate) fn list(display: Option<&str>) -> Result<Vec<ScreenInfo>, ScreenError> {
    let (conn, root) = connect(display)?;
    Ok(monitors(&conn, root)?
        .into_iter()
        .map(|(info, _)| info)
        .collect())
}

fn monitors(conn: &RustConnection, root: Window) -> Result<Vec<(ScreenInfo, Area)>, ScreenError> {
    let reply = conn
        .randr_get_monitors(root, true)
        .map_err(failed)?
        .reply()
        .map_err(failed)?;
    let mut found = Vec::new();
    for m in reply.monitors {
        let atom = conn
            .get_atom_name(m.name)
            .map_err(failed)?
            .reply()
            .map_err(failed)?;
        let id = String::from_utf8_lossy(&atom.name).into_owned();
        let area = Area {
            x: m.x,
            y: m.y,
            width: m.width & !1,
            height: m.height & !1,
        };
        let info = ScreenInfo {
            name: format!(
                "{id} {}x{}{}",
                m.width,
                m.height,
                if m.primary { " (primary)" } else { "" }
            ),
            id,
            width: usize::from(area.width),
            height: usize::from(area.height),
        };
        found.push((info, area));
    }
    Ok(found)
}

/// Opens a monitor by its id.
pub(crate) fn open(display: Option<&str>, id: &str) -> Result<Screen, ScreenError> {
    let (conn, root) = connect(display)?;
    let all = monitors(&conn, root)?;
    let (_, area) = *all
        .iter()
        .find(|(info, _)| info.id == id)
        .ok_or_else(|| ScreenError::NotFound(id.to_owned()))?;
    let mut grabber = Grabber::new(conn, root, area)?;
    let size = (usize::from(area.width), usize::from(area.height));
    grabber.grab().map_err(failed)?;
    Ok(Screen::start("screen", size, move |slot, stop| {
        run(grabber, slot, stop)
    }))
}

fn run(mut grabber: Grabber, slot: &Slot, stop: &AtomicBool) {
    let step = Duration::from_secs(1) / FPS;
    let (mut due, mut last_put) = (Instant::now(), None::<Instant>);
    while !stop.load(Ordering::Relaxed) {
        match grabber.grab() {
            Ok(changed) if changed || last_put.is_none_or(|t| t.elapsed() >= REFRESH) => {
                let (width, height) = (
                    usize::from(grabber.area.width),
                    usize::from(grabber.area.height),
                );
                if let Ok(picture) = I420::from_bgra(width, height, &grabber.pixels, 4 * width) {
                    last_put = Some(Instant::now());
                    slot.put(Frame {
                        picture: Arc::new(picture),
                        captured: due.min(Instant::now()),
                    });
                }
            }
            Ok(_) => {}
            Err(e) => {
                tracing::warn!("the screen can't be read any more: {e}");
                return;
            }
        }
        // Behind time, the next picture is taken at once and the missed ones are left out.
        due = (due + step).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// Reads one monitor again and again.
struct Grabber {
    conn: RustConnection,
    root: Window,
    area: Area,
    shared: Option<Segment>,
    cursor: bool,
    /// BGRA of the last picture with the cursor in it, tight rows.
    pixels: Vec<u8>,
    /// The last picture without the cursor, and where the cursor was: what "changed" is measured by.
    before: Vec<u8>,
    cursor_before: (i16, i16, u32),
}

/// Memory the X server writes and we read.
struct Segment {
    id: shm::Seg,
    map: MmapMut,
}

impl Grabber {
    fn new(conn: RustConnection, root: Window, area: Area) -> Result<Grabber, ScreenError> {
        let setup = conn.setup();
        let depth = conn
            .get_geometry(root)
            .map_err(failed)?
            .reply()
            .map_err(failed)?
            .depth;
        let bits = setup
            .pixmap_formats
            .iter()
            .find(|f| f.depth == depth)
            .map_or(0, |f| f.bits_per_pixel);
        if bits != 32 || setup.image_byte_order != ImageOrder::LSB_FIRST {
            return Err(ScreenError::Failed(format!(
                "pixels of {bits} bits are not supported"
            )));
        }
        let length = 4 * usize::from(area.width) * usize::from(area.height);
        let shared = Segment::new(&conn, length);
        let cursor = conn
            .xfixes_query_version(4, 0)
            .ok()
            .and_then(|c| c.reply().ok())
            .is_some();
        Ok(Grabber {
            conn,
            root,
            area,
            shared,
            cursor,
            pixels: Vec::with_capacity(length),
            before: Vec::new(),
            cursor_before: (0, 0, 0),
        })
    }

    /// Reads the monitor into `pixels`; tells whether anything changed since the last time.
    fn grab(&mut self) -> Result<bool, x11rb::errors::ReplyError> {
        let Area {
            x,
            y,
            width,
            height,
        } = self.area;
        let plain;
        let fresh: &[u8] = match &self.shared {
            Some(s) => {
                let format = u8::from(ImageFormat::Z_PIXMAP);
                self.conn
                    .shm_get_image(self.root, x, y, width, height, ALL_PLANES, format, s.id, 0)?
                    .reply()?;
                &s.map
            }
            None => {
                let cookie = self.conn.get_image(
                    ImageFormat::Z_PIXMAP,
                    self.root,
                    x,
                    y,
                    width,
                    height,
                    ALL_PLANES,
                )?;
                plain = cookie.reply()?.data;
                &plain
            }
        };
        let length = 4 * usize::from(width) * usize::from(height);
        let fresh = &fresh[..length.min(fresh.len())];
        let mut changed = self.before != fresh;
        if changed {
            self.before.clear();
            self.before.extend_from_slice(fresh);
        }
        let cursor = match self.cursor {
            true => Some(self.conn.xfixes_get_cursor_image()?.reply()?),
            false => None,
        };
        if let Some(c) = &cursor {
            let place = (c.x, c.y, c.cursor_serial);
            changed |= place != self.cursor_before;
            self.cursor_before = place;
        }
        if changed || self.pixels.is_empty() {
            self.pixels.clear();
            self.pixels.extend_from_slice(&self.before);
            if let Some(c) = cursor {
                let left = i32::from(c.x) - i32::from(c.xhot) - i32::from(x);
                let top = i32::from(c.y) - i32::from(c.yhot) - i32::from(y);
                draw_cursor(
                    &mut self.pixels,
                    (width, height),
                    (left, top),
                    c.width,
                    &c.cursor_image,
                );
            }
        }
        Ok(changed)
    }
}

impl Segment {
    /// `None` where the server shares no memory, as remote ones don't.
    fn new(conn: &RustConnection, length: usize) -> Option<Segment> {
        conn.shm_query_version().ok()?.reply().ok()?;
        let id = conn.generate_id().ok()?;
        let reply = conn
            .shm_create_segment(id, u32::try_from(length).ok()?, false)
            .ok()?
            .reply()
            .ok()?;
        let file = File::from(reply.shm_fd);
        if file.metadata().ok()?.len() < length as u64 {
            return None;
        }
        // SAFETY: the file is a segment of at least `length` bytes that the X server made for us alone and keeps at that
        // size. The server writes it only while it answers our `get_image`; we read it only after that answer, on this
        // thread. Even a server that broke this could change bytes that are read as plain pixels, no more.
        let map = unsafe { memmap2::MmapOptions::new().len(length).map_mut(&file) }.ok()?;
        Some(Segment { id, map })
    }
}

/// Draws premultiplied ARGB pixels over BGRA ones, cropped to the picture.
fn draw_cursor(
    pixels: &mut [u8],
    size: (u16, u16),
    at: (i32, i32),
    cursor_width: u16,
    argb: &[u32],
) {
    if cursor_width == 0 {
        return;
    }
    let (width, height) = (i32::from(size.0), i32::from(size.1));
    for (i, &colour) in argb.iter().enumerate() {
        let x = at.0 + (i % usize::from(cursor_width)) as i32;
        let y = at.1 + (i / usize::from(cursor_width)) as i32;
        if x < 0 || y < 0 || x >= width || y >= height || colour >> 24 == 0 {
            continue;
        }
        let start = 4 * (y as usize * usize::from(size.0) + x as usize);
        let Some(pixel) = pixels.get_mut(start..start + 3) else {
            return;
        };
        let [b, g, r, a] = colour.to_le_bytes();
        for (under, over) in pixel.iter_mut().zip([b, g, r]) {
            let shade = u32::from(*under) * (255 - u32::from(a)) / 255;
            *under = (u32::from(over) + shade).min(255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};
    use x11rb::protocol::xproto::ChangeWindowAttributesAux;

    /// A virtual X server of our own.
    struct Xvfb(Child, String);

    impl Xvfb {
        fn start() -> Option<Xvfb> {
            let mut child = Command::new("Xvfb")
                .args([
                    "-displayfd",
                    "1",
                    "-screen",
                    "0",
                    "640x480x24",
                    "-nolisten",
                    "tcp",
                ])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()?;
            let mut number = String::new();
            BufReader::new(child.stdout.take()?)
                .read_line(&mut number)
                .ok()?;
            Some(Xvfb(child, format!(":{}", number.trim())))
        }
    }

    impl Drop for Xvfb {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn paint(conn: &RustConnection, root: Window, rgb: u32) {
        let aux = ChangeWindowAttributesAux::new().background_pixel(rgb);
        conn.change_window_attributes(root, &aux).unwrap();
        conn.clear_area(false, root, 0, 0, 0, 0)
            .unwrap()
            .check()
            .unwrap();
    }

    #[test]
    fn what_is_drawn_on_a_display_is_captured_and_a_still_screen_costs_nothing() {
        let Some(server) = Xvfb::start() else {
            eprintln!("skipped: Xvfb is not installed");
            return;
        };
        let display = Some(server.1.as_str());
        let (conn, root) = connect(display).unwrap();
        paint(&conn, root, 0x00ff_0000);
        let screens = list(display).unwrap();
        assert_eq!((screens[0].width, screens[0].height), (640, 480));
        let mut screen = open(display, &screens[0].id).unwrap();
        let mut next = || {
            screen
                .next(Duration::from_secs(10))
                .map(|f| f.picture)
                .unwrap()
        };
        // Red in BT.601 limited range: Y 81, V 240, within rounding.
        let red = next();
        assert!(
            red.y()[100].abs_diff(81) <= 2 && red.v()[100].abs_diff(240) <= 2,
            "{} {}",
            red.y()[100],
            red.v()[100]
        );
        paint(&conn, root, 0x0000_00ff);
        let blue = std::iter::from_fn(|| Some(next()))
            .take(20)
            .find(|p| p.u()[100] > 200);
        assert!(blue.is_some(), "the new colour arrives");
        // A moving screen would bring these within a third of a second.
        let still = Instant::now();
        (0..4).for_each(|_| drop(next()));
        assert!(
            still.elapsed() > REFRESH,
            "a still screen comes once a second"
        );
        assert!(matches!(
            open(display, "no-such"),
            Err(ScreenError::NotFound(_))
        ));
    }

    #[test]
    fn without_a_display_there_is_a_clear_error() {
        assert!(matches!(
            open(Some(":9999"), "x"),
            Err(ScreenError::NoDisplay)
        ));
    }

    #[test]
    fn a_cursor_at_the_edge_is_cropped() {
        let mut pixels = vec![0u8; 4 * 4 * 4];
        draw_cursor(&mut pixels, (4, 4), (3, -1), 2, &[0xffff_ffff; 4]);
        let white: Vec<usize> = (0..16).filter(|i| pixels[4 * i] == 255).collect();
        assert_eq!(white, [3]);
    }
}
