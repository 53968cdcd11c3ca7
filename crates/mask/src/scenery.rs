//! A camera's pictures as others see them: network, mask and background in one call.

use crate::PersonMask;
use confab_picture::{Backdrop, Background, I420, Mask};
use std::sync::Arc;

/// Pictures kept to be painted over: one that is encoded, one that is shown, one that waits, one that is made.
const KEPT: usize = 4;

/// Puts the chosen background behind the person in picture after picture of one camera.
///
/// Without a background it costs nothing and gives the picture itself. With one it allocates when sizes or the background are new,
/// and when more than four of its pictures are still held by others.
#[derive(Debug, Default)]
pub struct Scenery {
    backdrop: Backdrop,
    /// Made when first needed.
    person: Option<PersonMask>,
    cover: Option<Mask>,
    kept: Vec<Arc<I420>>,
}

impl Scenery {
    /// Puts `background` behind.
    pub fn new(background: Background) -> Scenery {
        Scenery {
            backdrop: Backdrop::new(background),
            ..Scenery::default()
        }
    }

    /// What it puts behind.
    pub fn background(&self) -> &Background {
        self.backdrop.background()
    }

    /// From the next picture on.
    pub fn set_background(&mut self, background: Background) {
        if background == Background::None {
            // A megabyte and more that nobody needs.
            *self = Scenery::default();
        }
        self.backdrop.set_background(background);
    }

    /// The next picture has nothing to do with the last one: another camera, or a pause.
    pub fn forget(&mut self) {
        if let Some(person) = &mut self.person {
            person.forget();
        }
    }

    /// `picture` with its background. What it gave before stays as it is for whoever holds it.
    pub fn dress(&mut self, picture: &Arc<I420>) -> Arc<I420> {
        if *self.backdrop.background() == Background::None {
            return picture.clone();
        }
        let person = self.person.get_or_insert_default();
        let cover = self.cover.get_or_insert_with(|| Mask::filled(2, 2, 0));
        person.mask(picture, cover);
        let free = |kept: &mut Arc<I420>| Arc::get_mut(kept).is_some();
        let mut out = match self.kept.iter_mut().position(free) {
            Some(at) => self.kept.swap_remove(at),
            None => Arc::new(I420::black(picture.width(), picture.height())),
        };
        if let Some(out) = Arc::get_mut(&mut out) {
            self.backdrop.compose(picture, cover, out);
        }
        if self.kept.len() < KEPT {
            self.kept.push(out.clone());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_picture::{ScreenPattern, Strength};

    fn blur() -> Background {
        Background::Blur {
            strength: Strength::Strong,
        }
    }

    fn room(n: u32) -> Arc<I420> {
        Arc::new(ScreenPattern::new(320, 180, 1).frame(n))
    }

    #[test]
    fn without_a_background_it_is_the_picture_itself() {
        let mut scenery = Scenery::default();
        let picture = room(0);
        assert!(Arc::ptr_eq(&scenery.dress(&picture), &picture));
        scenery.set_background(blur());
        assert!(scenery.dress(&picture) != picture);
        scenery.set_background(Background::None);
        assert!(Arc::ptr_eq(&scenery.dress(&picture), &picture));
    }

    #[test]
    fn pictures_that_others_hold_are_not_painted_over() {
        let mut scenery = Scenery::new(blur());
        let held: Vec<_> = (0..8).map(|n| scenery.dress(&room(n))).collect();
        let copies: Vec<I420> = held.iter().map(|p| I420::clone(p)).collect();
        for n in 8..16 {
            scenery.dress(&room(n));
        }
        assert!(held.iter().zip(&copies).all(|(held, copy)| **held == *copy));
    }

    #[test]
    fn pictures_nobody_holds_are_used_again() {
        let mut scenery = Scenery::new(blur());
        let first = Arc::as_ptr(&scenery.dress(&room(0)));
        for n in 1..20 {
            assert_eq!(Arc::as_ptr(&scenery.dress(&room(n))), first);
        }
    }

    #[test]
    fn an_empty_room_is_blurred_all_over_also_when_its_size_changes() {
        let mut scenery = Scenery::new(blur());
        for (w, h) in [(640, 360), (320, 180), (360, 640)] {
            let picture = Arc::new(ScreenPattern::new(w, h, 1).frame(0));
            let out = scenery.dress(&picture);
            assert_eq!(out.size(), (w, h));
            let steps = |p: &I420| -> u64 {
                let pairs = p.y().windows(2);
                pairs.map(|w| u64::from(w[0].abs_diff(w[1]))).sum()
            };
            assert!(steps(&out) < steps(&picture) / 2);
        }
    }
}
