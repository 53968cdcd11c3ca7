//! What forwarding costs over real sockets: real ICE, DTLS and SRTP on both legs over UDP on this machine, the server on one
//! core, senders and receivers (the fleet) in a process of their own on another. `cargo xtask bench forward` runs it.
//!
//! `cargo bench -p confab-server --bench sfu [-- [seconds] [case] [--janus] [--no-guests]]`; a case by a part of its name.
//! Per case: packets that arrived per second; CPU time of the server's whole process per packet that arrived (system calls,
//! crypto of both legs, RTCP and bandwidth estimation included; on one machine the kernel's work of delivering counts as the
//! sender's); the delay from the sender's call to the receiver's kernel; what arrived; how busy both cores were. With
//! `--janus` the same fleet then meets in Janus. "Bursts whole": the receivers' sockets take segmented sends as they are; else
//! the kernel cuts them up and hands them out at the sender's expense, which a network card that segments would spare it. The
//! floor in the same run: AES-GCM over 1200 bytes, and sends, to nobody and to a reader on the other core.
//!
//! On a busy machine run it with `nice -n -10` or `chrt -r 1`, or it measures the others.

// A bench has nothing to say but its table.
#![allow(clippy::print_stdout)]

mod sfu_bench {
    pub mod bot;
    pub mod fleet;
    pub mod floor;
    pub mod host;
    pub mod janus;
    pub mod meter;
    pub mod rival;
    pub mod words;
}

use sfu_bench::host::{HEADING, Row, Stage};
use sfu_bench::words::Case;
use sfu_bench::{fleet, floor, host, meter, rival};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, orders, ..] = &args[..]
        && flag == "--fleet"
    {
        let orders = serde_json::from_str(orders);
        return fleet::main(orders.expect("orders"));
    }
    let has = |flag: &str| args.iter().any(|a| a == flag);
    let with_janus = has("--janus") && rival::is_installed();
    if has("--janus") && !with_janus {
        println!("Janus is not installed: its rows are missing.\n");
    }
    let words: Vec<&String> = args.iter().filter(|a| !a.starts_with("--")).collect();
    let seconds = words.iter().find_map(|a| a.parse().ok()).unwrap_or(6);
    let wanted = words.iter().find(|a| a.parse::<u64>().is_err());
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    if cores > 1 {
        meter::pin(0);
    }
    let stage = Stage {
        ip: address(with_janus),
        time: Duration::from_secs(seconds),
        whole: false,
        core: (cores > 1).then_some(1),
    };
    let cases = cases(!has("--no-guests"));
    let cases = cases
        .iter()
        .filter(|c| wanted.is_none_or(|w| c.name.contains(w.as_str())));
    floor::print();
    println!("| case | {HEADING} |\n|{}", "---|".repeat(9));
    for case in cases {
        let ours = host::play(case, stage);
        show(&case.name, ours);
        if case.own && case.receivers >= 50 {
            let stage = Stage {
                whole: true,
                ..stage
            };
            let name = format!("{}, bursts whole", case.name);
            show(&name, host::play(case, stage));
        }
        if with_janus && !case.own {
            for (name, loops) in [("Janus", 0), ("Janus, one event loop", 1)] {
                let theirs = rival::play(case, stage, loops);
                show(&format!("{}, {name}", case.name), theirs);
                if let (Some(ours), Some(theirs)) = (ours, theirs) {
                    let times = theirs.cost() / ours.cost();
                    println!("|   ours forwards {times:.1} times as many per CPU second |");
                }
            }
        }
    }
    floor::print();
}

fn show(name: &str, row: Option<Row>) {
    let cells = row.map_or("failed".to_owned(), |r| r.cells());
    println!("| {name} | {cells} |");
}

/// Ours among themselves, whose pictures are repaired, and guests.
fn cases(guests: bool) -> Vec<Case> {
    let meetings = [
        ("1→10 at 1.5 Mbps", 1, 10, 1500),
        ("1→20 at 1.5 Mbps", 1, 20, 1500),
        ("1→50 at 1.5 Mbps", 1, 50, 1500),
        ("1→100 at 1.5 Mbps", 1, 100, 1500),
        ("10×10 at 300 kbps", 10, 10, 300),
        ("1→50 at 9 Mbps", 1, 50, 9000),
        ("1→50 at 20 Mbps", 1, 50, 20_000),
    ];
    let case = |own, (name, senders, receivers, kbps)| Case {
        name: format!("{name}, {}", if own { "own ends" } else { "guests" }),
        senders,
        receivers,
        kbps,
        own,
    };
    let ours = meetings.map(|m| case(true, m));
    let theirs = meetings.map(|m| case(false, m));
    let both = ours.into_iter().zip(theirs);
    both.flat_map(|(own, guest)| [Some(own), guests.then_some(guest)])
        .flatten()
        .collect()
}

/// Where all meet: Janus does not take loopback addresses, so with it the machine's own.
fn address(with_janus: bool) -> IpAddr {
    let own = if_addrs::get_if_addrs().unwrap_or_default();
    let mut own = own.iter().map(|i| i.ip());
    let own = own.find(|ip| ip.is_ipv4() && !ip.is_loopback());
    own.filter(|_| with_janus)
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}
