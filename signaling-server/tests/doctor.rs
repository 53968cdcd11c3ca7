//! `confab-server doctor` and what it asks, against real servers on loopback: all well, and six broken set-ups, of which the
//! right cause is named. Also the peer connection that the page `/check` makes.

#![allow(
    clippy::print_stdout,
    reason = "how long the doctor takes is for people to read"
)]

mod common;

use common::Server;
use confab_diagnosis::{Finding, Level, sntp};
use confab_protocol::{CHECK_PAYLOAD, CheckAnswer, CheckInfo, CheckOffer};
use confab_server::doctor::{Doctor, is_well};
use confab_server::{Config, DatabaseUrl};
use confab_transport::driver::{Driver, DriverConfig, DriverEvent};
use confab_transport::{MediaPlan, Protocol};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// Never looked up: it leads nowhere, by definition (RFC 6761).
const NAME: &str = "meet.confab.test";

/// A port that is free for TCP and for UDP on all of loopback.
fn free_port() -> u16 {
    loop {
        let tcp = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        if std::net::UdpSocket::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

fn at(ip: &str) -> Vec<IpAddr> {
    vec![ip.parse().unwrap()]
}

/// A server that listens where its configuration says, as the doctor has to find it there.
async fn served(change: impl Fn(&mut Config)) -> (Server, Config) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::ephemeral(dir.path());
    config.listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    change(&mut config);
    let running = confab_server::start(config.clone()).await.unwrap();
    (Server { running, dir }, config)
}

fn faults(findings: &[Finding]) -> Vec<&'static str> {
    let failed = findings.iter().filter(|f| f.level == Level::Fail);
    failed.map(|f| f.code).collect()
}

/// What the doctor finds, and on standard output how long it took: 15 s is what it promises.
async fn examined(doctor: &Doctor, config: &Config, broken: &str) -> Vec<Finding> {
    let begun = Instant::now();
    let findings = doctor.examine(config).await;
    let took = begun.elapsed().as_secs_f64();
    println!("{broken}: {:?} after {took:.1} s", faults(&findings));
    findings
}

/// A certificate for [`NAME`] by an authority of its own, valid for so many days from now (before: expired).
struct Pair {
    dir: tempfile::TempDir,
}

