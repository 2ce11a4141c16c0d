//! What other phrases would make of a record: which levels change, and which words move them.

use super::evidence::{Evidence, Reason, Rule};
use super::model::Model;
use super::shift::History;
use super::{in_words, judged};
use crate::domain::levels::Levels;
use crate::domain::record::Record;

/// What two models make of one record, where it is not the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The levels by the first model.
    pub before: Levels,
    /// The levels by the second one.
    pub after: Levels,
    /// Reasons that only the first one has, or has with another weight; the strongest.
    pub went: Vec<Evidence>,
    /// Reasons that only the second one has, or has with another weight; the strongest.
    pub came: Vec<Evidence>,
}

/// Compares two models over a record, which is judged alone: what was said earlier in its conversation
/// does not count. Nothing where both have the same levels for the same reasons.
pub fn compare(record: &Record, before: &Model, after: &Model) -> Option<Comparison> {
    let alone = History::new(0);
    let (first, reasons) = judged(record, &alone, before);
    let (second, others) = judged(record, &alone, after);
    let lacks = |all: &[Reason], one: &Reason| !all.iter().any(|other| is_same(one, other));
    let (went, kept): (Vec<_>, Vec<_>) =
        reasons.into_iter().partition(|reason| lacks(&others, reason));
    let came: Vec<_> = others.into_iter().filter(|reason| lacks(&kept, reason)).collect();
    if went.is_empty() && came.is_empty() && first.levels == second.levels {
        return None;
    }
    Some(Comparison {
        before: first.levels,
        after: second.levels,
        went: in_words(went, record),
        came: in_words(came, record),
    })
}

/// Whether two reasons are one. The weights of phrases are compared, since people set them; those of other
/// rules follow from all the words of a text together.
fn is_same(one: &Reason, other: &Reason) -> bool {
    let place = |reason: &Reason| (reason.axis, reason.place, reason.bytes.clone(), reason.rule);
    let weighs = match one.rule {
        Rule::Phrase(_) | Rule::Added(_) => (one.weight - other.weight).abs() < 1e-9,
        Rule::Negative | Rule::Positive | Rule::Emphasis | Rule::Course => true,
    };
    place(one) == place(other) && weighs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Addition, Additions, Family};
    use crate::domain::levels::Level;

    fn record(content: &str) -> Record {
        Record { content: content.to_owned(), ..crate::domain::sample::record() }
    }

    fn add(phrase: &str, weight: f64) -> Additions {
        let phrase = phrase.to_owned();
        let add = vec![Addition { family: Family::ExecutiveContact, weight, phrase }];
        Additions { add, exclude: Vec::new() }
    }

    #[test]
    fn what_moves_is_told_and_nothing_else() {
        let plain = Model::built_in().unwrap();
        let of = |before: &Model, after: &Model, text: &str| compare(&record(text), before, after);
        let board = plain.and(&add("write to the board", 0.9)).unwrap();
        let text = "If it is not solved I will write to the board, and sue you.";
        let found = of(&plain, &board, text).unwrap();
        assert_eq!(found.went, []);
        assert!(found.came.iter().all(|each| each.words == "write to the board"), "{found:?}");
        assert!(found.after.escalation >= found.before.escalation);
        assert_eq!(of(&plain, &board, "I will sue you."), None);
        assert_eq!(of(&board, &board, text), None);

        let exclude = vec!["sue you".to_owned()];
        let quiet = plain.and(&Additions { add: Vec::new(), exclude }).unwrap();
        let found = of(&plain, &quiet, "I will sue you.").unwrap();
        assert!(found.came.is_empty() && !found.went.is_empty(), "{found:?}");
        assert!(found.before.escalation > found.after.escalation);
        assert_eq!(found.after.escalation, Level::None);

        // Another weight is told as what went and what came.
        let faint = plain.and(&add("write to the board", 0.2)).unwrap();
        let found = of(&board, &faint, "I will write to the board.").unwrap();
        assert_eq!((found.went.len(), found.came.len()), (2, 2), "on two axes: {found:?}");
    }
}
