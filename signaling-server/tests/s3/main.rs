//! Files in a bucket, which another make of S3 holds (moto) behind a door that checks signatures (botocore): up, down, in parts, gone,
//! backed up and put back; and what people are told where the bucket does not let us in.

#[path = "../common/mod.rs"]
mod common;

use common::{Invitation, Person, Server};
use confab_protocol::{Code, ErrorBody, FileId, Request, SharedFile};
use confab_server::backup::{backup, restore};
use confab_server::{Config, start};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const KEY: &str = "AKIATESTS";
const SECRET: &str = "a+secret/with=signs";
const BUCKET: &str = "confab-tests";

/// Ends when it is dropped.
struct Bucket {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

fn python() -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    cache.join("confab/tools/bin/python")
}

impl Bucket {
    /// `None`, and a word about it, where the Python package is missing; `./confab test` brings it.
    fn start() -> Option<Bucket> {
        let there = Command::new(python())
            .args(["-c", "import moto.moto_server.werkzeug_app, boto3"])
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            eprintln!("not checked: the Python package moto is missing; ./confab test brings it");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/s3/bucket.py");
        let mut child = Command::new(python())
            .arg(script)
            .args([&port.to_string(), KEY, SECRET, BUCKET])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
        std::fs::write(folder.path().join("wrong"), "another").unwrap();
        Some(Bucket {
            child,
            port,
            folder,
        })
    }

