//! The classifier's side of the intake: records that wait on disk are judged, a bounded number at a time, and
//! what they come to is written in the transaction that ends their waiting. Nothing of it is in memory alone,
//! so that a stop at any moment costs a question that is asked again.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt as _, Addr, AsyncContext as _, Context, Handler, Message, ResponseFuture,
    WrapFuture as _,
};
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use super::asking::Asked;
use super::ports::{
    Accepted, Classifier, NewAlert, Question, StoreError, Taking, WaitingId, WaitingRecord,
    WaitingRoom,
};
use super::shared::Shared;
use crate::detect::external::{Finding, JudgedBy, Opinion, Reason, Unanswered};
use crate::domain::limits;
use crate::domain::record::Record;

/// A classifier, and the room in which records wait for it.
#[derive(Clone)]
pub struct Classifying {
    /// Asked where it is configured.
    pub classifier: Arc<dyn Classifier>,
    /// Keeps the records.
    pub room: Arc<dyn WaitingRoom>,
}

/// What came of a record that waited, for the log and the metrics.
#[derive(Debug)]
pub struct Classified<'a> {
    /// Who judged it.
    pub judged_by: &'a JudgedBy,
    /// How long the question took, where it was asked.
    pub took: Option<Duration>,
    /// Alerts that it caused.
    pub fired: usize,
    /// Alerts that were there already.
    pub repeated: usize,
    /// Alerts that cool-downs held back.
    pub held_back: usize,
}

/// The way to the actor.
#[derive(Clone)]
pub(super) struct Classifiers {
    classifying: Classifying,
    actor: Addr<Classification>,
    /// Whether a nudge is on its way: one is enough, however many records come meanwhile.
    nudged: Arc<AtomicBool>,
}

impl Classifiers {
    pub(super) fn start(shared: Arc<Shared>, classifying: Classifying) -> Self {
        let nudged = Arc::new(AtomicBool::new(false));
        let actor = Classification::new(shared, classifying.clone(), Arc::clone(&nudged)).start();
        Self { classifying, actor, nudged }
    }

    /// Stores what a call brought, and has the actor look for what waits: whoever called may go away meanwhile, and
    /// what is on disk must not wait for the next call.
    pub(super) async fn take(
        &self,
        taking: Taking,
    ) -> Result<Option<Vec<Option<Accepted>>>, StoreError> {
        let (taking, this) = (self.classifying.room.take(taking), self.clone());
        let taken = actix::spawn(async move {
            let taken = taking.await;
            if matches!(taken, Ok(Some(_))) {
                this.nudge();
            }
            taken
        });
        taken.await.unwrap_or(Err(StoreError::Stopped))
    }

    /// Whether a classifier is configured.
    pub(super) fn is_configured(&self) -> bool {
        self.classifying.classifier.terms().is_some()
    }

    /// A record waits that did not before.
    fn nudge(&self) {
        if !self.nudged.swap(true, Ordering::AcqRel) {
            self.actor.do_send(Nudge);
        }
    }

    /// What the classifier would say. Nothing is stored of it.
    pub(super) async fn ask(&self, question: Question) -> Result<Opinion, Unanswered> {
        // Its mailbox is closed at the end alone.
        self.actor.send(Ask(question)).await.unwrap_or_else(|_| {
            Err(Unanswered::new(Reason::NotConfigured, "the service is stopping"))
        })
    }
}

/// "There is a record that waits."
#[derive(Message)]
#[rtype(result = "()")]
struct Nudge;

/// "What would the classifier say?" Nothing is stored of it.
#[derive(Message)]
#[rtype(result = "Result<Opinion, Unanswered>")]
struct Ask(Question);

/// See the module. It lives on one thread, since the classifier's connections do.
struct Classification {
    shared: Arc<Shared>,
    asked: Asked,
    room: Arc<dyn WaitingRoom>,
    /// The last record that was taken out of the room.
    behind: WaitingId,
    under_way: usize,
    /// Somebody came, or there may be more than was read.
    more: bool,
    reading: bool,
    nudged: Arc<AtomicBool>,
    dry_runs: Rc<Semaphore>,
}

impl Classification {
    fn new(shared: Arc<Shared>, classifying: Classifying, nudged: Arc<AtomicBool>) -> Self {
        let Classifying { classifier, room } = classifying;
        let asked = Asked::new(Arc::clone(&shared), classifier);
        let dry_runs = Rc::new(Semaphore::new(limits::CLASSIFIER_DRY_RUNS));
        let behind = WaitingId(0);
        let (under_way, more, reading) = (0, true, false);
        Self { shared, asked, room, behind, under_way, more, reading, nudged, dry_runs }
    }

    /// Takes as many records out of the room as may be under way.
    fn fill(&mut self, ctx: &mut Context<Self>) {
        // Without a classifier what waits is judged here, and that takes no time.
        let most = self.asked.terms().map_or(1, |terms| terms.at_once);
        let room = most.saturating_sub(self.under_way);
        if self.reading || !self.more || room == 0 || self.shared.is_draining() {
            return;
        }
        (self.reading, self.more) = (true, false);
        let read = self.room.waiting(self.behind, room).into_actor(self);
        ctx.spawn(read.map(move |found, this, ctx| {
            this.reading = false;
            match found {
                Ok(found) => {
                    this.more |= found.len() == room;
                    for waiting in found {
                        this.take(waiting, ctx);
                    }
                }
                Err(error) => {
                    this.more = true;
                    tracing::warn!(%error, "records that wait for the classifier can't be read");
                    ctx.run_later(limits::WAITING_RETRY, Self::fill);
                    return;
                }
            }
            this.fill(ctx);
        }));
    }

