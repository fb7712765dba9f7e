//! A snippet, and its row.

use rusqlite::{OptionalExtension, Row, params};
use selvedge::Outcome;
use serde_json::{Value, json};

use crate::database;
use crate::views::Values;

/// A piece of code that somebody wants to keep.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snippet {
    /// Its number, from when it is saved.
    pub key: i64,
    /// What it is.
    pub title: String,
    /// The code itself.
    pub code: String,
    /// Who sent it.
    pub owner: String,
}

impl Snippet {
    pub(super) fn from_values(mut values: Values) -> Self {
        let mut take = |name| values.remove(name).unwrap_or_default();
        Self {
            title: take("title"),
            code: take("code"),
            ..Self::default()
        }
    }

    /// Keeps it, and gives it a key.
    pub(super) fn save(&mut self) -> Outcome<()> {
        self.key = database::with(|connection| {
            connection.query_row(
                "INSERT INTO snippets (title, code, owner) VALUES (?1, ?2, ?3) RETURNING key",
                params![self.title, self.code, self.owner],
                |row| row.get(0),
            )
        })?;
        Ok(())
    }

    pub(super) fn find(key: i64) -> Outcome<Option<Self>> {
        database::with(|connection| {
            let sql = "SELECT key, title, code, owner FROM snippets WHERE key = ?1";
            connection.query_row(sql, [key], Self::from_row).optional()
        })
    }

    /// The newest, at most so many.
    pub(super) fn newest(n: usize) -> Outcome<Vec<Self>> {
        database::with(|connection| {
            let sql = "SELECT key, title, code, owner FROM snippets ORDER BY key DESC LIMIT ?1";
            let mut query = connection.prepare(sql)?;
            query
                .query_map([i64::try_from(n).unwrap_or(i64::MAX)], Self::from_row)?
                .collect()
        })
    }

    pub(super) fn count() -> Outcome<i64> {
        database::with(|connection| {
            connection.query_row("SELECT count(*) FROM snippets", [], |row| row.get(0))
        })
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get("key")?,
            title: row.get("title")?,
            code: row.get("code")?,
            owner: row.get("owner")?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "key": self.key, "title": self.title, "code": self.code, "owner": self.owner })
    }
}
