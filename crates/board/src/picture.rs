//! What a picture's bytes say they are, read from their beginning and nothing more: the server keeps PNG, JPEG and WebP that
//! name a size within the limits, whatever a client calls them. Nothing is decoded.

use crate::limits::{MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE};

/// Bytes from the beginning that are looked at. A JPEG has to say its size within them.
pub const PICTURE_HEAD: usize = 64 * 1024;

/// What the bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureHead {
    /// As in [`crate::Asset`]: 0 PNG, 1 JPEG, 2 WebP.
    pub media: u8,
    /// Pixels, from 1.
    pub width: u32,
    pub height: u32,
}

/// Why bytes are not kept as a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPicture {
    #[error("neither PNG nor JPEG nor WebP")]
    Unknown,
    #[error("more pixels than allowed, or none")]
    Size,
}

impl PictureHead {
    /// Reads the beginning of a file: all of it, or its first [`PICTURE_HEAD`] bytes.
    ///
    /// # Errors
    /// It is none of the kinds, or its size is out of range.
    pub fn read(head: &[u8]) -> Result<PictureHead, NoPicture> {
        let found = png(head).or_else(|| webp(head)).or_else(|| jpeg(head));
        let (media, width, height) = found.ok_or(NoPicture::Unknown)?;
        let sides = 1..=MAX_PICTURE_SIDE;
        let fits = sides.contains(&width) && sides.contains(&height);
        if !fits || width * height > MAX_PICTURE_PIXELS {
            return Err(NoPicture::Size);
        }
        Ok(PictureHead {
            media,
            width,
            height,
        })
    }
}

/// PNG (ISO 15948), 11.2.2: the signature, then IHDR.
fn png(head: &[u8]) -> Option<(u8, u32, u32)> {
    let body = head.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    Some((0, be32(body)?, be32(body.get(4..)?)?))
}

/// JPEG (ITU-T T.81), B.1 and B.2.2: segments up to the frame's header.
fn jpeg(head: &[u8]) -> Option<(u8, u32, u32)> {
    let mut rest = head.strip_prefix(b"\xff\xd8")?;
    loop {
        let [0xff, marker, tail @ ..] = rest else {
            return None;
        };
        match marker {
            // Fill bytes.
            0xff => rest = rest.get(1..)?,
            // SOF0 to SOF15, but for DHT, JPG and DAC.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let (height, width) = (be16(tail.get(3..)?)?, be16(tail.get(5..)?)?);
                return Some((1, width, height));
            }
            // The picture's data, or its end, before its size.
            0xd0..=0xda | 0x00 | 0x01 => return None,
            _ => rest = tail.get(usize::try_from(be16(tail)?.max(2)).ok()?..)?,
        }
    }
}

/// WebP (RFC 9649), 2.5 to 2.7: lossy, lossless or extended.
fn webp(head: &[u8]) -> Option<(u8, u32, u32)> {
    let body = head.strip_prefix(b"RIFF")?.get(4..)?;
    let body = body.strip_prefix(b"WEBP")?;
    let (kind, data) = (body.get(..4)?, body.get(8..)?);
    let low = |at: usize, bytes: usize| -> Option<u32> {
        let bytes = data.get(at..at + bytes)?.iter().rev();
        Some(bytes.fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    };
    let (width, height) = match kind {
        b"VP8 " if data.get(3..6)? == b"\x9d\x01\x2a" => (low(6, 2)? & 0x3fff, low(8, 2)? & 0x3fff),
        b"VP8L" if data.first() == Some(&0x2f) => {
            let bits = low(1, 4)?;
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        b"VP8X" => (low(4, 3)? + 1, low(7, 3)? + 1),
        _ => return None,
    };
    Some((2, width, height))
}

fn be16(bytes: &[u8]) -> Option<u32> {
    let bytes = bytes.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*bytes).into())
}

fn be32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn kinds_and_sizes_are_read_from_the_first_bytes() {
        let head = |media, width, height| {
            Ok(PictureHead {
                media,
                width,
                height,
            })
        };
        assert_eq!(PictureHead::read(&png_of(640, 480)), head(0, 640, 480));
        // A comment, a Huffman table and fill bytes before the progressive frame's header.
        let jpeg = b"\xff\xd8\xff\xfe\0\x04ab\xff\xc4\0\x03x\xff\xff\xff\xc2\0\x0b\x08\x01\xe0\x02\x80\x01";
        assert_eq!(PictureHead::read(jpeg), head(1, 640, 480));
        let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x42\xe0\x41";
        assert_eq!(PictureHead::read(lossy), head(2, 640, 480));
        let bits = (639u32 | 479 << 14).to_le_bytes();
        let lossless = [&b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f"[..], &bits].concat();
        assert_eq!(PictureHead::read(&lossless), head(2, 640, 480));
        let extended = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0";
        assert_eq!(PictureHead::read(extended), head(2, 640, 480));
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        for other in [&svg[..], b"%PDF-1.7", b"GIF89a\x01\0\x01\0", b"", b"MZ\x90"] {
            assert_eq!(PictureHead::read(other), Err(NoPicture::Unknown));
        }
        // Data before the size, a length of nothing, an end in the middle.
        for broken in [
            &b"\xff\xd8\xff\xda\0\x02"[..],
            b"\xff\xd8\xff\xe0\0\0",
            b"\xff\xd8\xff\xc0\0",
        ] {
            assert_eq!(PictureHead::read(broken), Err(NoPicture::Unknown));
        }
        for (width, height) in [
            (0, 5),
            (5, 0),
            (MAX_PICTURE_SIDE + 1, 1),
            (u32::MAX, u32::MAX),
        ] {
            assert_eq!(
                PictureHead::read(&png_of(width, height)),
                Err(NoPicture::Size)
            );
        }
        let most = png_of(MAX_PICTURE_SIDE, MAX_PICTURE_PIXELS / MAX_PICTURE_SIDE);
        assert!(PictureHead::read(&most).is_ok());
        let more = png_of(MAX_PICTURE_SIDE, MAX_PICTURE_PIXELS / MAX_PICTURE_SIDE + 1);
        assert_eq!(PictureHead::read(&more), Err(NoPicture::Size));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            start in 0usize..4,
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let start = [&b""[..], b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"][start];
            let _ = PictureHead::read(&[start, &bytes].concat());
        }
    }
}
