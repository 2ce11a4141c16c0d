//! VADER's scores are those of the reference, to the digits that it prints.

use belfry::detect::vader::Vader;

const FIXTURE: &str = include_str!("../../fixtures/detect/vader.tsv");

#[test]
fn scores_are_those_of_the_reference() {
    let vader = Vader::new();
    let mut differing = Vec::new();
    let mut compared = 0;
    for line in FIXTURE.lines().filter(|line| !line.starts_with("# ")) {
        let columns: Vec<&str> = line.splitn(5, '\t').collect();
        let [compound, negative, neutral, positive, text] = columns[..] else {
            panic!("five columns: {line}");
        };
        let found = vader.polarity(text);
        let found = [
            // The reference has no negative zero.
            format!("{:.4}", found.compound + 0.0).replace("-0.0000", "0.0000"),
            format!("{:.3}", found.negative),
            format!("{:.3}", found.neutral),
            format!("{:.3}", found.positive),
        ];
        compared += 1;
        if found != [compound, negative, neutral, positive] {
            differing.push(format!("{text}\n  reference {line}\n  found {found:?}"));
        }
    }
    assert!(compared > 400, "{compared}");
    assert!(differing.is_empty(), "{} of {compared}:\n{}", differing.len(), differing.join("\n"));
}
