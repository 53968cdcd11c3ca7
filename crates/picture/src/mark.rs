//! A frame number and a source number burnt into the top of a picture, readable after scaling and hard compression.
//!
//! Sixty bits as black and white cells, three rows of twenty, together a fifth of the picture's height: four bits that
//! never change, eight of source id, thirty-two of counter, sixteen of checksum. At 180p a cell is 16 by 12 pixels.
//! A cell is read from the mean of its middle, where scaling and deblocking do not reach.

use crate::I420;

const COLUMNS: usize = 20;
const ROWS: usize = 3;
/// The mark takes `ROWS / PARTS` of the height.
const PARTS: usize = 15;
/// Neither all black nor all white pictures start like this.
const START: u64 = 0b1010;

/// What a test picture says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Which source drew the picture.
    pub id: u8,
    /// Which of its frames this is.
    pub counter: u32,
}

/// Burns `mark` into the top fifth of the picture. Pictures under 80x45 are too small for it to be read again.
pub fn write_mark(picture: &mut I420, mark: Mark) {
    let bits = encode(mark);
    let (width, height) = picture.size();
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let bit = bits >> (ROWS * COLUMNS - 1 - row * COLUMNS - column) & 1;
            let (x0, x1) = span(width, COLUMNS, column);
            let (y0, y1) = span(height, PARTS, row);
            // Even edges on both sides, or fill_rect would leave gaps between neighbours.
            let (x0, x1, y0, y1) = (x0 & !1, (x1 + 1) & !1, y0 & !1, (y1 + 1) & !1);
            let luma = if bit == 1 { 235 } else { 16 };
            picture.fill_rect(x0, y0, x1 - x0, y1 - y0, [luma, 128, 128]);
        }
    }
}

/// Reads the mark of a picture that shows the whole test picture, at any size. Gives nothing if there is none: a chance
/// hit needs twenty bits to agree.
pub fn read_counter(picture: &I420) -> Option<Mark> {
    let (width, height) = picture.size();
    if width < 2 * COLUMNS || height < 2 * PARTS {
        return None;
    }
    let mut bits = 0u64;
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let (x0, x1) = middle(span(width, COLUMNS, column));
            let (y0, y1) = middle(span(height, PARTS, row));
            let sum: u32 = (y0..y1)
                .map(|y| {
                    let row = &picture.y()[y * width + x0..y * width + x1];
                    row.iter().map(|&l| u32::from(l)).sum::<u32>()
                })
                .sum();
            let mean = sum / ((x1 - x0) * (y1 - y0)) as u32;
            bits = bits << 1 | u64::from(mean > 125);
        }
    }
    decode(bits)
}

fn encode(mark: Mark) -> u64 {
    let body = START << 40 | u64::from(mark.id) << 32 | u64::from(mark.counter);
    body << 16 | u64::from(crc16(body))
}

fn decode(bits: u64) -> Option<Mark> {
    let body = bits >> 16;
    let ok = body >> 40 == START && crc16(body) == (bits & 0xffff) as u16;
    ok.then_some(Mark {
        id: (body >> 32) as u8,
        counter: body as u32,
    })
}

/// CRC-16/CCITT over the 44 bits of the body.
fn crc16(body: u64) -> u16 {
    let mut crc = 0xffffu16;
    for i in (0..44).rev() {
        let bit = (body >> i & 1) as u16 ^ crc >> 15;
        crc = crc << 1 ^ if bit == 1 { 0x1021 } else { 0 };
    }
    crc
}

/// Pixels of part `index` of `parts` along a side of `length`.
fn span(length: usize, parts: usize, index: usize) -> (usize, usize) {
    (length * index / parts, length * (index + 1) / parts)
}

/// The middle half of a span, one pixel at least.
fn middle((start, end): (usize, usize)) -> (usize, usize) {
    let quarter = (end - start) / 4;
    (start + quarter, (end - quarter).max(start + quarter + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_at_every_size(id: u8, counter: u32, w in 45usize..400, h in 45usize..400) {
            let mut p = I420::filled(w * 2, h * 2, [120, 100, 140]);
            write_mark(&mut p, Mark { id, counter });
            prop_assert_eq!(read_counter(&p), Some(Mark { id, counter }));
        }

        #[test]
        fn a_flipped_cell_is_noticed(id: u8, counter: u32, cell in 0u32..60) {
            let bits = encode(Mark { id, counter });
            prop_assert_eq!(decode(bits), Some(Mark { id, counter }));
            prop_assert_eq!(decode(bits ^ 1 << cell), None);
        }
    }

    #[test]
    fn plain_pictures_carry_no_mark() {
        for luma in [16, 126, 235] {
            assert_eq!(
                read_counter(&I420::filled(320, 180, [luma, 128, 128])),
                None
            );
        }
        assert_eq!(read_counter(&I420::black(2, 2)), None);
    }
}