impl Pair {
    fn new(days: i64) -> Pair {
        let now = time::OffsetDateTime::now_utc();
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_cert = ca.self_signed(&ca_key).unwrap();
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.not_before = now - time::Duration::days(60);
        params.not_after = now + time::Duration::days(days);
        let cert = params
            .signed_by(&key, &Issuer::from_params(&ca, &ca_key))
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), ca_cert.pem()).unwrap();
        std::fs::write(dir.path().join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
        Pair { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn serve(&self, config: &mut Config) {
        config.tls.cert = Some(self.file("cert.pem"));
        config.tls.key = Some(self.file("key.pem"));
        config.public_url = Some(format!("https://{NAME}:{}", config.listen.port()));
    }

    /// As if an authority had given it; nobody can be asked for another.
    fn keep(&self, config: &mut Config) {
        config.tls.acme = true;
        config.tls.acme_directory = "https://127.0.0.1:9/directory".to_owned();
        config.public_url = Some(format!("https://{NAME}:{}", config.listen.port()));
        let acme = config.data_dir.join("acme");
        let kept = confab_certificate::kept_certificate(&acme, &config.tls.acme_directory);
        std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
        let pem = |name| std::fs::read_to_string(self.file(name)).unwrap();
        std::fs::write(kept, pem("key.pem") + &pem("cert.pem")).unwrap();
    }

    fn doctor(&self) -> Doctor {
        Doctor {
            resolve: at("127.0.0.1"),
            ca: Some(self.file("ca.pem")),
            time_server: None,
        }
    }
}

/// Carries TCP from one address of loopback to another, as a router or a proxy does; `alter` may answer a request itself.
async fn forward(from: SocketAddr, to: SocketAddr, alter: fn(&[u8]) -> Option<&'static str>) {
    let listener = TcpListener::bind(from).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut first = vec![0; 16 << 10];
                let n = near.read(&mut first).await.unwrap_or(0);
                if let Some(answer) = alter(&first[..n]) {
                    let _ = near.write_all(answer.as_bytes()).await;
                    return;
                }
                if let Ok(mut far) = TcpStream::connect(to).await {
                    let _ = far.write_all(&first[..n]).await;
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
}

#[tokio::test]
async fn all_well_at_a_desk_and_with_a_certificate() {
    let (_server, config) = served(|_| {}).await;
    let findings = examined(&Doctor::default(), &config, "nothing, at a desk").await;
    assert!(is_well(&findings), "{findings:#?}");
    assert_eq!(findings.len(), 13);

    let pair = Pair::new(60);
    let (_server, config) = served(|c| pair.serve(c)).await;
    let findings = examined(&pair.doctor(), &config, "nothing").await;
    assert!(is_well(&findings), "{findings:#?}");
    let codes: Vec<&str> = findings.iter().map(|f| f.code).collect();
    for code in [
        "certificate_ok",
        "https_ok",
        "websocket_ok",
        "udp_ok",
        "tcp_ok",
    ] {
        assert!(codes.contains(&code), "{code}: {codes:?}");
    }
    let unknown = Doctor {
        ca: None,
        ..pair.doctor()
    };
    let findings = examined(&unknown, &config, "an unknown authority").await;
    assert_eq!(faults(&findings), ["certificate_untrusted"]);
}

#[tokio::test]
async fn a_database_that_is_damaged_held_or_of_a_newer_program() {
    let code = |findings: &[Finding]| {
        let found = findings.iter().find(|f| f.check.as_str() == "database");
        found.unwrap().code
    };
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        data_dir: dir.path().to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], free_port())),
        ..Config::default()
    };
    let doctor = Doctor::default();
    assert_eq!(code(&doctor.examine(&config).await), "database_missing");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

    let running = confab_server::start(config.clone()).await.unwrap();
    assert_eq!(code(&doctor.examine(&config).await), "database_ok");
    running.shutdown().await;

    let file = dir.path().join("confab.sqlite");
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other = options.connect().await.unwrap();
    let level = "UPDATE _sqlx_migrations SET version = 999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    assert_eq!(
        code(&doctor.examine(&config).await),
        "database_not_writable"
    );
    sqlx::query(level).execute(&mut other).await.unwrap();
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let findings = examined(&doctor, &config, "a newer program's database").await;
    assert_eq!(faults(&findings), ["database_too_new"]);

    for entry in std::fs::read_dir(dir.path()).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("confab.sqlite") {
            std::fs::write(entry.path(), "these are no tables at all".repeat(100)).unwrap();
        }
    }
    let findings = examined(&doctor, &config, "a damaged database").await;
    assert_eq!(faults(&findings), ["database_unreachable"]);

    let url = "postgres://confab:not-to-be-said@127.0.0.1:9/confab";
    let away = Config {
        database: Some(DatabaseUrl::new(url)),
        ..config
    };
    let findings = examined(&doctor, &away, "PostgreSQL is away").await;
    assert_eq!(faults(&findings), ["database_unreachable"]);
    let said = format!("{findings:?}");
    assert!(said.contains("confab@127.0.0.1:9/confab") && !said.contains("not-to-be-said"));
}

#[tokio::test]
async fn udp_that_does_not_come_through() {
    // As behind a router that passes TCP on and not UDP.
    let pair = Pair::new(60);
    let (_server, config) = served(|c| pair.serve(c)).await;
    let outside = SocketAddr::from(([127, 0, 0, 2], config.listen.port()));
    forward(outside, config.listen, |_| None).await;
    let doctor = Doctor {
        resolve: at("127.0.0.2"),
        ..pair.doctor()
    };
    let findings = examined(&doctor, &config, "UDP is closed").await;
    assert_eq!(faults(&findings), ["udp_closed"], "{findings:#?}");
    // The same from another machine.
    let url = config.public_url.clone().unwrap();
    let findings = doctor.examine_url(&url).await;
    assert_eq!(faults(&findings), ["udp_closed"], "{findings:#?}");
}

#[tokio::test]
async fn a_wrong_public_address() {
    let pair = Pair::new(60);
    let (_server, config) = served(|c| {
        pair.serve(c);
        c.media.address = Some(c.listen.ip());
        c.media.public_addresses = at("127.0.0.9");
    })
    .await;
    let findings = examined(&pair.doctor(), &config, "wrong public address").await;
    assert_eq!(faults(&findings), ["public_address_wrong"], "{findings:#?}");
}

#[tokio::test]
async fn an_expired_certificate() {
    let pair = Pair::new(-2);
    let (_server, config) = served(|c| pair.serve(c)).await;
    let findings = examined(&pair.doctor(), &config, "expired certificate").await;
    assert_eq!(faults(&findings), ["certificate_expired"], "{findings:#?}");
}

