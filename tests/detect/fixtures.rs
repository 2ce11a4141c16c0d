//! Every text of `fixtures/detect/*.txt` is judged as its line says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use belfry::detect::{Assessment, Axis, Family, History, Model, Rule, assess};
use belfry::domain::levels::Level;
use belfry::domain::record::{Author, Message, Record};

fn record(text: &str) -> Record {
    let mut record = Record {
        id: "r1".to_owned(),
        org_id: "o1".to_owned(),
        content: String::new(),
        source: "fixture".to_owned(),
        created_at: None,
        source_url: None,
        kind: None,
        channel: None,
        segment: None,
        product_area: None,
        tags: Vec::new(),
        metadata: BTreeMap::new(),
        conversation_id: None,
        messages: Vec::new(),
        levels: None,
    };
    if text.starts_with("C: ") {
        for part in text.split(" /// ") {
            let (author, text) = part.split_once(": ").unwrap();
            let author = match author {
                "C" => Author::Customer,
                "A" => Author::Agent,
                other => panic!("{other} is no author"),
            };
            record.messages.push(Message { author, text: text.to_owned(), at: None });
        }
    } else {
        record.content = text.to_owned();
    }
    record
}

fn unescaped(text: &str) -> String {
    let mut plain = text.replace("\\n", "\n").replace("\\t", "\t");
    while let Some(start) = plain.find("\\u{") {
        let end = start + plain[start..].find('}').unwrap();
        let code = u32::from_str_radix(&plain[start + 3..end], 16).unwrap();
        plain.replace_range(start..=end, &char::from_u32(code).unwrap().to_string());
    }
    plain
}

fn compare(level: Level, expected: &str) -> bool {
    if let Some(word) = expected.strip_prefix(">=") {
        level >= word.parse().unwrap()
    } else if let Some(word) = expected.strip_prefix("<=") {
        level <= word.parse().unwrap()
    } else {
        level == expected.strip_prefix('=').unwrap().parse().unwrap()
    }
}

/// Whether an expectation holds.
fn holds(expected: &str, found: &Assessment) -> bool {
    let has = |word: &str| {
        let family = Family::ALL.into_iter().find(|family| family.word() == word).unwrap();
        found.evidence.iter().any(|each| each.rule == Rule::Phrase(family))
    };
    if let Some(word) = expected.strip_prefix('+') {
        has(word)
    } else if let Some(word) = expected.strip_prefix('-') {
        !has(word)
    } else if let Some(code) = expected.strip_prefix("lang=") {
        found.language.map_or("none", |language| language.code()) == code
    } else if let Some(word) = expected.strip_prefix("shift=") {
        let shift = found.levels.sentiment_shift.map(|shift| shift.word());
        shift.map_or("none", |shift| shift.strip_prefix("sentiment ").unwrap()) == word
    } else if let Some(word) = expected.strip_prefix("s=") {
        let sentiment = found.scores.sentiment;
        match word {
            "negative" => sentiment <= -0.2,
            "positive" => sentiment >= 0.2,
            "neutral" => sentiment.abs() < 0.2,
            other => panic!("{other} is no sentiment"),
        }
    } else if let Some(level) = expected.strip_prefix('e') {
        compare(found.levels.escalation, level)
    } else {
        compare(found.levels.emotional_intensity, expected.strip_prefix('i').unwrap())
    }
}

#[test]
fn every_text_is_judged_as_its_line_says() {
    let model = Model::built_in().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/detect");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut cases, mut wrong) = (0, Vec::new());
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "txt")) {
        let text = fs::read_to_string(file).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let (expected, text) = line.split_once('|').unwrap();
            let text = unescaped(text.strip_prefix(' ').unwrap_or(text));
            let found = assess(&record(&text), &History::default(), &model);
            let missed = expected.split_whitespace().any(|each| each == "miss");
            let expected = expected.split_whitespace().filter(|each| *each != "miss");
            let broken: Vec<&str> = expected.filter(|each| !holds(each, &found)).collect();
            cases += 1;
            if broken.is_empty() == missed {
                let name = file.file_name().unwrap().to_string_lossy();
                let why: Vec<String> = found
                    .evidence
                    .iter()
                    .map(|each| format!("{}[{}]", each.rule.word(), each.words))
                    .collect();
                wrong.push(format!(
                    "{name}:{} {text:?}\n    not {broken:?}: {:?} {:?} {:?}\n    {}",
                    number + 1,
                    found.levels,
                    found.scores,
                    found.language,
                    why.join(" ")
                ));
            }
            for each in &found.evidence {
                let within = each.axis == Axis::SentimentShift || !each.words.is_empty();
                assert!(within || text.is_empty(), "{each:?} of {text:?}");
            }
        }
    }
    assert!(cases >= 300, "{cases}");
    assert!(wrong.is_empty(), "{} of {cases} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
