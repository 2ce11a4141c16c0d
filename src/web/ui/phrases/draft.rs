//! An organisation's phrases as they stand in the form: nothing of it is stored before **Save changes**.

use serde_json::{Value, json};

use super::words::{strength, told};
use crate::web::api::phrases::PhrasesOut;
use crate::web::error::FieldProblem;
use crate::web::ui::form::Form;

/// The place of all exclusions in the form.
pub(super) const EXCLUDE: &str = "/exclude";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) org_id: String,
    /// The version that it is based on; 0 where nothing was stored.
    pub(super) version: i64,
    pub(super) rows: Vec<Row>,
    /// One a line.
    pub(super) exclude: String,
}

/// A phrase to look for, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) family: String,
    pub(super) weight: String,
    pub(super) phrase: String,
}

impl Row {
    /// A new row, of what is looked for most.
    fn first() -> Self {
        Self { family: "executive_contact".into(), weight: "0.65".into(), phrase: String::new() }
    }

    /// What it comes to, in a few words.
    fn words(&self) -> String {
        format!("{}, {}", told(&self.family), strength(&self.weight))
    }
}

/// What a button of the form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Save,
    Preview,
    Add,
    Drop(usize),
    Refresh,
}

impl Act {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "save" => Self::Save,
            "preview" => Self::Preview,
            "add" => Self::Add,
            _ => {
                let index = word.strip_prefix("drop ").and_then(|index| index.parse().ok());
                index.map_or(Self::Refresh, Self::Drop)
            }
        }
    }
}

impl Draft {
    /// What is stored.
    pub(super) fn of(stored: &PhrasesOut) -> Self {
        let row = |each: &crate::web::api::phrases::AdditionOut| Row {
            family: each.family.clone(),
            weight: each.weight.to_string(),
            phrase: each.phrase.clone(),
        };
        let mut draft = Self {
            org_id: stored.org_id.clone(),
            version: stored.version,
            rows: stored.add.iter().map(row).collect(),
            exclude: stored.exclude.join("\n"),
        };
        if draft.rows.is_empty() {
            draft.rows.push(Row::first());
        }
        draft
    }

    /// What a form says.
    pub(super) fn read(form: &Form) -> Self {
        let row = |index: usize| {
            let part = |name: &str| form.get(&format!("/add/{index}/{name}"));
            Some(Row {
                phrase: part("phrase")?.trim().to_owned(),
                family: part("family").unwrap_or_default().to_owned(),
                weight: part("weight").unwrap_or_default().to_owned(),
            })
        };
        Self {
            org_id: form.text("org_id").to_owned(),
            version: form.text("version").parse().unwrap_or(0),
            rows: (0..).map_while(row).collect(),
            exclude: form.text(EXCLUDE).replace("\r\n", "\n"),
        }
    }

    /// Does what changes the form itself; returns where the reader goes on.
    pub(super) fn carry_out(&mut self, act: Act) -> Option<String> {
        match act {
            Act::Add => {
                self.rows.push(Row::first());
                Some(format!("/add/{}/family", self.rows.len().saturating_sub(1)))
            }
            Act::Drop(index) => {
                if index < self.rows.len() {
                    self.rows.remove(index);
                }
                let next = index.min(self.rows.len().saturating_sub(1));
                let there = !self.rows.is_empty();
                Some(if there { format!("/add/{next}/phrase") } else { "add".to_owned() })
            }
            Act::Save | Act::Preview => {
                // A row that nobody wrote a phrase into is none.
                self.rows.retain(|row| !row.phrase.is_empty());
                None
            }
            Act::Refresh => None,
        }
    }

    /// What the API takes.
    pub(super) fn json(&self) -> Value {
        let add = self.rows.iter().map(|row| {
            // What is no number is refused by the reader of the API, with its place.
            let weight = row.weight.parse::<f64>().map_or_else(|_| json!(row.weight), Value::from);
            json!({"family": row.family, "weight": weight, "phrase": row.phrase})
        });
        json!({"add": add.collect::<Vec<_>>(), "exclude": self.exclusions().collect::<Vec<_>>()})
    }

    fn exclusions(&self) -> impl Iterator<Item = &str> {
        self.exclude.lines().map(str::trim).filter(|line| !line.is_empty())
    }

    /// What is wrong, by the fields of the form.
    pub(super) fn in_form(&self, problems: &[FieldProblem]) -> Vec<(String, String)> {
        let field = |problem: &FieldProblem| {
            let FieldProblem { pointer, detail } = problem;
            let index = pointer.strip_prefix("/exclude/").and_then(|index| index.parse().ok());
            match index.and_then(|index: usize| self.exclusions().nth(index)) {
                Some(text) => (EXCLUDE.to_owned(), format!("“{text}” {detail}")),
                None => (pointer.clone(), detail.clone()),
            }
        };
        problems.iter().map(field).collect()
    }

