//! What an organisation adds to the detector's phrases.

use serde_json::{Value, json};

use super::{given, object, text};
use crate::detect::Family;
use crate::domain::limits::{DETECT_ADDITIONS, DETECT_PHRASE_BYTES};

pub(super) fn phrases() -> Value {
    let form = "`|` between words of which either will do, `*` for up to four words, `?` behind a word that \
                may be missing, `0` for a number.";
    let families: Vec<_> = Family::ALL.iter().map(|family| family.word()).collect();
    let addition = object(
        &["family", "weight", "phrase"],
        json!({
            "family": {"type": "string", "enum": families, "description": "What the phrase tells."},
            "weight": {"type": "number", "exclusiveMinimum": 0, "maximum": 1,
                "description": "How much it tells: 0.2 is low, 0.4 medium, 0.65 high, 0.85 extreme."},
            "phrase": text(DETECT_PHRASE_BYTES, &format!("The words. {form}")),
        }),
        "A phrase to look for.",
    );
    object(
        &[],
        json!({
            "org_id": given("The organisation."),
            "version": given("The version, as in the ETag."),
            "updated_at": given("When they were changed."),
            "configured": given("What the configuration gives the organisation beside these."),
            "problem": given("Why what is stored can't be used."),
            "add": {"type": ["array", "null"], "maxItems": DETECT_ADDITIONS, "items": addition,
                "description": format!("Phrases to look for; with those of `exclude` at most \
                                        {DETECT_ADDITIONS}.")},
            "exclude": {"type": ["array", "null"], "maxItems": DETECT_ADDITIONS,
                "items": text(DETECT_PHRASE_BYTES, &format!("The words. {form}")),
                "description": "Phrases that mean nothing, such as the name of a product: what is found \
                                within them does not count."},
        }),
        "All phrases of an organisation.",
    )
}
