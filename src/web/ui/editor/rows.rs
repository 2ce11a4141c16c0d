//! A condition as people make it: rows, of which all, any or none must hold, and groups of rows.

use serde_json::{Value, json};

use crate::domain::condition::{Condition, Shape, Subject};
use crate::domain::limits::{CONDITION_DEPTH, CONDITION_NODES};
use crate::web::ui::form::Form;

/// Rows and groups that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Group {
    pub(super) matching: Matching,
    pub(super) nodes: Vec<Node>,
}

/// How many of them must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Matching {
    #[default]
    All,
    Any,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Row(Row),
    Group(Group),
}

/// One question about one field, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// As in JSON; [`METADATA`] while the name behind it stands in `metadata`.
    pub(super) field: String,
    pub(super) metadata: String,
    /// As in JSON, and `not_exists`.
    pub(super) op: String,
    /// One value a line where the operator takes several.
    pub(super) value: String,
    /// What a value of metadata is: `text`, `number` or `flag`.
    pub(super) kind: String,
}

/// Stands for all fields of metadata.
pub(super) const METADATA: &str = "metadata";

impl Matching {
    pub(super) const ALL: [Self; 3] = [Self::All, Self::Any, Self::None];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Any => "any",
            Self::None => "none",
        }
    }

    fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|each| each.word() == word).unwrap_or_default()
    }
}

impl Row {
    /// A new row, about the field that is asked for most.
    pub(super) fn first(of: Subject) -> Self {
        let (field, op) = match of {
            Subject::Record => ("segment", "eq"),
            Subject::Alert => ("levels.escalation_level", "gte"),
        };
        Self {
            field: field.to_owned(),
            metadata: String::new(),
            op: op.to_owned(),
            value: String::new(),
            kind: "text".to_owned(),
        }
    }
}

impl Row {
    /// The field's name in JSON.
    pub(super) fn name(&self) -> String {
        if self.field == METADATA {
            format!("{METADATA}.{}", self.metadata)
        } else {
            self.field.clone()
        }
    }

    /// What the field holds; a field of metadata without a name yet holds anything.
    pub(super) fn shape(&self) -> Shape {
        let whole = if self.field == METADATA { "metadata.x" } else { &self.field };
        Condition::shape(whole).unwrap_or(Shape::Text)
    }

