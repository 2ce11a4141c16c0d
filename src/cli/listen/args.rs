//! What `belfry listen` is told on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;

use super::mail::Refusal;
use super::script::span;
use crate::domain::mail_server::Security;

/// Receive alerts here: show them, check them, and fail on request.
#[derive(Debug, clap::Args)]
pub struct ListenArgs {
    /// Address to listen on; port 0 lets the machine choose.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Certificate chain as PEM; without it a throwaway one is made.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,

    /// Private key of the certificate as PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Where to write the throwaway authority's certificate, which senders must trust.
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    pub ca_out: Option<PathBuf>,

    /// Be a mail server instead, secured by starttls, tls or none.
    #[arg(
        long,
        value_name = "SECURITY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "starttls",
        value_parser = security,
        conflicts_with_all = ["slack", "auth", "signing_secret_env", "fail_every", "retry_after", "script"]
    )]
    pub smtp: Option<Security>,

    /// Who must sign in at the mail server; --credential-env names the password's variable.
    #[arg(long, value_name = "NAME", requires_all = ["smtp", "credential_env"])]
    pub smtp_user: Option<String>,

    /// Refuse this address of a mail with this code, as in ops@example.com=550; may be repeated.
    #[arg(long, value_name = "ADDRESS=CODE", value_parser = refusal, requires = "smtp")]
    pub refuse: Vec<Refusal>,

    /// Put each address off once, as greylisting mail servers do.
    #[arg(long, requires = "smtp")]
    pub greylist: bool,

    /// End the connection instead of answering a mail.
    #[arg(long, requires = "smtp")]
    pub cut: bool,

    /// Be Slack's incoming webhooks instead: check messages by Slack's limits, and answer in its words.
    #[arg(long, conflicts_with_all = ["auth", "credential_env", "signing_secret_env"])]
    pub slack: bool,

    /// Answer with this word and its status instead, as in channel_is_archived.
    #[arg(long, value_name = "WORD", requires = "slack", conflicts_with = "status")]
    pub slack_error: Option<String>,

    /// Expected authentication: none, bearer, api-key, or header:NAME.
    #[arg(long, value_name = "METHOD", value_parser = auth_method, default_value = "none")]
    pub auth: AuthMethod,

    /// Environment variable that holds the expected credential.
    #[arg(long, value_name = "NAME")]
    pub credential_env: Option<String>,

    /// Environment variable that holds the expected signing secret (whsec_…).
    #[arg(long, value_name = "NAME")]
    pub signing_secret_env: Option<String>,

    /// Answer with this status; 503 where another option asks for failures and this one is not given.
    #[arg(long, value_parser = clap::value_parser!(u16).range(200..=999))]
    pub status: Option<u16>,

    /// Only the first N tries of each alert get that answer.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub fail_first: Option<u32>,

    /// Only each Nth request gets that answer; with --fail-first, only tries of each Nth alert.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub fail_every: Option<u64>,

    /// That answer comes only after this time.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub stall: Option<Duration>,

    /// That answer asks to be spared for this time (Retry-After).
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub retry_after: Option<Duration>,

    /// File that says what to answer when, in the words of the scenario files.
    ///
    /// Each line is a start, an answer, and more about it. A start is a time since the receiver
    /// listens (`10s`: from then on), a request (`#3`: just that one) or a try of each alert (`try 2`:
    /// from then on). An answer is a status, redirect, hang, refuse, reset, reset-after-accept, tls,
    /// drip, flood, interim or garbage. More is `after 120ms`, `retry-after 5m`,
    /// `retry-after date +5m`, `body slow`, `body "text"`, `for RECORD`. `script NAME` begins the
    /// lines for the path /NAME.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["status", "fail_first", "fail_every", "stall", "retry_after"]
    )]
    pub script: Option<PathBuf>,

    /// Append one JSON line for each request to this file.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,

    /// Don't print requests.
    #[arg(long)]
    pub quiet: bool,

    /// Print JSON, one line each.
    #[arg(long)]
    pub json: bool,
}

/// Which header is expected to carry the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMethod {
    /// It is not looked at.
    None,
    /// `Authorization: Bearer …`
    Bearer,
    /// `X-API-Key: …`
    ApiKey,
    /// A header of this name.
    Header(HeaderName),
}

fn security(text: &str) -> Result<Security, String> {
    match text {
        "starttls" => Ok(Security::StartTls),
        "tls" => Ok(Security::Tls),
        "none" => Ok(Security::None),
        _ => Err("allowed are starttls, tls and none".to_owned()),
    }
}

fn refusal(text: &str) -> Result<Refusal, String> {
    let parts = text.rsplit_once('=').filter(|(address, _)| !address.is_empty());
    let parsed = parts.and_then(|(address, code)| {
        let code = code.parse().ok().filter(|code| (400..=599).contains(code))?;
        Some(Refusal { address: address.to_owned(), code })
    });
    parsed.ok_or_else(|| {
        "must be an address and a code from 400 to 599, as in a@b.example=550".to_owned()
    })
}

fn auth_method(text: &str) -> Result<AuthMethod, String> {
    match (text, text.strip_prefix("header:")) {
        ("none", _) => Ok(AuthMethod::None),
        ("bearer", _) => Ok(AuthMethod::Bearer),
        ("api-key", _) => Ok(AuthMethod::ApiKey),
        (_, Some(name)) => name
            .parse()
            .map(AuthMethod::Header)
            .map_err(|_| format!("`{name}` is not a header name")),
        (_, None) => Err("allowed are none, bearer, api-key and header:NAME".to_owned()),
    }
}
