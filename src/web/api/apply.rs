//! Automations as one document: what it holds becomes the whole set of automations, in one step or not
//! at all. Asked for a dry run first, it says what would change; a second call with the ETag of that
//! answer carries out just that, or is refused where somebody changed anything meanwhile.

use std::fmt::Write as _;

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::automation_in::{self, AutomationDraft};
use super::automation_out::AutomationOut;
use super::change;
use super::differences::{Difference, differences};
use super::integration_out::Settings;
use super::plan::{Plan, plan};
use super::query::Query;
use crate::domain::automation::Automation;
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::integration::Kind;
use crate::domain::limits::{AUTOMATIONS_A_DOCUMENT, PAGE};
use crate::domain::secret::{Sealed, Secret};
use crate::engine::ports::{Edit, Purpose, StoreError};
use crate::web::auth::{Caller, Editor};
use crate::web::error::{Code, Problem};
use crate::web::json::{self, Faults, Fields, below};
use crate::web::{WebState, body};

/// What was changed, or would be.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Applied")]
pub(super) struct AppliedOut {
    /// Whether nothing was done yet.
    dry_run: bool,
    /// What the document was compared with: send it as If-Match to carry out just these changes.
    etag: String,
    /// Automations that are as the document has them already.
    unchanged: usize,
    /// What changes, in the order of the document; what goes stands at the end.
    changes: Vec<ChangeOut>,
    /// Signing secrets that this call made, shown this once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signing_secrets: Vec<SecretOut>,
}

/// One automation that changes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AppliedChange")]
struct ChangeOut {
    /// `create`, `change` or `delete`.
    action: &'static str,
    /// Its id; in a dry run a new one has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Its name, as it is after the change.
    name: String,
    /// What is different.
    differences: Vec<Difference>,
}

/// A signing secret that was just made.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AppliedSecret")]
struct SecretOut {
    /// The automation's name.
    automation: String,
    /// The integration's id.
    integration_id: String,
    /// The integration's name.
    integration: String,
    /// The secret.
    signing_secret: String,
}

/// One automation of the document, with what it was.
struct Entry {
    old: Option<Automation>,
    plan: Plan,
    differences: Vec<Difference>,
}

pub(super) async fn apply(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let dry_run = query.flag("dry_run");
    query.end(())?;
    let body = body::json(&request, payload).await?;
    let mut faults = Faults::default();
    let drafts = document(json::parse(&body)?, &mut faults);
    let present = all(&state).await?;
    let seen: Vec<_> = present.iter().map(|each| (each.id, each.version)).collect();
    let etag = etag_of(&seen);
    let drafts = faults.none_or(drafts)?;
    let (entries, deleted) = compare(drafts, present, &state).await?;
    if !dry_run {
        expect(&request, &etag)?;
    }
    let unchanged = entries.iter().filter(|entry| entry.is_unchanged()).count();
    let (mut edits, mut changes, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries.into_iter().filter(|entry| !entry.is_unchanged()) {
        let Entry { old, plan, differences } = entry;
        let id = (!dry_run || old.is_some()).then(|| plan.automation.id.to_string());
        let action = if old.is_some() { "change" } else { "create" };
        changes.push(ChangeOut { action, id, name: plan.automation.name.clone(), differences });
        if dry_run {
            continue;
        }
        let (ready, fresh) = plan.seal(&state)?;
        let shown = |(id, secret): (&_, &_)| secret_out(&ready.automation, *id, secret);
        secrets.extend(fresh.iter().map(shown));
        edits.push(match old {
            None => ready.create(None),
            Some(old) => ready.replace(Some(old.version)),
        });
    }
    for old in deleted {
        edits.push(Edit::DeleteAutomation { id: old.id, expected: Some(old.version) });
        changes.push(ChangeOut {
            action: "delete",
            id: Some(old.id.to_string()),
            name: old.name.clone(),
            differences: Vec::new(),
        });
    }
    if !dry_run && !edits.is_empty() {
        let done = change(&state, Edit::Together { seen, edits }, caller.actor()).await;
        done.map_err(|error| match error {
            StoreError::Stale { .. } => changed_meanwhile(),
            StoreError::Full
            | StoreError::Busy
            | StoreError::Stopped
            | StoreError::NotFound
            | StoreError::Refused(_)
            | StoreError::Repeated { .. }
            | StoreError::KeyReused
            | StoreError::Failed(_) => error.into(),
        })?;
    }
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag.clone())).json(AppliedOut {
        dry_run,
        etag,
        unchanged,
        changes,
        signing_secrets: secrets,
    }))
}

