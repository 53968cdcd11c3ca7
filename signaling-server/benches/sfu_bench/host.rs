//! The server's process: one worker thread whose CPU time is counted, and one fleet per case.

use super::meter::thread_cpu;
use super::words::{Case, Said};
use confab_base::{MediaKind, ParticipantId, TrackId, VideoCodec};
use confab_room::{MediaCommand, MediaEvent, PublishedLine};
use confab_server::sfu::{self, SfuConfig, SfuSender};
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Runs one case; a table row.
pub fn play(case: &Case, time: Duration) -> String {
    let config = SfuConfig {
        udp: (Ipv4Addr::LOCALHOST, 0).into(),
        public_addresses: Vec::new(),
        tcp_port: None,
        workers: 1,
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
    let mut fleet = Command::new(std::env::current_exe().expect("our own name"))
        .args(["--fleet", &serde_json::to_string(case).expect("plain data")])
        .arg(time.as_secs().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let mut to = fleet.stdin.take().expect("a pipe");
    let from = BufReader::new(fleet.stdout.take().expect("a pipe"));
    let now = || (sfu.counters(), thread_cpu("sfu-0"), Instant::now());
    let mut began = now();
    let mut row = format!("| {} | the fleet is gone |", case.name);
    for line in from.lines().map_while(Result::ok) {
        match serde_json::from_str(&line).expect("a line of ours") {
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
            Said::Begin => began = now(),
            Said::End {
                sent,
                got,
                p50,
                p99,
            } => {
                let (before, cpu, at) = began;
                let (after, cpu, took) = (
                    sfu.counters(),
                    thread_cpu("sfu-0") - cpu,
                    at.elapsed().as_secs_f64(),
                );
                let forwarded = after.forwarded - before.forwarded;
                let wanted = sent * u64::from(case.people() - 1);
                row = format!(
                    "| {} | {:.0} | {:.2} | {:.2} / {:.2} | {:.1} | {:.1} | {:.0} |",
                    case.name,
                    forwarded as f64 / took,
                    cpu.as_secs_f64() * 1e6 / forwarded.max(1) as f64,
                    f64::from(p50) / 1000.0,
                    f64::from(p99) / 1000.0,
                    100.0 * got as f64 / wanted.max(1) as f64,
                    (after.datagrams_out - before.datagrams_out) as f64
                        / (after.sends - before.sends).max(1) as f64,
                    100.0 * cpu.as_secs_f64() / took,
                );
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
