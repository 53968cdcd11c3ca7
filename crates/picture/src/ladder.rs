//! The simulcast ladder: which sizes of one camera picture are sent, lowest first.
//!
//! A rung is named by its short side, so that a phone held upright climbs the same ladder as a wide screen.

use crate::i420::allowed_side;
use confab_base::Bitrate;

/// One layer of a simulcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// RTP stream id of the layer: `q`, `h`, `f`, lowest first.
    pub rid: &'static str,
    /// Pixels in a row, even.
    pub width: usize,
    /// Rows, even.
    pub height: usize,
    /// Frames per second at most.
    pub fps: u32,
    /// Rate the layer wants when the way is free.
    pub bitrate: Bitrate,
}

/// Short side in pixels and bitrate of the full steps.
const STEPS: [(&str, usize, u64); 3] = [
    ("q", 180, 150_000),
    ("h", 360, 500_000),
    ("f", 720, 1_500_000),
];

/// The rungs for a camera of this size: 180p, 360p and 720p at 30 fps with 150, 500 and 1500 kbps.
///
/// Nothing is enlarged. A source between two steps gets a top rung of its own size if that is clearly (a quarter) more
/// than the step below it; a source below 180p gets one rung. Sides are even and keep the source's shape.
pub fn ladder(width: usize, height: usize) -> Vec<Rung> {
    let (width, height) = (allowed_side(width), allowed_side(height));
    let short = width.min(height);
    let mut rungs: Vec<Rung> = Vec::with_capacity(STEPS.len());
    for (i, &(rid, step, _)) in STEPS.iter().enumerate() {
        let below = if i == 0 { 0 } else { STEPS[i - 1].1 };
        let side = step.min(short);
        if i > 0 && side * 4 < below * 5 {
            break;
        }
        rungs.push(rung(rid, width, height, side));
        if side < step {
            break;
        }
    }
    rungs
}

/// The one layer of a shared screen: at most 1080 rows of short side, 15 fps, 2 Mbps at full size. Its rid is empty.
pub fn screen_rung(width: usize, height: usize) -> Rung {
    let (width, height) = (allowed_side(width), allowed_side(height));
    let side = width.min(height).min(1080);
    let mut rung = rung("", width, height, side);
    rung.fps = 15;
    rung.bitrate = Bitrate((side as u64 * 2_000_000 / 1080).max(200_000));
    rung
}

fn rung(rid: &'static str, width: usize, height: usize, side: usize) -> Rung {
    let short = width.min(height);
    let scaled = |length: usize| allowed_side((length * side + short / 2) / short);
    Rung {
        rid,
        width: scaled(width),
        height: scaled(height),
        fps: 30,
        bitrate: bitrate_for(side),
    }
}

/// Straight lines between the steps; below the lowest one in proportion to the short side, never under 50 kbps.
fn bitrate_for(side: usize) -> Bitrate {
    let side = side as u64;
    let mut below = (0, 0);
    for (_, step, rate) in STEPS {
        let step = step as u64;
        if side <= step {
            let rate = below.1 + (rate - below.1) * (side - below.0) / (step - below.0);
            return Bitrate(rate.max(50_000));
        }
        below = (step, rate);
    }
    Bitrate(below.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sizes(w: usize, h: usize) -> Vec<(usize, usize, u64)> {
        ladder(w, h)
            .iter()
            .map(|r| (r.width, r.height, r.bitrate.bps() / 1000))
            .collect()
    }

    #[test]
    fn a_hd_camera_gets_three_rungs() {
        let full = vec![(320, 180, 150), (640, 360, 500), (1280, 720, 1500)];
        assert_eq!(sizes(1280, 720), full);
        assert_eq!(sizes(1920, 1080), full);
        let rids: Vec<_> = ladder(1280, 720).iter().map(|r| r.rid).collect();
        assert_eq!(rids, ["q", "h", "f"]);
    }

    #[test]
    fn smaller_sources_get_fewer_rungs_or_smaller_ones() {
        assert_eq!(
            sizes(640, 480),
            vec![(240, 180, 150), (480, 360, 500), (640, 480, 833)]
        );
        assert_eq!(sizes(640, 360), vec![(320, 180, 150), (640, 360, 500)]);
        assert_eq!(sizes(320, 240).len(), 2);
        assert_eq!(sizes(320, 180), vec![(320, 180, 150)]);
        assert_eq!(sizes(160, 120), vec![(160, 120, 100)]);
    }

    #[test]
    fn an_upright_phone_climbs_the_same_ladder() {
        assert_eq!(
            sizes(720, 1280),
            vec![(180, 320, 150), (360, 640, 500), (720, 1280, 1500)]
        );
    }

    #[test]
    fn a_screen_is_one_layer_of_at_most_1080_rows() {
        let r = screen_rung(3840, 2160);
        assert_eq!((r.rid, r.width, r.height), ("", 1920, 1080));
        assert_eq!(screen_rung(1366, 768).width, 1366);
    }

    proptest! {
        #[test]
        fn every_rung_is_even_not_enlarged_and_keeps_the_shape(w in 2usize..5000, h in 2usize..5000) {
            let rungs = ladder(w, h);
            prop_assert!(!rungs.is_empty());
            for pair in rungs.windows(2) {
                prop_assert!(pair[0].bitrate < pair[1].bitrate);
                prop_assert!(pair[0].width <= pair[1].width && pair[0].height <= pair[1].height);
            }
            for r in rungs {
                prop_assert!(r.width % 2 == 0 && r.height % 2 == 0 && r.width >= 2 && r.height >= 2);
                prop_assert!(r.width <= w && r.height <= h);
                let long = r.width.max(r.height) as f64;
                let short = r.width.min(r.height) as f64;
                let shape = allowed_side(w.max(h)) as f64 / allowed_side(w.min(h)) as f64;
                prop_assert!((long - short * shape).abs() <= 3.0 + 2.0 * shape);
            }
        }
    }
}
