//! The program between two real network namespaces, with UDP through it: what was asked for is what happens, and nothing
//! is left behind.
//!
//! Which packets are lost is compared with virtual time, packet by packet. Times have the bounds that hold on any machine:
//! nothing comes early, rates and queues are never above what was asked; the other way there is much room, since a busy
//! machine adds delays of its own. What was measured is printed.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "a report test prints what it measured")]

mod host;

use confab_base::Time;
use confab_impair::{Arrival, Direction, Duplex, Scenario};
use host::{Impair, Received, exists, ip, program, socket, unable};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The numbers of `count` packets that arrive each way, in virtual time.
fn in_virtual_time(script: &str, count: u32) -> [BTreeSet<u32>; 2] {
    let scenario = Scenario::parse(script, Path::new("x.toml")).unwrap();
    let mut duplex = Duplex::new(&scenario, Time::ZERO);
    let mut arrived = [BTreeSet::new(), BTreeSet::new()];
    for number in 0..count {
        for direction in Direction::BOTH {
            duplex.handle(direction, number, 100, Time::from_millis(number.into()));
        }
    }
    duplex.handle_timeout(Time::from_millis(100_000));
    while let Some(arrival) = duplex.poll_output() {
        if let Arrival::Packet(direction, delivery) = arrival {
            arrived[direction.index()].insert(delivery.payload);
        }
    }
    arrived
}

#[test]
fn real_packets_are_lost_as_in_virtual_time_and_none_is_early() {
    if unable() {
        return;
    }
    const COUNT: u32 = 600;
    let script = "seed = 5\n[up]\ndelay_ms = 40\nloss_percent = 20\n\
        [down]\ndelay_ms = 15\nburst = { loss_percent = 50, length = 6 }\n";
    let [up, down] = in_virtual_time(script, COUNT);
    assert!((400..560).contains(&up.len()), "{} up", up.len());
    assert!((180..420).contains(&down.len()), "{} down", down.len());

    let impair = Impair::start(script);
    let [a, b] = &impair.names;
    let (near, far) = (socket(a, "10.99.0.1:5000"), socket(b, "10.99.0.2:5000"));
    let (near6, far6) = (
        socket(a, "[fd99:cfab::1]:5000"),
        socket(b, "[fd99:cfab::2]:5000"),
    );
    let (got_up, got_down) = std::thread::scope(|scope| {
        let up = scope.spawn(|| Received::exactly(&far, up.len()));
        let down = scope.spawn(|| Received::exactly(&near6, down.len()));
        for number in 0..COUNT {
            host::send(&near, "10.99.0.2:5000", number, 200);
            host::send(&far6, "[fd99:cfab::1]:5000", number, 200);
            std::thread::sleep(Duration::from_millis(3));
        }
        (up.join().unwrap(), down.join().unwrap())
    });
    let summary = impair.stop();
    println!("up:   {}\ndown: {}", summary["up"], summary["down"]);
    assert_eq!(got_up.numbers(), up);
    assert_eq!(got_down.numbers(), down);
    for (side, want, got, ms) in [("up", &up, &got_up, 40), ("down", &down, &got_down, 15)] {
        let side = &summary[side];
        assert_eq!(side["packets_in"], COUNT, "nothing else was sent");
        assert_eq!(side["packets_out"], want.len());
        assert_eq!(side["kernel_dropped"], 0);
        let (least, middle) = got.delays();
        println!("asked for {ms} ms: at least {least:?}, in the middle {middle:?}");
        assert!(least >= Duration::from_millis(ms), "{least:?}");
        assert!(middle < Duration::from_millis(ms + 500), "{middle:?}");
    }
}

