//! One participant of a simulated call: packets over seeded links, a sender that holds itself back as real ones do, a machine with so
//! much work, a person who mutes and unmutes. Nothing in here knows what the machine under test takes for bad.

use confab_base::{Bitrate, Duration, Time};
use confab_protocol::*;
use confab_simnet::{Link, LinkConfig, Loss, Rng};

/// Packets a second each way; each stands for several of a real call.
const PACKETS: u64 = 25;

/// What is wrong in a second, and with what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    pub loss_up: Option<Loss>,
    pub loss_down: Option<Loss>,
    /// Share of what is wanted that the way carries.
    pub narrow_up: Option<f64>,
    pub narrow_down: Option<f64>,
    /// How long packets wait before a narrow way until they are dropped.
    pub queue: Duration,
    /// Work for the machine, in all it has.
    pub work: f64,
    pub mic_dead: bool,
    pub mic_lost: bool,
    pub speaker_dead: bool,
    /// What the server's way loses each way, and how late the server is.
    pub server_loss: f64,
    pub server_late: Duration,
}

/// Direction by direction: a link, and a sender that adapts to it.
struct Way {
    link: Link,
    usual: LinkConfig,
    wanted: f64,
    rate: f64,
    /// A browser takes loss for a narrow way, our own ends do not.
    fears_loss: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    loss: f64,
    late: f64,
    kbps: f64,
    limited: bool,
}

impl Way {
    fn new(dice: &mut Rng, wanted: f64, fears_loss: bool) -> Way {
        let usual = LinkConfig {
            delay: Duration::from_millis(5 + dice.below(50)),
            jitter: Duration::from_millis(1 + dice.below(12)),
            loss: Loss::Random(dice.unit() * 0.006),
            ..LinkConfig::default()
        };
        Way {
            link: Link::new(usual, dice.fork()),
            usual,
            wanted,
            rate: wanted * 0.4,
            fears_loss,
        }
    }

    fn second(
        &mut self,
        second: u64,
        config: LinkConfig,
        also_lost: f64,
        dice: &mut Rng,
    ) -> Passed {
        self.link.config = config;
        let begin = Time::from_millis(second * 1000);
        let bytes = (self.rate * 1000.0 / 8.0 / PACKETS as f64) as usize;
        let (mut came, mut late) = (0u64, 0.0);
        for i in 0..PACKETS {
            let now = begin + Duration::from_micros(i * 1_000_000 / PACKETS);
            let arrives = self.link.send(bytes, now)[0].filter(|_| !dice.chance(also_lost));
            if let Some(at) = arrives {
                came += 1;
                late += at.since(now).as_secs_f64() * 1000.0;
            }
        }
        let loss = 1.0 - came as f64 / PACKETS as f64;
        let late = late / came.max(1) as f64;
        let waited = late - self.usual.delay.as_secs_f64() * 1000.0;
        let kbps = self.rate * (1.0 - loss);
        let limited = self.rate < self.wanted * 0.85;
        let is_full = waited > 45.0;
        let is_feared = self.fears_loss && loss > 0.10;
        self.rate = match is_full || is_feared {
            true => (self.rate * 0.85).max(60.0),
            false => (self.rate * 1.08).min(self.wanted),
        };
        Passed {
            loss,
            late,
            kbps,
            limited,
        }
    }
}

pub struct Person {
    pub id: ParticipantId,
    client: ClientKind,
    up: Way,
    down: Way,
    dice: Rng,
    /// Share of the machine that is busy anyway.
    work: f64,
    pub unmuted: bool,
    /// Seconds until somebody mutes or unmutes, of a burst of the radio, of other work.
    turn: u64,
    radio: (u64, f64),
    errand: (u64, f64),
    was: Trouble,
    notes: Vec<(u64, CallDevice, DeviceChange)>,
    minute: Minute,
    pub minutes: Vec<CallMinute>,
}

