//! `belfry detect evaluate`: a table in, figures out.

use std::process::{Command, Output};

use serde_json::Value;

const TABLE: &str = "body,tone,urgent\n\
    \"Thank you, that was wonderful.\",positive,no\n\
    \"The office is open on Monday.\",neutral,no\n\
    \"This is the worst service ever, I am furious!\",negative,yes\n\
    \"Nobody answers, it is still broken and I want a refund now.\",negative,yes\n";

fn run(table: &str, args: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("judged.csv");
    std::fs::write(&file, table).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
    command.args(["detect", "evaluate"]).arg(&file).args(args).output().unwrap()
}

#[test]
fn a_table_is_measured() {
    let args = ["--text", "body", "--sentiment", "tone", "--complaint", "urgent", "--json"];
    let done = run(TABLE, &args);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(told["texts"], 4);
    assert_eq!(told["axes"][0]["axis"], "sentiment");
    assert_eq!(told["axes"][0]["confusion"]["words"][0], "negative");
    let auc = &told["axes"][1]["numbers"][0];
    assert_eq!((&auc["name"], &auc["value"]), (&Value::from("AUC"), &Value::from(1.0)));
    let done = run(TABLE, &args[..4]);
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(told.contains("macro-F1") && told.contains("plain VADER"), "{told}");
}

#[test]
fn what_is_wrong_is_named() {
    for (args, status, words) in [
        (&["--text", "body"][..], 2, "name at least one column"),
        (&["--sentiment", "tone"][..], 1, "line 2: "),
        (&["--text", "body", "--sentiment", "urgent"][..], 1, "line 2: "),
        (&["--text", "body", "--severity", "urgent"][..], 2, "--severity-words"),
        (
            &["--text", "body", "--sentiment", "tone", "--phrases", "/nowhere.toml"][..],
            1,
            "detect.phrases",
        ),
    ] {
        let done = run(TABLE, args);
        let told = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(status), "{args:?}: {told}");
        assert!(told.contains(words), "{args:?}: {told}");
    }
}

#[test]
fn own_phrases_count_and_a_wrong_one_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let phrases = dir.path().join("phrases.toml");
    let file = phrases.to_str().unwrap();
    let table = "text,escalation\n\"We ring the bell of the tower.\",high\n";
    let args = ["--escalation", "escalation", "--phrases", file, "--json"];
    std::fs::write(
        &phrases,
        "[[add]]\nfamily = \"executive_contact\"\nweight = 0.7\nphrase = \"ring the bell\"\n",
    )
    .unwrap();
    let done = run(table, &args);
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(told["axes"][0]["worst"], serde_json::json!([]), "{told}");
    std::fs::write(&phrases, "[[add]]\nfamily = \"legal\"\nweight = 7\nphrase = \"ring\"\n")
        .unwrap();
    let told = String::from_utf8(run(table, &args).stderr).unwrap();
    assert!(told.contains("/add/0/weight"), "{told}");
}
