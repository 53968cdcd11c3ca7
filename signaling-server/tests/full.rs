//! A disk that is full, as a small file system in a mount namespace of the server's own: the meeting goes on, what it could not
//! write is written when there is room, and meanwhile no files are taken. Needs root; elsewhere it says so and checks nothing.
#![cfg(target_os = "linux")]

mod common;

use common::process::{Process, confab, done};
use common::{Invitation, Person, hello};
use confab_protocol::{Code, ErrorBody, MeetingId, Request};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Megabytes of the disk.
const DISK: u32 = 16;

/// The server on a disk of its own, and the way to that disk from here.
struct Small {
    server: Process,
    disk: PathBuf,
    config: PathBuf,
}

/// `None`, and a word about it, where nothing can be mounted.
fn start(dir: &Path) -> Option<Small> {
    let mount = dir.join("disk");
    std::fs::create_dir(&mount).unwrap();
    let script = format!(
        "mount -t tmpfs -o size={DISK}m tmpfs '{}' && exec \"$@\"",
        mount.display()
    );
    let inside = |command: &[&str]| {
        let mut run = Command::new("unshare");
        run.args(["--mount", "sh", "-c", script.as_str(), "sh"]);
        run.args(command);
        run
    };
    let can = inside(&["true"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("not checked: no file system can be mounted here; it takes root");
        return None;
    }
    let config = dir.join("confab.toml");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata_dir = \"{}/data\"\n[media]\naddress = \"127.0.0.1\"\nworkers = 1\n[files]\nmin_free_mb = 2\n",
        mount.display()
    );
    std::fs::write(&config, text).unwrap();
    let program = confab().get_program().to_owned();
    let program = program.to_str().unwrap();
    let server = Process::start(
        inside(&[program, "serve", "--config", config.to_str().unwrap()])
            .env_remove("CONFAB_CONFIG")
            .stderr(std::fs::File::create(dir.join("log")).unwrap()),
    );
    // `unshare`, `sh` and the server are one process: each has taken the other's place.
    let root = PathBuf::from(format!("/proc/{}/root", server.child.id()));
    let disk = root.join(mount.strip_prefix("/").unwrap());
    Some(Small {
        server,
        disk,
        config,
    })
}

impl Small {
    async fn meeting(&self) -> Invitation {
        let url = format!("http://{}/api/v1/meetings", self.server.address);
        let (status, body) =
            post(url, &[("content-type", "application/json")], b"{}".to_vec()).await;
        assert_eq!(status, 201, "{body}");
        let made: confab_protocol::MeetingCreated = serde_json::from_str(&body).unwrap();
        Invitation::from(made)
    }

    /// Writes until nothing more fits in.
    fn fill(&self) {
        let mut filler = std::fs::File::create(self.disk.join("filler")).unwrap();
        for size in [1 << 20, 4096, 512, 1] {
            while filler.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.disk.join("filler")).unwrap();
    }
}

async fn post(url: String, headers: &[(&'static str, &str)], body: Vec<u8>) -> (u16, String) {
    let mut request = ureq::http::Request::post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).unwrap();
    let run = move || {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent();
        let answer = agent.run(request).unwrap();
        let status = answer.status().as_u16();
        (status, answer.into_body().read_to_string().unwrap())
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn upload(small: &Small, meeting: &MeetingId, by: &Person) -> (u16, Option<Code>) {
    let address = small.server.address;
    let url = format!("http://{address}/api/v1/meetings/{meeting}/files?name=a");
    let seat = format!("{}:{}", by.id.0, by.token);
    let headers = [
        ("x-seat", seat.as_str()),
        ("content-type", "application/octet-stream"),
    ];
    let (status, body) = post(url, &headers, vec![7; 1000]).await;
    let code = serde_json::from_str::<ErrorBody>(&body)
        .ok()
        .map(|e| e.code);
    (status, code)
}

fn text(n: usize) -> String {
    format!("{n} {}", "x".repeat(900))
}

#[tokio::test]
async fn a_full_disk_stops_uploads_and_no_meeting() {
    let dir = tempfile::tempdir().unwrap();
    let Some(small) = start(dir.path()) else {
        return;
    };
    let address = small.server.address;
    let meeting = small.meeting().await;
    let mut ada = Person::enter(address, hello(&meeting, "Ada"))
        .await
        .unwrap();
    assert_eq!(upload(&small, &meeting.id, &ada).await.0, 201);
    small.fill();

    let refused = upload(&small, &meeting.id, &ada).await;
    assert_eq!(refused, (507, Some(Code::StorageFull)));
    // More than what SQLite has room for in its files as they are: from here on nothing can be written.
    let mut said = 0;
    let log = || std::fs::read_to_string(dir.path().join("log")).unwrap();
    while !log().contains("the disk is full") {
        say(&mut ada, said).await;
        said += 1;
        assert!(said < 5000, "the disk is never full");
    }
    // All goes on: people talk, come and are seen.
    for _ in 0..20 {
        say(&mut ada, said).await;
        said += 1;
    }
    let mut bob = Person::enter(address, hello(&meeting, "Bob"))
        .await
        .unwrap();
    bob.ask(Request::Hand { raised: true }).await.unwrap();
    let seen = ada.socket.snapshot().await;
    assert_eq!(seen.participants.len(), 2);
    let url = format!("http://{address}/api/v1/meetings");
    let (status, body) = post(url, &[("content-type", "application/json")], b"{}".to_vec()).await;
    assert_eq!(status, 507, "{body}");

    small.empty();
    let again = tokio::time::timeout(Duration::from_secs(30), async {
        while !log().contains("the disk has room again") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    again.await.expect("it is written when there is room");
    assert_eq!(upload(&small, &meeting.id, &ada).await.0, 201);
    // What was said meanwhile is in the database, which is backed up out of the namespace and looked at here.
    let archive = dir.path().join("backup.tar");
    let backup = Command::new("nsenter")
        .args(["-m", "-t", &small.server.child.id().to_string()])
        .arg(confab().get_program())
        .arg("backup")
        .arg(&archive)
        .arg("--config")
        .arg(&small.config)
        .env_remove("CONFAB_CONFIG")
        .output();
    done(&backup.unwrap());
    drop(small);
    let restored = dir.path().join("restored");
    let restore = confab()
        .arg("restore")
        .arg(&archive)
        .arg("--data-dir")
        .arg(&restored)
        .output();
    done(&restore.unwrap());
    let options = format!("sqlite:{}", restored.join("confab.sqlite").display());
    let mut database = <sqlx::SqliteConnection as sqlx::Connection>::connect(&options)
        .await
        .unwrap();
    let kept: Vec<String> = sqlx::query_scalar(
        "SELECT json_extract(data, '$.text') FROM chat ORDER BY id DESC LIMIT 20",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let wanted: Vec<String> = (said - 20..said).rev().map(text).collect();
    assert_eq!(kept, wanted);
}

/// Waits where one may say no more in a second.
async fn say(person: &mut Person, n: usize) {
    loop {
        let chat = Request::Chat {
            text: text(n),
            client_id: n.to_string(),
            to: None,
            files: Vec::new(),
        };
        match person.ask(chat).await {
            Ok(_) => return,
            Err(Code::TooFast) => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(code) => panic!("{code}"),
        }
    }
}
