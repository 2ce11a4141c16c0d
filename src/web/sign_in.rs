//! Signing in and out, the first password and the own one, for the API and for the pages alike: whoever
//! calls here has only to read a form and to write an answer.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;

use super::WebState;
use super::auth::{Caller, person};
use super::error::Problem;
use super::first::FirstCode;
use super::password::{Compared, Password, folded};
use super::session::{self, Presented};
use super::site::{Absent, bucket};
use super::token::Right;
use crate::domain::id::UserId;
use crate::domain::limits::SESSION_LIFE;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, ActorKind, StoreError};
use crate::store::{NewUser, UserChange, UserRow};

/// Somebody who may be about to sign in: from where, and with which cookie.
pub(in crate::web) struct Visitor {
    address: Option<String>,
    /// What wrong guesses are counted by.
    net: String,
    /// The session that the browser has, which ends when another one begins.
    before: Option<Presented>,
}

impl Visitor {
    /// Who sends this request.
    ///
    /// # Errors
    /// 403: a browser sends it for another site's sake.
    pub(in crate::web) fn of(request: &HttpRequest, state: &WebState) -> Result<Self, Problem> {
        state.site.refuse_foreign(request, Absent::Program)?;
        let address = state.site.address(request);
        Ok(Self {
            address: address.map(|address| address.to_string()),
            net: bucket(address),
            before: session::presented(request, &state.site),
        })
    }

    fn actor(&self, name: &str) -> Actor {
        Actor { kind: ActorKind::User, name: name.to_owned(), address: self.address.clone() }
    }
}

/// Somebody who has just signed in.
pub(in crate::web) struct SignedIn {
    /// Whom.
    pub(in crate::web) user_id: UserId,
    /// The name, as people see it.
    pub(in crate::web) name: String,
    /// What the person may do.
    pub(in crate::web) right: Right,
    /// When the session ends at the latest.
    pub(in crate::web) ends_at: Timestamp,
    /// The value of `Set-Cookie` that the answer must have.
    pub(in crate::web) cookie: HeaderValue,
}

/// Signs a person in.
///
/// # Errors
/// 401 for a wrong name or password, 429 after too many.
pub(in crate::web) async fn sign_in(
    state: &WebState,
    visitor: &Visitor,
    name: &str,
    password: &Secret,
) -> Result<SignedIn, Problem> {
    let account = folded(name);
    state.begin_sign_in(&account, &visitor.net)?;
    let found = state.reader.user_named(account.clone()).await?;
    let stored = found.as_ref().map(|user| user.password.clone());
    let given = Password::given(password.expose());
    let compared = state.passwords.compare(given, stored).await?;
    let (Some(user), Compared::Right(better)) = (found, compared) else {
        // The name is not written down: people type their password there.
        tracing::warn!(address = visitor.address, "a sign-in failed");
        return Err(Problem::wrong_credentials());
    };
    let made = fresh()?;
    let by = visitor.actor(&user.name);
    let now = state.engine.now();
    match state.store.sign_in(user.clone(), made.digest(), by, now).await {
        // Password or person changed between looking and writing.
        Err(StoreError::NotFound) => return Err(Problem::wrong_credentials()),
        done => done?,
    }
    state.succeeded_to_sign_in(&account, &visitor.net);
    if let Some(better) = better
        && let Err(error) = state.store.rehash(user.id, user.password.clone(), better).await
    {
        tracing::warn!(%error, "a password's hash was not renewed");
    }
    let UserRow { id, name, role, .. } = user;
    let right = Right::from_word(&role).ok_or_else(Problem::internal)?;
    entered(state, visitor, made, (id, name, right), now).await
}

/// What tries of the first code are counted by. No person's name can be that: names are compared in
/// lower case.
const FIRST: &str = "First password";

