//! A minute as one number.

use confab_base::Duration;
use confab_congestion::{Path, score as mean_opinion};
use confab_protocol::{LinkMeasure, QualityReport};

/// How good it was to listen: tenths of a mean opinion score, 10 to 45. Of the sound that was made up where the client says how
/// much that was, else of the packets that did not come. Without either the way is taken as clean.
pub fn score(client: Option<&QualityReport>, server: Option<&LinkMeasure>) -> u8 {
    let said = client.and_then(|c| c.concealed.or(c.loss_down));
    let lost = said.or(server.map(|s| s.loss_down)).unwrap_or(0);
    let stalled = client.map_or(0, |c| c.stalled);
    let rtt = client
        .and_then(|c| c.rtt_ms)
        .or(server.and_then(|s| s.rtt_ms));
    let jitter = client.and_then(|c| c.jitter_ms);
    let ms = |value: Option<u32>| Duration::from_millis(u64::from(value.unwrap_or(0)));
    let path = Path {
        loss: f32::from(lost.max(stalled)) / 1000.0,
        rtt: ms(rtt),
        jitter: ms(jitter),
    };
    (mean_opinion(path) * 10.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(concealed: Option<u16>, loss_down: u16, stalled: u16) -> QualityReport {
        QualityReport {
            seconds: 60,
            rtt_ms: Some(40),
            jitter_ms: Some(5),
            loss_down: Some(loss_down),
            concealed,
            stalled,
            ..QualityReport::default()
        }
    }

    #[test]
    fn a_clean_minute_is_good_and_a_broken_one_is_not() {
        assert!(score(Some(&said(Some(0), 0, 0)), None) >= 43);
        assert!(score(Some(&said(Some(250), 0, 0)), None) <= 24);
        assert!(score(Some(&said(Some(0), 0, 400)), None) <= 20);
    }

    #[test]
    fn what_was_repaired_does_not_count_where_the_client_knows_it() {
        let repaired = score(Some(&said(Some(2), 200, 0)), None);
        assert!(repaired > score(Some(&said(None, 200, 0)), None));
    }

    #[test]
    fn who_says_nothing_is_judged_by_what_the_server_measured() {
        let lossy = LinkMeasure {
            loss_down: 300,
            ..LinkMeasure::default()
        };
        assert!(score(None, Some(&lossy)) < score(None, Some(&LinkMeasure::default())));
        assert!((10..=45).contains(&score(None, None)));
    }
}
