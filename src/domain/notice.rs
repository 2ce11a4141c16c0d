//! An alert as people are told of it, read from its body. Reading never fails: a relay passes on
//! bodies with fields and words that are not ours, and something can always be shown.

use serde_json::Value;
use url::Url;

use super::alert::Aside;
use super::levels::Level;
use super::limits::{
    NOTICE_EXCERPT_BYTES, NOTICE_LINK_BYTES, NOTICE_TIME_CHARS, NOTICE_WORD_CHARS, TITLE_CHARS,
};
use super::plain;
use super::time::Timestamp;

/// What a body said. Each text is one line, but the excerpt, and fit to be shown; what was missing,
/// or of another type, is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "most are the fields of the same name of the contract's section 2")]
pub struct Notice {
    pub automation_id: Option<String>,
    /// What people call the automation. It stands in no body.
    pub automation_name: Option<String>,
    pub org_id: Option<String>,
    pub escalated_at: Option<Moment>,
    pub escalation_level: Option<String>,
    pub emotional_intensity_level: Option<String>,
    pub sentiment_shift: Option<String>,
    pub record_id: Option<String>,
    /// Where the dashboard shows the record.
    pub record_url: Option<Link>,
    /// Where the feedback came from.
    pub source_url: Option<Link>,
    /// The feedback's first characters, in lines.
    pub excerpt: String,
    pub created_at: Option<Moment>,
    pub source: Option<String>,
    /// What a cool-down kept from going out before this alert. It stands in no body.
    pub held_back: Option<HeldBack>,
    /// Why nothing of the body can be shown, in one sentence for people.
    pub problem: Option<&'static str>,
}

/// Alerts of the same conversation or account that were held back by a cool-down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBack {
    /// How many.
    pub count: u64,
    /// When the first of them was.
    pub since: Timestamp,
}

/// A time, or what stood in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// Understood.
    At(Timestamp),
    /// One line of something else.
    Words(String),
}

/// An address in the web, or what stood in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// A link that can be followed: http or https, a host, no user name, normalised, all ASCII.
    Web(String),
    /// One line of something else, only to be read.
    Words(String),
}

impl Notice {
    /// Reads a body as it goes out (contract, section 2), or what a relay was given in its place.
    pub fn read(body: &[u8]) -> Self {
        let value: Value = match serde_json::from_slice(body) {
            Ok(value @ Value::Object(_)) => value,
            Ok(_) | Err(_) => {
                return Self {
                    problem: Some(
                        "The alert's body is not a JSON object, so nothing of it is shown.",
                    ),
                    ..Self::default()
                };
            }
        };
        let (levels, record) = (value.get("levels"), value.get("record"));
        Self {
            automation_id: word(Some(&value), "automation_id"),
            org_id: word(Some(&value), "org_id"),
            escalated_at: moment(Some(&value), "escalated_at"),
            escalation_level: word(levels, "escalation_level"),
            emotional_intensity_level: word(levels, "emotional_intensity_level"),
            sentiment_shift: word(levels, "sentiment_shift"),
            record_id: word(record, "id"),
            record_url: link(record, "url"),
            source_url: link(record, "source_url"),
            excerpt: text(record, "content_excerpt")
                .map(|text| plain::block(&text, NOTICE_EXCERPT_BYTES))
                .unwrap_or_default(),
            created_at: moment(record, "created_at"),
            source: word(record, "source"),
            ..Self::default()
        }
    }

    /// With the automation's name, as one line.
    #[must_use]
    pub fn named(self, automation_name: &str) -> Self {
        Self { automation_name: filled(plain::line(automation_name, NOTICE_WORD_CHARS)), ..self }
    }

    /// With what stands beside the alert.
    #[must_use]
    pub fn beside(self, aside: &Aside) -> Self {
        match aside.held_back {
            Some(held_back) => self.after(held_back),
            None => self,
        }
    }

    /// With what was held back before it; nothing where the count is 0.
    #[must_use]
    pub fn after(self, held_back: HeldBack) -> Self {
        Self { held_back: Some(held_back).filter(|held| held.count > 0), ..self }
    }

    /// The escalation level, where it is one of ours.
    pub fn level(&self) -> Option<Level> {
        self.escalation_level.as_deref()?.parse().ok()
    }

    /// The levels that are known, with what they are called; beside that name, `sentiment degraded`
    /// is said shorter.
    pub fn levels(&self) -> Vec<(&'static str, String)> {
        let short = |shift: &String| {
            let word = shift.strip_prefix("sentiment ").filter(|word| !word.is_empty());
            word.unwrap_or(shift).to_owned()
        };
        [
            ("Escalation level", self.escalation_level.clone()),
            ("Emotional intensity", self.emotional_intensity_level.clone()),
            ("Sentiment shift", self.sentiment_shift.as_ref().map(short)),
        ]
        .into_iter()
        .filter_map(|(label, word)| Some((label, word?)))
        .collect()
    }

