//! An evaluation reads judged texts by named columns, and says how far people and detector agree.

use belfry::detect::Model;
use belfry::detect::evaluate::{Mapping, Row, Tone, evaluate};
use belfry::domain::levels::Level;

fn mapping() -> Mapping {
    let words = ["none", "mild", "grave"].map(str::to_owned).to_vec();
    Mapping {
        text: "text".to_owned(),
        complaint: Some(("complaint".to_owned(), None)),
        severity: Some(("severity".to_owned(), words)),
        sentiment: Some("tone".to_owned()),
        anger: Some(("emotion".to_owned(), Some("anger".to_owned()))),
        escalation: Some("escalation".to_owned()),
        emotional_intensity: None,
    }
}

fn row(cells: [&'static str; 6]) -> Result<Row, String> {
    let names = ["text", "complaint", "severity", "tone", "emotion", "escalation"];
    let cell = |column: &str| {
        let place = names.iter().position(|name| *name == column)?;
        Some(cells[place])
    };
    mapping().row(cell).map_err(|error| error.to_string())
}

#[test]
fn columns_are_read_as_they_are_mapped() {
    let read = row(["Hello", "yes", "mild", "Negative", "anger", "high"]).unwrap();
    assert_eq!(read.complaint, Some(true));
    assert_eq!(read.severity, Some(1));
    assert_eq!(read.sentiment, Some(Tone::Negative));
    assert_eq!(read.anger, Some(true));
    assert_eq!(read.escalation, Some(Level::High));
    let silent = row(["Hello", "", "", "", "", ""]).unwrap();
    assert_eq!(silent, Row { text: "Hello".to_owned(), ..Row::default() });
    let refused = row(["Hello", "1", "huge", "neutral", "joy", "low"]).unwrap_err();
    assert_eq!(refused, "column severity: huge is none of none, mild, grave");
    let refused = mapping().row(|_| None).unwrap_err().to_string();
    assert_eq!(refused, "there is no column severity");
}

#[test]
fn a_report_has_an_axis_for_each_judgement() {
    let rows = [
        ["Worst company, thieves! I will sue you.", "1", "grave", "negative", "anger", "extreme"],
        ["My parcel is late, please help.", "1", "mild", "negative", "sadness", "none"],
        ["Thank you, great service.", "0", "none", "positive", "joy", "none"],
        ["The parcel is blue.", "0", "none", "neutral", "none", "none"],
    ];
    let rows: Vec<Row> = rows.into_iter().map(|cells| row(cells).unwrap()).collect();
    let report = evaluate(&rows, &Model::built_in().unwrap(), 3);
    let axes: Vec<&str> = report.figures.iter().map(|figures| figures.axis).collect();
    assert_eq!(axes, ["sentiment", "complaint", "anger", "severity", "escalation_level"]);
    let figure = |axis: usize, name: &str| {
        let numbers = &report.figures[axis].numbers;
        numbers.iter().find(|(measure, _, _)| *measure == name).unwrap().1
    };
    assert_eq!(figure(1, "AUC"), 1.0);
    assert_eq!(figure(2, "AUC"), 1.0);
    assert_eq!(figure(4, "accuracy"), 1.0);
    let printed = report.to_string();
    assert!(printed.starts_with("4 texts, model "), "{printed}");
    assert!(printed.contains("plain VADER"), "{printed}");
}
