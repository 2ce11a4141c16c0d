//! The HTTP surface: what programs and people ask, in; what the engine and the store say, out. It holds
//! no rule of delivery.

pub mod api;
pub mod auth;
mod body;
mod docs;
pub mod error;
pub mod first;
mod health;
pub mod in_force;
mod json;
mod metrics;
pub mod password;
mod server;
mod session;
mod sign_in;
mod site;
mod surface;
mod tls;
pub mod token;
pub mod ui;

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::integration::{HttpsUrl, Policy};
use crate::domain::minutes::Counts;
use crate::domain::secret::Secret;
use crate::domain::throttle::Throttle;
use crate::engine::Engine;
use crate::store::{Reader, Sqlite};
use error::{Code, Problem};
use password::Passwords;

pub use auth::Callers;
pub use in_force::InForce;
pub use metrics::MetricsDoor;
pub use server::{ServeError, ServerSettings, serve};
pub use site::Site;
pub use tls::{Certificate, TlsFiles};

/// Whether an address that is written as a number in a URL may be connected to; if not, why.
pub type Gate = dyn Fn(&HttpsUrl) -> Result<(), String> + Send + Sync;

/// What the surface works with.
pub struct WebState {
    /// Takes records and carries changes out.
    pub engine: Engine,
    /// Answers questions.
    pub reader: Reader,
    /// Keeps people, tokens and sessions.
    pub store: Sqlite,
    /// Knows callers.
    pub callers: Callers,
    /// How it is reached.
    pub site: Site,
    /// Compares passwords.
    pub passwords: Passwords,
    /// Slows down who gives wrong ones.
    pub throttle: Mutex<Throttle>,
    /// The service's settings for delivery, to show what an integration goes by.
    pub policy: Policy,
    /// Asked for each new URL, so that one that could never be connected to is refused when it is saved.
    pub gate: Arc<Gate>,
    /// Makes a signing secret; the text says why it could not.
    pub signing_secret: fn() -> Result<Secret, String>,
    /// What is counted, and who may read it.
    pub metrics: MetricsDoor,
    /// What has happened since the last full minute, and is in no row of the history yet.
    pub since_full_minute: Arc<dyn Fn() -> Counts + Send + Sync>,
    /// Knows the rest of the settings, to be shown.
    pub in_force: Arc<dyn InForce>,
}

impl WebState {
    /// Takes note of a password that is about to be looked at.
    ///
    /// # Errors
    /// 429 with the time to wait, where too many were wrong.
    fn begin_sign_in(&self, account: &str, address: &str) -> Result<(), Problem> {
        let now = self.engine.now();
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.begin(account, address, now).map_err(|wait| {
            let words =
                "Too many wrong passwords: wait for the time in Retry-After, and try again.";
            Problem::new(Code::TooManyRequests, words).after(wait)
        })
    }

    fn succeeded_to_sign_in(&self, account: &str, address: &str) {
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.succeeded(account, address);
    }
}
