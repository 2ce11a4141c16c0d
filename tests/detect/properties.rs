//! What must hold for any text.

use std::collections::BTreeMap;

use belfry::detect::{Addition, Additions, Family, History, MessageScore, Model, assess};
use belfry::domain::limits::{DETECT_EVIDENCE, DETECT_EVIDENCE_BYTES};
use belfry::domain::record::{Author, Message, Record};
use proptest::prelude::*;

std::thread_local! {
    static MODEL: Model = Model::built_in().unwrap();
}

fn record(content: &str, messages: Vec<Message>) -> Record {
    Record {
        id: "r".to_owned(),
        org_id: "o".to_owned(),
        content: content.to_owned(),
        source: "s".to_owned(),
        created_at: None,
        source_url: None,
        kind: None,
        channel: None,
        segment: None,
        product_area: None,
        tags: Vec::new(),
        metadata: BTreeMap::new(),
        conversation_id: None,
        messages,
        levels: None,
    }
}

fn message(author: Author, text: &str) -> Message {
    Message { author, text: text.to_owned(), at: None }
}

fn judged(text: &str) -> belfry::detect::Assessment {
    MODEL.with(|model| assess(&record(text, Vec::new()), &History::default(), model))
}

/// Words that the detector knows, words that it doesn't, and what parts them.
fn prose() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "I",
        "will",
        "sue",
        "you",
        "not",
        "never",
        "the",
        "worst",
        "service",
        "great",
        "thanks",
        "refund",
        "my",
        "money",
        "back",
        "lawyer",
        "fraud",
        "but",
        "again",
        "cancel",
        "love",
        "hate",
        ":)",
        ":(",
        "😡",
        "🎉",
        "no",
        "voy",
        "a",
        "demandar",
        "Anwalt",
        "merci",
        "честно",
        "kein",
        "l@wyer",
        "s",
        "u",
        "e",
        "soooo",
        "angry",
        "don't",
        "won't",
        "\"quoted\"",
        "ok.",
        "what?",
        "(yes)",
        "well,",
        "15days",
        "<b>",
        "</b>",
        "&amp;",
        "@name",
        "#tag",
        "https://x.example/a",
        "CAPITALS",
        "very",
        "least",
        "kind",
        "of",
        "so",
        "without",
        "doubt",
        "--",
        ">",
        "Regards",
    ]);
    prop::collection::vec(word, 1..30).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn marks_never_lower_intensity(text in prose(), marks in 1..6_usize) {
        let louder = format!("{text}{}", "!".repeat(marks));
        prop_assert!(judged(&louder).scores.intensity >= judged(&text).scores.intensity);
        prop_assert!(
            judged(&louder).levels.emotional_intensity >= judged(&text).levels.emotional_intensity
        );
    }

    #[test]
    fn capitals_never_lower_intensity(text in prose(), which in any::<u32>()) {
        let louder: Vec<String> = text.split(' ').enumerate().map(|(index, word)| {
            if which >> (index % 32) & 1 == 1 { word.to_ascii_uppercase() } else { word.to_owned() }
        }).collect();
        let louder = louder.join(" ");
        prop_assert!(
            judged(&louder).scores.intensity >= judged(&text).scores.intensity, "{}", louder
        );
        let all = text.to_ascii_uppercase();
        prop_assert!(judged(&all).scores.intensity >= judged(&louder).scores.intensity);
    }

    #[test]
    fn white_space_changes_nothing(text in prose(), spaces in "[ \t]{1,4}") {
        let wider = text.replace(' ', &format!(" {spaces}"));
        let (narrow, wide) = (judged(&text), judged(&wider));
        prop_assert_eq!(narrow.levels, wide.levels);
        prop_assert_eq!(narrow.scores, wide.scores);
        prop_assert_eq!(&narrow.remember, &wide.remember);
        let words = |found: &belfry::detect::Assessment| -> Vec<String> {
            found.evidence.iter().filter(|each| each.rule != belfry::detect::Rule::Emphasis)
                .map(|each| each.words.clone()).collect()
        };
        prop_assert_eq!(words(&narrow), words(&wide));
    }

    #[test]
    fn an_agent_changes_nothing(texts in prop::collection::vec(prose(), 0..4), agent in prose(), at in 0..5_usize) {
        let mut messages: Vec<Message> =
            texts.iter().map(|text| message(Author::Customer, text)).collect();
        MODEL.with(|model| {
            let history = History::default();
            let before = assess(&record("I will sue you", messages.clone()), &history, model);
            messages.insert(at.min(messages.len()), message(Author::Agent, &agent));
            let after = assess(&record("I will sue you", messages.clone()), &history, model);
            prop_assert_eq!(before.levels, after.levels);
            prop_assert_eq!(before.scores, after.scores);
            Ok(())
        })?;
    }

    #[test]
    fn any_text_is_judged(text in any::<String>()) {
        let found = judged(&text);
        prop_assert!((0.0..=1.0).contains(&found.scores.escalation));
        prop_assert!((0.0..=1.0).contains(&found.scores.intensity));
        prop_assert!((-1.0..=1.0).contains(&found.scores.sentiment));
        prop_assert!((0.0..=1.0).contains(&found.scores.grievance));
        prop_assert!(found.evidence.len() <= DETECT_EVIDENCE);
        for each in &found.evidence {
            prop_assert!(text.get(each.bytes.clone()).is_some());
            prop_assert!(each.words.len() <= DETECT_EVIDENCE_BYTES);
        }
    }

    #[test]
    fn anything_between_words_is_judged(text in "([a-z]{1,5}|[<>&;\"'!?.@#$/\n\t -]|&#x[0-9a-f]{1,6};|<(/)?(p|script|blockquote|b)>|[\u{200b}\u{300}\u{fdfa}\u{430}]){0,60}") {
        let found = judged(&text);
        for each in &found.evidence {
            prop_assert!(text.get(each.bytes.clone()).is_some());
        }
    }

    #[test]
    fn a_record_that_comes_again_is_judged_the_same(texts in prop::collection::vec(prose(), 1..5), known in 0..5_usize) {
        let messages: Vec<Message> =
            texts.iter().map(|text| message(Author::Customer, text)).collect();
        MODEL.with(|model| {
            let first = assess(&record("", messages.clone()), &History::new(7), model);
            let mut history = History::new(7);
            history.scores = first.remember.iter().copied().take(known).collect();
            let second = assess(&record("", messages.clone()), &history, model);
            prop_assert_eq!(first.levels, second.levels);
            let all: Vec<MessageScore> =
                history.scores.iter().chain(&second.remember).copied().collect();
            prop_assert_eq!(all, first.remember);
            Ok(())
        })?;
    }
}

