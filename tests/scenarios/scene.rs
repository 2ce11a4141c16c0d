//! The world around us that every driver shares: the receivers, the clock on the wall, the disk, the
//! book in which the story is written, and the checks that hold at every step of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::json;
use uuid::Uuid;

use belfry::domain::alert::{self, Alert, AlertFacts};
use belfry::domain::automation::{Automation, Trigger, Watch};
use belfry::domain::condition::{Condition, Subject};
use belfry::domain::delivery::{Phases, Report, State};
use belfry::domain::id::{AutomationId, DeliveryId, IntegrationId};
use belfry::domain::integration::{
    Addresses, Email, HttpsUrl, Integration, Kind, Slack, Status, Target, Webhook,
};
use belfry::domain::levels::{Level, Levels};
use belfry::domain::queue::Note;
use belfry::domain::record::Record;
use belfry::domain::secret::Sealed;
use belfry::domain::time::Timestamp;
use belfry::domain::wording::Templates;
use belfry::engine::ports::{Actor, ActorKind, Edit, Promise, Seals, StoreError};

use crate::disk::{Disk, Medium, Told};
use crate::faults::Faults;
use crate::invariants::Checker;
use crate::lang::{Deed, Dest, Scenario, StatusWord};
use crate::receivers::{Plan, Receiver};
use crate::timeline::{Book, Final, Whom};
use crate::words::spell;

/// When every story begins, unless it is told at another time: 2026-06-27T12:00:00Z.
pub(crate) const BASE: Timestamp = Timestamp::from_millis(1_782_561_600_000);
pub(crate) const DASHBOARD: &str = "https://dashboard.test";
/// What must never be seen.
pub(crate) const CREDENTIAL: &str = "s3cret-of-the-receiver";

/// See the module.
pub(crate) struct Scene {
    pub(crate) scenario: Scenario,
    pub(crate) ids: Vec<IntegrationId>,
    pub(crate) automation_id: AutomationId,
    pub(crate) elapsed_ms: u64,
    base: Timestamp,
    skew_ms: i64,
    receivers: Vec<Receiver>,
    pub(crate) book: Book,
    pub(crate) checker: Checker,
    pub(crate) faults: Arc<Faults>,
    pub(crate) told: Arc<Told>,
    pub(crate) disk: Box<dyn Disk>,
    poisoned: BTreeSet<(String, usize)>,
    ever_poisoned: BTreeSet<(String, usize)>,
    /// Requests that went out and whose outcome is not known to be on disk.
    out: BTreeMap<(DeliveryId, u32), (usize, String, Plan)>,
    open_circuits: BTreeSet<IntegrationId>,
    /// Who does what an operator does.
    pub(crate) by: Actor,
}

/// A promise of a store that keeps everything at once.
pub(crate) fn now<T>(promise: Promise<T>) -> T {
    promise.now_or_never().expect("these stores answer at once")
}

impl Scene {
    pub(crate) fn new(scenario: Scenario, medium: Medium, base: Timestamp) -> Self {
        let faults = Arc::new(Faults::default());
        let told = Arc::new(Told::default());
        let disk = medium.make(Arc::clone(&told), Arc::clone(&faults));
        let ids: Vec<IntegrationId> = scenario.dests.iter().map(|dest| id_of(&dest.name)).collect();
        let named = ids.iter().copied().zip(scenario.dests.iter().map(|dest| dest.name.clone()));
        let book = Book::new(named.collect());
        let receivers = scenario
            .dests
            .iter()
            .map(|dest| Receiver::new(dest.kind, dest.rules.clone()))
            .collect();
        let checker = Checker::new(scenario.latency);
        let scene = Self {
            scenario,
            ids,
            automation_id: AutomationId(Uuid::from_u128(0xa070)),
            elapsed_ms: 0,
            base,
            skew_ms: 0,
            receivers,
            book,
            checker,
            faults,
            told,
            disk,
            poisoned: BTreeSet::new(),
            ever_poisoned: BTreeSet::new(),
            out: BTreeMap::new(),
            open_circuits: BTreeSet::new(),
            by: Actor { kind: ActorKind::System, name: "scenario".to_owned(), address: None },
        };
        scene.install();
        scene
    }

