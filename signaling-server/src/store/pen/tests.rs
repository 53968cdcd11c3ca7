//! Connections that break, and a database that two servers want; all of it on a real PostgreSQL, where the tests have one.

use crate::config::{Config, DatabaseUrl};
use crate::store::{Database, Store, StoreError, place, sql};
use crate::traces::Traces;
use confab_protocol::{CreateMeeting, MeetingId};
use std::time::Duration;

fn postgres(dir: &tempfile::TempDir) -> Option<(Config, DatabaseUrl)> {
    let config = Config::ephemeral(dir.path());
    let url = config.database.clone()?;
    Some((config, url))
}

/// In another database of the same server, and what the first is called.
async fn beside(url: &DatabaseUrl) -> (sql::Connection, String) {
    let (server, name) = url.secret().rsplit_once("dbname=").unwrap();
    let other = place::postgres(&format!("{server}dbname=postgres")).unwrap();
    (place::connect(&other).await.unwrap(), name.to_owned())
}

async fn end_all(connection: &mut sql::Connection, name: &str) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ?";
    sql::query(end)
        .bind(name)
        .execute(connection)
        .await
        .unwrap();
}

async fn make(store: &Database) -> Result<MeetingId, StoreError> {
    let (meeting, _) = crate::rooms::new_meeting(CreateMeeting::default()).unwrap();
    let id = meeting.id.clone();
    store.create(meeting).await.map(|()| id)
}

#[tokio::test]
async fn connections_that_break_lose_nothing_and_write_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let Some((config, url)) = postgres(&dir) else {
        return;
    };
    let store = Database::serve(&config, Traces::default()).await.unwrap();
    let (mut beside, name) = beside(&url).await;
    let breaks = async {
        for n in 0..40u64 {
            tokio::time::sleep(Duration::from_millis(n * 7 % 23)).await;
            end_all(&mut beside, &name).await;
        }
    };
    let makes = async || {
        let mut made = Vec::new();
        for _ in 0..60 {
            made.push(make(&store).await.expect("written"));
        }
        made
    };
    let ((), a, b) = tokio::join!(breaks, makes(), makes());
    store.close().await.unwrap();
    let store = Database::open(&config).await.unwrap();
    assert_eq!(store.list(1_000).await.unwrap().len(), 120, "each once");
    for id in a.iter().chain(&b) {
        assert!(store.meeting(id).await.unwrap().is_some(), "{id} is lost");
    }
}

#[tokio::test]
async fn writes_wait_while_the_database_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let Some((config, url)) = postgres(&dir) else {
        return;
    };
    let store = Database::serve(&config, Traces::default()).await.unwrap();
    let (mut beside, name) = beside(&url).await;
    let mut allow = async |yes: bool| {
        let text = format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {yes}");
        let allow = sql::query(sqlx::AssertSqlSafe(text));
        allow.execute(&mut beside).await.unwrap();
        end_all(&mut beside, &name).await;
    };
    allow(false).await;
    let mut write = Box::pin(make(&store));
    let early = tokio::time::timeout(Duration::from_millis(500), &mut write).await;
    assert!(early.is_err(), "it was not written anywhere");
    allow(true).await;
    let id = write.await.unwrap();
    assert!(store.meeting(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn one_server_has_one_database() {
    let dir = tempfile::tempdir().unwrap();
    let Some((config, _)) = postgres(&dir) else {
        return;
    };
    let first = Database::serve(&config, Traces::default()).await.unwrap();
    let second = Database::serve(&config, Traces::default())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(second.starts_with("database_in_use: "), "{second}");
    let beside = Database::open(&config).await.unwrap();
    let id = make(&beside).await.unwrap();
    assert!(first.meeting(&id).await.unwrap().is_some());
    first.close().await.unwrap();
    Database::serve(&config, Traces::default()).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        database: Some(DatabaseUrl::new("postgres://ada:secret@127.0.0.1:9/meet")),
        ..Config::ephemeral(dir.path())
    };
    let said = Database::open(&config).await.err().unwrap().to_string();
    let place = "database_unreachable: ada@127.0.0.1:9/meet: ";
    assert!(said.starts_with(place), "{said}");
    assert!(!said.contains("secret"), "{said}");
}
