//! The audit log: who did what to what, when, and from where.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::audit_words::{ACTIONS, Details, action_words};
use super::frame::{Frame, Place};
use super::words::When;
use super::{html, phrases};
use crate::domain::limits::PAGE_DEFAULT;
use crate::domain::time::Timestamp;
use crate::engine::ports::ActorKind;
use crate::store::{AuditFilter, AuditPlace, AuditRow, Subject};
use crate::web::WebState;
use crate::web::api::audit;
use crate::web::api::query::{Query, cursor};
use crate::web::auth::{Admin, Caller};
use crate::web::error::{FieldProblem, Problem};

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    asked: Asked,
    since: Option<When>,
    until: Option<When>,
    lines: Vec<Line>,
    /// Where older lines are.
    older: Option<String>,
    /// This list from its start.
    newest: String,
}

struct Line {
    id: i64,
    at: When,
    kind: &'static str,
    name: String,
    /// Where all acts of the same name are.
    acts: String,
    address: Option<String>,
    action: String,
    subject: Shown,
    details: Details,
}

/// What something was done to.
struct Shown {
    id: String,
    /// What it is called now, or was called then.
    name: Option<String>,
    /// Its page, where it is still there.
    path: Option<String>,
    /// Where all that was done to it is.
    acts: String,
}

/// The filters as they were given, and what they mean.
struct Asked {
    pairs: Vec<(&'static str, String)>,
    errors: Vec<FieldProblem>,
    filter: AuditFilter,
    behind: Option<AuditPlace>,
}

const NAMES: [&str; 5] = ["actor", "action", "subject", "since", "until"];

impl Asked {
    fn of(text: &str) -> Self {
        let mut pairs: Vec<(&'static str, String)> = Vec::new();
        let mut rest = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let known = NAMES.into_iter().find(|each| *each == name);
            match known {
                // A form sends what was left empty, too.
                Some(_) if value.trim().is_empty() => {}
                Some(name @ ("since" | "until")) => {
                    rest.append_pair(name, &with_zone(&value));
                    pairs.push((name, value.into_owned()));
                }
                Some(name) => {
                    rest.append_pair(name, value.trim());
                    pairs.push((name, value.trim().to_owned()));
                }
                None => {
                    rest.append_pair(&name, &value);
                }
            }
        }
        let mut query = Query::of(&rest.finish());
        let read = (audit::filter(&mut query), audit::place(&mut query));
        let (read, errors) = match query.end(read) {
            Ok(read) => (read, Vec::new()),
            Err(problem) => (Default::default(), problem.errors().to_vec()),
        };
        let (filter, behind) = read;
        Self { pairs, errors, filter, behind }
    }

    fn text(&self, name: &str) -> &str {
        self.pairs.iter().find(|(each, _)| *each == name).map_or("", |(_, value)| value)
    }

    fn error(&self, name: &str) -> Option<&str> {
        let found = self.errors.iter().find(|each| each.pointer.strip_prefix('?') == Some(name));
        found.map(|each| each.detail.as_str())
    }

    /// What is wrong that no field of the form has.
    fn other_errors(&self) -> Vec<String> {
        let name = |each: &FieldProblem| each.pointer.trim_start_matches('?').to_owned();
        let others = self.errors.iter().filter(|each| !NAMES.contains(&name(each).as_str()));
        others.map(|each| format!("{} {}.", name(each), each.detail)).collect()
    }

