//! Runs one case: our server in this process, or Janus in one of its own, on one core, and the fleet on another.

use super::meter::resident_kb;
use super::words::{Case, Heard, Orders, Said};
use confab_base::{MediaKind, ParticipantId, TrackId, VideoCodec};
use confab_load::machine::process_cpu;
use confab_room::{MediaCommand, MediaEvent, PublishedLine};
use confab_server::sfu::{self, SfuConfig, SfuSender};
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Where and how long.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    pub ip: IpAddr,
    pub time: Duration,
    /// The fleet takes bursts whole.
    pub whole: bool,
    /// The fleet's core.
    pub core: Option<usize>,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub heard: Heard,
    pub people: u32,
    /// CPU time of the server's process, and how long that took.
    pub cpu: Duration,
    pub took: Duration,
    /// Grown by, over the case.
    pub resident_kb: u64,
    /// Datagrams per system call, where the server tells.
    pub per_send: Option<f64>,
}

impl Row {
    /// CPU time of the server per packet that arrived, microseconds.
    pub fn cost(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.heard.got.max(1) as f64
    }

    /// As cells of a table.
    pub fn cells(&self) -> String {
        let took = self.took.as_secs_f64();
        let ms = |micros| f64::from(micros) / 1000.0;
        let wanted = self.heard.sent * u64::from(self.people - 1);
        let per_send = self.per_send.map_or("–".into(), |p| format!("{p:.1}"));
        format!(
            "{:.0} | {:.2} | {:.2} / {:.2} | {:.1} | {per_send} | {:.0} | {:.0} | {:.2}",
            self.heard.got as f64 / took,
            self.cost(),
            ms(self.heard.p50),
            ms(self.heard.p99),
            100.0 * self.heard.got as f64 / wanted.max(1) as f64,
            100.0 * self.cpu.as_secs_f64() / took,
            100.0 * self.heard.cpu.as_secs_f64() / took,
            self.resident_kb as f64 / 1000.0 / f64::from(self.people - 1),
        )
    }
}

/// The heading of [`Row::cells`].
pub const HEADING: &str = "arrived/s | CPU µs per packet | delay p50 / p99 ms | arrived % | datagrams per send | server CPU % | fleet CPU % | MB per receiver";

/// Counts the CPU time of a process from the fleet's `Begin` to its `End`.
pub struct Watch {
    pid: u32,
    before_kb: u64,
    began: (Duration, Instant),
}

impl Watch {
    pub fn new(pid: u32) -> Watch {
        Watch {
            pid,
            before_kb: resident_kb(pid),
            began: (process_cpu(pid), Instant::now()),
        }
    }

    pub fn begin(&mut self) {
        self.began = (process_cpu(self.pid), Instant::now());
    }

    pub fn end(&self, case: &Case, heard: Heard) -> Row {
        Row {
            heard,
            people: case.people(),
            cpu: process_cpu(self.pid) - self.began.0,
            took: self.began.1.elapsed(),
            resident_kb: resident_kb(self.pid).saturating_sub(self.before_kb),
            per_send: None,
        }
    }
}

/// Starts the fleet: itself, and the way to it.
pub fn start_fleet(case: &Case, stage: Stage, janus: Option<String>) -> (Child, ChildStdin) {
    let orders = Orders {
        case: case.clone(),
        time: stage.time,
        ip: stage.ip,
        janus,
        whole: stage.whole,
        core: stage.core,
    };
    let mut fleet = Command::new(std::env::current_exe().expect("our own name"))
        .args([
            "--fleet",
            &serde_json::to_string(&orders).expect("plain data"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let to = fleet.stdin.take().expect("a pipe");
    (fleet, to)
}

/// What the fleet says.
pub fn listen(fleet: &mut Child) -> impl Iterator<Item = Said> + use<> {
    let from = BufReader::new(fleet.stdout.take().expect("a pipe"));
    let lines = from.lines().map_while(Result::ok);
    lines.map(|line| serde_json::from_str(&line).expect("a line of ours"))
}

/// Our server; `None`: the fleet failed, and said why.
pub fn play(case: &Case, stage: Stage) -> Option<Row> {
    let mut watch = Watch::new(std::process::id());
    let config = SfuConfig {
        udp: (stage.ip, 0).into(),
        public_addresses: Vec::new(),
        tcp_port: None,
        workers: 1,
        relay: None,
    };
    let sfu = sfu::start(config).expect("a media port");
    let mut room = sfu.open(1);
    let sender = room.sender();
    let (answers_tx, answers) = mpsc::channel();
    let events = std::thread::spawn(move || {
        while let Some(event) = room.events.blocking_recv() {
            match event {
                MediaEvent::Answer { sdp, .. } => answers_tx.send(sdp).unwrap_or(()),
                MediaEvent::OfferFailed { message, .. } => panic!("{message}"),
                _ => {}
            }
        }
    });
    let (mut fleet, mut to) = start_fleet(case, stage, None);
    let mut before = sfu.counters();
    let mut row = None;
    for said in listen(&mut fleet) {
        match said {
            Said::Offer {
                n,
                sdp,
                publish,
                slots,
            } => {
                offer(&sender, n, sdp, publish);
                let participant = ParticipantId(n);
                let view = MediaCommand::View {
                    participant,
                    slots,
                    most: None,
                };
                sender.send(view).expect("a worker with room");
                let answer: String = answers.recv().expect("an answer");
                let line = serde_json::to_string(&answer).expect("plain data");
                writeln!(to, "{line}").expect("the fleet to listen");
            }
            Said::Begin => {
                before = sfu.counters();
                watch.begin();
            }
            Said::End(heard) => {
                let after = sfu.counters();
                let sends = (after.sends - before.sends).max(1) as f64;
                let datagrams = after.datagrams_out - before.datagrams_out;
                row = Some(Row {
                    per_send: Some(datagrams as f64 / sends),
                    ..watch.end(case, heard)
                });
            }
        }
    }
    let _ = fleet.wait();
    sfu.shutdown();
    let _ = events.join();
    row
}

fn offer(sender: &SfuSender, n: u32, sdp: String, publish: Vec<confab_protocol::Publish>) {
    let line = |publish: confab_protocol::Publish| {
        let is_video = publish.source.kind() == MediaKind::Video;
        PublishedLine {
            track: TrackId(n * 2 + u32::from(is_video)),
            muted: false,
            publish,
        }
    };
    let offer = MediaCommand::Offer {
        participant: ParticipantId(n),
        ticket: 1,
        generation: 1,
        sdp,
        publish: publish.into_iter().map(line).collect(),
        decodes: vec![VideoCodec::H264],
    };
    sender.send(offer).expect("a worker with room");
}