    /// The automation with its destinations, as somebody configured it before the story begins.
    fn install(&self) {
        let dests = self.scenario.dests.iter().zip(&self.ids);
        let automation = Automation {
            id: self.automation_id,
            name: "escalations".to_owned(),
            active: true,
            trigger: Trigger::Records(Watch::default()),
            integrations: dests.map(|(dest, id)| self.integration(dest, *id)).collect(),
            version: 1,
        };
        let seals = self.ids.iter().map(|id| seals(*id)).collect();
        let edit = Edit::CreateAutomation { automation, seals, inbound: None, once: None };
        now(self.disk.store().change(edit, self.by.clone(), self.wall()))
            .expect("a new automation");
    }

    pub(crate) fn integration(&self, dest: &Dest, id: IntegrationId) -> Integration {
        let routed = json!({ "field": "tags", "op": "eq", "value": dest.name });
        Integration {
            id,
            automation_id: self.automation_id,
            name: dest.name.clone(),
            target: match dest.kind {
                Kind::Webhook => Target::Webhook(Webhook {
                    url: HttpsUrl::parse(&dest.url).expect("a URL"),
                    auth: dest.auth.clone(),
                    signing: false,
                    http1_only: false,
                }),
                Kind::Slack => Target::Slack(Slack {
                    shown: dest.url.clone(),
                    templates: Templates::default(),
                }),
                Kind::Email => Target::Email(Email {
                    to: Addresses::parse("ops@example.com").expect("an address"),
                    templates: Templates::default(),
                }),
            },
            condition: Some(Condition::parse(&routed, Subject::Record).expect("a condition")),
            delivery: dest.delivery.clone(),
            credential_set: true,
        }
    }

    /// What customers said: each record is meant for the destinations in its tags.
    pub(crate) fn records(&self, alerts: &[String], dests: &[usize]) -> Vec<(Record, Levels)> {
        let name = |dest: &usize| self.scenario.dests.get(*dest).map(|dest| dest.name.clone());
        let tags: Vec<String> = dests.iter().filter_map(name).collect();
        alerts.iter().map(|alert| (record(alert, &tags), LEVELS)).collect()
    }

    pub(crate) fn body(&self, record: &Record, levels: &Levels) -> alert::Body {
        alert::body(&AlertFacts {
            automation_id: self.automation_id,
            escalated_at: self.wall(),
            levels,
            record,
            dashboard_url: DASHBOARD,
        })
    }

    /// The time of day.
    pub(crate) fn wall(&self) -> Timestamp {
        let at = self.base.plus(Duration::from_millis(self.elapsed_ms));
        Timestamp::from_millis(at.as_millis() + self.skew_ms)
    }

    pub(crate) fn step_clock(&mut self, by_ms: i64) {
        self.skew_ms += by_ms;
        self.checker.clock_stepped();
        let sign = if by_ms < 0 { '-' } else { '+' };
        self.us("clock", &format!("{sign}{}", spell(by_ms.unsigned_abs())), "");
    }

    /// Something that happens to us.
    pub(crate) fn us(&mut self, subject: &str, what: &str, then: &str) {
        self.book.tell(self.elapsed_ms, Whom::Us, subject, what, then);
    }

    pub(crate) fn of(&mut self, dest: usize, subject: &str, what: &str, then: &str) {
        self.book.tell(self.elapsed_ms, Whom::Dest(dest), subject, what, then);
    }

    /// What became of records that came in: whether each made a new alert.
    pub(crate) fn accepted(&mut self, names: &[String], fresh: Result<Vec<bool>, StoreError>) {
        match fresh {
            Ok(fresh) => {
                for (name, fresh) in names.iter().zip(fresh) {
                    if !fresh {
                        self.us(name, "known", "");
                    }
                }
            }
            Err(error) => {
                for name in names {
                    self.us(name, "refused", &error.to_string());
                }
            }
        }
    }

    /// A machine decided something.
    pub(crate) fn noted(&mut self, id: IntegrationId, at: Timestamp, note: &Note) {
        match note {
            Note::CircuitOpened { .. } => self.open_circuits.extend([id]),
            Note::CircuitClosed => drop(self.open_circuits.remove(&id)),
            Note::Sent { .. }
            | Note::Ended { .. }
            | Note::ProbeFailed { .. }
            | Note::SwitchedOff
            | Note::Lost { .. } => {}
        }
        self.book.noted(self.elapsed_ms, at, id, note);
    }

