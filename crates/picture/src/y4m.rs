//! YUV4MPEG2 files, the raw video format of test tools (mjpegtools' yuv4mpeg(5)), read and written with bounds on
//! everything a header may claim. 8-bit 4:2:0 in all its chroma sitings; other layouts are refused by name.

use crate::i420::{I420, MAX_SIDE};
use std::fmt;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

/// Longest header or frame line in bytes; real ones have under 100.
const MAX_LINE: usize = 1024;

/// What the first line of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Pixels in a row as stored, perhaps odd.
    pub width: usize,
    /// Rows as stored, perhaps odd.
    pub height: usize,
    /// Frames per second as a fraction; 30/1 where the file does not say.
    pub fps: (u32, u32),
}

impl Header {
    /// Frames per second.
    pub fn frames_per_second(&self) -> f64 {
        f64::from(self.fps.0) / f64::from(self.fps.1)
    }
}

/// Why a file could not be read or written.
#[derive(Debug)]
pub enum Y4mError {
    /// Reading or writing failed.
    Io(io::Error),
    /// The first line is no YUV4MPEG2 header, or lacks a size, or a number in it is none.
    BadHeader,
    /// A side is below 2 or above [`MAX_SIDE`].
    BadSize,
    /// A chroma layout other than 8-bit 4:2:0.
    UnsupportedChroma,
    /// A frame does not start with `FRAME`.
    BadFrame,
    /// The file ends inside a frame.
    Truncated,
    /// The picture to write has another size than the file.
    WrongSize,
}

impl fmt::Display for Y4mError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Y4mError::Io(e) => write!(f, "{e}"),
            Y4mError::BadHeader => f.write_str("not a YUV4MPEG2 header"),
            Y4mError::BadSize => f.write_str("width and height must be between 2 and 8192"),
            Y4mError::UnsupportedChroma => f.write_str("only 8-bit 4:2:0 is supported"),
            Y4mError::BadFrame => f.write_str("a frame does not start with FRAME"),
            Y4mError::Truncated => f.write_str("the file ends inside a frame"),
            Y4mError::WrongSize => f.write_str("the picture has another size than the file"),
        }
    }
}

impl std::error::Error for Y4mError {}

impl From<io::Error> for Y4mError {
    fn from(e: io::Error) -> Y4mError {
        match e.kind() {
            io::ErrorKind::UnexpectedEof => Y4mError::Truncated,
            _ => Y4mError::Io(e),
        }
    }
}

/// Reads pictures one by one.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    header: Header,
    /// Where the first frame starts, counted from the start of the input.
    first_frame: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header. Nothing is allocated before its numbers are checked.
    pub fn new(mut input: R) -> Result<Reader<R>, Y4mError> {
        let line = read_line(&mut input)?.ok_or(Y4mError::BadHeader)?;
        let header = parse_header(&line)?;
        Ok(Reader {
            input,
            header,
            first_frame: line.len() as u64 + 1,
            bytes: Vec::new(),
        })
    }

    /// What the header said.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The next picture, nothing at the end of the file. Odd last rows and columns are cut off.
    pub fn next_picture(&mut self) -> Result<Option<I420>, Y4mError> {
        let Some(line) = read_line(&mut self.input)? else {
            return Ok(None);
        };
        if line != b"FRAME" && !line.starts_with(b"FRAME ") {
            return Err(Y4mError::BadFrame);
        }
        let Header { width, height, .. } = self.header;
        let needed = width * height + width.div_ceil(2) * height.div_ceil(2) * 2;
        // Grows with what is really there: a forged size in a tiny file costs nothing.
        self.bytes.clear();
        let read = (&mut self.input)
            .take(needed as u64)
            .read_to_end(&mut self.bytes)?;
        if read < needed {
            return Err(Y4mError::Truncated);
        }
        let picture = I420::from_planar(width, height, &self.bytes);
        Ok(Some(picture.map_err(|_| Y4mError::BadSize)?))
    }
}

impl<R: BufRead + Seek> Reader<R> {
    /// Back to the first picture. The input must have stood at its start when the reader was made.
    pub fn rewind(&mut self) -> Result<(), Y4mError> {
        self.input.seek(SeekFrom::Start(self.first_frame))?;
        Ok(())
    }

    /// The next picture, after the last the first again. Nothing only if the file has no picture at all.
    pub fn next_looped(&mut self) -> Result<Option<I420>, Y4mError> {
        if let Some(picture) = self.next_picture()? {
            return Ok(Some(picture));
        }
        self.rewind()?;
        self.next_picture()
    }
}

/// Writes pictures of one size.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    size: (usize, usize),
}

impl<W: Write> Writer<W> {
    /// Writes the header: progressive, square pixels, `fps` as a fraction.
    pub fn new(mut output: W, size: (usize, usize), fps: (u32, u32)) -> Result<Self, Y4mError> {
        crate::i420::check_size(size.0, size.1).map_err(|_| Y4mError::BadSize)?;
        if fps.0 == 0 || fps.1 == 0 {
            return Err(Y4mError::BadHeader);
        }
        let ((w, h), (n, d)) = (size, fps);
        writeln!(output, "YUV4MPEG2 W{w} H{h} F{n}:{d} Ip A1:1 C420jpeg")?;
        Ok(Writer { output, size })
    }

    /// Appends a picture, which must have the file's size.
    pub fn write(&mut self, picture: &I420) -> Result<(), Y4mError> {
        if picture.size() != self.size {
            return Err(Y4mError::WrongSize);
        }
        self.output.write_all(b"FRAME\n")?;
        for plane in [picture.y(), picture.u(), picture.v()] {
            self.output.write_all(plane)?;
        }
        Ok(())
    }

