//! X11: RandR and EWMH list what there is, DAMAGE tells what was drawn, MIT-SHM hands over those rows without copying them
//! through the socket, Composite gives windows whole though others lie on them, XFixes tells the cursor, which is drawn in
//! because X11 leaves it out. Servers without shared memory (remote ones) are asked plainly.

mod beneath;
pub(crate) mod border;
mod cursor;
mod eye;
mod list;
mod memory;
pub(crate) mod overlay;
#[cfg(test)]
mod tests;

use crate::{REFRESH, Screen, ScreenError, ScreenOptions, ScreenSpec, Source, bare};
use confab_capture::{Control, End, Frame, Slot};
use confab_picture::I420;
use eye::{Eye, Sight};
use std::sync::Arc;
use std::time::{Duration, Instant};
use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::composite::ConnectionExt as _;
use x11rb::protocol::xproto::{ConnectionExt as _, Window};
use x11rb::rust_connection::RustConnection;

x11rb::atom_manager! {
    /// The window managers' words (EWMH, ICCCM).
    pub(crate) Atoms: AtomCookies {
        _COMPTON_SHADOW,
        _NET_CLIENT_LIST,
        _NET_CLIENT_LIST_STACKING,
        _NET_WM_NAME,
        _NET_WM_PID,
        _NET_WM_WINDOW_TYPE,
        _NET_WM_WINDOW_TYPE_DESKTOP,
        _NET_WM_WINDOW_TYPE_DND,
        _NET_WM_WINDOW_TYPE_DOCK,
        UTF8_STRING,
        WM_STATE,
    }
}

type Answer<T> = Result<T, ReplyOrIdError>;

/// A connection to an X server.
struct Desktop {
    conn: RustConnection,
    /// As it was asked for: overlays and captures of one display know each other by it.
    name: String,
    root: Window,
    atoms: Atoms,
    /// Windows can be read one by one.
    composite: bool,
    /// Somebody already keeps all windows' pictures whole.
    compositor: bool,
}

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// By its RandR name.
    Monitor(String),
    Window(Window),
}

fn failed(e: impl std::fmt::Display) -> ScreenError {
    ScreenError::Failed(e.to_string())
}

impl Desktop {
    /// Connects to `display`, or to the session's.
    fn connect(display: Option<&str>) -> Result<Desktop, ScreenError> {
        let (conn, number) =
            RustConnection::connect(display).map_err(|_| ScreenError::NoDisplay)?;
        let root = conn
            .setup()
            .roots
            .get(number)
            .ok_or(ScreenError::NoDisplay)?
            .root;
        let session = || std::env::var("DISPLAY").unwrap_or_default();
        let name = display.map_or_else(session, str::to_owned);
        Desktop::greet(conn, name, number, root).map_err(failed)
    }

    fn greet(
        conn: RustConnection,
        display: String,
        number: usize,
        root: Window,
    ) -> Answer<Desktop> {
        let atoms = Atoms::new(&conn)?.reply()?;
        let composite = conn
            .composite_query_version(0, 2)
            .ok()
            .and_then(|c| c.reply().ok())
            .is_some_and(|v| (v.major_version, v.minor_version) >= (0, 2));
        let name = format!("_NET_WM_CM_S{number}");
        let selection = conn.intern_atom(false, name.as_bytes())?.reply()?.atom;
        let owner = conn.get_selection_owner(selection)?.reply()?.owner;
        Ok(Desktop {
            conn,
            name: display,
            root,
            atoms,
            composite,
            compositor: owner != x11rb::NONE,
        })
    }
}

fn target(spec: &ScreenSpec) -> Result<Target, ScreenError> {
    match spec {
        ScreenSpec::Display(id) => Ok(Target::Monitor(bare(id).to_owned())),
        ScreenSpec::Window(id) => bare(id)
            .strip_prefix("0x")
            .and_then(|hex| Window::from_str_radix(hex, 16).ok())
            .map(Target::Window)
            .ok_or_else(|| ScreenError::NotFound(id.clone())),
        ScreenSpec::Pattern => Err(ScreenError::Unsupported),
    }
}

/// The screens and windows of a display.
pub(crate) fn sources(display: Option<&str>) -> Result<Vec<Source>, ScreenError> {
    let desktop = Desktop::connect(display)?;
    list::sources(&desktop).map_err(failed)
}

/// What it looks like now.
pub(crate) fn picture(display: Option<&str>, spec: &ScreenSpec) -> Result<I420, ScreenError> {
    let options = ScreenOptions {
        cursor: false,
        ..ScreenOptions::default()
    };
    let mut eye = Eye::open(Desktop::connect(display)?, target(spec)?, &options)?;
    match eye.look(true).map_err(failed)? {
        Sight::New(picture) => Ok(picture),
        _ => Err(failed("the window is not shown")),
    }
}

/// Opens a screen or window.
pub(crate) fn open(
    display: Option<&str>,
    spec: &ScreenSpec,
    options: &ScreenOptions,
) -> Result<Screen, ScreenError> {
    let eye = Eye::open(Desktop::connect(display)?, target(spec)?, options)?;
    let step = Duration::from_secs(1) / options.fps;
    Ok(Screen::start("screen", eye.size(), move |slot, control| {
        run(eye, step, slot, control)
    }))
}

fn run(mut eye: Eye, step: Duration, slot: &Slot, control: &Control) -> End {
    let (mut due, mut shown) = (Instant::now(), None::<(Arc<I420>, Instant)>);
    while !control.stopped() {
        match eye.look(!control.paused()) {
            Ok(Sight::New(picture)) => {
                let picture = Arc::new(picture);
                slot.put(Frame {
                    picture: Arc::clone(&picture),
                    captured: due.min(Instant::now()),
                });
                shown = Some((picture, Instant::now()));
            }
            Ok(Sight::Same) => {}
            Ok(Sight::End(end)) => return end,
            Err(ReplyOrIdError::ConnectionError(_)) => return End::Gone,
            Err(e) => {
                tracing::warn!("the screen can't be read any more: {e}");
                return End::Failed;
            }
        }
        // Whoever joins late has no other picture to begin with.
        if let Some((picture, at)) = &mut shown
            && at.elapsed() >= REFRESH
        {
            *at = Instant::now();
            slot.put(Frame {
                picture: Arc::clone(picture),
                captured: *at,
            });
        }
        // Behind time, the next picture is taken at once and the missed ones are left out.
        due = (due + step).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    End::Stopped
}
