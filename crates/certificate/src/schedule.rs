//! When a certificate is renewed, and when a failed try is followed by the next. Plain numbers in, plain numbers out.

use std::time::Duration;

/// After the first failure.
pub const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// Between tries at most: six in a day are no burden to an authority, and a month is left when renewal begins.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// When to renew what is good from `from` until `until` (seconds since 1970): with a third of its time left, a month of three,
/// two days of six.
pub fn renewal_due(from: i64, until: i64) -> i64 {
    until - until.saturating_sub(from).max(0) / 3
}

/// How long to wait after `failures` tries in a row that failed (1 or more): 1 minute, then four times as long each time, at most
/// six hours. Authorities take five failed proofs an hour from one account.
pub fn pause_after(failures: u32) -> Duration {
    let factor = 4_u32.saturating_pow(failures.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_begins_with_a_third_left() {
        const DAY: i64 = 86_400;
        assert_eq!(renewal_due(0, 90 * DAY), 60 * DAY);
        assert_eq!(renewal_due(100, 100 + 6 * DAY), 100 + 4 * DAY);
        assert_eq!(renewal_due(5, 5), 5, "good for no time: at once");
        assert_eq!(renewal_due(9, 5), 5, "ends before it begins");
        let _ = renewal_due(i64::MIN, i64::MAX);
    }

    #[test]
    fn pauses_grow_and_end_at_six_hours() {
        let minutes: Vec<u64> = (1..8).map(|n| pause_after(n).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 4, 16, 64, 256, 360, 360]);
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
        let hour: Duration = (1..4).map(pause_after).sum();
        assert!(
            hour < Duration::from_secs(3600) && hour + pause_after(4) > Duration::from_secs(3600)
        );
    }
}