#[test]
fn two_models_judge_the_same() {
    let text =
        "I hate this, my lawyer will call. No refund since 3 weeks!!! The WORST fraud, but thanks.";
    let other = Model::built_in().unwrap();
    let found = assess(&record(text, Vec::new()), &History::default(), &other);
    assert_eq!(judged(text), found);
}

#[test]
fn later_records_are_compared_with_what_was_kept() {
    let model = Model::built_in().unwrap();
    let mut history = History::new(1);
    let said = |text: &str| record(text, Vec::new());
    let first = assess(&said("Great service, love it."), &history, &model);
    assert_eq!(first.levels.sentiment_shift, None);
    history.scores.extend(first.remember);
    let second = assess(&said("This is the worst. I hate it."), &history, &model);
    assert_eq!(second.levels.sentiment_shift.unwrap().word(), "sentiment degraded");
    assert_eq!(second.remember.len(), 1);
    history.scores.extend(second.remember);
    let again = assess(&said("This is the worst. I hate it."), &history, &model);
    assert_eq!(again.levels.sentiment_shift.unwrap().word(), "sentiment degraded");
    assert_eq!(again.remember, []);
    let late = assess(&said("Great service, love it."), &history, &model);
    assert_eq!(late.levels.sentiment_shift, None, "what came later is not before it");
}

#[test]
fn an_organisation_adds_and_excludes() {
    let addition = |phrase: &str| Addition {
        family: Family::PressSocial,
        weight: 0.7,
        phrase: phrase.to_owned(),
    };
    let additions = Additions {
        add: vec![addition("call|ring the? hotline"), addition("Крик души")],
        exclude: vec!["legal action pro".to_owned()],
    };
    let model = Model::with(&additions).unwrap();
    let judge = |text: &str| assess(&record(text, Vec::new()), &History::default(), &model);
    assert_eq!(judge("I will RING the hotline").levels.escalation.word(), "high");
    assert_eq!(judge("I will not ring the hotline").levels.escalation.word(), "none");
    assert_eq!(judge("это крик души").levels.escalation.word(), "high");
    assert_eq!(judge("Legal Action Pro does not start").levels.escalation.word(), "none");
    for (phrase, problem) in [
        ("", "/add/0/phrase: is empty"),
        ("* lawyer", "/add/0/phrase: may not begin or end with `*`, or have more than 2 of them"),
        ("a <class>", "/add/0/phrase: names the class `class`, which the file does not declare"),
        ("a b&c", "/add/0/phrase: has `b&c`, which is no word"),
        ("a b c d e f g h i j k l m", "/add/0/phrase: has more than 12 words"),
    ] {
        let additions = Additions { add: vec![addition(phrase)], exclude: Vec::new() };
        let error = Model::with(&additions).unwrap_err();
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), problem);
    }
}
