//! Camera and screen formats into I420 and back, BT.601 limited range (ITU-R BT.601-7, 2.5.1), in 8-bit fixed point.
//!
//! Chroma is the mean of its 2x2 pixels. Camera formats that are already YCbCr keep their values: UVC cameras deliver
//! BT.601 limited range unless they say otherwise, and nokhwa does not tell. Odd last rows and columns are cut off.

use crate::I420;
use crate::i420::{MAX_SIDE, PictureError};
use std::fmt;

/// Why foreign bytes are no picture of the size given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvertError {
    /// A side is below 2 or above [`MAX_SIDE`].
    BadSize,
    /// Fewer bytes than the size and stride ask for, or a stride shorter than a row.
    TooShort,
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConvertError::BadSize => "width and height must be between 2 and 8192",
            ConvertError::TooShort => "fewer bytes than the size asks for",
        })
    }
}

impl std::error::Error for ConvertError {}

impl From<PictureError> for ConvertError {
    fn from(e: PictureError) -> ConvertError {
        match e {
            PictureError::BadSize => ConvertError::BadSize,
            PictureError::BadPlane => ConvertError::TooShort,
        }
    }
}

impl I420 {
    /// From tight RGB, 3 bytes a pixel.
    pub fn from_rgb(width: usize, height: usize, rgb: &[u8]) -> Result<I420, ConvertError> {
        from_packed::<3>(width, height, rgb, width * 3, [0, 1, 2])
    }

    /// From BGRA or BGRX, 4 bytes a pixel, `stride` bytes from row to row (X11, Windows and macOS screens).
    pub fn from_bgra(
        width: usize,
        height: usize,
        bgra: &[u8],
        stride: usize,
    ) -> Result<I420, ConvertError> {
        from_packed::<4>(width, height, bgra, stride, [2, 1, 0])
    }

    /// From tight NV12: luma, then Cb and Cr interleaved.
    pub fn from_nv12(width: usize, height: usize, nv12: &[u8]) -> Result<I420, ConvertError> {
        check(width, height)?;
        let (cw, ch) = (width.div_ceil(2), height.div_ceil(2));
        if nv12.len() < width * height + cw * ch * 2 {
            return Err(ConvertError::TooShort);
        }
        let (luma, chroma) = nv12.split_at(width * height);
        let (mut u, mut v) = (Vec::new(), Vec::new());
        for row in chroma.chunks_exact(cw * 2).take(height / 2) {
            u.extend(row[..width / 2 * 2].chunks_exact(2).map(|c| c[0]));
            v.extend(row[..width / 2 * 2].chunks_exact(2).map(|c| c[1]));
        }
        let y = cut(luma, width, height);
        Ok(I420::from_planes(width & !1, height & !1, y, u, v)?)
    }

    /// From tight planar 4:2:0 of any size, chroma rounded up as cameras and y4m files have it.
    pub fn from_planar(width: usize, height: usize, bytes: &[u8]) -> Result<I420, ConvertError> {
        check(width, height)?;
        let (cw, ch) = (width.div_ceil(2), height.div_ceil(2));
        if bytes.len() < width * height + cw * ch * 2 {
            return Err(ConvertError::TooShort);
        }
        let (luma, chroma) = bytes.split_at(width * height);
        let planes = [luma, &chroma[..cw * ch], &chroma[cw * ch..]];
        Ok(I420::from_strided(
            width & !1,
            height & !1,
            planes,
            [width, cw],
        )?)
    }

    /// From tight YUYV (YUY2), 2 bytes a pixel, 4:2:2: chroma of two rows is averaged.
    pub fn from_yuyv(width: usize, height: usize, yuyv: &[u8]) -> Result<I420, ConvertError> {
        check(width, height)?;
        let stride = width.div_ceil(2) * 4;
        if yuyv.len() < stride * height {
            return Err(ConvertError::TooShort);
        }
        let (w, h) = (width & !1, height & !1);
        let mut out = I420::black(w, h);
        let [y, u, v] = out.planes_mut();
        let rows = yuyv.chunks_exact(stride * 2);
        let luma = y.chunks_exact_mut(w * 2);
        let chroma = u.chunks_exact_mut(w / 2).zip(v.chunks_exact_mut(w / 2));
        for ((pair, luma), (u, v)) in rows.zip(luma).zip(chroma) {
            let (top, bottom) = pair.split_at(stride);
            let (top, bottom) = (&top[..w * 2], &bottom[..w * 2]);
            let (y0, y1) = luma.split_at_mut(w);
            for (y, s) in y0.iter_mut().zip(top.chunks_exact(2)) {
                *y = s[0];
            }
            for (y, s) in y1.iter_mut().zip(bottom.chunks_exact(2)) {
                *y = s[0];
            }
            let quads = top.chunks_exact(4).zip(bottom.chunks_exact(4));
            for ((u, v), (a, b)) in u.iter_mut().zip(v).zip(quads) {
                *u = (u16::from(a[1]) + u16::from(b[1])).div_ceil(2) as u8;
                *v = (u16::from(a[3]) + u16::from(b[3])).div_ceil(2) as u8;
            }
        }
        Ok(out)
    }

