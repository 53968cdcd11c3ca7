//! Leaves out the frames of higher temporal layers for one slot, where its share of the link carries no more.
//!
//! Fewer at once, but never half of a frame; more from the next base frame on: what follows it refers to nothing older. So a
//! change needs no key frame.

/// One per slot. Told of each packet that is newer than all before it.
#[derive(Debug, Default)]
pub(crate) struct Thinner {
    /// Frames of higher temporal layers are left out.
    allowed: u8,
    /// RTP timestamp of the newest frame, and whether it is left out.
    frame: Option<(u32, bool)>,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thinned {
    Passed,
    LeftOut { is_first_of_frame: bool },
}

impl Thinner {
    /// A stream begins with a key frame.
    pub fn begin(&mut self, most: u8) {
        (self.allowed, self.frame) = (most, None);
    }

    /// A packet of a frame of this RTP timestamp and temporal layer, of which `most` shall be sent from now on.
    pub fn look(&mut self, timestamp: u32, temporal: u8, most: u8) -> Thinned {
        let (is_left_out, is_first_of_frame) = match self.frame {
            Some((newest, is_left_out)) if newest == timestamp => (is_left_out, false),
            _ => {
                self.allowed = if temporal == 0 {
                    most
                } else {
                    self.allowed.min(most)
                };
                (temporal > self.allowed, true)
            }
        };
        self.frame = Some((timestamp, is_left_out));
        match is_left_out {
            true => Thinned::LeftOut { is_first_of_frame },
            false => Thinned::Passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The temporal layers of what passes, of two packets a frame, when `most` is this from each of these frames on.
    fn passed(most: &[(usize, u8)]) -> Vec<(usize, u8)> {
        let mut thinner = Thinner::default();
        thinner.begin(2);
        let mut passed = Vec::new();
        for packet in 0..32 {
            let frame = packet / 2;
            // A wish may come between two packets of a frame.
            let most = most
                .iter()
                .rfind(|(from, _)| packet > from * 2)
                .map_or(2, |m| m.1);
            let temporal = [0, 2, 1, 2][frame % 4];
            if thinner.look(frame as u32 * 3000, temporal, most) == Thinned::Passed {
                passed.push((frame, temporal));
            }
        }
        passed
    }

    #[test]
    fn frames_pass_whole_or_not_at_all() {
        let all = passed(&[]);
        assert_eq!(all.len(), 32);
        for most in 0..2 {
            let thin = passed(&[(5, most)]);
            let expected: Vec<_> = all
                .iter()
                .copied()
                .filter(|(f, t)| *f <= 5 || *t <= most)
                .collect();
            assert_eq!(thin, expected);
        }
    }

    #[test]
    fn more_frames_come_from_a_base_frame_on() {
        let all = passed(&[]);
        let again = passed(&[(1, 0), (5, 2)]);
        let expected: Vec<_> = all
            .into_iter()
            .filter(|(f, t)| *f <= 1 || *t == 0 || *f >= 8)
            .collect();
        assert_eq!(again, expected);
    }
}
