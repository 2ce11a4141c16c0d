//! `belfry records send`: feeds records from files, in calls that the service takes.

mod dry_run;
mod file;

use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use file::{Raw, records};

use super::client::{Client, ClientError, ServerArgs};
use super::error::CliError;
use super::paint::{Colour, Paint, plain};
use crate::domain::limits::{RECORDS_A_CALL, RECORDS_FILE_BYTES, REQUEST_BYTES};

/// Feed records to the service.
#[derive(Debug, clap::Args)]
pub struct RecordsArgs {
    /// What to do with records.
    #[command(subcommand)]
    pub act: RecordsAct,
}

/// What can be done with records.
#[derive(Debug, clap::Subcommand)]
pub enum RecordsAct {
    /// Send records from files.
    Send(SendArgs),
}

/// Send records from files.
#[derive(Debug, clap::Args)]
pub struct SendArgs {
    /// Files with one record, an array of records, {"records": […]}, or one record a line; `-` is
    /// standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,

    /// Only say what the records would do: which automations would fire, and where alerts would go.
    #[arg(long)]
    pub dry_run: bool,

    /// Print JSON: one line for each call, and a last one with the totals.
    #[arg(long)]
    pub json: bool,

    /// Which service.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Why records were not sent.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The service, or a file.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file holds something else than records.
    #[error("{file} does not hold records: {what}")]
    NotRecords {
        /// Which.
        file: String,
        /// Where, and why.
        what: String,
    },
    /// Standard output is closed.
    #[error("the output can't be written")]
    Output(#[from] io::Error),
    /// A call failed after others had worked.
    #[error("after {accepted} records were accepted")]
    Midway {
        /// How many.
        accepted: u64,
        /// What happened then.
        source: Box<RecordsError>,
    },
}

/// What came of all calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// Records that the service has taken over.
    pub accepted: u64,
    /// Alerts that they made, or had made before.
    pub alerts: u64,
    /// Records that are wrong.
    pub rejected: u64,
    /// Records that the service keeps until its classifier has judged them.
    #[serde(skip_serializing_if = "is_none")]
    pub waiting: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

impl From<RecordsError> for CliError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Client(error) => error.into(),
            RecordsError::NotRecords { .. }
            | RecordsError::Output(_)
            | RecordsError::Midway { .. } => Self::failed(error),
        }
    }
}

/// Does what is to be done with records; fails where one of them was rejected.
pub async fn run(args: RecordsArgs) -> Result<(), CliError> {
    let RecordsAct::Send(args) = args.act;
    let totals = send(args).await?;
    if totals.rejected > 0 { Err(CliError::told()) } else { Ok(()) }
}

async fn send(args: SendArgs) -> Result<Totals, RecordsError> {
    let client = Client::new(&args.server)?;
    let mut sending = Sending {
        client: &client,
        batch: Batch::default(),
        totals: Totals::default(),
        dry_run: args.dry_run,
        report: Report { json: args.json, paint: Paint::stdout() },
    };
    let sent = send_files(&mut sending, &args.files).await;
    let totals = sending.totals;
    match sent {
        Ok(()) => {}
        Err(error) if totals.accepted == 0 => return Err(error),
        Err(error) => {
            return Err(RecordsError::Midway {
                accepted: totals.accepted,
                source: Box::new(error),
            });
        }
    }
    if args.dry_run {
        sending.report.dry()?
    } else {
        sending.report.totals(totals)?
    };
    Ok(totals)
}

async fn send_files(sending: &mut Sending<'_>, files: &[String]) -> Result<(), RecordsError> {
    for file in files {
        let opened: Box<dyn Read> = match file.as_str() {
            "-" => Box::new(io::stdin().lock()),
            path => Box::new(
                File::open(path)
                    .map_err(|source| ClientError::File { path: path.to_owned(), source })?,
            ),
        };
        let shown = if file == "-" { "standard input" } else { file };
        for record in records(BufReader::new(opened.take(RECORDS_FILE_BYTES)), shown) {
            sending.push(record?).await?;
        }
    }
    sending.flush().await
}

