//! `belfry automations`: automations as a file that can be kept beside other code. The service compares
//! it with what there is, and carries the difference out in one step or not at all.

mod document;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::{Client, ClientError, ServerArgs};
use super::desk;
use super::error::CliError;
use super::paint::{Colour, Paint, plain};
use crate::domain::limits::{PAGE, REQUEST_BYTES};

const APPLY: &str = "/v1/automations/apply";

/// Keep automations in a file.
#[derive(Debug, clap::Args)]
pub struct AutomationsArgs {
    /// What to do.
    #[command(subcommand)]
    pub act: AutomationsAct,
}

/// What can be done with automations as a file.
#[derive(Debug, clap::Subcommand)]
pub enum AutomationsAct {
    /// Write all automations as one TOML document, without any secret.
    Export(ExportArgs),
    /// Make the automations what a document says: show what changes, ask, and do all of it or nothing.
    Apply(ApplyArgs),
}

/// Write all automations as one TOML document.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Where to; standard output where nothing is said.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Which service.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Make the automations what a document says.
#[derive(Debug, clap::Args)]
pub struct ApplyArgs {
    /// The document; `-` is standard input. Credentials stand in it as `env:NAME` or `file:PATH`.
    pub file: PathBuf,

    /// Don't ask.
    #[arg(long)]
    pub yes: bool,

    /// Only show what would change.
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Which service.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Does what is to be done.
///
/// # Errors
/// What is wrong with the document, or what the service says; nothing was changed then.
pub async fn run(args: AutomationsArgs) -> Result<(), CliError> {
    match args.act {
        AutomationsAct::Export(args) => export(args).await,
        AutomationsAct::Apply(args) => apply(args).await,
    }
}

async fn export(args: ExportArgs) -> Result<(), CliError> {
    let client = Client::new(&args.server)?;
    let mut all: Vec<Value> = Vec::new();
    let limit = PAGE.to_string();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("settings_only", "true"), ("limit", limit.as_str())];
        if let Some(cursor) = &cursor {
            query.push(("cursor", cursor));
        }
        let page = client.read("/v1/automations", &query).await?;
        let data = page.get("data").and_then(Value::as_array);
        all.extend(data.ok_or_else(|| client.strange("a list without data"))?.iter().cloned());
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let automations = document::settings(all);
    let text = if args.json {
        format!("{:#}\n", json!({"automations": automations}))
    } else {
        document::written(&automations)
    };
    match &args.out {
        None => desk::print(false, &Value::Null, &text),
        Some(path) => std::fs::write(path, text).map_err(|error| {
            CliError::failed(format!("{} can't be written: {error}", path.display()))
        }),
    }
}

async fn apply(args: ApplyArgs) -> Result<(), CliError> {
    let text = read(&args.file)?;
    let shown = args.file.display().to_string();
    let base = args.file.parent().unwrap_or(Path::new("")).to_owned();
    let wanted = document::read(&text, &shown, &base).map_err(CliError::failed)?;
    let body = wanted.to_string().into_bytes();
    let client = Client::new(&args.server)?;
    let dry = client.post(APPLY, &[("dry_run", "true")], Some(body.clone())).await;
    let planned = dry.map_err(|error| named(error, &wanted))?;
    let nothing = changes(&planned).is_empty();
    if args.dry_run || nothing {
        return tell(&args, &planned);
    }
    if !args.yes {
        if args.json || !io::stdin().is_terminal() || args.file.as_os_str() == "-" {
            let words =
                "nothing was changed: give --yes to go on without being asked, or --dry-run";
            return Err(CliError::misuse(words));
        }
        tell(&args, &planned)?;
        if !agreed()? {
            return Err(CliError::failed("nothing was changed"));
        }
    }
    let etag = planned.get("etag").and_then(Value::as_str);
    let etag = etag.ok_or_else(|| client.strange("a plan without an ETag"))?;
    let done = client.post_if_match(APPLY, body, etag).await;
    let done = done.map_err(|error| named(error, &wanted))?;
    tell(&args, &done)
}

fn read(file: &Path) -> Result<String, CliError> {
    let failed =
        |error: io::Error| CliError::failed(format!("{} can't be read: {error}", file.display()));
    // One byte more than a document may have tells one that is too long.
    let most = REQUEST_BYTES as u64 + 1;
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        io::stdin().take(most).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    read.map_err(failed)?;
    Ok(text)
}

