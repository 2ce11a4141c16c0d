//! What a phrase tells: an intent to go around support, a cue of how the customer feels, or something
//! about the words beside it. This is the one place that lists the families.

use serde::{Deserialize, Serialize};

/// What a phrase tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// To go to executives.
    ExecutiveContact,
    /// To go to lawyers and courts.
    Legal,
    /// To go to a regulator, an ombudsman, the police.
    Regulator,
    /// To go to the press or to social media.
    PressSocial,
    /// To cancel or to leave.
    Cancellation,
    /// To get money back, if need be through the bank.
    RefundChargeback,
    /// Has been in touch before, again and again.
    RepeatedContact,
    /// Sets a time, or says what happens otherwise.
    Deadline,
    /// Somebody may come to harm.
    Safety,
    /// Something does not work.
    Problem,
    /// Something is late.
    Waiting,
    /// Nobody answers.
    NoAnswer,
    /// Asks that something be put right.
    Demand,
    /// Says whose fault it is.
    Blame,
    /// Accuses of a wrong: fraud, theft, harassment.
    Accusation,
    /// Contempt and anger.
    Outrage,
    /// Disappointment and displeasure.
    Discontent,
    /// Worry, despair, hardship.
    Distress,
    /// Thanks.
    Gratitude,
    /// Praise and joy.
    Praise,
    /// Wants to know or to have something, without reproach.
    Enquiry,
    /// News, advertisement, announcement: nobody's own trouble.
    Notice,
    /// Speaks of what is the customer's own.
    Own,
    /// Speaks to the company as "you".
    Addressed,
    /// Turns what stands behind it into its opposite.
    Negation,
    /// Ends what a negation turns.
    Affirmation,
    /// What stands behind it is thought, not meant.
    Hypothesis,
}

/// How many families there are.
pub(super) const FAMILIES: usize = Family::ALL.len();

impl Family {
    /// All families.
    pub const ALL: [Self; 27] = [
        Self::ExecutiveContact,
        Self::Legal,
        Self::Regulator,
        Self::PressSocial,
        Self::Cancellation,
        Self::RefundChargeback,
        Self::RepeatedContact,
        Self::Deadline,
        Self::Safety,
        Self::Problem,
        Self::Waiting,
        Self::NoAnswer,
        Self::Demand,
        Self::Blame,
        Self::Accusation,
        Self::Outrage,
        Self::Discontent,
        Self::Distress,
        Self::Gratitude,
        Self::Praise,
        Self::Enquiry,
        Self::Notice,
        Self::Own,
        Self::Addressed,
        Self::Negation,
        Self::Affirmation,
        Self::Hypothesis,
    ];

    /// The families that tell that a customer means to go around support.
    pub const INTENTS: [Self; 9] = [
        Self::ExecutiveContact,
        Self::Legal,
        Self::Regulator,
        Self::PressSocial,
        Self::Cancellation,
        Self::RefundChargeback,
        Self::RepeatedContact,
        Self::Deadline,
        Self::Safety,
    ];

    /// Its name in files and in evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ExecutiveContact => "executive_contact",
            Self::Legal => "legal",
            Self::Regulator => "regulator",
            Self::PressSocial => "press_social",
            Self::Cancellation => "cancellation",
            Self::RefundChargeback => "refund_chargeback",
            Self::RepeatedContact => "repeated_contact",
            Self::Deadline => "deadline",
            Self::Safety => "safety",
            Self::Problem => "problem",
            Self::Waiting => "waiting",
            Self::NoAnswer => "no_answer",
            Self::Demand => "demand",
            Self::Blame => "blame",
            Self::Accusation => "accusation",
            Self::Outrage => "outrage",
            Self::Discontent => "discontent",
            Self::Distress => "distress",
            Self::Gratitude => "gratitude",
            Self::Praise => "praise",
            Self::Enquiry => "enquiry",
            Self::Notice => "notice",
            Self::Own => "own",
            Self::Addressed => "addressed",
            Self::Negation => "negation",
            Self::Affirmation => "affirmation",
            Self::Hypothesis => "hypothesis",
        }
    }

    /// The family of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.word() == word)
    }

    /// What it tells a person, as the middle of a sentence: "the words … say that the customer …".
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ExecutiveContact => "wants to go to the executives",
            Self::Legal => "thinks of lawyers or courts",
            Self::Regulator => "thinks of a regulator or the police",
            Self::PressSocial => "means to make it public",
            Self::Cancellation => "means to leave",
            Self::RefundChargeback => "wants money back",
            Self::RepeatedContact => "has asked again and again",
            Self::Deadline => "sets a time or an ultimatum",
            Self::Safety => "fears that somebody comes to harm",
            Self::Problem => "has something that does not work",
            Self::Waiting => "has been waiting",
            Self::NoAnswer => "gets no answer",
            Self::Demand => "demands that it be put right",
            Self::Blame => "says whose fault it is",
            Self::Accusation => "accuses of a wrong",
            Self::Outrage => "is outraged",
            Self::Discontent => "is not content",
            Self::Distress => "is worried or in need",
            Self::Gratitude => "is grateful",
            Self::Praise => "is pleased",
            Self::Enquiry => "asks without reproach",
            Self::Notice => "passes on news rather than trouble",
            Self::Own => "speaks of what is theirs",
            Self::Addressed => "speaks to the company",
            Self::Negation => "denies",
            Self::Affirmation => "affirms",
            Self::Hypothesis => "supposes",
        }
    }

    /// Its place in `ALL`.
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Whether it tells that a customer means to go around support.
    pub fn is_intent(self) -> bool {
        self <= Self::Safety
    }

    /// Whether a negation before it takes it away. Thanks and waiting are not denied this way, and what
    /// says "no" in its own words has it inside the phrase.
    pub(super) fn is_negatable(self) -> bool {
        self.is_intent()
            || matches!(
                self,
                Self::Problem
                    | Self::Blame
                    | Self::Accusation
                    | Self::Outrage
                    | Self::Discontent
                    | Self::Distress
                    | Self::Praise
            )
    }
}
