//! One attempt at a Slack channel: the alert said as a message, posted once to the URL that is its
//! credential, and Slack's answer judged.

use std::time::Instant;

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use super::{judge, message};
use crate::channel::https::{Mask, Order, Seen, Wire, exchange};
use crate::channel::webhook::request::AGENT;
use crate::domain::integration::{HttpsUrl, Slack};
use crate::domain::limits::RESPONSE_EXCERPT_BYTES;
use crate::domain::notice::Notice;
use crate::domain::outcome::{Fault, FaultKind, Outcome};
use crate::domain::secret::Secret;
use crate::domain::template::Dress;
use crate::domain::wording::Wording;
use crate::engine::ports::{Attempt, Sealer, Shown};

const JSON: &str = "application/json; charset=utf-8";

/// Posts the message once.
pub(in crate::channel) async fn send(
    wire: &Wire,
    sealer: &dyn Sealer,
    attempt: &Attempt,
    slack: &Slack,
    begun: Instant,
) -> (Outcome, Seen) {
    let secret = match crate::channel::sender::credential(sealer, &attempt.destination) {
        Ok(Some(secret)) => secret,
        Ok(None) => return (no_url("none is set"), Seen::default()),
        Err(fault) => return (Outcome::Failed(fault), Seen::default()),
    };
    let Ok(url) = HttpsUrl::parse(secret.expose()) else {
        return (no_url("it is none of https"), Seen::default());
    };
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let (body, note) = made(attempt, slack);
    let order = Order {
        url: &url,
        plain: None,
        headers,
        body: body.into(),
        http1_only: false,
        read: RESPONSE_EXCERPT_BYTES,
    };
    let mask = mask(&secret, &url);
    let (answered, mut seen) = exchange(wire, order, &mask, begun).await;
    let outcome = match answered {
        Ok(answer) => {
            // A word that is cut in the middle of a character is no word anyway.
            let said = String::from_utf8_lossy(&answer.start);
            let mut judged = judge(answer.status, &said, answer.retry_after);
            if let Some(note) = note {
                judged.words.push_str(". ");
                judged.words.push_str(&note);
            }
            Outcome::Judged(judged)
        }
        Err(fault) => Outcome::Failed(fault),
    };
    seen.excerpt = seen.excerpt.filter(|excerpt| !excerpt.is_empty());
    (outcome, seen)
}

/// What an attempt sends.
pub(in crate::channel) fn shown(attempt: &Attempt, slack: &Slack) -> Shown {
    let headers = [("Content-Type", JSON), ("User-Agent", AGENT)];
    Shown {
        method: "POST",
        to: slack.shown.clone(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: String::from_utf8_lossy(&made(attempt, slack).0).into_owned(),
        html: None,
    }
}

/// The message, and what went wrong with a template.
fn made(attempt: &Attempt, slack: &Slack) -> (Vec<u8>, Option<String>) {
    let notice = Notice::read(attempt.alert.body.bytes())
        .named(&attempt.destination.automation)
        .beside(&attempt.alert.aside);
    let wording = Wording::of(&notice, &slack.templates, Dress::Mrkdwn);
    (message(&notice, &wording), wording.note)
}

fn no_url(why: &str) -> Outcome {
    Outcome::Failed(Fault {
        kind: FaultKind::CredentialUnreadable,
        detail: format!("the webhook's URL: {why}; set it again"),
    })
}

/// The URL as a whole, and its path: what answers repeat may be either.
fn mask(secret: &Secret, url: &HttpsUrl) -> Mask {
    let path = url.as_url().path();
    // A path that is hardly more than a slash is no secret, and would hide what is none.
    let telling = Some(path).filter(|path| path.len() > 8);
    let last = path.rsplit('/').next().filter(|last| last.len() > 8);
    Mask::new(
        [Some(secret.expose()), Some(url.as_url().as_str()), telling, last].into_iter().flatten(),
    )
}