#[tokio::test]
async fn a_certificate_by_acme_is_looked_at_while_the_server_runs_and_while_it_does_not() {
    let pair = Pair::new(60);
    let (server, config) = served(|c| pair.keep(c)).await;
    let place = confab_probe::Place {
        https: true,
        host: NAME.to_owned(),
        port: config.listen.port(),
    };
    let seen = confab_probe::ask_web(&place, config.listen).await;
    let dates = seen.info.unwrap().certificate.expect("its dates are told");
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let days = |until: u64| (until / 1000).saturating_sub(now) / 86_400;
    assert!((58..=60).contains(&days(dates.until)), "{dates:?}");
    let findings = examined(&pair.doctor(), &config, "nothing, with ACME").await;
    assert!(is_well(&findings), "{findings:#?}");
    server.running.shutdown().await;

    let old = Pair::new(-2);
    let mut config = config;
    old.keep(&mut config);
    let findings = examined(&old.doctor(), &config, "ACME failed for long, server down").await;
    let codes: Vec<&str> = findings.iter().map(|f| f.code).collect();
    assert!(codes.contains(&"certificate_expired"), "{findings:#?}");
}

#[tokio::test]
async fn a_name_that_leads_elsewhere() {
    let pair = Pair::new(60);
    let (_server, config) = served(|c| pair.serve(c)).await;
    // To another Confab, which has an expired certificate: that is nobody's business here.
    let other = Pair::new(-2);
    let (_other, _) = served(|c| {
        c.listen = SocketAddr::from(([127, 0, 0, 9], config.listen.port()));
        other.serve(c);
    })
    .await;
    let mut doctor = pair.doctor();
    doctor.resolve = at("127.0.0.9");
    let findings = examined(&doctor, &config, "the name leads elsewhere").await;
    assert_eq!(faults(&findings), ["dns_wrong_address"], "{findings:#?}");
    // Nowhere.
    doctor.resolve.clear();
    let findings = examined(&doctor, &config, "the name leads nowhere").await;
    assert_eq!(faults(&findings), ["dns_no_address"], "{findings:#?}");
}

