//! How fast the detector is: records of 300 characters a second on one thread, and how long a mebibyte of
//! hostile text takes. It fails where the promised bound is not kept.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use belfry::detect::{History, Model, assess};
use belfry::domain::record::{Author, Message, Record};

const RECORDS_A_SECOND: f64 = 20_000.0;
const HOSTILE: Duration = Duration::from_millis(50);
const MEBIBYTE: usize = 1024 * 1024;

fn main() {
    let started = Instant::now();
    let model = Model::built_in().unwrap_or_else(|error| panic!("{error}"));
    println!("model: {:?}, {:?} phrases and words", started.elapsed(), model.size());
    records(&model);
    hostile(&model);
}

fn records(model: &Model) {
    let texts = [
        "I have been waiting for my refund since three weeks and nobody answers my emails. I called four \
         times, each time another agent tells me another story. If this is not solved by Friday I will \
         contact my lawyer and post the whole chat on social media. This is the worst service that I ever \
         had, and I am really fed up!!!",
        "Hello, thank you for the quick help yesterday, the new version works well on my laptop. One question \
         is left: is there a way to export the report as a table, so that our accounting can read it? The \
         button is greyed out on my side, maybe my role lacks a right. It is not urgent, next week is fine. Jo",
        "Sehr geehrte Damen und Herren, seit zwei Wochen warte ich auf mein Paket und niemand antwortet auf \
         meine Mails. Ich habe schon mehrfach angerufen, immer wieder heisst es, es sei unterwegs. Wenn ich \
         bis Freitag keine Antwort habe, werde ich meinen Anwalt einschalten und den Vertrag kündigen. Danke.",
    ];
    let records: Vec<Record> = texts.iter().map(|text| record(text, Vec::new())).collect();
    let history = History::default();
    let mut best = Duration::MAX;
    let rounds = 50;
    for _ in 0..100 {
        let started = Instant::now();
        for _ in 0..rounds {
            for record in &records {
                black_box(assess(black_box(record), &history, model));
            }
        }
        best = best.min(started.elapsed());
    }
    let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
    let a_second = (rounds * records.len()) as f64 / best.as_secs_f64();
    println!("records of {} characters: {a_second:.0}/s", characters / texts.len());
    assert!(a_second >= RECORDS_A_SECOND, "fewer than {RECORDS_A_SECOND} records a second");
}

fn hostile(model: &Model) {
    let texts = [
        ("letters", "a".to_owned()),
        ("spelled out", "s u e ".to_owned()),
        ("phrases", "i will i will sue my lawyer will ".to_owned()),
        ("gaps", "your not not your x y your ".to_owned()),
        ("negations", "no not never dont ".to_owned()),
        ("capitals", "WORST!!! ".to_owned()),
        ("marks", "!?".to_owned()),
        ("but", "bad but good terrible great but ".to_owned()),
        ("tags", "<script><p><b><blockquote>".to_owned()),
        ("open tags", "<p <p <p ".to_owned()),
        ("entities", "&amp;&#x41;&bogus".to_owned()),
        ("quotes", "\" ".to_owned()),
        ("lines", "\n> x\n".to_owned()),
        ("closings", "Regards,\nx\n".to_owned()),
        ("mails", "a@b.c.d ".to_owned()),
        ("at signs", "@a$".to_owned()),
        ("ligatures", "\u{fdfa}".to_owned()),
        ("combining", "e\u{301}\u{302}\u{303}".to_owned()),
        ("emoji", "😡😀".to_owned()),
        ("drawn out", "sooooooooooo ".to_owned()),
        ("lookalikes", "lаwуеr ".to_owned()),
        ("emoticons", ":) :( ".to_owned()),
    ];
    let history = History::default();
    let mut worst = (Duration::ZERO, "");
    for (name, unit) in &texts {
        let text = unit.repeat(MEBIBYTE / unit.len());
        let content = record(&text, Vec::new());
        let parts = text.chars().collect::<Vec<char>>();
        let messages = parts.chunks(260).map(|part| Message {
            author: Author::Customer,
            text: part.iter().collect(),
            at: None,
        });
        let conversation = record("", messages.collect());
        for record in [&content, &conversation] {
            let took = (0..5).map(|_| {
                let started = Instant::now();
                black_box(assess(black_box(record), &history, model));
                started.elapsed()
            });
            let took = took.min().unwrap_or_default();
            if took > worst.0 {
                worst = (took, name);
            }
            if took > HOSTILE / 4 {
                println!("  {name}: {took:?} ({} messages)", record.messages.len());
            }
        }
    }
    println!("1 MiB of hostile text: {:?} at worst ({})", worst.0, worst.1);
    assert!(worst.0 < HOSTILE, "more than {HOSTILE:?}");
}

fn record(content: &str, messages: Vec<Message>) -> Record {
    Record {
        id: "r".to_owned(),
        org_id: "o".to_owned(),
        content: content.to_owned(),
        source: "bench".to_owned(),
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