    /// Whether the operator takes several values.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.op.as_str(), "in" | "not_in")
    }

    /// Whether the operator takes a value at all.
    pub(super) fn has_value(&self) -> bool {
        !matches!(self.op.as_str(), "exists" | "not_exists")
    }

    /// Whether the value's type must be said: only that of metadata can be any, and only where it counts.
    pub(super) fn has_kind(&self) -> bool {
        self.field == METADATA && matches!(self.op.as_str(), "eq" | "ne" | "in" | "not_in")
    }

    fn read(form: &Form, at: &str) -> Self {
        let text = |part: &str| form.text(&format!("{at}:{part}")).to_owned();
        let mut row = Self {
            field: text("field"),
            metadata: text("metadata").trim().to_owned(),
            op: text("op"),
            value: text("value"),
            kind: text("kind"),
        };
        // Another field may have other operators: what suits both stays, else its first is taken.
        let (shape, op) = (row.shape(), row.op.as_str());
        if op != "not_exists" && !shape.ops().contains(&op) {
            row.op = shape.ops().first().copied().unwrap_or("eq").to_owned();
        }
        if let Shape::Words(words) = &shape
            && row.has_value()
            && !row.is_list()
            && !words.contains(&row.value.as_str())
            && !row.takes_any_word(form, at)
        {
            row.value = words.last().copied().unwrap_or_default().to_owned();
        }
        row
    }

    /// Whether a word without a place in the order makes sense: another system's alerts may have words of
    /// its own.
    fn takes_any_word(&self, form: &Form, at: &str) -> bool {
        let of_alerts = form.text("/trigger") == "relay" && !at.starts_with("/filter");
        of_alerts && !self.value.is_empty() && matches!(self.op.as_str(), "eq" | "ne")
    }

    fn fields(&self, at: &str, into: &mut Vec<(String, String)>) {
        for (part, text) in [
            ("field", &self.field),
            ("metadata", &self.metadata),
            ("op", &self.op),
            ("value", &self.value),
            ("kind", &self.kind),
        ] {
            into.push((format!("{at}:{part}"), text.clone()));
        }
    }

    fn json(&self) -> Value {
        let one = |text: &str| self.typed(text.trim_matches(['\r', '\n']));
        let (op, value) = match self.op.as_str() {
            "exists" => ("exists", Value::Bool(true)),
            "not_exists" => ("exists", Value::Bool(false)),
            op if self.is_list() => {
                let lines = self.value.lines().map(str::trim).filter(|line| !line.is_empty());
                (op, lines.map(one).collect())
            }
            op => (op, one(&self.value)),
        };
        json!({"field": self.name(), "op": op, "value": value})
    }

    /// A value of the type that was chosen. What is no such value stays text, or becomes nothing, and is
    /// refused as such by who reads the condition.
    fn typed(&self, text: &str) -> Value {
        let is_number = matches!(self.op.as_str(), "gt" | "gte" | "lt" | "lte");
        if self.field != METADATA || !(is_number || self.has_kind()) {
            return Value::from(text);
        }
        match (is_number, self.kind.as_str()) {
            (true, _) => number(text).unwrap_or_else(|| Value::from(text)),
            (false, "number") => number(text).unwrap_or(Value::Null),
            (false, "flag") => Value::Bool(text == "true"),
            (false, _) => Value::from(text),
        }
    }

    fn of(test: &Value) -> Self {
        let text = |name: &str| test.get(name).and_then(Value::as_str).unwrap_or_default();
        let value = test.get("value").unwrap_or(&Value::Null);
        let name = text("field");
        let (field, metadata) = match name.split_once('.') {
            Some((METADATA, rest)) => (METADATA, rest),
            Some(_) | None => (name, ""),
        };
        let first = value.as_array().and_then(|list| list.first()).unwrap_or(value);
        Self {
            field: field.to_owned(),
            metadata: metadata.to_owned(),
            op: match (text("op"), value) {
                ("exists", Value::Bool(false)) => "not_exists".to_owned(),
                (op, _) => op.to_owned(),
            },
            value: match value.as_array() {
                Some(list) => list.iter().map(written).collect::<Vec<_>>().join("\n"),
                None => written(value),
            },
            kind: match first {
                Value::Number(_) => "number",
                Value::Bool(_) => "flag",
                Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => "text",
            }
            .to_owned(),
        }
    }
}

