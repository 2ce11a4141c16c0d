//! The story as text: every driver tells it through this book, so that theirs can be compared byte for
//! byte.

use std::collections::BTreeMap;

use belfry::domain::delivery::{DeadReason, State};
use belfry::domain::id::{DeliveryId, IntegrationId};
use belfry::domain::integration::Status;
use belfry::domain::outcome::{Outcome, Verdict};
use belfry::domain::queue::{Next, Note};
use belfry::domain::time::Timestamp;

use crate::receivers::Seen;
use crate::words::{moment, spell};

/// Whom a line is about: ourselves, or a destination by its place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whom {
    Us,
    Dest(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    at_ms: u64,
    whom: Whom,
    subject: String,
    what: String,
    then: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Book {
    dests: Vec<(IntegrationId, String)>,
    deliveries: BTreeMap<DeliveryId, (String, usize)>,
    lines: Vec<Line>,
    finals: Vec<String>,
}

/// How a delivery stands in the end.
pub(crate) struct Final {
    pub(crate) alert: String,
    pub(crate) dest: usize,
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) interrupted: usize,
    pub(crate) seen: Seen,
}

impl Book {
    pub(crate) fn new(dests: Vec<(IntegrationId, String)>) -> Self {
        Self { dests, ..Self::default() }
    }

    /// A delivery got its id.
    pub(crate) fn learn(&mut self, id: DeliveryId, alert: &str, integration: IntegrationId) {
        if let Some(dest) = self.place(integration) {
            self.deliveries.insert(id, (alert.to_owned(), dest));
        }
    }

    pub(crate) fn place(&self, integration: IntegrationId) -> Option<usize> {
        self.dests.iter().position(|(id, _)| *id == integration)
    }

    pub(crate) fn name(&self, id: DeliveryId) -> Option<(&str, usize)> {
        self.deliveries.get(&id).map(|(alert, dest)| (alert.as_str(), *dest))
    }

    pub(crate) fn delivery(&self, alert: &str, dest: usize) -> Option<DeliveryId> {
        let found = self.deliveries.iter().find(|(_, (a, d))| a == alert && *d == dest);
        found.map(|(id, _)| *id)
    }

    pub(crate) fn deliveries(&self) -> impl Iterator<Item = (DeliveryId, &str, usize)> {
        self.deliveries.iter().map(|(id, (alert, dest))| (*id, alert.as_str(), *dest))
    }

    /// Something that happens to us or to a destination, not by itself.
    pub(crate) fn tell(&mut self, at_ms: u64, whom: Whom, subject: &str, what: &str, then: &str) {
        self.lines.push(Line {
            at_ms,
            whom,
            subject: subject.to_owned(),
            what: what.to_owned(),
            then: then.to_owned(),
        });
    }

    /// What a machine decided.
    pub(crate) fn noted(&mut self, at_ms: u64, wall: Timestamp, of: IntegrationId, note: &Note) {
        let Some(dest) = self.place(of) else { return };
        let whom = Whom::Dest(dest);
        let until = |at: Timestamp| spell(millis(at, wall));
        match note {
            Note::Sent { delivery, attempt } => {
                let subject = self.subject(*delivery, *attempt);
                self.tell(at_ms, whom, &subject, "send", "");
            }
            Note::Ended { delivery, attempt, outcome, next, .. } => {
                let subject = self.subject(*delivery, *attempt);
                let then = match next {
                    Next::Delivered => "delivered".to_owned(),
                    Next::Wait { .. } if outcome.verdict() == Verdict::SwitchOff => {
                        "waits".to_owned()
                    }
                    Next::Wait { due_at, .. } => format!("retry in {}", until(*due_at)),
                    Next::Dead(reason) => format!("dead: {}", dead(*reason)),
                };
                self.tell(at_ms, whom, &subject, &word(outcome), &then);
            }
            Note::CircuitOpened { probe_at } => {
                let then = format!("probe in {}", until(*probe_at));
                self.tell(at_ms, whom, "circuit", "opened", &then);
            }
            Note::ProbeFailed { probe_at } => {
                let then = format!("probe in {}", until(*probe_at));
                self.tell(at_ms, whom, "circuit", "open", &then);
            }
            Note::CircuitClosed => self.tell(at_ms, whom, "circuit", "closed", ""),
            Note::SwitchedOff => self.tell(at_ms, whom, "status", "disabled", "by its answer"),
            Note::Lost { delivery } => {
                let alert = self.deliveries.get(delivery).map_or("?", |(alert, _)| alert.as_str());
                let subject = alert.to_owned();
                self.tell(at_ms, whom, &subject, "overtaken", "");
            }
        }
    }

