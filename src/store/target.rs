//! Where alerts go, between domain types and the columns that all kinds of integrations share.

use rusqlite::Row;

use super::row::{bad, word};
use crate::domain::integration::{
    Addresses, AuthMethod, Email, HeaderName, HttpsUrl, Kind, Slack, Target, Webhook,
};
use crate::domain::template::Template;
use crate::domain::wording::Templates;

/// The columns of a target. Those that a kind has no use for are at rest.
#[derive(Debug, Default)]
pub(super) struct TargetColumns<'a> {
    pub(super) url: String,
    pub(super) auth_method: &'static str,
    pub(super) auth_header: Option<&'a str>,
    pub(super) signing: bool,
    pub(super) http1_only: bool,
    pub(super) title: Option<&'a str>,
    pub(super) text: Option<&'a str>,
}

impl<'a> TargetColumns<'a> {
    /// What is written.
    pub(super) fn of(target: &'a Target) -> Self {
        match target {
            Target::Webhook(webhook) => {
                let (auth_method, auth_header) = match &webhook.auth {
                    AuthMethod::None => ("none", None),
                    AuthMethod::Bearer => ("bearer", None),
                    AuthMethod::ApiKey => ("api_key", None),
                    AuthMethod::CustomHeader(name) => ("custom_header", Some(name.as_str())),
                };
                Self {
                    url: webhook.url.to_string(),
                    auth_method,
                    auth_header,
                    signing: webhook.signing,
                    http1_only: webhook.http1_only,
                    ..Self::default()
                }
            }
            Target::Slack(slack) => Self {
                url: slack.shown.clone(),
                auth_method: "none",
                title: slack.templates.title.as_ref().map(Template::source),
                text: slack.templates.text.as_ref().map(Template::source),
                ..Self::default()
            },
            Target::Email(email) => Self {
                url: email.to.to_string(),
                auth_method: "none",
                title: email.templates.title.as_ref().map(Template::source),
                text: email.templates.text.as_ref().map(Template::source),
                ..Self::default()
            },
        }
    }
}

/// What an integration is.
pub(super) fn kind(found: &Row<'_>) -> rusqlite::Result<Kind> {
    word(found, "kind", Kind::from_word)
}

/// Where and how, from a row of either table that holds it.
pub(super) fn target(found: &Row<'_>, kind: Kind) -> rusqlite::Result<Target> {
    let url: String = found.get("url")?;
    match kind {
        Kind::Webhook => Ok(Target::Webhook(Webhook {
            url: HttpsUrl::parse(&url).map_err(|error| bad("url", error))?,
            auth: auth(found)?,
            signing: found.get("signing")?,
            http1_only: found.get("http1_only")?,
        })),
        Kind::Slack => Ok(Target::Slack(Slack { shown: url, templates: templates(found)? })),
        Kind::Email => Ok(Target::Email(Email {
            to: Addresses::parse(&url).map_err(|error| bad("url", error))?,
            templates: templates(found)?,
        })),
    }
}

fn auth(found: &Row<'_>) -> rusqlite::Result<AuthMethod> {
    match found.get::<_, String>("auth_method")?.as_str() {
        "none" => Ok(AuthMethod::None),
        "bearer" => Ok(AuthMethod::Bearer),
        "api_key" => Ok(AuthMethod::ApiKey),
        "custom_header" => {
            let name: String = found.get("auth_header")?;
            let name = HeaderName::parse(&name).map_err(|e| bad("auth_header", e))?;
            Ok(AuthMethod::CustomHeader(name))
        }
        other => Err(bad("auth_method", format!("unknown word {other}"))),
    }
}

fn templates(found: &Row<'_>) -> rusqlite::Result<Templates> {
    let template = |column: &str| -> rusqlite::Result<Option<Template>> {
        let source: Option<String> = found.get(column)?;
        Ok(source.map(Template::restore))
    };
    Ok(Templates { title: template("title")?, text: template("text")? })
}