    /// All fields, for a form that only carries them on.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![
            ("org_id".to_owned(), self.org_id.clone()),
            ("version".to_owned(), self.version.to_string()),
            (EXCLUDE.to_owned(), self.exclude.clone()),
        ];
        for (index, row) in self.rows.iter().enumerate() {
            for (name, value) in
                [("family", &row.family), ("weight", &row.weight), ("phrase", &row.phrase)]
            {
                fields.push((format!("/add/{index}/{name}"), value.clone()));
            }
        }
        fields
    }

    /// What differs between two, phrase by phrase: the phrase, what `theirs` makes of it, what this does.
    pub(super) fn beside(&self, theirs: &Self) -> Vec<(String, Option<String>, Option<String>)> {
        let (mine, theirs) = (self.phrases(), theirs.phrases());
        let mut names: Vec<&String> = theirs.iter().chain(&mine).map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        let of = |all: &[(String, String)], name: &str| -> Option<String> {
            let words: Vec<&str> =
                all.iter().filter(|each| each.0 == name).map(|each| each.1.as_str()).collect();
            (!words.is_empty()).then(|| words.join("; "))
        };
        let beside =
            names.into_iter().map(|name| (name.clone(), of(&theirs, name), of(&mine, name)));
        beside.filter(|(_, theirs, mine)| theirs != mine).collect()
    }

    /// Each phrase, and what it means.
    fn phrases(&self) -> Vec<(String, String)> {
        let rows = self.rows.iter().filter(|row| !row.phrase.is_empty());
        let rows = rows.map(|row| (row.phrase.clone(), row.words()));
        rows.chain(self.exclusions().map(|text| (text.to_owned(), "means nothing".to_owned())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Draft {
        Draft::read(&Form::of(text.as_bytes()).unwrap())
    }

    const ROWS: &str = "org_id=acme&version=3&/add/0/family=legal&/add/0/weight=0.7&/add/0/phrase=+our+counsel+\
                        &/add/1/family=safety&/add/1/weight=0.2&/add/1/phrase=&/exclude=a%0D%0A%0D%0A+b+%0D%0A";

    #[test]
    fn a_form_becomes_what_the_api_takes() {
        let mut draft = form(ROWS);
        assert_eq!(draft.carry_out(Act::Save), None);
        let expected = json!({"add": [{"family": "legal", "weight": 0.7, "phrase": "our counsel"}],
            "exclude": ["a", "b"]});
        assert_eq!(draft.json(), expected);
        assert_eq!((draft.org_id.as_str(), draft.version), ("acme", 3));
        let pairs = draft.fields();
        let text =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        assert_eq!(form(&text), draft);
        let wrong =
            [FieldProblem::new("/exclude/1", "is odd"), FieldProblem::new("/add/0/phrase", "x")];
        let told = draft.in_form(&wrong);
        assert_eq!(told[0], ("/exclude".to_owned(), "“b” is odd".to_owned()));
        assert_eq!(told[1].0, "/add/0/phrase");
    }

    #[test]
    fn rows_come_and_go_and_the_keyboard_follows() {
        let mut draft = form(ROWS);
        assert_eq!(draft.carry_out(Act::of("add")).as_deref(), Some("/add/2/family"));
        assert_eq!(draft.carry_out(Act::of("drop 1")).as_deref(), Some("/add/1/phrase"));
        assert_eq!(draft.rows.len(), 2);
        assert_eq!(draft.carry_out(Act::of("drop 7")).as_deref(), Some("/add/1/phrase"));
        draft.carry_out(Act::Drop(0));
        assert_eq!(draft.carry_out(Act::Drop(0)).as_deref(), Some("add"));
        assert_eq!(Act::of("drop x"), Act::Refresh);
    }

    #[test]
    fn two_versions_stand_side_by_side() {
        let mine = form(ROWS);
        let theirs =
            form("/add/0/family=legal&/add/0/weight=0.85&/add/0/phrase=our+counsel&/exclude=b%0Ac");
        let found = mine.beside(&theirs);
        let words = |text: &str| Some(text.to_owned());
        let expected = [
            ("a".to_owned(), None, words("means nothing")),
            ("c".to_owned(), words("means nothing"), None),
            (
                "our counsel".to_owned(),
                words("Lawyers and courts, extreme"),
                words("Lawyers and courts, 0.7"),
            ),
        ];
        assert_eq!(found, expected);
    }
}
