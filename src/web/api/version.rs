//! Versions on the wire: ETag out, If-Match in, so that two editors never overwrite each other silently.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};

use crate::web::error::{Code, Problem};

/// What the caller says of the version that the change is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing.
    Unsaid,
    /// Any, as long as the thing is there (`*`).
    Any,
    /// This one.
    Version(i64),
}

/// The ETag of a version.
pub(super) fn etag(version: i64) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}

/// Reads If-Match.
///
/// # Errors
/// 412 where it names nothing that could ever match: the caller's view is not of this thing.
pub(super) fn seen(request: &HttpRequest) -> Result<Seen, Problem> {
    read(request.headers())
}

fn read(headers: &HeaderMap) -> Result<Seen, Problem> {
    let mut values = headers.get_all(header::IF_MATCH);
    let Some(value) = values.next() else { return Ok(Seen::Unsaid) };
    let text = value.to_str().unwrap_or("").trim();
    if text == "*" && values.next().is_none() {
        return Ok(Seen::Any);
    }
    // A weak tag never matches here (RFC 9110, section 13.1.1), and of several one is meant.
    let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match (version.and_then(|digits| digits.parse().ok()), values.next()) {
        (Some(version), None) => Ok(Seen::Version(version)),
        _ => Err(Problem::new(
            Code::Stale,
            "If-Match is not an ETag of this thing: send the one that reading it gave, as in \"3\".",
        )),
    }
}

impl Seen {
    /// The version that the store shall compare.
    pub(super) fn expected(self) -> Option<i64> {
        match self {
            Self::Version(version) => Some(version),
            Self::Unsaid | Self::Any => None,
        }
    }

    /// The same for a call that must name it.
    ///
    /// # Errors
    /// 428 where nothing was said.
    pub(super) fn required(self) -> Result<Option<i64>, Problem> {
        match self {
            Self::Unsaid => Err(Problem::new(
                Code::PreconditionRequired,
                "Replacing needs If-Match with the ETag that reading it gave, so that nobody's change is \
                 overwritten unseen.",
            )),
            Self::Any | Self::Version(_) => Ok(self.expected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn of(text: &'static str) -> Result<Seen, Code> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, HeaderValue::from_static(text));
        read(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn f13_what_if_match_says() {
        assert_eq!(read(&HeaderMap::new()).map_err(|p| p.code()), Ok(Seen::Unsaid));
        assert_eq!(of("*"), Ok(Seen::Any));
        assert_eq!(of("\"12\""), Ok(Seen::Version(12)));
        for other in ["W/\"12\"", "12", "\"\"", "\"a\"", "\"1\", \"2\"", ""] {
            assert_eq!(of(other), Err(Code::Stale), "{other}");
        }
        assert_eq!(Seen::Unsaid.required().unwrap_err().code(), Code::PreconditionRequired);
        assert_eq!(Seen::Any.required().unwrap(), None);
    }
}