    /// To tight RGB, 3 bytes a pixel.
    pub fn to_rgb(&self) -> Vec<u8> {
        let (w, h) = self.size();
        let mut out = Vec::with_capacity(w * h * 3);
        for row in 0..h {
            let luma = &self.y()[row * w..][..w];
            let u = &self.u()[row / 2 * (w / 2)..][..w / 2];
            let v = &self.v()[row / 2 * (w / 2)..][..w / 2];
            for (pair, (&u, &v)) in luma.chunks_exact(2).zip(u.iter().zip(v)) {
                let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
                let (r, g, b) = (409 * v, -100 * u - 208 * v, 516 * u);
                for &y in pair {
                    let y = 298 * (i32::from(y) - 16) + 128;
                    out.extend([y + r, y + g, y + b].map(|c| (c >> 8).clamp(0, 255) as u8));
                }
            }
        }
        out
    }
}

/// Packed pixels of `N` bytes with red, green, blue at `order`.
fn from_packed<const N: usize>(
    width: usize,
    height: usize,
    bytes: &[u8],
    stride: usize,
    order: [usize; 3],
) -> Result<I420, ConvertError> {
    check(width, height)?;
    let needed = stride
        .checked_mul(height - 1)
        .and_then(|n| n.checked_add(width * N));
    if stride < width * N || needed.is_none_or(|n| bytes.len() < n) {
        return Err(ConvertError::TooShort);
    }
    let (w, h) = (width & !1, height & !1);
    let mut out = I420::black(w, h);
    let [y, u, v] = out.planes_mut();
    let chroma = u.chunks_exact_mut(w / 2).zip(v.chunks_exact_mut(w / 2));
    for (pair, (luma, (u, v))) in y.chunks_exact_mut(w * 2).zip(chroma).enumerate() {
        let top = &bytes[pair * 2 * stride..][..w * N];
        let bottom = &bytes[(pair * 2 + 1) * stride..][..w * N];
        let (y0, y1) = luma.split_at_mut(w);
        luma_row::<N>(top, y0, order);
        luma_row::<N>(bottom, y1, order);
        chroma_row::<N>(top, bottom, u, v, order);
    }
    Ok(out)
}

fn luma_row<const N: usize>(pixels: &[u8], luma: &mut [u8], [r, g, b]: [usize; 3]) {
    for (y, p) in luma.iter_mut().zip(pixels.chunks_exact(N)) {
        let sum = 66 * u32::from(p[r]) + 129 * u32::from(p[g]) + 25 * u32::from(p[b]);
        *y = ((sum + 128) >> 8) as u8 + 16;
    }
}

fn chroma_row<const N: usize>(
    top: &[u8],
    bottom: &[u8],
    u: &mut [u8],
    v: &mut [u8],
    [r, g, b]: [usize; 3],
) {
    let blocks = top.chunks_exact(2 * N).zip(bottom.chunks_exact(2 * N));
    for ((u, v), (t, d)) in u.iter_mut().zip(v).zip(blocks) {
        let sum = |c: usize| {
            i32::from(t[c]) + i32::from(t[c + N]) + i32::from(d[c]) + i32::from(d[c + N])
        };
        // Sums of four: two more bits to shift out.
        let (r, g, b) = (sum(r), sum(g), sum(b));
        *u = (((-38 * r - 74 * g + 112 * b + 512) >> 10) + 128) as u8;
        *v = (((112 * r - 94 * g - 18 * b + 512) >> 10) + 128) as u8;
    }
}

fn check(width: usize, height: usize) -> Result<(), ConvertError> {
    if (2..=MAX_SIDE).contains(&width) && (2..=MAX_SIDE).contains(&height) {
        Ok(())
    } else {
        Err(ConvertError::BadSize)
    }
}

