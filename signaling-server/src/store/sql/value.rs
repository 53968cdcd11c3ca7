//! Values on their way into and out of a database. A NULL that goes in has a kind, which PostgreSQL asks for.

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Column as _, Error, Row as _, TypeInfo, ValueRef};
use std::sync::Arc;

/// What a column holds: integers are 64 bits with a sign, texts are UTF-8, blobs are bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
}

/// What may stand in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Blob,
}

impl Value {
    pub(crate) fn null(kind: Kind) -> Value {
        match kind {
            Kind::Int => Value::Int(None),
            Kind::Text => Value::Text(None),
            Kind::Blob => Value::Blob(None),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(
            self,
            Value::Int(None) | Value::Text(None) | Value::Blob(None)
        )
    }

    pub(super) fn bind_sqlite(self, to: &mut SqliteArguments) -> Result<(), Error> {
        match self {
            Value::Int(value) => to.add(value),
            Value::Text(value) => to.add(value),
            Value::Blob(value) => to.add(value),
        }
        .map_err(Error::Encode)
    }

    /// PostgreSQL has no text with a NUL in it.
    pub(super) fn bind_postgres(self, to: &mut PgArguments) -> Result<(), Error> {
        match self {
            Value::Int(value) => to.add(value),
            Value::Text(Some(value)) if value.contains('\0') => {
                to.add(value.replace('\0', "\u{fffd}"))
            }
            Value::Text(value) => to.add(value),
            Value::Blob(value) => to.add(value),
        }
        .map_err(Error::Encode)
    }
}

/// What can be bound.
pub(crate) trait Bind {
    const KIND: Kind;
    fn value(self) -> Value;
}

macro_rules! bind {
    ($kind:ident, $($from:ty => |$value:ident| $make:expr),* $(,)?) => {
        $(impl Bind for $from {
            const KIND: Kind = Kind::$kind;
            fn value(self) -> Value {
                let $value = self;
                Value::$kind(Some($make))
            }
        })*
    };
}

bind!(Int,
    i64 => |v| v,
    i32 => |v| v.into(),
    u32 => |v| v.into(),
    u16 => |v| v.into(),
    u8 => |v| v.into(),
    bool => |v| v.into(),
);
bind!(Text,
    String => |v| v,
    &String => |v| v.clone(),
    &str => |v| v.to_owned(),
);
bind!(Blob,
    Vec<u8> => |v| v,
    &Vec<u8> => |v| v.clone(),
    &[u8] => |v| v.to_vec(),
);

impl<T: Bind> Bind for Option<T> {
    const KIND: Kind = T::KIND;
    fn value(self) -> Value {
        self.map_or(Value::null(T::KIND), T::value)
    }
}

impl Bind for &Option<String> {
    const KIND: Kind = Kind::Text;
    fn value(self) -> Value {
        Value::Text(self.clone())
    }
}

impl Bind for Value {
    /// Of no meaning: it has its own.
    const KIND: Kind = Kind::Int;
    fn value(self) -> Value {
        self
    }
}

/// What can be read from a column.
pub(crate) trait Column: Sized {
    /// None: it is something else.
    fn read(value: &Value) -> Option<Self>;
}

macro_rules! integers {
    ($($to:ty),*) => {
        $(impl Column for $to {
            fn read(value: &Value) -> Option<Self> {
                match value {
                    Value::Int(Some(number)) => (*number).try_into().ok(),
                    _ => None,
                }
            }
        })*
    };
}

integers!(i64, u32, u16, u8);

impl Column for bool {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Int(Some(number)) => Some(*number != 0),
            _ => None,
        }
    }
}

impl Column for String {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => text.clone(),
            _ => None,
        }
    }
}

impl Column for Vec<u8> {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(bytes) => bytes.clone(),
            _ => None,
        }
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: &Value) -> Option<Self> {
        match value.is_null() {
            true => Some(None),
            false => T::read(value).map(Some),
        }
    }
}

/// A row as either database gave it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    names: Arc<[String]>,
    values: Vec<Value>,
}

/// Where in a row: by name or by place from 0.
pub(crate) trait Place {
    fn place(&self, names: &[String]) -> Option<usize>;
    fn said(&self) -> String;
}

impl Place for &str {
    fn place(&self, names: &[String]) -> Option<usize> {
        names.iter().position(|name| name == self)
    }

    fn said(&self) -> String {
        (*self).to_owned()
    }
}

impl Place for usize {
    fn place(&self, names: &[String]) -> Option<usize> {
        (*self < names.len()).then_some(*self)
    }

    fn said(&self) -> String {
        self.to_string()
    }
}

impl Row {
    pub(crate) fn try_get<T: Column, P: Place>(&self, at: P) -> Result<T, Error> {
        let place = at
            .place(&self.names)
            .ok_or_else(|| Error::ColumnNotFound(at.said()))?;
        T::read(&self.values[place]).ok_or_else(|| {
            Error::Decode(format!("column {}: not what was expected", at.said()).into())
        })
    }

    /// Names and values, in order.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.names.iter().map(String::as_str).zip(&self.values)
    }
}

/// A row of sqlx.
pub(super) trait Foreign {
    fn read(&self) -> Result<Row, Error>;
}

impl Foreign for SqliteRow {
    fn read(&self) -> Result<Row, Error> {
        let names = self.columns().iter().map(|c| c.name().to_owned());
        let value = |at: usize| -> Result<Value, Error> {
            let raw = self.try_get_raw(at)?;
            let kind = raw.type_info().name().to_owned();
            Ok(match (raw.is_null(), kind.as_str()) {
                (true, _) => Value::Int(None),
                (_, "TEXT") => Value::Text(self.try_get_unchecked(at)?),
                (_, "BLOB") => Value::Blob(self.try_get_unchecked(at)?),
                (_, "INTEGER" | "BOOLEAN" | "INT4" | "INT8") => {
                    Value::Int(self.try_get_unchecked(at)?)
                }
                (_, other) => return Err(unknown(other)),
            })
        };
        let values = (0..self.columns().len()).map(value);
        Ok(Row {
            values: values.collect::<Result<_, _>>()?,
            names: names.collect(),
        })
    }
}

impl Foreign for PgRow {
    fn read(&self) -> Result<Row, Error> {
        let names = self.columns().iter().map(|c| c.name().to_owned());
        let value = |at: usize| -> Result<Value, Error> {
            let kind = self.columns()[at].type_info().name();
            Ok(match kind {
                "INT8" => Value::Int(self.try_get_unchecked(at)?),
                "INT4" => Value::Int(self.try_get_unchecked::<Option<i32>, _>(at)?.map(i64::from)),
                "BOOL" => Value::Int(
                    self.try_get_unchecked::<Option<bool>, _>(at)?
                        .map(i64::from),
                ),
                "TEXT" | "VARCHAR" | "NAME" => Value::Text(self.try_get_unchecked(at)?),
                "BYTEA" => Value::Blob(self.try_get_unchecked(at)?),
                "VOID" => Value::Int(None),
                other => return Err(unknown(other)),
            })
        };
        let values = (0..self.columns().len()).map(value);
        Ok(Row {
            values: values.collect::<Result<_, _>>()?,
            names: names.collect(),
        })
    }
}

fn unknown(kind: &str) -> Error {
    Error::Decode(BoxDynError::from(format!(
        "a column of the kind {kind}, which is none of ours"
    )))
}
