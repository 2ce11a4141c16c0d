//! Phrases in people's words: what one tells, and how much.

use crate::detect::Family;

/// What a phrase can tell, in groups.
pub(super) const GROUPS: [(&str, &[Family]); 3] = [
    ("Means to go around support", &Family::INTENTS),
    (
        "How the customer feels",
        &[
            Family::Problem,
            Family::Waiting,
            Family::NoAnswer,
            Family::Demand,
            Family::Blame,
            Family::Accusation,
            Family::Outrage,
            Family::Discontent,
            Family::Distress,
            Family::Gratitude,
            Family::Praise,
        ],
    ),
    (
        "What the words around it mean",
        &[
            Family::Enquiry,
            Family::Notice,
            Family::Own,
            Family::Addressed,
            Family::Negation,
            Family::Affirmation,
            Family::Hypothesis,
        ],
    ),
];

/// How much a phrase tells: the weight, and its name.
pub(super) const STRENGTHS: [(&str, &str); 4] =
    [("0.2", "low"), ("0.4", "medium"), ("0.65", "high"), ("0.85", "extreme")];

/// What a family tells.
pub(super) const fn family_words(family: Family) -> &'static str {
    match family {
        Family::ExecutiveContact => "Executives",
        Family::Legal => "Lawyers and courts",
        Family::Regulator => "Regulators and police",
        Family::PressSocial => "Press and social media",
        Family::Cancellation => "Leaving",
        Family::RefundChargeback => "Money back",
        Family::RepeatedContact => "Asked again and again",
        Family::Deadline => "Deadline or ultimatum",
        Family::Safety => "Somebody may come to harm",
        Family::Problem => "Something does not work",
        Family::Waiting => "Has been waiting",
        Family::NoAnswer => "Gets no answer",
        Family::Demand => "Demands that it be put right",
        Family::Blame => "Says whose fault it is",
        Family::Accusation => "Accuses of a wrong",
        Family::Outrage => "Contempt and anger",
        Family::Discontent => "Disappointment",
        Family::Distress => "Worry or need",
        Family::Gratitude => "Thanks",
        Family::Praise => "Praise and joy",
        Family::Enquiry => "Enquiry without reproach",
        Family::Notice => "News or advertisement",
        Family::Own => "Speaks of what is theirs",
        Family::Addressed => "Speaks to the company",
        Family::Negation => "Denies what follows",
        Family::Affirmation => "Ends what is denied",
        Family::Hypothesis => "Only supposes what follows",
    }
}

/// The same by its name in the API; one that is not known is shown as it is.
pub(super) fn told(family: &str) -> &str {
    Family::from_word(family).map_or(family, |known| family_words(known))
}

/// How much a weight tells.
pub(super) fn strength(weight: &str) -> &str {
    STRENGTHS.iter().find(|(each, _)| *each == weight).map_or(weight, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_can_be_chosen_once() {
        let mut all: Vec<_> = GROUPS.iter().flat_map(|(_, families)| families.iter()).collect();
        all.sort();
        assert!(all.into_iter().eq(Family::ALL.iter()));
        let mut words: Vec<_> = Family::ALL.iter().map(|family| family_words(*family)).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Family::ALL.len());
        assert_eq!((told("moonlight"), strength("0.7")), ("moonlight", "0.7"));
    }
}
