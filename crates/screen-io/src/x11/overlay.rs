//! Ink over the real screen: one window as large as what is shared whose shape is the ink and nothing else, so that it needs no
//! compositor, and whose input shape is empty, so that every click goes through. What it shows is a pixmap of the server's: it
//! draws itself anew without us.

use super::beneath::Cover;
use super::border::place;
use super::list::windows;
use super::memory::Area;
use super::{Answer, Desktop, Target, failed, target};
use crate::ink::{Ink, InkStroke, Seen, Span, joined, spans};
use crate::{ScreenError, ScreenSpec};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::protocol::shape::SK;
use x11rb::protocol::xfixes::{ConnectionExt as _, Region};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeGCAux, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _,
    CreateGCAux, CreateWindowAux, Gcontext, MapState, Pixmap, PropMode, Rectangle, StackMode,
    Window, WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

/// Between two looks where what is shared is, and what lies on it.
const LOOK: Duration = Duration::from_millis(100);
/// Ink that moves is drawn anew at most this often: thirty times a second.
const REST: Duration = Duration::from_millis(33);
/// Rectangles in one request: an eighth of what every X server takes.
const BATCH: usize = 4096;

pub(crate) struct Film {
    desktop: Desktop,
    target: Target,
    window: Window,
    context: Gcontext,
    /// What the window shows, and its size.
    paint: Option<(Pixmap, (u16, u16))>,
    at: Option<Area>,
    version: Option<u64>,
    /// Windows that lie over the one that is shared.
    above: Vec<Area>,
    /// Strokes with their pixels, counted for the size of `at`.
    kept: Vec<(Arc<InkStroke>, Vec<Span>)>,
    cover: Arc<Cover>,
    mapped: bool,
}

/// A window without ink yet. The caller runs [`Film::follow`] on a thread of its own.
pub(crate) fn open(display: Option<&str>, spec: &ScreenSpec) -> Result<Film, ScreenError> {
    let desktop = Desktop::connect(display)?;
    let target = target(spec)?;
    Film::new(desktop, target).map_err(failed)
}

fn rectangle(span: &Span) -> Rectangle {
    Rectangle {
        x: span.x as i16,
        y: span.y as i16,
        width: span.width as u16,
        height: 1,
    }
}

/// A compositor that gives every window a shadow would darken all that the ink lies over. What is dragged about has none with window
/// managers that are one, and picom has a word for it.
fn no_shadow(desktop: &Desktop, window: Window) -> Answer<()> {
    let (conn, atoms) = (&desktop.conn, &desktop.atoms);
    let (replace, number) = (PropMode::REPLACE, AtomEnum::CARDINAL);
    let kind = [atoms._NET_WM_WINDOW_TYPE_DND];
    let name = atoms._NET_WM_WINDOW_TYPE;
    conn.change_property32(replace, window, name, AtomEnum::ATOM, &kind)?;
    conn.change_property32(replace, window, atoms._COMPTON_SHADOW, number, &[0])?;
    Ok(())
}

impl Film {
    fn new(desktop: Desktop, target: Target) -> Answer<Film> {
        let (conn, atoms) = (&desktop.conn, &desktop.atoms);
        conn.xfixes_query_version(4, 0)?.reply()?;
        let (window, context, nothing) = (
            conn.generate_id()?,
            conn.generate_id()?,
            conn.generate_id()?,
        );
        let aux = CreateWindowAux::new().override_redirect(1);
        let class = WindowClass::INPUT_OUTPUT;
        conn.create_window(0, window, desktop.root, 0, 0, 1, 1, 0, class, 0, &aux)?
            .check()?;
        conn.xfixes_create_region(nothing, &[])?;
        conn.xfixes_set_window_shape_region(window, SK::INPUT, 0, 0, nothing)?;
        conn.xfixes_destroy_region(nothing)?;
        no_shadow(&desktop, window)?;
        let ours = [std::process::id()];
        let pid = atoms._NET_WM_PID;
        conn.change_property32(PropMode::REPLACE, window, pid, AtomEnum::CARDINAL, &ours)?;
        conn.create_gc(context, window, &CreateGCAux::new().graphics_exposures(0))?
            .check()?;
        Ok(Film {
            cover: Cover::new(&desktop.name),
            desktop,
            target,
            window,
            context,
            paint: None,
            at: None,
            version: None,
            above: Vec::new(),
            kept: Vec::new(),
            mapped: false,
        })
    }

