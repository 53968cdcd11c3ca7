//! Whether this machine's clock is right, as far as other clocks that were seen tell.

use super::Known;
use crate::facts::{ClockSample, ClockSource};
use crate::said::{Check, Finding};

/// Clocks further apart break sign-ins and short-lived credentials, seconds.
const CLOCK_OFF: f64 = 120.0;
const CLOCK_DRIFTS: f64 = 30.0;
const KEEP: &str = "Let the system keep the time (`timedatectl set-ntp true`).";

/// `10 minutes`, `45 seconds`.
pub(super) fn span(seconds: f64) -> String {
    let seconds = seconds.abs();
    match seconds {
        s if s >= 2.0 * 86_400.0 => format!("{:.0} days", s / 86_400.0),
        s if s >= 2.0 * 3_600.0 => format!("{:.0} hours", s / 3_600.0),
        s if s >= 120.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{s:.0} seconds"),
    }
}

fn is_time_server(sample: &ClockSample) -> bool {
    matches!(sample.source, ClockSource::TimeServer(_))
}

/// Says it, and notes in `known` how far off the clock is.
pub(super) fn clock(known: &mut Known<'_>) -> Finding {
    let facts = known.facts;
    let clocks = &facts.clocks;
    // A time server's is believed before any other.
    let best = clocks.iter().find(|s| is_time_server(s));
    let sample = best.or(clocks.first());
    if let Some(finding) = sample.and_then(|sample| apart(known, sample)) {
        return finding;
    }
    if let Some(early) = before_certificate(known).filter(|_| best.is_none()) {
        known.ahead = -(early as f64);
        let said = format!(
            "This machine's clock is at least {} behind: the certificate was made later than now.",
            span(early as f64)
        );
        return Finding::fail(Check::Clock, "clock_off", said, KEEP);
    }
    if let Some(why) = &facts.time_server_silent {
        let todo = "Name another one, or let UDP port 123 out.";
        let said = format!("The time server did not answer ({why}).");
        return Finding::warn(Check::Clock, "time_server_silent", said, todo);
    }
    let url = &known.setup.public_url;
    match sample.map(|s| &s.source) {
        Some(ClockSource::TimeServer(name)) => Finding::pass(
            Check::Clock,
            "clock_ok",
            format!("The clock agrees with {name}."),
        ),
        // Without a proxy it is this machine's own that answers.
        Some(ClockSource::PublicUrl) if known.setup.behind_proxy || known.facts.local.is_none() => {
            let said = format!("The clock agrees with the one behind {url}.");
            Finding::pass(Check::Clock, "clock_ok", said)
        }
        _ => Finding::pass(
            Check::Clock,
            "clock_plausible",
            "Nothing speaks against the clock. `--time-server NAME` compares it with another one.",
        ),
    }
}

/// None: near enough.
fn apart(known: &mut Known<'_>, sample: &ClockSample) -> Option<Finding> {
    let whose = match &sample.source {
        ClockSource::TimeServer(name) => format!("the time server {name}"),
        ClockSource::PublicUrl => format!("the clock behind {}", known.setup.public_url),
    };
    let way = match sample.ahead > 0.0 {
        true => "ahead of",
        false => "behind",
    };
    let said = format!(
        "This machine's clock is {} {way} {whose}.",
        span(sample.ahead)
    );
    if sample.ahead.abs() >= CLOCK_OFF {
        known.ahead = sample.ahead;
        let todo = match is_time_server(sample) {
            true => KEEP.to_owned(),
            // One of two clocks is wrong, and two do not tell which.
            false => format!(
                "One of the two is off: look at both machines (`--time-server NAME` asks a third). {KEEP}"
            ),
        };
        return Some(Finding::fail(Check::Clock, "clock_off", said, todo));
    }
    (sample.ahead.abs() >= CLOCK_DRIFTS)
        .then(|| Finding::warn(Check::Clock, "clock_drifts", said, KEEP))
}

/// How long before the certificate's first second it is by this clock, seconds.
fn before_certificate(known: &Known<'_>) -> Option<i64> {
    let certificate = known.facts.certificate.as_ref()?;
    let early = certificate.not_before - known.facts.now;
    (early > 0).then_some(early)
}
