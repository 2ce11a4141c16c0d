//! `belfry deliveries`: what is on its way, what arrived, what did not, and trying again.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::Value;

use super::client::{Client, ClientError, ServerArgs};
use super::error::CliError;
use super::listen::span;
use super::paint::{Colour, Paint, plain};
use super::table::{Cell, table};
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use crate::domain::limits::PAGE;

/// See deliveries, and try them again.
#[derive(Debug, clap::Args)]
pub struct DeliveriesArgs {
    /// What to do with deliveries.
    #[command(subcommand)]
    pub act: DeliveriesAct,
}

/// What can be done with deliveries.
#[derive(Debug, clap::Subcommand)]
pub enum DeliveriesAct {
    /// List deliveries, the newest first.
    List(ListArgs),
    /// Show one delivery with its attempts.
    Show(ShowArgs),
    /// Try deliveries again now: those named, or all dead ones that a filter meets.
    Retry(RetryArgs),
}

/// Which deliveries are meant.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Filter {
    /// Of this automation.
    #[arg(long, value_name = "ID")]
    pub automation: Option<uuid::Uuid>,

    /// To this integration.
    #[arg(long, value_name = "ID")]
    pub integration: Option<uuid::Uuid>,

    /// Of this record.
    #[arg(long, value_name = "ID")]
    pub record: Option<String>,

    /// Accepted at or after this time: RFC 3339, or how long ago (`2h`).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<jiff::Timestamp>,

    /// Accepted before this time: RFC 3339, or how long ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<jiff::Timestamp>,
}

/// List deliveries.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Which deliveries.
    #[command(flatten)]
    pub filter: Filter,

    /// In this state: pending, in_flight, delivered, dead or discarded.
    #[arg(long, value_parser = state)]
    pub state: Option<State>,

    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Which service.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Show one delivery.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Its id, as in `dlv_12`.
    #[arg(value_parser = delivery)]
    pub id: DeliveryId,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Which service.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Try deliveries again.
#[derive(Debug, clap::Args)]
pub struct RetryArgs {
    /// Their ids, as in `dlv_12`.
    #[arg(value_parser = delivery, required_unless_present_any = ["automation", "integration", "record", "since", "until"])]
    pub ids: Vec<DeliveryId>,

    /// All dead deliveries that this meets.
    #[command(flatten)]
    pub filter: Filter,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Which service.
    #[command(flatten)]
    pub server: ServerArgs,
}

fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(at);
    }
    let ago =
        span(text).map_err(|_| "write 2026-06-27T12:00:00Z, or how long ago: 2h".to_owned())?;
    jiff::Timestamp::now().checked_sub(ago).map_err(|_| "that is too long ago".to_owned())
}

fn state(text: &str) -> Result<State, String> {
    State::from_word(text).ok_or_else(|| {
        let words: Vec<_> = State::ALL.iter().map(|state| state.word()).collect();
        format!("allowed are {}", words.join(", "))
    })
}

fn delivery(text: &str) -> Result<DeliveryId, String> {
    text.parse().map_err(|_| "a delivery's id looks like dlv_12".to_owned())
}

/// Does what is to be done with deliveries.
pub async fn run(args: DeliveriesArgs) -> Result<(), CliError> {
    let text = match args.act {
        DeliveriesAct::List(args) => list(args).await?,
        DeliveriesAct::Show(args) => show(args).await?,
        DeliveriesAct::Retry(args) => return retry(args).await,
    };
    print(&text)
}

fn print(text: &str) -> Result<(), CliError> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(CliError::failed)
}

async fn list(args: ListArgs) -> Result<String, ClientError> {
    let client = Client::new(&args.server)?;
    let mut query = pairs(&args.filter);
    query.extend(args.state.map(|state| ("state", state.word().to_owned())));
    let mut found: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    let page_limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
    loop {
        let left = args.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let mut asked = query.clone();
        asked.push(("limit", left.min(page_limit).to_string()));
        asked.extend(cursor.map(|cursor| ("cursor", cursor)));
        let mut page = client.read("/v1/deliveries", &borrowed(&asked)).await?;
        let Some(Value::Array(data)) = page.get_mut("data").map(Value::take) else {
            return Err(client.strange("its answer is no list"));
        };
        let empty = data.is_empty();
        found.extend(data);
        cursor = text(&page, "next_cursor");
        if cursor.is_none() || empty || found.len() >= args.limit as usize {
            break;
        }
    }
    found.truncate(args.limit as usize);
    if args.json {
        let all = serde_json::json!({ "data": found, "next_cursor": cursor });
        return Ok(format!("{all}\n"));
    }
    if found.is_empty() {
        return Ok("No deliveries.\n".to_owned());
    }
    let paint = Paint::stdout();
    let mut shown = table(&HEADINGS, &found.iter().map(row).collect::<Vec<_>>(), paint);
    if cursor.is_some() {
        shown.push_str(&paint.dim("There are more: give a larger --limit, or a filter.\n"));
    }
    Ok(shown)
}

const HEADINGS: [&str; 7] =
    ["DELIVERY", "STATE", "ATTEMPTS", "RECORD", "INTEGRATION", "NEXT ATTEMPT", "REASON"];

fn row(delivery: &Value) -> Vec<Cell> {
    let cell = |name: &str| Cell::from(text(delivery, name).unwrap_or_default());
    let state = text(delivery, "state").unwrap_or_default();
    vec![
        cell("id"),
        Cell::coloured(&state, colour(&state)),
        cell("attempt_count"),
        cell("record_id"),
        cell("integration_id"),
        cell("next_attempt_at"),
        cell("reason"),
    ]
}

