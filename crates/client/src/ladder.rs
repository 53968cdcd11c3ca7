//! All video layers of a participant as one ladder, which the bandwidth budget climbs.

use confab_base::{Bitrate, Source};
use confab_congestion::{BudgetConfig, LEAST_OF_MAIN, Rung, SendBudget};
use confab_pipeline::Outgoing;

/// At this rate a page of text takes seconds to come, and comes.
const SLOW_SCREEN: Bitrate = Bitrate::kbps(120);

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