/// A record that fills a call alone and does not fit.
const TOO_LARGE: &str = "it is larger than the service takes (1 MiB a call)";

/// Records on their way into one call.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<Raw>,
    bytes: usize,
}

/// Bytes around the records of a call.
const AROUND: usize = r#"{"records":[]}"#.len();

impl Batch {
    /// Takes the record, or gives it back where it would make the call too large.
    fn push(&mut self, record: Raw) -> Result<(), Raw> {
        let comma = usize::from(!self.records.is_empty());
        let bytes = self.bytes + comma + record.json.get().len();
        if self.records.len() >= RECORDS_A_CALL || bytes + AROUND > REQUEST_BYTES {
            return Err(record);
        }
        self.bytes = bytes;
        self.records.push(record);
        Ok(())
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.bytes + AROUND);
        body.extend_from_slice(br#"{"records":["#);
        for (nth, record) in self.records.iter().enumerate() {
            if nth > 0 {
                body.push(b',');
            }
            body.extend_from_slice(record.json.get().as_bytes());
        }
        body.extend_from_slice(b"]}");
        body
    }
}

impl Batch {
    /// Makes the call; `None` where there is nothing to send.
    async fn send(&self, client: &Client) -> Result<Option<Answer>, ClientError> {
        if self.records.is_empty() {
            return Ok(None);
        }
        let answer = client.post("/v1/records", &[], Some(self.body())).await?;
        match serde_json::from_value(answer) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => Err(client.strange(&format!("its answer is no list: {error}"))),
        }
    }
}

impl Totals {
    fn add(&mut self, answer: &Answer) {
        self.accepted += answer.accepted;
        self.alerts += answer.alerts.len() as u64;
        self.rejected += answer.rejected.len() as u64;
        self.waiting += answer.waiting;
    }
}

impl Rejected {
    fn text(&self) -> String {
        self.error.as_str().map_or_else(|| self.error.to_string(), str::to_owned)
    }
}

struct Sending<'a> {
    client: &'a Client,
    batch: Batch,
    totals: Totals,
    /// Only ask what the records would do.
    dry_run: bool,
    report: Report,
}

/// What the service says of one call.
#[derive(Debug, Deserialize)]
struct Answer {
    accepted: u64,
    #[serde(default)]
    alerts: Vec<Value>,
    #[serde(default)]
    rejected: Vec<Rejected>,
    #[serde(default)]
    waiting: u64,
}

#[derive(Debug, Deserialize)]
struct Rejected {
    index: usize,
    error: Value,
}

impl Sending<'_> {
    async fn push(&mut self, record: Raw) -> Result<(), RecordsError> {
        let Err(record) = self.batch.push(record) else { return Ok(()) };
        self.flush().await?;
        let Err(record) = self.batch.push(record) else { return Ok(()) };
        // Alone in its call, and still too large: the service would refuse the call.
        self.totals.rejected += 1;
        Ok(self.report.call(&[], &[(record, Value::from(TOO_LARGE))], 0)?)
    }

    async fn flush(&mut self) -> Result<(), RecordsError> {
        let batch = std::mem::take(&mut self.batch);
        if self.dry_run {
            return self.foresee(batch).await;
        }
        let Some(answer) = batch.send(self.client).await? else { return Ok(()) };
        self.totals.add(&answer);
        let mut sent: Vec<Option<Raw>> = batch.records.into_iter().map(Some).collect();
        let rejected: Vec<(Raw, Value)> = answer
            .rejected
            .into_iter()
            .filter_map(|rejected| {
                let record = sent.get_mut(rejected.index).and_then(Option::take)?;
                Some((record, rejected.error))
            })
            .collect();
        Ok(self.report.call(&answer.alerts, &rejected, answer.accepted)?)
    }
}

