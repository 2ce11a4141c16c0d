//! A password that an admin sets for somebody: made here and shown once, or typed twice.

use super::form::Form;
use crate::domain::secret::Secret;
use crate::web::error::Problem;
use crate::web::password::Password;
use crate::web::token::random_text;

/// Letters and digits of a password that is made: nobody guesses it, and it can still be typed over.
const CHARS: usize = 20;

/// What is wrong, by field; under the empty name what is wrong with all of it.
pub(super) type Errors = Vec<(&'static str, String)>;

/// A password to be set.
pub(super) struct NewPassword {
    pub(super) password: Password,
    /// The text, where it was made here and is to be shown.
    pub(super) made: Option<Secret>,
}

/// Whether the password is to be made here.
pub(super) fn is_made(form: &Form) -> bool {
    form.text("how") != "typed"
}

/// Reads how the password comes about; what is wrong is added to `errors`.
pub(super) fn read(form: &Form, errors: &mut Errors) -> Result<Option<NewPassword>, Problem> {
    if is_made(form) {
        let text = random_text(CHARS).map_err(|error| {
            tracing::error!(%error, "a password can't be made");
            Problem::internal()
        })?;
        let text = Secret::new(text.as_str().to_owned());
        let password = Password::parse(text.expose()).map_err(|_| Problem::internal())?;
        return Ok(Some(NewPassword { password, made: Some(text) }));
    }
    let typed = form.secret("password");
    if typed.expose() != form.secret("again").expose() {
        errors
            .push(("again", "differs from the one above: type the same password twice".to_owned()));
    }
    let parsed = Password::parse(typed.expose());
    let password = parsed.map_err(|why| errors.push(("password", why))).ok();
    Ok(password.map(|password| NewPassword { password, made: None }))
}

/// What is wrong with a field.
pub(super) fn find<'a>(errors: &'a Errors, field: &str) -> Option<&'a str> {
    errors.iter().find(|(each, _)| *each == field).map(|(_, words)| words.as_str())
}
