//! What repair of pictures did on the way to the server and back, in figures for people: `docs/REPAIR.md` is what they are of.

use crate::stats::{ms, round};
use confab_transport::PeerStats;

/// One direction, all pictures together, since the peer connection was made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RepairFigures {
    /// Lost packets that were put back; of what comes only.
    pub(crate) recovered: Option<u64>,
    /// Packets that never came in time.
    pub(crate) lost: u64,
    /// Of the packets that were missing, those put back.
    pub(crate) success_percent: Option<f64>,
    /// Repair per media: bytes of what is sent, packets of what comes.
    pub(crate) overhead_percent: f64,
    /// From noticing a loss until it was put back, in the mean.
    pub(crate) response_ms: Option<f64>,
}

/// Of what comes; `None` where the server is none of our own ends.
pub(crate) fn repair_in(peer: &PeerStats) -> Option<RepairFigures> {
    let r = peer.repair_in.as_ref()?;
    let missing = r.recovered + r.unrecoverable;
    let all = (r.received + r.recovered).max(1);
    Some(RepairFigures {
        recovered: Some(r.recovered),
        lost: r.unrecoverable,
        success_percent: (missing > 0).then(|| percent(r.recovered as f64 / missing as f64)),
        overhead_percent: percent(r.repair_packets as f64 / all as f64),
        response_ms: (r.recovered > 0).then(|| ms(r.response)),
    })
}

/// Of what is sent.
pub(crate) fn repair_out(peer: &PeerStats) -> Option<RepairFigures> {
    let r = peer.repair_out.as_ref()?;
    Some(RepairFigures {
        lost: r.given_up,
        overhead_percent: percent(r.overhead()),
        ..RepairFigures::default()
    })
}

fn percent(share: f64) -> f64 {
    round(share * 100.0)
}
