//! `belfry token`: tokens of programs, on the machine itself, for who has none to ask with.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::desk;
use super::error::CliError;
use super::listen::span;
use super::paint::{Paint, plain};
use super::table::{Cell, table};
use crate::domain::limits::{PAGE, TOKEN_MEMORY};
use crate::domain::time::Timestamp;
use crate::engine::ports::Actor;
use crate::store::{NewToken, TokenRow};
use crate::web::token::{Right, mint};

/// Make, list and revoke tokens, on the machine itself.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// What to do with tokens.
    #[command(subcommand)]
    pub act: TokenAct,
}

/// What can be done with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum TokenAct {
    /// Make a token, and print it this once.
    Create(CreateArgs),
    /// List tokens.
    List(ListArgs),
    /// Revoke a token.
    Revoke(RevokeArgs),
}

/// Make a token.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// What it may do: ingest, viewer, editor or admin.
    #[arg(long, value_parser = right)]
    pub role: Right,

    /// What it is for.
    #[arg(long, value_name = "TEXT", value_parser = name)]
    pub name: String,

    /// After how long it ends, as in `90d`; without it, never.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub expires_in: Option<std::time::Duration>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// List tokens.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Revoke a token.
#[derive(Debug, clap::Args)]
pub struct RevokeArgs {
    /// Its id: the part behind the second `_`.
    pub id: String,

    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

fn right(text: &str) -> Result<Right, String> {
    Right::from_word(text).ok_or_else(|| "allowed are ingest, viewer, editor, admin".to_owned())
}

fn name(text: &str) -> Result<String, String> {
    crate::web::password::user_name(text)
}

/// Does what is to be done with tokens.
///
/// # Errors
/// What is wrong with the data directory, or what the store says.
pub fn run(args: TokenArgs) -> Result<(), CliError> {
    match args.act {
        TokenAct::Create(args) => create(args),
        TokenAct::List(args) => list(&args),
        TokenAct::Revoke(args) => revoke(&args),
    }
}

fn create(args: CreateArgs) -> Result<(), CliError> {
    let mut desk = desk::open(&args.data)?;
    let minted = mint(args.role).map_err(CliError::failed)?;
    let now = desk::now();
    let token = NewToken {
        id: minted.id.clone(),
        digest: minted.digest.0,
        name: args.name,
        role: args.role.word(),
        created_at: now,
        expires_at: args.expires_in.map(|span| now.plus(span)),
    };
    desk.add_token(&token, &Actor::cli()).map_err(|error| desk::refused(error, "token"))?;
    let text = minted.text.expose();
    let expires_at = token.expires_at.map(|at| at.to_string());
    let value =
        json!({"id": minted.id, "role": args.role.word(), "expires_at": expires_at, "token": text});
    desk::print(args.json, &value, &format!("{text}\n"))
}

fn list(args: &ListArgs) -> Result<(), CliError> {
    let desk = desk::open(&args.data)?;
    let mut all: Vec<TokenRow> = Vec::new();
    loop {
        let behind = all.last().map(|last| (last.created_at, last.id.clone()));
        let page = desk.tokens(behind, PAGE).map_err(|error| desk::refused(error, "token"))?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            break;
        }
    }
    let shown = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let value: Vec<Value> = all
        .iter()
        .map(|token| {
            json!({"id": token.id, "name": token.name, "role": token.role,
                   "created_at": token.created_at.to_string(), "expires_at": shown(token.expires_at),
                   "revoked_at": shown(token.revoked_at), "last_used_at": shown(token.last_used_at)})
        })
        .collect();
    let rows: Vec<Vec<Cell>> = all
        .iter()
        .map(|token| {
            let end = match (token.revoked_at, token.expires_at) {
                (Some(at), _) => format!("revoked {at}"),
                (None, Some(at)) => format!("until {at}"),
                (None, None) => String::new(),
            };
            let used = shown(token.last_used_at).unwrap_or_else(|| "never".to_owned());
            let cells = [token.id.clone(), plain(&token.name), token.role.clone(), used, end];
            cells.into_iter().map(Cell::from).collect()
        })
        .collect();
    let text = table(&["ID", "NAME", "ROLE", "LAST USED", "END"], &rows, Paint::stdout());
    desk::print(args.json, &Value::Array(value), &text)
}

fn revoke(args: &RevokeArgs) -> Result<(), CliError> {
    let mut desk = desk::open(&args.data)?;
    let revoked = desk.revoke_token(&args.id, &Actor::cli(), desk::now());
    revoked.map_err(|error| desk::refused(error, "token"))?;
    let mut text = format!("{} is revoked\n", plain(&args.id));
    if desk.is_beside_a_service() {
        let seconds = TOKEN_MEMORY.as_secs();
        text.push_str(&format!("The service that runs refuses it within {seconds} s.\n"));
    }
    desk::print(args.json, &json!({"id": args.id, "revoked": true}), &text)
}
