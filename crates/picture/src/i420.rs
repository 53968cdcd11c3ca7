//! The one picture type of the house.

use std::fmt;

/// Longest side of a picture in pixels. Above it nothing is allocated, so that a forged header cannot ask for gigabytes.
pub const MAX_SIDE: usize = 8192;

/// Why a picture of these planes or this size cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureError {
    /// A side is zero, odd or above [`MAX_SIDE`].
    BadSize,
    /// A plane has not exactly the bytes that the size asks for.
    BadPlane,
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PictureError::BadSize => "width and height must be even and between 2 and 8192",
            PictureError::BadPlane => "a plane has the wrong number of bytes",
        })
    }
}

impl std::error::Error for PictureError {}

/// A planar 4:2:0 picture, 8 bits, BT.601 limited range (luma 16–235, chroma 16–240 around 128).
///
/// Always true: both sides are even, from 2 to [`MAX_SIDE`]; the planes are tight, luma of `width * height` bytes and
/// two chroma planes of a quarter of that. The codec's `unsafe` code relies on it, therefore the fields are private.
#[derive(Clone, PartialEq, Eq)]
pub struct I420 {
    width: usize,
    height: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl I420 {
    /// A black picture. Sizes are brought into the allowed range and rounded down to even.
    pub fn black(width: usize, height: usize) -> I420 {
        I420::filled(width, height, [16, 128, 128])
    }

    /// A picture of one colour, given as luma and the two chroma values. Sizes as in [`I420::black`].
    pub fn filled(width: usize, height: usize, yuv: [u8; 3]) -> I420 {
        let (width, height) = (allowed_side(width), allowed_side(height));
        let chroma = width * height / 4;
        I420 {
            width,
            height,
            y: vec![yuv[0]; width * height],
            u: vec![yuv[1]; chroma],
            v: vec![yuv[2]; chroma],
        }
    }

    /// A picture from tight planes. Fails if a side is not allowed or a plane has the wrong length.
    pub fn from_planes(
        width: usize,
        height: usize,
        y: Vec<u8>,
        u: Vec<u8>,
        v: Vec<u8>,
    ) -> Result<I420, PictureError> {
        check_size(width, height)?;
        let chroma = width * height / 4;
        if y.len() != width * height || u.len() != chroma || v.len() != chroma {
            return Err(PictureError::BadPlane);
        }
        Ok(I420 {
            width,
            height,
            y,
            u,
            v,
        })
    }

    /// A picture copied out of planes with strides (bytes from row to row, luma and chroma), as decoders give them.
    /// Fails if a side is not allowed, a stride is shorter than a row or a plane is too short.
    pub fn from_strided(
        width: usize,
        height: usize,
        planes: [&[u8]; 3],
        strides: [usize; 2],
    ) -> Result<I420, PictureError> {
        check_size(width, height)?;
        let (cw, ch) = (width / 2, height / 2);
        Ok(I420 {
            width,
            height,
            y: tight(planes[0], strides[0], width, height)?,
            u: tight(planes[1], strides[1], cw, ch)?,
            v: tight(planes[2], strides[1], cw, ch)?,
        })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }
    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }
    /// Width and height.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
    /// Luma, `width * height` bytes.
    pub fn y(&self) -> &[u8] {
        &self.y
    }
    /// First chroma plane (Cb), `width/2 * height/2` bytes.
    pub fn u(&self) -> &[u8] {
        &self.u
    }
    /// Second chroma plane (Cr), `width/2 * height/2` bytes.
    pub fn v(&self) -> &[u8] {
        &self.v
    }
    /// All three planes to write to; their lengths stay.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        [&mut self.y, &mut self.u, &mut self.v]
    }
    /// The planes, luma first, given away.
    pub fn into_planes(self) -> [Vec<u8>; 3] {
        [self.y, self.u, self.v]
    }

    /// Fills a rectangle with one colour. Sides are rounded down to even; what lies outside is left out.
    pub fn fill_rect(&mut self, x: usize, y: usize, width: usize, height: usize, yuv: [u8; 3]) {
        let x0 = (x & !1).min(self.width);
        let y0 = (y & !1).min(self.height);
        let x1 = ((x + width) & !1).clamp(x0, self.width);
        let y1 = ((y + height) & !1).clamp(y0, self.height);
        for row in y0..y1 {
            self.y[row * self.width + x0..row * self.width + x1].fill(yuv[0]);
        }
        let cw = self.width / 2;
        for row in y0 / 2..y1 / 2 {
            self.u[row * cw + x0 / 2..row * cw + x1 / 2].fill(yuv[1]);
            self.v[row * cw + x0 / 2..row * cw + x1 / 2].fill(yuv[2]);
        }
    }

    /// Copies `other` in with its upper left corner at (`x`, `y`), both rounded down to even; the rest is cut off.
    pub fn paste(&mut self, other: &I420, x: usize, y: usize) {
        let (x, y) = (x & !1, y & !1);
        let width = other.width.min(self.width.saturating_sub(x));
        let height = other.height.min(self.height.saturating_sub(y));
        let (sw, ow) = (self.width, other.width);
        copy_rect(&mut self.y, sw, (x, y), &other.y, ow, (width, height));
        let at = (x / 2, y / 2);
        let size = (width / 2, height / 2);
        copy_rect(&mut self.u, sw / 2, at, &other.u, ow / 2, size);
        copy_rect(&mut self.v, sw / 2, at, &other.v, ow / 2, size);
    }
}

