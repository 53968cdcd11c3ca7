//! Which layer of a camera is sent where all who look want a larger one than the lowest, and there may be too little room for it.
//!
//! The encoder goes down in rate before the layer changes: each change costs a key frame, just when there is no room for one. A dip of the
//! estimate empties a queue and is over within a second; a layer outlives it.

use crate::Caution;
use confab_base::{Bitrate, Duration, Time};

/// At this share of its rate the one layer that all look at is still better than a smaller one with all of its own.
pub const LEAST_OF_MAIN: f64 = 0.3;
/// A larger one is taken when there is so many times as much as it needs, for so long.
const MARGIN: f64 = 1.3;
const ROOM_FOR: Duration = Duration::from_secs(2);
/// And sooner where there is far more.
const PLENTY: f64 = 2.5;
const PLENTY_FOR: Duration = Duration::from_millis(500);
/// A smaller one when there was too little for so long, or far too little for so long: what empties a queue, and what lost frames are
/// repaired with, is taken off for about a second.
const SHORT_FOR: Duration = Duration::from_millis(1500);
const FAR_TOO_LITTLE: f64 = 0.5;
const FAR_FOR: Duration = Duration::from_millis(1000);

/// The camera's layer that everybody looks at, where all who look want a larger one than the lowest: with little room that one is
/// sent alone, at less than it takes to look good, and only where even that is too much a smaller one.
#[derive(Debug, Default)]
pub struct MainLayer {
    layer: usize,
    most: usize,
    /// Since when there is too little for it, or far too little, and room or plenty for a larger one.
    short: Since,
    far: Since,
    room: Since,
    plenty: Since,
}

/// Since when something is so.
#[derive(Debug, Default)]
struct Since(Option<Time>);

impl Since {
    /// Whether it is so for so long.
    fn lasts(&mut self, is: bool, hold: Duration, now: Time) -> bool {
        self.0 = is.then(|| self.0.unwrap_or(now));
        self.0.is_some_and(|at| now.since(at) >= hold)
    }
}

impl MainLayer {
    /// `most`: the smallest layer that somebody looks at. `camera`: the layers' full rates, the lowest first. `room`: what there is for
    /// pictures. `loss`: the share of packets lost on the way, 0 to 1. True if it is another layer now.
    pub fn update(
        &mut self,
        most: usize,
        camera: &[Bitrate],
        room: Bitrate,
        loss: f32,
        now: Time,
    ) -> bool {
        let before = self.layer;
        let caution = Caution::at(f64::from(loss));
        let need = |layer: usize| match layer {
            0 => Bitrate::ZERO,
            _ => camera
                .get(layer)
                .map_or(Bitrate(u64::MAX), |r| r.scaled(LEAST_OF_MAIN)),
        };
        let best = |margin: f64| {
            let fits = |l: &usize| need(*l).scaled(margin) <= room;
            (0..=most).rev().find(fits).unwrap_or(0)
        };
        if most != self.most {
            *self = MainLayer {
                most,
                layer: best(1.0),
                ..MainLayer::default()
            };
            return self.layer != before;
        }
        let needed = need(self.layer);
        let is_short = self
            .short
            .lasts(room < needed, caution.patience(SHORT_FOR), now);
        let is_far = room < needed.scaled(FAR_TOO_LITTLE);
        let is_far = self.far.lasts(is_far, caution.patience(FAR_FOR), now);
        let margin = caution.margin();
        let (some, much) = (best(MARGIN * margin), best(PLENTY * margin));
        let has_room = self.room.lasts(some > self.layer, ROOM_FOR, now);
        let has_plenty = self.plenty.lasts(much > self.layer, PLENTY_FOR, now);
        let next = match (is_short || is_far, has_room, has_plenty) {
            (true, ..) => best(1.0),
            (_, true, _) => some,
            (.., true) => much,
            _ => return false,
        };
        *self = MainLayer {
            most,
            layer: next,
            ..MainLayer::default()
        };
        self.layer != before
    }

