//! `belfry check`: what is wrong with the configuration, and who decides what about a URL.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::json;

use super::CliError;
use crate::config::{Config, Problems};
use crate::domain::integration::HttpsUrl;
use crate::serve::{channel_settings, detector};
use crate::vault::MasterKey;
use crate::web::{Certificate, TlsFiles};

/// Check the configuration without starting; with a URL, explain whether it may be sent to.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// A webhook's URL.
    pub url: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Checks and prints.
///
/// # Errors
/// Status 2 for a configuration that can't be used; 1 for a URL that can't be sent to.
pub async fn run(args: CheckArgs) -> Result<(), CliError> {
    let config = match Config::load(&args.data) {
        Ok(config) => config,
        Err(problems) if args.json => {
            print(&format!("{}\n", as_json(&problems)))?;
            return Err(CliError::misuse("the configuration can't be used"));
        }
        Err(problems) => return Err(CliError::misuse(problems)),
    };
    let settings = channel_settings(&config, &[config.listen]).map_err(CliError::failed)?;
    let missing = settings.check().map_err(CliError::failed)?;
    let Some(url) = args.url else {
        MasterKey::load(&args.data).map_err(CliError::failed)?;
        if let Some((cert, key)) = config.tls.clone() {
            Certificate::load(&TlsFiles { cert, key }).map_err(CliError::failed)?;
        }
        detector::phrases(config.detect_phrases.as_deref()).map_err(CliError::failed)?;
        let missing = missing.map(|missing| missing.to_string());
        let warnings: Vec<_> = missing.into_iter().chain(settings.classifier_denied()).collect();
        let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
        let text = match (args.json, &warning) {
            (true, _) => format!("{}\n", json!({ "ok": true, "warning": warning })),
            (false, None) => "The configuration is good.\n".to_owned(),
            (false, Some(warning)) => format!("The configuration is good, but: {warning}\n"),
        };
        return print(&text);
    };
    let url = HttpsUrl::parse(&url).map_err(|error| CliError::misuse(format!("{url}: {error}")))?;
    let explained = settings.egress().explain(&url).await;
    let reachable = explained.reachable();
    let text = if args.json {
        let addresses = match &explained.addresses {
            Ok(decisions) => json!(decisions.iter().map(|decision| {
                json!({ "address": decision.address.to_string(), "allowed": decision.allowed,
                        "decision": decision.to_string() })
            }).collect::<Vec<_>>()),
            Err(error) => json!({ "error": error.to_string() }),
        };
        format!(
            "{}\n",
            json!({ "host": explained.host, "port": explained.port,
            "reachable": reachable, "addresses": addresses })
        )
    } else {
        let mut text = format!("{} port {}\n", explained.host, explained.port);
        match &explained.addresses {
            Ok(decisions) => {
                decisions.iter().for_each(|decision| text.push_str(&format!("  {decision}\n")));
            }
            Err(error) => text.push_str(&format!("  {error}\n")),
        }
        text
    };
    print(&text)?;
    if reachable { Ok(()) } else { Err(CliError::told()) }
}

fn as_json(problems: &Problems) -> serde_json::Value {
    let each = problems.0.iter().map(|each| json!({ "place": each.place, "what": each.what }));
    json!({ "ok": false, "problems": each.collect::<Vec<_>>() })
}

fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CliError::failed)
}