    /// Follows the ink, and what it lies over, until that is gone or `over` is set and the ink woken.
    pub(crate) fn follow(mut self, ink: &Ink, over: &AtomicBool) {
        let mut seen = ink.wait(u64::MAX, Duration::ZERO);
        while !over.load(Ordering::Relaxed) {
            if let Err(error) = self.look(&seen) {
                tracing::debug!("the overlay goes: {error}");
                return;
            }
            let version = seen.version;
            seen = ink.wait(version, LOOK);
            if seen.version != version && !over.load(Ordering::Relaxed) {
                // What came together is drawn together.
                std::thread::sleep(REST);
                seen = ink.wait(u64::MAX, Duration::ZERO);
            }
        }
    }

    /// An error means that what is shared is gone.
    pub(super) fn look(&mut self, seen: &Seen) -> Answer<()> {
        while self.desktop.conn.poll_for_event()?.is_some() {}
        let now = place(&self.desktop, &self.target)?;
        let area = now.filter(|a| a.width > 0 && a.height > 0 && !seen.strokes.is_empty());
        let Some(area) = area else {
            return self.hide();
        };
        let above = self.above(area)?;
        let resized = self
            .at
            .is_none_or(|a| (a.width, a.height) != (area.width, area.height));
        let moved = self.at != Some(area);
        let changed = resized || self.version != Some(seen.version) || above != self.above;
        (self.at, self.version, self.above) = (Some(area), Some(seen.version), above);
        if changed || moved {
            self.count(&seen.strokes, resized, (area.width, area.height));
            self.draw(area, changed, moved)?;
        }
        self.on_top()
    }

    fn hide(&mut self) -> Answer<()> {
        (self.at, self.version) = (None, None);
        self.kept.clear();
        let conn = &self.desktop.conn;
        if std::mem::take(&mut self.mapped) {
            conn.unmap_window(self.window)?;
            conn.sync()?;
        }
        if let Some((paint, _)) = self.paint.take() {
            conn.free_pixmap(paint)?;
            conn.flush()?;
        }
        self.cover.set(Vec::new());
        Ok(())
    }

    /// The pixels of strokes that are new here.
    fn count(&mut self, strokes: &[Arc<InkStroke>], anew: bool, size: (u16, u16)) {
        let same =
            |(kept, now): &(&(Arc<InkStroke>, _), &Arc<InkStroke>)| Arc::ptr_eq(&kept.0, now);
        let keep = match anew {
            true => 0,
            false => self.kept.iter().zip(strokes).take_while(same).count(),
        };
        self.kept.truncate(keep);
        let fresh = strokes.iter().skip(keep);
        let fresh = fresh.map(|stroke| (Arc::clone(stroke), spans(stroke, size)));
        self.kept.extend(fresh);
    }

    fn draw(&mut self, area: Area, changed: bool, moved: bool) -> Answer<()> {
        let all = self
            .kept
            .iter()
            .flat_map(|(_, spans)| spans.iter().copied());
        let all: Vec<Rectangle> = joined(all.collect()).iter().map(rectangle).collect();
        let there = |r: &Rectangle| Rectangle {
            x: r.x.saturating_add(area.x),
            y: r.y.saturating_add(area.y),
            ..*r
        };
        let covered: Vec<Rectangle> = all.iter().map(there).collect();
        let before = self.cover.rows();
        self.cover.set([before.as_slice(), &covered].concat());
        if changed {
            self.paint(area)?;
            let shape = self.region(&all)?;
            let conn = &self.desktop.conn;
            if !self.above.is_empty() {
                let above: Vec<Rectangle> = self.above.iter().map(|a| a.rectangle()).collect();
                let hidden = self.region(&above)?;
                conn.xfixes_subtract_region(shape, hidden, shape)?;
                conn.xfixes_destroy_region(hidden)?;
            }
            conn.xfixes_set_window_shape_region(self.window, SK::BOUNDING, 0, 0, shape)?;
            conn.xfixes_destroy_region(shape)?;
        }
        let conn = &self.desktop.conn;
        if moved {
            let aux = ConfigureWindowAux::new()
                .x(i32::from(area.x))
                .y(i32::from(area.y))
                .width(u32::from(area.width))
                .height(u32::from(area.height));
            conn.configure_window(self.window, &aux)?;
        }
        if changed {
            conn.clear_area(false, self.window, 0, 0, 0, 0)?;
        }
        if !self.mapped {
            self.mapped = true;
            let aux = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
            conn.configure_window(self.window, &aux)?;
            conn.map_window(self.window)?;
        }
        conn.sync()?;
        self.cover.set(covered);
        Ok(())
    }

