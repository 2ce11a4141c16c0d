//! People and their sessions. A password is here as its hash, a session as a digest of its cookie.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::json;

use super::audit::audit;
use super::error::SqlResult;
use super::once;
use super::row::{maybe_time, time, uuid};
use crate::domain::id::UserId;
use crate::domain::limits;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, Once, StoreError};

/// A person to be stored.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Whom.
    pub id: UserId,
    /// The name, as people see it.
    pub name: String,
    /// The name, as it is compared.
    pub folded: String,
    /// The password's hash, in the PHC string format.
    pub password: PasswordHash,
    /// `viewer`, `editor` or `admin`.
    pub role: &'static str,
}

/// The hash of a password. It is no secret that opens anything, and still for nobody's eyes.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A person as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Whom.
    pub id: UserId,
    /// The name, as people see it.
    pub name: String,
    /// The password's hash.
    pub password: PasswordHash,
    /// `viewer`, `editor` or `admin`.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the password was set.
    pub password_changed_at: Timestamp,
    /// When the person last signed in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// What changes of a person; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// The name, as people see it, and as it is compared.
    pub name: Option<(String, String)>,
    /// The role.
    pub role: Option<&'static str>,
    /// The password's hash.
    pub password: Option<PasswordHash>,
    /// The session that stays although all others of the person end; for somebody who changes the own
    /// password.
    pub keep: Option<[u8; 32]>,
}

/// A session with its person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Whose.
    pub user: UserRow,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was used last, to the minute.
    pub seen_at: Timestamp,
}

pub(super) fn add(
    connection: &Connection,
    user: &NewUser,
    key: Option<&Once>,
    by: &Actor,
    at: Timestamp,
) -> SqlResult<()> {
    once::claim(connection, key, &user.id, at)?;
    refuse_taken(connection, &user.folded, None)?;
    connection.execute(
        "INSERT INTO users (id, name, folded, password, role, created_at, password_changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        params![
            user.id.0.as_bytes(),
            user.name,
            user.folded,
            user.password.0,
            user.role,
            at.as_millis()
        ],
    )?;
    let change = json!({ "after": { "name": user.name, "role": user.role } });
    audit(connection, by, at, "user.create", &user.id, &change)
}

fn refuse_taken(connection: &Connection, folded: &str, but: Option<UserId>) -> SqlResult<()> {
    let holder: Option<UserId> = connection
        .query_row("SELECT id FROM users WHERE folded = ?1", [folded], |row| {
            uuid(row, "id").map(UserId)
        })
        .optional()?;
    match holder {
        Some(holder) if Some(holder) != but => {
            Err(StoreError::Refused("that name is taken: choose another one".to_owned()).into())
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn change(
    connection: &Connection,
    id: UserId,
    change: &UserChange,
    by: &Actor,
    at: Timestamp,
) -> SqlResult<()> {
    let before = find(connection, id)?.ok_or(StoreError::NotFound)?;
    if let Some((name, folded)) = &change.name {
        refuse_taken(connection, folded, Some(id))?;
        connection.execute(
            "UPDATE users SET name = ?2, folded = ?3 WHERE id = ?1",
            params![id.0.as_bytes(), name, folded],
        )?;
    }
    if let Some(role) = change.role.filter(|role| *role != before.role) {
        if before.role == "admin" {
            refuse_last_admin(connection, id)?;
        }
        connection
            .execute("UPDATE users SET role = ?2 WHERE id = ?1", params![id.0.as_bytes(), role])?;
        // What somebody was signed in as ends with the right to it.
        end_sessions(connection, id, None)?;
    }
    if let Some(password) = &change.password {
        connection.execute(
            "UPDATE users SET password = ?2, password_changed_at = ?3 WHERE id = ?1",
            params![id.0.as_bytes(), password.0, at.as_millis()],
        )?;
        end_sessions(connection, id, change.keep)?;
    }
    let after = find(connection, id)?.ok_or(StoreError::NotFound)?;
    let shown = json!({
        "before": { "name": before.name, "role": before.role },
        "after": { "name": after.name, "role": after.role },
        "password_changed": change.password.is_some(),
    });
    audit(connection, by, at, "user.change", &id, &shown)
}

pub(super) fn remove(
    connection: &Connection,
    id: UserId,
    by: &Actor,
    at: Timestamp,
) -> SqlResult<()> {
    let before = find(connection, id)?.ok_or(StoreError::NotFound)?;
    if before.role == "admin" {
        refuse_last_admin(connection, id)?;
    }
    end_sessions(connection, id, None)?;
    connection.execute("DELETE FROM users WHERE id = ?1", [id.0.as_bytes()])?;
    let change = json!({ "before": { "name": before.name, "role": before.role } });
    audit(connection, by, at, "user.delete", &id, &change)
}

fn refuse_last_admin(connection: &Connection, id: UserId) -> SqlResult<()> {
    let others: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND id <> ?1)",
        [id.0.as_bytes()],
        |row| row.get(0),
    )?;
    if others {
        return Ok(());
    }
    let why = "the last admin stays one: make somebody else an admin first";
    Err(StoreError::Refused(why.to_owned()).into())
}

/// The better hash of the same password, which just proved to be right; nothing else changes.
pub(super) fn rehash(
    connection: &Connection,
    id: UserId,
    from: &PasswordHash,
    to: &PasswordHash,
) -> SqlResult<()> {
    connection.execute(
        "UPDATE users SET password = ?3 WHERE id = ?1 AND password = ?2",
        params![id.0.as_bytes(), from.0, to.0],
    )?;
    Ok(())
}

/// Somebody signed in: with the password that was looked at, or not at all.
pub(super) fn sign_in(
    connection: &Connection,
    user: &UserRow,
    digest: &[u8; 32],
    by: &Actor,
    at: Timestamp,
) -> SqlResult<()> {
    let now = find(connection, user.id)?.ok_or(StoreError::NotFound)?;
    if now.password != user.password {
        return Err(StoreError::NotFound.into());
    }
    connection.execute(
        "INSERT INTO sessions (digest, user_id, created_at, seen_at) VALUES (?1, ?2, ?3, ?3)",
        params![digest, user.id.0.as_bytes(), at.as_millis()],
    )?;
    // Who signs in and never out leaves a bounded number behind.
    connection.execute(
        "DELETE FROM sessions WHERE user_id = ?1 AND digest NOT IN (
           SELECT digest FROM sessions WHERE user_id = ?1 ORDER BY created_at DESC LIMIT ?2)",
        params![user.id.0.as_bytes(), limits::SESSIONS_A_USER],
    )?;
    connection.execute(
        "UPDATE users SET last_sign_in_at = ?2 WHERE id = ?1",
        params![user.id.0.as_bytes(), at.as_millis()],
    )?;
    audit(connection, by, at, "session.create", &user.id, &json!({}))
}

