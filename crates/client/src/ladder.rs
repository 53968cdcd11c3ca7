//! All video layers of a participant as one ladder, which the bandwidth budget climbs.

use confab_base::{Bitrate, Duration, Source, Time};
use confab_congestion::{BudgetConfig, Rung, SendBudget};
use confab_pipeline::Outgoing;

/// At this rate a page of text takes seconds to come, and comes.
const SLOW_SCREEN: Bitrate = Bitrate::kbps(120);

/// At this share of its rate the one layer that all look at is still better than a smaller one with all of its own.
const LEAST_OF_MAIN: f64 = 0.3;
/// A larger one is taken when there is so many times as much as it needs, for so long.
const MARGIN: f64 = 1.3;
const ROOM_FOR: Duration = Duration::from_secs(2);
/// A smaller one when there was too little for so long, or far too little. Each change costs a key frame.
const SHORT_FOR: Duration = Duration::from_millis(1500);
const FAR_TOO_LITTLE: f64 = 0.5;

/// Short side of the largest layer a small camera sends.
const SMALL: u16 = 360;

/// Every video layer, in the order in which they are worth sending: some picture of the person, then the shared screen,
/// then better pictures. `small_camera`: of the camera nothing above 360p, but something. `wanted`: the layers of a source that
/// anybody could be sent, the one that is missed most first.
pub(crate) fn order(
    outgoing: &[Outgoing],
    small_camera: bool,
    wanted: impl Fn(&Outgoing) -> Vec<usize>,
) -> Vec<(Source, usize)> {
    let allowed = |o: &Outgoing, layer: usize| {
        let Some(of) = o.layers.get(layer) else {
            return false;
        };
        let small = of.width.min(of.height) <= SMALL;
        o.source != Source::Camera || !small_camera || layer == 0 || small
    };
    let layers = |o: &Outgoing| {
        let mut allowed: Vec<usize> = wanted(o).into_iter().filter(|l| allowed(o, *l)).collect();
        if allowed.is_empty() && !wanted(o).is_empty() {
            allowed.push(0);
        }
        let source = o.source;
        let places = allowed.into_iter().enumerate();
        places.map(move |(place, layer)| (place, (source, layer)))
    };
    let mut all: Vec<(usize, (Source, usize))> = outgoing.iter().flat_map(layers).collect();
    all.sort_by_key(|(place, (source, _))| match (source, place) {
        (Source::Camera, 0) => 0,
        (Source::Screen, _) => 1,
        (_, place) => 1 + place,
    });
    all.into_iter().map(|(_, layer)| layer).collect()
}

/// The camera's layer that everybody looks at, where all who look want a larger one than the lowest: with little room that one is
/// sent alone, at less than it takes to look good, and only where even that is too much a smaller one.
#[derive(Debug, Default)]
pub(crate) struct Main {
    layer: usize,
    most: usize,
    /// Since when there is too little for it, and room for a larger one.
    short: Option<Time>,
    room: Option<Time>,
}

impl Main {
    /// `most`: the smallest layer that somebody looks at. `camera`: the layers' full rates. `room`: what there is for pictures. True if
    /// it is another layer now.
    pub fn update(&mut self, most: usize, camera: &[Bitrate], room: Bitrate, now: Time) -> bool {
        let before = self.layer;
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
            (self.most, self.layer) = (most, best(1.0));
            (self.short, self.room) = (None, None);
            return self.layer != before;
        }
        let is_short = room < need(self.layer);
        self.short = is_short.then(|| self.short.unwrap_or(now));
        let larger = best(MARGIN);
        let has_room = larger > self.layer;
        self.room = has_room.then(|| self.room.unwrap_or(now));
        let lasts = |since: Option<Time>, hold| since.is_some_and(|at| now.since(at) >= hold);
        if lasts(self.short, SHORT_FOR) || room < need(self.layer).scaled(FAR_TOO_LITTLE) {
            (self.layer, self.short) = (best(1.0), None);
        } else if lasts(self.room, ROOM_FOR) {
            (self.layer, self.room) = (larger, None);
        }
        self.layer != before
    }

    /// In which order layers are worth sending, of those told as wanted: see [`order`].
    pub fn sort(&self, told: &[u8]) -> Vec<usize> {
        let told: Vec<usize> = told.iter().map(|l| usize::from(*l)).collect();
        let Some(&first) = told.first() else {
            return told;
        };
        if first == 0 || self.layer == first {
            return told;
        }
        // There is no room for what they want: the one that fits, then what else could be of use.
        let others = (0..=self.most).filter(|l| *l != self.layer);
        std::iter::once(self.layer).chain(others).collect()
    }
}

/// A budget over these layers, beside a voice of this rate on the wire.
pub(crate) fn budget(
    voice: Bitrate,
    outgoing: &[Outgoing],
    order: &[(Source, usize)],
) -> SendBudget {
    SendBudget::new(BudgetConfig::new(voice, rungs(outgoing, order)))
}

/// What each of these layers costs.
pub(crate) fn rungs(outgoing: &[Outgoing], order: &[(Source, usize)]) -> Vec<Rung> {
    let main = order.iter().find(|(source, _)| *source == Source::Camera);
    let rungs = order.iter();
    rungs
        .filter_map(|at| rung(outgoing, *at, main == Some(at)))
        .collect()
}