    /// All strokes into the pixmap that the window shows, the lowest first. What is beside them is never seen.
    fn paint(&mut self, area: Area) -> Answer<()> {
        let conn = &self.desktop.conn;
        let size = (area.width, area.height);
        let paint = match self.paint {
            Some((paint, its)) if its == size => paint,
            before => {
                if let Some((old, _)) = before {
                    conn.free_pixmap(old)?;
                }
                let paint = conn.generate_id()?;
                let depth = conn.get_geometry(self.window)?.reply()?.depth;
                conn.create_pixmap(depth, paint, self.window, size.0, size.1)?
                    .check()?;
                self.paint = Some((paint, size));
                paint
            }
        };
        for (stroke, spans) in &self.kept {
            let color = ChangeGCAux::new().foreground(stroke.color & 0x00ff_ffff);
            conn.change_gc(self.context, &color)?;
            let rows: Vec<Rectangle> = spans.iter().map(rectangle).collect();
            for batch in rows.chunks(BATCH) {
                conn.poly_fill_rectangle(paint, self.context, batch)?;
            }
        }
        let aux = ChangeWindowAttributesAux::new().background_pixmap(paint);
        conn.change_window_attributes(self.window, &aux)?;
        Ok(())
    }

    fn region(&self, rows: &[Rectangle]) -> Answer<Region> {
        let conn = &self.desktop.conn;
        let whole = conn.generate_id()?;
        conn.xfixes_create_region(whole, &[])?;
        for batch in rows.chunks(BATCH) {
            let part = conn.generate_id()?;
            conn.xfixes_create_region(part, batch)?;
            conn.xfixes_union_region(whole, part, whole)?;
            conn.xfixes_destroy_region(part)?;
        }
        Ok(whole)
    }

    /// What lies over the shared window, in its coordinates: there the ink would lie on somebody else's. Windows that no window
    /// manager knows, menus for instance, do not count.
    fn above(&self, area: Area) -> Answer<Vec<Area>> {
        let Target::Window(window) = self.target else {
            return Ok(Vec::new());
        };
        let all = windows(&self.desktop)?;
        let Some(at) = all.iter().position(|w| *w == window) else {
            return Ok(Vec::new());
        };
        // One that closes between two questions is not above any more.
        let hidden = |w: &Window| self.outline(*w, area).ok().flatten();
        Ok(all[at + 1..].iter().filter_map(hidden).collect())
    }

    /// Where a program's window is with the frame that a window manager put around it; `None` where it hides nothing.
    fn outline(&self, window: Window, area: Area) -> Answer<Option<Area>> {
        let conn = &self.desktop.conn;
        let attributes = conn.get_window_attributes(window)?.reply()?;
        if attributes.map_state != MapState::VIEWABLE
            || attributes.class != WindowClass::INPUT_OUTPUT
            || attributes.override_redirect
        {
            return Ok(None);
        }
        let mut outer = window;
        loop {
            let parent = conn.query_tree(outer)?.reply()?.parent;
            if parent == self.desktop.root || parent == x11rb::NONE {
                break;
            }
            outer = parent;
        }
        let its = conn.get_geometry(outer)?.reply()?;
        let border = 2 * its.border_width;
        Ok(Some(Area {
            x: its.x.saturating_sub(area.x),
            y: its.y.saturating_sub(area.y),
            width: its.width.saturating_add(border),
            height: its.height.saturating_add(border),
        }))
    }

    /// Whatever was put over it, it comes up again.
    fn on_top(&self) -> Answer<()> {
        let conn = &self.desktop.conn;
        let all = conn.query_tree(self.desktop.root)?.reply()?.children;
        if all.last() != Some(&self.window) {
            let aux = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
            conn.configure_window(self.window, &aux)?;
            conn.sync()?;
        }
        Ok(())
    }
}