/// What the service made of records that were fed to it from this process.
#[derive(Debug, Default)]
pub struct Fed {
    /// Records and alerts.
    pub totals: Totals,
    /// Deliveries of these alerts.
    pub deliveries: u64,
    /// The numbers of the records that were rejected, from 0, and why.
    pub rejected: Vec<(u64, String)>,
}

impl Fed {
    /// Sends records that lie in memory, and adds what came of it. The first has the number `from`.
    ///
    /// # Errors
    /// What the service says of a call.
    pub async fn feed(
        &mut self,
        client: &Client,
        from: u64,
        records: Vec<Box<RawValue>>,
    ) -> Result<(), ClientError> {
        let mut batch = Batch::default();
        for (index, json) in (from..).zip(records) {
            let record = Raw { file: String::new(), index, json };
            if let Err(record) = batch.push(record) {
                self.send(client, std::mem::take(&mut batch)).await?;
                if let Err(record) = batch.push(record) {
                    self.totals.rejected += 1;
                    self.rejected.push((record.index, TOO_LARGE.to_owned()));
                }
            }
        }
        self.send(client, batch).await
    }

    async fn send(&mut self, client: &Client, batch: Batch) -> Result<(), ClientError> {
        let Some(answer) = batch.send(client).await? else { return Ok(()) };
        self.totals.add(&answer);
        for alert in &answer.alerts {
            let deliveries = alert.get("deliveries").and_then(Value::as_array);
            self.deliveries += deliveries.map_or(0, |deliveries| deliveries.len() as u64);
        }
        for rejected in answer.rejected {
            let index = batch.records.get(rejected.index).map_or(0, |record| record.index);
            self.rejected.push((index, rejected.text()));
        }
        Ok(())
    }
}

/// Says what came of it, to a person or a program.
#[derive(Debug, Clone, Copy)]
struct Report {
    json: bool,
    paint: Paint,
}

impl Report {
    fn call(self, alerts: &[Value], rejected: &[(Raw, Value)], accepted: u64) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            let rejected: Vec<Value> = rejected
                .iter()
                .map(|(record, error)| {
                    serde_json::json!({"file": record.file, "index": record.index, "error": error})
                })
                .collect();
            let line = serde_json::json!({
                "accepted": accepted, "alerts": alerts, "rejected": rejected
            });
            return writeln!(out, "{line}");
        }
        for (record, error) in rejected {
            let error = match error.as_str() {
                Some(text) => plain(text),
                None => plain(&error.to_string()),
            };
            let mark = self.paint.colour(Colour::Red, "rejected");
            writeln!(out, "{mark}  {} record {}: {error}", plain(&record.file), record.index)?;
        }
        Ok(())
    }

    fn totals(self, totals: Totals) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            return writeln!(out, "{}", serde_json::json!({ "total": totals }));
        }
        let Totals { accepted, alerts, rejected, waiting } = totals;
        let wait = match waiting {
            0 => String::new(),
            waiting => format!(", {waiting} waiting for the classifier"),
        };
        writeln!(out, "{accepted} accepted, {alerts} alerts, {rejected} rejected{wait}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(index: u64, bytes: usize) -> Raw {
        let json = format!("\"{}\"", "x".repeat(bytes - 2));
        Raw { file: String::new(), index, json: RawValue::from_string(json).unwrap() }
    }

    #[test]
    fn a_call_holds_as_many_records_and_bytes_as_the_service_takes() {
        let mut batch = Batch::default();
        for index in 0..100 {
            batch.push(raw(index, 10)).unwrap();
        }
        assert_eq!(batch.push(raw(100, 10)).unwrap_err().index, 100);
        assert_eq!(batch.body().len(), batch.bytes + AROUND);

        let mut batch = Batch::default();
        batch.push(raw(0, 500_000)).unwrap();
        let rest = REQUEST_BYTES - AROUND - 500_000 - 1;
        batch.push(raw(1, rest + 1)).unwrap_err();
        batch.push(raw(1, rest)).unwrap();
        assert_eq!(batch.body().len(), REQUEST_BYTES);
        assert!(serde_json::from_slice::<Value>(&batch.body()).is_ok());
    }
}
