//! The pointer: where it is, how it looks, and drawn over the picture.

use super::memory::Area;
use super::{Answer, Desktop};
use confab_picture::I420;
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask, GetCursorImageReply};
use x11rb::protocol::xproto::{ConnectionExt as _, Window};

/// Follows the pointer.
pub(super) struct Cursor {
    image: Option<GetCursorImageReply>,
    /// The server said it looks different now.
    pub(super) stale: bool,
    /// Of its hot spot, relative to the area; `None` while it is elsewhere.
    at: Option<(i32, i32)>,
}

impl Cursor {
    /// `None` where the server has no XFixes.
    pub(super) fn new(desktop: &Desktop) -> Option<Cursor> {
        let conn = &desktop.conn;
        conn.xfixes_query_version(4, 0).ok()?.reply().ok()?;
        conn.xfixes_select_cursor_input(desktop.root, CursorNotifyMask::DISPLAY_CURSOR)
            .ok()?;
        Some(Cursor {
            image: None,
            stale: true,
            at: None,
        })
    }

    /// Looks where it is on the `area` of `window`; tells whether the picture changes by it.
    pub(super) fn follow(&mut self, desktop: &Desktop, window: Window, area: Area) -> Answer<bool> {
        let pointer = desktop.conn.query_pointer(window)?.reply()?;
        let (x, y) = (
            i32::from(pointer.win_x) - i32::from(area.x),
            i32::from(pointer.win_y) - i32::from(area.y),
        );
        let inside =
            (0..i32::from(area.width)).contains(&x) && (0..i32::from(area.height)).contains(&y);
        let at = (pointer.same_screen && inside).then_some((x, y));
        let mut changed = at != self.at;
        self.at = at;
        if self.stale && at.is_some() {
            self.stale = false;
            self.image = Some(desktop.conn.xfixes_get_cursor_image()?.reply()?);
            changed = true;
        }
        Ok(changed)
    }

    /// Draws it over `picture`, whose pixels are `bgra` with tight rows.
    pub(super) fn draw(&self, picture: &mut I420, bgra: &[u8]) {
        if let (Some(image), Some((x, y))) = (&self.image, self.at) {
            let at = (x - i32::from(image.xhot), y - i32::from(image.yhot));
            draw(
                picture,
                bgra,
                at,
                usize::from(image.width),
                &image.cursor_image,
            );
        }
    }
}

/// Draws premultiplied ARGB pixels at `at`, cropped to the picture. Chroma is shared by 2x2 pixels, so the pixels around
/// the cursor are converted again with it.
fn draw(picture: &mut I420, bgra: &[u8], at: (i32, i32), cursor_width: usize, argb: &[u32]) {
    let (width, height) = picture.size();
    if cursor_width == 0 {
        return;
    }
    let clip = |low: i32, length: usize, limit: usize| {
        let start = low.clamp(0, limit as i32) as usize & !1;
        let end = (low + length as i32).clamp(0, limit as i32) as usize;
        start..end.next_multiple_of(2)
    };
    let columns = clip(at.0, cursor_width, width);
    let rows = clip(at.1, argb.len() / cursor_width, height);
    if columns.is_empty() || rows.is_empty() {
        return;
    }
    let mut patch = Vec::with_capacity(4 * columns.len() * rows.len());
    for row in rows.clone() {
        let start = 4 * (row * width + columns.start);
        let Some(pixels) = bgra.get(start..start + 4 * columns.len()) else {
            return;
        };
        patch.extend_from_slice(pixels);
    }
    for (i, &colour) in argb.iter().enumerate() {
        let x = at.0 + (i % cursor_width) as i32 - columns.start as i32;
        let y = at.1 + (i / cursor_width) as i32 - rows.start as i32;
        let inside = (0..columns.len() as i32).contains(&x) && (0..rows.len() as i32).contains(&y);
        if inside && colour >> 24 != 0 {
            let start = 4 * (y as usize * columns.len() + x as usize);
            blend(&mut patch[start..start + 3], colour);
        }
    }
    let stride = 4 * columns.len();
    if let Ok(patch) = I420::from_bgra(columns.len(), rows.len(), &patch, stride) {
        picture.paste(&patch, columns.start, rows.start);
    }
}

fn blend(pixel: &mut [u8], colour: u32) {
    let [b, g, r, a] = colour.to_le_bytes();
    for (under, over) in pixel.iter_mut().zip([b, g, r]) {
        let shade = u32::from(*under) * (255 - u32::from(a)) / 255;
        *under = (u32::from(over) + shade).min(255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_at_the_edge_is_cropped() {
        let (mut picture, pixels) = (I420::black(4, 4), vec![0u8; 4 * 4 * 4]);
        draw(&mut picture, &pixels, (3, -1), 2, &[0xffff_ffff; 4]);
        let white: Vec<usize> = (0..16).filter(|i| picture.y()[*i] > 200).collect();
        assert_eq!(white, [3]);
        for at in [
            (4, 0),
            (0, 4),
            (-2, 0),
            (0, -2),
            (i32::MIN / 2, 9),
            (99, 99),
        ] {
            draw(&mut picture, &pixels, at, 2, &[0xffff_ffff; 4]);
        }
        draw(&mut picture, &pixels[..9], (0, 0), 2, &[0xffff_ffff; 4]);
        draw(&mut picture, &pixels, (0, 0), 0, &[0xffff_ffff; 4]);
        let still: Vec<usize> = (0..16).filter(|i| picture.y()[*i] > 200).collect();
        assert_eq!(still, [3]);
    }

    #[test]
    fn half_transparent_pixels_mix() {
        let mut pixel = [100, 200, 0];
        blend(&mut pixel, 0x8040_4040);
        assert_eq!(pixel, [64 + 49, 64 + 99, 64]);
    }
}