fn rung(outgoing: &[Outgoing], (source, layer): (Source, usize), is_main: bool) -> Option<Rung> {
    let layers = &outgoing.iter().find(|o| o.source == source)?.layers;
    let bitrate = layers.get(layer)?.bitrate;
    // Half the rate still looks better than the layer below; the lowest one shows something at a fifth. Letters that come
    // late are read all the same, so a screen is given up last: a still one costs next to nothing.
    let min = match (source, layer) {
        (Source::Screen, 0) => bitrate.scaled(0.35).min(SLOW_SCREEN),
        (_, 0) => bitrate.scaled(0.2),
        _ if is_main => bitrate.scaled(LEAST_OF_MAIN),
        _ => bitrate.scaled(0.55),
    };
    Some(Rung {
        min,
        target: bitrate,
        max: bitrate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_pipeline::OutgoingLayer;

    fn all_wanted(o: &Outgoing) -> Vec<usize> {
        (0..o.layers.len()).collect()
    }

    #[test]
    fn what_nobody_could_be_sent_is_left_out() {
        let all = [outgoing(Source::Camera, 3), outgoing(Source::Screen, 1)];
        let wanted = |o: &Outgoing| match o.source {
            Source::Camera => vec![0, 2],
            _ => vec![],
        };
        let expected = [(Source::Camera, 0), (Source::Camera, 2)];
        assert_eq!(order(&all, false, wanted), expected);
        assert!(order(&all, false, |_| vec![]).is_empty());
        assert_eq!(order(&all, false, |_| vec![7]).len(), 2, "what is no layer");
    }

    #[test]
    fn what_all_look_at_goes_before_what_is_only_there_to_fall_back_on() {
        let all = [outgoing(Source::Camera, 3), outgoing(Source::Screen, 1)];
        let wanted = |o: &Outgoing| match o.source {
            Source::Camera => vec![2, 0],
            _ => vec![0],
        };
        let found = order(&all, false, wanted);
        let camera = |layer| (Source::Camera, layer);
        assert_eq!(found, [camera(2), (Source::Screen, 0), camera(0)]);
        assert_eq!(
            rungs(&all, &found)[0].min,
            Bitrate::kbps(90),
            "at a little of its rate"
        );
        let found = order(&all, true, wanted);
        assert_eq!(
            found,
            [camera(0), (Source::Screen, 0)],
            "what a small camera sends"
        );
    }

    /// The main layer at these times, when there is so much room.
    fn mains(steps: &[(u64, u64)]) -> Vec<usize> {
        let camera = [150, 500, 1500].map(Bitrate::kbps);
        let mut main = Main::default();
        let mut found = Vec::new();
        for (ms, kbps) in steps {
            main.update(1, &camera, Bitrate::kbps(*kbps), Time::from_millis(*ms));
            found.push(main.layer);
        }
        found
    }

    #[test]
    fn the_layer_that_all_look_at_stays_while_there_is_a_little_for_it() {
        assert_eq!(mains(&[(0, 900), (100, 160)]), [1, 1]);
        assert_eq!(
            mains(&[(0, 900), (100, 140), (1500, 140), (1600, 140)]),
            [1, 1, 1, 0]
        );
        assert_eq!(mains(&[(0, 900), (100, 70)]), [1, 0], "far too little");
        assert_eq!(mains(&[(0, 100), (100, 190), (5000, 190)]), [0, 0, 0]);
        assert_eq!(
            mains(&[(0, 100), (100, 200), (2000, 200), (2100, 200)]),
            [0, 0, 0, 1]
        );
    }

    #[test]
    fn without_room_for_what_they_want_it_is_the_largest_that_fits_and_then_the_others() {
        let camera = [150, 500, 1500].map(Bitrate::kbps);
        let mut main = Main::default();
        let mut at = |most, kbps, ms| {
            main.update(most, &camera, Bitrate::kbps(kbps), Time::from_millis(ms));
            main.sort(&[most as u8, 0])
        };
        assert_eq!(at(2, 900, 0), [2, 0]);
        assert_eq!(at(2, 200, 100), [1, 0, 2]);
        assert_eq!(at(2, 50, 200), [0, 1, 2]);
        assert_eq!(main.sort(&[0, 2]), [0, 2], "somebody looks at the lowest");
        assert!(main.sort(&[]).is_empty());
    }

    fn outgoing(source: Source, layers: usize) -> Outgoing {
        let layer = |i| OutgoingLayer {
            rid: String::new(),
            width: 320u16 << i,
            height: 180u16 << i,
            bitrate: Bitrate::kbps(100 * (i as u64 + 1)),
        };
        Outgoing {
            source,
            layers: (0..layers).map(layer).collect(),
            rids: Vec::new(),
        }
    }

    #[test]
    fn a_screen_goes_before_a_sharper_face_but_after_any_face() {
        let all = [
            outgoing(Source::Microphone, 0),
            outgoing(Source::Camera, 3),
            outgoing(Source::Screen, 1),
        ];
        let expected = [
            (Source::Camera, 0),
            (Source::Screen, 0),
            (Source::Camera, 1),
            (Source::Camera, 2),
        ];
        assert_eq!(order(&all, false, all_wanted), expected);
        let budget = budget(Bitrate::kbps(56), &all, &order(&all, false, all_wanted));
        assert_eq!(budget.targets().layers.len(), 4);
    }

    #[test]
    fn a_large_screen_is_sent_as_soon_as_sound_alone_leaves_room_for_something() {
        let mut screen = outgoing(Source::Screen, 1);
        screen.layers[0].bitrate = Bitrate::kbps(4000);
        let all = [screen];
        let found = rungs(&all, &order(&all, false, all_wanted));
        assert_eq!(found[0].min, SLOW_SCREEN);
        assert_eq!(found[0].max, Bitrate::kbps(4000));
    }

    #[test]
    fn a_small_camera_leaves_out_its_large_layer_and_no_screen() {
        let all = [outgoing(Source::Camera, 3), outgoing(Source::Screen, 1)];
        let expected = [
            (Source::Camera, 0),
            (Source::Screen, 0),
            (Source::Camera, 1),
        ];
        assert_eq!(order(&all, true, all_wanted), expected);
    }
}
