//! An automation as it stands in the editor's form. The form carries all of it from step to step, so that nothing is
//! stored before it is saved.

use serde_json::{Map, Value, json};

use super::credential::{Credential, Desk};
use super::destination::{Destination, Stage};
use super::hygiene::HygieneForm;
use super::inbound::{Inbound, Listening};
use super::rows::{Group, Node, Row};
use crate::domain::automation::{Automation, Trigger, Watch};
use crate::domain::condition::{Condition, Subject};
use crate::domain::integration::Kind;
use crate::domain::limits::INTEGRATIONS_AN_AUTOMATION;
use crate::engine::ports::VaultError;
use crate::web::error::FieldProblem;
use crate::web::ui::form::Form;

/// The automation in the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) active: bool,
    /// The version that it is based on; none for a new one.
    pub(super) version: Option<i64>,
    pub(super) listening: Listening,
    /// Of a relay.
    pub(super) inbound: Inbound,
    pub(super) filter: Group,
    /// The least of each axis, in the order of [`AXES`]; empty where none is asked for.
    pub(super) least: [String; 3],
    pub(super) hygiene: HygieneForm,
    pub(super) destinations: Vec<Destination>,
}

/// The axes by their names in JSON.
pub(super) const AXES: [&str; 3] =
    ["escalation_level", "emotional_intensity_level", "sentiment_shift"];

/// What a button of the form does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Shows the form anew.
    Refresh,
    Save,
    /// Shows which of the recent records would have fired.
    Try,
    /// Opens the fields of a new destination.
    Add(Kind),
    /// Shows what a message of a destination looks like.
    Preview(usize),
    /// Takes the fields of an open destination over into the list.
    Apply(usize),
    Open(usize),
    /// Takes a destination out.
    Remove(usize),
    Replace(usize),
    Forget(usize),
    /// The same for what a relay's sender must give.
    ReplaceInbound,
    ForgetInbound,
    AddRow(String),
    AddGroup(String),
    Drop(String),
}

impl Act {
    /// What the button `do` of that value means.
    pub(super) fn of(word: &str) -> Self {
        let (name, rest) = word.split_once(' ').unwrap_or((word, ""));
        if let Some(kind) = word.strip_prefix("add-").and_then(Kind::from_word) {
            return Self::Add(kind);
        }
        let index = rest.parse();
        match (name, index) {
            ("save", _) => Self::Save,
            ("try", _) => Self::Try,
            ("apply", Ok(index)) => Self::Apply(index),
            ("preview", Ok(index)) => Self::Preview(index),
            ("open", Ok(index)) => Self::Open(index),
            ("remove", Ok(index)) => Self::Remove(index),
            ("replace", Ok(index)) => Self::Replace(index),
            ("forget", Ok(index)) => Self::Forget(index),
            ("replace-inbound", _) => Self::ReplaceInbound,
            ("forget-inbound", _) => Self::ForgetInbound,
            ("row", _) => Self::AddRow(rest.to_owned()),
            ("group", _) => Self::AddGroup(rest.to_owned()),
            ("drop", _) => Self::Drop(rest.to_owned()),
            _ => Self::Refresh,
        }
    }
}

impl Draft {
    /// A new automation.
    pub(super) fn new() -> Self {
        Self {
            name: String::new(),
            active: true,
            version: None,
            listening: Listening::Records,
            inbound: Inbound::new(),
            filter: Group::default(),
            least: Default::default(),
            hygiene: HygieneForm::default(),
            destinations: Vec::new(),
        }
    }

    /// A saved one.
    pub(super) fn of(automation: &Automation) -> Self {
        let (watch, inbound) = match &automation.trigger {
            Trigger::Records(watch) => (watch, Inbound::new()),
            Trigger::Relay(auth) => (&Watch::default(), Inbound::of(auth)),
        };
        let least = &watch.minimum_levels;
        let filter = watch.filter.as_ref().map(Condition::to_json);
        Self {
            name: automation.name.clone(),
            active: automation.active,
            version: Some(automation.version),
            listening: Listening::of(&automation.trigger),
            inbound,
            filter: Group::of(filter.as_ref()),
            least: [
                least.escalation.map_or_else(String::new, |level| level.word().to_owned()),
                least.emotional_intensity.map_or_else(String::new, |level| level.word().to_owned()),
                least.sentiment_shift.map_or_else(String::new, |shift| shift.word().to_owned()),
            ],
            hygiene: HygieneForm::of(&watch.hygiene),
            destinations: automation.integrations.iter().map(Destination::of).collect(),
        }
    }