impl fmt::Debug for I420 {
    /// The size only; nobody wants a million numbers in a failed assertion.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I420 {}x{}", self.width, self.height)
    }
}

pub(crate) fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    let ok = |side: usize| (2..=MAX_SIDE).contains(&side) && side.is_multiple_of(2);
    if ok(width) && ok(height) {
        Ok(())
    } else {
        Err(PictureError::BadSize)
    }
}

/// The nearest allowed side that is not longer (2 at least).
pub(crate) fn allowed_side(side: usize) -> usize {
    side.clamp(2, MAX_SIDE) & !1
}

fn tight(
    plane: &[u8],
    stride: usize,
    width: usize,
    height: usize,
) -> Result<Vec<u8>, PictureError> {
    // The last row may end before its stride does.
    let needed = stride
        .checked_mul(height - 1)
        .and_then(|n| n.checked_add(width));
    if stride < width || needed.is_none_or(|n| plane.len() < n) {
        return Err(PictureError::BadPlane);
    }
    let mut out = Vec::with_capacity(width * height);
    for row in plane.chunks(stride).take(height) {
        out.extend_from_slice(&row[..width]);
    }
    Ok(out)
}

fn copy_rect(
    to: &mut [u8],
    to_width: usize,
    at: (usize, usize),
    from: &[u8],
    from_width: usize,
    size: (usize, usize),
) {
    for row in 0..size.1 {
        let target = (at.1 + row) * to_width + at.0;
        let source = row * from_width;
        to[target..target + size.0].copy_from_slice(&from[source..source + size.0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_of_the_wrong_size_are_refused() {
        let bad = I420::from_planes(4, 4, vec![0; 16], vec![0; 4], vec![0; 5]);
        assert_eq!(bad, Err(PictureError::BadPlane));
        let odd = I420::from_planes(3, 4, vec![0; 12], vec![0; 3], vec![0; 3]);
        assert_eq!(odd, Err(PictureError::BadSize));
        assert!(I420::from_planes(0, 0, vec![], vec![], vec![]).is_err());
    }

    #[test]
    fn strides_are_cut_off() {
        let y: Vec<u8> = (0..5 * 4).collect();
        let c = [9u8, 8, 0, 7, 6];
        let p = I420::from_strided(4, 4, [&y, &c, &c], [5, 3]).unwrap();
        assert_eq!(&p.y()[4..8], &[5, 6, 7, 8]);
        assert_eq!(p.u(), &[9, 8, 7, 6]);
        assert!(I420::from_strided(4, 4, [&y[..18], &c, &c], [5, 3]).is_err());
        assert!(I420::from_strided(4, 4, [&y, &c, &c], [3, 3]).is_err());
        assert!(I420::from_strided(4, 4, [&y, &c, &c], [usize::MAX, 3]).is_err());
    }

    #[test]
    fn pasting_and_filling_stay_inside() {
        let mut p = I420::black(8, 8);
        p.paste(&I420::filled(8, 8, [200, 90, 90]), 6, 6);
        p.paste(&I420::filled(8, 8, [200, 90, 90]), 60, 60);
        assert_eq!(p.y().iter().filter(|&&l| l == 200).count(), 4);
        p.fill_rect(4, 4, 100, 100, [50, 1, 2]);
        p.fill_rect(40, 4, 100, 100, [51, 1, 2]);
        assert_eq!(p.y().iter().filter(|&&l| l == 50).count(), 16);
    }
}