    /// An actor died.
    pub(crate) fn died(
        &mut self,
        at_ms: u64,
        wall: Timestamp,
        of: IntegrationId,
        parked_until: Option<Timestamp>,
    ) {
        let Some(dest) = self.place(of) else { return };
        let then = parked_until.map(|until| format!("parked for {}", spell(millis(until, wall))));
        self.tell(at_ms, Whom::Dest(dest), "actor", "died", &then.unwrap_or_default());
    }

    /// An attempt is found to have been cut off by our stop.
    pub(crate) fn interrupted(
        &mut self,
        at_ms: u64,
        delivery: DeliveryId,
        attempt: u32,
        wait: u64,
    ) {
        let Some((_, dest)) = self.name(delivery) else { return };
        let subject = self.subject(delivery, attempt);
        let then = format!("retry in {}", spell(wait));
        self.tell(at_ms, Whom::Dest(dest), &subject, "interrupted", &then);
    }

    pub(crate) fn ends(&mut self, deliveries: &[Final], dests: &[(Status, bool)]) {
        let alerts = width(deliveries.iter().map(|each| each.alert.as_str()));
        let names = width(self.dests.iter().map(|(_, name)| name.as_str()));
        let states: Vec<String> = deliveries
            .iter()
            .map(|each| match &each.reason {
                Some(reason) => format!("{}: {reason}", each.state.word()),
                None => each.state.word().to_owned(),
            })
            .collect();
        let widest = width(states.iter().map(String::as_str));
        for (each, state) in deliveries.iter().zip(&states) {
            let (_, dest) = self.dests.get(each.dest).expect("a destination of the file");
            let interrupted = match each.interrupted {
                0 => String::new(),
                count => format!(" ({count} interrupted)"),
            };
            self.finals.push(format!(
                "end  {dest:<names$}  {:<alerts$}  {state:<widest$}  attempts {}{interrupted}, received {}",
                each.alert, each.attempts, each.seen.received,
            ));
        }
        for ((_, name), (status, open)) in self.dests.iter().zip(dests) {
            let circuit = if *open { "open" } else { "closed" };
            self.finals.push(format!("end  {name:<names$}  {}, circuit {circuit}", status.word()));
        }
    }

    /// The whole story.
    pub(crate) fn text(&self) -> String {
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_by_key(|line| (line.at_ms, line.whom));
        let times: Vec<String> = lines.iter().map(|line| moment(line.at_ms)).collect();
        let time = width(times.iter().map(String::as_str));
        let whom = width(lines.iter().map(|line| self.shown(line.whom)));
        let subject = width(lines.iter().map(|line| line.subject.as_str()));
        let follows = |line: &&&Line| !line.then.is_empty();
        let what = width(lines.iter().filter(follows).map(|line| line.what.as_str())).max(9);
        let mut text = String::new();
        for (line, at) in lines.iter().zip(&times) {
            let row = format!(
                "{at:>time$}  {:<whom$}  {:<subject$}  {:<what$}  {}",
                self.shown(line.whom),
                line.subject,
                line.what,
                line.then,
            );
            text.push_str(row.trim_end());
            text.push('\n');
        }
        for line in &self.finals {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// The lines about those destinations, in their order and without their width.
    pub(crate) fn about(&self, meant: &[IntegrationId]) -> Vec<String> {
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_by_key(|line| (line.at_ms, line.whom));
        let meant = |line: &&Line| match line.whom {
            Whom::Us => false,
            Whom::Dest(dest) => self.dests.get(dest).is_some_and(|(id, _)| meant.contains(id)),
        };
        lines
            .into_iter()
            .filter(meant)
            .map(|line| {
                let (at, whom) = (moment(line.at_ms), self.shown(line.whom));
                format!("{at} {whom} {} {} {}", line.subject, line.what, line.then)
            })
            .collect()
    }

    fn shown(&self, whom: Whom) -> &str {
        match whom {
            Whom::Us => "us",
            Whom::Dest(dest) => self.dests.get(dest).map_or("?", |(_, name)| name.as_str()),
        }
    }

    fn subject(&self, delivery: DeliveryId, attempt: u32) -> String {
        let alert = self.deliveries.get(&delivery).map_or("?", |(alert, _)| alert.as_str());
        format!("{alert} #{attempt}")
    }
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

fn millis(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(at.since(now).as_millis()).unwrap_or(u64::MAX)
}

/// What the wire did, in a word.
fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered { status, .. } => status.to_string(),
        Outcome::Judged(judged) => judged.code.to_string(),
        Outcome::Failed(fault) => fault.kind.code().to_owned(),
    }
}

fn dead(reason: DeadReason) -> &'static str {
    reason.word()
}