/// Ends one session; none is as good.
pub(super) fn sign_out(
    connection: &Connection,
    digest: &[u8; 32],
    user: UserId,
    by: &Actor,
    at: Timestamp,
) -> SqlResult<()> {
    let ended = connection.execute("DELETE FROM sessions WHERE digest = ?1", [digest])?;
    if ended > 0 {
        audit(connection, by, at, "session.delete", &user, &json!({}))?;
    }
    Ok(())
}

fn end_sessions(connection: &Connection, user: UserId, but: Option<[u8; 32]>) -> SqlResult<()> {
    connection.execute(
        "DELETE FROM sessions WHERE user_id = ?1 AND digest IS NOT ?2",
        params![user.0.as_bytes(), but],
    )?;
    Ok(())
}

/// Notes that sessions were used.
pub(super) fn seen(connection: &Connection, seen: &[([u8; 32], Timestamp)]) -> SqlResult<()> {
    for (digest, at) in seen {
        connection
            .prepare_cached("UPDATE sessions SET seen_at = max(seen_at, ?2) WHERE digest = ?1")?
            .execute(params![digest, at.as_millis()])?;
    }
    Ok(())
}

/// Removes sessions that began before `cutoff`, and keys of creations from before `keys`.
pub(super) fn sweep(connection: &Connection, cutoff: Timestamp, keys: Timestamp) -> SqlResult<()> {
    connection.execute("DELETE FROM sessions WHERE created_at < ?1", [cutoff.as_millis()])?;
    connection.execute("DELETE FROM creations WHERE created_at < ?1", [keys.as_millis()])?;
    Ok(())
}

pub(super) fn session(connection: &Connection, digest: &[u8; 32]) -> SqlResult<Option<SessionRow>> {
    Ok(connection
        .prepare_cached(
            "SELECT u.*, s.created_at AS began_at, s.seen_at AS seen_at
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.digest = ?1",
        )?
        .query_row([digest], |found| {
            Ok(SessionRow {
                user: user(found)?,
                created_at: time(found, "began_at")?,
                seen_at: time(found, "seen_at")?,
            })
        })
        .optional()?)
}

/// How many sessions of each of these people still count: begun after `begun`, and used after `used`.
pub(super) fn open_sessions(
    connection: &Connection,
    users: &[UserId],
    begun: Timestamp,
    used: Timestamp,
) -> SqlResult<Vec<u64>> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM sessions WHERE user_id = ?1 AND created_at > ?2 AND seen_at > ?3",
    )?;
    let mut counts = Vec::with_capacity(users.len());
    for id in users {
        let moments = params![id.0.as_bytes(), begun.as_millis(), used.as_millis()];
        let count: i64 = statement.query_row(moments, |row| row.get(0))?;
        counts.push(u64::try_from(count).unwrap_or(0));
    }
    Ok(counts)
}

pub(super) fn find(connection: &Connection, id: UserId) -> SqlResult<Option<UserRow>> {
    Ok(connection
        .prepare_cached("SELECT * FROM users WHERE id = ?1")?
        .query_row([id.0.as_bytes()], user)
        .optional()?)
}

pub(super) fn named(connection: &Connection, folded: &str) -> SqlResult<Option<UserRow>> {
    Ok(connection
        .prepare_cached("SELECT * FROM users WHERE folded = ?1")?
        .query_row([folded], user)
        .optional()?)
}

/// People in the order in which they were added, behind the one named.
pub(super) fn list(
    connection: &Connection,
    behind: Option<(Timestamp, UserId)>,
    limit: usize,
) -> SqlResult<Vec<UserRow>> {
    let (at, id) =
        behind.map_or((i64::MIN, [0; 16]), |(at, id)| (at.as_millis(), *id.0.as_bytes()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT * FROM users WHERE (created_at, id) > (?1, ?2) ORDER BY created_at, id LIMIT ?3",
    )?;
    let rows = statement.query_map(params![at, id, limit], user)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn user(found: &Row<'_>) -> rusqlite::Result<UserRow> {
    Ok(UserRow {
        id: UserId(uuid(found, "id")?),
        name: found.get("name")?,
        password: PasswordHash(found.get("password")?),
        role: found.get("role")?,
        created_at: time(found, "created_at")?,
        password_changed_at: time(found, "password_changed_at")?,
        last_sign_in_at: maybe_time(found, "last_sign_in_at")?,
    })
}
