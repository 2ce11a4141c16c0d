//! A form as a browser sends it.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use zeroize::Zeroizing;

use crate::domain::limits::FORM_FIELDS;
use crate::domain::secret::Secret;
use crate::web::body;
use crate::web::error::{Code, Problem};

/// The fields of a form by their names; the first of a name counts. Some hold what must not be seen, so that it has no `Debug`, and is
/// wiped when it goes.
pub(super) struct Form(BTreeMap<String, Zeroizing<String>>);

impl Form {
    /// Reads a form within the bounds of every body.
    ///
    /// # Errors
    /// 413, 415, 408; 400 where it has more fields than any form of ours.
    pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, Problem> {
        let body = Zeroizing::new(body::form(request, payload).await?.to_vec());
        Self::of(&body)
    }

    /// Reads the text of a form.
    ///
    /// # Errors
    /// 400 where it has more fields than any form of ours.
    pub(super) fn of(text: &[u8]) -> Result<Self, Problem> {
        let mut fields = BTreeMap::new();
        for (count, (name, value)) in url::form_urlencoded::parse(text).enumerate() {
            if count >= FORM_FIELDS {
                let words = format!("A form may have {FORM_FIELDS} fields.");
                return Err(Problem::new(Code::Malformed, words));
            }
            fields.entry(name.into_owned()).or_insert_with(|| Zeroizing::new(value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// The value of that name; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// The value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }

    /// Whether there is a field of that name: a box that is ticked, a button that was pressed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A value that must not be seen.
    pub(super) fn secret(&self, name: &str) -> Secret {
        Secret::new(self.text(name).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let form = Form::of(b"name=a+b&empty=&name=c&x%2Fy=%C3%A9").unwrap();
        assert_eq!(form.text("name"), "a b");
        assert_eq!(form.text("x/y"), "é");
        assert!(form.has("empty") && !form.has("other"));
        assert_eq!(form.text("other"), "");
    }

    #[test]
    fn a_form_has_a_bounded_number_of_fields() {
        assert!(Form::of("a=&".repeat(FORM_FIELDS).as_bytes()).is_ok());
        assert!(Form::of("a=&".repeat(FORM_FIELDS + 1).as_bytes()).is_err());
    }
}