#[test]
fn a_bottleneck_lets_no_more_through_than_asked_and_queues_no_longer() {
    if unable() {
        return;
    }
    const KBIT: f64 = 500.0;
    let impair = Impair::start("[up]\nrate_kbit = 500\nqueue_ms = 300\n");
    let [a, b] = &impair.names;
    let (near, far) = (socket(a, "10.99.0.1:5000"), socket(b, "10.99.0.2:5000"));
    let delivered = AtomicBool::new(false);
    let got = std::thread::scope(|scope| {
        let got = scope.spawn(|| Received::until(&far, usize::MAX, &delivered));
        // 2 Mbit/s for four seconds.
        for number in 0..1000 {
            host::send(&near, "10.99.0.2:5000", number, 1000);
            std::thread::sleep(Duration::from_millis(4));
        }
        impair.line_where("second", |line| {
            line["up"]["packets_in"] == 1000 && line["up"]["held"] == 0
        });
        delivered.store(true, Ordering::Relaxed);
        got.join().unwrap()
    });
    let summary = impair.stop();
    println!("up: {}", summary["up"]);
    let (first, last) = got.span();
    // A header of IP and one of UDP.
    let bits = got.0.len() as f64 * 1028.0 * 8.0;
    let rate = bits / 1e3 / (last - first).as_secs_f64();
    println!("{rate:.1} kbit/s of {KBIT}");
    // Times are counted in microseconds.
    assert!(rate <= KBIT * 1.001, "{rate} kbit/s");
    let up = &summary["up"];
    let late = up["late_ms"]["max"].as_f64().unwrap();
    // A machine that stood still for a second reads packets in heaps, and drops heaps.
    assert!(rate > KBIT / 2.0 || late > 1000.0, "{rate} kbit/s");
    let longest = up["queue_ms"]["max"].as_f64().unwrap();
    // 300 ms until its turn, which takes 16.4 ms.
    assert!((100.0..=317.0).contains(&longest), "{longest} ms");
    let lost = up["lost"]["queue"].as_u64().unwrap();
    assert_eq!(lost + got.0.len() as u64, 1000);
    assert!(lost > 300, "{lost} dropped");
}

#[test]
fn a_step_of_the_script_takes_effect_while_it_runs() {
    if unable() {
        return;
    }
    let impair = Impair::start("[[step]]\nat_s = 6\nup.cut = true\n");
    let [a, b] = &impair.names;
    let (near, far) = (socket(a, "10.99.0.1:5000"), socket(b, "10.99.0.2:5000"));
    host::send(&near, "10.99.0.2:5000", 1, 100);
    let before = Received::exactly(&far, 1);
    assert_eq!(before.0.len(), 1, "packets pass before the step");
    impair.line("step");
    (2..7).for_each(|n| host::send(&near, "10.99.0.2:5000", n, 100));
    host::send(&far, "10.99.0.1:5000", 7, 100);
    let back = Received::exactly(&near, 1);
    assert_eq!(back.0.len(), 1, "the other way is open");
    let summary = impair.stop();
    assert_eq!(summary["up"]["lost"]["cut"], 5);
    assert_eq!(summary["up"]["packets_out"], 1);
}

#[test]
fn a_command_runs_inside_its_status_comes_out_and_nothing_is_left() {
    if unable() {
        return;
    }
    let tag = std::process::id();
    let (a, b) = (format!("impt{tag}-x"), format!("impt{tag}-y"));
    let names = format!("{a},{b}");
    let inside = r#"ip -o address show dev eth0 | grep -qF "$IMPAIR_HERE" && exit 7"#;
    let run = |tail: &[&str]| {
        let mut command = program();
        command.args(["run", "--profile", "steady", "--names", &names]);
        command.args(tail).output().unwrap()
    };
    let output = run(&["--", "sh", "-c", inside]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let lines = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(lines.contains("\"type\":\"summary\""), "{lines}");
    let output = run(&["--for", "1", "--", "sleep", "60"]);
    // By SIGTERM, or where the machine is that busy by SIGKILL.
    let status = output.status.code();
    assert!(matches!(status, Some(143 | 137)), "{output:?}");
    assert!(!exists(&a) && !exists(&b), "a namespace is left");
}

#[test]
fn a_namespace_that_exists_is_refused_and_stays() {
    if unable() {
        return;
    }
    let tag = std::process::id();
    let (a, b) = (format!("impt{tag}-new"), format!("impt{tag}-old"));
    assert!(ip(&["netns", "add", &b]), "a namespace can be made");
    let names = format!("{a},{b}");
    let mut command = program();
    command.args([
        "run",
        "--profile",
        "steady",
        "--for",
        "1",
        "--names",
        &names,
    ]);
    let output = command.output().unwrap();
    let stayed = exists(&b);
    ip(&["netns", "del", &b]);
    assert!(stayed && !exists(&a));
    assert_eq!(output.status.code(), Some(125));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.starts_with("namespace_exists: "), "{said}");
}
