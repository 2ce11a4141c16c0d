//! The actor of one destination. It feeds the machine and carries out its steps; it decides nothing,
//! and nothing that it knows is lost with it.

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, AsyncContext, Context, Handler, Message, SpawnHandle, WrapFuture,
    fut::ActorFutureExt as _,
};

use super::attempt;
use super::ports::{Change, Destination as Configured, StoreError};
use super::shared::{Lane, Shared};
use super::station::Station;
use super::supervisor::ExitGuard;
use crate::domain::id::{AlertId, DeliveryId, IntegrationId};
use crate::domain::integration::{Policy, Status};
use crate::domain::limits;
use crate::domain::queue::{Input, Load, Loaded, Queue, Restore, Send, Stage};
use crate::domain::time::Timestamp;

/// How long to wait before a destination that could not be read is read again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// "Look at your station." Carries no work; at most one is in the mailbox.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Nudge;

/// See the module.
pub(super) struct Destination {
    shared: Arc<Shared>,
    station: Arc<Station>,
    lane: Lane,
    guard: ExitGuard,
    /// Absent until the destination was read from disk.
    live: Option<Live>,
    /// Takes inputs one at a time, so that one that kills it can be named.
    careful: bool,
    timer: Option<SpawnHandle>,
    /// Since when there is nothing to do.
    idle_since: Option<Timestamp>,
    /// Whether a look at that is to come.
    bedtime: bool,
}

/// What reading a destination from the store came to.
type Read = Result<Configured, StoreError>;

struct Live {
    queue: Queue,
    /// How it is configured; `None` once it is deleted: what is in flight is written down, then it goes.
    destination: Option<Arc<Configured>>,
    reading_anew: bool,
}

impl Destination {
    pub(super) fn new(
        shared: Arc<Shared>,
        station: Arc<Station>,
        lane: Lane,
        guard: ExitGuard,
        careful: bool,
    ) -> Self {
        Self {
            shared,
            station,
            lane,
            guard,
            live: None,
            careful,
            timer: None,
            idle_since: None,
            bedtime: false,
        }
    }

    fn id(&self) -> IntegrationId {
        self.station.id
    }

    /// Builds the machine from what lies on disk and what is in flight.
    fn restore(&mut self, ctx: &mut Context<Self>, read: Read) {
        let Ok(destination) = self.found(read) else {
            ctx.run_later(READ_AGAIN, |this, ctx| this.read_first(ctx));
            return;
        };
        let (policy, status) = self.terms(destination.as_deref());
        let (flights, arrived) = self.station.begin();
        let health = destination.as_ref().map(|each| each.health.clone()).unwrap_or_default();
        let id = self.id();
        let queue = Queue::new(Restore {
            policy,
            status,
            health,
            jitter_key: jitter_key(id),
            start_at: self.shared.start_of(id),
            flights,
        });
        self.live = Some(Live { queue, destination, reading_anew: false });
        // Deliveries that arrived before are on disk, and are read from there.
        self.run(ctx, if arrived.drain { vec![Input::Drain] } else { Vec::new() });
        for (delivery, report) in arrived.ended {
            self.run(ctx, vec![Input::Ended { delivery, report }]);
        }
        if arrived.changed {
            self.read_anew(ctx, arrived.probe_now);
        }
    }

    /// Reads the destination for the first time.
    fn read_first(&self, ctx: &mut Context<Self>) {
        // What the incarnation before handed to the store is on disk, or refused, once an empty commit
        // is through: only then is the disk the truth.
        let store = Arc::clone(&self.shared.store);
        let id = self.id();
        let reading = async move {
            store.apply(id, Vec::new()).await?;
            store.destination(id).await
        };
        ctx.spawn(reading.into_actor(self).map(|read, this, ctx| this.restore(ctx, read)));
    }

    /// The destination as it was read; `Ok(None)` where it was deleted. That it can't be read is the
    /// store's trouble and no death of the actor: a full disk must not park it.
    fn found(&self, read: Read) -> Result<Option<Arc<Configured>>, StoreError> {
        match read {
            Ok(destination) => Ok(Some(Arc::new(destination))),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => {
                tracing::warn!(integration = %self.id(), %error, "can't read a destination");
                Err(error)
            }
        }
    }

