//! `belfry user`: people, on the machine itself, for who is locked out.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::desk;
use super::error::CliError;
use super::paint::{Paint, plain};
use super::table::{Cell, table};
use crate::domain::id::UserId;
use crate::domain::limits::{PAGE, PASSWORD_BYTES};
use crate::domain::secret::Secret;
use crate::engine::ports::Actor;
use crate::store::{Desk, NewUser, UserChange, UserRow};
use crate::web::password::{self, Password, folded};
use crate::web::token::Right;

/// Add people and set their passwords, on the machine itself. A password is asked for at the terminal, or
/// read from standard input; it is never an argument, which everybody on the machine could see.
#[derive(Debug, clap::Args)]
pub struct UserArgs {
    /// What to do with people.
    #[command(subcommand)]
    pub act: UserAct,
}

/// What can be done with people.
#[derive(Debug, clap::Subcommand)]
pub enum UserAct {
    /// Add somebody who may sign in.
    Add(AddArgs),
    /// Set somebody's password; all of the person's sessions end.
    Passwd(OneArgs),
    /// List people.
    List(ListArgs),
    /// Set what somebody may do.
    Role(RoleArgs),
    /// Remove somebody; the last admin stays.
    Remove(OneArgs),
}

/// Add somebody.
#[derive(Debug, clap::Args)]
pub struct AddArgs {
    /// The name to sign in with, such as an e-mail address.
    #[arg(value_parser = password::user_name)]
    pub name: String,

    /// What the person may do: viewer, editor or admin.
    #[arg(long, value_parser = role)]
    pub role: Right,

    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Somebody who is there.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// The name that the person signs in with.
    pub name: String,

    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Set what somebody may do.
#[derive(Debug, clap::Args)]
pub struct RoleArgs {
    /// The name that the person signs in with.
    pub name: String,

    /// viewer, editor or admin.
    #[arg(value_parser = role)]
    pub role: Right,

    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// List people.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

fn role(text: &str) -> Result<Right, String> {
    let known = Right::from_word(text).filter(|right| *right != Right::Ingest);
    known.ok_or_else(|| "allowed are viewer, editor, admin".to_owned())
}

/// Does what is to be done with people.
///
/// # Errors
/// What is wrong with the data directory or the password, or what the store says.
pub fn run(args: UserArgs) -> Result<(), CliError> {
    match args.act {
        UserAct::Add(args) => add(args),
        UserAct::Passwd(args) => passwd(&args),
        UserAct::List(args) => list(&args),
        UserAct::Role(args) => set_role(&args),
        UserAct::Remove(args) => remove(&args),
    }
}

fn add(args: AddArgs) -> Result<(), CliError> {
    let mut desk = desk::open(&args.data)?;
    let user = NewUser {
        id: UserId(uuid::Uuid::new_v4()),
        folded: folded(&args.name),
        name: args.name,
        password: password::hash(&ask()?).map_err(CliError::failed)?,
        role: args.role.word(),
    };
    desk.add_user(&user, &Actor::cli(), desk::now())
        .map_err(|error| desk::refused(error, "person"))?;
    let text = format!("{} can sign in as {}\n", plain(&user.name), user.role);
    let value = json!({"id": user.id.to_string(), "name": user.name, "role": user.role});
    desk::print(args.json, &value, &text)
}

fn find(desk: &Desk, name: &str) -> Result<UserRow, CliError> {
    let found = desk.user_named(&folded(name)).map_err(|error| desk::refused(error, "person"))?;
    found.ok_or_else(|| CliError::failed(format!("there is nobody of the name {}", plain(name))))
}

fn passwd(args: &OneArgs) -> Result<(), CliError> {
    let mut desk = desk::open(&args.data)?;
    let user = find(&desk, &args.name)?;
    let password = Some(password::hash(&ask()?).map_err(CliError::failed)?);
    let change = UserChange { password, ..UserChange::default() };
    desk.change_user(user.id, &change, &Actor::cli(), desk::now())
        .map_err(|error| desk::refused(error, "person"))?;
    let text = format!("{} has a new password, and is signed out everywhere\n", plain(&user.name));
    desk::print(args.json, &json!({"id": user.id.to_string(), "name": user.name}), &text)
}

fn set_role(args: &RoleArgs) -> Result<(), CliError> {
    let mut desk = desk::open(&args.data)?;
    let user = find(&desk, &args.name)?;
    let change = UserChange { role: Some(args.role.word()), ..UserChange::default() };
    desk.change_user(user.id, &change, &Actor::cli(), desk::now())
        .map_err(|error| desk::refused(error, "person"))?;
    let text = format!("{} is {} now\n", plain(&user.name), args.role.word());
    let value = json!({"id": user.id.to_string(), "name": user.name, "role": args.role.word()});
    desk::print(args.json, &value, &text)
}

fn remove(args: &OneArgs) -> Result<(), CliError> {
    let mut desk = desk::open(&args.data)?;
    let user = find(&desk, &args.name)?;
    desk.remove_user(user.id, &Actor::cli(), desk::now())
        .map_err(|error| desk::refused(error, "person"))?;
    let text = format!("{} can't sign in any more\n", plain(&user.name));
    let value = json!({"id": user.id.to_string(), "name": user.name, "removed": true});
    desk::print(args.json, &value, &text)
}

fn list(args: &ListArgs) -> Result<(), CliError> {
    let desk = desk::open(&args.data)?;
    let mut all: Vec<UserRow> = Vec::new();
    loop {
        let behind = all.last().map(|last| (last.created_at, last.id));
        let page = desk.users(behind, PAGE).map_err(|error| desk::refused(error, "person"))?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            break;
        }
    }
    let value: Vec<Value> = all
        .iter()
        .map(|user| {
            json!({"id": user.id.to_string(), "name": user.name, "role": user.role,
                   "created_at": user.created_at.to_string(),
                   "last_sign_in_at": user.last_sign_in_at.map(|at| at.to_string())})
        })
        .collect();
    let rows: Vec<Vec<Cell>> = all
        .iter()
        .map(|user| {
            let last = user.last_sign_in_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            let cells = [plain(&user.name), user.role.clone(), last];
            cells.into_iter().map(Cell::from).collect()
        })
        .collect();
    let text = table(&["NAME", "ROLE", "LAST SIGN-IN"], &rows, Paint::stdout());
    desk::print(args.json, &Value::Array(value), &text)
}

/// Asks for a password twice at a terminal; elsewhere standard input is the password.
fn ask() -> Result<Password, CliError> {
    let given = if std::io::stdin().is_terminal() {
        let ask = |prompt: &str| rpassword::prompt_password(prompt).map(Secret::new);
        let first = ask("New password: ").map_err(CliError::failed)?;
        let again = ask("The same again: ").map_err(CliError::failed)?;
        if first.expose() != again.expose() {
            return Err(CliError::failed("the two are not the same: nothing was changed"));
        }
        first
    } else {
        // One byte more than any password has, and a line's end, tell one that is too long.
        let most = *PASSWORD_BYTES.end() as u64 + 3;
        let mut text = String::new();
        std::io::stdin().take(most).read_to_string(&mut text).map_err(CliError::failed)?;
        let text = Secret::new(text);
        Secret::new(text.expose().trim_end_matches(['\r', '\n']).to_owned())
    };
    Password::parse(given.expose())
        .map_err(|why| CliError::failed(format!("the password {why}; nothing was changed")))
}
