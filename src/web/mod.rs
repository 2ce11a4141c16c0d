//! The HTTP surface: what programs and people ask, in; what the engine and the store say, out. It holds
//! no rule of delivery.

pub mod api;
pub mod auth;
mod body;
pub mod error;
mod health;
mod json;
mod server;
mod surface;
pub mod token;

use std::sync::Arc;

use crate::domain::integration::{HttpsUrl, Policy};
use crate::domain::secret::Secret;
use crate::engine::Engine;
use crate::store::Reader;

pub use auth::Tokens;
pub use server::{ServeError, ServerSettings, TlsFiles, serve};

/// Whether an address that is written as a number in a URL may be connected to; if not, why.
pub type Gate = dyn Fn(&HttpsUrl) -> Result<(), String> + Send + Sync;

/// What the surface works with.
pub struct WebState {
    /// Takes records and carries changes out.
    pub engine: Engine,
    /// Answers questions.
    pub reader: Reader,
    /// Knows callers.
    pub tokens: Tokens,
    /// The service's settings for delivery, to show what an integration goes by.
    pub policy: Policy,
    /// Asked for each new URL, so that one that could never be connected to is refused when it is saved.
    pub gate: Arc<Gate>,
    /// Makes a signing secret; the text says why it could not.
    pub signing_secret: fn() -> Result<Secret, String>,
}
