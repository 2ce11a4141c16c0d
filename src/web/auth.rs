//! Who calls, and with what right: a program with its token, or a person with a session's cookie. A
//! handler names the right that it needs in its signature (`Caller<Editor>`); a request without it never
//! reaches the handler's body.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use super::WebState;
use super::error::{Code, Problem};
use super::session::{self, Presented as PresentedSession};
use super::site::Absent;
use super::token::{Presented, Right, TokenDigest};
use crate::domain::id::UserId;
use crate::domain::limits::{SESSION_IDLE, SESSION_LIFE, TOKEN_MEMORY, TOKENS_IN_MEMORY};
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, ActorKind};
use crate::store::{Sqlite, UserRow};

/// A right that a handler needs.
pub trait Needs {
    /// Whether somebody of this right may call it.
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
    /// Being somebody.
    Anybody: Ingest | Viewer | Editor | Admin;
    /// Handing records in.
    Ingest: Ingest | Editor | Admin;
    /// Looking.
    Viewer: Viewer | Editor | Admin;
    /// Changing automations and integrations, and acting on deliveries.
    Editor: Editor | Admin;
    /// People, tokens, keys.
    Admin: Admin;
}

/// Who calls.
#[derive(Debug, Clone)]
pub enum Who {
    /// A program.
    Token {
        /// The token's id.
        id: String,
        /// The token's name.
        name: String,
    },
    /// A person.
    User {
        /// Whom.
        user: Box<UserRow>,
        /// The session's digest.
        session: [u8; 32],
        /// When the session ends at the latest.
        ends_at: Timestamp,
    },
}

/// Who calls: somebody who has the right `R`.
#[derive(Debug)]
pub struct Caller<R> {
    who: Who,
    right: Right,
    address: Option<IpAddr>,
    needed: PhantomData<R>,
}

impl<R> Caller<R> {
    /// Who it is, for the audit log.
    pub fn actor(&self) -> Actor {
        let (kind, name) = match &self.who {
            Who::Token { name, .. } => (ActorKind::Token, name.clone()),
            Who::User { user, .. } => (ActorKind::User, user.name.clone()),
        };
        Actor { kind, name, address: self.address.map(|address| address.to_string()) }
    }

    /// Who it is.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// What the caller may do.
    pub fn right(&self) -> Right {
        self.right
    }

    /// From where the caller comes.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What tells this caller from all others.
    pub(super) fn identity(&self) -> String {
        match &self.who {
            Who::Token { id, .. } => format!("token {id}"),
            Who::User { user, .. } => format!("user {}", user.id),
        }
    }
}

impl<R: Needs> FromRequest for Caller<R> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Some(state) = request.app_data::<web::Data<WebState>>() else {
                tracing::error!("the surface was built without its state");
                return Err(Problem::internal());
            };
            let (who, right) = authenticate(&request, state).await?;
            if !R::met_by(right) {
                let words =
                    "Your right does not reach here: use a token, or sign in, with another one.";
                return Err(Problem::new(Code::Forbidden, words));
            }
            let address = state.site.address(&request);
            Ok(Self { who, right, address, needed: PhantomData })
        })
    }
}

/// What is kept of a token that was seen.
#[derive(Debug)]
struct Known {
    name: String,
    right: Right,
    digest: TokenDigest,
    expires_at: Option<Timestamp>,
    read_at: Instant,
    /// In milliseconds; 0 where there is nothing to write down.
    used_at: AtomicI64,
}

/// Knows the tokens that are in use: the store is asked for each now and then only, and not for each of
/// thousands of requests a second. What was used when is written down once a minute, for all at once.
#[derive(Debug, Default)]
pub struct Callers {
    known: Mutex<BTreeMap<String, Arc<Known>>>,
    sessions: Mutex<BTreeMap<[u8; 32], Timestamp>>,
}

impl Callers {
    /// Knows none yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets a token: it was revoked or changed.
    pub fn forget(&self, id: &str) {
        self.known().remove(id);
    }

    /// Writes down which tokens and sessions were used since the last time.
    pub async fn write_down(&self, store: &Sqlite) {
        let tokens: Vec<_> = self
            .known()
            .iter()
            .map(|(id, token)| (id.clone(), token.used_at.swap(0, Ordering::Relaxed)))
            .filter(|(_, at)| *at != 0)
            .map(|(id, at)| (id, Timestamp::from_millis(at)))
            .collect();
        let sessions: Vec<_> = std::mem::take(&mut *self.sessions()).into_iter().collect();
        if tokens.is_empty() && sessions.is_empty() {
            return;
        }
        if let Err(error) = store.used(tokens, sessions).await {
            // It is told with the next use.
            tracing::debug!(%error, "the last uses of tokens and sessions were not written down");
        }
    }

