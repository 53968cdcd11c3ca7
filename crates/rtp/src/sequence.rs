//! Wrapping RTP counters made into plain growing numbers.

/// Extends 16-bit sequence numbers to 64 bits by the shortest way round the circle (RFC 3711, section 3.3.1).
///
/// The first number `s` becomes `65536 + s`, so that packets from just before the first stay positive.
#[derive(Clone, Debug, Default)]
pub struct SequenceUnwrapper {
    last: Option<u64>,
}

impl SequenceUnwrapper {
    pub fn unwrap(&mut self, seq: u16) -> u64 {
        let Some(last) = self.last else {
            let first = (1 << 16) + u64::from(seq);
            self.last = Some(first);
            return first;
        };
        let step = i64::from(seq.wrapping_sub(last as u16) as i16);
        let value = last.saturating_add_signed(step);
        self.last = Some(last.max(value));
        value
    }
}

/// Extends 32-bit RTP timestamps to 64 bits in the same way. The first becomes `2^32 + t`.
#[derive(Clone, Debug, Default)]
pub struct TimestampUnwrapper {
    last: Option<u64>,
}

impl TimestampUnwrapper {
    pub fn unwrap(&mut self, timestamp: u32) -> u64 {
        let value = self.peek(timestamp);
        self.last = Some(self.last.map_or(value, |last| last.max(value)));
        value
    }

    /// What [`Self::unwrap`] would say, without remembering it.
    pub fn peek(&self, timestamp: u32) -> u64 {
        match self.last {
            None => (1 << 32) + u64::from(timestamp),
            Some(last) => {
                let step = i64::from(timestamp.wrapping_sub(last as u32) as i32);
                last.saturating_add_signed(step)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_walk_with_small_steps_is_followed(start in any::<u16>(), steps in prop::collection::vec(-1000i64..1000, 1..200)) {
            let mut unwrapper = SequenceUnwrapper::default();
            let mut truth = 65_536 + i64::from(start);
            let mut highest = truth;
            prop_assert_eq!(unwrapper.unwrap(start), truth as u64);
            for step in steps {
                // Stay within the window behind the highest number, as reordered packets do.
                truth = (truth + step).max(highest - 10_000).max(0);
                highest = highest.max(truth);
                prop_assert_eq!(unwrapper.unwrap(truth as u16), truth as u64);
            }
        }

        #[test]
        fn timestamps_come_back_modulo_2_32(all in prop::collection::vec(any::<u32>(), 1..50)) {
            let mut unwrapper = TimestampUnwrapper::default();
            for t in all {
                prop_assert_eq!(unwrapper.unwrap(t) as u32, t);
            }
        }
    }

    #[test]
    fn a_packet_from_before_the_first_stays_in_order() {
        let mut unwrapper = SequenceUnwrapper::default();
        let first = unwrapper.unwrap(0);
        assert_eq!(unwrapper.unwrap(65_535), first - 1);
        assert_eq!(unwrapper.unwrap(1), first + 1);
    }
}
