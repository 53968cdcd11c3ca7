//! Starting and running, with the program itself: `init`, signals, certificates that change under connections, health.
#![cfg(target_os = "linux")]

mod common;
#[allow(dead_code, reason = "the certificate's own tests use all of it")]
#[path = "../../crates/certificate/tests/authority/pebble.rs"]
mod pebble;

use common::{Invitation, Person, hello};
use confab_protocol::MeetingId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pebble::{NAME, Pebble};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Only a broken server takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn confab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confab-server"));
    command.env_remove("CONFAB_CONFIG");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server process with its log, read as it is written.
struct Process {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Process {
    fn start(config: &Path) -> Process {
        let mut child = confab()
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (copy, mut listening) = (Arc::clone(&log), None);
        while listening.is_none() {
            let mut line = String::new();
            assert!(
                lines.read_line(&mut line).unwrap() > 0,
                "{}",
                copy.lock().unwrap()
            );
            listening = address_in(&line);
            copy.lock().unwrap().push_str(&line);
        }
        std::thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|n| n > 0) {
                copy.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Process {
            child,
            address: listening.unwrap(),
            log,
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has this many lines with `words`.
    async fn says(&self, words: &str, times: usize) {
        let said = async {
            while self.log().lines().filter(|l| l.contains(words)).count() < times {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let said = tokio::time::timeout(PATIENCE, said).await;
        assert!(said.is_ok(), "{words:?} is missing: {}", self.log());
    }

    async fn ended(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                match self.child.try_wait().unwrap() {
                    Some(status) => return status,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("an end")
    }

    /// Status and body.
    async fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        split(&answer)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of the line that says where it listens.
fn address_in(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line["http_addr"].as_str()?.parse().ok()
}

fn split(answer: &[u8]) -> (u16, String) {
    let answer = text(answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// A configuration with these lines before its tables, and these tables.
fn config(dir: &Path, lines: &str, tables: &str) -> PathBuf {
    let file = dir.join("confab.toml");
    let data = dir.join("data");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n{}{lines}\n[media]\naddress = \"127.0.0.1\"\nworkers = 1\n{tables}",
        data.display(),
        common::process::database(&data)
    );
    std::fs::write(&file, text).unwrap();
    file
}

const LOG: &str = "[log]\nformat = \"json\"\n";

fn new_meeting(config: &Path) -> Invitation {
    let made = confab()
        .args(["meeting", "new", "--config"])
        .arg(config)
        .output()
        .unwrap();
    let said = text(&made.stdout);
    let link = said.lines().find_map(|l| l.strip_prefix("host link:"));
    let (guest, host_key) = link
        .expect("a host link")
        .trim()
        .split_once("#host=")
        .unwrap();
    Invitation {
        id: MeetingId::parse(guest.rsplit('/').next().unwrap()).unwrap(),
        host_key: host_key.to_owned(),
    }
}

/// Runs `init` in `dir` with these flags, and with these lines on its standard input.
fn init(dir: &Path, flags: &[&str], answers: &str) -> Output {
    let mut child = confab()
        .arg("init")
        .args(["--config", "confab.toml"])
        .args(flags)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that asks nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn three_answers_make_a_configuration_that_holds_and_never_overwrites_one() {
    let dir = tempfile::tempdir().unwrap();
    let made = init(dir.path(), &[], "meet.example.org\n1\nada@example.org\n");
    assert!(made.status.success(), "{made:?}");
    let file = dir.path().join("confab.toml");
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(
        first.lines().count() <= 10 && first.contains("acme = true"),
        "{first}"
    );
    assert!(dir.path().join("confab-data").is_dir());
    let said = text(&made.stdout);
    assert!(said.contains("confab-server serve --config"), "{said}");
    let check = confab()
        .args(["config", "check"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(text(&check.stdout), "ok\n");

    let flags = ["--certificate", "local"];
    let again = init(dir.path(), &flags, "");
    assert!(!again.status.success() && text(&again.stderr).contains("--force"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    let forced = init(dir.path(), &[&flags[..], &["--force"]].concat(), "");
    assert!(forced.status.success(), "flags for all: {forced:?}");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("acme"));
}

#[test]
fn answers_that_are_missing_or_wrong_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let acme = ["--certificate", "acme", "--email", "ada@example.org"];
    for (flags, answers, word) in [
        (&[][..], "", "--name"),
        (&[][..], "meet.example.org\n7\n", "1 to 4"),
        (
            &[][..],
            "meet.example.org\n2\n/nowhere.pem\n",
            "/nowhere.pem",
        ),
        (
            &[&acme[..], &["--name", "192.0.2.1"]].concat()[..],
            "",
            "names",
        ),
    ] {
        let made = init(dir.path(), flags, answers);
        assert!(!made.status.success());
        assert!(text(&made.stderr).contains(word), "{word}: {made:?}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_hang_up_takes_what_can_be_taken_and_names_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let file = config(dir.path(), "", LOG);
    let server = Process::start(&file);
    let meeting = new_meeting(&file);
    let mut ada = Person::enter(server.address, hello(&meeting, "Ada"))
        .await
        .unwrap();
    assert_eq!(server.get("/health").await.0, 200);
    assert!(
        !server.log().contains("\"kind\":\"health\""),
        "nothing of requests yet"
    );

    let more = "[limits]\njoins_per_minute = 1\n[files]\nkeep_days = 3\n[log]\nlevel = \"debug\"\nformat = \"json\"\n";
    config(dir.path(), "", more);
    server.signal(Signal::SIGHUP);
    server.says("configuration read anew", 1).await;
    let log = server.log();
    let line = log.lines().find(|l| l.contains("read anew")).unwrap();
    let taken = line.split("need_restart").next().unwrap();
    for key in ["limits.joins_per_minute", "log.level"] {
        assert!(taken.contains(key), "{line}");
    }
    assert!(
        line.contains("files.keep_days") && !taken.contains("files.keep_days"),
        "{line}"
    );
    assert_eq!(server.get("/health").await.0, 200);
    server.says("\"kind\":\"health\"", 1).await;
    let hellos = [
        Person::enter(server.address, hello(&meeting, "Bob"))
            .await
            .is_ok(),
        Person::enter(server.address, hello(&meeting, "Eve"))
            .await
            .is_ok(),
    ];
    assert_eq!(hellos, [true, false], "the new limit holds");
    ada.say("still here").await;

    std::fs::write(&file, "listen = 7\n").unwrap();
    server.signal(Signal::SIGHUP);
    server.says("config_not_taken", 1).await;
    assert!(server.log().contains("confab.toml:1: "), "{}", server.log());
    ada.say("and still").await;
}

#[tokio::test]
async fn a_server_is_ready_until_it_drains_and_ends_when_the_last_has_left() {
    let dir = tempfile::tempdir().unwrap();
    let file = config(dir.path(), "", LOG);
    let mut server = Process::start(&file);
    assert_eq!(server.get("/healthz").await, (200, "ok\n".into()));
    let (status, body) = server.get("/readyz").await;
    assert_eq!(status, 200, "{body}");
    let health: serde_json::Value = serde_json::from_str(&body).unwrap();
    let good = serde_json::json!({ "database": true, "media": true, "draining": false });
    assert_eq!(health, good);
    let meeting = new_meeting(&file);
    let mut ada = Person::enter(server.address, hello(&meeting, "Ada"))
        .await
        .unwrap();

    server.signal(Signal::SIGUSR1);
    server.says("draining", 1).await;
    assert_eq!(server.get("/readyz").await.0, 503);
    assert_eq!(server.get("/healthz").await.0, 200);
    let mut bob = Person::enter(server.address, hello(&meeting, "Bob"))
        .await
        .unwrap();
    ada.say("nobody is sent away").await;
    assert!(server.child.try_wait().unwrap().is_none());
    for person in [&mut ada, &mut bob] {
        person.socket.send(confab_protocol::Request::Leave).await;
    }
    assert!(server.ended().await.success());
}

/// `roots`: PEM of who may have signed.
async fn secure(
    at: SocketAddr,
    name: &str,
    roots: rustls::RootCertStore,
) -> Option<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(at).await.unwrap();
    let tls = TlsConnector::from(Arc::new(client));
    tls.connect(name, stream).await.ok()
}

fn trusting(pem: &str) -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    roots
}

/// One more request on a connection that stands.
async fn answers(stream: &mut TlsStream<TcpStream>) -> bool {
    let request = format!("GET /health HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
    if stream.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    while !text(&answer).ends_with("ok\n") {
        match stream.read_buf(&mut answer).await {
            Ok(n) if n > 0 => {}
            _ => return false,
        }
    }
    text(&answer).starts_with("HTTP/1.1 200")
}

/// A certificate for localhost, written where the configuration has it; its PEM.
fn write_pair(dir: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.pem()
}

#[tokio::test]
async fn a_new_pair_is_served_without_a_restart_and_a_bad_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = write_pair(dir.path());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let tls = format!(
        "[tls]\ncert = \"{}\"\nkey = \"{}\"\n{LOG}",
        file("cert.pem"),
        file("key.pem")
    );
    let server = Process::start(&config(dir.path(), "", &tls));
    let at = server.address;
    let mut stands = secure(at, "localhost", trusting(&first)).await.unwrap();
    assert!(answers(&mut stands).await);

    let second = write_pair(dir.path());
    server.signal(Signal::SIGHUP);
    server.says("certificate read anew", 1).await;
    assert!(secure(at, "localhost", trusting(&second)).await.is_some());
    assert!(secure(at, "localhost", trusting(&first)).await.is_none());
    assert!(answers(&mut stands).await, "what stands goes on");

    std::fs::write(dir.path().join("key.pem"), "no key").unwrap();
    server.signal(Signal::SIGHUP);
    server.says("tls_pair_unreadable", 1).await;
    assert!(secure(at, "localhost", trusting(&second)).await.is_some());

    // Without a word: the files are looked at by themselves.
    let third = write_pair(dir.path());
    let noticed = async {
        while secure(at, "localhost", trusting(&third)).await.is_none() {
            // A connection that asks nothing for long is closed.
            assert!(answers(&mut stands).await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let noticed = tokio::time::timeout(PATIENCE, noticed).await;
    assert!(noticed.is_ok(), "{}", server.log());
    assert!(answers(&mut stands).await);
}

/// Below those that systems give to whoever asks for any, so that nobody takes it meanwhile.
fn free_port() -> u16 {
    let begin = 15_000 + (std::process::id() % 10_000) as u16;
    let mut ports = begin..begin + 1_000;
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("a free port")
}

#[tokio::test]
async fn an_authority_gives_a_certificate_on_the_port_itself_and_renews_it_under_connections() {
    // The port has to be known before the server is there.
    let port = free_port();
    let Some(pebble) = Pebble::start(port, Some(15)) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let tls = format!(
        "[tls]\nacme = true\nacme_email = \"ada@example.org\"\nacme_directory = \"{}\"\nacme_ca = \"{}\"\n{LOG}",
        pebble.directory(),
        pebble.authority().display()
    );
    let file = config(
        dir.path(),
        &format!("public_url = \"https://{NAME}:{port}\""),
        &tls,
    );
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")),
    )
    .unwrap();
    let server = Process::start(&file);
    server.says("certificate by ACME", 1).await;
    let roots = pebble.roots();
    let mut call = secure(server.address, NAME, roots.clone()).await.unwrap();
    assert!(answers(&mut call).await);
    server.says("certificate by ACME", 2).await;
    assert!(answers(&mut call).await, "renewal ends no connection");
    assert!(secure(server.address, NAME, roots).await.is_some());
    assert!(dir.path().join("data/acme").is_dir());
}

#[test]
fn plain_http_is_refused_where_others_can_reach_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = config(dir.path(), "public_url = \"http://meet.example.org\"", LOG);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("127.0.0.1:0", "0.0.0.0:0")).unwrap();
    let mut child = confab()
        .args(["serve", "--config"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = child.wait().unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(!status.success());
    assert!(
        said.contains("confab.toml:1: listen: plain HTTP is refused"),
        "{said}"
    );
}