    /// The title where no template makes one: `High escalation from ZendeskSupport: T-1`.
    pub fn title(&self) -> String {
        let mut title = match &self.escalation_level {
            Some(level) => format!("{} escalation", capitalised(level)),
            None => "Escalation".to_owned(),
        };
        if let Some(source) = &self.source {
            title.push_str(" from ");
            title.push_str(source);
        }
        if let Some(id) = &self.record_id {
            title.push_str(": ");
            title.push_str(id);
        }
        plain::line(&title, TITLE_CHARS)
    }

    /// One sentence about what was held back, if anything was.
    pub fn held_back_words(&self) -> Option<String> {
        let HeldBack { count, since } = self.held_back?;
        let (alerts, were) = if count == 1 { ("alert", "was") } else { ("alerts", "were") };
        Some(format!(
            "{count} more {alerts} of the same conversation or account {were} held back since {}.",
            Moment::At(since).shown()
        ))
    }
}

impl Moment {
    /// `2026-06-27 12:00 UTC`: to the minute, in the one zone that every reader can convert from.
    pub fn shown(&self) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::At(at) => match jiff::Timestamp::from_millisecond(at.as_millis()) {
                Ok(time) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
                Err(_) => at.to_string(),
            },
        }
    }

    /// The time, where it was understood.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(*at),
            Self::Words(_) => None,
        }
    }
}

impl Link {
    /// What a text is as a link.
    pub fn parse(text: &str) -> Option<Self> {
        let web = Url::parse(text.trim_matches(' ')).ok().filter(|url| {
            // A user name before the host makes a link look as if it led elsewhere.
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.as_str().len() <= NOTICE_LINK_BYTES
                && url.as_str().bytes().all(|byte| byte.is_ascii_graphic())
        });
        match web {
            Some(url) => Some(Self::Web(url.into())),
            None => filled(plain::line(text, NOTICE_WORD_CHARS)).map(Self::Words),
        }
    }

    /// The link, where it can be followed.
    pub fn web(&self) -> Option<&str> {
        match self {
            Self::Web(url) => Some(url),
            Self::Words(_) => None,
        }
    }

    /// The link, or what stood in its place.
    pub fn shown(&self) -> &str {
        match self {
            Self::Web(text) | Self::Words(text) => text,
        }
    }
}

/// A text, or a number or truth value that stands where one should.
fn text(parent: Option<&Value>, name: &str) -> Option<String> {
    match parent?.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn word(parent: Option<&Value>, name: &str) -> Option<String> {
    filled(plain::line(&text(parent, name)?, NOTICE_WORD_CHARS))
}

fn link(parent: Option<&Value>, name: &str) -> Option<Link> {
    Link::parse(&text(parent, name)?)
}

fn moment(parent: Option<&Value>, name: &str) -> Option<Moment> {
    let text = text(parent, name)?;
    match super::time::parse_rfc3339(&text) {
        Ok(at) => Some(Moment::At(Timestamp::from_millis(at.as_millisecond()))),
        Err(_) => filled(plain::line(&text, NOTICE_TIME_CHARS)).map(Moment::Words),
    }
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// The first letter as a capital, the others as they are.
pub(crate) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_body_is_there_is_something_to_show() {
        for body in ["", "{", "[]", "null", "\"text\"", "{\"a\":", "\u{0}", "[[[[[["] {
            let notice = Notice::read(body.as_bytes());
            assert!(notice.problem.is_some(), "{body}");
            assert_eq!(notice.title(), "Escalation");
        }
        assert_eq!(Notice::read(b"{}"), Notice::default());
        let deep = "[".repeat(100_000);
        assert!(Notice::read(deep.as_bytes()).problem.is_some());
        assert!(Notice::read(b"{\"a\": \"\xff\"}").problem.is_some());
    }

    #[test]
    fn fields_of_other_types_are_read_as_far_as_they_go() {
        let notice = Notice::read(
            br#"{"automation_id": 7, "levels": {"escalation_level": "critical", "x": 1},
                "record": {"id": 12.5, "url": true, "source": ["a"], "created_at": 1700000000}}"#,
        );
        assert_eq!(notice.automation_id.as_deref(), Some("7"));
        assert_eq!(notice.title(), "Critical escalation: 12.5");
        assert_eq!(notice.record_url, Some(Link::Words("true".to_owned())));
        assert_eq!(notice.source, None);
        assert_eq!(notice.created_at.map(|at| at.shown()).as_deref(), Some("1700000000"));
        assert_eq!(notice.escalation_level.as_deref(), Some("critical"));
    }

    #[test]
    fn only_links_into_the_web_can_be_followed() {
        for (text, web) in [
            ("https://a.test/x?y=1#z", Some("https://a.test/x?y=1#z")),
            ("http://bücher.test/\u{e9}", Some("http://xn--bcher-kva.test/%C3%A9")),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("https://good.test@evil.test/", None),
            ("//a.test", None),
            ("https://", None),
            ("https://a.test/\"><script>", Some("https://a.test/%22%3E%3Cscript%3E")),
        ] {
            assert_eq!(Link::parse(text).as_ref().and_then(Link::web), web, "{text}");
        }
        let long = format!("https://a.test/{}", "a".repeat(3000));
        assert!(matches!(Link::parse(&long), Some(Link::Words(_))));
    }
}
