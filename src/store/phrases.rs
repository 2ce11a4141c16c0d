//! What organisations add to the detector's phrases, and what they exclude. A row for each organisation,
//! whose version is never used again.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};

use super::audit::audit;
use super::error::SqlResult;
use super::reader::Reader;
use super::row::{bad, time};
use crate::domain::limits::PHRASED_ORGANISATIONS;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, PhraseEdit, Promise, StoreError, StoredPhrases};

impl Reader {
    /// The phrases that an organisation has stored, if it has any.
    pub fn phrases_of(&self, org_id: String) -> Promise<Result<Option<StoredPhrases>, StoreError>> {
        self.query(move |connection| find(connection, &org_id))
    }

    /// Phrases by their organisations' ids, behind the one named.
    pub fn phrases_behind(
        &self,
        org_id: String,
        limit: usize,
    ) -> Promise<Result<Vec<StoredPhrases>, StoreError>> {
        self.query(move |connection| behind(connection, &org_id, limit))
    }
}

pub(super) fn behind(
    connection: &Connection,
    org_id: &str,
    limit: usize,
) -> SqlResult<Vec<StoredPhrases>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection
        .prepare_cached("SELECT * FROM phrases WHERE org_id > ?1 ORDER BY org_id LIMIT ?2")?;
    let rows = statement.query_map(params![org_id, limit], stored)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Carries an edit out. Returns the new version, and 0 for what is deleted.
pub(super) fn change(
    connection: &Connection,
    edit: &PhraseEdit,
    by: &Actor,
    at: Timestamp,
) -> SqlResult<i64> {
    let PhraseEdit { org_id, becomes, expected } = edit;
    let before = find(connection, org_id)?;
    if before.is_none() && becomes.is_none() {
        return Err(StoreError::NotFound.into());
    }
    let current = before.as_ref().map_or(0, |before| before.version);
    if expected.is_some_and(|expected| expected != current) {
        return Err(StoreError::Stale { current }.into());
    }
    let old = match &before {
        Some(before) => {
            connection.execute("DELETE FROM phrases WHERE org_id = ?1", [org_id])?;
            // What an older version wrote is told as it stands.
            serde_json::from_str(&before.additions).map_err(|error| bad("additions", error))?
        }
        None => Value::Null,
    };
    let Some(additions) = becomes else {
        audit(
            connection,
            by,
            at,
            "phrases.delete",
            org_id,
            &json!({ "before": told(lines(&old)) }),
        )?;
        return Ok(0);
    };
    refuse_too_many(connection)?;
    let new = serde_json::to_value(additions)
        .map_err(|error| StoreError::Failed(format!("phrases can't be written: {error}")))?;
    connection.execute(
        "INSERT INTO phrases (org_id, additions, updated_at) VALUES (?1, ?2, ?3)",
        params![org_id, new.to_string(), at.as_millis()],
    )?;
    let version = connection.last_insert_rowid();
    let (action, told) = match before {
        Some(_) => ("phrases.change", difference(&old, &new)),
        None => ("phrases.create", json!({ "after": told(lines(&new)) })),
    };
    audit(connection, by, at, action, org_id, &told)?;
    Ok(version)
}

fn refuse_too_many(connection: &Connection) -> SqlResult<()> {
    let count: i64 = connection.query_row("SELECT count(*) FROM phrases", [], |row| row.get(0))?;
    if usize::try_from(count).is_ok_and(|count| count < PHRASED_ORGANISATIONS) {
        return Ok(());
    }
    let why = format!(
        "{PHRASED_ORGANISATIONS} organisations have phrases of their own already: delete those of one \
         first, or set what many have in common in the file that detect.phrases names"
    );
    Err(StoreError::Refused(why).into())
}

/// Two lists of thousands differ in a few phrases: those alone are told.
fn difference(before: &Value, after: &Value) -> Value {
    let (before, after) = (lines(before), lines(after));
    let only = |[add, exclude]: &Lines, [other_add, other_exclude]: &Lines| {
        let lacks = |others: &[String], all: &[String]| {
            all.iter().filter(|each| !others.contains(each)).cloned().collect()
        };
        told([lacks(other_add, add), lacks(other_exclude, exclude)])
    };
    json!({ "before": only(&before, &after), "after": only(&after, &before) })
}

/// What is added and what is excluded, a line of text each.
type Lines = [Vec<String>; 2];

fn lines(additions: &Value) -> Lines {
    let of = |name: &str| {
        let all = additions.get(name).and_then(Value::as_array);
        all.into_iter().flatten().map(line).collect()
    };
    [of("add"), of("exclude")]
}

fn line(phrase: &Value) -> String {
    let part = |name: &str| match phrase.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    match phrase {
        Value::String(text) => text.clone(),
        Value::Object(_) => format!("{} ({} {})", part("phrase"), part("family"), part("weight")),
        // What an older version wrote may be of another form.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => phrase.to_string(),
    }
}

fn told([add, exclude]: Lines) -> Value {
    let mut told = serde_json::Map::new();
    for (name, lines) in [("add", add), ("exclude", exclude)] {
        if !lines.is_empty() {
            told.insert(name.to_owned(), lines.into());
        }
    }
    told.into()
}

fn find(connection: &Connection, org_id: &str) -> SqlResult<Option<StoredPhrases>> {
    Ok(connection
        .prepare_cached("SELECT * FROM phrases WHERE org_id = ?1")?
        .query_row([org_id], stored)
        .optional()?)
}

fn stored(found: &Row<'_>) -> rusqlite::Result<StoredPhrases> {
    Ok(StoredPhrases {
        org_id: found.get("org_id")?,
        version: found.get("version")?,
        additions: found.get("additions")?,
        updated_at: time(found, "updated_at")?,
    })
}
