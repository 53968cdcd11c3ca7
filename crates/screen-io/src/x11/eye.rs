//! Looks at one monitor or window again and again, and reads only what was drawn since.

use super::beneath::{covered, restore};
use super::cursor::Cursor;
use super::list::{monitors, numbers};
use super::memory::{Area, Pixels};
use super::{Answer, Desktop, Target, failed};
use crate::{ScreenError, ScreenOptions};
use confab_capture::End;
use confab_picture::I420;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::errors::{ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::damage::{ConnectionExt as _, Damage, ReportLevel};
use x11rb::protocol::randr::{ConnectionExt as _, NotifyMask};
use x11rb::protocol::xfixes::{ConnectionExt as _, Region};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, Drawable, EventMask, ImageOrder, MapState,
    Rectangle, Window, WindowClass,
};

/// Without a compositor a window that others lie on has to draw itself anew when it is first looked at; until then its
/// picture shows the others. So long it gets.
const REDRAW: Duration = Duration::from_millis(250);
/// Bands of rows nearer than this are read as one: a question to the server costs more than some rows.
const NEAR: usize = 16;

/// What a look brought.
pub(super) enum Sight {
    New(I420),
    /// Nothing was drawn, or nothing is to be seen at the moment.
    Same,
    End(End),
}

pub(super) struct Eye {
    desktop: Desktop,
    target: Target,
    /// What is read, and where on it; `None` while the window is hidden.
    view: Option<(Drawable, Area)>,
    /// The last size seen, which stays while the window is hidden.
    area: Area,
    pixels: Pixels,
    /// Without it every row counts as drawn.
    damage: Option<(Damage, Region)>,
    /// The picture without the cursor.
    base: I420,
    /// There is something in `base`.
    known: bool,
    /// What overlays of ours covered when it was read last.
    inked: Vec<Arc<Vec<Rectangle>>>,
    cursor: Option<Cursor>,
    /// The window had a window manager's state when it was opened: losing it means that it was put away for good.
    managed: bool,
    // What the server told since the last look.
    drawn: bool,
    moved: bool,
    /// The whole picture has to be read anew.
    all: bool,
}

impl Eye {
    pub(super) fn open(
        desktop: Desktop,
        target: Target,
        options: &ScreenOptions,
    ) -> Result<Eye, ScreenError> {
        let cursor = options.cursor.then(|| Cursor::new(&desktop)).flatten();
        let mut eye = Eye {
            pixels: Pixels::Plain(Vec::new()),
            desktop,
            target,
            view: None,
            area: Area::default(),
            damage: None,
            base: I420::black(2, 2),
            known: false,
            inked: Vec::new(),
            cursor,
            managed: false,
            drawn: true,
            moved: false,
            all: true,
        };
        eye.prepare()?;
        eye.place().map_err(failed)?;
        if eye.view.is_none() {
            return Err(eye.not_found());
        }
        eye.listen().map_err(failed)?;
        if matches!(eye.target, Target::Window(_)) && !eye.desktop.compositor {
            std::thread::sleep(REDRAW);
        }
        Ok(eye)
    }

    pub(super) fn size(&self) -> (usize, usize) {
        self.area.size()
    }

    fn not_found(&self) -> ScreenError {
        ScreenError::NotFound(match &self.target {
            Target::Monitor(name) => name.clone(),
            Target::Window(window) => format!("{window:#x}"),
        })
    }

