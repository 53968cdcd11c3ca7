//! One way to speak SQL to SQLite and to PostgreSQL, so that every statement of the store has one text: values go in by `?`, `?1` or
//! `$1`, and come out as integers, texts or bytes, whichever database it is. True is 1. What the dialects do not share is written in
//! the words both know (`ON CONFLICT`, `IS NOT DISTINCT FROM`, `CAST`), and SQLite's functions for JSON are made in PostgreSQL by
//! its first migration.

mod connection;
mod text;
mod value;

pub(crate) use connection::{Connection, On, Options, Pool, Transaction};
pub(crate) use value::{Kind, Row, Value};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Error, Executor, SqlSafeStr, SqlStr};
use std::marker::PhantomData;
use value::{Bind, Column, Foreign};

/// A statement with its values.
pub(crate) struct Query {
    text: SqlStr,
    values: Vec<Value>,
}

/// `text` may be what the programmer wrote; what is put together at run time says that it is safe by [`sqlx::AssertSqlSafe`].
pub(crate) fn query(text: impl SqlSafeStr) -> Query {
    Query {
        text: text.into_sql_str(),
        values: Vec::new(),
    }
}

/// A statement of which the first column is asked for.
pub(crate) fn query_scalar<T: Column>(text: impl SqlSafeStr) -> Scalar<T> {
    Scalar(query(text), PhantomData)
}

/// Rows that a statement changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done(u64);

impl Done {
    pub(crate) fn rows_affected(self) -> u64 {
        self.0
    }
}

/// Runs `$body` with the statement and what runs it, in whichever database.
macro_rules! on {
    ($self:ident, $on:expr, $query:ident, $at:ident => $body:expr) => {
        match $on {
            On::Pool(Pool::Sqlite($at)) => {
                let $query = $self.sqlite()?;
                $body
            }
            On::Pool(Pool::Postgres($at)) => {
                let $query = $self.postgres()?;
                $body
            }
            On::One(Connection::Sqlite(at)) => {
                let ($query, $at) = ($self.sqlite()?, &mut **at);
                $body
            }
            On::One(Connection::Postgres(at)) => {
                let ($query, $at) = ($self.postgres()?, &mut **at);
                $body
            }
        }
    };
}

impl Query {
    pub(crate) fn bind(mut self, value: impl Bind) -> Query {
        self.values.push(value.value());
        self
    }

    pub(crate) async fn execute<'a>(self, on: impl Into<On<'a>>) -> Result<Done, Error> {
        on!(self, on.into(), query, at => Ok(Done(query.execute(at).await?.rows_affected())))
    }

    pub(crate) async fn fetch_all<'a>(self, on: impl Into<On<'a>>) -> Result<Vec<Row>, Error> {
        on!(self, on.into(), query, at => query.fetch_all(at).await?.iter().map(Foreign::read).collect())
    }

    pub(crate) async fn fetch_optional<'a>(
        self,
        on: impl Into<On<'a>>,
    ) -> Result<Option<Row>, Error> {
        on!(self, on.into(), query, at => query.fetch_optional(at).await?.map(|row| row.read()).transpose())
    }

    /// Row by row, for what may be more than fits into memory.
    pub(crate) fn fetch<'a>(
        self,
        on: impl Into<On<'a>>,
    ) -> Result<BoxStream<'a, Result<Row, Error>>, Error> {
        let read = |row: Result<SqliteRow, Error>| row?.read();
        let read_postgres = |row: Result<PgRow, Error>| row?.read();
        Ok(match on.into() {
            On::Pool(Pool::Sqlite(at)) => self.sqlite()?.fetch(at).map(read).boxed(),
            On::Pool(Pool::Postgres(at)) => self.postgres()?.fetch(at).map(read_postgres).boxed(),
            On::One(Connection::Sqlite(at)) => self.sqlite()?.fetch(&mut **at).map(read).boxed(),
            On::One(Connection::Postgres(at)) => {
                let rows = self.postgres()?.fetch(&mut **at);
                rows.map(read_postgres).boxed()
            }
        })
    }

    fn sqlite(self) -> Result<sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>, Error> {
        let mut arguments = SqliteArguments::default();
        for value in self.values {
            value.bind_sqlite(&mut arguments)?;
        }
        Ok(sqlx::query_with(self.text, arguments))
    }

    fn postgres(self) -> Result<sqlx::query::Query<'static, sqlx::Postgres, PgArguments>, Error> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            value.bind_postgres(&mut arguments)?;
        }
        let text = text::numbered(self.text.as_str());
        Ok(sqlx::query_with(sqlx::AssertSqlSafe(text), arguments))
    }
}

/// See [`query_scalar`].
pub(crate) struct Scalar<T>(Query, PhantomData<T>);

impl<T: Column> Scalar<T> {
    pub(crate) fn bind(self, value: impl Bind) -> Scalar<T> {
        Scalar(self.0.bind(value), PhantomData)
    }

    pub(crate) async fn fetch_all<'a>(self, on: impl Into<On<'a>>) -> Result<Vec<T>, Error> {
        let rows = self.0.fetch_all(on).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }

    pub(crate) async fn fetch_optional<'a>(
        self,
        on: impl Into<On<'a>>,
    ) -> Result<Option<T>, Error> {
        let row = self.0.fetch_optional(on).await?;
        row.map(|row| row.try_get(0)).transpose()
    }

    pub(crate) async fn fetch_one<'a>(self, on: impl Into<On<'a>>) -> Result<T, Error> {
        self.fetch_optional(on).await?.ok_or(Error::RowNotFound)
    }
}

/// Several statements without values, as a migration has them.
pub(super) async fn script(connection: &mut Connection, text: &'static str) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(at) => at.execute(text).await.map(|_| ()),
        Connection::Postgres(at) => at.execute(text).await.map(|_| ()),
    }
}