impl Entry {
    fn is_unchanged(&self) -> bool {
        self.old.is_some() && self.differences.is_empty()
    }
}

fn secret_out(automation: &Automation, id: IntegrationId, secret: &Secret) -> SecretOut {
    let found = automation.integrations.iter().find(|each| each.id == id);
    SecretOut {
        automation: automation.name.clone(),
        integration_id: id.to_string(),
        integration: found.map_or_else(String::new, |each| each.name.clone()),
        signing_secret: secret.expose().to_owned(),
    }
}

/// An automation of the document, with the id that it names, and its place.
struct Named {
    at: String,
    id: Option<String>,
    draft: AutomationDraft,
}

fn document(value: Value, faults: &mut Faults) -> Option<Vec<Named>> {
    let mut fields = Fields::of(value, "", faults)?;
    let list = fields.list("automations", faults);
    if list.is_none() {
        faults.add("/automations", "is missing: list all automations that there shall be");
    }
    fields.end(faults);
    let list = list?;
    if list.len() > AUTOMATIONS_A_DOCUMENT {
        let words = format!("may have {AUTOMATIONS_A_DOCUMENT} automations at most");
        faults.add("/automations", words);
        return None;
    }
    let mut named = Vec::new();
    for (index, value) in list.into_iter().enumerate() {
        let at = below("/automations", &index.to_string());
        let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
        if let Some(draft) = automation_in::read(value, &at, faults) {
            named.push(Named { at, id, draft });
        }
    }
    Some(named)
}

