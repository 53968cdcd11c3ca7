//! Pictures in the buffers of C libraries.

use crate::CodecError;
use confab_picture::I420;
use std::ffi::c_int;

/// Where a library holds a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planes {
    /// Y, U, V.
    pub(crate) start: [*const u8; 3],
    /// Bytes from row to row.
    pub(crate) stride: [c_int; 3],
    /// Luma samples; odd ones, of streams of other makers, lose their last row and column.
    pub(crate) width: c_int,
    pub(crate) height: c_int,
}

impl Planes {
    /// Copies the picture; `Corrupt` where the description can't be right.
    ///
    /// # Safety
    /// Each plane that is not null must hold as many rows of `stride` bytes as the size says (the last one at least up to the width),
    /// with chroma of half the width and height rounded up, and not be written to during the call.
    pub(crate) unsafe fn copy(self) -> Result<I420, CodecError> {
        let size = |n: c_int| usize::try_from(n).map_err(|_| CodecError::Corrupt);
        let (width, height) = (size(self.width)? & !1, size(self.height)? & !1);
        let strides = [size(self.stride[0])?, size(self.stride[1])?];
        let alike = self.stride[1] == self.stride[2];
        if width < 2 || height < 2 || strides[0] < width || strides[1] < width / 2 || !alike {
            return Err(CodecError::Corrupt);
        }
        if self.start.iter().any(|p| p.is_null()) {
            return Err(CodecError::Corrupt);
        }
        let plane = |index: usize, stride: usize, width: usize, height: usize| {
            let length = stride * (height - 1) + width;
            // SAFETY: the caller says so; rounding the size down only leaves samples out.
            unsafe { std::slice::from_raw_parts(self.start[index], length) }
        };
        let y = plane(0, strides[0], width, height);
        let u = plane(1, strides[1], width / 2, height / 2);
        let v = plane(2, strides[1], width / 2, height / 2);
        I420::from_strided(width, height, [y, u, v], strides).map_err(|_| CodecError::Corrupt)
    }
}
