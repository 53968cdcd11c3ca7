//! How the last minute went, out of each second's statistics: what the server keeps for those who look after it.

use crate::stats::StatsLine;
use confab_base::{Duration, Source, Time};
use confab_priority::MachineLoad;
use confab_protocol::{
    CallDevice, DeviceChange, DeviceNote, MAX_REPORT_DEVICES, MAX_REPORT_S, QualityReport,
};
use confab_session::SessionState;
use std::collections::BTreeSet;

const MINUTE: Duration = Duration::from_secs(60);
/// A room is never quiet to the last digit for so many seconds; a microphone that is no more is.
const DEAD_S: u32 = 5;
/// The level that RFC 6464 has for digital silence.
const SILENCE: u8 = 127;

/// A second, as the statistics and the media side tell it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Second<'a> {
    pub(crate) lines: &'a [StatsLine],
    /// Layers that are wanted are not sent for lack of room.
    pub(crate) is_short: bool,
    /// Of the machine, 0 to 1.
    pub(crate) busy: f32,
}

/// A mean over the seconds in which there was something to see.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        self.add_weighted(value, 1.0);
    }

    fn add_weighted(&mut self, value: Option<f64>, weight: f64) {
        if let Some(value) = value {
            self.sum += value * weight;
            self.weight += weight;
        }
    }

    fn get(self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

#[derive(Clone, Debug, Default)]
struct Sums {
    seconds: u32,
    rtt: Mean,
    jitter: Mean,
    loss_up: Mean,
    loss_down: Mean,
    sent: f64,
    received: f64,
    fps_sent: Mean,
    fps_shown: Mean,
    busy: Mean,
    cpu_limited: u32,
    short: u32,
    samples: u64,
    made_up: u64,
    mic_on: u32,
    mic_silent: u32,
    no_speaker: u32,
    devices: Vec<(Time, CallDevice, DeviceChange)>,
}

#[derive(Debug, Default)]
pub(crate) struct Minutes {
    began: Option<Time>,
    sums: Sums,
    /// Samples played and made up so far, of all voices together.
    before: Option<(u64, u64)>,
    /// For how many seconds nothing came from a microphone that was on.
    quiet: u32,
    /// Devices that went away and have no other in their place.
    missing: BTreeSet<CallDevice>,
    load: MachineLoad,
}

impl Minutes {
    pub(crate) fn busy(&mut self) -> f32 {
        self.load.look()
    }

    /// Something happened to a device.
    pub(crate) fn note(&mut self, device: CallDevice, change: DeviceChange, now: Time) {
        match change {
            DeviceChange::Lost | DeviceChange::Failed => self.missing.insert(device),
            DeviceChange::Changed | DeviceChange::Back => self.missing.remove(&device),
        };
        let notes = &mut self.sums.devices;
        notes.push((now, device, change));
        if notes.len() > MAX_REPORT_DEVICES {
            notes.remove(0);
        }
    }

    /// To be called once a second while there is a meeting; a report about once a minute.
    pub(crate) fn look(
        &mut self,
        second: Second<'_>,
        state: &SessionState,
        now: Time,
    ) -> Option<QualityReport> {
        let most = Duration::from_secs(u64::from(MAX_REPORT_S));
        let began = *self.began.get_or_insert(now);
        if now.since(began) > most {
            // A machine that slept has measured nothing.
            self.begin(now);
            return None;
        }
        self.count(second, state);
        let lasted = now.since(began);
        if lasted < MINUTE {
            return None;
        }
        let sums = self.begin(now);
        Some(told(&sums, lasted, state, now))
    }

    fn begin(&mut self, now: Time) -> Sums {
        self.began = Some(now);
        std::mem::take(&mut self.sums)
    }

    fn count(&mut self, second: Second<'_>, state: &SessionState) {
        let sums = &mut self.sums;
        sums.seconds += 1;
        sums.busy.add(Some(f64::from(second.busy)));
        sums.short += u32::from(second.is_short);
        sums.no_speaker += u32::from(self.missing.contains(&CallDevice::Speaker));
        let sent = second.lines.iter().filter(|l| l.direction == "send");
        let received = second.lines.iter().filter(|l| l.direction == "receive");
        sums.rtt.add(second.lines.iter().find_map(|l| l.rtt_ms));
        sums.cpu_limited += u32::from(sent.clone().any(|l| l.cpu_limited == Some(true)));
        for line in sent.clone() {
            sums.sent += line.bitrate_kbps;
            sums.loss_up
                .add_weighted(line.loss_percent, line.bitrate_kbps);
        }
        let fps = |l: &StatsLine| l.fps.filter(|fps| *fps > 0.0);
        sums.fps_sent.add(sent.filter_map(fps).reduce(f64::max));
        let mut played = (0, 0);
        for line in received {
            sums.received += line.bitrate_kbps;
            sums.loss_down
                .add_weighted(line.loss_percent, line.bitrate_kbps);
            sums.fps_shown.add(fps(line));
            if let Some(samples) = line.samples {
                sums.jitter.add(line.jitter_ms);
                played.0 += samples;
                played.1 += line.concealed_samples.unwrap_or(0);
            }
        }
        let before = self.before.replace(played).unwrap_or(played);
        // Voices come and go, and their counts with them.
        sums.samples += played.0.saturating_sub(before.0);
        sums.made_up += played.1.saturating_sub(before.1);
        self.listen_to_microphone(second.lines, state);
    }

    /// Silence counts from its beginning, once it is too long for a room.
    fn listen_to_microphone(&mut self, lines: &[StatsLine], state: &SessionState) {
        let mut mics = lines
            .iter()
            .filter(|l| l.direction == "send" && l.source == "microphone");
        let mic = mics.next();
        let is_muted = state.own.muted.contains(&Source::Microphone);
        let is_missing = self.missing.contains(&CallDevice::Microphone);
        let is_on = !is_muted && (mic.is_some_and(|m| !m.muted) || is_missing);
        if !is_on || state.silent().contains(&Source::Microphone) {
            self.quiet = 0;
            return;
        }
        self.sums.mic_on += 1;
        let level = mic.and_then(|m| m.level_dbov);
        if !is_missing && level != Some(SILENCE) {
            self.quiet = 0;
            return;
        }
        self.quiet += 1;
        self.sums.mic_silent += match self.quiet {
            _ if is_missing => 1,
            DEAD_S => DEAD_S,
            n if n > DEAD_S => 1,
            _ => 0,
        };
    }
}

fn told(sums: &Sums, lasted: Duration, state: &SessionState, now: Time) -> QualityReport {
    let seconds = lasted.as_secs().min(u64::from(MAX_REPORT_S)) as u16;
    let each = f64::from(sums.seconds.max(1));
    let share = |part: u32| permille(f64::from(part) / each);
    let whole = |mean: Mean| {
        mean.get()
            .map(|value| value.round().clamp(0.0, 60_000.0) as u32)
    };
    let percent = |mean: Mean| mean.get().map(|value| permille(value / 100.0));
    let fps = |mean: Mean| mean.get().map(|fps| fps.round().clamp(0.0, 240.0) as u16);
    let note = |(at, device, change): &(Time, CallDevice, DeviceChange)| DeviceNote {
        device: *device,
        change: *change,
        ago_s: now.since(*at).as_secs().min(u64::from(seconds)) as u16,
    };
    let mic_on = share(sums.mic_on);
    QualityReport {
        seconds,
        rtt_ms: whole(sums.rtt),
        jitter_ms: whole(sums.jitter),
        loss_up: percent(sums.loss_up),
        loss_down: percent(sums.loss_down),
        send_kbps: Some((sums.sent / each) as u32),
        receive_kbps: Some((sums.received / each) as u32),
        fps_sent: fps(sums.fps_sent),
        fps_shown: fps(sums.fps_shown),
        cpu: sums
            .busy
            .get()
            .map(|busy| (busy.clamp(0.0, 1.0) * 100.0).round() as u8),
        cpu_limited: share(sums.cpu_limited),
        bandwidth_limited: share(sums.short),
        concealed: (sums.samples > 0).then(|| permille(sums.made_up as f64 / sums.samples as f64)),
        stalled: state.listening.map_or(0, |l| l.stalled_permille.min(1000)),
        mic_on,
        // What began in the minute before is no more than the minute.
        mic_silent: share(sums.mic_silent).min(mic_on),
        speaker_failed: share(sums.no_speaker),
        devices: sums.devices.iter().map(note).collect(),
    }
}

fn permille(share: f64) -> u16 {
    (share.clamp(0.0, 1.0) * 1000.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Time {
        Time::ZERO + Duration::from_secs(second)
    }

    fn unmuted() -> SessionState {
        let mut state = SessionState::default();
        state.own.muted.clear();
        state
    }

    fn lines(level: u8, loss: f64) -> [StatsLine; 2] {
        let voice = StatsLine {
            direction: "send",
            source: "microphone",
            bitrate_kbps: 40.0,
            loss_percent: Some(loss),
            rtt_ms: Some(42.0),
            level_dbov: Some(level),
            ..StatsLine::default()
        };
        let picture = StatsLine {
            direction: "receive",
            source: "camera",
            bitrate_kbps: 800.0,
            loss_percent: Some(0.0),
            fps: Some(29.0),
            ..StatsLine::default()
        };
        [voice, picture]
    }

    /// One look a second; the first report.
    fn minute(mut each: impl FnMut(u64, &mut Minutes) -> (u8, f64, bool)) -> QualityReport {
        let mut minutes = Minutes::default();
        for second in 0..=200 {
            let (level, loss, is_short) = each(second, &mut minutes);
            let lines = lines(level, loss);
            let second_of = Second {
                lines: &lines,
                is_short,
                busy: 0.25,
            };
            if let Some(report) = minutes.look(second_of, &unmuted(), at(second)) {
                assert_eq!(second, 60);
                return report;
            }
        }
        panic!("no report");
    }

    #[test]
    fn a_minute_is_told_in_means_and_shares() {
        let told = minute(|second, _| (40, if second > 30 { 20.0 } else { 0.0 }, second > 45));
        assert_eq!((told.seconds, told.rtt_ms), (60, Some(42)));
        assert_eq!((told.send_kbps, told.receive_kbps), (Some(40), Some(800)));
        assert_eq!((told.fps_sent, told.fps_shown), (None, Some(29)));
        assert_eq!(told.cpu, Some(25));
        assert!((90..=105).contains(&told.loss_up.unwrap()), "{told:?}");
        assert_eq!(told.loss_down, Some(0));
        assert!((230..=260).contains(&told.bandwidth_limited), "{told:?}");
        assert_eq!((told.mic_on, told.mic_silent), (1000, 0));
    }

    #[test]
    fn exact_silence_counts_from_its_beginning_and_a_short_one_not_at_all() {
        let told = minute(|second, _| (if second > 30 { SILENCE } else { 40 }, 0.0, false));
        assert!((480..=500).contains(&told.mic_silent), "{told:?}");
        let told = minute(|second, _| (if second % 5 > 0 { SILENCE } else { 40 }, 0.0, false));
        assert_eq!(told.mic_silent, 0);
    }

    #[test]
    fn a_device_that_is_gone_is_missed_until_another_is_there() {
        let told = minute(|second, minutes| {
            if second == 20 {
                minutes.note(CallDevice::Speaker, DeviceChange::Lost, at(20));
            }
            if second == 50 {
                minutes.note(CallDevice::Speaker, DeviceChange::Changed, at(50));
            }
            (40, 0.0, false)
        });
        assert!((480..=500).contains(&told.speaker_failed), "{told:?}");
        let notes: Vec<_> = told.devices.iter().map(|d| (d.change, d.ago_s)).collect();
        assert_eq!(
            notes,
            [(DeviceChange::Lost, 40), (DeviceChange::Changed, 10)]
        );
    }

    #[test]
    fn a_machine_that_slept_begins_anew() {
        let mut minutes = Minutes::default();
        let mut look = |second| minutes.look(Second::default(), &unmuted(), at(second));
        assert_eq!(look(0), None);
        assert_eq!(look(3600), None);
        assert_eq!(look(3659), None);
        assert_eq!(look(3660).map(|r| r.seconds), Some(60));
    }
}
