//! The API: one file for each resource, and one table of all doors.

mod alerts;
mod apply;
pub(in crate::web) mod attempt_out;
pub(in crate::web) mod audit;
pub(in crate::web) mod automation_in;
pub(in crate::web) mod automation_out;
mod automations;
pub(in crate::web) mod deliveries;
pub(in crate::web) mod delivery_acts;
mod describe;
pub(in crate::web) mod differences;
mod document;
mod doors;
pub(in crate::web) mod dry_run;
mod evidence_out;
mod feedback;
mod held_back;
mod hygiene_in;
pub(in crate::web) mod inbound;
pub(in crate::web) mod integration_in;
pub(in crate::web) mod integration_out;
mod integrations;
pub(in crate::web) mod once;
pub(in crate::web) mod operate;
mod patch;
pub(in crate::web) mod phrases;
pub(in crate::web) mod phrases_in;
mod phrases_preview;
pub(in crate::web) mod plan;
pub(in crate::web) mod preview;
pub(in crate::web) mod query;
pub mod record_json;
pub(in crate::web) mod records;
mod relay;
mod session;
pub(in crate::web) mod target_in;
pub(in crate::web) mod tokens;
pub(in crate::web) mod users;
mod version;
pub(in crate::web) mod view;

use std::str::FromStr;

use actix_web::web;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

pub use document::openapi;
pub(super) use doors::{ADMIN, ANYBODY, EDIT, OPEN, VIEW, register};
pub use doors::{Door, doors};

use super::WebState;
use super::error::Problem;
use super::json::{Faults, Fields};
use crate::domain::condition::{Condition, Subject};
use crate::domain::limits::NAME_BYTES;
use crate::engine::ports::{Actor, Edit, StoreError};

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
struct Page<T> {
    /// The things on this page.
    data: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of rows, of which one more was read than is shown: it tells whether there is a next page.
    fn of<R>(
        mut rows: Vec<R>,
        limit: usize,
        shown: impl Fn(&R) -> T,
        cursor: impl Fn(&R) -> String,
    ) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(cursor);
        Self { data: rows.iter().map(shown).collect(), next_cursor }
    }
}

/// The name of a thing that people name.
fn name(value: &Value, at: &str, faults: &mut Faults) -> Option<String> {
    let read = value.as_str().ok_or_else(|| "must be text".to_owned()).and_then(name_of);
    read.map_err(|fault| faults.add(at, fault)).ok()
}

/// The name of a thing that people name, as text.
///
/// # Errors
/// What to change.
pub(in crate::web) fn name_of(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("is empty: give it a name".to_owned())
    } else if text.len() > NAME_BYTES {
        Err(format!("is longer than {NAME_BYTES} bytes"))
    } else if text.chars().any(char::is_control) {
        Err("holds a line break or another control character: remove it".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// A condition, where there is one.
fn condition(
    fields: &mut Fields,
    name: &'static str,
    subject: Subject,
    faults: &mut Faults,
) -> Option<Condition> {
    let parsed = Condition::parse(&fields.value(name)?, subject);
    parsed
        .map_err(|error| {
            faults.add(format!("{}{}", fields.pointer(name), error.pointer), error.to_string());
        })
        .ok()
}

/// The id in an address. What is no id names nothing.
pub(in crate::web) fn id<T: FromStr>(text: &str, what: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found(what))
}

/// Has the engine carry a change out, to its end: a caller who hangs up midway must not leave the
/// engine with rules that the store no longer has.
pub(in crate::web) async fn change(
    state: &web::Data<WebState>,
    edit: Edit,
    by: Actor,
) -> Result<i64, StoreError> {
    let engine = state.engine.clone();
    to_its_end(async move { engine.change(edit, by).await }).await
}

pub(in crate::web) async fn to_its_end<T: 'static>(
    work: impl Future<Output = Result<T, StoreError>> + 'static,
) -> Result<T, StoreError> {
    // A task ends early only where the thread that runs it does.
    actix_web::rt::spawn(work).await.unwrap_or(Err(StoreError::Stopped))
}
