//! What all pages have in common: the menu, who is signed in, and a word about what was just done.

use actix_web::HttpRequest;

use super::assets;
use crate::web::auth::{Caller, Who};
use crate::web::token::Right;

/// A place in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Automations,
    Deliveries,
    Records,
    Phrases,
    Inbound,
    People,
    Tokens,
    Audit,
    Settings,
    /// A page that is in no menu.
    Elsewhere,
}

/// An entry of the menu.
pub(super) struct Entry {
    pub(super) words: &'static str,
    pub(super) path: &'static str,
    pub(super) icon: &'static str,
    pub(super) here: bool,
}

/// What stands around a page. Templates that extend `base.html` have it as `frame`.
pub(super) struct Frame {
    pub(super) title: String,
    here: Place,
    /// Who looks at it.
    pub(super) name: String,
    pub(super) right: Right,
    /// Whether it is a person, who has a password and can sign out.
    pub(super) is_person: bool,
    pub(super) notice: Option<&'static str>,
}

/// What was done, by the word that the address carries. Nothing in an address is ever shown as it is.
const NOTICES: &[(&str, &str)] = &[
    ("saved", "Saved. The changes are in force."),
    ("created", "Created. It watches records from now on."),
    ("created-relay", "Created. Its sender posts to the address below."),
    ("deleted", "Deleted."),
    ("switched-on", "Switched on: it fires for records from now on."),
    ("switched-off", "Switched off: it fires for nothing until it is switched on again."),
    ("paused", "Paused. Alerts wait in the queue until somebody resumes it."),
    ("resumed", "Resumed. What waited goes out now."),
    ("enabled", "Enabled. Its circuit starts anew, and what waited goes out now."),
    ("disabled", "Disabled. Alerts wait in the queue until somebody enables it."),
    ("retried", "Tried again at once. The outcome shows here."),
    ("retried-dead", "The dead deliveries are tried again."),
    ("discarded", "Discarded. It will not be sent."),
    ("password-changed", "Your password is changed. Your other browsers are signed out."),
    ("welcome", "Your password is set, and you are signed in."),
    ("person-added", "Added. They can sign in now."),
    ("person-changed", "Changed. That person's browsers are signed out."),
    ("person-renamed", "Renamed. They sign in with the new name from now on."),
    ("password-set", "The new password is set. That person's browsers are signed out."),
    ("person-removed", "Removed, and signed out everywhere."),
    ("token-revoked", "Revoked. It is refused from now on."),
    ("inbound-deleted", "Deleted. Its key is refused from now on."),
    ("phrases-saved", "Saved. The organisation’s next record is judged by them."),
    ("phrases-deleted", "Deleted. The organisation’s next record is judged without them."),
    ("sent", "Sent."),
];

impl Frame {
    /// The frame of a page for somebody.
    pub(super) fn of<R>(
        caller: &Caller<R>,
        request: &HttpRequest,
        here: Place,
        title: impl Into<String>,
    ) -> Self {
        let (name, is_person) = match caller.who() {
            Who::Token { name, .. } => (name.clone(), false),
            Who::User { user, .. } => (user.name.clone(), true),
        };
        let asked = url::form_urlencoded::parse(request.query_string().as_bytes())
            .find(|(key, _)| key == "notice");
        let notice = asked.and_then(|(_, word)| {
            NOTICES.iter().find(|(each, _)| *each == word).map(|(_, words)| *words)
        });
        Self { title: title.into(), here, name, right: caller.right(), is_person, notice }
    }

    /// Where the styles and scripts are.
    pub(super) fn assets(&self) -> &'static str {
        assets::VERSION.as_str()
    }

    /// Whether the one who looks may change automations and act on deliveries.
    pub(super) fn can_edit(&self) -> bool {
        matches!(self.right, Right::Editor | Right::Admin)
    }

    /// Whether the one who looks may manage people and tokens.
    pub(super) fn is_admin(&self) -> bool {
        matches!(self.right, Right::Admin)
    }

    /// The menu, with what the one who looks may open.
    pub(super) fn menu(&self) -> Vec<Entry> {
        const ALL: [(Place, &str, &str, bool); 10] = [
            (Place::Overview, "Overview", "/", false),
            (Place::Automations, "Automations", "/automations", false),
            (Place::Deliveries, "Deliveries", "/deliveries", false),
            (Place::Records, "Records", "/records", false),
            (Place::Phrases, "Phrases", "/phrases", false),
            (Place::Inbound, "Inbound", "/inbound", false),
            (Place::People, "People", "/people", true),
            (Place::Tokens, "Tokens", "/tokens", true),
            (Place::Audit, "Audit", "/audit", true),
            (Place::Settings, "Settings", "/settings", false),
        ];
        ALL.iter()
            .filter(|(_, _, _, admins)| !admins || self.is_admin())
            .map(|&(place, words, path, _)| Entry {
                words,
                path,
                icon: place.icon(),
                here: place == self.here,
            })
            .collect()
    }
}

impl Place {
    /// The path of its icon, drawn with lines in a square of 20.
    const fn icon(self) -> &'static str {
        match self {
            Self::Overview => "M3 17V9m5 8V4m5 13v-6m4 6V7",
            Self::Automations => "M11 2 4 11h5l-1 7 7-9h-5z",
            Self::Deliveries => "M2 10h11m-4-4 4 4-4 4m8-9v10",
            Self::Records => "M5 2h7l4 4v12H5zm3 7h5m-5 4h5",
            Self::Phrases => "M3 3h14v10H9l-4 4v-4H3zm4 3.500h6m-6 3h3",
            Self::Inbound => "M18 10H7m4-4-4 4 4 4M2 3v14",
            Self::People => {
                "M10 10a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zm-7 8c0-4 3-6 7-6s7 2 7 6"
            }
            Self::Tokens => {
                "M12.500 12a4.500 4.500 0 1 0-4.300-3.200L2.500 14.500V18H6v-2h2v-2l1.500-1.500"
            }
            Self::Audit => "M4 4h12M4 8h12M4 12h8m-8 4h5m4 0 2 2 3-4",
            Self::Settings => {
                "M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6zm0-11v3m0 10v3M2 10h3m10 0h3M4.500 4.500l2 2m7 7 2 2m0-11-2 \
                 2m-7 7-2 2"
            }
            Self::Elsewhere => "",
        }
    }
}