/// Sums of the minute that goes on.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    seconds: u64,
    rtt: f64,
    loss: (f64, f64),
    kbps: (f64, f64),
    fps: (f64, f64),
    cpu: f64,
    cpu_limited: u64,
    limited: (u64, u64),
    queued: f64,
    made_up: f64,
    on: u64,
    silent: u64,
    mute_speaker: u64,
}

impl Person {
    pub fn new(id: u32, dice: &mut Rng) -> Person {
        let is_browser = dice.chance(0.5);
        let (up, down) = (500.0 + dice.unit() * 2000.0, 600.0 + dice.unit() * 3000.0);
        // The server's own way out is ours.
        let up = Way::new(dice, up, is_browser);
        let down = Way::new(dice, down, false);
        Person {
            id: ParticipantId(id),
            client: if is_browser {
                ClientKind::Browser
            } else {
                ClientKind::Desktop
            },
            up,
            down,
            work: 0.12 + dice.unit() * 0.6,
            unmuted: dice.chance(0.7),
            turn: 10 + dice.below(120),
            radio: (0, 0.0),
            errand: (0, 0.0),
            was: Trouble::default(),
            notes: Vec::new(),
            minute: Minute::default(),
            minutes: Vec::new(),
            dice: dice.fork(),
        }
    }

    /// One second of the call, `wall` milliseconds since 1970 at its end.
    pub fn second(&mut self, second: u64, trouble: &Trouble, wall: u64) {
        self.live();
        self.note_devices(trouble, wall);
        let up = self.pass(second, trouble, true);
        let down = self.pass(second, trouble, false);
        self.count(trouble, up, down);
        if self.minute.seconds == 60 {
            self.report(wall);
        }
    }

    /// What happens in any call.
    fn live(&mut self) {
        let dice = &mut self.dice;
        self.turn = self.turn.saturating_sub(1);
        if self.turn == 0 {
            self.unmuted = !self.unmuted;
            self.turn = 10 + dice.below(150);
        }
        self.radio.0 = self.radio.0.saturating_sub(1);
        if dice.chance(1.0 / 1800.0) {
            self.radio = (2 + dice.below(6), 0.08 + dice.unit() * 0.2);
        }
        self.errand.0 = self.errand.0.saturating_sub(1);
        if dice.chance(1.0 / 900.0) {
            self.errand = (3 + dice.below(8), 0.2 + dice.unit() * 0.6);
        }
    }

    fn note_devices(&mut self, trouble: &Trouble, wall: u64) {
        use {CallDevice::*, DeviceChange::*};
        let was = std::mem::replace(&mut self.was, *trouble);
        if trouble.mic_lost != was.mic_lost {
            let change = if trouble.mic_lost { Lost } else { Back };
            self.notes.push((wall, Microphone, change));
        }
        // People change devices, and an unplugged one is replaced at once.
        if self.dice.chance(1.0 / 900.0) {
            let device = [Microphone, Speaker, Camera][self.dice.below(3) as usize];
            if self.dice.chance(0.4) {
                self.notes.push((wall.saturating_sub(2000), device, Lost));
            }
            self.notes.push((wall, device, Changed));
        }
    }

    fn pass(&mut self, second: u64, trouble: &Trouble, is_up: bool) -> Passed {
        let way = if is_up { &mut self.up } else { &mut self.down };
        let mut config = way.usual;
        let (loss, narrow) = match is_up {
            true => (trouble.loss_up, trouble.narrow_up),
            false => (trouble.loss_down, trouble.narrow_down),
        };
        if let Some(loss) = loss {
            config.loss = loss;
        } else if self.radio.0 > 0 {
            config.loss = Loss::Random(self.radio.1);
        }
        if let Some(share) = narrow {
            config.rate = Some(Bitrate((way.wanted * share * 1000.0) as u64));
            config.queue = trouble.queue;
        }
        config.delay += trouble.server_late.mul_f64(self.dice.unit());
        way.second(second, config, trouble.server_loss, &mut self.dice)
    }