    fn take(&mut self, waiting: WaitingRecord, ctx: &mut Context<Self>) {
        self.behind = waiting.id;
        self.under_way += 1;
        let (asked, room) = (self.asked.clone(), Arc::clone(&self.room));
        let judged = AssertUnwindSafe(judged(asked, room, waiting)).catch_unwind();
        let id = self.behind.0;
        ctx.spawn(judged.into_actor(self).map(move |judged, this, ctx| {
            if judged.is_err() {
                tracing::error!(
                    waiting = id,
                    "judging a record panicked: it waits for the next start"
                );
            }
            this.under_way = this.under_way.saturating_sub(1);
            this.fill(ctx);
        }));
    }
}

impl Actor for Classification {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.fill(ctx);
    }
}

impl Handler<Nudge> for Classification {
    type Result = ();

    fn handle(&mut self, _: Nudge, ctx: &mut Self::Context) {
        // What comes from here on nudges again.
        self.nudged.store(false, Ordering::Release);
        self.more = true;
        self.fill(ctx);
    }
}

impl Handler<Ask> for Classification {
    type Result = ResponseFuture<Result<Opinion, Unanswered>>;

    fn handle(&mut self, Ask(question): Ask, _: &mut Self::Context) -> Self::Result {
        let (asked, dry_runs) = (self.asked.clone(), Rc::clone(&self.dry_runs));
        Box::pin(async move {
            // It is never closed.
            let _turn = dry_runs.acquire().await;
            asked.ask(question).await.0
        })
    }
}

impl Drop for Classification {
    fn drop(&mut self) {
        // Nobody would judge what waits from here on.
        if std::thread::panicking() {
            (self.shared.fatal)("the actor that asks the classifier has failed");
        }
    }
}

impl Shared {
    /// What a record goes by that there was no room for.
    pub(super) fn crowded_out(&self, found: Finding) -> Finding {
        let detail = format!(
            "{} records or {} MiB of them waited for it already",
            limits::WAITING_RECORDS,
            limits::WAITING_BYTES / 1024 / 1024
        );
        let found = found.asked(Err(Unanswered::new(Reason::Crowded, detail)));
        self.witness.classified(&Classified {
            judged_by: &found.judged_by,
            took: None,
            // The door counts the alerts of what it settles.
            fired: 0,
            repeated: 0,
            held_back: 0,
        });
        found
    }
}

/// Judges a record that waits, and writes down what it comes to.
async fn judged(asked: Asked, room: Arc<dyn WaitingRoom>, waiting: WaitingRecord) {
    let shared = Arc::clone(asked.shared());
    let WaitingRecord { id, record, found, taken_at } = waiting;
    let (Ok(record), Ok(found)) = (Record::from_stored(&record), Finding::from_stored(&found))
    else {
        // What was acknowledged is not thrown away: it stays, counts among those that wait, and holds up nobody.
        tracing::error!(waiting = id.0, "a record that waits is damaged on disk, and stays there");
        return;
    };
    let now = shared.clock.now();
    let patience = asked.terms().map(|terms| terms.patience);
    let not_asked = |reason, detail: &str| (Err(Unanswered::new(reason, detail)), None);
    let (said, took) = match patience {
        None => not_asked(Reason::NotConfigured, "no classifier is configured any more"),
        Some(patience) if now.since(taken_at) > patience => {
            let detail =
                format!("it would have had to wait for more than {} s", patience.as_secs());
            not_asked(Reason::Waited, &detail)
        }
        Some(_) => asked.ask(Question { record: record.clone(), language: found.language }).await,
    };
    let found = found.asked(said);
    let alerts = shared.alerts(&record, &found.levels, Some(&found), shared.clock.now());
    let Some(accepted) = written(&shared, room.as_ref(), id, alerts).await else { return };
    let fresh = accepted.iter().flatten().filter(|each| each.fresh).count();
    let known = accepted.iter().flatten().count() - fresh;
    shared.witness.classified(&Classified {
        judged_by: &found.judged_by,
        took,
        fired: fresh,
        repeated: known,
        held_back: accepted.len() - fresh - known,
    });
    shared.recent.keep(taken_at, vec![(record, found.levels)]);
}

/// Writes down what a record came to, as often as the store needs. Nothing where the service stops before:
/// it is judged anew after the next start.
async fn written(
    shared: &Shared,
    room: &dyn WaitingRoom,
    id: WaitingId,
    alerts: Vec<NewAlert>,
) -> Option<Vec<Option<Accepted>>> {
    let mut told = false;
    loop {
        match room.judged(id, alerts.clone()).await {
            Ok(accepted) => return Some(accepted),
            Err(StoreError::Stopped) => return None,
            Err(error) if !told => {
                tracing::warn!(%error, "what a record came to can't be written: it is tried again");
                told = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(limits::WAITING_RETRY).await;
        if shared.is_draining() {
            return None;
        }
    }
}
