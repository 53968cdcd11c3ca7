//! All rows of all tables from one database into another of the same level, whichever kind they are of, counted and compared.

use super::StoreError;
use super::migrations::migrate;
use super::sql::{self, Connection, Kind, Options, Row, Value};
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnectOptions;

/// Rows of one statement.
const ROWS: usize = 100;

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub table: String,
    pub rows: u64,
    /// Hex, over all rows in whatever order.
    pub hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<(String, Kind)>,
    /// Gives out its numbers itself.
    numbers: Option<String>,
    /// Tables whose rows must be there before its own.
    refers: Vec<String>,
}

/// The tables of a level, ordered so that none refers to a later one.
pub(super) async fn tables(level: i64) -> Result<Vec<Table>, StoreError> {
    let options = SqliteConnectOptions::new().in_memory(true);
    let mut model = Options::Sqlite(Box::new(options)).connect().await?;
    migrate(&mut model, level).await?;
    let names = sql::query_scalar::<String>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' \
         AND name NOT LIKE 'sqlite%' ORDER BY rowid",
    );
    let mut all = Vec::new();
    for name in names.fetch_all(&mut model).await? {
        let columns = sql::query("SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid");
        let mut table = Table {
            name: name.clone(),
            columns: Vec::new(),
            numbers: None,
            refers: Vec::new(),
        };
        let refers =
            sql::query_scalar::<String>("SELECT \"table\" FROM pragma_foreign_key_list(?)");
        table.refers = refers.bind(&name).fetch_all(&mut model).await?;
        let mut keys = Vec::new();
        for row in columns.bind(&name).fetch_all(&mut model).await? {
            let (column, kind): (String, String) = (row.try_get("name")?, row.try_get("type")?);
            if row.try_get::<i64, _>("pk")? > 0 {
                keys.push((column.clone(), kind == "INTEGER"));
            }
            let kind = match kind.as_str() {
                "INTEGER" | "BIGINT" => Kind::Int,
                "TEXT" => Kind::Text,
                _ => Kind::Blob,
            };
            table.columns.push((column, kind));
        }
        if let [(column, true)] = keys.as_slice() {
            table.numbers = Some(column.clone());
        }
        all.push(table);
    }
    model.close().await?;
    Ok(in_order(all))
}

/// A migration may let an older table refer to a newer one.
fn in_order(mut left: Vec<Table>) -> Vec<Table> {
    let mut placed: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |table: &Table| {
            let mut others = table.refers.iter().filter(|name| **name != table.name);
            others.all(|name| placed.iter().any(|there| there.name == *name))
        };
        // In a circle any is as good as another.
        let at = left.iter().position(is_free).unwrap_or(0);
        placed.push(left.remove(at));
    }
    placed
}

/// Refuses a database in which there is anything.
pub(super) async fn empty(connection: &mut Connection, of: &Options) -> Result<(), StoreError> {
    for table in tables(super::migrations::newest()).await? {
        let count = format!("SELECT count(*) FROM \"{}\"", table.name);
        let count = sql::query_scalar::<i64>(AssertSqlSafe(count));
        if count.fetch_one(&mut *connection).await? > 0 {
            return Err(StoreError::NotEmpty(super::place::said(of)));
        }
    }
    Ok(())
}

/// Copies within the transactions that are open on both sides, and fails where a table is not the same afterwards.
pub(super) async fn transfer(
    from: &mut Connection,
    to: &mut Connection,
    level: i64,
) -> Result<Vec<Moved>, StoreError> {
    let mut moved = Vec::new();
    for table in tables(level).await? {
        let sent = send(from, to, &table).await?;
        let mut arrived = Sum::default();
        {
            let mut rows = select(&table).fetch(&mut *to)?;
            while let Some(row) = rows.try_next().await? {
                arrived.add(&row);
            }
        }
        if sent != arrived {
            return Err(StoreError::Differs { table: table.name });
        }
        go_on(to, &table).await?;
        moved.push(Moved {
            rows: sent.rows,
            hash: sent.hex(),
            table: table.name,
        });
    }
    Ok(moved)
}

fn select(table: &Table) -> sql::Query {
    let text = format!("SELECT {} FROM \"{}\"", names(table), table.name);
    sql::query(AssertSqlSafe(text))
}

fn names(table: &Table) -> String {
    let quoted = table.columns.iter().map(|(name, _)| format!("\"{name}\""));
    quoted.collect::<Vec<_>>().join(", ")
}

async fn send(
    from: &mut Connection,
    to: &mut Connection,
    table: &Table,
) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    let mut rows = select(table).fetch(from)?;
    let mut waiting = Vec::with_capacity(ROWS);
    loop {
        let row = rows.try_next().await?;
        if let Some(row) = &row {
            sum.add(row);
        }
        let over = row.is_none();
        waiting.extend(row);
        if waiting.len() == ROWS || (over && !waiting.is_empty()) {
            insert(to, table, &waiting).await?;
            waiting.clear();
        }
        if over {
            return Ok(sum);
        }
    }
}

async fn insert(to: &mut Connection, table: &Table, rows: &[Row]) -> Result<(), StoreError> {
    let places = vec!["?"; table.columns.len()].join(", ");
    let places = vec![format!("({places})"); rows.len()].join(", ");
    let text = format!(
        "INSERT INTO \"{}\" ({}) VALUES {places}",
        table.name,
        names(table)
    );
    let mut insert = sql::query(AssertSqlSafe(text));
    for row in rows {
        for ((_, value), (_, kind)) in row.columns().zip(&table.columns) {
            // A NULL of SQLite does not say of what.
            insert = insert.bind(match value.is_null() {
                true => Value::null(*kind),
                false => value.clone(),
            });
        }
    }
    insert.execute(to).await?;
    Ok(())
}

/// The next number that the table gives out is one above those it has, as in SQLite.
async fn go_on(to: &mut Connection, table: &Table) -> Result<(), StoreError> {
    let Some(column) = table.numbers.as_ref().filter(|_| to.is_postgres()) else {
        return Ok(());
    };
    let text = format!(
        "SELECT setval(pg_get_serial_sequence('\"{0}\"', '{column}'), (SELECT max(\"{column}\") FROM \"{0}\")) \
         WHERE EXISTS (SELECT 1 FROM \"{0}\")",
        table.name
    );
    sql::query(AssertSqlSafe(text)).execute(to).await?;
    Ok(())
}

/// Rows, and the sum of their hashes: the same in whatever order they come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    lanes: [u64; 4],
}

impl Sum {
    fn add(&mut self, row: &Row) {
        let mut hash = Sha256::new();
        for (name, value) in row.columns() {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            let (kind, bytes) = match value {
                value if value.is_null() => (0, Vec::new()),
                Value::Int(number) => (1, number.unwrap_or_default().to_le_bytes().to_vec()),
                Value::Text(text) => (2, text.clone().unwrap_or_default().into_bytes()),
                Value::Blob(bytes) => (3, bytes.clone().unwrap_or_default()),
            };
            hash.update([kind]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        self.rows += 1;
        let hash: [u8; 32] = hash.finalize().into();
        for (lane, bytes) in self.lanes.iter_mut().zip(hash.chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            *lane = lane.wrapping_add(u64::from_le_bytes(word));
        }
    }

    fn hex(&self) -> String {
        self.lanes
            .iter()
            .map(|lane| format!("{lane:016x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests;
