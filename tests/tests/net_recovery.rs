//! Cuts, blocked UDP and a killed server: everybody comes back, in both directions, within the promised time.
#![allow(
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "a report test prints what it measured"
)]

mod net_common;

use confab_base::Source;
use confab_client::{Action, Command};
use confab_protocol::{CreateMeeting, Role};
use confab_server::Config;
use net_common::*;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

const ANA: f32 = 440.0;
const BEN: f32 = 1000.0;

fn both_ways(ana: &Person, ben: &Person) -> bool {
    ana.perceives(BEN, 2) && ben.perceives(ANA, 1)
}

#[test]
fn after_a_cut_of_five_seconds_both_ways_are_back_within_three() {
    let house = House::open();
    let ana = Coming::with_tone("ana", ANA, 1).join(&house.host());
    let ben = Coming::with_tone("ben", BEN, 2).join(&house.guest());
    wait(PATIENCE, "both ways", || both_ways(&ana, &ben));

    ben.test.set_cut(true);
    std::thread::sleep(Duration::from_secs(5));
    assert!(!ana.hears(BEN) && !ben.hears(ANA), "the cut is a cut");
    ben.test.set_cut(false);
    let took = wait(Duration::from_secs(3), "both ways again", || {
        both_ways(&ana, &ben)
    });
    println!("back {took:?} after a cut of 5 s");
}

#[test]
fn where_udp_is_blocked_media_comes_through_tcp_within_ten_seconds() {
    let house = House::open();
    let ana = Coming::with_tone("ana", ANA, 1).join(&house.host());
    ana.wait_joined();
    let ben = Coming::with_tone("ben", BEN, 2);
    ben.test.set_block_udp(true);
    let ben = ben.join(&house.guest());
    let took = wait(Duration::from_secs(10), "media through TCP", || {
        both_ways(&ana, &ben)
    });
    println!("media through TCP {took:?} after the start of the join");
}

#[test]
fn udp_that_dies_in_the_meeting_is_replaced_by_tcp_within_ten_seconds() {
    let house = House::open();
    let ana = Coming::with_tone("ana", ANA, 1).join(&house.host());
    let ben = Coming::with_tone("ben", BEN, 2).join(&house.guest());
    wait(PATIENCE, "both ways", || both_ways(&ana, &ben));
    ben.test.set_block_udp(true);
    std::thread::sleep(Duration::from_secs(1));
    let took = wait(Duration::from_secs(9), "media through TCP", || {
        both_ways(&ana, &ben)
    });
    println!(
        "media through TCP {:?} after UDP died",
        took + Duration::from_secs(1)
    );
}

/// Serves until it is killed; run as a process of its own by the test below.
#[test]
#[ignore = "the server process of the test below"]
fn server_process() {
    let Ok(data) = std::env::var("CONFAB_TEST_DATA") else {
        return;
    };
    let port: u16 = std::env::var("CONFAB_TEST_PORT").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut config = Config::ephemeral(&data);
        config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        config.media.udp_port = Some(port);
        let server = confab_server::start(config).await.unwrap();
        let links = Path::new(&data).join("links.json");
        if !links.exists() {
            let meeting = server
                .create_meeting(CreateMeeting::default())
                .await
                .unwrap();
            std::fs::write(&links, serde_json::to_vec(&meeting).unwrap()).unwrap();
        }
        std::future::pending::<()>().await;
    });
}

fn spawn_server(data: &Path, port: u16) -> Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server_process", "--ignored"])
        .env("CONFAB_TEST_DATA", data)
        .env("CONFAB_TEST_PORT", port.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A port nobody uses now, TCP and UDP.
fn free_port() -> u16 {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    tcp.local_addr().unwrap().port()
}

#[test]
fn after_kill_and_restart_of_the_server_all_are_back_with_roles_mutes_and_chat() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut server = spawn_server(dir.path(), port);
    let links = dir.path().join("links.json");
    let read = || serde_json::from_slice(&std::fs::read(&links).ok()?).ok();
    let mut meeting: Option<confab_protocol::MeetingCreated> = None;
    wait(PATIENCE, "the server is up", || {
        meeting = read();
        meeting.is_some()
    });
    let meeting = meeting.unwrap();

    let ana = Coming::with_tone("ana", ANA, 1).join(&meeting.host_link);
    let you = ana.wait_joined();
    let ben = Coming::with_tone("ben", BEN, 2).join(&meeting.guest_link);
    let cleo = Coming::with_tone("cleo", 2000.0, 3).join(&meeting.guest_link);
    let muted = cleo.wait_joined();
    wait(PATIENCE, "both ways", || both_ways(&ana, &ben));
    ana.handle
        .send(Command::Chat("before the crash".to_owned()));
    let source = Source::Microphone;
    ana.handle.act(Action::HostMute {
        participant: muted,
        source,
    });
    wait(PATIENCE, "the mute and the chat are known", || {
        let room = ben.handle.state().room.unwrap();
        let cleo = room.participants.iter().find(|p| p.id == muted);
        !room.chat.is_empty() && cleo.is_some_and(|p| p.muted.contains(&source))
    });
    // The store answers for what was said, not for what was said this instant.
    std::thread::sleep(Duration::from_millis(500));

    server.kill().unwrap();
    server.wait().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(!ana.hears(BEN) && !ben.hears(ANA), "nobody forwards");
    let mut server = spawn_server(dir.path(), port);
    let took = wait(Duration::from_secs(10), "both ways again", || {
        both_ways(&ana, &ben)
    });
    println!("back {took:?} after the restart");

    let room = ben.handle.state().room.unwrap();
    let find = |id| room.participants.iter().find(|p| p.id == id).unwrap();
    assert_eq!(find(you).role, Role::Host);
    assert!(find(muted).muted.contains(&source));
    assert_eq!(room.chat.last().unwrap().text, "before the crash");
    assert_eq!(ana.handle.state().you, Some(you));
    assert!(!ana.hears(2000.0), "cleo is still muted");
    drop((ana, ben, cleo));
    server.kill().unwrap();
    server.wait().unwrap();
}
