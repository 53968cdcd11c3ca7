//! The network's weights: half floats in the order in which the network reads them (assets/person-mask/README.md).

/// Hands out weights from front to back.
pub(crate) struct Weights<'a> {
    halves: &'a [[u8; 2]],
}

impl<'a> Weights<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Weights<'a> {
        Weights {
            halves: bytes.as_chunks().0,
        }
    }

    /// The next `count`; zeros where the file has ended.
    pub(crate) fn take(&mut self, count: usize) -> Vec<f32> {
        let (now, later) = self.halves.split_at(count.min(self.halves.len()));
        self.halves = later;
        let mut values: Vec<f32> = now.iter().map(|&h| half(u16::from_le_bytes(h))).collect();
        values.resize(count, 0.0);
        values
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.halves.is_empty()
    }
}

/// A half float (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 31);
    let fraction = f32::from(bits & 1023) / 1024.0;
    match exponent {
        0 => sign * fraction * f32::powi(2.0, -14),
        // No weight is infinite or none.
        31 => 0.0,
        _ => sign * (1.0 + fraction) * f32::powi(2.0, exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_as_the_standard_says() {
        let cases = [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7BFF, 65504.0),
            (0x8000, 0.0),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
    }
}