    /// A copy, not active, so that nothing is sent twice before somebody has looked at it.
    pub(super) fn copy_of(automation: &Automation) -> Self {
        let draft = Self::of(automation);
        Self {
            name: format!("{} (copy)", draft.name),
            active: false,
            version: None,
            inbound: draft.inbound.copied(),
            destinations: draft.destinations.into_iter().map(Destination::copied).collect(),
            ..draft
        }
    }

    /// Reads a form.
    ///
    /// # Errors
    /// The vault can't seal a credential that was typed.
    pub(super) fn read(form: &Form, desk: &Desk<'_>) -> Result<Self, VaultError> {
        let mut destinations = Vec::new();
        // One more than may be, so that it can be said that it is too much.
        while destinations.len() <= INTEGRATIONS_AN_AUTOMATION {
            let at = at(destinations.len());
            let Some(destination) = Destination::read(form, &at, desk)? else { break };
            destinations.push(destination);
        }
        Ok(Self {
            name: form.text("/name").trim().to_owned(),
            active: form.has("/active"),
            version: form.text("version").parse().ok(),
            listening: Listening::read(form.text("/trigger")),
            inbound: Inbound::read(form, desk)?,
            filter: Group::read(form, "/filter"),
            least: AXES.map(|axis| form.text(&format!("/minimum_levels/{axis}")).to_owned()),
            hygiene: HygieneForm::read(form),
            destinations,
        })
    }