    fn terms(&self, destination: Option<&Configured>) -> (Policy, Status) {
        match destination {
            Some(each) => {
                let own = &each.integration.delivery;
                (self.shared.policy.for_integration(own), each.status.clone())
            }
            None => {
                let reason = "deleted".to_owned();
                (self.shared.policy.clone(), Status::Disabled { reason })
            }
        }
    }

    /// Looks at the station.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.live.is_none() {
            return;
        }
        let arrived = self.station.look();
        let mut inputs = Vec::new();
        if !arrived.fresh.is_empty() {
            inputs.push(Input::Accepted(arrived.fresh));
        }
        if arrived.missed {
            inputs.push(Input::Missed);
        }
        let ended = arrived.ended.into_iter();
        inputs.extend(ended.map(|(delivery, report)| Input::Ended { delivery, report }));
        if arrived.drain {
            inputs.push(Input::Drain);
        }
        if arrived.changed {
            self.read_anew(ctx, arrived.probe_now);
        }
        if self.careful {
            for input in inputs {
                self.run(ctx, vec![input]);
            }
        } else {
            self.run(ctx, inputs);
        }
    }

    fn read_anew(&mut self, ctx: &mut Context<Self>, probe_now: bool) {
        let reading = self.shared.store.destination(self.id()).into_actor(self);
        ctx.spawn(reading.map(move |read, this, ctx| this.changed(ctx, read, probe_now)));
        if let Some(live) = &mut self.live {
            live.reading_anew = true;
        }
    }

    fn changed(&mut self, ctx: &mut Context<Self>, read: Read, probe_now: bool) {
        let Ok(destination) = self.found(read) else {
            ctx.run_later(READ_AGAIN, move |this, ctx| this.read_anew(ctx, probe_now));
            return;
        };
        let (policy, status) = self.terms(destination.as_deref());
        let Some(live) = &mut self.live else { return };
        live.reading_anew = false;
        let was_off = matches!(live.queue.status(), Status::Disabled { .. });
        let switched_on = was_off && status == Status::Active;
        let health = destination.as_ref().filter(|_| switched_on).map(|each| each.health.clone());
        live.destination = destination;
        self.run(ctx, vec![Input::Changed { policy, status, health, probe_now }]);
    }

    /// One step of the machine, carried out.
    fn run(&mut self, ctx: &mut Context<Self>, inputs: Vec<Input>) {
        let Some(live) = &mut self.live else { return };
        self.guard.holding(sole_delivery(&inputs));
        for input in &inputs {
            if let Input::Ended { delivery, .. } = input {
                self.shared.about_to_handle(*delivery);
            }
        }
        let now = self.shared.clock.now();
        let step = live.queue.step(now, self.shared.store.writable(), inputs);
        let destination = live.destination.clone();
        let idle = live.queue.is_idle() && !live.reading_anew;
        let many = live.queue.in_flight() > 1;
        for note in &step.notes {
            self.shared.witness.noted(self.station.id, now, note);
        }
        if let Some(destination) = &destination {
            for send in step.send {
                self.launch(destination, send, many);
            }
        }
        self.guard.holding(None);
        for waiting in step.claimed {
            self.station.set_flight(waiting, Stage::Claimed);
        }
        if !step.commit.is_empty() {
            self.commit(ctx, step.commit);
        }
        if let Some(load) = step.load {
            let reading = read(Arc::clone(&self.shared), self.id(), load);
            ctx.spawn(reading.into_actor(self).map(|loaded, this, ctx| {
                this.run(ctx, vec![loaded.map_or(Input::LoadFailed, Input::Loaded)]);
            }));
        }
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        self.timer = step.wake_in.map(|wait| {
            ctx.run_later(wait, |this, ctx| {
                this.timer = None;
                this.run(ctx, Vec::new());
            })
        });
        self.rest(ctx, idle, destination.is_none());
    }

    fn launch(&mut self, destination: &Arc<Configured>, send: Send, many: bool) {
        let id = send.waiting.id;
        self.guard.holding(Some(id));
        self.shared.about_to_handle(id);
        self.station.set_flight(send.waiting, Stage::OnWire);
        attempt::launch(&self.shared, &self.lane, &self.station, destination, send, many);
    }

    fn commit(&mut self, ctx: &mut Context<Self>, changes: Vec<Change>) {
        // What leaves the ledger once this is durable, and what does if it is refused.
        let mut done: Vec<DeliveryId> = Vec::new();
        let mut claims: Vec<DeliveryId> = Vec::new();
        for change in &changes {
            match change {
                Change::Unclaim { delivery } | Change::Settle { delivery, .. } => {
                    done.push(*delivery);
                }
                Change::Claim { delivery, .. } => claims.push(*delivery),
                Change::Health(_) | Change::SwitchOff { .. } => {}
            }
        }
        let writing = self.shared.store.apply(self.id(), changes).into_actor(self);
        ctx.spawn(writing.map(move |applied, this, ctx| match applied {
            Ok(applied) => {
                for id in done.iter().chain(&applied.lost) {
                    this.station.remove_flight(*id);
                }
                this.run(ctx, vec![Input::Committed { lost: applied.lost }]);
            }
            Err(error) => {
                tracing::warn!(integration = %this.id(), %error, "results wait to be written");
                for id in &claims {
                    this.station.remove_flight(*id);
                }
                this.run(ctx, vec![Input::Refused]);
            }
        }));
    }

    /// Goes to sleep after a while without work, and at once when the destination is deleted or the
    /// service stops.
    fn rest(&mut self, ctx: &mut Context<Self>, idle: bool, deleted: bool) {
        if !idle {
            self.idle_since = None;
            return;
        }
        self.idle_since.get_or_insert_with(|| self.shared.clock.now());
        if deleted || self.shared.is_draining() {
            self.sleep(ctx);
        } else if !self.bedtime {
            self.bedtime_in(ctx, limits::IDLE_BEFORE_SLEEP);
        }
    }

    /// Work comes and goes often: the look at how long there was none is not put off each time, but
    /// finds out for itself that it came too early.
    fn bedtime_in(&mut self, ctx: &mut Context<Self>, wait: Duration) {
        self.bedtime = true;
        ctx.run_later(wait, |this, ctx| {
            this.bedtime = false;
            let Some(since) = this.idle_since else { return };
            let left =
                limits::IDLE_BEFORE_SLEEP.saturating_sub(this.shared.clock.now().since(since));
            if left.is_zero() {
                this.sleep(ctx);
            } else {
                this.bedtime_in(ctx, left);
            }
        });
    }

    fn sleep(&mut self, ctx: &mut Context<Self>) {
        let idle = self.live.as_ref().is_none_or(|live| live.queue.is_idle() && !live.reading_anew);
        if idle && self.station.sleep(self.guard.generation()) {
            ctx.stop();
        }
    }
}

