//! Typed values in columns and back.

use crate::{
    clock::Timestamp,
    store::{Result, StoreError, record::Cause},
};
use rusqlite::{
    Connection, Params, Statement, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{cell::Cell, str::FromStr};

/// A number in SQLite's signed 64 bits; one beyond 2^63 is refused, never wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsigned(pub(super) u64);

impl ToSql for Unsigned {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number = i64::try_from(self.0).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        Ok(number.into())
    }
}
impl FromSql for Unsigned {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number).map(Self).map_err(|_| FromSqlError::OutOfRange(number))
    }
}

/// A time as [`Unsigned`] milliseconds.
pub(super) fn time(at: Timestamp) -> Unsigned {
    Unsigned(at.0)
}

/// A list or map as JSON.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("lists of ids, addresses and words have a JSON form")
}

/// A row whose columns are found by name, each from where the one before was found: whoever reads them in about the order
/// of the statement compares one or two names for each, and not half of all.
pub(super) struct Row<'a> {
    row: &'a rusqlite::Row<'a>,
    names: &'a Names,
    next: Cell<usize>,
}

/// The names of a statement's columns: asked for once, and not for each value of each row.
struct Names(Vec<String>);

impl Names {
    fn of(statement: &Statement<'_>) -> Self {
        Self(statement.column_names().map(str::to_owned).collect())
    }
}

impl<'a> Row<'a> {
    fn new(row: &'a rusqlite::Row<'a>, names: &'a Names) -> Self {
        Self { row, names, next: Cell::new(0) }
    }

    /// A column's value.
    pub(super) fn get<N: AsRef<str>, T: FromSql>(&self, column: N) -> rusqlite::Result<T> {
        self.row.get(self.index(column.as_ref())?)
    }

    /// A column's value as SQLite holds it.
    fn get_ref(&self, column: &str) -> rusqlite::Result<ValueRef<'_>> {
        self.row.get_ref(self.index(column)?)
    }

    fn index(&self, column: &str) -> rusqlite::Result<usize> {
        let (names, next) = (&self.names.0, self.next.get());
        let found = (next..names.len()).chain(0..next.min(names.len())).find(|index| names[*index] == column);
        let index = found.ok_or_else(|| rusqlite::Error::InvalidColumnName(column.to_owned()))?;
        self.next.set(index + 1);
        Ok(index)
    }
}

/// Reads columns by name; what does not parse is [`StoreError::Corrupt`] with the column's name.
pub(super) trait Columns {
    fn number(&self, column: &str) -> Result<u64>;
    fn optional_number(&self, column: &str) -> Result<Option<u64>>;
    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T>;
    fn optional<T: FromStr>(&self, column: &'static str) -> Result<Option<T>>;
    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T>;
    fn optional_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>>;
    fn digest(&self, column: &'static str) -> Result<[u8; 32]>;
    /// One of the words that `known` knows.
    fn word<T>(&self, column: &'static str, known: impl FnOnce(&str) -> Option<T>) -> Result<T>;
    /// The columns `error_cause` and `error_message`.
    fn cause(&self) -> Result<Option<Cause>>;
    fn time(&self, column: &str) -> Result<Timestamp> {
        self.number(column).map(Timestamp)
    }
    fn optional_time(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.optional_number(column)?.map(Timestamp))
    }
}

impl Columns for Row<'_> {
    fn number(&self, column: &str) -> Result<u64> {
        Ok(self.get::<_, Unsigned>(column)?.0)
    }
    fn optional_number(&self, column: &str) -> Result<Option<u64>> {
        Ok(self.get::<_, Option<Unsigned>>(column)?.map(|number| number.0))
    }
    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T> {
        self.get_ref(column)?.as_str().ok().and_then(|text| text.parse().ok()).ok_or(StoreError::Corrupt(column))
    }
    fn optional<T: FromStr>(&self, column: &'static str) -> Result<Option<T>> {
        match self.get_ref(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => {
                self.parsed(column).map(Some)
            }
        }
    }
    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let text = self.get_ref(column)?.as_str().map_err(|_| StoreError::Corrupt(column))?;
        serde_json::from_str(text).map_err(|_| StoreError::Corrupt(column))
    }
    fn optional_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        match self.get_ref(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => {
                self.json(column).map(Some)
            }
        }
    }
    fn word<T>(&self, column: &'static str, known: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        self.get_ref(column)?.as_str().ok().and_then(known).ok_or(StoreError::Corrupt(column))
    }
    fn cause(&self) -> Result<Option<Cause>> {
        let cause: Option<String> = self.get("error_cause")?;
        let message: Option<String> = self.get("error_message")?;
        Ok(cause.zip(message).map(|(cause, message)| Cause { cause, message }))
    }
    fn digest(&self, column: &'static str) -> Result<[u8; 32]> {
        self.get::<_, Vec<u8>>(column)?.try_into().map_err(|_| StoreError::Corrupt(column))
    }
}

/// The rows that `sql` finds.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let names = Names::of(&statement);
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&Row::new(row, &names))?);
    }
    Ok(found)
}

/// The rows that `sql` finds, without those that do not read back: one that was damaged must not stop the others. It is
/// told in the log, with its id.
pub(super) fn readable<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let names = Names::of(&statement);
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row::new(row, &names);
        match read(&row) {
            Ok(value) => found.push(value),
            Err(error @ (StoreError::Corrupt(_) | StoreError::Database(_))) => {
                let id = row.get::<_, String>("id").unwrap_or_else(|_| "unreadable".into());
                tracing::error!(%error, source = ?std::error::Error::source(&error), id, "a row is left out");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The first row that `sql` finds.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: fn(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let names = Names::of(&statement);
    let mut rows = statement.query(params)?;
    rows.next()?.map(|row| read(&Row::new(row, &names))).transpose()
}

/// Changes what `sql` says; how many rows it met.
pub(super) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// An update that met no row met one that was changed or removed meanwhile.
pub(super) fn met_one(changed: usize) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Stale) }
}
