//! How Loom's types are written in columns and read back. A value that Loom never wrote is an error
//! with the number of its column, never a panic and never a default.

use loom_events::Time;
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// An unsigned number for a column; SQLite has signed ones only, and nothing here counts that far.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A limit for a query.
pub(super) fn limit(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// An unsigned number of a column.
pub(super) fn uint(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

/// A point in time of a column.
pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Time> {
    row.get(column).map(Time::from_millis)
}

/// A value that has a textual form of its own.
pub(super) fn text<T>(row: &Row<'_>, column: usize) -> Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| unreadable(column, error))
}

/// A value written by [`word`], or none.
pub(super) fn from_word<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    let Some(text) = row.get::<_, Option<String>>(column)? else {
        return Ok(None);
    };
    let value = serde_json::Value::String(text);
    serde_json::from_value(value)
        .map(Some)
        .map_err(|error| unreadable(column, error))
}

/// As [`from_word`], for a column that is never empty.
pub(super) fn must_word<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    from_word(row, column)?
        .ok_or_else(|| Error::InvalidColumnType(column, "a word".into(), Type::Null))
}

/// A value kept as JSON.
pub(super) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}

/// A value as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

/// A value that serialises as a single string, such as a unit variant, without the quotes.
pub(super) fn word(value: &impl Serialize) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(Error::ToSqlConversionFailure(
            format!("{other} is not a single word").into(),
        )),
        Err(error) => Err(Error::ToSqlConversionFailure(error.into())),
    }
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