impl Actor for Destination {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.read_first(ctx);
        self.station.awake(self.guard.generation(), ctx.address());
    }
}

impl Handler<Nudge> for Destination {
    type Result = ();

    fn handle(&mut self, _: Nudge, ctx: &mut Context<Self>) {
        self.look(ctx);
    }
}

/// Reads a stretch of the queue, and with it the alerts that go out next.
async fn read(shared: Arc<Shared>, id: IntegrationId, load: Load) -> Result<Loaded, StoreError> {
    let loaded = shared.store.load(id, load.after, load.limit).await?;
    let now = shared.clock.now();
    let due = loaded.rows.iter().filter(|row| row.due_at <= now).map(|row| row.alert);
    let bodies = shared.board.bodies();
    let missing: Vec<AlertId> = due.filter(|alert| bodies.find(*alert).is_none()).collect();
    // An alert that could not be read now is read again when it is sent, and what fails is told there.
    for alert in shared.store.alerts(missing).await.unwrap_or_default() {
        bodies.keep(Arc::new(alert));
    }
    Ok(loaded)
}

/// The delivery that these inputs are about, if it is just one.
fn sole_delivery(inputs: &[Input]) -> Option<DeliveryId> {
    match inputs {
        [Input::Ended { delivery, .. }] => Some(*delivery),
        _ => None,
    }
}

/// A number that stays the same for the destination.
pub(super) fn jitter_key(id: IntegrationId) -> i64 {
    let (_, low) = id.0.as_u64_pair();
    low.cast_signed()
}
