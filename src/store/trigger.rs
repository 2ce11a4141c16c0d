//! What an automation listens to, between its row and its domain type.

use rusqlite::{Connection, Row};

use super::configured::condition;
use super::row::{bad, maybe_parsed};
use crate::domain::automation::{InboundAuth, Trigger, Watch};
use crate::domain::hygiene::{CoolDown, Hygiene, QuietHours};
use crate::domain::id::AutomationId;
use crate::domain::integration::{AuthMethod, HeaderName};
use crate::domain::levels::{Level, MinimumLevels, SentimentShift};
use crate::domain::secret::Sealed;
use crate::engine::ports::RelayAuth;

/// What an automation listens to, as its row has it.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) filter: Option<String>,
    pub(super) min_escalation: Option<&'static str>,
    pub(super) min_intensity: Option<&'static str>,
    pub(super) min_shift: Option<&'static str>,
    /// As the API has them.
    pub(super) cool_down: Option<String>,
    pub(super) quiet_hours: Option<String>,
    pub(super) inbound_method: Option<&'static str>,
    pub(super) inbound_header: Option<&'a str>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(trigger: &'a Trigger) -> Self {
        match trigger {
            Trigger::Records(watch) => Self {
                filter: watch.filter.as_ref().map(|filter| filter.to_json().to_string()),
                min_escalation: watch.minimum_levels.escalation.map(Level::word),
                min_intensity: watch.minimum_levels.emotional_intensity.map(Level::word),
                min_shift: watch.minimum_levels.sentiment_shift.map(SentimentShift::word),
                cool_down: watch.hygiene.cool_down.as_ref().map(|each| each.to_json().to_string()),
                quiet_hours: watch
                    .hygiene
                    .quiet_hours
                    .as_ref()
                    .map(|each| each.to_json().to_string()),
                ..Self::default()
            },
            Trigger::Relay(auth) => {
                let (method, inbound_header) = auth_columns(&auth.method);
                Self { inbound_method: Some(method), inbound_header, ..Self::default() }
            }
        }
    }
}

pub(super) fn auth_columns(method: &AuthMethod) -> (&'static str, Option<&str>) {
    match method {
        AuthMethod::None => ("none", None),
        AuthMethod::Bearer => ("bearer", None),
        AuthMethod::ApiKey => ("api_key", None),
        AuthMethod::CustomHeader(name) => ("custom_header", Some(name.as_str())),
    }
}

/// How the sender of a relay must prove who it is; `QueryReturnedNoRows` for any other automation.
pub(super) fn relay_auth(connection: &Connection, id: AutomationId) -> rusqlite::Result<RelayAuth> {
    connection
        .prepare_cached(
            "SELECT * FROM automations WHERE id = ?1 AND deleted_at IS NULL AND trigger = 'relay'",
        )?
        .query_row([id.0.as_bytes()], |found| {
            Ok(RelayAuth {
                method: auth_method(found, "inbound_method", "inbound_header")?,
                credential: found.get::<_, Option<Vec<u8>>>("inbound_credential")?.map(Sealed),
            })
        })
}

pub(super) fn auth_method(
    found: &Row<'_>,
    method: &str,
    header: &str,
) -> rusqlite::Result<AuthMethod> {
    Ok(match found.get::<_, String>(method)?.as_str() {
        "none" => AuthMethod::None,
        "bearer" => AuthMethod::Bearer,
        "api_key" => AuthMethod::ApiKey,
        "custom_header" => {
            let name: String = found.get(header)?;
            AuthMethod::CustomHeader(HeaderName::parse(&name).map_err(|error| bad(header, error))?)
        }
        other => return Err(bad(method, format!("unknown word {other}"))),
    })
}

/// A column of JSON that the domain reads.
fn json<T>(
    found: &Row<'_>,
    column: &str,
    read: impl Fn(&serde_json::Value) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = found.get(column)?;
    let Some(text) = text else { return Ok(None) };
    let value = serde_json::from_str(&text).map_err(|error| bad(column, error))?;
    read(&value).map(Some).ok_or_else(|| bad(column, "can't be read"))
}

pub(super) fn trigger(found: &Row<'_>) -> rusqlite::Result<Trigger> {
    match found.get::<_, String>("trigger")?.as_str() {
        "records" => Ok(Trigger::Records(Watch {
            filter: condition(found, "filter")?,
            minimum_levels: MinimumLevels {
                escalation: maybe_parsed(found, "min_escalation")?,
                emotional_intensity: maybe_parsed(found, "min_intensity")?,
                sentiment_shift: maybe_parsed(found, "min_shift")?,
            },
            hygiene: Hygiene {
                cool_down: json(found, "cool_down", CoolDown::from_json)?,
                quiet_hours: json(found, "quiet_hours", QuietHours::from_json)?,
            },
        })),
        "relay" => Ok(Trigger::Relay(InboundAuth {
            method: auth_method(found, "inbound_method", "inbound_header")?,
            credential_set: found.get::<_, Option<Vec<u8>>>("inbound_credential")?.is_some(),
        })),
        other => Err(bad("trigger", format!("unknown word {other}"))),
    }
}