fn agreed() -> Result<bool, CliError> {
    let mut out = io::stdout().lock();
    write!(out, "Do this? [y/N] ").and_then(|()| out.flush()).map_err(CliError::failed)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(CliError::failed)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Puts the names of things beside the pointers of a refusal: people don't count lists.
fn named(error: ClientError, wanted: &Value) -> CliError {
    let ClientError::Refused(mut problem) = error else { return error.into() };
    for each in &mut problem.errors {
        let parts: Vec<&str> = each.pointer.split('/').collect();
        let name = |at: usize| {
            let pointer = parts.get(..at)?.join("/");
            wanted.pointer(&format!("{pointer}/name"))?.as_str().map(plain)
        };
        let which: Vec<String> = [name(3), name(5)].into_iter().flatten().collect();
        if !which.is_empty() {
            each.detail = format!("{} ({})", each.detail, which.join(" / "));
        }
    }
    ClientError::Refused(problem).into()
}

fn changes(plan: &Value) -> Vec<&Value> {
    plan.get("changes").and_then(Value::as_array).into_iter().flatten().collect()
}

fn tell(args: &ApplyArgs, plan: &Value) -> Result<(), CliError> {
    desk::print(args.json, plan, &told(plan, Paint::stdout()))
}

/// What changes, for people.
fn told(plan: &Value, paint: Paint) -> String {
    let changes = changes(plan);
    let unchanged = plan.get("unchanged").and_then(Value::as_u64).unwrap_or(0);
    let done = plan.get("dry_run") == Some(&Value::Bool(false));
    let mut text = String::new();
    for change in &changes {
        let word = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or_default();
        let (mark, colour) = match word("action") {
            "create" => ("+", Colour::Green),
            "delete" => ("-", Colour::Red),
            _ => ("~", Colour::Yellow),
        };
        let line = format!("{mark} {} {}", word("action"), plain(word("name")));
        // Writing into a String can't fail.
        let _infallible = writeln!(text, "{}", paint.colour(colour, &line));
        for each in change.get("differences").and_then(Value::as_array).into_iter().flatten() {
            let pointer = each.get("pointer").and_then(Value::as_str).unwrap_or_default();
            if let ("", Some(made)) = (pointer, each.get("after")) {
                text.push_str(&members(made));
                continue;
            }
            let pointer = format!("{}: ", plain(pointer));
            let side = |name: &str| each.get(name).map(|value| plain(&value.to_string()));
            let sides = match (side("before"), side("after")) {
                (Some(before), Some(after)) if before == after => "replaced".to_owned(),
                (Some(before), Some(after)) => format!("{before} -> {after}"),
                (Some(before), None) => format!("- {before}"),
                (None, Some(after)) => format!("+ {after}"),
                (None, None) => String::new(),
            };
            let _infallible = writeln!(text, "    {pointer}{sides}");
        }
    }
    for each in plan.get("signing_secrets").and_then(Value::as_array).into_iter().flatten() {
        let word = |name: &str| each.get(name).and_then(Value::as_str).unwrap_or_default();
        let _infallible = writeln!(
            text,
            "Signing secret of {} / {}, shown this once: {}",
            plain(word("automation")),
            plain(word("integration")),
            plain(word("signing_secret"))
        );
    }
    let _infallible = match (changes.len(), done) {
        (0, _) => writeln!(text, "Nothing to change, {unchanged} as they are"),
        (count, true) => writeln!(text, "{count} changed, {unchanged} as they were"),
        (count, false) => writeln!(text, "{count} to change, {unchanged} as they are"),
    };
    text
}

/// What a new automation consists of, a line each.
fn members(made: &Value) -> String {
    let mut text = String::new();
    let all = made.as_object().into_iter().flatten();
    for (name, value) in all.filter(|(name, _)| *name != "name" && *name != "integrations") {
        // Writing into a String can't fail.
        let _infallible = writeln!(text, "    + {}: {}", plain(name), plain(&value.to_string()));
    }
    for each in made.get("integrations").and_then(Value::as_array).into_iter().flatten() {
        let word = |name: &str| plain(each.get(name).and_then(Value::as_str).unwrap_or_default());
        let method = each.pointer("/auth/method").and_then(Value::as_str);
        let method = method.map(|method| format!(", {}", plain(method))).unwrap_or_default();
        let (kind, name, url) = (word("kind"), word("name"), word("url"));
        let _infallible = writeln!(text, "    + {kind} {name}: {url}{method}");
    }
    text
}