/// Luma without an odd last column and row.
fn cut(luma: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(width * height);
    for row in luma.chunks_exact(width).take(height & !1) {
        out.extend_from_slice(&row[..width & !1]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn solid(rgb: [u8; 3]) -> I420 {
        I420::from_rgb(4, 4, &rgb.repeat(16)).unwrap()
    }

    #[test]
    fn primary_colours_have_the_values_of_the_standard() {
        let yuv = |p: &I420| [p.y()[0], p.u()[0], p.v()[0]];
        assert_eq!(yuv(&solid([0, 0, 0])), [16, 128, 128]);
        assert_eq!(yuv(&solid([255, 255, 255])), [235, 128, 128]);
        assert_eq!(yuv(&solid([255, 0, 0])), [82, 90, 240]);
        assert_eq!(yuv(&solid([0, 255, 0])), [144, 54, 34]);
        assert_eq!(yuv(&solid([0, 0, 255])), [41, 240, 110]);
    }

    #[test]
    fn bgra_with_padding_and_rgb_agree() {
        let rgb: Vec<u8> = (0..6 * 5 * 3u32).map(|i| (i * 7) as u8).collect();
        let stride = 6 * 4 + 8;
        let mut bgra = vec![0xEE; stride * 5];
        for y in 0..5 {
            for x in 0..6 {
                let p = &rgb[(y * 6 + x) * 3..][..3];
                bgra[y * stride + x * 4..][..3].copy_from_slice(&[p[2], p[1], p[0]]);
            }
        }
        let a = I420::from_rgb(6, 5, &rgb).unwrap();
        assert_eq!(a.size(), (6, 4));
        assert!(a == I420::from_bgra(6, 5, &bgra, stride).unwrap());
    }

    #[test]
    fn camera_formats_agree() {
        let (w, h) = (6, 4);
        let p = I420::filled(w, h, [77, 50, 200]);
        let mut nv12 = p.y().to_vec();
        let chroma = p.u().iter().zip(p.v()).flat_map(|(&u, &v)| [u, v]);
        nv12.extend(chroma);
        assert!(I420::from_nv12(w, h, &nv12).unwrap() == p);
        let yuyv = [77, 50, 77, 200].repeat(w * h / 2);
        assert!(I420::from_yuyv(w, h, &yuyv).unwrap() == p);
        let planar = [p.y(), p.u(), p.v()].concat();
        assert!(I420::from_planar(w, h, &planar).unwrap() == p);
    }

    #[test]
    fn odd_sizes_lose_their_last_row_and_column() {
        let planar: Vec<u8> = (0..5 * 3 + 3 * 2 * 2).map(|i| i as u8).collect();
        let p = I420::from_planar(5, 3, &planar).unwrap();
        assert_eq!(p.size(), (4, 2));
        assert_eq!(p.y(), &[0, 1, 2, 3, 5, 6, 7, 8]);
        assert_eq!((p.u(), p.v()), (&[15, 16][..], &[21, 22][..]));
        let nv12: Vec<u8> = (0..5 * 3 + 3 * 2 * 2).map(|i| i as u8).collect();
        let p = I420::from_nv12(5, 3, &nv12).unwrap();
        assert_eq!((p.u(), p.v()), (&[15, 17][..], &[16, 18][..]));
        assert_eq!(I420::from_yuyv(5, 3, &[9; 36]).unwrap().size(), (4, 2));
    }

    proptest! {
        #[test]
        fn flat_colours_survive_the_round_trip(r: u8, g: u8, b: u8) {
            let back = solid([r, g, b]).to_rgb();
            for (a, b) in back[..3].iter().zip([r, g, b]) {
                prop_assert!(a.abs_diff(b) <= 4, "{back:?}");
            }
        }

        #[test]
        fn no_size_or_length_panics(
            w in 0usize..70, h in 0usize..70, stride in 0usize..300, bytes in prop::collection::vec(any::<u8>(), 0..9000)
        ) {
            let results = [
                I420::from_rgb(w, h, &bytes),
                I420::from_bgra(w, h, &bytes, stride),
                I420::from_nv12(w, h, &bytes),
                I420::from_yuyv(w, h, &bytes),
                I420::from_planar(w, h, &bytes),
            ];
            for p in results.into_iter().flatten() {
                prop_assert_eq!(p.size(), (w & !1, h & !1));
            }
        }
    }

    #[test]
    fn absurd_strides_are_refused() {
        assert_eq!(
            I420::from_bgra(4, 4, &[0; 64], usize::MAX),
            Err(ConvertError::TooShort)
        );
        assert_eq!(
            I420::from_rgb(9000, 4, &[0; 64]),
            Err(ConvertError::BadSize)
        );
    }
}
