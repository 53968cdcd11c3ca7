//! What forwarding costs over real sockets: real ICE, DTLS and SRTP on both legs over loopback UDP, one worker thread.
//!
//! `cargo bench -p confab-server --bench sfu [-- seconds] [case]`; a case by a part of its name. Printed per case: packets
//! forwarded per second, CPU time of the worker thread per forwarded packet (system calls, crypto of both legs, RTCP and
//! bandwidth estimation included), the delay from the sender's write to the receiver's read, and what arrived. Senders
//! and receivers are a process of their own; on a machine with few cores they compete with the worker for the clock, so
//! delays are upper bounds. The floor in the same run: AES-GCM over 1200 bytes and a segmented send of ten.
//!
//! On a busy machine run it with `chrt -r 1`, or it measures the others.

// A bench has nothing to say but its table.
#![allow(clippy::print_stdout)]

mod sfu_bench {
    pub mod fleet;
    pub mod floor;
    pub mod host;
    pub mod meter;
    pub mod words;
}

use sfu_bench::words::Case;
use sfu_bench::{fleet, floor, host};
use std::time::Duration;

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("--fleet") {
        let case = args.next().and_then(|c| serde_json::from_str(&c).ok());
        let seconds = args.next().and_then(|s| s.parse().ok());
        let (case, seconds) = (case.expect("a case"), seconds.expect("seconds"));
        return fleet::main(&case, Duration::from_secs(seconds));
    }
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let seconds = args.iter().find_map(|a| a.parse().ok()).unwrap_or(6);
    let wanted = args.iter().find(|a| a.parse::<u64>().is_err());
    let time = Duration::from_secs(seconds);
    let case = |name: &str, senders, receivers, kbps| Case {
        name: name.into(),
        senders,
        receivers,
        kbps,
    };
    let cases = [
        case("1→10 at 1.5 Mbps", 1, 10, 1500),
        case("1→20 at 1.5 Mbps", 1, 20, 1500),
        case("1→50 at 1.5 Mbps", 1, 50, 1500),
        case("1→100 at 1.5 Mbps", 1, 100, 1500),
        case("10×10 at 300 kbps", 10, 10, 300),
        case("1→50 at 9 Mbps", 1, 50, 9000),
    ];
    floor::print();
    println!(
        "| case | forwarded/s | CPU µs per packet | delay p50 / p99 ms | arrived % | datagrams per send | worker CPU % |"
    );
    println!("|---|---|---|---|---|---|---|");
    for case in cases
        .iter()
        .filter(|c| wanted.is_none_or(|w| c.name.contains(w.as_str())))
    {
        println!("{}", host::play(case, time));
    }
    floor::print();
}