    /// Whether its circuit opened and did not close since, as far as the story tells.
    pub(crate) fn circuit_open(&self, id: IntegrationId) -> bool {
        self.open_circuits.contains(&id) && self.status(id).1
    }

    /// An operator acts on all deliveries of a destination.
    pub(crate) fn acted_on_all(&mut self, dest: usize) {
        for (delivery, _, of) in self.book.deliveries() {
            if of == dest {
                self.checker.acted(delivery, self.elapsed_ms);
            }
        }
    }

    /// What became of an operator's act.
    pub(crate) fn answered_us<T>(
        &mut self,
        dest: usize,
        what: (&str, &str),
        was: &Result<T, StoreError>,
    ) {
        let then = match was {
            Ok(_) => String::new(),
            Err(error) => format!("refused: {error}"),
        };
        self.of(dest, what.0, what.1, &then);
    }

    pub(crate) fn status_of(word: StatusWord) -> (Status, &'static str) {
        match word {
            StatusWord::Pause => (Status::Paused, "paused"),
            StatusWord::Resume => (Status::Active, "resumed"),
            StatusWord::Enable => (Status::Active, "enabled"),
            StatusWord::Disable => {
                (Status::Disabled { reason: "by the scenario".to_owned() }, "disabled")
            }
        }
    }

    /// A request goes out to a receiver: what will become of it.
    pub(crate) fn request(&mut self, id: IntegrationId, attempt: u32, alert: &Alert) -> Plan {
        let dest = self.book.place(id).expect("a destination of the file");
        let delivery = self.book.delivery(&alert.record_id, dest).expect("a known delivery");
        let timeout_ms = self.scenario.policy.timeout_ms;
        let (elapsed, wall) = (self.elapsed_ms, self.wall());
        let receiver = self.receivers.get_mut(dest).expect("a destination of the file");
        let plan = receiver.request(&alert.record_id, elapsed, wall, timeout_ms);
        self.out.insert((delivery, attempt), (dest, alert.record_id.clone(), plan.clone()));
        self.checker.requested(delivery, id, alert);
        plan
    }

    pub(crate) fn report(plan: &Plan, started_at: Timestamp) -> Report {
        Report {
            started_at,
            took: Duration::from_millis(plan.took_ms),
            outcome: plan.outcome.clone(),
            phases: Phases::default(),
            excerpt: None,
            remote: None,
            revision: None,
            recipients: Vec::new(),
        }
    }

    /// The process is gone, and with it all that was out and not written down.
    pub(crate) fn vanish(&mut self) {
        for ((delivery, attempt), (dest, alert, plan)) in std::mem::take(&mut self.out) {
            let settled = self.disk.row(delivery).is_some_and(|row| row.attempts >= attempt);
            if let Some(receiver) = self.receivers.get_mut(dest)
                && !settled
            {
                receiver.lost(&alert, &plan);
            }
        }
        self.told.tell(None);
        self.disk.reopen();
        self.checker.process_gone();
    }

    /// A process begins: tells of the attempts that it will find cut off.
    pub(crate) fn tell_interrupted(&mut self) {
        let rows = self.disk.rows();
        for row in rows.iter().filter(|row| row.state == State::InFlight) {
            self.learn(row.id);
            let wait = self.scenario.policy.timeout_ms;
            self.book.interrupted(self.elapsed_ms, row.id, row.attempts + 1, wait);
        }
        for row in rows {
            self.learn(row.id);
        }
    }

    /// Names a delivery, if it has no name in the book yet.
    pub(crate) fn learn(&mut self, id: DeliveryId) {
        if self.book.name(id).is_none()
            && let Some(row) = self.disk.row(id)
        {
            self.book.learn(id, &row.record, row.integration);
        }
    }

    pub(crate) fn is_poisoned(&self, id: DeliveryId) -> bool {
        self.book.name(id).is_some_and(|(alert, dest)| {
            self.poisoned.iter().any(|(name, of)| name == alert && *of == dest)
        })
    }

