//! Passwords of people: Argon2id, a few at once, and the same work for a name that nobody has.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use super::error::{Code, Problem};
use super::token;
use crate::domain::limits::{NAME_BYTES, PASSWORD_BYTES, PASSWORDS_AT_ONCE, PASSWORDS_WAITING};
use crate::domain::secret::Secret;
use crate::store::PasswordHash;

/// A password that is long enough to be one. Two spellings of the same characters are one (NFKC).
#[derive(Debug)]
pub struct Password(Secret);

impl Password {
    /// Reads one that is to be set.
    ///
    /// # Errors
    /// What to change; the text is not in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (least, most) = (PASSWORD_BYTES.start(), PASSWORD_BYTES.end());
        let given = Self::given(text);
        let bytes = given.0.expose().len();
        if bytes < *least {
            return Err(format!("is too short: give at least {least} bytes"));
        }
        if bytes > *most {
            return Err(format!("is too long: give at most {most} bytes"));
        }
        let mut letters = given.0.expose().chars();
        let first = letters.next();
        if letters.all(|each| Some(each) == first) {
            return Err("is one character again and again: choose another one".to_owned());
        }
        Ok(given)
    }

    /// One that is to be compared, whatever it is.
    pub fn given(text: &str) -> Self {
        Self(Secret::new(text.nfkc().collect()))
    }

    fn is_sane(&self) -> bool {
        self.0.expose().len() <= *PASSWORD_BYTES.end()
    }
}

/// A person's name as it is compared: two that look alike are one.
pub fn folded(name: &str) -> String {
    name.trim().nfkc().collect::<String>().to_lowercase()
}

/// Reads a name that is to be given to a person.
///
/// # Errors
/// What to change.
pub fn user_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err("is empty: give a name to sign in with, such as an e-mail address".to_owned());
    }
    if name.len() > NAME_BYTES {
        return Err(format!("is longer than {NAME_BYTES} bytes"));
    }
    if name.chars().any(char::is_control) {
        return Err("holds a line break or another control character: remove it".to_owned());
    }
    Ok(name.to_owned())
}

/// Hashes a password. It takes a core and 19 MiB for a while: OWASP's least for Argon2id, m = 19 MiB,
/// t = 2, p = 1.
///
/// # Errors
/// The machine gave no randomness.
pub fn hash(password: &Password) -> Result<PasswordHash, String> {
    let hashed = Argon2::default().hash_password(password.0.expose().as_bytes());
    hashed.map(|hash| PasswordHash(hash.to_string())).map_err(|error| error.to_string())
}

fn is(password: &Password, hash: &PasswordHash) -> bool {
    let Ok(parsed) = Phc::new(&hash.0) else {
        tracing::error!("a stored password hash can't be read");
        return false;
    };
    Argon2::default().verify_password(password.0.expose().as_bytes(), &parsed).is_ok()
}

/// Whether a hash was made at a lower cost than one made now would be.
fn is_cheap(hash: &PasswordHash) -> bool {
    let now = argon2::Params::default();
    let Ok(parsed) = Phc::new(&hash.0) else { return false };
    argon2::Params::try_from(&parsed)
        .is_ok_and(|then| then.m_cost() < now.m_cost() || then.t_cost() < now.t_cost())
}

/// What came of comparing.
#[derive(Debug)]
pub(super) enum Compared {
    /// It is another one.
    Wrong,
    /// It is the one; a hash at today's cost where the stored one was made at a lower one.
    Right(Option<PasswordHash>),
}

/// Works on passwords: never on more than a few at once, with a short line before the door.
#[derive(Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Hashes computed so far, for tests: an unknown name must cost as many as a known one.
    computed: AtomicU64,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(PASSWORDS_AT_ONCE)),
            waiting: AtomicUsize::new(0),
            computed: AtomicU64::new(0),
        }
    }
}

/// Hashed once, to be compared with where nobody has the name.
static NOBODYS: OnceLock<PasswordHash> = OnceLock::new();

impl Passwords {
    /// Hashes computed so far.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Compares a password with a stored hash; without one, with a hash that nobody has.
    pub(super) async fn compare(
        &self,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<Compared, Problem> {
        self.work(move || {
            if !password.is_sane() {
                return Ok(Compared::Wrong);
            }
            let known = stored.is_some();
            let stored = match stored {
                Some(stored) => stored,
                None => nobodys()?,
            };
            let right = is(&password, &stored) && known;
            if !right {
                return Ok(Compared::Wrong);
            }
            let better = is_cheap(&stored).then(|| hash(&password)).transpose()?;
            Ok(Compared::Right(better))
        })
        .await
    }

    /// Hashes a new password.
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Problem> {
        self.work(move || hash(&password)).await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = Place::take(&self.waiting)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        drop(place);
        self.computed.fetch_add(1, Ordering::Relaxed);
        let done = actix_web::web::block(move || {
            // Held to the end of the work, even where nobody waits for it any more.
            let _turn = turn;
            work()
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(error, "a password could not be hashed");
                Err(Problem::internal())
            }
            Err(_pool_ended) => Err(Problem::internal()),
        }
    }
}

fn nobodys() -> Result<PasswordHash, String> {
    if let Some(hash) = NOBODYS.get() {
        return Ok(hash.clone());
    }
    let text = token::random_text(32).map_err(|error| error.to_string())?;
    let made = hash(&Password::given(&text))?;
    Ok(NOBODYS.get_or_init(|| made).clone())
}

/// A place in the line before the door.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, Problem> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::AcqRel) < PASSWORDS_WAITING {
            return Ok(place);
        }
        let words = "Many are signing in at this moment: try again in a second.";
        Err(Problem::new(Code::TooManyRequests, words).after(std::time::Duration::from_secs(1)))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let hashed = hash(&Password::parse("correct horse battery").unwrap()).unwrap();
        assert!(hashed.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hashed.0);
        assert!(is(&Password::given("correct horse battery"), &hashed));
        assert!(!is(&Password::given("correct horse batterz"), &hashed));
        assert!(!is_cheap(&hashed));
        assert!(is_cheap(&PasswordHash(hashed.0.replace("m=19456", "m=9728"))));
    }

    #[test]
    fn spellings_of_the_same_characters_are_one() {
        let composed = Password::parse("caf\u{e9} au lait noir").unwrap();
        let decomposed = Password::given("cafe\u{301} au lait noir");
        assert_eq!(composed.0.expose(), decomposed.0.expose());
        assert_eq!(folded(" Ada@Example.COM "), folded("ada@example.com"));
    }

    #[test]
    fn what_is_no_password_is_refused_without_its_text() {
        for (text, words) in [
            ("hunter2", "too short"),
            (&"x".repeat(257), "too long"),
            ("aaaaaaaaaaaaaaaa", "again and again"),
        ] {
            let told = Password::parse(text).unwrap_err();
            assert!(told.contains(words) && !told.contains(text), "{told}");
        }
    }
}
