//! The binary itself: configuration, meetings made beside a running server, `kill -9`, and what its log says.

mod common;

use common::{Invitation, Person};
use confab_protocol::Request;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

fn confab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confab-server"));
    command.env_remove("CONFAB_CONFIG");
    command
}

fn run(arguments: &[&str]) -> Output {
    confab().args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn config_file(dir: &Path, level: &str) -> PathBuf {
    let file = dir.join("confab.toml");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n{}[media]\naddress = \"127.0.0.1\"\n[log]\nlevel = \"{level}\"\nformat = \"json\"\n",
        dir.join("data").display(),
        common::process::database(&dir.join("data"))
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// A server process; killed without mercy when dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(config: &Path) -> Process {
        let mut child = confab()
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .rsplit('/')
            .next()
            .unwrap()
            .parse()
            .expect("the line names the address");
        Process { child, address }
    }

    /// Kills it and gives back what it wrote to its log.
    fn kill(mut self) -> String {
        self.child.kill().unwrap();
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn new_meeting(config: &Path, title: &str) -> Invitation {
    let output = run(&[
        "meeting",
        "new",
        "--title",
        title,
        "--config",
        config.to_str().unwrap(),
    ]);
    let text = stdout(&output);
    let link = text
        .lines()
        .find_map(|l| l.strip_prefix("host link:"))
        .expect("a host link")
        .trim();
    let (guest, host_key) = link.split_once("#host=").unwrap();
    let id = confab_protocol::MeetingId::parse(guest.rsplit('/').next().unwrap()).unwrap();
    Invitation {
        id,
        host_key: host_key.to_owned(),
    }
}

#[test]
fn config_check_says_ok_or_names_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let good = config_file(dir.path(), "info");
    let output = run(&["config", "check", good.to_str().unwrap()]);
    assert!(output.status.success());
    assert_eq!(stdout(&output), "ok\n");

    let bad = dir.path().join("bad.toml");
    std::fs::write(&bad, "data_dir = \"x\"\n\n[media]\nport = 1\n").unwrap();
    let output = run(&["config", "check", bad.to_str().unwrap()]);
    assert!(!output.status.success());
    assert!(
        stdout(&output).starts_with(&format!("{}:4: ", bad.display())),
        "{}",
        stdout(&output)
    );
}

#[test]
fn the_example_is_a_good_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("example.toml");
    std::fs::write(&file, stdout(&run(&["config", "example"]))).unwrap();
    assert_eq!(
        stdout(&run(&["config", "check", file.to_str().unwrap()])),
        "ok\n"
    );
}

#[tokio::test]
async fn a_killed_server_comes_back_with_everything_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let config = config_file(dir.path(), "info");
    let server = Process::start(&config);
    let meeting = new_meeting(&config, "Beside a running server");
    let key = Some(meeting.host_key.clone());
    let host = confab_protocol::Hello {
        host_key: key,
        ..common::hello(&meeting, "Ada")
    };
    let mut ada = Person::enter(server.address, host).await.unwrap();
    ada.ask(Request::HostLock { locked: true }).await.unwrap();
    ada.say("kept").await;
    server.kill();

    let server = Process::start(&config);
    let mut back = Person::enter(server.address, ada.resume(&meeting, 0))
        .await
        .unwrap();
    let snapshot = back.socket.snapshot().await;
    assert!(snapshot.meeting.locked);
    assert_eq!(
        snapshot
            .chat
            .iter()
            .map(|m| m.text.as_str())
            .collect::<Vec<_>>(),
        ["kept"]
    );
    let list = stdout(&run(&[
        "meeting",
        "list",
        "--config",
        config.to_str().unwrap(),
    ]));
    assert!(list.contains("locked  Beside a running server"), "{list}");
    assert!(!list.contains(&meeting.host_key));
}

#[tokio::test]
async fn the_log_names_no_secret_no_person_and_no_word_of_the_chat() {
    let dir = tempfile::tempdir().unwrap();
    let config = config_file(dir.path(), "trace");
    let server = Process::start(&config);
    let meeting = new_meeting(&config, "Confidential");
    let key = Some(meeting.host_key.clone());
    let host = confab_protocol::Hello {
        host_key: key,
        ..common::hello(&meeting, "Adelheid")
    };
    let mut ada = Person::enter(server.address, host).await.unwrap();
    ada.say("a-word-of-the-chat").await;
    let url = format!(
        "http://{}/m/{}?secret=in-the-query",
        server.address, meeting.id
    );
    tokio::task::spawn_blocking(move || ureq::get(&url).call().unwrap())
        .await
        .unwrap();
    let log = server.kill();
    assert!(log.lines().count() > 3, "there is a log: {log}");
    assert!(
        log.lines()
            .all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()),
        "one object a line: {log}"
    );
    let id = meeting.id.to_string();
    for secret in [
        &meeting.host_key,
        &ada.token,
        &id,
        "Adelheid",
        "a-word-of-the-chat",
        "in-the-query",
        "Confidential",
    ] {
        assert!(!log.contains(secret), "the log holds {secret}: {log}");
    }
}

