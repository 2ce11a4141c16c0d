//! The editor as a page: the draft, what is wrong with it, and what the filter would have done.

use askama::Template;

use super::credential::Credential;
use super::destination::{Destination, Stage};
use super::draft::{AXES, Draft, at};
use super::hygiene::PER;
use super::rows::{Group, METADATA, Matching, Node, Row};
use super::words::{
    METHODS, field_label, field_words, kind_title, kind_words, method_words, op_words,
};
use crate::domain::condition::{Condition, Shape, Subject};
use crate::domain::integration::Kind;
use crate::domain::levels::{Level, SentimentShift};
use crate::domain::template::NAMES;
use crate::domain::time::Timestamp;
use crate::domain::verdict;
use crate::web::api::preview::Preview;
use crate::web::ui::alert::spread;
use crate::web::ui::frame::Frame;
use crate::web::ui::words::{When, miss_words};

#[derive(Template)]
#[template(path = "editor.html")]
pub(super) struct Page {
    pub(super) frame: Frame,
    /// Where the form goes.
    pub(super) path: String,
    /// Where leaving without saving leads to.
    pub(super) back: String,
    pub(super) draft: Draft,
    /// Where a relay's sender posts to; none before it is saved.
    pub(super) inbound_url: Option<String>,
    /// Whether there is something in the form that is not saved.
    pub(super) dirty: bool,
    /// What is wrong, by the field of the form.
    pub(super) errors: Vec<(String, String)>,
    /// The field that the reader is led to.
    pub(super) focus: Option<String>,
    /// Values seen in recent records, by field.
    pub(super) suggestions: Vec<(String, Vec<String>)>,
    pub(super) tried: Option<Tried>,
    /// What a message of one of the destinations looks like.
    pub(super) previewed: Option<(usize, Message)>,
}

/// A message as people read it.
pub(super) struct Message {
    pub(super) title: String,
    pub(super) levels: Vec<(&'static str, String)>,
    pub(super) text: String,
    /// As it is sent.
    pub(super) body: String,
}

impl Message {
    pub(super) fn of(preview: Preview) -> Self {
        let Preview { notice, wording, shown } = preview;
        Self {
            title: wording.title,
            levels: notice.levels(),
            text: wording.text.unwrap_or(notice.excerpt),
            body: spread(&shown.body),
        }
    }
}

/// What the filter would have done.
pub(super) struct Tried {
    pub(super) fired: usize,
    pub(super) rows: Vec<TriedRow>,
}

pub(super) struct TriedRow {
    pub(super) record: String,
    pub(super) excerpt: String,
    pub(super) at: When,
    pub(super) fires: bool,
    pub(super) why: String,
}

/// A piece of a condition, in the order in which it stands on the page.
pub(super) enum Line {
    /// A group begins.
    Group {
        at: String,
        number: String,
        matching: &'static str,
        is_root: bool,
        error: Option<String>,
    },
    Row(Box<RowLine>),
    /// A group ends, after the buttons that add to it.
    End {
        at: String,
        number: String,
        is_root: bool,
    },
}

pub(super) struct RowLine {
    pub(super) at: String,
    pub(super) row: Row,
    pub(super) number: String,
    /// What it can be asked of, by the fields' names in JSON.
    pub(super) fields: Vec<String>,
    pub(super) ops: Vec<(&'static str, &'static str)>,
    /// `none`, `choice`, `flag`, `list` or `text`.
    pub(super) control: &'static str,
    pub(super) choices: Vec<String>,
    pub(super) hint: &'static str,
    pub(super) errors: Vec<(String, String)>,
}

/// A choice of a minimum level.
pub(super) struct Axis {
    pub(super) at: String,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) words: Vec<&'static str>,
    pub(super) chosen: String,
}

/// A destination as the page shows it.
pub(super) struct DestinationLine<'a> {
    pub(super) at: String,
    pub(super) index: usize,
    pub(super) each: &'a Destination,
    pub(super) is_open: bool,
    pub(super) is_new: bool,
    pub(super) hidden: Vec<(String, String)>,
    pub(super) has_advanced: bool,
    /// Whether its message differs from the default, or is looked at.
    pub(super) has_message: bool,
}

impl Page {
    fn error(&self, field: impl AsRef<str>) -> Option<String> {
        let field = field.as_ref();
        self.errors.iter().find(|(each, _)| each == field).map(|(_, words)| words.clone())
    }

    fn is_focus(&self, field: impl AsRef<str>) -> bool {
        self.focus.as_deref() == Some(field.as_ref())
    }

    fn axes(&self) -> Vec<Axis> {
        let levels = || Level::ALL.map(Level::word).to_vec();
        let shifts = SentimentShift::ALL.map(SentimentShift::word).to_vec();
        let words = [
            ("Escalation level", "How clearly the customer means to go around support.", levels()),
            ("Emotional intensity", "How strong the feeling is.", levels()),
            (
                "Sentiment shift",
                "At least this bad; a record without a shift does not reach it.",
                shifts,
            ),
        ];
        let each = AXES.iter().zip(words).zip(&self.draft.least);
        each.map(|((axis, (label, hint, words)), chosen)| Axis {
            at: format!("/minimum_levels/{axis}"),
            label,
            hint,
            words,
            chosen: chosen.clone(),
        })
        .collect()
    }

