//! What rights let people and programs do, in a sentence each.

use crate::web::token::Right;

/// One of several to choose from.
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    pub(super) words: &'static str,
    pub(super) chosen: bool,
}

/// The roles of people.
pub(super) fn roles(chosen: &str) -> Vec<Choice> {
    choices(&[Right::Viewer, Right::Editor, Right::Admin], chosen, |right| match right {
        Right::Ingest => "",
        Right::Viewer => {
            "Looks at everything but people, tokens and the audit log. Changes nothing."
        }
        Right::Editor => {
            "Also makes and changes automations and their destinations, sends records, and acts on \
             deliveries."
        }
        Right::Admin => "All of that, and manages people and tokens, and reads the audit log.",
    })
}

/// The rights of tokens.
pub(super) fn rights(chosen: &str) -> Vec<Choice> {
    choices(&Right::ALL, chosen, |right| match right {
        Right::Ingest => "Hands records in, and nothing else. For feeders.",
        Right::Viewer => {
            "Reads everything but people, tokens and the audit log. For dashboards and for Prometheus."
        }
        Right::Editor => {
            "Also hands records in, changes automations and their destinations, and acts on deliveries."
        }
        Right::Admin => {
            "All of that, and manages people and tokens, and reads the audit log. Whoever has it can give \
             themselves any right."
        }
    })
}

/// What a right is called on a page.
pub(super) const fn name(right: Right) -> &'static str {
    match right {
        Right::Ingest => "Ingest",
        Right::Viewer => "Viewer",
        Right::Editor => "Editor",
        Right::Admin => "Admin",
    }
}

fn choices(rights: &[Right], chosen: &str, words: impl Fn(Right) -> &'static str) -> Vec<Choice> {
    let choice = |right: &Right| Choice {
        value: right.word(),
        name: name(*right),
        words: words(*right),
        chosen: right.word() == chosen,
    };
    rights.iter().map(choice).collect()
}
