//! Brings back actors that died. It keeps no actor's state: an actor is built anew from SQLite and its
//! station. actix's own supervisor does not survive a panic, so this one learns of a death by a guard
//! that the actor holds, and, should that fail, by looking.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt as _, Addr, AsyncContext, Context, Handler, Message, WrapFuture,
};

use super::destination::{Destination, jitter_key};
use super::shared::Shared;
use super::station::{Life, Station};
use crate::domain::id::{DeliveryId, IntegrationId};
use crate::domain::limits;
use crate::domain::restart::Restart;

/// "This destination has work and no actor."
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Wake(pub(super) IntegrationId);

/// "Start it now, though it is parked or waits for its next start."
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Revive(pub(super) IntegrationId);

/// "An incarnation is gone."
#[derive(Message)]
#[rtype(result = "()")]
struct Down {
    id: IntegrationId,
    generation: u64,
    /// The delivery that it was handling, where that is known.
    culprit: Option<DeliveryId>,
}

/// See the module.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
}

/// Held by an actor; tells the supervisor when the actor is gone, however it went.
pub(super) struct ExitGuard {
    id: IntegrationId,
    generation: u64,
    holding: Mutex<Option<DeliveryId>>,
    supervisor: Addr<Supervisor>,
}

impl ExitGuard {
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// The actor is handling this delivery; a death from now on is its doing.
    pub(super) fn holding(&self, delivery: Option<DeliveryId>) {
        *self.holding.lock().unwrap_or_else(PoisonError::into_inner) = delivery;
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        let culprit = self.holding.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.supervisor.do_send(Down { id: self.id, generation: self.generation, culprit });
    }
}

impl Supervisor {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn launch(&self, ctx: &Context<Self>, station: &Arc<Station>) {
        let Some(lane) = self.shared.lanes.get(station.lane).cloned() else { return };
        let generation = station.next_generation();
        let guard = ExitGuard {
            id: station.id,
            generation,
            holding: Mutex::new(None),
            supervisor: ctx.address(),
        };
        let careful = station.died_recently(self.shared.clock.now());
        let (shared, station) = (Arc::clone(&self.shared), Arc::clone(station));
        let arbiter = lane.arbiter.clone();
        Destination::start_in_arbiter(&arbiter, move |_| {
            Destination::new(shared, station, lane, guard, careful)
        });
    }

    /// Decides about a death and sees to the next start.
    fn mourn(&self, ctx: &mut Context<Self>, station: &Arc<Station>, generation: u64) {
        let now = self.shared.clock.now();
        let mut wait = Duration::ZERO;
        let mut parked_until = None;
        let present = station.died(generation, |deaths| {
            let restart = deaths.record(now, jitter_key(station.id));
            let (Restart::After(span) | Restart::Park(span)) = restart;
            let parked = matches!(restart, Restart::Park(_));
            wait = span;
            parked_until = parked.then(|| now.plus(span));
            Life::Down { until: now.plus(span), parked }
        });
        if !present {
            return;
        }
        self.shared.witness.died(station.id, now, parked_until);
        let station = Arc::clone(station);
        ctx.run_later(wait, move |this, ctx| {
            if station.is_down_in(generation) {
                this.launch(ctx, &station);
            }
        });
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        // Nobody sends more than one message for each station and cause.
        ctx.set_mailbox_capacity(1024);
        ctx.run_interval(limits::SWEEP, |this, ctx| {
            for station in this.shared.board.all() {
                if let Some(generation) = station.is_lost() {
                    this.mourn(ctx, &station, generation);
                }
            }
        });
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.shared.fatal)("the supervisor failed");
        }
    }
}

impl Handler<Wake> for Supervisor {
    type Result = ();

    fn handle(&mut self, Wake(id): Wake, ctx: &mut Context<Self>) {
        let station = self.shared.board.station(id);
        self.launch(ctx, &station);
    }
}

impl Handler<Revive> for Supervisor {
    type Result = ();

    fn handle(&mut self, Revive(id): Revive, ctx: &mut Context<Self>) {
        if let Some(station) = self.shared.board.find(id)
            && station.is_down()
        {
            self.launch(ctx, &station);
        }
    }
}

impl Handler<Down> for Supervisor {
    type Result = ();

    fn handle(&mut self, down: Down, ctx: &mut Context<Self>) {
        let Some(station) = self.shared.board.find(down.id) else { return };
        let Some(culprit) = down.culprit else {
            self.mourn(ctx, &station, down.generation);
            return;
        };
        let now = self.shared.clock.now();
        let counting = self.shared.store.record_crash(culprit, limits::CRASHES_A_DELIVERY, now);
        ctx.spawn(counting.into_actor(self).map(move |dead, this, ctx| {
            match dead {
                Ok(true) => {
                    station.remove_flight(culprit);
                    this.shared.witness.gave_up(station.id, culprit);
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a crash could not be counted"),
            }
            this.mourn(ctx, &station, down.generation);
        }));
    }
}
