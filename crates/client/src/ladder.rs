//! All video layers of a participant as one ladder, which the bandwidth budget climbs.

use confab_base::{Bitrate, Source};
use confab_congestion::{BudgetConfig, Rung, SendBudget};
use confab_pipeline::Outgoing;

/// Voice, with IP, UDP, SRTP and RTP headers of 50 packets a second.
pub(crate) const VOICE: Bitrate = Bitrate::kbps(56);

/// Every video layer, in the order in which they are worth sending: some picture of the person, then the shared screen, then better pictures.
pub(crate) fn order(outgoing: &[Outgoing]) -> Vec<(Source, usize)> {
    let mut all: Vec<(Source, usize)> = outgoing
        .iter()
        .flat_map(|o| (0..o.layers.len()).map(move |layer| (o.source, layer)))
        .collect();
    all.sort_by_key(|(source, layer)| match (source, layer) {
        (Source::Camera, 0) => 0,
        (Source::Screen, _) => 1,
        (_, layer) => 1 + layer,
    });
    all
}

/// A budget over these layers.
pub(crate) fn budget(outgoing: &[Outgoing], order: &[(Source, usize)]) -> SendBudget {
    let rungs = order.iter().filter_map(|at| rung(outgoing, *at)).collect();
    SendBudget::new(BudgetConfig::new(VOICE, rungs))
}

fn rung(outgoing: &[Outgoing], (source, layer): (Source, usize)) -> Option<Rung> {
    let layers = &outgoing.iter().find(|o| o.source == source)?.layers;
    let bitrate = layers.get(layer)?.bitrate;
    Some(Rung {
        // Half the rate still looks better than the layer below; the lowest one shows something at a third.
        min: bitrate.scaled(if layer == 0 { 0.35 } else { 0.55 }),
        target: bitrate,
        max: bitrate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_pipeline::OutgoingLayer;

    fn outgoing(source: Source, layers: usize) -> Outgoing {
        let layer = |i| OutgoingLayer {
            rid: String::new(),
            width: 320,
            height: 180,
            bitrate: Bitrate::kbps(100 * (i as u64 + 1)),
        };
        Outgoing {
            source,
            layers: (0..layers).map(layer).collect(),
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
        assert_eq!(order(&all), expected);
        let budget = budget(&all, &order(&all));
        assert_eq!(budget.targets().layers.len(), 4);
    }
}