    fn lines(&self, group: &Group, at: impl AsRef<str>) -> Vec<Line> {
        let mut lines = Vec::new();
        self.lines_of(group, at.as_ref(), true, &mut lines);
        lines
    }

    fn lines_of(&self, group: &Group, at: &str, is_root: bool, lines: &mut Vec<Line>) {
        lines.push(Line::Group {
            at: at.to_owned(),
            number: number(at),
            matching: group.matching.word(),
            is_root,
            error: self.error(at),
        });
        for (index, node) in group.nodes.iter().enumerate() {
            let at = format!("{at}:{index}");
            match node {
                Node::Group(inner) => self.lines_of(inner, &at, false, lines),
                Node::Row(row) => lines.push(Line::Row(Box::new(self.row(row, at)))),
            }
        }
        lines.push(Line::End { at: at.to_owned(), number: number(at), is_root });
    }

    fn row(&self, row: &Row, at: String) -> RowLine {
        let shape = row.shape();
        let mut ops: Vec<_> = shape.ops().iter().map(|op| (*op, op_words(op, &shape))).collect();
        ops.push(("not_exists", "is not set"));
        let (control, choices, hint) = match &shape {
            _ if !row.has_value() => ("none", Vec::new(), ""),
            _ if row.is_list() => ("list", Vec::new(), "One value a line"),
            Shape::Words(words) => ("choice", with_own(words, &row.value), ""),
            Shape::Time => ("text", Vec::new(), "As in 2026-06-27T12:00:00Z"),
            Shape::Any if row.has_kind() && row.kind == "flag" => ("flag", Vec::new(), ""),
            Shape::Any | Shape::Text if row.op == "matches" => {
                ("text", Vec::new(), "A regular expression; (?i) ignores capitals")
            }
            Shape::Any if matches!(row.op.as_str(), "gt" | "gte" | "lt" | "lte") => {
                ("text", Vec::new(), "A number")
            }
            Shape::Any | Shape::Text => ("text", Vec::new(), ""),
        };
        let errors = ["", ":field", ":op", ":value"]
            .into_iter()
            .filter_map(|part| Some((part.to_owned(), self.error(format!("{at}{part}"))?)))
            .collect();
        let fields = self.fields(row, &at);
        let (number, row) = (number(&at), row.clone());
        RowLine { number, fields, row, at, ops, control, choices, hint, errors }
    }

    /// The fields that a row can choose from. One that is no choice any more, because something else is
    /// listened to, stays to be seen and is refused when it is saved.
    fn fields(&self, row: &Row, at: &str) -> Vec<String> {
        let subject = self.draft.subject(at);
        let more = (subject == Subject::Record).then_some(METADATA);
        let mut fields: Vec<_> =
            Condition::fields(subject).chain(more).map(str::to_owned).collect();
        if !fields.contains(&row.field) {
            fields.push(row.field.clone());
        }
        fields
    }

    /// Whether what belongs to that trigger is on the page: in a new automation both are, of which one is
    /// seen, so that it can be chosen without a script.
    fn is_about(&self, trigger: &str) -> bool {
        self.draft.version.is_none() || self.draft.listening.word() == trigger
    }

    fn destinations(&self) -> Vec<DestinationLine<'_>> {
        let numbered = self.draft.destinations.iter().enumerate();
        numbered
            .map(|(index, each)| {
                let at = at(index);
                let has_error =
                    self.errors.iter().any(|(field, _)| field.starts_with(&format!("{at}/")));
                let is_open = !matches!(each.stage, Stage::Closed) || has_error;
                let mut hidden = Vec::new();
                if is_open {
                    each.given(&at, &mut hidden);
                } else {
                    each.fields(&at, &mut hidden);
                }
                DestinationLine {
                    is_open,
                    is_new: matches!(each.stage, Stage::New),
                    hidden,
                    has_message: !each.title.is_empty()
                        || !each.text.is_empty()
                        || self.previewed(index).is_some(),
                    has_advanced: each.has_advanced()
                        || self.errors.iter().any(|(field, _)| {
                            ["max_in_flight", "rate_limit", "retry", "ordering", "condition"]
                                .iter()
                                .any(|part| field.starts_with(&format!("{at}/{part}")))
                        }),
                    index,
                    each,
                    at,
                }
            })
            .collect()
    }

    fn previewed(&self, index: usize) -> Option<&Message> {
        self.previewed.as_ref().filter(|(each, _)| *each == index).map(|(_, message)| message)
    }

    fn has_open(&self) -> bool {
        self.draft.destinations.iter().any(|each| matches!(each.stage, Stage::New))
    }
}

