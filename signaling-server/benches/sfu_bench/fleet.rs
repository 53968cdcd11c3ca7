//! Senders and receivers for the bench: many peers on one thread of a process of their own. They join our server through the
//! process that started them, by lines on standard output and input, or Janus through its HTTP interface.

use super::bot::{Bot, Times, config};
use super::janus::Janus;
use super::meter::{own_cpu, pin, quantile};
use super::words::{Case, Heard, Orders, Said};
use confab_base::{MediaKind, Source, TrackId, VideoCodec};
use confab_load::wire::Reader;
use confab_protocol::{Layer, Publish, Slot};
use confab_transport::{LocalOffer, MediaPlan, Mid, PeerConfig, SendLine};
use mio::{Events, Interest, Poll, Token};
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_micros(33_333);
const VOICE: Duration = Duration::from_millis(20);
/// Before counting starts, estimates have to grow: at least so long, and until nearly all comes, but not for ever.
const WARM_UP: Duration = Duration::from_secs(4);
const LONGEST_WARM_UP: Duration = Duration::from_secs(20);
const NEARLY_ALL: f64 = 0.97;
/// It looks for datagrams this often.
const LOOK: Duration = Duration::from_millis(1);
/// All peer connections are up by then.
const CONNECTED: Duration = Duration::from_secs(20);

struct Fleet {
    orders: Orders,
    bots: Vec<Bot>,
    poll: Poll,
    reader: Reader,
    times: Times,
    sent: u64,
}

/// The fleet's process: joins, warms up, and plays.
pub fn main(orders: Orders) {
    if let Some(core) = orders.core {
        pin(core);
    }
    let time = orders.time;
    let mut fleet = Fleet {
        bots: Vec::new(),
        poll: Poll::new().expect("a poller"),
        reader: Reader::new(),
        times: Times::new(orders.case.senders),
        sent: 0,
        orders,
    };
    match fleet.orders.janus.clone() {
        Some(at) => fleet.join_janus(Janus::open(&at)),
        None => (0..fleet.orders.case.people()).for_each(|n| fleet.join(n)),
    }
    fleet.connect();
    fleet.warm_up();
    say(&Said::Begin);
    fleet.times.counting = true;
    let (cpu, sent, got) = (own_cpu(), fleet.sent, fleet.got());
    fleet.run(time);
    let (cpu, got) = (own_cpu() - cpu, fleet.got() - got);
    let delays = &mut fleet.times.delays;
    delays.sort_unstable();
    say(&Said::End(Heard {
        sent: fleet.sent - sent,
        got,
        p50: quantile(delays, 0.5),
        p99: quantile(delays, 0.99),
        cpu,
    }));
}

fn say(said: &Said) {
    let line = serde_json::to_string(said).expect("plain data");
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").expect("the process that started us to listen");
}

impl Fleet {
    fn got(&self) -> u64 {
        self.bots.iter().map(|b| b.got).sum()
    }

    /// Joins our server: one peer connection for all.
    fn join(&mut self, n: u32) {
        let case = &self.orders.case;
        let mut bot = Bot::new(n, &self.orders, config(case, PeerConfig::client()));
        let others: Vec<u32> = (0..case.senders).filter(|s| *s != n).collect();
        let plan = plan(n < case.senders, others.len());
        let offer = bot.peer.create_offer(&plan).expect("an offer");
        say(&Said::Offer {
            n,
            sdp: offer.sdp.clone(),
            publish: published(&offer, case),
            slots: view(&offer, &others),
        });
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.expect("an answer");
        let answer: String = serde_json::from_str(&answer).expect("a string");
        bot.peer.accept_answer(&answer).expect("a good answer");
        bot.agreed(offer.publish);
        self.admit(bot);
    }

    /// Joins a room of Janus: a peer connection to send, and one for all that is received, as it is made for.
    fn join_janus(&mut self, mut janus: Janus) {
        let case = self.orders.case.clone();
        for n in 0..case.senders {
            let mut bot = Bot::new(n, &self.orders, config(&case, PeerConfig::client()));
            let offer = bot.peer.create_offer(&plan(true, 0)).expect("an offer");
            let answer = janus.publish(n, &offer.sdp);
            bot.peer.accept_answer(&answer).expect("a good answer");
            bot.agreed(offer.publish);
            self.admit(bot);
        }
        // Nobody can subscribe to what is not there yet.
        self.connect();
        for n in 0..case.people() {
            let others: Vec<u32> = (0..case.senders).filter(|s| *s != n).collect();
            if others.is_empty() {
                continue;
            }
            // Janus offers, and answering is what our server's side does.
            let mut bot = Bot::new(n, &self.orders, config(&case, PeerConfig::lite_server()));
            let (handle, offer) = janus.subscribe(&others);
            let answer = bot.peer.accept_offer(&offer).expect("a good offer");
            janus.start(handle, &answer);
            self.admit(bot);
        }
    }

