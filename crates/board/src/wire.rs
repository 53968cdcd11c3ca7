//! The bytes everything of a board is written in: LEB128 variable-length integers in their shortest form, zigzag for
//! signed ones, length-prefixed bytes. One value has one form, so equal documents have equal bytes.

use crate::id::{Author, MAX_LAMPORT, ObjectId, Replica, Stamp};

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("the bytes end too early")]
    Short,
    #[error("bytes are left over")]
    Trailing,
    #[error("a number is not in its shortest form or too large")]
    BadNumber,
    #[error("a text is not UTF-8")]
    BadText,
    #[error("an unknown tag or version")]
    Unknown,
    #[error("a value outside its range")]
    OutOfRange,
}

/// Appends values to a buffer.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn new() -> Writer {
        Writer::default()
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub fn signed(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)) as u64);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    pub fn replica(&mut self, replica: Replica) {
        self.number(replica.author.0.into());
        self.number(replica.session.into());
    }

    /// A reference to an object; those of `near`'s own replica, the common case, are shorter.
    pub fn object(&mut self, id: ObjectId, near: Replica) {
        let own = id.0.replica == near;
        self.number(id.0.lamport * 2 + u64::from(!own));
        if !own {
            self.replica(id.0.replica);
        }
    }
}

/// Reads what [`Writer`] wrote and refuses everything else. Never panics, never allocates by a foreign length.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// What was not read yet.
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Succeeds when all was read.
    pub fn end(self) -> Result<(), WireError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(WireError::Trailing)
        }
    }

    pub fn byte(&mut self) -> Result<u8, WireError> {
        let (first, rest) = self.rest.split_first().ok_or(WireError::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(WireError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// At most 53 bits, as JavaScript can hold them.
    pub fn number(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for i in 0..8 {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                let shortest = i == 0 || byte != 0;
                return if shortest && value < 1 << 53 {
                    Ok(value)
                } else {
                    Err(WireError::BadNumber)
                };
            }
        }
        Err(WireError::BadNumber)
    }

    /// A number up to and with `most`.
    pub fn below(&mut self, most: u64) -> Result<u64, WireError> {
        let value = self.number()?;
        if value <= most {
            Ok(value)
        } else {
            Err(WireError::OutOfRange)
        }
    }

    pub fn signed(&mut self) -> Result<i64, WireError> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A signed number whose size is at most `most`.
    pub fn within(&mut self, most: i64) -> Result<i64, WireError> {
        let value = self.signed()?;
        if value.abs() <= most {
            Ok(value)
        } else {
            Err(WireError::OutOfRange)
        }
    }

    /// Length-prefixed bytes, at most `most` of them.
    pub fn bytes(&mut self, most: usize) -> Result<&'a [u8], WireError> {
        let count = self.below(most as u64)?;
        self.raw(count as usize)
    }

    /// UTF-8 of at most `most` characters (Unicode scalar values).
    pub fn text(&mut self, most: usize) -> Result<&'a str, WireError> {
        let bytes = self.bytes(most * 4)?;
        let text = std::str::from_utf8(bytes).map_err(|_| WireError::BadText)?;
        if text.chars().count() <= most {
            Ok(text)
        } else {
            Err(WireError::OutOfRange)
        }
    }

    pub fn replica(&mut self) -> Result<Replica, WireError> {
        let author = Author(self.below(u32::MAX.into())? as u32);
        let session = self.below(u16::MAX.into())? as u16;
        Ok(Replica { author, session })
    }

    pub fn lamport(&mut self) -> Result<u64, WireError> {
        self.below(MAX_LAMPORT)
    }

    pub fn object(&mut self, near: Replica) -> Result<ObjectId, WireError> {
        let head = self.below(MAX_LAMPORT * 2 + 1)?;
        let replica = if head & 1 == 0 { near } else { self.replica()? };
        // The long form of a short reference would be a second form of one value.
        if head & 1 == 1 && replica == near {
            return Err(WireError::BadNumber);
        }
        Ok(ObjectId(Stamp::new(head / 2, replica)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_shortest_form_of_a_number_is_read() {
        assert_eq!(Reader::new(&[0x7f]).number(), Ok(127));
        assert_eq!(
            Reader::new(&[0xff, 0x00]).number(),
            Err(WireError::BadNumber)
        );
        assert_eq!(Reader::new(&[0x80]).number(), Err(WireError::Short));
        assert_eq!(Reader::new(&[0xff; 12]).number(), Err(WireError::BadNumber));
    }

    #[test]
    fn a_foreign_length_beyond_the_bytes_is_short() {
        assert_eq!(
            Reader::new(&[0xff, 0x7f, 1]).bytes(1 << 20),
            Err(WireError::Short)
        );
    }

    proptest! {
        #[test]
        fn numbers_come_back(value in 0u64..1 << 53, signed in -(1i64 << 51)..1 << 51) {
            let mut w = Writer::new();
            w.number(value);
            w.signed(signed);
            let bytes = w.into_bytes();
            let mut r = Reader::new(&bytes);
            prop_assert_eq!(r.number(), Ok(value));
            prop_assert_eq!(r.signed(), Ok(signed));
            prop_assert!(r.end().is_ok());
        }
    }
}
