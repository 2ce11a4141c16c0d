//! What is done to one integration at once, for the API and for its page: each finds the same things
//! possible.

use actix_web::web::Data;

use super::plan::fresh_secret;
use super::view::{self, missing};
use super::{change, to_its_end};
use crate::domain::id::IntegrationId;
use crate::domain::integration::Status;
use crate::domain::limits::SIGNING_OVERLAP;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, Edit, Purpose};
use crate::engine::{Operation, Tested};
use crate::web::WebState;
use crate::web::error::{Code, Problem};

const WHAT: &str = "integration";

/// What its status shall become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Switch {
    Pause,
    Resume,
    Enable,
    Disable,
}

impl Switch {
    /// The status that comes of it; an error where it is not possible now.
    fn status(self, present: &Status, by: &Actor) -> Result<Status, &'static str> {
        match (self, present) {
            (Self::Pause, Status::Active | Status::Paused) => Ok(Status::Paused),
            (Self::Pause, Status::Disabled { .. }) => {
                Err("It is disabled, which stops it already.")
            }
            (Self::Resume, Status::Active | Status::Paused) | (Self::Enable, _) => {
                Ok(Status::Active)
            }
            (Self::Resume, Status::Disabled { .. }) => {
                Err("It is disabled, not paused: enable it.")
            }
            // The first reason tells more than that somebody agreed.
            (Self::Disable, Status::Disabled { reason }) => {
                Ok(Status::Disabled { reason: reason.clone() })
            }
            (Self::Disable, Status::Active | Status::Paused) => {
                Ok(Status::Disabled { reason: format!("switched off by {}", by.name) })
            }
        }
    }
}

/// Pauses it, or what else is wanted.
///
/// # Errors
/// 409 with the reason, where its present status does not let it.
pub(in crate::web) async fn switch(
    state: &Data<WebState>,
    id: IntegrationId,
    wanted: Switch,
    by: Actor,
) -> Result<(), Problem> {
    let present = view::integration(state, id).await?.state.status;
    let status = wanted.status(&present, &by).map_err(|why| Problem::new(Code::Conflict, why))?;
    let changed = change(state, Edit::SetStatus { id, status }, by).await;
    changed.map(|_| ()).map_err(|error| missing(error, WHAT))
}

/// Sends a test alert: nothing of it is kept.
pub(in crate::web) async fn test(
    state: &Data<WebState>,
    id: IntegrationId,
) -> Result<Tested, Problem> {
    state.engine.test(id).await.map_err(|error| missing(error, WHAT))
}

/// Tries all dead deliveries again; how many there are.
pub(in crate::web) async fn retry_dead(
    state: &Data<WebState>,
    id: IntegrationId,
    by: Actor,
) -> Result<u64, Problem> {
    let engine = state.engine.clone();
    let retried = to_its_end(async move { engine.act(id, Operation::RetryDead, by).await }).await;
    retried.map_err(|error| missing(error, WHAT))
}

/// Makes a new signing secret: what it is, and until when the old one is sent beside it.
///
/// # Errors
/// 409 where signing is off.
pub(in crate::web) async fn rotate_signing_secret(
    state: &Data<WebState>,
    id: IntegrationId,
    by: Actor,
) -> Result<(Secret, Timestamp), Problem> {
    let view = view::integration(state, id).await?;
    if !view.integration.target.signs() {
        let words = match view.integration.target.webhook() {
            Some(_) => "Signing is off for this integration: turn it on, which makes a secret.",
            None => "Only requests to webhooks are signed.",
        };
        return Err(Problem::new(Code::Conflict, words));
    }
    let secret = fresh_secret(state)?;
    let sealed = state.engine.sealer().seal(Purpose::SigningSecret, id.0, &secret)?;
    let old_until = state.engine.now().plus(SIGNING_OVERLAP);
    let edit = Edit::RotateSigningSecret { id, sealed, old_until };
    change(state, edit, by).await.map_err(|error| missing(error, WHAT))?;
    Ok((secret, old_until))
}