    /// Waits until all are connected.
    fn connect(&mut self) {
        let start = Instant::now();
        while self.bots.iter().any(|b| !b.is_up) && start.elapsed() < CONNECTED {
            self.step(Duration::from_millis(10));
        }
        let down = self.bots.iter().filter(|b| !b.is_up).count();
        assert_eq!(down, 0, "peer connections that did not come up");
    }

    fn admit(&mut self, mut bot: Bot) {
        let token = Token(self.bots.len());
        let registry = self.poll.registry();
        let registered = registry.register(&mut bot.socket, token, Interest::READABLE);
        registered.expect("a poller");
        self.bots.push(bot);
        // Everyone's handshake runs while the next joins.
        self.step(Duration::ZERO);
    }

    fn warm_up(&mut self) {
        let start = Instant::now();
        self.run(WARM_UP);
        while start.elapsed() < LONGEST_WARM_UP {
            let (sent, got) = (self.sent, self.got());
            self.run(Duration::from_secs(1));
            let wanted = (self.sent - sent) * u64::from(self.orders.case.people() - 1);
            if (self.got() - got) as f64 > wanted as f64 * NEARLY_ALL {
                return;
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let start = Instant::now();
        let (mut frames, mut voices) = (0u32, 0u32);
        while start.elapsed() < time {
            let now = start.elapsed();
            if now >= FRAME * frames {
                frames += 1;
                self.film();
            }
            if now >= VOICE * voices {
                voices += 1;
                self.speak();
            }
            let next = (FRAME * frames).min(VOICE * voices);
            self.step(next.saturating_sub(start.elapsed()));
        }
    }

    /// Waits a little, reads what came, speaks what is due. The kernel notes when it came; being woken for every datagram
    /// would be work for the server's core, which calls the other one.
    fn step(&mut self, wait: Duration) {
        let now = Instant::now();
        let due = self.bots.iter().map(|b| b.next).min().unwrap_or(now);
        let due = due.saturating_duration_since(now);
        std::thread::sleep(wait.min(due).min(LOOK));
        let mut events = Events::with_capacity(256);
        let _ = self.poll.poll(&mut events, Some(Duration::ZERO));
        for event in &events {
            let bot = &mut self.bots[event.token().0];
            bot.read(&mut self.reader, &mut self.times);
        }
        let now = Instant::now();
        for bot in self.bots.iter_mut().filter(|b| b.next <= now) {
            bot.peer.handle_timeout(now);
            bot.drain(&mut self.times);
        }
    }

    fn film(&mut self) {
        for bot in self.bots.iter_mut().filter(|b| b.is_sending()) {
            let packets = bot.film(&self.orders.case, &mut self.times);
            self.sent += packets;
        }
    }

    fn speak(&mut self) {
        for bot in self.bots.iter_mut().filter(|b| b.is_sending()) {
            bot.speak(&mut self.times);
            self.sent += 1;
        }
    }
}

fn plan(sends: bool, slots: usize) -> MediaPlan {
    let line = |source| SendLine {
        source,
        rids: vec![],
        codecs: vec![VideoCodec::H264],
    };
    let sources = [Source::Microphone, Source::Camera];
    MediaPlan {
        sends: sources.into_iter().filter(|_| sends).map(line).collect(),
        audio_slots: slots,
        video_slots: slots,
    }
}

/// Everybody sees everybody else.
fn view(offer: &LocalOffer, others: &[u32]) -> Vec<Slot> {
    let audio = offer.audio_slots.iter().zip(others);
    let audio = audio.map(|(mid, s)| (mid, TrackId(s * 2), 0));
    let video = offer.video_slots.iter().zip(others);
    let video = video.map(|(mid, s)| (mid, TrackId(s * 2 + 1), 720));
    let slot = |(mid, track, max_height): (&Mid, _, _)| Slot {
        mid: mid.as_str().into(),
        track: Some(track),
        max_height,
    };
    audio.chain(video).map(slot).collect()
}

fn published(offer: &LocalOffer, case: &Case) -> Vec<Publish> {
    let line = |(mid, source): &(Mid, Source)| {
        let is_video = source.kind() == MediaKind::Video;
        let layer = Layer {
            rid: String::new(),
            width: 1280,
            height: 720,
            max_bitrate: case.kbps * 1000,
        };
        Publish {
            mid: mid.as_str().into(),
            source: *source,
            layers: is_video.then_some(layer).into_iter().collect(),
        }
    };
    offer.publish.iter().map(line).collect()
}
