//! The pages of phrases as templates have them.

use actix_web::HttpRequest;
use askama::Template;

use super::draft::{Draft, EXCLUDE};
use super::previewed::Previewed;
use super::words::{GROUPS, STRENGTHS, family_words, strength, told};
use crate::detect::Family;
use crate::web::WebState;
use crate::web::api::phrases::{AdditionOut, PhrasesOut};
use crate::web::auth::Caller;
use crate::web::ui::frame::{Frame, Place};
use crate::web::ui::words::When;

#[derive(Template)]
#[template(path = "phrases.html")]
pub(super) struct ListPage {
    pub(super) frame: Frame,
    pub(super) rows: Vec<Row>,
    /// Where the next page is.
    pub(super) next: Option<String>,
    pub(super) is_first: bool,
    /// Organisations of records that came in last.
    pub(super) seen: Vec<String>,
    /// What was asked for, and what is wrong with it.
    pub(super) asked: String,
    pub(super) error: Option<String>,
}

/// An organisation with phrases of its own.
pub(super) struct Row {
    pub(super) org_id: String,
    pub(super) path: String,
    pub(super) added: usize,
    pub(super) excluded: usize,
    pub(super) is_configured: bool,
    pub(super) is_unusable: bool,
    pub(super) updated: Option<When>,
}

#[derive(Template)]
#[template(path = "phrases_of.html")]
pub(super) struct Page {
    pub(super) frame: Frame,
    pub(super) draft: Draft,
    pub(super) stored: PhrasesOut,
    pub(super) updated: Option<When>,
    /// Where leaving without saving leads to.
    pub(super) delete: String,
    /// Whether a classifier is asked first.
    pub(super) is_second: bool,
    /// Whether there is something in the form that is not saved.
    pub(super) is_dirty: bool,
    /// What is wrong, by the field of the form.
    pub(super) errors: Vec<(String, String)>,
    /// The field that the reader is led to.
    pub(super) focus: Option<String>,
    pub(super) previewed: Option<Previewed>,
}

#[derive(Template)]
#[template(path = "phrases_conflict.html")]
pub(super) struct Conflict {
    pub(super) frame: Frame,
    pub(super) back: String,
    /// The draft, based on what is there now.
    pub(super) fields: Vec<(String, String)>,
    /// A phrase, what it is in what is saved, and in what was about to be.
    pub(super) rows: Vec<(String, Option<String>, Option<String>)>,
}

#[derive(Template)]
#[template(path = "phrases_delete.html")]
pub(super) struct DeletePage {
    pub(super) frame: Frame,
    pub(super) back: String,
    pub(super) stored: PhrasesOut,
}

impl Page {
    pub(super) fn of<R>(
        caller: &Caller<R>,
        request: &HttpRequest,
        draft: Draft,
        stored: PhrasesOut,
        state: &WebState,
    ) -> Self {
        let now = state.engine.now();
        let title = format!("Phrases of {}", draft.org_id);
        Self {
            frame: Frame::of(caller, request, Place::Phrases, title),
            delete: super::of("/phrases/delete", &draft.org_id, None),
            draft,
            updated: stored.updated_at.as_deref().and_then(|at| When::read(at, now)),
            stored,
            is_second: state.engine.asks_a_classifier(),
            is_dirty: false,
            errors: Vec::new(),
            focus: None,
            previewed: None,
        }
    }

    fn error(&self, field: impl AsRef<str>) -> Option<&str> {
        let found = self.errors.iter().find(|(each, _)| each == field.as_ref());
        found.map(|(_, words)| words.as_str())
    }

    /// What is wrong with that row.
    fn errors_of(&self, index: &usize) -> Vec<&str> {
        let place = format!("/add/{index}/");
        let of_it = self.errors.iter().filter(|(field, _)| field.starts_with(&place));
        of_it.map(|(_, words)| words.as_str()).collect()
    }

    /// All that is wrong with the exclusions.
    fn errors_of_exclusions(&self) -> Vec<&str> {
        let of_it = self.errors.iter().filter(|(field, _)| field == EXCLUDE);
        of_it.map(|(_, words)| words.as_str()).collect()
    }

    fn is_focus(&self, field: impl AsRef<str>) -> bool {
        self.focus.as_deref() == Some(field.as_ref())
    }

    /// Whether that weight has a name.
    fn is_named(&self, weight: &str) -> bool {
        STRENGTHS.iter().any(|(each, _)| *each == weight)
    }

    fn is_known(&self, family: &str) -> bool {
        Family::from_word(family).is_some()
    }

    /// A field of the form, as people know it.
    fn place_words(&self, field: &str) -> String {
        let mut parts = field.split('/').skip(1);
        match (parts.next(), parts.next(), parts.next()) {
            (Some("add"), Some(index), Some(part)) => {
                let number = index.parse::<usize>().map_or(0, |index| index + 1);
                let part = match part {
                    "family" => "what it tells",
                    "weight" => "strength",
                    _ => "words",
                };
                format!("Phrase {number}: {part}")
            }
            (Some("exclude"), ..) => "Phrases that mean nothing".to_owned(),
            _ => "All phrases".to_owned(),
        }
    }
}

/// What an addition is, for who may not change it.
fn shown(each: &AdditionOut) -> String {
    let weight = each.weight.to_string();
    format!("{}, {}", told(&each.family), strength(&weight))
}

/// Templates compare texts of many types.
fn same(one: impl AsRef<str>, other: impl AsRef<str>) -> bool {
    one.as_ref() == other.as_ref()
}
