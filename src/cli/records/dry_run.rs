//! `belfry records send --dry-run`: what records would do, as the service says it.

use std::io::{self, Write as _};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Batch, Raw, RecordsError, Rejected, Report, Sending};
use crate::cli::paint::{Colour, Paint, plain};

#[derive(Debug, Deserialize)]
struct Answer {
    records: Vec<Value>,
    rejected: Vec<Rejected>,
}

/// One record, as far as it is told to a person.
#[derive(Debug, Deserialize)]
struct Run {
    record_id: String,
    levels: Levels,
    detected: Option<Detected>,
    automations: Vec<Outlook>,
}

#[derive(Debug, Deserialize)]
struct Levels {
    escalation_level: String,
    emotional_intensity_level: String,
    sentiment_shift: Option<String>,
}

/// What the levels follow from, where the record brought none.
#[derive(Debug, Deserialize)]
struct Detected {
    judged_by: String,
    explanation: Option<String>,
    unanswered: Option<Unanswered>,
    evidence: Vec<Reason>,
}

/// Why the classifier did not judge.
#[derive(Debug, Deserialize)]
struct Unanswered {
    detail: String,
}

#[derive(Debug, Deserialize)]
struct Reason {
    axis: String,
    because: String,
}

#[derive(Debug, Deserialize)]
struct Outlook {
    name: String,
    misses: Vec<Miss>,
    alert: Option<Prospect>,
}

#[derive(Debug, Deserialize)]
struct Miss {
    reason: String,
    minimum: Option<String>,
    found: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Prospect {
    duplicate: bool,
    alert_id: Option<String>,
    integrations: Vec<Way>,
}

#[derive(Debug, Deserialize)]
struct Way {
    name: String,
    goes: bool,
}

impl Sending<'_> {
    /// Asks what the records would do.
    pub(super) async fn foresee(&mut self, batch: Batch) -> Result<(), RecordsError> {
        if batch.records.is_empty() {
            return Ok(());
        }
        let answer = self.client.post("/v1/records/dry-run", &[], Some(batch.body())).await?;
        let strange = |error| self.client.strange(&format!("its answer is no dry run: {error}"));
        let Answer { records, rejected } = serde_json::from_value(answer).map_err(strange)?;
        self.totals.rejected += rejected.len() as u64;
        let mut sent: Vec<Option<Raw>> = batch.records.into_iter().map(Some).collect();
        let rejected: Vec<(Raw, Value)> = rejected
            .into_iter()
            .filter_map(|each| Some((sent.get_mut(each.index)?.take()?, each.error)))
            .collect();
        if self.report.json {
            let rejected: Vec<Value> = rejected
                .iter()
                .map(|(record, error)| {
                    json!({"file": record.file, "index": record.index, "error": error})
                })
                .collect();
            let line = json!({"records": records, "rejected": rejected});
            return Ok(writeln!(io::stdout().lock(), "{line}")?);
        }
        let mut text = String::new();
        for run in records {
            let run: Run = serde_json::from_value(run).map_err(strange)?;
            text.push_str(&told(&run, self.report.paint));
        }
        io::stdout().lock().write_all(text.as_bytes())?;
        Ok(self.report.call(&[], &rejected, 0)?)
    }
}

impl Report {
    /// The last line of a dry run.
    pub(super) fn dry(self) -> io::Result<()> {
        if self.json { Ok(()) } else { writeln!(io::stdout().lock(), "nothing was stored or sent") }
    }
}

fn told(run: &Run, paint: Paint) -> String {
    let Levels { escalation_level, emotional_intensity_level, sentiment_shift } = &run.levels;
    let shift = sentiment_shift.as_ref().map_or_else(String::new, |shift| format!(", {shift}"));
    let levels =
        format!("escalation {escalation_level}, intensity {emotional_intensity_level}{shift}");
    let mut text = format!("{}  {}\n", paint.bold(&plain(&run.record_id)), plain(&levels));
    for line in run.detected.iter().filter_map(judge) {
        text.push_str(&paint.dim(&format!("  {}\n", plain(&line))));
    }
    for Reason { axis, because } in run.detected.iter().flat_map(|found| &found.evidence) {
        text.push_str(&paint.dim(&format!("  {}: {}\n", plain(axis), plain(because))));
    }
    for outlook in &run.automations {
        let name = plain(&outlook.name);
        let line = match &outlook.alert {
            Some(alert) => {
                let mark = paint.colour(Colour::Green, "fires");
                format!("  {mark}   {name} → {}", ways(alert))
            }
            None => {
                let why: Vec<String> = outlook.misses.iter().map(why).collect();
                format!("  silent  {name}: {}", plain(&why.join("; ")))
            }
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Who judged, where a classifier is configured.
fn judge(found: &Detected) -> Option<String> {
    if let Some(Unanswered { detail }) = &found.unanswered {
        return Some(format!(
            "the classifier did not answer, and the built-in detector judged: {detail}"
        ));
    }
    let says =
        found.explanation.as_ref().map_or(String::new(), |words| format!(", and says: {words}"));
    let judged =
        format!("the classifier judged{says} (below is what the built-in detector goes by)");
    (found.judged_by == "classifier").then_some(judged)
}

fn ways(alert: &Prospect) -> String {
    let names: Vec<String> =
        alert.integrations.iter().filter(|way| way.goes).map(|way| plain(&way.name)).collect();
    let names = if names.is_empty() { "nowhere".to_owned() } else { names.join(", ") };
    match (alert.duplicate, &alert.alert_id) {
        (false, _) => names,
        (true, Some(id)) => format!("{names} (not again: {} is there)", plain(id)),
        (true, None) => format!("{names} (not again: an earlier record has that id)"),
    }
}

fn why(miss: &Miss) -> String {
    match (miss.reason.as_str(), &miss.minimum) {
        ("inactive", _) => "it is not active".to_owned(),
        ("filter", _) => "its filter leaves the record out".to_owned(),
        (axis, Some(minimum)) => {
            let found = miss.found.as_deref().unwrap_or("not known");
            format!("{axis} is {found}, and {minimum} is the least")
        }
        (other, None) => other.to_owned(),
    }
}