/// Makes the first admin with this password, by the code of the link that `belfry init` prints, and
/// signs the person in.
///
/// # Errors
/// 422 for a wrong code, 409 where it does not count any more, 429 after too many wrong ones.
pub(in crate::web) async fn first(
    state: &WebState,
    visitor: &Visitor,
    code: &Secret,
    name: String,
    password: Password,
) -> Result<SignedIn, Problem> {
    state.begin_sign_in(FIRST, &visitor.net)?;
    let wrong = || {
        tracing::warn!(address = visitor.address, "a wrong code for the first password was given");
        let words = "is not the code of the link that `belfry init` printed: open the whole link";
        Problem::field("/code", words)
    };
    let code = FirstCode::given(code.expose()).ok_or_else(wrong)?.digest();
    let told = |error: StoreError| {
        if error == StoreError::NotFound { wrong() } else { Problem::from(error) }
    };
    // A wrong code must not cost the work of a password.
    state.reader.check_first_code(code, state.engine.now()).await.map_err(told)?;
    let user = NewUser {
        id: UserId(uuid::Uuid::new_v4()),
        folded: folded(&name),
        name: name.clone(),
        password: state.passwords.hash(password).await?,
        role: Right::Admin.word(),
    };
    let (id, made, by) = (user.id, fresh()?, visitor.actor(&name));
    let now = state.engine.now();
    let redeemed = state.store.redeem_first_code(code, user, made.digest(), by, now).await;
    redeemed.map_err(told)?;
    state.succeeded_to_sign_in(FIRST, &visitor.net);
    entered(state, visitor, made, (id, name, Right::Admin), now).await
}

fn fresh() -> Result<Presented, Problem> {
    session::fresh().map_err(|error| {
        tracing::error!(%error, "a session can't be made");
        Problem::internal()
    })
}

/// A session has begun: the one that the browser had before ends.
async fn entered(
    state: &WebState,
    visitor: &Visitor,
    made: Presented,
    (user_id, name, right): (UserId, String, Right),
    now: Timestamp,
) -> Result<SignedIn, Problem> {
    if let Some(before) = &visitor.before {
        state.store.sign_out(before.digest(), user_id, visitor.actor(&name), now).await?;
    }
    let cookie = session::set(&made, &state.site).ok_or_else(Problem::internal)?;
    Ok(SignedIn { user_id, name, right, ends_at: now.plus(SESSION_LIFE), cookie })
}

/// Signs the caller out. Returns the value of `Set-Cookie` that takes the cookie away.
///
/// # Errors
/// 409 for a program, which has no session.
pub(in crate::web) async fn sign_out<R>(
    state: &WebState,
    caller: &Caller<R>,
) -> Result<HeaderValue, Problem> {
    let (user, digest) = person(caller)?;
    let (store, by, now) = (state.store.clone(), caller.actor(), state.engine.now());
    super::api::to_its_end(async move { store.sign_out(digest, user, by, now).await }).await?;
    session::clear(&state.site).ok_or_else(Problem::internal)
}

/// Changes the caller's own password: the present one is asked for, and all other sessions end.
///
/// # Errors
/// 422 where the present one is another, 409 for a program, 429 after too many wrong ones.
pub(in crate::web) async fn change_password<R>(
    state: &WebState,
    caller: &Caller<R>,
    present: &Secret,
    new: Password,
) -> Result<(), Problem> {
    let (id, digest) = person(caller)?;
    let user = state.reader.user(id).await?.ok_or_else(|| Problem::not_found("user"))?;
    let net = bucket(caller.address());
    let account = folded(&user.name);
    state.begin_sign_in(&account, &net)?;
    let given = Password::given(present.expose());
    match state.passwords.compare(given, Some(user.password)).await? {
        Compared::Wrong => return Err(Problem::field("/present", "is not the present password")),
        Compared::Right(_) => state.succeeded_to_sign_in(&account, &net),
    }
    let password = Some(state.passwords.hash(new).await?);
    let change = UserChange { password, keep: Some(digest), ..UserChange::default() };
    let (store, by, now) = (state.store.clone(), caller.actor(), state.engine.now());
    super::api::to_its_end(async move { store.change_user(id, change, by, now).await }).await?;
    Ok(())
}
