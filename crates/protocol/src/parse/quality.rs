//! Whether a report on quality can be true at all.

use super::{Refusal, bad};
use crate::{MAX_REPORT_DEVICES, MAX_REPORT_S, MIN_REPORT_S, QualityReport};

/// Nothing that is measured in milliseconds lasts longer than this and is still a call.
const MOST_MS: u32 = 60_000;
const MOST_KBPS: u32 = 10_000_000;
const MOST_FPS: u16 = 240;

pub(super) fn check(report: &QualityReport) -> Result<(), Refusal> {
    if !(MIN_REPORT_S..=MAX_REPORT_S).contains(&report.seconds) {
        return bad(format!(
            "a report is about {MIN_REPORT_S} to {MAX_REPORT_S} seconds"
        ));
    }
    let known = [report.loss_up, report.loss_down, report.concealed];
    let always = [
        report.cpu_limited,
        report.bandwidth_limited,
        report.stalled,
        report.mic_on,
        report.mic_silent,
        report.speaker_failed,
    ];
    let mut shares = known.into_iter().flatten().chain(always);
    if shares.any(|share| share > 1000) {
        return bad("there are 1000 thousandths");
    }
    if report.mic_silent > report.mic_on {
        return bad("a microphone is silent only while it is on");
    }
    if report.cpu.is_some_and(|cpu| cpu > 100) {
        return bad("a machine is busy by at most 100 per cent");
    }
    let too_much = [
        above(report.rtt_ms, MOST_MS),
        above(report.jitter_ms, MOST_MS),
        above(report.send_kbps, MOST_KBPS),
        above(report.receive_kbps, MOST_KBPS),
        above(report.fps_sent, MOST_FPS),
        above(report.fps_shown, MOST_FPS),
    ];
    if too_much.contains(&true) {
        return bad("more than can be");
    }
    if report.devices.len() > MAX_REPORT_DEVICES {
        return bad(format!("at most {MAX_REPORT_DEVICES} changes of devices"));
    }
    match report.devices.iter().any(|d| d.ago_s > report.seconds) {
        true => bad("a change of a device is older than the report"),
        false => Ok(()),
    }
}

fn above<T: PartialOrd>(value: Option<T>, most: T) -> bool {
    value.is_some_and(|value| value > most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallDevice, DeviceChange, DeviceNote};

    fn report() -> QualityReport {
        QualityReport {
            seconds: 60,
            mic_on: 500,
            mic_silent: 500,
            cpu: Some(100),
            devices: vec![DeviceNote {
                device: CallDevice::Microphone,
                change: DeviceChange::Changed,
                ago_s: 60,
            }],
            ..QualityReport::default()
        }
    }

    #[test]
    fn what_can_be_is_taken() {
        assert_eq!(check(&report()), Ok(()));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let wrong: [fn(&mut QualityReport); 9] = [
            |r| r.seconds = MIN_REPORT_S - 1,
            |r| r.seconds = MAX_REPORT_S + 1,
            |r| r.loss_down = Some(1001),
            |r| r.stalled = 1001,
            |r| r.mic_silent = 501,
            |r| r.cpu = Some(101),
            |r| r.rtt_ms = Some(MOST_MS + 1),
            |r| r.devices = vec![r.devices[0]; MAX_REPORT_DEVICES + 1],
            |r| r.devices[0].ago_s = 61,
        ];
        for (i, change) in wrong.iter().enumerate() {
            let mut report = report();
            change(&mut report);
            assert!(check(&report).is_err(), "{i}");
        }
    }
}
