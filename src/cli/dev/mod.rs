//! `belfry dev`: the whole product on a machine on which nothing is configured. Its data is thrown away,
//! its receivers are in the same process, and some of them fail at first, so that a person sees alerts
//! arrive, fail, back off and arrive again within seconds.

mod asked;
mod look;
mod relay;
mod scene;
mod service;
mod story;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::value::RawValue;

use super::client::Client;
use super::error::CliError;
use super::paint::Paint;
use super::records::Fed;
use super::samples;
use super::signals::Signals;
use crate::domain::secret::Secret;
use crate::telemetry;
use look::Look;
use scene::Scene;
use service::Service;
use story::{Failure, Progress, Story};

/// Try the whole product here and now: throwaway data, sample records, receivers that fail at first.
#[derive(Debug, clap::Args)]
pub struct DevArgs {
    /// Keep the data in this directory, which must be new or empty; without it they are thrown away.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,

    /// Address of the service; port 0 lets the machine choose [default: 127.0.0.1:8787, or any port
    /// where that is taken].
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// Time between two sample records, so that eyes can follow [default: 150ms; none with --exit].
    #[arg(long, value_name = "TIME", value_parser = super::listen::span)]
    pub pace: Option<Duration>,

    /// End as soon as every sample alert has arrived; fail if that takes more than a minute.
    #[arg(long)]
    pub exit: bool,

    /// Print JSON, one line each.
    #[arg(long)]
    pub json: bool,
}

/// Between two sample records: about what eyes can follow.
const PACE: Duration = Duration::from_millis(150);
/// What `--exit` waits for all sample alerts to arrive.
const EXIT_PATIENCE: Duration = Duration::from_secs(60);

/// Runs the product until every alert has arrived (`--exit`), or until a signal ends it.
pub async fn run(args: DevArgs) -> Result<(), CliError> {
    let paint = if args.json { Paint::off() } else { Paint::stdout() };
    let mut signals = Signals::new().map_err(CliError::failed)?;
    let (dir, throwaway) = directory(args.keep.clone())?;
    let (story, failures) = Story::new(paint, args.json);
    telemetry::start(false, "error");
    let scene = Scene::set(&story).await?;
    let service = Service::start(&dir, args.listen, scene.made()).await?;
    let look = Look { paint, json: args.json };
    let client = client_of(&service)?;
    let automation_id = scene.automate(&client).await?;
    look.opening(&service, &scene, &automation_id, throwaway.is_none());

    let looker = tokio::spawn(look_up(client_of(&service)?, story.clone(), failures));
    let mut progress = story.progress();
    let ended = tokio::select! {
        ended = demonstrate(&client, &look, &mut progress, &args, &automation_id) => ended,
        () = signals.end() => Ok(()),
    };
    if ended.is_ok() && !args.exit && !signals.seen() {
        look.hints(&service, &automation_id);
        signals.end().await;
    }
    looker.abort();
    service.stop().await;
    scene.stop().await;
    drop(throwaway);
    ended
}

fn client_of(service: &Service) -> Result<Client, CliError> {
    Ok(Client::to(&service.url(), Some(Secret::new(service.token().to_owned())), None)?)
}

/// The data directory, and what removes it in the end.
fn directory(keep: Option<PathBuf>) -> Result<(PathBuf, Option<tempfile::TempDir>), CliError> {
    match keep {
        Some(dir) => Ok((dir, None)),
        None => {
            let made = tempfile::Builder::new().prefix("belfry-dev-").tempdir();
            let made = made.map_err(CliError::failed)?;
            Ok((made.path().join("data"), Some(made)))
        }
    }
}

/// Feeds the samples, and waits until all that they caused has arrived.
async fn demonstrate(
    client: &Client,
    look: &Look,
    progress: &mut tokio::sync::watch::Receiver<Progress>,
    args: &DevArgs,
    automation_id: &str,
) -> Result<(), CliError> {
    let usual = if args.exit { Duration::ZERO } else { PACE };
    let fed = feed(client, look, args.pace.unwrap_or(usual)).await?;
    look.fed(&fed);
    let arrived = progress.wait_for(|progress| progress.taken >= fed.deliveries);
    let arrived = if args.exit {
        match tokio::time::timeout(EXIT_PATIENCE, arrived).await {
            Ok(arrived) => arrived.map(|progress| *progress),
            Err(_) => return Err(CliError::failed("not every alert arrived within a minute")),
        }
    } else {
        arrived.await.map(|progress| *progress)
    };
    let progress = arrived.map_err(CliError::failed)?;
    look.closing(&fed, progress);
    // The last results may not be written down yet: then nothing is told of one alert.
    if let Some((record, arrived)) = written_down(client, automation_id, fed.deliveries).await? {
        look.everywhere(&record, &arrived);
    }
    Ok(())
}

/// One alert with all its ways, once the service has written down that all deliveries arrived.
async fn written_down(
    client: &Client,
    automation_id: &str,
    deliveries: u64,
) -> Result<Option<(String, Vec<asked::Arrived>)>, CliError> {
    for _ in 0..WRITTEN_TRIES {
        let query = [("automation_id", automation_id), ("state", "delivered"), ("limit", "200")];
        let page = client.read("/v1/deliveries", &query).await?;
        let written = page.get("data").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
        if written as u64 >= deliveries.min(200) {
            return Ok(asked::everywhere(client, automation_id).await?);
        }
        tokio::time::sleep(WRITTEN_EVERY).await;
    }
    Ok(None)
}

/// How often it is looked whether all is written down, and how soon again.
const WRITTEN_TRIES: u32 = 100;
const WRITTEN_EVERY: Duration = Duration::from_millis(20);

/// Sends the samples: one by one at a pace, or all at once.
async fn feed(client: &Client, look: &Look, pace: Duration) -> Result<Fed, CliError> {
    let mut fed = Fed::default();
    let records =
        samples::samples().iter().map(|(_, json)| RawValue::from_string(json.to_string()));
    let records = records.collect::<Result<Vec<_>, _>>().map_err(CliError::failed)?;
    if pace.is_zero() {
        for sample in records.iter().filter(|sample| brings_no_levels(sample)) {
            reasons(client, look, sample).await?;
        }
        fed.feed(client, 0, records).await?;
        return Ok(fed);
    }
    let mut ticks = tokio::time::interval(pace);
    for (index, sample) in (0..).zip(records) {
        ticks.tick().await;
        if brings_no_levels(&sample) {
            reasons(client, look, &sample).await?;
        }
        fed.feed(client, index, vec![sample]).await?;
    }
    Ok(fed)
}

/// Our own samples say so in no other way.
fn brings_no_levels(sample: &RawValue) -> bool {
    !sample.get().contains("\"levels\"")
}

/// Tells of a sample without levels what the service finds in its words.
async fn reasons(client: &Client, look: &Look, sample: &RawValue) -> Result<(), CliError> {
    let call = format!(r#"{{"records":[{sample}]}}"#);
    let told = client.post("/v1/records/dry-run", &[], Some(call.into_bytes())).await?;
    if let Some(run) = told.pointer("/records/0") {
        look.found(run);
    }
    Ok(())
}

/// Asks the service, for each failed try, when the next one is, and tells it.
async fn look_up(client: Client, story: Story, mut failures: tokio::sync::mpsc::Receiver<Failure>) {
    while let Some(failure) = failures.recv().await {
        match asked::next_attempt(&client, &failure).await {
            Ok(Some((pause, why))) => story.backs_off(&failure, pause, &why),
            // It was tried again before we asked: nothing is left to tell.
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "a failed delivery can't be looked up"),
        }
    }
}
