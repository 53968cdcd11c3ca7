//! A coloured frame around what is shared, so that everyone at this computer sees what leaves it. It lets clicks through, and
//! follows a window about. Around a window it lies outside and is not in the picture; along a screen's edges it is.

use super::list::monitors;
use super::memory::Area;
use super::{Answer, Desktop, Target, target};
use crate::{ScreenError, ScreenSpec};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::shape::SK;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, MapState, Rectangle, StackMode,
    Window, WindowClass,
};

/// Pixels.
const THICK: u16 = 4;
/// Between two looks where the window is.
const LOOK: Duration = Duration::from_millis(150);

/// The four sides, and where they stand.
pub(crate) struct Sides {
    desktop: Desktop,
    target: Target,
    windows: [Window; 4],
    at: Option<Area>,
}

/// Shows the frame in the colour 0xRRGGBB. The caller runs [`Sides::follow`] on a thread of its own.
pub(crate) fn show(
    display: Option<&str>,
    spec: &ScreenSpec,
    colour: u32,
) -> Result<Sides, ScreenError> {
    let desktop = Desktop::connect(display)?;
    let target = target(spec)?;
    Sides::new(desktop, target, colour).map_err(super::failed)
}

impl Sides {
    fn new(desktop: Desktop, target: Target, colour: u32) -> Answer<Sides> {
        let conn = &desktop.conn;
        conn.xfixes_query_version(4, 0)?.reply()?;
        let nothing = conn.generate_id()?;
        conn.xfixes_create_region(nothing, &[])?;
        let mut windows = [0; 4];
        for window in &mut windows {
            *window = conn.generate_id()?;
            let aux = CreateWindowAux::new()
                .override_redirect(1)
                .background_pixel(colour & 0x00ff_ffff);
            let class = WindowClass::INPUT_OUTPUT;
            conn.create_window(0, *window, desktop.root, 0, 0, 1, 1, 0, class, 0, &aux)?
                .check()?;
            conn.xfixes_set_window_shape_region(*window, SK::INPUT, 0, 0, nothing)?;
        }
        let mut sides = Sides {
            desktop,
            target,
            windows,
            at: None,
        };
        sides.look()?;
        Ok(sides)
    }

    /// Stays around what is shared until that is gone, or the sender of `stop` is.
    pub(crate) fn follow(mut self, stop: &Receiver<()>) {
        while stop.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if let Err(error) = self.look() {
                tracing::debug!("the border goes: {error}");
                return;
            }
        }
    }

    /// An error means that what is shared is gone.
    fn look(&mut self) -> Answer<()> {
        let now = place(&self.desktop, &self.target)?;
        if now == self.at {
            return Ok(());
        }
        self.at = now;
        let conn = &self.desktop.conn;
        let Some(area) = now else {
            for window in self.windows {
                conn.unmap_window(window)?;
            }
            return Ok(conn.flush()?);
        };
        let outside = matches!(self.target, Target::Window(_));
        for (window, side) in self.windows.into_iter().zip(sides(area, outside)) {
            let aux = ConfigureWindowAux::new()
                .x(i32::from(side.x))
                .y(i32::from(side.y))
                .width(u32::from(side.width))
                .height(u32::from(side.height))
                .stack_mode(StackMode::ABOVE);
            conn.configure_window(window, &aux)?;
            conn.map_window(window)?;
        }
        Ok(conn.flush()?)
    }
}

/// Where it is on the root window; `None` while it is hidden, an error where it is gone.
pub(super) fn place(desktop: &Desktop, target: &Target) -> Answer<Option<Area>> {
    let window = match target {
        Target::Monitor(name) => {
            let found = monitors(desktop)?.into_iter().find(|m| m.name == *name);
            // Any error will do.
            return found
                .map(|m| Some(m.area))
                .ok_or(ReplyOrIdError::IdsExhausted);
        }
        Target::Window(window) => *window,
    };
    let conn = &desktop.conn;
    if conn.get_window_attributes(window)?.reply()?.map_state != MapState::VIEWABLE {
        return Ok(None);
    }
    let size = conn.get_geometry(window)?.reply()?;
    let at = conn
        .translate_coordinates(window, desktop.root, 0, 0)?
        .reply()?;
    Ok(Some(Area {
        x: at.dst_x,
        y: at.dst_y,
        width: size.width,
        height: size.height,
    }))
}

/// Top, bottom, left, right.
fn sides(area: Area, outside: bool) -> [Rectangle; 4] {
    let thick = THICK as i16;
    let grow = if outside { thick } else { 0 };
    let (x, y) = (area.x.saturating_sub(grow), area.y.saturating_sub(grow));
    let width = area.width.saturating_add(2 * grow as u16).max(1);
    let height = area.height.saturating_add(2 * grow as u16).max(1);
    let side = |x: i16, y: i16, width: u16, height: u16| Rectangle {
        x,
        y,
        width,
        height,
    };
    let far = |start: i16, length: u16| {
        let end = i32::from(start) + i32::from(length) - i32::from(thick);
        end.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
    };
    [
        side(x, y, width, THICK),
        side(x, far(y, height), width, THICK),
        side(x, y, THICK, height),
        side(far(x, width), y, THICK, height),
    ]
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_windows_border_lies_outside_it_and_a_screens_inside() {
        let area = Area {
            x: 100,
            y: 50,
            width: 200,
            height: 80,
        };
        let place = |r: Rectangle| (r.x, r.y, r.width, r.height);
        assert_eq!(
            sides(area, true).map(place),
            [
                (96, 46, 208, 4),
                (96, 130, 208, 4),
                (96, 46, 4, 88),
                (300, 46, 4, 88)
            ]
        );
        assert_eq!(
            sides(area, false).map(place),
            [
                (100, 50, 200, 4),
                (100, 126, 200, 4),
                (100, 50, 4, 80),
                (296, 50, 4, 80)
            ]
        );
    }
}
