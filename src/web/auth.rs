//! Who calls, and with what right. A handler names the right that it needs in its signature
//! (`Caller<Editor>`); a request without it never reaches the handler's body.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use super::WebState;
use super::error::{Code, Problem};
use super::token::{Presented, Right, TokenDigest};
use crate::domain::limits::{TOKEN_MEMORY, TOKENS_IN_MEMORY};
use crate::domain::time::Timestamp;
use crate::engine::ports::Actor;

/// A right that a handler needs.
pub trait Needs {
    /// Whether a token of this right may call it.
    fn met_by(right: Right) -> bool;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident: $($right:ident)|+;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl Needs for $name {
                fn met_by(right: Right) -> bool {
                    matches!(right, $(Right::$right)|+)
                }
            }
        )*
    };
}

needs! {
    /// Handing records in.
    Ingest: Ingest | Editor | Admin;
    /// Looking.
    Viewer: Viewer | Editor | Admin;
    /// Changing automations and integrations, and acting on deliveries.
    Editor: Editor | Admin;
    /// People, tokens, keys.
    Admin: Admin;
}

/// Who calls: somebody who has the right `R`.
#[derive(Debug)]
pub struct Caller<R> {
    actor: Actor,
    right: PhantomData<R>,
}

impl<R> Caller<R> {
    /// Who it is, for the audit log.
    pub fn actor(self) -> Actor {
        self.actor
    }
}

impl<R: Needs> FromRequest for Caller<R> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = authenticate(&request).await?;
            if !R::met_by(token.right) {
                return Err(Problem::new(
                    Code::Forbidden,
                    "The token's right does not reach here: use one with another right.",
                ));
            }
            let address = request.peer_addr().map(|addr| addr.ip().to_string());
            let actor = Actor { name: token.name.clone(), address };
            Ok(Self { actor, right: PhantomData })
        })
    }
}

/// What is kept of a token that was seen.
#[derive(Debug, Clone)]
struct Known {
    name: String,
    right: Right,
    digest: TokenDigest,
    expires_at: Option<Timestamp>,
    read_at: Instant,
}

/// Knows the tokens that are in use: the store is asked for each now and then only, and not for each of
/// thousands of requests a second.
#[derive(Debug, Default)]
pub struct Tokens {
    known: Mutex<BTreeMap<String, Arc<Known>>>,
}

impl Tokens {
    /// Knows none yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets a token: it was revoked or changed.
    pub fn forget(&self, id: &str) {
        self.known().remove(id);
    }

    fn fresh(&self, id: &str) -> Option<Arc<Known>> {
        let known = self.known().get(id).cloned();
        known.filter(|token| token.read_at.elapsed() < TOKEN_MEMORY)
    }

    fn keep(&self, id: String, token: Arc<Known>) {
        let mut known = self.known();
        if known.len() >= TOKENS_IN_MEMORY && !known.contains_key(&id) {
            known.retain(|_, token| token.read_at.elapsed() < TOKEN_MEMORY);
            if known.len() >= TOKENS_IN_MEMORY {
                known.clear();
            }
        }
        known.insert(id, token);
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn authenticate(request: &HttpRequest) -> Result<Arc<Known>, Problem> {
    let Some(state) = request.app_data::<web::Data<WebState>>() else {
        tracing::error!("the surface was built without its state");
        return Err(Problem::internal());
    };
    let presented = presented(request).ok_or_else(unauthorized)?;
    let token = match state.tokens.fresh(&presented.id) {
        Some(token) => token,
        None => read(state, &presented.id).await?,
    };
    let valid = token.expires_at.is_none_or(|end| state.engine.now() < end);
    // The digest is compared whatever else is wrong, so that nothing can be told by the time it takes.
    if presented.is(&token.digest) & valid { Ok(token) } else { Err(unauthorized()) }
}

fn presented(request: &HttpRequest) -> Option<Presented> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let text = values.next()?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let alone = values.next().is_none();
    (alone && scheme.eq_ignore_ascii_case("bearer"))
        .then(|| Presented::parse(token.trim()))
        .flatten()
}

async fn read(state: &WebState, id: &str) -> Result<Arc<Known>, Problem> {
    let row = state.reader.token(id.to_owned()).await?.ok_or_else(unauthorized)?;
    let right = Right::from_word(&row.role).filter(|_| row.revoked_at.is_none());
    let token = Arc::new(Known {
        name: row.name,
        right: right.ok_or_else(unauthorized)?,
        digest: TokenDigest(row.digest),
        expires_at: row.expires_at,
        read_at: Instant::now(),
    });
    state.tokens.keep(row.id, Arc::clone(&token));
    Ok(token)
}

/// One answer, whether the token is missing, mistyped, unknown, revoked or expired.
fn unauthorized() -> Problem {
    Problem::new(
        Code::Unauthorized,
        "Send a valid token, as in Authorization: Bearer bfy_…; `belfry token create` makes one.",
    )
}