    /// The fields of a form that [`Draft::read`] reads as this one.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![("/name".to_owned(), self.name.clone())];
        if self.active {
            fields.push(("/active".to_owned(), "on".to_owned()));
        }
        if let Some(version) = self.version {
            fields.push(("version".to_owned(), version.to_string()));
        }
        fields.push(("/trigger".to_owned(), self.listening.word().to_owned()));
        self.inbound.fields(&mut fields);
        self.filter.fields("/filter", &mut fields);
        for (axis, word) in AXES.iter().zip(&self.least) {
            fields.push((format!("/minimum_levels/{axis}"), word.clone()));
        }
        self.hygiene.fields(&mut fields);
        for (index, destination) in self.destinations.iter().enumerate() {
            destination.fields(&at(index), &mut fields);
        }
        fields
    }

    /// The automation as the API takes it, and which part of the form each part of a condition came from.
    pub(super) fn json(&self, desk: &Desk<'_>) -> (Value, Vec<(String, String)>) {
        let mut places = Vec::new();
        let least: Map<String, Value> = AXES
            .iter()
            .zip(&self.least)
            .filter(|(_, word)| !word.is_empty())
            .map(|(axis, word)| ((*axis).to_owned(), Value::from(word.as_str())))
            .collect();
        let destinations: Vec<Value> = self
            .destinations
            .iter()
            .enumerate()
            .map(|(index, destination)| destination.json(&at(index), desk, &mut places))
            .collect();
        let mut all = json!({
            "name": self.name,
            "active": self.active,
            "trigger": self.listening.word(),
            "integrations": destinations,
        });
        let mut set = |name: &str, value: Value| {
            if let Some(all) = all.as_object_mut() {
                all.insert(name.to_owned(), value);
            }
        };
        match self.listening {
            Listening::Records => {
                set("minimum_levels", Value::Object(least));
                for (name, value) in self.hygiene.json(&mut places) {
                    set(name, value);
                }
                if let Some(filter) = self.filter.json("/filter", "/filter", &mut places) {
                    set("filter", filter);
                }
            }
            Listening::Relay => set("inbound_auth", self.inbound.json(desk)),
        }
        (all, places)
    }

    /// Does what a button says that needs nothing but the form.
    pub(super) fn carry_out(&mut self, act: &Act) {
        match act {
            Act::Add(kind) => {
                // One at a time: the empty one that is open already is it.
                let same = |each: &Destination| each.kind == *kind && each.is_untouched();
                if !self.destinations.iter().any(same) {
                    self.destinations.push(Destination::new(*kind));
                }
            }
            Act::Open(index) => {
                if let Some(destination) = self.destinations.get_mut(*index) {
                    destination.stage = Stage::Open;
                }
            }
            Act::Remove(index) => {
                if *index < self.destinations.len() {
                    self.destinations.remove(*index);
                }
            }
            Act::Replace(index) => {
                if let Some(destination) = self.destinations.get_mut(*index) {
                    destination.credential = Credential::Replacing;
                    destination.stage = Stage::Open;
                }
            }
            Act::Forget(index) => {
                if let Some(destination) = self.destinations.get_mut(*index) {
                    destination.credential = Credential::Removed;
                    // Nothing is left to be sent; who wants another method chooses it and types another one.
                    "none".clone_into(&mut destination.method);
                }
            }
            Act::ReplaceInbound => self.inbound.credential = Credential::Replacing,
            Act::ForgetInbound => {
                self.inbound.credential = Credential::Removed;
                // Nothing is left to be asked for.
                "none".clone_into(&mut self.inbound.method);
            }
            Act::AddRow(at) => self.add(at, Node::Row(Row::first(self.subject(at)))),
            Act::AddGroup(at) => {
                let row = Node::Row(Row::first(self.subject(at)));
                let group = Group { nodes: vec![row], ..Group::default() };
                self.add(at, Node::Group(group));
            }
            Act::Drop(at) => {
                if let Some((group, path)) = self.group(at) {
                    group.remove(&path);
                }
            }
            Act::Refresh | Act::Save | Act::Try | Act::Apply(_) | Act::Preview(_) => {}
        }
    }

    /// What the condition at a place is asked of.
    pub(super) fn subject(&self, at: &str) -> Subject {
        if at.starts_with("/filter") { Subject::Record } else { self.listening.subject() }
    }

    /// Where whoever added or removed a part of a condition goes on: at what is new, else where more can be
    /// added.
    pub(super) fn after(&mut self, act: &Act) -> Option<String> {
        let (Act::AddRow(place) | Act::AddGroup(place) | Act::Drop(place)) = act else {
            return None;
        };
        if matches!(act, Act::Drop(_)) {
            let (above, _) = place.rsplit_once(':')?;
            return Some(format!("{above}:more"));
        }
        let (group, path) = self.group(place)?;
        let new = group.len_at(&path)?.checked_sub(1)?;
        let part = if matches!(act, Act::AddGroup(_)) { "match" } else { "field" };
        Some(format!("{place}:{new}:{part}"))
    }

    fn add(&mut self, at: &str, node: Node) {
        if let Some((group, path)) = self.group(at) {
            group.add(&path, node);
        }
    }

    /// The rows that a place in the form belongs to, and the way from there.
    fn group(&mut self, place: &str) -> Option<(&mut Group, Vec<usize>)> {
        let mut parts = place.split(':');
        let root = parts.next()?;
        let path = parts.map(str::parse).collect::<Result<Vec<usize>, _>>().ok()?;
        if root == "/filter" {
            return Some((&mut self.filter, path));
        }
        let index = root.strip_prefix("/integrations/")?.strip_suffix("/condition")?;
        let destination = self.destinations.get_mut(index.parse::<usize>().ok()?)?;
        Some((&mut destination.condition, path))
    }
}

/// Where a destination stands.
pub(super) fn at(index: usize) -> String {
    format!("/integrations/{index}")
}

/// The same problems, at the fields of the form.
pub(super) fn in_form(
    problems: &[FieldProblem],
    places: &[(String, String)],
) -> Vec<(String, String)> {
    problems
        .iter()
        .map(|problem| {
            // The longest part of the pointer that a row or group of the form is made of.
            let place = places
                .iter()
                .filter(|(pointer, _)| problem.pointer.starts_with(pointer.as_str()))
                .max_by_key(|(pointer, _)| pointer.len());
            let field = match place {
                None => problem.pointer.clone(),
                Some((pointer, at)) => {
                    let rest = problem.pointer.get(pointer.len()..).unwrap_or_default();
                    let part = rest.split('/').nth(1).filter(|part| {
                        matches!(*part, "field" | "op" | "value") && !rest.starts_with("/all")
                    });
                    part.map_or_else(|| at.clone(), |part| format!("{at}:{part}"))
                }
            };
            (field, problem.detail.clone())
        })
        .collect()
}