/// Runs `account …` on the configuration, with this on its standard input.
fn account(config: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = confab()
        .arg("account")
        .args(arguments)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may be gone already.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn accounts_are_made_and_looked_after_beside_a_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let config = config_file(dir.path(), "info");
    let server = Process::start(&config);
    let ada = ["--email", "ada@example.org"];
    let add = [&["add", "--name", "Ada", "--role", "owner"], &ada[..]].concat();
    let made = account(&config, &add, "");
    assert!(stdout(&made).contains("/account/reset#token="), "{made:?}");
    assert!(!account(&config, &add, "").status.success(), "taken");
    let bob = ["add", "--name", "Bob", "--email", "bob@example.org"];
    let bob = [&bob[..], &["--password-stdin"]].concat();
    assert!(!account(&config, &bob, "bob\n").status.success(), "weak");
    let made = account(&config, &bob, "correct horse battery\n");
    assert_eq!(stdout(&made), "ok\n");
    let list = || stdout(&account(&config, &["list"], ""));
    assert_eq!(
        list(),
        "ada@example.org  owner  invited  Ada\nbob@example.org  member  active  Bob\n"
    );
    let disable = [&["disable"], &ada[..]].concat();
    let refused = account(&config, &disable, "");
    assert!(!refused.status.success(), "the last owner");
    let promote = ["role", "--email", "bob@example.org", "--role", "owner"];
    assert!(account(&config, &promote, "").status.success());
    assert!(account(&config, &disable, "").status.success());
    assert!(list().starts_with("ada@example.org  owner  disabled  Ada\n"));
    let link = account(&config, &["link", "--email", "bob@example.org"], "");
    assert!(stdout(&link).contains("/account/reset#token="));
    drop(server);
}

#[test]
fn meetings_are_planned_listed_changed_and_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let config = config_file(dir.path(), "info");
    let with = |arguments: &[&str]| {
        let file = ["--config", config.to_str().unwrap()];
        let output = run(&[&["meeting"], arguments, &file].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), stdout(&output), said)
    };
    let tomorrow = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    let tomorrow = tomorrow
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64;
    let berlin = confab_calendar::Zone::new("Europe/Berlin").unwrap();
    let day = berlin.local(tomorrow).date();
    let start = format!("{day}T09:00");
    let series = [
        "create",
        "--title",
        "Daily",
        "--start",
        &start,
        "--zone",
        "Europe/Berlin",
        "--every",
        "day",
        "--count",
        "3",
    ];
    let (made, links, said) = with(&series);
    assert!(made, "{said}");
    let link = links
        .lines()
        .next()
        .unwrap()
        .strip_prefix("guest link: ")
        .unwrap();
    let (_, listed, _) = with(&["upcoming", "--zone", "Europe/Berlin"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(
        listed.starts_with(&format!("{day} 09:00-10:00  {link}  ")),
        "{listed}"
    );
    let second = listed.lines().nth(1).unwrap().split("  ").nth(2).unwrap();
    let later = format!("{}T10:30", &day.tomorrow().unwrap());
    let moved = [
        "change",
        link,
        "--occurrence",
        second,
        "--title",
        "Late",
        "--start",
        &later,
        "--zone",
        "Europe/Berlin",
        "--minutes",
        "30",
    ];
    let (changed, _, said) = with(&moved);
    assert!(changed, "{said}");
    let (_, listed, _) = with(&["upcoming", "--zone", "Europe/Berlin"]);
    let line = format!(
        "{} 10:30-11:00  {link}  {second}  Late",
        day.tomorrow().unwrap()
    );
    assert!(listed.lines().any(|l| l == line), "{listed}");
    let rules = [
        "change",
        link,
        "--title",
        "Every day",
        "--passcode",
        "482913",
        "--lobby",
        "guests",
        "--forbid",
        "share",
    ];
    assert!(with(&rules).0);
    assert!(with(&["list"]).1.contains("open  Every day"));
    let (empty, _, said) = with(&["change", link]);
    assert!(!empty && said.contains("nothing to change"), "{said}");
    let (one, _, said) = with(&[
        "change",
        link,
        "--occurrence",
        second,
        "--description",
        "No",
    ]);
    assert!(!one && said.contains("for all"), "{said}");
    assert!(with(&["change", link, "--title", "Daily", "--no-passcode"]).0);
    assert!(with(&["cancel", link, "--occurrence", second]).0);
    let (_, listed, _) = with(&["upcoming"]);
    assert_eq!(
        listed.lines().filter(|l| l.ends_with("cancelled")).count(),
        1,
        "{listed}"
    );
    let (_, link_again, _) = with(&["new-host-link", link]);
    assert!(
        link_again.contains("#host=") && !links.contains(link_again.trim()),
        "{link_again}"
    );
    assert!(with(&["cancel", link]).0);
    assert!(with(&["list"]).1.contains("cancelled  Daily"));
    let (again, _, said) = with(&["cancel", link]);
    assert!(!again && said.contains("meeting_cancelled"), "{said}");
    let (bad, _, said) = with(&["create", "--start", "tomorrow"]);
    assert!(!bad && said.contains("--start"), "{said}");
}
