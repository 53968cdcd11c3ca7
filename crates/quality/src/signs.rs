//! What a minute shows by itself, before anyone asks why.

use confab_protocol::{CallMinute, CallPerson};

/// Packets lost that people notice, thousandths: above it sound has to be repaired all the time, and pictures stand.
const LOSSY: u16 = 30;
/// Round trips that took so much longer than the call's usual ones waited somewhere.
const SLOW_MS: u32 = 80;
/// With so much loss, a way that is narrow also makes packets wait; one that merely loses does not.
const QUEUED_MS: u32 = 50;
/// A share of a minute that is no passing thing, thousandths.
const MUCH: u16 = 400;
/// Seconds without sound or microphone that are noticed: thousandths of a minute.
const SILENT: u16 = 150;
/// A machine so busy has nothing left for what comes next.
const BUSY: u8 = 90;
/// Of the pictures a second that were there in the call's good minutes, what is left in one that stutters: per cent.
const STUTTER: u32 = 65;
/// Sound that is made up or stalls, thousandths, is heard from about here.
const BROKEN: u16 = 20;
/// What a busy machine loses by itself, thousandths.
const LOST_BY_CPU: u16 = 60;

/// What is usual for a participant: what single minutes are held against.
#[derive(Clone, Copy, Debug, Default)]
struct Usual {
    rtt_ms: Option<u32>,
    fps_sent: Option<u16>,
    fps_shown: Option<u16>,
}

/// A minute's signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signs {
    pub from: u64,
    pub to: u64,
    /// Lost on the way, thousandths, where that is much.
    pub loss_up: Option<u16>,
    pub loss_down: Option<u16>,
    /// What was sent or received over a way that was too narrow, kbit/s.
    pub narrow_up: Option<u32>,
    pub narrow_down: Option<u32>,
    /// How busy the machine was that did not keep up, per cent; 0: not known.
    pub cpu: Option<u8>,
    pub mic: Option<u16>,
    pub speaker: Option<u16>,
    /// How bad the way was in all, thousandths, where it was: what a trouble of the server's would show in everybody's minute.
    pub way: Option<u16>,
}

/// Of each of a participant's minutes.
pub(crate) fn signs(person: &CallPerson) -> Vec<Signs> {
    let usual = usual(&person.minutes);
    let minutes = person.minutes.iter();
    minutes.map(|minute| of_minute(minute, &usual)).collect()
}

fn usual(minutes: &[CallMinute]) -> Usual {
    let client = |of: fn(&confab_protocol::QualityReport) -> Option<u16>| {
        let known = minutes.iter().filter_map(|m| of(m.client.as_ref()?));
        rank(known.collect(), 9)
    };
    Usual {
        // Trouble may last for most of a call, so the better part of it is the rule.
        rtt_ms: rank(minutes.iter().filter_map(rtt).collect(), 2),
        fps_sent: client(|c| c.fps_sent),
        fps_shown: client(|c| c.fps_shown),
    }
}

/// The value that so many tenths of all are not above.
fn rank<T: Ord + Copy>(mut values: Vec<T>, tenths: usize) -> Option<T> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    values.get(last * tenths / 10).copied()
}

fn rtt(minute: &CallMinute) -> Option<u32> {
    let said = minute.client.as_ref().and_then(|c| c.rtt_ms);
    said.or(minute.server.and_then(|s| s.rtt_ms))
}

fn of_minute(minute: &CallMinute, usual: &Usual) -> Signs {
    let mut signs = Signs {
        from: minute.from,
        to: minute.to,
        ..Signs::default()
    };
    let slower = match (rtt(minute), usual.rtt_ms) {
        (Some(now), Some(usual)) => now.saturating_sub(usual),
        _ => 0,
    };
    devices(minute, &mut signs);
    cpu(minute, usual, &mut signs);
    way_up(minute, slower, &mut signs);
    way_down(minute, slower, &mut signs);
    let lost = signs.loss_up.max(signs.loss_down);
    signs.way = lost.or((slower >= SLOW_MS).then_some(0));
    if signs.cpu.is_some() {
        // A machine that does not keep up does not read its packets either, and takes its own delay for a narrow way.
        let heavy = |loss: &u16| *loss >= LOST_BY_CPU;
        signs.loss_up = signs.loss_up.filter(heavy);
        signs.loss_down = signs.loss_down.filter(heavy);
        (signs.narrow_up, signs.narrow_down) = (None, None);
    }
    signs
}

fn devices(minute: &CallMinute, signs: &mut Signs) {
    let Some(client) = &minute.client else { return };
    // Most of the time in which it was on: a click of a switch is none of our business.
    let is_dead = client.mic_silent >= SILENT && client.mic_silent >= client.mic_on / 2;
    signs.mic = is_dead.then_some(client.mic_silent);
    signs.speaker = Some(client.speaker_failed).filter(|share| *share >= SILENT);
}

fn cpu(minute: &CallMinute, usual: &Usual, signs: &mut Signs) {
    let Some(client) = &minute.client else { return };
    let slow = |now: Option<u16>, usual: Option<u16>| {
        now.zip(usual)
            .is_some_and(|(now, usual)| u32::from(now) * 100 < u32::from(usual) * STUTTER)
    };
    let stutters = slow(client.fps_sent, usual.fps_sent) || slow(client.fps_shown, usual.fps_shown);
    let is_broken = client.stalled.max(client.concealed.unwrap_or(0)) >= BROKEN;
    let is_busy = client.cpu.is_some_and(|cpu| cpu >= BUSY);
    // Busy alone hurts nobody.
    if client.cpu_limited >= MUCH || is_busy && (stutters || is_broken || client.cpu_limited > 0) {
        signs.cpu = Some(client.cpu.unwrap_or(0));
    }
}

fn way_up(minute: &CallMinute, slower: u32, signs: &mut Signs) {
    let said = minute.client.as_ref();
    // The server sees what is lost. What it tells browsers of it is less: see adr/0019.
    let measured = minute.server.map(|s| s.loss_up);
    let lost = measured.or(said.and_then(|c| c.loss_up)).unwrap_or(0);
    let is_lossy = lost >= LOSSY;
    // A sender that loses much holds itself back whether the way is narrow or not.
    let is_limited = said.is_some_and(|c| c.bandwidth_limited >= MUCH);
    if is_limited && (!is_lossy || slower >= QUEUED_MS) {
        signs.narrow_up = Some(said.and_then(|c| c.send_kbps).unwrap_or(0));
    } else if is_lossy {
        signs.loss_up = Some(lost);
    }
}

fn way_down(minute: &CallMinute, slower: u32, signs: &mut Signs) {
    let said = minute.client.as_ref();
    let measured = minute.server.map_or(0, |s| s.loss_down);
    let lost = said.and_then(|c| c.loss_down).unwrap_or(0).max(measured);
    let is_lossy = lost >= LOSSY;
    let is_limited = minute.server.is_some_and(|s| s.held_back >= MUCH);
    let queued = minute.server.map_or(0, |s| s.queued_ms);
    if is_limited && (!is_lossy || slower.max(queued) >= QUEUED_MS) {
        signs.narrow_down = Some(said.and_then(|c| c.receive_kbps).unwrap_or(0));
    } else if is_lossy {
        signs.loss_down = Some(lost);
    }
}
