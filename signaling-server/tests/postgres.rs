//! What PostgreSQL has and SQLite has not: it may be elsewhere, gone for a while, and wanted by two servers. All other tests of the
//! server run on it, too, where `CONFAB_TEST_DATABASE` names one (`cargo xtask on-postgres`); without it these have nothing to do.

mod common;

use common::process::{confab, done};
use common::{Server, hello};
use confab_protocol::CreateMeeting;
use confab_server::{Config, DatabaseUrl, start};
use sqlx::{Connection, Executor, PgConnection};
use std::path::Path;
use std::process::Output;
use std::time::Duration;

fn url(dir: &Path) -> Option<DatabaseUrl> {
    Config::ephemeral(dir).database
}

/// Beside the server's database, with what that one is called.
async fn beside(url: &DatabaseUrl) -> (PgConnection, String) {
    let (server, name) = url.secret().rsplit_once("dbname=").unwrap();
    let other = format!("{server}dbname=postgres");
    (
        PgConnection::connect(&other).await.unwrap(),
        name.to_owned(),
    )
}

async fn run(connection: &mut PgConnection, text: String) {
    connection.execute(sqlx::AssertSqlSafe(text)).await.unwrap();
}

fn end_all(name: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
}

async fn ready(server: &Server) -> u16 {
    let url = format!("http://{}/readyz", server.http());
    let ask = move || match ureq::get(url).call() {
        Ok(answer) => answer.status().as_u16(),
        Err(ureq::Error::StatusCode(code)) => code,
        Err(error) => panic!("{error}"),
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_has_one_database_and_the_command_line_works_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    if url(dir.path()).is_none() {
        return;
    }
    let config = Config::ephemeral(dir.path());
    let first = start(config.clone()).await.unwrap();
    let second = start(config.clone()).await.err().unwrap().to_string();
    assert!(second.contains("database_in_use: "), "{second}");
    let offline = confab_server::Offline::open(&config).await.unwrap();
    let made = offline.create_meeting(CreateMeeting::default()).await;
    let id = made.unwrap().id;
    assert_eq!(offline.meetings(9).await.unwrap().len(), 1);
    offline.close().await.unwrap();
    let address = first.http_addr;
    let url = format!("http://{address}/api/v1/meetings/{id}");
    let seen = tokio::task::spawn_blocking(move || ureq::get(url).call().map(|a| a.status()));
    assert_eq!(seen.await.unwrap().unwrap().as_u16(), 200);
    first.shutdown().await;
    start(config).await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_gone_writes_wait_and_the_server_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let Some(url) = url(dir.path()) else {
        return;
    };
    let server = Server {
        running: start(Config::ephemeral(dir.path())).await.unwrap(),
        dir,
    };
    let meeting = server.meeting().await;
    let mut person = common::Person::enter(server.http(), hello(&meeting, "Ada"))
        .await
        .unwrap();
    assert_eq!(ready(&server).await, 200);
    let (mut beside, name) = beside(&url).await;
    let allow = |yes: bool| format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {yes}");
    run(&mut beside, allow(false)).await;
    run(&mut beside, end_all(&name)).await;
    let chat = confab_protocol::Request::Chat {
        client_id: "1".into(),
        text: "said while it was gone".into(),
        to: None,
        files: Vec::new(),
    };
    let asked = person.socket.send(chat).await;
    // What was seen before holds for two seconds.
    let down = async {
        while ready(&server).await != 503 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // As every client does, so that the server does not take her for gone.
    let alive = async {
        loop {
            person.socket.send(confab_protocol::Request::Ping).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let down = async {
        tokio::select! { () = down => {}, () = alive => {} }
    };
    tokio::time::timeout(Duration::from_secs(30), down)
        .await
        .expect("not ready without its database");
    run(&mut beside, allow(true)).await;
    loop {
        person.socket.send(confab_protocol::Request::Ping).await;
        let half = Duration::from_millis(500);
        if let Ok(said) = tokio::time::timeout(half, person.socket.answer(asked)).await {
            said.expect("said yes to in the end");
            break;
        }
    }
    let mut seen = 0;
    for _ in 0..100 {
        seen = ready(&server).await;
        if seen == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(seen, 200);
    let Server { running, dir } = server;
    running.shutdown().await;
    let again = start(Config::ephemeral(dir.path())).await.unwrap();
    let bob = common::Person::enter(again.http_addr, hello(&meeting, "Bob")).await;
    let bob = bob.unwrap();
    let chat = &common::told(&bob.welcome).chat;
    assert_eq!(chat.len(), 1);
    again.shutdown().await;
}

fn command(config: &Path, args: &[&str]) -> Output {
    let mut command = confab();
    command.args(args).arg("--config").arg(config);
    command.output().unwrap()
}

#[test]
fn migrate_db_takes_all_there_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let Some(url) = url(&data) else {
        return;
    };
    let file = dir.path().join("confab.toml");
    let text = format!("data_dir = {data:?}\n");
    std::fs::write(&file, &text).unwrap();
    let none = command(&file, &["migrate-db", "--to", url.secret()]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("no_database: "));
    common::process::new_meeting(&file);
    let before = done(&command(&file, &["meeting", "list"]));
    let said = done(&command(&file, &["migrate-db", "--to", url.secret()]));
    assert!(said.contains("All tables are there"), "{said}");
    let full = command(&file, &["migrate-db", "--to", url.secret()]);
    assert!(String::from_utf8_lossy(&full.stderr).contains("database_not_empty: "));
    let with = format!("{text}database = {:?}\n", url.secret());
    std::fs::write(&file, &with).unwrap();
    assert_eq!(done(&command(&file, &["meeting", "list"])), before);
    common::process::new_meeting(&file);
    let more = done(&command(&file, &["meeting", "list"]));
    let back = format!("sqlite:{}", dir.path().join("data/back.sqlite").display());
    done(&command(&file, &["migrate-db", "--to", &back]));
    std::fs::rename(data.join("back.sqlite"), data.join("confab.sqlite")).unwrap();
    std::fs::write(&file, &text).unwrap();
    assert_eq!(done(&command(&file, &["meeting", "list"])), more);
}