impl RowLine {
    fn error(&self) -> Option<&str> {
        self.errors.first().map(|(_, words)| words.as_str())
    }

    fn is_wrong(&self, part: &str) -> bool {
        self.errors.iter().any(|(each, _)| each == part || each.is_empty())
    }
}

impl DestinationLine<'_> {
    pub(super) fn method(&self) -> &'static str {
        method_words(&self.each.method)
    }

    fn credential(&self) -> &'static str {
        match &self.each.credential {
            Credential::Absent => "absent",
            Credential::Saved => "saved",
            Credential::Replacing => "replacing",
            Credential::Typed(_) => "typed",
            Credential::Removed => "removed",
        }
    }

    fn host(&self) -> String {
        if !self.each.name.is_empty() {
            return self.each.name.clone();
        }
        match self.each.kind {
            Kind::Webhook => {
                let url = url::Url::parse(&self.each.url).ok();
                let host = url.and_then(|url| url.host_str().map(str::to_owned));
                host.unwrap_or_else(|| "webhook".to_owned())
            }
            Kind::Slack => "Slack".to_owned(),
            Kind::Email => "Email".to_owned(),
        }
    }

    fn words(&self) -> &'static str {
        kind_words(&self.each.kind)
    }

    fn title_words(&self) -> &'static str {
        kind_title(&self.each.kind)
    }

    /// Where it is, as far as it may be shown.
    fn address(&self) -> String {
        self.each.url.replace('\n', ", ")
    }

    fn name_hint(&self) -> &'static str {
        match self.each.kind {
            Kind::Webhook => "Left empty, it is called by its host.",
            Kind::Slack => "Left empty, it is called Slack: the channel's name tells more.",
            Kind::Email => "Left empty, it is called Email: who reads it tells more.",
        }
    }

    fn conditions_words(&self) -> String {
        format!("Conditions of this {}", self.words())
    }
}

/// What a row or group is called, which no other of its condition is: the second of the third group is `3.2`.
fn number(at: &str) -> String {
    let parts = at.split(':').skip(1).filter_map(|part| part.parse::<usize>().ok());
    parts.map(|index| (index + 1).to_string()).collect::<Vec<_>>().join(".")
}

/// The words to choose from, with the one that is there, which another system may have made up.
fn with_own(words: &[&str], own: &str) -> Vec<String> {
    let mut words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
    if !own.is_empty() && !words.iter().any(|word| word == own) {
        words.push(own.to_owned());
    }
    words
}

/// What an automation can listen to: the word in JSON, and what people read.
fn triggers() -> [(&'static str, &'static str, &'static str); 2] {
    [
        ("records", "Feedback records", "Its filter and minimum levels say which make an alert."),
        (
            "relay",
            "Alerts of another system (relay)",
            "It passes on what is posted to its own address.",
        ),
    ]
}

fn matchings() -> [(&'static str, &'static str); 3] {
    Matching::ALL.map(|matching| {
        (
            matching.word(),
            match matching {
                Matching::All => "all of these",
                Matching::Any => "any of these",
                Matching::None => "none of these",
            },
        )
    })
}

/// What a field of the form is called where an error speaks of it.
fn place_words(draft: &Draft, field: &str) -> String {
    let (place, _) = field.split_once(':').unwrap_or((field, ""));
    let mut parts = place.split('/').skip(1);
    let (first, index, inner, below) = (parts.next(), parts.next(), parts.next(), parts.next());
    let mut words = match (first, index, inner) {
        (Some("integrations"), Some(index), inner) => {
            let index = index.parse::<usize>().unwrap_or(0);
            let kind = draft.destinations.get(index).map_or(Kind::Webhook, |each| each.kind);
            let inner = below.or(inner).map(field_label).unwrap_or_default();
            format!("{} {} {inner}", kind_title(&kind), index + 1)
        }
        (Some("inbound_auth"), Some(part), _) => {
            format!("Sender’s {}", field_label(part).to_lowercase())
        }
        (Some(first), below, _) => field_label(below.unwrap_or(first)).to_owned(),
        (None, ..) => "Automation".to_owned(),
    };
    let number = number(field);
    if !number.is_empty() {
        words = format!("{words}, condition {number}");
    }
    words
}

/// Templates compare texts of many types.
fn same(one: impl AsRef<str>, other: impl AsRef<str>) -> bool {
    one.as_ref() == other.as_ref()
}

impl TriedRow {
    /// What became of one record.
    pub(super) fn of(tried: &verdict::Tried, now: Timestamp) -> Self {
        const CHARS: usize = 90;
        let record = &tried.seen.record;
        let mut excerpt: String = record.content.chars().take(CHARS).collect();
        if record.content.chars().nth(CHARS).is_some() {
            excerpt.push('…');
        }
        Self {
            record: record.id.clone(),
            excerpt,
            at: When::of(tried.seen.at, now),
            fires: tried.fires(),
            why: tried.misses.iter().map(miss_words).collect::<Vec<_>>().join("; "),
        }
    }
}