    fn count(&mut self, trouble: &Trouble, up: Passed, down: Passed) {
        let dice = &mut self.dice;
        let errand = if self.errand.0 > 0 {
            self.errand.1
        } else {
            0.0
        };
        let work = self.work + trouble.work + errand + (dice.unit() - 0.5) * 0.1;
        let keeps_up = (1.0 / work.max(0.01)).min(1.0);
        let m = &mut self.minute;
        m.seconds += 1;
        m.cpu += work.clamp(0.0, 1.0);
        m.cpu_limited += u64::from(keeps_up < 0.9);
        // A late machine answers late, and misses packets.
        m.rtt += up.late + down.late + (1.0 - keeps_up) * 40.0;
        let missed = (1.0 - keeps_up) * 0.06 * dice.unit();
        m.loss.0 += up.loss;
        m.loss.1 += (down.loss + missed).min(1.0);
        m.kbps.0 += up.kbps;
        m.kbps.1 += down.kbps;
        m.fps.0 += 30.0 * keeps_up * (1.0 - up.loss * 0.5);
        m.fps.1 += 30.0 * keeps_up * (1.0 - down.loss);
        m.limited.0 += u64::from(up.limited);
        m.limited.1 += u64::from(down.limited);
        m.queued = m
            .queued
            .max(down.late - self.down.usual.delay.as_secs_f64() * 1000.0);
        m.made_up += down.loss * 0.3 + (1.0 - keeps_up) * 0.08;
        let is_on = self.unmuted || trouble.mic_lost;
        m.on += u64::from(is_on);
        m.silent += u64::from(is_on && (trouble.mic_dead || trouble.mic_lost));
        m.mute_speaker += u64::from(trouble.speaker_dead);
    }

    fn report(&mut self, wall: u64) {
        let m = std::mem::take(&mut self.minute);
        let of = |sum: f64| sum / m.seconds as f64;
        let share = |count: u64| (count * 1000 / m.seconds) as u16;
        let permille = |sum: f64| (of(sum) * 1000.0).round() as u16;
        let is_browser = self.client == ClientKind::Browser;
        let note = |(at, device, change): (u64, CallDevice, DeviceChange)| DeviceNote {
            device,
            change,
            ago_s: (wall.saturating_sub(at) / 1000).min(60) as u16,
        };
        let report = QualityReport {
            seconds: 60,
            rtt_ms: Some(of(m.rtt) as u32),
            jitter_ms: Some(self.down.usual.jitter.as_millis() as u32 / 3),
            loss_up: Some(permille(m.loss.0) / if is_browser { 2 } else { 1 }),
            loss_down: Some(permille(m.loss.1 * 0.3)),
            send_kbps: Some(of(m.kbps.0) as u32),
            receive_kbps: Some(of(m.kbps.1) as u32),
            fps_sent: Some(of(m.fps.0) as u16),
            fps_shown: Some(of(m.fps.1) as u16),
            cpu: (!is_browser).then_some((of(m.cpu) * 100.0) as u8),
            cpu_limited: share(m.cpu_limited),
            bandwidth_limited: share(m.limited.0),
            concealed: Some(permille(m.made_up)),
            stalled: 0,
            mic_on: share(m.on),
            mic_silent: share(m.silent),
            speaker_failed: share(m.mute_speaker),
            devices: self.notes.drain(..).map(note).collect(),
        };
        let server = LinkMeasure {
            loss_up: permille(m.loss.0),
            loss_down: permille(m.loss.1),
            rtt_ms: Some(of(m.rtt) as u32),
            queued_ms: m.queued.max(0.0) as u32,
            held_back: share(m.limited.1),
            silent: 0,
        };
        self.minutes.push(CallMinute {
            from: wall - 60_000,
            to: wall,
            score: confab_quality::score(Some(&report), Some(&server)),
            client: Some(report),
            server: Some(server),
        });
    }

    pub fn told(self) -> CallPerson {
        CallPerson {
            id: self.id,
            name: format!("P{}", self.id.0),
            client: self.client,
            minutes: self.minutes,
        }
    }
}
