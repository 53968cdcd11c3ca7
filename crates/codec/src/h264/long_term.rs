//! Long-term references with feedback: which frames openh264 keeps, which of them a receiver is known to have, and from which one to go
//! on after a loss.
//!
//! openh264 marks a base frame as a long-term reference, then waits to hear whether it came before it marks the next. After a request
//! it predicts one base frame from the newest reference that it was told of, instead of the frame before; all goes on from there.

use super::slice::{Layout, Marking, Slice};
use std::collections::VecDeque;

/// Base frames remembered: at 30 of them a second, four seconds.
const REMEMBERED: usize = 128;

/// What openh264 is told, in its own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feedback {
    /// A long-term reference came.
    Came { idr: u32, frame_num: u32 },
    /// The newest base frame that came, and the newest sent.
    Lost {
        idr: u32,
        last_good: u32,
        newest: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct LongTerm {
    number: u16,
    frame_num: u32,
    /// The frame whose header made it one: who got that has it.
    marked_by: u16,
    came: bool,
}

/// One layer's references.
#[derive(Debug, Default)]
pub(super) struct LongTerms {
    layout: Option<Layout>,
    idr: u32,
    /// Number and openh264's number of the newest base frames.
    base: VecDeque<(u16, u32)>,
    kept: [Option<LongTerm>; 2],
}

impl LongTerms {
    /// A frame came out: its number, its layer, its bytes. The number of the long-term reference it refers to, if it does.
    pub(super) fn note(&mut self, number: u16, temporal: u8, unit: &[u8]) -> Option<u16> {
        if let Some(layout) = Layout::read(unit) {
            *self = LongTerms {
                layout: Some(layout),
                ..LongTerms::default()
            };
        }
        let layout = self.layout?;
        let slice = layout.slice(unit)?;
        self.idr = slice.idr.unwrap_or(self.idr);
        let refers = slice.long_term.and_then(|i| *self.kept.get(i as usize)?);
        if temporal == 0 {
            self.base.push_back((number, slice.frame_num));
            if self.base.len() > REMEMBERED {
                self.base.pop_front();
            }
            self.mark(layout, number, slice);
        }
        refers.map(|r| r.number)
    }

    fn mark(&mut self, layout: Layout, number: u16, slice: Slice) -> Option<()> {
        let (index, frame_num) = match slice.marking? {
            Marking::This(index) => (index, slice.frame_num),
            Marking::Earlier { distance, index } => {
                (index, layout.before(slice.frame_num, distance))
            }
        };
        let mut newest_first = self.base.iter().rev();
        let &(of, _) = newest_first.find(|(_, f)| *f == frame_num)?;
        *self.kept.get_mut(index as usize)? = Some(LongTerm {
            number: of,
            frame_num,
            marked_by: number,
            came: false,
        });
        Some(())
    }

    /// A receiver has decoded this frame, and with it all base frames before it since the last recovery.
    pub(super) fn acknowledge(&mut self, number: u16) -> Option<Feedback> {
        let idr = self.idr;
        let mut new = self.kept.iter_mut().flatten();
        let new = new.find(|k| !k.came && !is_after(k.marked_by, number))?;
        new.came = true;
        Some(Feedback::Came {
            idr,
            frame_num: new.frame_num,
        })
    }

    /// Nothing behind this frame came. `None` where nothing is there to go on from.
    pub(super) fn recover(&mut self, last_good: u16) -> Option<Feedback> {
        for kept in &mut self.kept {
            if kept.is_some_and(|k| is_after(k.marked_by, last_good)) {
                *kept = None;
            }
        }
        self.kept.iter().flatten().find(|k| k.came)?;
        let mut newest_first = self.base.iter().rev();
        let &(_, good) = newest_first.find(|(n, _)| !is_after(*n, last_good))?;
        let &(_, newest) = self.base.back()?;
        Some(Feedback::Lost {
            idr: self.idr,
            last_good: good,
            newest,
        })
    }
}

/// Whether number `a` comes after `b`, round and round.
fn is_after(a: u16, b: u16) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 15
}