    /// The layer it is.
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// In which order layers are worth sending, of those `told` as wanted, the one that is missed most first: where that is not the lowest
    /// and there is no room for it, the main layer and then what else could be of use.
    pub fn sort(&self, told: &[u8]) -> Vec<usize> {
        let told: Vec<usize> = told.iter().map(|l| usize::from(*l)).collect();
        let Some(&first) = told.first() else {
            return told;
        };
        if first == 0 || self.layer == first {
            return told;
        }
        let others = (0..=self.most).filter(|l| *l != self.layer);
        std::iter::once(self.layer).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: [Bitrate; 3] = [Bitrate::kbps(150), Bitrate::kbps(500), Bitrate::kbps(1500)];

    /// When it becomes another layer, and which, when so much room begins at these times, in milliseconds, up to the last of them.
    fn changes(steps: &[(u64, u64)]) -> Vec<(u64, usize)> {
        changes_at(0.0, steps)
    }

    fn changes_at(loss: f32, steps: &[(u64, u64)]) -> Vec<(u64, usize)> {
        let mut main = MainLayer::default();
        let end = steps.last().unwrap().0;
        let each = (0..=end).step_by(100).filter_map(|ms| {
            let kbps = steps.iter().rfind(|s| s.0 <= ms).unwrap().1;
            let now = Time::from_millis(ms);
            let is_other = main.update(1, &CAMERA, Bitrate::kbps(kbps), loss, now);
            is_other.then_some((ms, main.layer()))
        });
        each.collect()
    }

    #[test]
    fn the_layer_that_all_look_at_stays_while_there_is_a_little_for_it() {
        assert_eq!(changes(&[(0, 900), (1000, 160), (9000, 160)]), [(0, 1)]);
        let short = changes(&[(0, 900), (1000, 140), (9000, 140)]);
        assert_eq!(short, [(0, 1), (2500, 0)]);
    }

    #[test]
    fn it_outlives_a_dip_that_empties_a_queue() {
        let dip = changes(&[(0, 900), (1000, 20), (1900, 170), (9000, 170)]);
        assert_eq!(dip, [(0, 1)]);
        let far = changes(&[(0, 900), (1000, 20), (9000, 20)]);
        assert_eq!(far, [(0, 1), (2000, 0)], "far too little");
    }

    #[test]
    fn a_larger_one_is_taken_when_there_is_more_than_it_needs_and_sooner_where_there_is_far_more() {
        assert_eq!(changes(&[(0, 100), (100, 190), (9000, 190)]), []);
        assert_eq!(changes(&[(0, 100), (100, 200), (9000, 200)]), [(2100, 1)]);
        assert_eq!(changes(&[(0, 100), (100, 400), (9000, 400)]), [(600, 1)]);
    }

    #[test]
    fn where_much_is_lost_it_changes_for_more_and_later() {
        let up = [(0, 100), (100, 400), (9000, 400)];
        assert_eq!(changes_at(0.8, &up), [], "2.9 times what it needs");
        let up = [(0, 100), (100, 440), (9000, 440)];
        assert_eq!(changes_at(0.8, &up), [(2100, 1)]);
        let dip = [(0, 900), (1000, 20), (3900, 170), (9000, 170)];
        assert_eq!(changes_at(0.8, &dip), [(0, 1)]);
        let short = [(0, 900), (1000, 140), (9000, 140)];
        assert_eq!(changes_at(0.8, &short), [(0, 1), (5500, 0)]);
        assert_eq!(changes_at(0.5, &short), [(0, 1), (4000, 0)]);
    }

    #[test]
    fn without_room_for_what_they_want_it_is_the_largest_that_fits_and_then_the_others() {
        let mut main = MainLayer::default();
        let mut at = |most, kbps, ms| {
            let now = Time::from_millis(ms);
            main.update(most, &CAMERA, Bitrate::kbps(kbps), 0.0, now);
            main.sort(&[most as u8, 0])
        };
        assert_eq!(at(2, 900, 0), [2, 0]);
        at(2, 200, 100);
        assert_eq!(at(2, 200, 1100), [1, 0, 2]);
        at(2, 50, 1200);
        assert_eq!(at(2, 50, 2200), [0, 1, 2]);
        assert_eq!(main.sort(&[0, 2]), [0, 2], "somebody looks at the lowest");
        assert!(main.sort(&[]).is_empty());
    }
}