    /// What is asked of the server once.
    fn prepare(&mut self) -> Result<(), ScreenError> {
        let conn = &self.desktop.conn;
        let looked_at = match &self.target {
            Target::Monitor(_) => {
                let mask = NotifyMask::SCREEN_CHANGE;
                conn.randr_select_input(self.desktop.root, mask)
                    .map_err(failed)?;
                self.desktop.root
            }
            Target::Window(window) => {
                let window = *window;
                if !self.desktop.composite {
                    return Err(ScreenError::Unsupported);
                }
                let there = conn.get_window_attributes(window).map_err(failed)?.reply();
                if !there.is_ok_and(|a| a.class == WindowClass::INPUT_OUTPUT) {
                    return Err(self.not_found());
                }
                let aux = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
                conn.change_window_attributes(window, &aux)
                    .map_err(failed)?;
                conn.composite_redirect_window(window, Redirect::AUTOMATIC)
                    .map_err(failed)?
                    .check()
                    .map_err(failed)?;
                self.managed = self.state().map_err(failed)?.is_some();
                window
            }
        };
        let depth = conn
            .get_geometry(looked_at)
            .map_err(failed)?
            .reply()
            .map_err(failed)?
            .depth;
        let setup = conn.setup();
        let format = setup.pixmap_formats.iter().find(|f| f.depth == depth);
        let bits = format.map_or(0, |f| f.bits_per_pixel);
        if bits != 32 || depth < 24 || setup.image_byte_order != ImageOrder::LSB_FIRST {
            return Err(ScreenError::Failed(format!(
                "pixels of {depth} in {bits} bits are not supported"
            )));
        }
        Ok(())
    }

    /// Asks the server to tell what is drawn.
    fn listen(&mut self) -> Answer<()> {
        let conn = &self.desktop.conn;
        let known = conn.damage_query_version(1, 1).ok();
        let regions = conn.xfixes_query_version(4, 0).ok();
        if known.and_then(|c| c.reply().ok()).is_none()
            || regions.and_then(|c| c.reply().ok()).is_none()
        {
            return Ok(());
        }
        let (damage, region) = (conn.generate_id()?, conn.generate_id()?);
        let drawable = match self.target {
            Target::Monitor(_) => self.desktop.root,
            Target::Window(window) => window,
        };
        conn.xfixes_create_region(region, &[])?.check()?;
        conn.damage_create(damage, drawable, ReportLevel::NON_EMPTY)?
            .check()?;
        self.damage = Some((damage, region));
        Ok(())
    }

    /// The window manager's word on the window (ICCCM 4.1.3.1): 0 withdrawn, 1 normal, 3 iconic.
    fn state(&self) -> Answer<Option<u32>> {
        let Target::Window(window) = self.target else {
            return Ok(None);
        };
        let name = self.desktop.atoms.WM_STATE;
        Ok(numbers(&self.desktop, window, name, name)?.first().copied())
    }

    /// Finds out anew what to read and where. An error means that there is nothing left to read.
    fn place(&mut self) -> Answer<()> {
        if let (Target::Window(_), Some((pixmap, _))) = (&self.target, self.view.take()) {
            self.desktop.conn.free_pixmap(pixmap)?;
        }
        self.view = match &self.target {
            Target::Monitor(name) => monitors(&self.desktop)?
                .into_iter()
                .find(|m| m.name == *name)
                .map(|m| (self.desktop.root, m.area)),
            Target::Window(window) => self.window(*window)?,
        };
        let Some((_, area)) = self.view else {
            return Ok(());
        };
        if self.pixels.len() < area.bytes() {
            self.pixels.release(&self.desktop.conn)?;
            self.pixels = Pixels::new(&self.desktop.conn, area.bytes());
        }
        if self.base.size() != area.size() {
            let (width, height) = area.size();
            self.base = I420::black(width, height);
            self.known = false;
        }
        self.area = area;
        self.all = true;
        Ok(())
    }

    /// The window's own pixels, which stay whole where others lie on it. `None` while it is not shown.
    fn window(&self, window: Window) -> Answer<Option<(Drawable, Area)>> {
        let conn = &self.desktop.conn;
        if conn.get_window_attributes(window)?.reply()?.map_state != MapState::VIEWABLE {
            return Ok(None);
        }
        let pixmap = conn.generate_id()?;
        conn.composite_name_window_pixmap(window, pixmap)?.check()?;
        // The pixmap's size, not the window's, which may be newer by now. The border belongs to it.
        let border = conn.get_geometry(window)?.reply()?.border_width;
        let whole = conn.get_geometry(pixmap)?.reply()?;
        let inner = |side: u16| side.saturating_sub(2 * border) & !1;
        let area = Area {
            x: border as i16,
            y: border as i16,
            width: inner(whole.width),
            height: inner(whole.height),
        };
        if area.width == 0 || area.height == 0 {
            conn.free_pixmap(pixmap)?;
            return Ok(None);
        }
        Ok(Some((pixmap, area)))
    }