fn colour(state: &str) -> Option<Colour> {
    match State::from_word(state)? {
        State::Delivered => Some(Colour::Green),
        State::Dead => Some(Colour::Red),
        State::Pending | State::InFlight => Some(Colour::Yellow),
        State::Discarded => None,
    }
}

/// A field, as text that a terminal can show.
fn text(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        Value::String(text) => Some(plain(text)),
        scalar @ (Value::Bool(_) | Value::Number(_)) => Some(scalar.to_string()),
    }
}

/// As much of a text as fits beside others.
fn short(text: &str) -> String {
    const CHARS: usize = 60;
    let mut short: String = text.chars().take(CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

async fn show(args: ShowArgs) -> Result<String, ClientError> {
    let client = Client::new(&args.server)?;
    let delivery = client.read(&format!("/v1/deliveries/{}", args.id), &[]).await?;
    if args.json {
        return Ok(format!("{delivery}\n"));
    }
    Ok(story(&delivery, Paint::stdout()))
}

/// A delivery with its attempts, as a person reads it.
fn story(delivery: &Value, paint: Paint) -> String {
    let mut shown = String::new();
    // Writing into a String can't fail.
    let mut put = |line: String| {
        let _infallible = writeln!(shown, "{line}");
    };
    let state = text(delivery, "state").unwrap_or_default();
    let painted = match colour(&state) {
        Some(colour) => paint.colour(colour, &state),
        None => state.clone(),
    };
    let id = text(delivery, "id").unwrap_or_default();
    put(format!("{}  {painted}", paint.bold(&id)));
    for (label, name) in FACTS {
        if let Some(value) = text(delivery, name) {
            put(format!("  {label:<14}{value}"));
        }
    }
    let recipients = delivery.get("recipients").and_then(Value::as_array);
    for each in recipients.into_iter().flatten() {
        let part = |name: &str| text(each, name).unwrap_or_default();
        let line = format!("{} {} {}", part("state"), part("code"), part("detail"));
        put(format!("  {:<14}{}  {}", "to", part("address"), line.trim_end()));
    }
    let attempts = delivery.get("attempts").and_then(Value::as_array);
    let Some(attempts) = attempts.filter(|attempts| !attempts.is_empty()) else {
        put(paint.dim("  no attempt is written down yet"));
        return shown;
    };
    let rows: Vec<Vec<Cell>> = attempts.iter().map(attempt).collect();
    put(String::new());
    shown.push_str(&table(&["ATTEMPT", "STARTED", "TOOK", "OUTCOME", "ANSWER"], &rows, paint));
    shown
}

const FACTS: [(&str, &str); 10] = [
    ("record", "record_id"),
    ("alert", "alert_id"),
    ("automation", "automation_id"),
    ("integration", "integration_id"),
    ("key", "idempotency_key"),
    ("accepted", "created_at"),
    ("next attempt", "next_attempt_at"),
    ("finished", "finished_at"),
    ("expires", "expires_at"),
    ("reason", "reason"),
];

fn attempt(attempt: &Value) -> Vec<Cell> {
    let cell = |name: &str| text(attempt, name).unwrap_or_default();
    let delivered = cell("outcome") == "delivered";
    let (words, colour) = if delivered {
        (format!("delivered, status {}", cell("status")), Colour::Green)
    } else {
        (cell("detail"), Colour::Red)
    };
    vec![
        Cell::from(cell("number")),
        Cell::from(cell("started_at")),
        Cell::from(format!("{} ms", cell("took_ms"))),
        Cell::coloured(&words, Some(colour)),
        Cell::from(short(&cell("excerpt"))),
    ]
}

async fn retry(args: RetryArgs) -> Result<(), CliError> {
    let client = Client::new(&args.server)?;
    let mut all_worked = true;
    for id in &args.ids {
        let asked = client.post(&format!("/v1/deliveries/{id}/retry"), &[], None).await;
        let line = match (asked, args.json) {
            (Ok(answer), true) => format!("{answer}\n"),
            (Ok(_), false) => format!("{id}  is due now\n"),
            (Err(ClientError::Refused(problem)), json) => {
                all_worked = false;
                if json {
                    let line =
                        serde_json::json!({"id": id.to_string(), "error": problem.to_string()});
                    format!("{line}\n")
                } else {
                    format!("{id}  {problem}\n")
                }
            }
            (Err(error), _) => return Err(error.into()),
        };
        print(&line)?;
    }
    if args.ids.is_empty() {
        let mut query = pairs(&args.filter);
        query.push(("state", State::Dead.word().to_owned()));
        let answer = client.post("/v1/deliveries/retry", &borrowed(&query), None).await?;
        let line = if args.json {
            format!("{answer}\n")
        } else {
            let count = text(&answer, "retried").unwrap_or_default();
            format!("{count} deliveries are due now\n")
        };
        print(&line)?;
    }
    if all_worked { Ok(()) } else { Err(CliError::told()) }
}

fn pairs(filter: &Filter) -> Vec<(&'static str, String)> {
    let Filter { automation, integration, record, since, until } = filter;
    [
        ("automation_id", automation.map(|id| id.to_string())),
        ("integration_id", integration.map(|id| id.to_string())),
        ("record_id", record.clone()),
        ("since", since.map(|at| at.to_string())),
        ("until", until.map(|at| at.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn borrowed<'a>(pairs: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    pairs.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