    /// Hands buffered bytes on.
    pub fn flush(&mut self) -> Result<(), Y4mError> {
        Ok(self.output.flush()?)
    }

    /// The output, given back.
    pub fn into_inner(self) -> W {
        self.output
    }
}

/// A line without its end; nothing at the end of input. Longer lines than [`MAX_LINE`] are no header of ours.
fn read_line<R: BufRead>(input: &mut R) -> Result<Option<Vec<u8>>, Y4mError> {
    let mut line = Vec::new();
    input.take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(Y4mError::BadHeader),
    }
}

fn parse_header(line: &[u8]) -> Result<Header, Y4mError> {
    let text = std::str::from_utf8(line).map_err(|_| Y4mError::BadHeader)?;
    let mut words = text.split(' ');
    if words.next() != Some("YUV4MPEG2") {
        return Err(Y4mError::BadHeader);
    }
    let (mut width, mut height, mut fps) = (0, 0, (30, 1));
    for word in words.filter(|w| !w.is_empty()) {
        let (tag, value) = word.split_at_checked(1).ok_or(Y4mError::BadHeader)?;
        match tag {
            "W" => width = number(value)?,
            "H" => height = number(value)?,
            "F" => fps = fraction(value)?,
            "C" => check_chroma(value)?,
            // Interlacing, pixel shape, comments: nothing to do about them here.
            _ => {}
        }
    }
    let ok = |side: usize| (2..=MAX_SIDE).contains(&side);
    if !ok(width) || !ok(height) {
        return Err(Y4mError::BadSize);
    }
    Ok(Header { width, height, fps })
}

fn check_chroma(value: &str) -> Result<(), Y4mError> {
    match value {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(()),
        _ => Err(Y4mError::UnsupportedChroma),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Y4mError> {
    text.parse().map_err(|_| Y4mError::BadHeader)
}

/// `30000:1001`; zero on either side means unknown and becomes 30.
fn fraction(text: &str) -> Result<(u32, u32), Y4mError> {
    let (n, d) = text.split_once(':').ok_or(Y4mError::BadHeader)?;
    match (number(n)?, number(d)?) {
        (0, _) | (_, 0) => Ok((30, 1)),
        known => Ok(known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TestPattern;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn three_frames() -> Vec<u8> {
        let pattern = TestPattern::new(96, 64, 1);
        let mut w = Writer::new(Vec::new(), (96, 64), (30000, 1001)).unwrap();
        (0..3).for_each(|i| w.write(&pattern.frame(i)).unwrap());
        w.into_inner()
    }

    #[test]
    fn what_is_written_is_read_and_looped() {
        let mut r = Reader::new(Cursor::new(three_frames())).unwrap();
        assert_eq!(r.header().fps, (30000, 1001));
        let pattern = TestPattern::new(96, 64, 1);
        for i in [0, 1, 2, 0, 1, 2, 0] {
            assert!(r.next_looped().unwrap().unwrap() == pattern.frame(i));
        }
    }

    #[test]
    fn malformed_headers_are_refused_by_name() {
        let open = |text: &str| Reader::new(Cursor::new(text.as_bytes().to_vec())).map(|_| ());
        assert!(open("YUV4MPEG2 W4 H4\n").is_ok());
        assert!(open("YUV4MPEG2 W5 H3 F0:0 C420mpeg2 XYSCSS=420\n").is_ok());
        assert!(matches!(open(""), Err(Y4mError::BadHeader)));
        assert!(matches!(open("RIFF\n"), Err(Y4mError::BadHeader)));
        assert!(matches!(open("YUV4MPEG2 W4 H4"), Err(Y4mError::BadHeader)));
        assert!(matches!(
            open("YUV4MPEG2 Wx H4\n"),
            Err(Y4mError::BadHeader)
        ));
        assert!(matches!(
            open("YUV4MPEG2 W4 H4 F30\n"),
            Err(Y4mError::BadHeader)
        ));
        assert!(matches!(
            open("YUV4MPEG2 W4 H99999\n"),
            Err(Y4mError::BadSize)
        ));
        assert!(matches!(
            open("YUV4MPEG2 W4 H4 C444\n"),
            Err(Y4mError::UnsupportedChroma)
        ));
        let endless = format!("YUV4MPEG2 W4 H4 X{}\n", "y".repeat(5000));
        assert!(matches!(open(&endless), Err(Y4mError::BadHeader)));
    }

    #[test]
    fn a_cut_file_says_so() {
        let mut bytes = three_frames();
        bytes.truncate(bytes.len() - 1);
        let mut r = Reader::new(Cursor::new(bytes)).unwrap();
        assert!(r.next_picture().unwrap().is_some());
        assert!(r.next_picture().unwrap().is_some());
        assert!(matches!(r.next_picture(), Err(Y4mError::Truncated)));
    }

    #[test]
    fn a_file_without_pictures_does_not_loop_forever() {
        let mut r = Reader::new(Cursor::new(b"YUV4MPEG2 W4 H4\n".to_vec())).unwrap();
        assert!(r.next_looped().unwrap().is_none());
    }

    #[test]
    fn pictures_of_another_size_are_not_written() {
        let mut w = Writer::new(Vec::new(), (96, 64), (30, 1)).unwrap();
        assert!(matches!(
            w.write(&I420::black(64, 64)),
            Err(Y4mError::WrongSize)
        ));
    }

    proptest! {
        #[test]
        fn broken_files_never_panic(at in 0usize..200, byte: u8, tail in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = three_frames();
            bytes[at] = byte;
            bytes.extend(tail);
            if let Ok(mut r) = Reader::new(Cursor::new(bytes)) {
                while let Ok(Some(_)) = r.next_picture() {}
            }
        }
    }
}