    /// Looks. While `open` is false nothing is read, and only the end is noticed.
    pub(super) fn look(&mut self, open: bool) -> Answer<Sight> {
        match self.try_look(open) {
            // Between two questions a window may have been hidden, resized or closed.
            Err(ReplyOrIdError::X11Error(error)) if matches!(self.target, Target::Window(_)) => {
                tracing::debug!("the window changed while it was read: {error:?}");
                self.moved = true;
                Ok(match self.exists()? {
                    true => Sight::Same,
                    false => Sight::End(End::Closed),
                })
            }
            other => other,
        }
    }

    fn exists(&self) -> Answer<bool> {
        let Target::Window(window) = self.target else {
            return Ok(true);
        };
        match self.desktop.conn.get_window_attributes(window)?.reply() {
            Ok(_) => Ok(true),
            Err(ReplyError::X11Error(_)) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    fn try_look(&mut self, open: bool) -> Answer<Sight> {
        if let Some(end) = self.hear()? {
            return Ok(Sight::End(end));
        }
        if self.moved {
            self.moved = false;
            self.place()?;
        }
        if self.view.is_none() {
            return Ok(match self.target {
                Target::Monitor(_) => Sight::End(End::Gone),
                Target::Window(_) if self.managed && matches!(self.state()?, None | Some(0)) => {
                    Sight::End(End::Closed)
                }
                Target::Window(_) => Sight::Same,
            });
        }
        if !open {
            return Ok(Sight::Same);
        }
        let mut changed = self.read()?;
        if let Some(cursor) = &mut self.cursor {
            // A window's pointer is told relative to the window, a monitor's to all of them.
            let (window, area) = match self.target {
                Target::Monitor(_) => (self.desktop.root, self.area),
                Target::Window(window) => (
                    window,
                    Area {
                        x: 0,
                        y: 0,
                        ..self.area
                    },
                ),
            };
            changed |= cursor.follow(&self.desktop, window, area)?;
        }
        if !changed {
            return Ok(Sight::Same);
        }
        let mut picture = self.base.clone();
        if let Some(cursor) = &self.cursor {
            cursor.draw(&mut picture, self.pixels.bytes());
        }
        Ok(Sight::New(picture))
    }

    /// Takes in what the server told; gives the end if that was it.
    fn hear(&mut self) -> Answer<Option<End>> {
        while let Some(event) = self.desktop.conn.poll_for_event()? {
            match (event, &self.target) {
                (Event::DamageNotify(_), _) => self.drawn = true,
                (Event::XfixesCursorNotify(_), _) => {
                    if let Some(cursor) = &mut self.cursor {
                        cursor.stale = true;
                    }
                }
                (Event::RandrScreenChangeNotify(_), Target::Monitor(_)) => self.moved = true,
                (Event::DestroyNotify(e), Target::Window(w)) if e.window == *w => {
                    return Ok(Some(End::Closed));
                }
                (Event::ConfigureNotify(e), Target::Window(w)) if e.window == *w => {
                    // Moving it about changes nothing.
                    let size = (e.width & !1, e.height & !1);
                    self.moved |= size != (self.area.width, self.area.height);
                }
                (Event::MapNotify(_) | Event::UnmapNotify(_), Target::Window(_)) => {
                    self.moved = true;
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Reads what was drawn since the last time; tells whether there was anything.
    fn read(&mut self) -> Answer<bool> {
        let Some((drawable, area)) = self.view else {
            return Ok(false);
        };
        let before = self.ink();
        let mut rows = self.drawn_rows(area, &before)?;
        if self.all {
            rows.clear();
            rows.push(0..usize::from(area.height));
        }
        for band in &rows {
            self.pixels
                .read(&self.desktop.conn, drawable, area, band.clone())?;
            let stride = area.stride();
            let bytes = &self.pixels.bytes()[band.start * stride..band.end * stride];
            let fresh = I420::from_bgra(usize::from(area.width), band.len(), bytes, stride);
            if let Ok(mut fresh) = fresh {
                if self.known {
                    // Ink that went meanwhile may still be in these pixels, and ink that came.
                    for ink in before.iter().chain(&self.ink()) {
                        restore(&mut fresh, &self.base, band, area, ink);
                    }
                }
                self.base.paste(&fresh, 0, band.start);
            }
        }
        self.known |= self.all;
        self.all = false;
        self.inked = before;
        Ok(!rows.is_empty())
    }

    /// What of ours lies over the monitor; a window's own pixels are without it.
    fn ink(&self) -> Vec<Arc<Vec<Rectangle>>> {
        match self.target {
            Target::Monitor(_) => covered(&self.desktop.name),
            Target::Window(_) => Vec::new(),
        }
    }

    /// The rows that were drawn on since the last time, and those that ink lay on which changed since.
    fn drawn_rows(&mut self, area: Area, ink: &[Arc<Vec<Rectangle>>]) -> Answer<Vec<Range<usize>>> {
        let Some((damage, region)) = self.damage else {
            self.all = true;
            return Ok(Vec::new());
        };
        let mut parts = Vec::new();
        if self.drawn {
            // First forgotten, then read: what is drawn in between is told again.
            self.drawn = false;
            let conn = &self.desktop.conn;
            conn.damage_subtract(damage, x11rb::NONE, region)?;
            parts = conn.xfixes_fetch_region(region)?.reply()?.rectangles;
        }
        let gone = |was: &&Arc<Vec<Rectangle>>| !ink.iter().any(|now| Arc::ptr_eq(was, now));
        for was in self.inked.iter().filter(gone) {
            parts.extend_from_slice(was);
        }
        let origin = match self.target {
            Target::Monitor(_) => area,
            Target::Window(_) => Area { x: 0, y: 0, ..area },
        };
        Ok(bands(&parts, origin))
    }
}

/// The rows of `area` that `parts` touch, in even bands from top to bottom.
fn bands(parts: &[Rectangle], area: Area) -> Vec<Range<usize>> {
    let (left, top) = (i32::from(area.x), i32::from(area.y));
    let (right, height) = (left + i32::from(area.width), i32::from(area.height));
    let mut rows: Vec<Range<usize>> = parts
        .iter()
        .filter(|p| {
            let start = i32::from(p.x);
            start < right && start + i32::from(p.width) > left
        })
        .map(|p| {
            let start = (i32::from(p.y) - top).clamp(0, height) as usize & !1;
            let end = (i32::from(p.y) + i32::from(p.height) - top).clamp(0, height) as usize;
            start..end.next_multiple_of(2)
        })
        .filter(|r| !r.is_empty())
        .collect();
    rows.sort_by_key(|r| r.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for next in rows {
        match joined.last_mut() {
            Some(last) if next.start <= last.end + NEAR => last.end = last.end.max(next.end),
            _ => joined.push(next),
        }
    }
    joined
}

#[cfg(test)]
mod unit {
    use super::*;

    fn part(x: i16, y: i16, width: u16, height: u16) -> Rectangle {
        Rectangle {
            x,
            y,
            width,
            height,
        }
    }

    #[test]
    fn only_rows_of_the_area_are_read_and_near_ones_together() {
        let area = Area {
            x: 100,
            y: 50,
            width: 200,
            height: 100,
        };
        assert_eq!(bands(&[], area), []);
        assert_eq!(
            bands(&[part(0, 60, 100, 10), part(300, 60, 9, 9)], area),
            []
        );
        assert_eq!(
            bands(&[part(0, 0, 1000, 1000)], area).first(),
            Some(&(0..100))
        );
        assert_eq!(bands(&[part(299, 53, 5, 2)], area).first(), Some(&(2..6)));
        let apart = [
            part(150, 130, 1, 1),
            part(150, 55, 1, 1),
            part(150, 60, 1, 5),
        ];
        assert_eq!(bands(&apart, area), [4..16, 80..82]);
        let all = part(-32768, -32768, 65535, 65535);
        assert_eq!(bands(&[all], area).first(), Some(&(0..100)));
    }
}