    fn fresh(&self, id: &str) -> Option<Arc<Known>> {
        let known = self.known().get(id).cloned();
        known.filter(|token| token.read_at.elapsed() < TOKEN_MEMORY)
    }

    fn keep(&self, id: String, token: Arc<Known>) {
        let mut known = self.known();
        if let Some(before) = known.get(&id) {
            token.used_at.store(before.used_at.load(Ordering::Relaxed), Ordering::Relaxed);
        } else if known.len() >= TOKENS_IN_MEMORY {
            known.retain(|_, token| token.read_at.elapsed() < TOKEN_MEMORY);
            if known.len() >= TOKENS_IN_MEMORY {
                known.clear();
            }
        }
        known.insert(id, token);
    }

    /// A session was used; when was it known to be used last?
    fn seen(&self, digest: [u8; 32], now: Timestamp) -> Option<Timestamp> {
        let mut sessions = self.sessions();
        if sessions.len() >= TOKENS_IN_MEMORY && !sessions.contains_key(&digest) {
            return None;
        }
        sessions.insert(digest, now)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Timestamp>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token counts before a cookie: who sends one has asked for it.
async fn authenticate(request: &HttpRequest, state: &WebState) -> Result<(Who, Right), Problem> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return by_token(request, state).await;
    }
    match session::presented(request, &state.site) {
        Some(presented) => by_session(request, state, &presented).await,
        None => Err(unauthorized()),
    }
}

async fn by_token(request: &HttpRequest, state: &WebState) -> Result<(Who, Right), Problem> {
    let presented = presented(request).ok_or_else(unauthorized)?;
    let token = match state.callers.fresh(&presented.id) {
        Some(token) => token,
        None => read(state, &presented.id).await?,
    };
    let now = state.engine.now();
    let valid = token.expires_at.is_none_or(|end| now < end);
    // The digest is compared whatever else is wrong, so that nothing can be told by the time it takes.
    if presented.is(&token.digest) & valid {
        token.used_at.store(now.as_millis(), Ordering::Relaxed);
        Ok((Who::Token { id: presented.id, name: token.name.clone() }, token.right))
    } else {
        Err(unauthorized())
    }
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
    let Some(right) = right else {
        state.callers.forget(id);
        return Err(unauthorized());
    };
    let token = Arc::new(Known {
        name: row.name,
        right,
        digest: TokenDigest(row.digest),
        expires_at: row.expires_at,
        read_at: Instant::now(),
        used_at: AtomicI64::new(0),
    });
    state.callers.keep(row.id, Arc::clone(&token));
    Ok(token)
}

/// A session is asked for at each request: it ends at once when it is ended.
async fn by_session(
    request: &HttpRequest,
    state: &WebState,
    presented: &PresentedSession,
) -> Result<(Who, Right), Problem> {
    if !request.method().is_safe() {
        state.site.refuse_foreign(request, Absent::Browser)?;
    }
    let digest = presented.digest();
    let row = state.reader.session(digest).await?.ok_or_else(unauthorized)?;
    let right = Right::from_word(&row.user.role).ok_or_else(unauthorized)?;
    let now = state.engine.now();
    let ends_at = row.created_at.plus(SESSION_LIFE);
    let seen_at = state.callers.sessions().get(&digest).copied().unwrap_or(row.seen_at);
    if now >= ends_at || now.since(seen_at.max(row.seen_at)) >= SESSION_IDLE {
        return Err(unauthorized());
    }
    let _before = state.callers.seen(digest, now);
    Ok((Who::User { user: Box::new(row.user), session: digest, ends_at }, right))
}

/// The person of a session, for calls that no program makes.
///
/// # Errors
/// 409: a token has no session.
pub(super) fn person<R>(caller: &Caller<R>) -> Result<(UserId, [u8; 32]), Problem> {
    match caller.who() {
        Who::User { user, session, .. } => Ok((user.id, *session)),
        Who::Token { .. } => {
            let words =
                "A token has no session and no password: this call is for people who signed in.";
            Err(Problem::new(Code::Conflict, words))
        }
    }
}

/// One answer, whether the token or the session is missing, mistyped, unknown, ended or expired.
fn unauthorized() -> Problem {
    Problem::new(
        Code::Unauthorized,
        "Send a valid token, as in Authorization: Bearer bfy_…, or sign in; `belfry token create` makes \
         one on the machine itself.",
    )
}