/// All automations. They are read in pages, and compared as a whole when they are written.
async fn all(state: &WebState) -> Result<Vec<Automation>, Problem> {
    let mut all: Vec<Automation> = Vec::new();
    loop {
        let after = all.last().map(|last| last.id);
        let page = state.reader.automations(after, PAGE).await?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

fn etag_of(seen: &[(AutomationId, i64)]) -> String {
    let mut digest = Sha256::new();
    for (id, version) in seen {
        digest.update(id.0.as_bytes());
        digest.update(version.to_be_bytes());
    }
    let mut text = String::from("\"");
    for byte in digest.finalize().iter().take(16) {
        // Writing into a String can't fail.
        let _infallible = write!(text, "{byte:02x}");
    }
    text.push('"');
    text
}

fn expect(request: &HttpRequest, etag: &str) -> Result<(), Problem> {
    match request.headers().get(header::IF_MATCH).map(|value| value.to_str().unwrap_or("").trim()) {
        None => Err(Problem::new(
            Code::PreconditionRequired,
            "Ask with dry_run=true first, and send the ETag of that answer as If-Match: so nothing is done \
             that nobody saw.",
        )),
        Some(seen) if seen == etag => Ok(()),
        Some(_) => Err(changed_meanwhile()),
    }
}

fn changed_meanwhile() -> Problem {
    let words = "Automations were changed since the dry run. Nothing was done: ask with dry_run=true again.";
    Problem::new(Code::Stale, words)
}

/// Finds for each automation of the document which one it was, and what becomes different. The second
/// part has those that the document does not know.
async fn compare(
    named: Vec<Named>,
    present: Vec<Automation>,
    state: &WebState,
) -> Result<(Vec<Entry>, Vec<Automation>), Problem> {
    let mut faults = Faults::default();
    let mut left = present;
    let mut planned = Vec::new();
    let names: Vec<String> =
        named.iter().filter(|each| each.id.is_none()).map(|each| each.draft.name.clone()).collect();
    // Those that say which one they are go first: a name may move from one to another.
    let mut old: Vec<Option<Automation>> = Vec::new();
    for each in &named {
        old.push(by_id(each, &mut left, &mut faults));
    }
    for (each, found) in named.iter().zip(&mut old).filter(|(each, _)| each.id.is_none()) {
        let at = below(&each.at, "name");
        if names.iter().filter(|name| **name == each.draft.name).count() > 1 {
            faults.add(at, "is there twice: give each automation a name of its own, or its id");
            continue;
        }
        let same = left.iter().filter(|old| old.name == each.draft.name).count();
        if same > 1 {
            faults.add(at, "is the name of several automations: say which one by its id");
        } else if let Some(index) = left.iter().position(|old| old.name == each.draft.name) {
            *found = Some(left.swap_remove(index));
        }
    }
    for (each, old) in named.into_iter().zip(old) {
        let mut draft = each.draft;
        if let Some(old) = &old {
            name_integrations(&mut draft, old, &mut faults);
        }
        planned.push((plan(draft, old.as_ref(), state, &mut faults), old));
    }
    let planned = faults.none_or(Some(planned))?;
    let mut entries = Vec::new();
    for (mut plan, old) in planned {
        let differences = different(&mut plan, old.as_ref(), state).await?;
        entries.push(Entry { old, plan, differences });
    }
    left.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((entries, left))
}

fn by_id(each: &Named, left: &mut Vec<Automation>, faults: &mut Faults) -> Option<Automation> {
    let id = each.id.as_ref()?;
    let found = left.iter().position(|old| old.id.to_string() == *id);
    if found.is_none() {
        let words = "is no automation here, or is there twice: leave the id out to go by the name";
        faults.add(below(&each.at, "id"), words);
    }
    found.map(|index| left.swap_remove(index))
}

/// Integrations without an id are known by their names.
fn name_integrations(draft: &mut AutomationDraft, old: &Automation, faults: &mut Faults) {
    let names: Vec<_> = draft.integrations.iter().map(|each| each.name.clone()).collect();
    for each in draft.integrations.iter_mut().filter(|each| each.id.is_none()) {
        let same: Vec<_> = old.integrations.iter().filter(|old| old.name == each.name).collect();
        let twice = names.iter().filter(|name| **name == each.name).count() > 1;
        if same.len() > 1 || (twice && !same.is_empty()) {
            let words = "is the name of several integrations: say which one by its id";
            faults.add(below(&each.at, "name"), words);
        } else {
            each.id = same.first().map(|old| old.id);
        }
    }
}

/// What becomes different. A credential that is the stored one is kept, and is no difference.
async fn different(
    plan: &mut Plan,
    old: Option<&Automation>,
    state: &WebState,
) -> Result<Vec<Difference>, Problem> {
    let value = |automation: &Automation| {
        let integrations = automation.integrations.iter().map(Settings::of).collect();
        serde_json::to_value(AutomationOut::of(automation, integrations, &state.site))
            .map_err(|_| Problem::internal())
    };
    let Some(old) = old else {
        return Ok(vec![Difference::made(value(&plan.automation)?)]);
    };
    let mut found = differences(&value(old)?, &value(&plan.automation)?);
    for (index, settled) in plan.settled.iter_mut().enumerate() {
        let Some(Some(secret)) = &settled.credential else { continue };
        let id = settled.integration.id;
        let stored = match state.reader.destination(id).await {
            Err(StoreError::NotFound) => None,
            found => found?.credential,
        };
        if is_same(Purpose::Credential, id.0, stored, secret, state) {
            settled.credential = None;
        } else if old.integrations.iter().any(|each| each.id == settled.integration.id) {
            let field = match settled.integration.target.kind() {
                Kind::Webhook => "auth/credential",
                Kind::Slack => "url",
                // It has none.
                Kind::Email => "to",
            };
            // The part of it that is shown may differ, too: one of them is enough.
            let both = Difference::credential(&format!("/integrations/{index}/{field}"));
            found.retain(|each| each.pointer != both.pointer);
            found.push(both);
        }
    }
    if let Some(Some(secret)) = &plan.inbound {
        let stored = match state.reader.relay_auth(old.id).await {
            Err(StoreError::NotFound) => None,
            found => found?.credential,
        };
        if is_same(Purpose::InboundCredential, old.id.0, stored, secret, state) {
            plan.inbound = None;
        } else {
            found.push(Difference::credential("/inbound_auth/credential"));
        }
    }
    Ok(found)
}

/// Whether that very secret is sealed there.
fn is_same(
    purpose: Purpose,
    id: Uuid,
    sealed: Option<Sealed>,
    secret: &Secret,
    state: &WebState,
) -> bool {
    use subtle::ConstantTimeEq as _;
    // One that can't be opened is replaced, which mends it.
    let stored = sealed.and_then(|sealed| state.engine.sealer().open(purpose, id, &sealed).ok());
    stored.is_some_and(|stored| stored.expose().as_bytes().ct_eq(secret.expose().as_bytes()).into())
}
