//! What there is to share: monitors by RandR, windows by the window manager's list, or by the tree where there is none.

use super::memory::Area;
use super::{Answer, Desktop};
use crate::{Kind, Source};
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, MapState, Window, WindowClass};

/// Windows asked about at most; nobody scrolls through more in a picker.
const MOST: usize = 200;
/// Windows with a shorter side are no windows people share.
const SMALL: u16 = 32;

/// A monitor: its RandR name, its place on the root window made even, whether it is the main one.
pub(super) struct Monitor {
    pub(super) name: String,
    pub(super) area: Area,
    primary: bool,
}

pub(super) fn monitors(desktop: &Desktop) -> Answer<Vec<Monitor>> {
    let conn = &desktop.conn;
    let reply = conn.randr_get_monitors(desktop.root, true)?.reply()?;
    let mut found = Vec::new();
    for m in reply.monitors {
        let atom = conn.get_atom_name(m.name)?.reply()?;
        found.push(Monitor {
            name: String::from_utf8_lossy(&atom.name).into_owned(),
            area: Area {
                x: m.x,
                y: m.y,
                width: m.width & !1,
                height: m.height & !1,
            },
            primary: m.primary,
        });
    }
    Ok(found)
}

pub(super) fn sources(desktop: &Desktop) -> Answer<Vec<Source>> {
    let mut all: Vec<Source> = monitors(desktop)?
        .into_iter()
        .map(|m| Source {
            id: format!("display:{}", m.name),
            kind: Kind::Display,
            title: m.name,
            size: m.area.size(),
            primary: m.primary,
        })
        .collect();
    if desktop.composite {
        // A window may close between two questions: it is left out, and the others stay.
        let windows = windows(desktop)?.into_iter().rev().take(MOST);
        all.extend(windows.filter_map(|w| describe(desktop, w).ok().flatten()));
    }
    Ok(all)
}

/// Programs' windows, lowest first.
pub(super) fn windows(desktop: &Desktop) -> Answer<Vec<Window>> {
    let atoms = &desktop.atoms;
    for list in [atoms._NET_CLIENT_LIST_STACKING, atoms._NET_CLIENT_LIST] {
        let found = numbers(desktop, desktop.root, list, AtomEnum::WINDOW.into())?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(desktop.conn.query_tree(desktop.root)?.reply()?.children)
}

/// `None`: not a window people would share.
fn describe(desktop: &Desktop, window: Window) -> Answer<Option<Source>> {
    let (conn, atoms) = (&desktop.conn, &desktop.atoms);
    let attributes = conn.get_window_attributes(window)?.reply()?;
    let geometry = conn.get_geometry(window)?.reply()?;
    let shown = attributes.map_state == MapState::VIEWABLE
        && attributes.class == WindowClass::INPUT_OUTPUT
        && !attributes.override_redirect
        && geometry.width.min(geometry.height) >= SMALL;
    if !shown {
        return Ok(None);
    }
    let kinds = numbers(
        desktop,
        window,
        atoms._NET_WM_WINDOW_TYPE,
        AtomEnum::ATOM.into(),
    )?;
    let furniture = [
        atoms._NET_WM_WINDOW_TYPE_DESKTOP,
        atoms._NET_WM_WINDOW_TYPE_DOCK,
    ];
    let process = numbers(
        desktop,
        window,
        atoms._NET_WM_PID,
        AtomEnum::CARDINAL.into(),
    )?;
    // Sharing the meeting into the meeting is a hall of mirrors.
    let ours = process.first() == Some(&std::process::id());
    if ours || kinds.iter().any(|k| furniture.contains(k)) {
        return Ok(None);
    }
    let title = match text(desktop, window, atoms._NET_WM_NAME, atoms.UTF8_STRING)? {
        title if title.is_empty() => text(
            desktop,
            window,
            AtomEnum::WM_NAME.into(),
            AtomEnum::ANY.into(),
        )?,
        title => title,
    };
    Ok((!title.is_empty()).then(|| Source {
        id: format!("window:{window:#x}"),
        kind: Kind::Window,
        title,
        size: (
            usize::from(geometry.width & !1),
            usize::from(geometry.height & !1),
        ),
        primary: false,
    }))
}

/// A property that is a list of 32-bit numbers; empty where it is not there.
pub(super) fn numbers(
    desktop: &Desktop,
    window: Window,
    name: Atom,
    kind: Atom,
) -> Answer<Vec<u32>> {
    let reply = desktop
        .conn
        .get_property(false, window, name, kind, 0, 4096)?
        .reply()?;
    Ok(reply.value32().into_iter().flatten().collect())
}

fn text(desktop: &Desktop, window: Window, name: Atom, kind: Atom) -> Answer<String> {
    let reply = desktop
        .conn
        .get_property(false, window, name, kind, 0, 256)?
        .reply()?;
    let text = String::from_utf8_lossy(&reply.value);
    Ok(text.trim_matches(['\0', ' ']).to_owned())
}
