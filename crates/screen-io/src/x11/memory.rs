//! The pixels of what is captured: rows that were drawn anew are read into their place, the others stay as they were.

use super::Answer;
use memmap2::MmapMut;
use std::fs::File;
use std::ops::Range;
use x11rb::connection::Connection;
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, Drawable, ImageFormat, Rectangle};
use x11rb::rust_connection::RustConnection;

/// All bit planes.
const ALL_PLANES: u32 = !0;

/// A rectangle of a window, pixmap or screen. Sides are even.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: i16,
    pub(super) y: i16,
    pub(super) width: u16,
    pub(super) height: u16,
}

impl Area {
    pub(super) fn size(self) -> (usize, usize) {
        (usize::from(self.width), usize::from(self.height))
    }

    pub(super) fn rectangle(self) -> Rectangle {
        let Area {
            x,
            y,
            width,
            height,
        } = self;
        Rectangle {
            x,
            y,
            width,
            height,
        }
    }

    /// Bytes of a row.
    pub(super) fn stride(self) -> usize {
        4 * usize::from(self.width)
    }

    /// Bytes of all.
    pub(super) fn bytes(self) -> usize {
        self.stride() * usize::from(self.height)
    }
}

/// BGRA of one area, tight rows.
pub(super) enum Pixels {
    /// The X server writes it and we read.
    Shared {
        id: shm::Seg,
        map: MmapMut,
    },
    Plain(Vec<u8>),
}

impl Pixels {
    pub(super) fn new(conn: &RustConnection, length: usize) -> Pixels {
        shared(conn, length).unwrap_or_else(|| Pixels::Plain(vec![0; length]))
    }

    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Pixels::Shared { map, .. } => map,
            Pixels::Plain(bytes) => bytes,
        }
    }

    /// Reads `rows` of `area` of `from` into their place.
    pub(super) fn read(
        &mut self,
        conn: &RustConnection,
        from: Drawable,
        area: Area,
        rows: Range<usize>,
    ) -> Answer<()> {
        let Area { x, y, width, .. } = area;
        let top = y.saturating_add(i16::try_from(rows.start).unwrap_or(i16::MAX));
        let height = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let start = rows.start * area.stride();
        match self {
            Pixels::Shared { id, .. } => {
                let format = u8::from(ImageFormat::Z_PIXMAP);
                let offset = u32::try_from(start).unwrap_or(u32::MAX);
                conn.shm_get_image(from, x, top, width, height, ALL_PLANES, format, *id, offset)?
                    .reply()?;
            }
            Pixels::Plain(bytes) => {
                let format = ImageFormat::Z_PIXMAP;
                let got = conn
                    .get_image(format, from, x, top, width, height, ALL_PLANES)?
                    .reply()?
                    .data;
                let end = (start + got.len()).min(bytes.len());
                bytes[start..end].copy_from_slice(&got[..end - start]);
            }
        }
        Ok(())
    }

    /// The server forgets the segment.
    pub(super) fn release(&self, conn: &RustConnection) -> Answer<()> {
        if let Pixels::Shared { id, .. } = self {
            conn.shm_detach(*id)?;
        }
        Ok(())
    }
}

/// `None` where the server shares no memory, as remote ones don't.
fn shared(conn: &RustConnection, length: usize) -> Option<Pixels> {
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
    Some(Pixels::Shared { id, map })
}