fn number(text: &str) -> Option<Value> {
    let number = text.trim().parse::<f64>().ok()?;
    // A whole number is written as one, so that it reads as it was typed.
    let whole = text.trim().parse::<i64>().ok().map(Value::from);
    whole.or_else(|| serde_json::Number::from_f64(number).map(Value::Number))
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Number(number) => match number.as_f64() {
            // Conditions keep all numbers as floating ones: 5.0 was written as 5.
            Some(float) => float.to_string(),
            None => number.to_string(),
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

impl Group {
    /// A condition's rows; none where there is no condition.
    pub(super) fn of(condition: Option<&Value>) -> Self {
        match condition.map(node_of) {
            None => Self::default(),
            Some(Node::Group(group)) => group,
            Some(row @ Node::Row(_)) => Self { matching: Matching::All, nodes: vec![row] },
        }
    }

    /// Reads what a form says of the group at `at`.
    pub(super) fn read(form: &Form, at: &str) -> Self {
        Self::read_at(form, at, 1, &mut 0)
    }

    fn read_at(form: &Form, at: &str, depth: usize, count: &mut usize) -> Self {
        let mut nodes = Vec::new();
        // One more than may be, so that whoever reads the condition can say that it is too much.
        while *count <= CONDITION_NODES {
            let at = format!("{at}:{}", nodes.len());
            if form.has(&format!("{at}:match")) && depth <= CONDITION_DEPTH {
                *count += 1;
                nodes.push(Node::Group(Self::read_at(form, &at, depth + 1, count)));
            } else if form.has(&format!("{at}:field")) {
                *count += 1;
                nodes.push(Node::Row(Row::read(form, &at)));
            } else {
                break;
            }
        }
        Self { matching: Matching::of(form.text(&format!("{at}:match"))), nodes }
    }

    /// The fields of a form that [`Group::read`] reads as this group.
    pub(super) fn fields(&self, at: &str, into: &mut Vec<(String, String)>) {
        into.push((format!("{at}:match"), self.matching.word().to_owned()));
        for (index, node) in self.nodes.iter().enumerate() {
            let at = format!("{at}:{index}");
            match node {
                Node::Row(row) => row.fields(&at, into),
                Node::Group(group) => group.fields(&at, into),
            }
        }
    }

    /// The condition; nothing where there are no rows. `places` is told which part of the form each part of
    /// the JSON at `pointer` came from.
    pub(super) fn json(
        &self,
        at: &str,
        pointer: &str,
        places: &mut Vec<(String, String)>,
    ) -> Option<Value> {
        (!self.nodes.is_empty()).then(|| self.node(at, pointer, places))
    }

    fn node(&self, at: &str, pointer: &str, places: &mut Vec<(String, String)>) -> Value {
        places.push((pointer.to_owned(), at.to_owned()));
        let below = match self.matching {
            Matching::All => format!("{pointer}/all"),
            Matching::Any => format!("{pointer}/any"),
            Matching::None => format!("{pointer}/not/any"),
        };
        let inner: Vec<Value> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let (at, pointer) = (format!("{at}:{index}"), format!("{below}/{index}"));
                match node {
                    Node::Group(group) => group.node(&at, &pointer, places),
                    Node::Row(row) => {
                        places.push((pointer, at));
                        row.json()
                    }
                }
            })
            .collect();
        match self.matching {
            Matching::All => json!({"all": inner}),
            Matching::Any => json!({"any": inner}),
            Matching::None => json!({"not": {"any": inner}}),
        }
    }

    /// The group or row whose number among its neighbours comes last in `path`, and the group that it is in.
    fn parent(&mut self, path: &[usize]) -> Option<(&mut Self, usize)> {
        let (last, above) = path.split_last()?;
        let mut group = self;
        for index in above {
            match group.nodes.get_mut(*index)? {
                Node::Group(inner) => group = inner,
                Node::Row(_) => return None,
            }
        }
        Some((group, *last))
    }

    /// Adds to the group at `path`; to this one where it is empty.
    pub(super) fn add(&mut self, path: &[usize], node: Node) {
        if path.is_empty() {
            self.nodes.push(node);
        } else if let Some((above, index)) = self.parent(path)
            && let Some(Node::Group(group)) = above.nodes.get_mut(index)
        {
            group.nodes.push(node);
        }
    }

    /// How many rows and groups the group at `path` has.
    pub(super) fn len_at(&mut self, path: &[usize]) -> Option<usize> {
        if path.is_empty() {
            return Some(self.nodes.len());
        }
        let (above, index) = self.parent(path)?;
        match above.nodes.get(index)? {
            Node::Group(group) => Some(group.nodes.len()),
            Node::Row(_) => None,
        }
    }

    /// Takes out what is at `path`.
    pub(super) fn remove(&mut self, path: &[usize]) {
        if let Some((above, index)) = self.parent(path)
            && index < above.nodes.len()
        {
            above.nodes.remove(index);
        }
    }
}

fn node_of(value: &Value) -> Node {
    let group = |matching, inner: &Value| {
        let nodes = inner.as_array().into_iter().flatten().map(node_of).collect();
        Node::Group(Group { matching, nodes })
    };
    if let Some(inner) = value.get("all") {
        return group(Matching::All, inner);
    }
    if let Some(inner) = value.get("any") {
        return group(Matching::Any, inner);
    }
    match value.get("not") {
        None => Node::Row(Row::of(value)),
        Some(inner) => match inner.get("any") {
            Some(inner) => group(Matching::None, inner),
            None => Node::Group(Group { matching: Matching::None, nodes: vec![node_of(inner)] }),
        },
    }
}
