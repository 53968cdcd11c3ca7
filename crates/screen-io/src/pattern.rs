//! A synthetic screen: a page of text on which somebody types.

use crate::Screen;
use confab_capture::{End, Frame};
use confab_picture::ScreenPattern;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The mark's source number of the synthetic screen.
const ID: u8 = 200;

pub(crate) fn open(fps: u32) -> Screen {
    let pattern = ScreenPattern::new(1280, 720, ID);
    Screen::start("screen", pattern.size(), move |slot, control| {
        let (start, step) = (Instant::now(), Duration::from_secs(1) / fps);
        for counter in 0u32.. {
            let due = start + step * counter;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if control.stopped() {
                break;
            }
            if !control.paused() {
                slot.put(Frame {
                    picture: Arc::new(pattern.frame(counter)),
                    captured: due,
                });
            }
        }
        End::Stopped
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_picture::read_counter;

    #[test]
    fn the_synthetic_screen_counts_on() {
        let mut screen = open(15);
        let mut next = || {
            screen
                .next(Duration::from_secs(10))
                .and_then(|f| read_counter(&f.picture))
                .unwrap()
        };
        let (a, b) = (next(), next());
        assert_eq!(a.id, ID);
        assert!(b.counter > a.counter);
    }
}