    /// Deeds that are about the world around us, in every driver alike. Returns false for the others.
    pub(crate) fn world_deed(&mut self, deed: &Deed) -> bool {
        match deed {
            Deed::Clock { by_ms } => self.step_clock(*by_ms),
            Deed::DiskFull => {
                self.faults.set_full(true);
                self.us("disk", "full", "");
            }
            Deed::DiskOk => {
                self.faults.set_full(false);
                self.us("disk", "ok", "");
            }
            Deed::Poison { alert, dest } => {
                self.poisoned.insert((alert.clone(), *dest));
                self.ever_poisoned.insert((alert.clone(), *dest));
            }
            Deed::Cure { alert, dest } => {
                self.poisoned.remove(&(alert.clone(), *dest));
            }
            Deed::Policy(policy) => self.scenario.policy = (**policy).clone(),
            Deed::Accept { .. }
            | Deed::Crash
            | Deed::Stop
            | Deed::Start
            | Deed::SetStatus { .. }
            | Deed::Retry { .. }
            | Deed::RetryDead { .. }
            | Deed::Discard { .. }
            | Deed::Panic { .. }
            | Deed::Edit { .. }
            | Deed::Delete { .. } => return false,
        }
        true
    }

    /// Whether nothing is left to be done: every delivery to an active destination is over.
    pub(crate) fn is_settled(&self) -> bool {
        let active: Vec<IntegrationId> =
            self.ids.iter().copied().filter(|id| self.status(*id).0 == Status::Active).collect();
        self.disk.rows().iter().all(|row| match row.state {
            State::Pending | State::InFlight => !active.contains(&row.integration),
            State::Delivered | State::Dead | State::Discarded => true,
        })
    }

    /// Its status, and whether its circuit is open.
    pub(crate) fn status(&self, id: IntegrationId) -> (Status, bool) {
        match now(self.disk.store().destination(id)) {
            Ok(found) => (found.status, found.health.circuit.is_open()),
            Err(_) => (Status::Disabled { reason: "deleted".to_owned() }, false),
        }
    }

    /// The end of the story: how everything stands, and whether all of it is as it must be.
    pub(crate) fn finish(&mut self) -> Result<String, String> {
        let mut finals = Vec::new();
        for row in self.disk.rows() {
            self.learn(row.id);
            let Some((alert, dest)) = self.book.name(row.id) else { continue };
            let history = self.disk.history(row.id);
            let receiver = self.receivers.get(dest).expect("a destination of the file");
            finals.push(Final {
                alert: alert.to_owned(),
                dest,
                state: row.state,
                reason: row.reason.clone(),
                attempts: row.attempts,
                interrupted: history.iter().filter(|past| past.interrupted).count(),
                seen: receiver.seen(alert),
            });
            let poisoned = self.ever_poisoned.contains(&(alert.to_owned(), dest));
            self.checker.end(&row, &history, receiver.seen(alert), poisoned)?;
        }
        let dests: Vec<(Status, bool)> = self.ids.iter().map(|id| self.status(*id)).collect();
        finals.sort_by_key(|each| each.dest);
        self.book.ends(&finals, &dests);
        let text = self.book.text();
        if text.contains(CREDENTIAL) {
            return Err("the credential is in the story".to_owned());
        }
        Ok(text)
    }
}

/// The same name has the same id in every story: what is jittered by it stays.
fn id_of(name: &str) -> IntegrationId {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    IntegrationId(Uuid::from_u64_pair(0xde57, hash))
}

fn seals(integration: IntegrationId) -> Seals {
    // What seals in these stories is not strong, but what it hides can't be found by its text.
    let sealed = CREDENTIAL.bytes().map(|byte| byte ^ 0x55).collect();
    Seals { integration, credential: Some(Some(Sealed(sealed))), signing_secret: None }
}

const LEVELS: Levels =
    Levels { escalation: Level::Extreme, emotional_intensity: Level::High, sentiment_shift: None };

fn record(id: &str, tags: &[String]) -> Record {
    Record {
        id: id.to_owned(),
        org_id: "acme".to_owned(),
        content: format!("Nothing works any more, says {id}."),
        source: "ZendeskSupport".to_owned(),
        created_at: None,
        source_url: None,
        kind: None,
        channel: None,
        segment: None,
        product_area: None,
        tags: tags.to_vec(),
        metadata: BTreeMap::new(),
        conversation_id: None,
        messages: Vec::new(),
        levels: None,
    }
}