#[tokio::test]
async fn a_clock_off_by_ten_minutes() {
    let pair = Pair::new(60);
    let (_server, config) = served(|c| pair.serve(c)).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut doctor = pair.doctor();
    doctor.time_server = Some(socket.local_addr().unwrap().to_string());
    tokio::spawn(async move {
        let mut buffer = [0; 128];
        while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
            if let Some(answer) = sntp::answer(&buffer[..n], now - 600.0) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    let findings = examined(&doctor, &config, "a clock off by ten minutes").await;
    assert_eq!(faults(&findings), ["clock_off"], "{findings:#?}");
    let said = &findings
        .iter()
        .find(|f| f.code == "clock_off")
        .unwrap()
        .said;
    assert!(said.contains("10 minutes ahead"), "{said}");
}

/// As proxies do that were never told of WebSockets.
fn without_upgrades(request: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(request).to_lowercase();
    text.contains("upgrade: websocket")
        .then_some("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn a_proxy_that_drops_websockets() {
    let outside = SocketAddr::from(([127, 0, 0, 2], free_port()));
    let (_server, config) = served(|c| {
        c.behind_proxy = true;
        c.public_url = Some(format!("http://{outside}"));
    })
    .await;
    forward(outside, config.listen, without_upgrades).await;
    let findings = examined(&Doctor::default(), &config, "a proxy drops WebSockets").await;
    assert_eq!(faults(&findings), ["websocket_dropped"], "{findings:#?}");
}

#[tokio::test]
async fn several_causes_at_once_are_all_named() {
    let pair = Pair::new(-2);
    let (_server, config) = served(|c| pair.serve(c)).await;
    let outside = SocketAddr::from(([127, 0, 0, 2], config.listen.port()));
    forward(outside, config.listen, |_| None).await;
    let doctor = Doctor {
        resolve: at("127.0.0.2"),
        ..pair.doctor()
    };
    let findings = examined(&doctor, &config, "two at once").await;
    assert_eq!(faults(&findings), ["certificate_expired", "udp_closed"]);
}

fn doctor(arguments: &[&str], config: &Path) -> (Option<i32>, serde_json::Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_confab-server"))
        .env_remove("CONFAB_CONFIG")
        .arg("doctor")
        .args(arguments)
        .arg("--json")
        .arg("--config")
        .arg(config)
        .output()
        .unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), said)
}

#[tokio::test]
async fn the_command_answers_by_its_exit_and_in_json() {
    let (server, config) = served(|_| {}).await;
    let file = server.dir.path().join("confab.toml");
    let text = format!(
        "listen = \"{}\"\ndata_dir = \"{}\"\n",
        config.listen,
        config.data_dir.display()
    );
    std::fs::write(&file, &text).unwrap();
    let asked = file.clone();
    let (exit, said) = tokio::task::spawn_blocking(move || doctor(&[], &asked))
        .await
        .unwrap();
    assert_eq!(exit, Some(0), "{said}");
    assert_eq!(said[0]["code"], "config_ok");
    std::fs::write(&file, format!("{text}lisen = 1\n")).unwrap();
    let (exit, said) = tokio::task::spawn_blocking(move || doctor(&[], &file))
        .await
        .unwrap();
    assert_eq!(exit, Some(1));
    assert_eq!(said[0]["code"], "config_bad");
    assert!(
        said[0]["said"].as_str().unwrap().contains("confab.toml:3"),
        "{said}"
    );
}

/// Off the test's runtime: this client blocks. Status and body.
async fn call(request: ureq::http::Request<Vec<u8>>) -> (u16, Vec<u8>) {
    tokio::task::spawn_blocking(move || {
        let agent = ureq::Agent::config_builder().http_status_as_error(false);
        let answer = agent.build().new_agent().run(request).unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().into_with_config().limit(4 << 20);
        (status, body.read_to_vec().unwrap())
    })
    .await
    .unwrap()
}

fn ask(server: &Server, method: &str, path: &str, body: Vec<u8>) -> ureq::http::Request<Vec<u8>> {
    ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", server.http()))
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}

#[tokio::test]
async fn a_check_connects_by_udp_and_by_tcp_without_a_meeting() {
    let server = Server::start().await;
    for wanted in [Protocol::Udp, Protocol::Tcp] {
        let driver = Driver::start(DriverConfig::new("check")).unwrap();
        driver.create_offer(MediaPlan {
            sends: vec![],
            audio_slots: 1,
            video_slots: 0,
        });
        let offer = wait(&driver, |e| match e {
            DriverEvent::Offer(offer) => Some(offer),
            _ => None,
        })
        .await;
        let offer = serde_json::to_vec(&CheckOffer { sdp: offer.sdp }).unwrap();
        let (status, body) = call(ask(&server, "POST", "/check/connection", offer)).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let answer: CheckAnswer = serde_json::from_slice(&body).unwrap();
        // As the page does: the candidates of one transport only.
        let other = match wanted {
            Protocol::Udp => " tcp ",
            Protocol::Tcp => " udp ",
        };
        let is_tried =
            |l: &&str| !l.starts_with("a=candidate:") || !l.to_lowercase().contains(other);
        let lines: Vec<&str> = answer.sdp.split("\r\n").filter(is_tried).collect();
        driver.accept_answer(lines.join("\r\n"));
        let path = wait(&driver, |e| match e {
            DriverEvent::Connected { path } => Some(path),
            _ => None,
        })
        .await;
        assert_eq!(path, wanted);
    }
}

async fn wait<T>(
    driver: &confab_transport::driver::DriverHandle,
    wanted: impl Fn(DriverEvent) -> Option<T>,
) -> T {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = driver.events.try_iter().find_map(&wanted) {
            return found;
        }
        assert!(Instant::now() < until, "the transport does not answer");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn questions_of_a_check_are_answered_to_our_own_page_and_counted() {
    let server = Server::start().await;
    let (status, body) = call(ask(&server, "GET", "/check/info", vec![])).await;
    let info: CheckInfo = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, info.udp_port),
        (200, server.running.udp_addr.port())
    );
    assert_eq!(info.tcp_port, Some(server.http().port()));
    let (_, again) = call(ask(&server, "GET", "/check/info", vec![])).await;
    let again: CheckInfo = serde_json::from_slice(&again).unwrap();
    assert_eq!(again.instance, info.instance);

    let (status, body) = call(ask(&server, "GET", "/check/payload", vec![])).await;
    assert_eq!((status, body.len()), (200, CHECK_PAYLOAD));
    let (status, _) = call(ask(&server, "POST", "/check/payload", vec![7; 100_000])).await;
    assert_eq!(status, 204);
    let (status, _) = call(ask(
        &server,
        "POST",
        "/check/payload",
        vec![7; CHECK_PAYLOAD + 1],
    ))
    .await;
    assert_eq!(status, 413);

    let mut elsewhere = ask(
        &server,
        "POST",
        "/check/connection",
        b"{\"sdp\":\"\"}".to_vec(),
    );
    let evil = "https://evil.example".parse().unwrap();
    elsewhere.headers_mut().insert("origin", evil);
    assert_eq!(call(elsewhere).await.0, 403);
    let nonsense = || {
        ask(
            &server,
            "POST",
            "/check/connection",
            b"{\"sdp\":\"nonsense\"}".to_vec(),
        )
    };
    assert_eq!(call(nonsense()).await.0, 400);
    let mut refused = 0;
    for _ in 0..30 {
        refused += u32::from(call(nonsense()).await.0 == 429);
    }
    assert!(refused > 0, "one address may not go on for ever");
}