    fn config(&self, config: &mut Config, secret: &str) {
        let s3 = &mut config.files.s3;
        s3.endpoint = Some(format!("http://127.0.0.1:{}", self.port));
        s3.bucket = Some(BUCKET.into());
        s3.prefix = "meetings/".into();
        s3.access_key = Some(KEY.into());
        s3.secret_key_file = Some(self.folder.path().join(secret));
        config.files.max_mb = 20;
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    fn code(&self) -> Code {
        let body: ErrorBody = serde_json::from_slice(&self.body).unwrap();
        body.code
    }
}

async fn call(request: ureq::http::Request<Vec<u8>>) -> Answer {
    let run = move || {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent();
        let answer = match request.body().is_empty() {
            true => agent.run(request.map(|_| ())),
            false => agent.run(request),
        };
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        let mut body = answer.into_body();
        let body = body.with_config().limit(100 << 20).read_to_vec().unwrap();
        Answer { status, body }
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn seat(person: &Person) -> String {
    format!("{}:{}", person.id.0, person.token)
}

async fn upload(server: &Server, meeting: &Invitation, by: &Person, bytes: Vec<u8>) -> Answer {
    let url = format!(
        "http://{}/api/v1/meetings/{}/files?name=a",
        server.http(),
        meeting.id
    );
    let request = ureq::http::Request::post(url)
        .header("x-seat", seat(by))
        .header("content-type", "application/octet-stream");
    call(request.body(bytes).unwrap()).await
}

async fn download(
    server: &Server,
    meeting: &Invitation,
    by: &Person,
    file: &FileId,
    range: &str,
) -> Answer {
    let url = format!(
        "http://{}/api/v1/meetings/{}/files/{file}",
        server.http(),
        meeting.id
    );
    let mut request = ureq::http::Request::get(url).header("x-seat", seat(by));
    if !range.is_empty() {
        request = request.header("range", range);
    }
    call(request.body(Vec::new()).unwrap()).await
}

async fn shared(server: &Server, meeting: &Invitation, by: &mut Person, bytes: Vec<u8>) -> FileId {
    let up = upload(server, meeting, by, bytes).await;
    assert_eq!(up.status, 201, "{}", String::from_utf8_lossy(&up.body));
    let file: SharedFile = serde_json::from_slice(&up.body).unwrap();
    let chat = Request::Chat {
        text: String::new(),
        client_id: file.id.to_string(),
        to: None,
        files: vec![file.id.clone()],
    };
    by.ask(chat).await.unwrap();
    file.id
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 % 251) as u8).collect()
}

#[tokio::test]
async fn files_lie_in_the_bucket_and_nowhere_else() {
    let Some(bucket) = Bucket::start() else {
        return;
    };
    let server = Server::start_with(|config| bucket.config(config, "secret")).await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let large = bytes(12_000_000);
    let file = shared(&server, &meeting, &mut ada, large.clone()).await;
    let got = download(&server, &meeting, &ada, &file, "").await;
    assert_eq!((got.status, got.body == large), (200, true));
    let part = download(&server, &meeting, &ada, &file, "bytes=5000000-5000099").await;
    assert_eq!(part.status, 206);
    assert_eq!(part.body, large[5_000_000..5_000_100]);
    let last = download(&server, &meeting, &ada, &file, "bytes=-7").await;
    assert_eq!(last.body, large[large.len() - 7..]);
    assert!(!server.dir.path().join("files").exists());

    // A backup takes them out of the bucket, and puts them onto a disk, or into a bucket, as the new server wants.
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("backup.tar");
    let mut config = Config::ephemeral(server.dir.path());
    bucket.config(&mut config, "secret");
    let made = backup(&config, None, &archive).await.unwrap();
    assert_eq!((made.files, made.changed.len()), (1, 0));
    let secret = made
        .outside
        .iter()
        .find(|o| o.key == "files.s3.secret_key_file");
    assert!(secret.is_some(), "{:?}", made.outside);
    let local = Config::ephemeral(dir.path().join("local"));
    restore(&local, &archive).await.unwrap();
    let there = std::fs::read(local.data_dir.join("files").join(file.as_str())).unwrap();
    assert!(there == large);
    let mut elsewhere = Config::ephemeral(dir.path().join("elsewhere"));
    bucket.config(&mut elsewhere, "secret");
    elsewhere.files.s3.prefix = "restored/".into();
    let restored = restore(&elsewhere, &archive).await.unwrap();
    assert_eq!(restored.files, 1);
    let there = Server {
        running: start(elsewhere).await.unwrap(),
        dir,
    };
    let ada_there = Person::enter(there.http(), ada.resume(&meeting, 0))
        .await
        .unwrap();
    let got = download(&there, &meeting, &ada_there, &file, "").await;
    assert_eq!((got.status, got.body == large), (200, true));
}

#[tokio::test]
async fn what_nobody_needs_is_swept_out_of_the_bucket() {
    let Some(bucket) = Bucket::start() else {
        return;
    };
    let server = Server::start_with(|config| bucket.config(config, "secret")).await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let stays = shared(&server, &meeting, &mut ada, bytes(1000)).await;
    let gone = shared(&server, &meeting, &mut ada, bytes(2000)).await;
    let remove = Request::FileRemove { file: gone.clone() };
    ada.ask(remove).await.unwrap();
    let got = download(&server, &meeting, &ada, &gone, "").await;
    assert_eq!(got.code(), Code::NotFound);
    // The sweep at the next start takes it away.
    let Server { running, dir } = server;
    running.shutdown().await;
    let mut config = Config::ephemeral(dir.path());
    bucket.config(&mut config, "secret");
    let running = start(config).await.unwrap();
    let patience = async {
        while exists(&bucket, &gone).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let swept = tokio::time::timeout(Duration::from_secs(60), patience).await;
    swept.expect("it is swept");
    assert!(exists(&bucket, &stays).await);
    drop(running);
}

/// Asked by other means than the server's: botocore signs.
async fn exists(bucket: &Bucket, file: &FileId) -> bool {
    let script = format!(
        "import boto3, sys, urllib.request, urllib.error\n\
         from botocore.config import Config\n\
         c = boto3.client('s3', endpoint_url='http://127.0.0.1:{}', region_name='us-east-1', aws_access_key_id='{KEY}', \
         aws_secret_access_key='{SECRET}', config=Config(signature_version='s3v4', s3={{'addressing_style': 'path'}}))\n\
         u = c.generate_presigned_url('get_object', Params=dict(Bucket='{BUCKET}', Key='meetings/{file}'))\n\
         try: urllib.request.urlopen(u); print('yes')\n\
         except urllib.error.HTTPError as e: print(e.code)\n",
        bucket.port
    );
    let ask = move || Command::new(python()).args(["-c", &script]).output();
    let said = tokio::task::spawn_blocking(ask).await.unwrap().unwrap();
    match String::from_utf8(said.stdout).unwrap().trim() {
        "yes" => true,
        "404" => false,
        other => panic!("{other} {}", String::from_utf8_lossy(&said.stderr)),
    }
}

#[tokio::test]
async fn a_bucket_that_lets_nobody_in_stops_files_and_nothing_else() {
    let Some(bucket) = Bucket::start() else {
        return;
    };
    let server = Server::start_with(|config| bucket.config(config, "wrong")).await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let refused = upload(&server, &meeting, &ada, bytes(3_000_000)).await;
    assert_eq!((refused.status, refused.code()), (500, Code::Internal));
    ada.say("still here").await;
    drop(bucket);
    let refused = upload(&server, &meeting, &ada, bytes(10)).await;
    assert_eq!((refused.status, refused.code()), (500, Code::Internal));
    ada.say("still here").await;
}
