//! Both kinds of database have the same tables, and everything comes over in both directions.

use super::*;
use crate::config::{Config, DatabaseUrl};
use crate::store::migrations::newest;
use crate::store::{DATABASE_FILE, Database, Store, place};
use confab_protocol::CreateMeeting;
use std::path::Path;

/// None: these tests have no PostgreSQL.
fn postgres(dir: &Path) -> Option<DatabaseUrl> {
    Config::ephemeral(dir).database
}

fn sqlite(dir: &Path) -> Config {
    Config {
        database: None,
        ..Config::ephemeral(dir)
    }
}

/// Two rows in every table, each value another one; texts that are hard, and empty, and no values where that may be.
async fn fill(file: &Path) -> Vec<Table> {
    let (mut connection, _) = place::open_sqlite(file).await.unwrap();
    let tables = tables(newest()).await.unwrap();
    for off in ["PRAGMA foreign_keys = OFF", "BEGIN"] {
        sql::query(off).execute(&mut connection).await.unwrap();
    }
    for n in [1i64, 2] {
        for table in &tables {
            let values = table.columns.iter().enumerate().map(|(at, (name, kind))| {
                let refers = [
                    "meeting", "account", "board", "call", "webhook", "room", "id",
                ];
                match (kind, refers.contains(&name.as_str())) {
                    (Kind::Int, true) => Value::Int(Some(n)),
                    (Kind::Int, false) => Value::Int(Some(i64::MAX - n * 100 - at as i64)),
                    (Kind::Text, true) => Value::Text(Some(format!("id {n} é会"))),
                    (Kind::Text, false) => {
                        Value::Text(Some(format!("{name} {n} \"'\\?$1 \u{1f389}")))
                    }
                    (Kind::Blob, _) => Value::Blob(Some(vec![0, 255, n as u8])),
                }
            });
            let places = vec!["?"; table.columns.len()].join(", ");
            let text = format!(
                "INSERT INTO \"{}\" ({}) VALUES ({places})",
                table.name,
                names(table)
            );
            let insert = sql::query(AssertSqlSafe(text));
            let insert = values.fold(insert, sql::Query::bind);
            insert.execute(&mut connection).await.unwrap();
        }
    }
    // Some are absent where they may be.
    for text in [
        "UPDATE meeting SET state = NULL, owner = NULL WHERE id LIKE 'id 1%'",
        "UPDATE file SET message = NULL WHERE id LIKE 'id 1%'",
        "UPDATE account SET password = '' WHERE id LIKE 'id 2%'",
        "COMMIT",
    ] {
        sql::query(text).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    tables
}

#[tokio::test]
async fn both_kinds_have_the_same_tables_and_columns() {
    let dir = tempfile::tempdir().unwrap();
    let Some(url) = postgres(dir.path()) else {
        return;
    };
    let (mut connection, _) = place::open_postgres(url.secret()).await.unwrap();
    let text = "SELECT CAST(table_name AS TEXT) AS t, CAST(column_name AS TEXT) AS c, CAST(data_type AS TEXT) AS d, \
        CAST(is_nullable AS TEXT) AS n FROM information_schema.columns \
        WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_%' ORDER BY 1, 2";
    let there = sql::query(text).fetch_all(&mut connection).await.unwrap();
    let there: Vec<[String; 4]> = there
        .iter()
        .map(|row| ["t", "c", "d", "n"].map(|name| row.try_get(name).unwrap()))
        .collect();
    let options = SqliteConnectOptions::new().in_memory(true);
    let mut model = Options::Sqlite(Box::new(options)).connect().await.unwrap();
    migrate(&mut model, newest()).await.unwrap();
    let mut here = Vec::new();
    for table in tables(newest()).await.unwrap() {
        let columns =
            sql::query("SELECT name, type, \"notnull\" AS n, pk FROM pragma_table_info(?)");
        for row in columns
            .bind(&table.name)
            .fetch_all(&mut model)
            .await
            .unwrap()
        {
            let kind = match row.try_get::<String, _>("type").unwrap().as_str() {
                "INTEGER" | "BIGINT" => "bigint",
                "TEXT" => "text",
                "BLOB" => "bytea",
                other => panic!("{other}"),
            };
            let needed: bool = row.try_get("n").unwrap();
            let key: bool = row.try_get("pk").unwrap();
            let nullable = if needed || key { "NO" } else { "YES" };
            let name = row.try_get("name").unwrap();
            here.push([table.name.clone(), name, kind.into(), nullable.into()]);
        }
    }
    here.sort();
    assert_eq!(there, here);
    // And what is unique, and what is found quickly.
    let indexes = "SELECT CAST(count(*) AS BIGINT) FROM pg_indexes WHERE schemaname = current_schema() AND tablename NOT LIKE '\\_%'";
    let there = sql::query_scalar::<i64>(indexes)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let indexes = "SELECT count(*) FROM sqlite_master AS t, pragma_index_list(t.name) AS i WHERE t.type = 'table' AND t.name NOT LIKE '\\_%' ESCAPE '\\'";
    let here = sql::query_scalar::<i64>(indexes)
        .fetch_one(&mut model)
        .await
        .unwrap();
    // Keys that are the row's own number are no index in SQLite.
    let numbers = tables(newest()).await.unwrap();
    let numbers = numbers.iter().filter(|t| t.numbers.is_some()).count();
    assert_eq!(there, here + numbers as i64);
}

#[tokio::test]
async fn everything_comes_to_postgres_and_back_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let Some(url) = postgres(dir.path()) else {
        return;
    };
    let file = dir.path().join(DATABASE_FILE);
    let tables = fill(&file).await;
    let there = Database::import(&file, &url).await.unwrap();
    assert_eq!(there.len(), tables.len());
    assert!(there.iter().all(|moved| moved.rows == 2), "{there:?}");
    let again = Database::import(&file, &url).await.unwrap_err();
    assert!(again.to_string().starts_with("database_not_empty: "));
    let back = dir.path().join("back.sqlite");
    let moved = Database::export_to(&url, &back).await.unwrap();
    assert_eq!(moved, there);
    let full = Database::export_to(&url, &back).await.unwrap_err();
    assert!(full.to_string().starts_with("database_not_empty: "));
    // Numbers go on after those that came.
    let (mut connection, _) = place::open_postgres(url.secret()).await.unwrap();
    let next = "INSERT INTO call (meeting, title, began, ended) SELECT id, 'x', 1, 2 FROM meeting LIMIT 1 RETURNING id";
    let next = sql::query_scalar::<i64>(next)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(next, 3);
}

#[tokio::test]
async fn a_copy_while_it_is_written_to_is_as_of_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::ephemeral(dir.path());
    let store = Database::open(&config).await.unwrap();
    let make = async || {
        let (meeting, _) = crate::rooms::new_meeting(CreateMeeting::default()).unwrap();
        store.create(meeting).await.unwrap();
    };
    for _ in 0..30 {
        make().await;
    }
    let to = dir.path().join("copy.sqlite");
    let go_on = async {
        for _ in 0..30 {
            make().await;
        }
    };
    let (copied, ()) = tokio::join!(Database::copy(&config, &to), go_on);
    assert_eq!(copied.unwrap().level, newest());
    let folder = dir.path().join("elsewhere");
    std::fs::create_dir(&folder).unwrap();
    std::fs::rename(&to, folder.join(DATABASE_FILE)).unwrap();
    let copy = Database::open(&sqlite(&folder)).await.unwrap();
    let meetings = copy.list(99).await.unwrap().len();
    assert!((30..=60).contains(&meetings), "{meetings}");
}