    fn narrows(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// The address of a page with these filters, from that place on.
    fn address(&self, cursor: Option<&str>) -> String {
        let pairs = self.pairs.iter().map(|(name, value)| (*name, value.as_str()));
        address(pairs.chain(cursor.map(|cursor| ("cursor", cursor))))
    }
}

fn address<'a>(pairs: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(pairs).finish();
    if query.is_empty() { "/audit".to_owned() } else { format!("/audit?{query}") }
}

/// Where the acts of somebody of that name are listed.
pub(super) fn acts_of(name: &str) -> String {
    address([("actor", name)].into_iter())
}

/// A time as a form sends it, without a zone, is UTC: the script has put UTC in the place of the reader's own.
fn with_zone(text: &str) -> String {
    let bare = text.split_once(['T', 't', ' ']).is_some_and(|(_, time)| !time.contains(['+', '-']));
    let local: Option<jiff::civil::DateTime> = text.parse().ok().filter(|_| bare);
    let at = local.and_then(|local| jiff::tz::TimeZone::UTC.to_timestamp(local).ok());
    at.map_or_else(|| text.to_owned(), |at| at.to_string())
}

pub(super) async fn page(
    caller: Caller<Admin>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let asked = Asked::of(request.query_string());
    let now = state.engine.now();
    let (mut lines, mut older) = (Vec::new(), None);
    if asked.errors.is_empty() {
        let mut rows =
            state.reader.audit(asked.filter.clone(), asked.behind, PAGE_DEFAULT + 1).await?;
        let more = rows.len() > PAGE_DEFAULT;
        rows.truncate(PAGE_DEFAULT);
        let last = rows.last().filter(|_| more).map(|last| cursor(last.at, &last.id));
        older = last.map(|last| asked.address(Some(&last)));
        let names = names(&state, &rows).await?;
        lines = rows.into_iter().map(|row| Line::of(row, &names, now)).collect();
    }
    let is_wrong = !asked.errors.is_empty();
    let mut answer = html(&AuditPage {
        frame: Frame::of(&caller, &request, Place::Audit, "Audit log"),
        since: asked.filter.since.map(|at| When::of(at, now)),
        until: asked.filter.until.map(|at| When::of(at, now)),
        newest: asked.address(None),
        asked,
        lines,
        older,
    })?;
    if is_wrong {
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(answer)
}

type Names = BTreeMap<Subject, String>;

/// What the subjects of these lines are called now.
async fn names(state: &WebState, rows: &[AuditRow]) -> Result<Names, Problem> {
    let mut subjects: Vec<Subject> = rows.iter().filter_map(subject).collect();
    subjects.sort();
    subjects.dedup();
    let names = state.reader.names(subjects.clone()).await?;
    Ok(subjects.into_iter().zip(names).filter_map(|(each, name)| Some((each, name?))).collect())
}

fn subject(row: &AuditRow) -> Option<Subject> {
    let (kind, _) = row.action.split_once('.')?;
    let id = row.subject.as_str();
    match kind {
        "automation" => id.parse().ok().map(Subject::Automation),
        "integration" => id.parse().ok().map(Subject::Integration),
        "delivery" => id.parse().ok().map(Subject::Delivery),
        "user" | "session" => id.parse().ok().map(Subject::User),
        "token" => Some(Subject::Token(id.to_owned())),
        "inbound" => id.parse().ok().map(Subject::Inbound),
        "phrases" => Some(Subject::Phrases(id.to_owned())),
        _ => None,
    }
}

fn path(subject: &Subject) -> String {
    match subject {
        Subject::Automation(id) => format!("/automations/{id}"),
        Subject::Integration(id) => format!("/integrations/{id}"),
        Subject::Delivery(id) => format!("/deliveries/{id}"),
        Subject::User(id) => format!("/people/{id}"),
        Subject::Token(id) => format!("/tokens#{id}"),
        Subject::Inbound(id) => format!("/inbound#{id}"),
        Subject::Phrases(org_id) => phrases::path(org_id),
    }
}

impl Line {
    fn of(row: AuditRow, names: &Names, now: Timestamp) -> Self {
        let subject = subject(&row);
        let found = subject.as_ref().and_then(|subject| names.get(subject));
        let then = || {
            let named = |side: &str| row.change.get(side)?.get("name")?.as_str().map(str::to_owned);
            named("after").or_else(|| named("before"))
        };
        let shown = Shown {
            path: subject.as_ref().filter(|_| found.is_some()).map(path),
            name: match (&subject, found) {
                // A delivery is known by its id; its record's says more beside it.
                (Some(Subject::Delivery(_)), Some(record)) => Some(format!("record {record}")),
                // Who signed in is who did it.
                (Some(Subject::User(_)), _) if row.action.starts_with("session.") => None,
                (_, Some(name)) => Some(name.clone()),
                (_, None) => then(),
            },
            acts: address([("subject", row.subject.as_str())].into_iter()),
            id: row.subject,
        };
        let mut details = Details::of(&row.change);
        if let Some(name) = &shown.name {
            details.leave_out_name(name);
        }
        Self {
            id: row.id,
            at: When::of(row.at, now),
            kind: match row.by.kind {
                ActorKind::Token => "token",
                ActorKind::User => "person",
                ActorKind::Cli => "command line",
                ActorKind::System => "Belfry itself",
            },
            acts: acts_of(&row.by.name),
            name: row.by.name,
            address: row.by.address,
            action: action_words(&row.action).to_owned(),
            subject: shown,
            details,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Timestamp> {
        let at: jiff::Timestamp = text.parse().unwrap();
        Some(Timestamp::from_millis(at.as_millisecond()))
    }

    #[test]
    fn filters_are_those_of_the_api() {
        let asked = Asked::of("actor=ada&action=&subject=+&since=2026-11-24T03:05&cursor=5-7");
        assert!(asked.errors.is_empty(), "{:?}", asked.errors);
        assert_eq!(asked.filter.actor.as_deref(), Some("ada"));
        assert_eq!((asked.filter.action, asked.filter.subject), (None, None));
        assert_eq!(asked.filter.since, at("2026-11-24T03:05:00Z"));
        assert_eq!(asked.behind, Some(AuditPlace { at: Timestamp::from_millis(5), id: 7 }));
        assert!(!Asked::of("actor=").narrows());
        let east = Asked::of("until=2026-11-24T03:05:06%2B02:00");
        assert_eq!(east.filter.until, at("2026-11-24T01:05:06Z"));
    }

    #[test]
    fn what_is_wrong_is_told_at_its_field() {
        let asked = Asked::of("since=yesterday&colour=red&actor=ada");
        assert!(asked.error("since").is_some() && asked.error("actor").is_none());
        assert_eq!(asked.other_errors().len(), 1);
        assert_eq!(asked.text("since"), "yesterday");
        assert!(asked.filter.actor.is_none());
    }

    #[test]
    fn addresses_keep_the_filters() {
        let asked = Asked::of("actor=a%26b&until=2026-11-24T03:05&cursor=1-2");
        let next = asked.address(Some("3-4"));
        assert_eq!(next, "/audit?actor=a%26b&until=2026-11-24T03%3A05&cursor=3-4");
        assert_eq!(acts_of("a&b"), "/audit?actor=a%26b");
        assert_eq!(Asked::of("").address(None), "/audit");
    }
}
