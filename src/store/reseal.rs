//! All that is sealed, and its exchange for the same under another key: whole, or not at all.

use rusqlite::{Connection, params};
use serde_json::json;
use uuid::Uuid;

use super::audit::audit;
use super::error::SqlResult;
use super::reader::Reader;
use super::row::uuid;
use super::turn::Door;
use super::{Run as _, Sqlite};
use crate::domain::secret::Sealed;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, Promise, Purpose, StoreError};

/// Where something sealed lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealPlace {
    /// It is its integration's credential.
    Credential,
    /// It is a signing secret, in the row of that number.
    SigningSecret(i64),
    /// It is what the sender of its relay must give.
    InboundCredential,
}

impl SealPlace {
    /// What is sealed there.
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Credential => Purpose::Credential,
            Self::SigningSecret(_) => Purpose::SigningSecret,
            Self::InboundCredential => Purpose::InboundCredential,
        }
    }
}

/// Something sealed, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Where.
    pub place: SealPlace,
    /// Whose: an integration's, or an automation's.
    pub owner: Uuid,
    /// What people call that one.
    pub name: String,
    /// What is stored.
    pub sealed: Sealed,
}

/// Something sealed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// What is stored so far.
    pub old: Seal,
    /// What takes its place.
    pub new: Sealed,
}

impl Reader {
    /// Everything that is sealed, of deleted integrations as well.
    pub fn seals(&self) -> Promise<Result<Vec<Seal>, StoreError>> {
        self.query(seals)
    }
}

impl Sqlite {
    /// Puts all of it in the place of what is stored, in one transaction, under the name of the key that
    /// it was sealed with. Where something else is stored by now, nothing is changed.
    pub fn reseal(
        &self,
        seals: Vec<Resealed>,
        key_id: String,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1 + seals.len(), move |connection, _| {
            // Also pages that are freed whole: what was sealed under the old key is to be gone.
            connection.pragma_update(None, "secure_delete", "ON")?;
            let done = exchange(connection, &seals, &key_id, &by, at);
            connection.pragma_update(None, "secure_delete", "FAST")?;
            done
        })
    }
}

fn seals(connection: &Connection) -> SqlResult<Vec<Seal>> {
    // One snapshot for all of it.
    let snapshot = connection.unchecked_transaction()?;
    let mut statement = snapshot.prepare(
        "SELECT id, name, credential FROM integrations WHERE credential IS NOT NULL
         ORDER BY automation_id, place",
    )?;
    let credentials = statement.query_map([], |found| {
        Ok(Seal {
            place: SealPlace::Credential,
            owner: uuid(found, "id")?,
            name: found.get("name")?,
            sealed: Sealed(found.get("credential")?),
        })
    })?;
    let mut all = credentials.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut statement = snapshot.prepare(
        "SELECT s.id AS number, s.sealed, i.id, i.name FROM signing_secrets s
         JOIN integrations i ON i.id = s.integration_id ORDER BY s.id",
    )?;
    let signing_secrets = statement.query_map([], |found| {
        Ok(Seal {
            place: SealPlace::SigningSecret(found.get("number")?),
            owner: uuid(found, "id")?,
            name: found.get("name")?,
            sealed: Sealed(found.get("sealed")?),
        })
    })?;
    for each in signing_secrets {
        all.push(each?);
    }
    let mut statement = snapshot.prepare(
        "SELECT id, name, inbound_credential FROM automations WHERE inbound_credential IS NOT NULL
         ORDER BY id",
    )?;
    let inbound = statement.query_map([], |found| {
        Ok(Seal {
            place: SealPlace::InboundCredential,
            owner: uuid(found, "id")?,
            name: found.get("name")?,
            sealed: Sealed(found.get("inbound_credential")?),
        })
    })?;
    for each in inbound {
        all.push(each?);
    }
    Ok(all)
}

fn exchange(
    connection: &Connection,
    seals: &[Resealed],
    key_id: &str,
    by: &Actor,
    at: Timestamp,
) -> SqlResult<()> {
    let (mut credentials, mut signing_secrets, mut inbound_credentials) = (0_u64, 0_u64, 0_u64);
    for Resealed { old, new } in seals {
        let changed = match old.place {
            SealPlace::Credential => {
                credentials += 1;
                connection.execute(
                    "UPDATE integrations SET credential = ?3 WHERE id = ?1 AND credential = ?2",
                    params![old.owner.as_bytes(), old.sealed.0, new.0],
                )?
            }
            SealPlace::SigningSecret(number) => {
                signing_secrets += 1;
                connection.execute(
                    "UPDATE signing_secrets SET sealed = ?3 WHERE id = ?1 AND sealed = ?2",
                    params![number, old.sealed.0, new.0],
                )?
            }
            SealPlace::InboundCredential => {
                inbound_credentials += 1;
                connection.execute(
                    "UPDATE automations SET inbound_credential = ?3
                     WHERE id = ?1 AND inbound_credential = ?2",
                    params![old.owner.as_bytes(), old.sealed.0, new.0],
                )?
            }
        };
        if changed != 1 {
            let what = format!("a secret of {} was changed meanwhile", old.owner);
            return Err(StoreError::Failed(what).into());
        }
    }
    let change = json!({ "credentials": credentials, "signing_secrets": signing_secrets,
                         "inbound_credentials": inbound_credentials });
    audit(connection, by, at, "key.rotate", &key_id, &change)
}
