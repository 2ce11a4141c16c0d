//! What stands around each machine of the model driver: the same as the engine's station, actor and
//! supervisor do, without actors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use belfry::domain::delivery::{Report, Waiting};
use belfry::domain::id::{DeliveryId, IntegrationId};
use belfry::domain::integration::{Policy, Status};
use belfry::domain::limits;
use belfry::domain::queue::{Change, Flight, Input, Loaded, Queue, Restore, Send, Stage};
use belfry::domain::restart::{Deaths, Restart};
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{Applied, Destination, StoreError};

use crate::invariants::Moment;
use crate::model::{World, jitter_key};
use crate::scene::{Scene, now};

/// As the engine has it.
const READ_AGAIN_MS: u64 = 1000;

/// What leaves the ledger once a commit is known: all that is done, or the claims, where it was refused.
#[derive(Default)]
pub(crate) struct Written {
    done: Vec<DeliveryId>,
    claims: Vec<DeliveryId>,
}

/// Something to do for a destination.
pub(crate) enum Work {
    Launch(IntegrationId),
    /// Look at what arrived.
    Look(IntegrationId),
    /// An incarnation reads its destination for the first time.
    Restore(IntegrationId, u64),
    /// It could not be read, and is read again.
    Reread(IntegrationId, u64),
    /// The destination was read anew.
    Read(IntegrationId, u64, Box<Result<Destination, StoreError>>, bool),
    /// The store carries out a commit now.
    Apply(IntegrationId, u64, Vec<Change>),
    Applied(IntegrationId, u64, Written, Result<Applied, StoreError>),
    Loaded(IntegrationId, u64, Result<Loaded, StoreError>),
    Ended(IntegrationId, DeliveryId, Report),
    Timer(IntegrationId, u64, u64),
    Bedtime(IntegrationId, u64, u64),
    /// An incarnation is gone, and what it was handling is counted.
    Down(IntegrationId, u64, Option<DeliveryId>),
    Relaunch(IntegrationId, u64),
}

/// Whether there is an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Being {
    Asleep,
    Waking,
    Awake,
    Down,
}

/// What belongs to a destination and outlives its actor.
pub(crate) struct Station {
    being: Being,
    /// The actor is dead, and nobody knows yet.
    dying: bool,
    generation: u64,
    deaths: Deaths,
    pub(crate) arrived: Arrived,
    nudged: bool,
    flights: BTreeMap<DeliveryId, Flight>,
    /// The actor.
    live: Option<Live>,
    careful: bool,
    holding: Option<DeliveryId>,
    timer: u64,
    bedtime: Option<u64>,
}

struct Live {
    queue: Queue,
    destination: Option<Arc<Destination>>,
    policy: Policy,
    reading_anew: bool,
}

/// What arrived since the actor last looked.
#[derive(Default)]
pub(crate) struct Arrived {
    pub(crate) fresh: Vec<Waiting>,
    pub(crate) missed: bool,
    pub(crate) ended: Vec<(DeliveryId, Report)>,
    pub(crate) changed: bool,
    pub(crate) probe_now: bool,
    pub(crate) drain: bool,
}

impl Arrived {
    fn is_empty(&self) -> bool {
        let Self { fresh, missed, ended, changed, probe_now, drain } = self;
        fresh.is_empty() && ended.is_empty() && !missed && !changed && !probe_now && !drain
    }
}

impl Station {
    fn new() -> Self {
        Self {
            being: Being::Asleep,
            dying: false,
            generation: 0,
            deaths: Deaths::default(),
            arrived: Arrived::default(),
            nudged: false,
            flights: BTreeMap::new(),
            live: None,
            careful: false,
            holding: None,
            timer: 0,
            bedtime: None,
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self.being, Being::Asleep | Being::Down)
    }

    /// Whether nothing is under way that would change a row or the story.
    pub(crate) fn is_settled(&self) -> bool {
        self.flights.is_empty()
            && self.arrived.is_empty()
            && self.live.as_ref().is_none_or(|live| live.queue.is_idle() && !live.reading_anew)
            && self.being != Being::Waking
    }

    fn on_wire(&self) -> usize {
        self.flights.values().filter(|each| matches!(each.stage, Stage::OnWire)).count()
    }
}

impl World {
    fn station(&mut self, id: IntegrationId) -> Option<&mut Station> {
        let life = self.life.as_mut()?;
        Some(life.stations.entry(id).or_insert_with(Station::new))
    }

    /// The incarnation of that number, if it is the present one and alive.
    fn incarnation(&mut self, id: IntegrationId, generation: u64) -> Option<&mut Station> {
        self.station(id).filter(|station| {
            station.generation == generation
                && !station.dying
                && matches!(station.being, Being::Awake | Being::Waking)
        })
    }

    /// Something arrives for an actor.
    pub(crate) fn arrive(&mut self, id: IntegrationId, put: impl FnOnce(&mut Arrived)) {
        let Some(station) = self.station(id) else { return };
        put(&mut station.arrived);
        match station.being {
            Being::Awake => {
                if !std::mem::replace(&mut station.nudged, true) {
                    self.work.push_back(Work::Look(id));
                }
            }
            Being::Waking | Being::Down => {}
            Being::Asleep => {
                station.being = Being::Waking;
                self.work.push_back(Work::Launch(id));
            }
        }
    }

    pub(crate) fn revive(&mut self, id: IntegrationId) {
        if self.station(id).is_some_and(|station| station.being == Being::Down) {
            self.work.push_back(Work::Launch(id));
        }
    }

    /// What comes due at a moment: attempts that end are all told before anybody looks.
    pub(crate) fn begin_work(&mut self, work: Work) {
        if let Work::Ended(id, delivery, report) = work {
            let Some(station) = self.station(id) else { return };
            if let Some(flight) = station.flights.get_mut(&delivery) {
                flight.stage = Stage::Ended(Box::new(report.clone()));
                self.arrive(id, |arrived| arrived.ended.push((delivery, report)));
            }
        } else {
            self.work.push_back(work);
        }
    }

    pub(crate) fn do_work(&mut self, work: Work) {
        match work {
            Work::Launch(id) => self.launch(id),
            Work::Look(id) => self.look(id),
            Work::Restore(id, generation) => self.restore(id, generation),
            Work::Reread(id, generation) => {
                if self.incarnation(id, generation).is_some() {
                    self.read_first(id, generation);
                }
            }
            Work::Read(id, generation, read, probe_now) => {
                self.changed(id, generation, *read, probe_now);
            }
            Work::Apply(id, generation, changes) => self.apply(id, generation, changes),
            Work::Applied(id, generation, written, applied) => {
                self.applied(id, generation, &written, applied);
            }
            Work::Loaded(id, generation, loaded) => {
                let input = loaded.map_or(Input::LoadFailed, Input::Loaded);
                if self.incarnation(id, generation).is_some() {
                    self.run_machine(id, vec![input]);
                }
            }
            Work::Ended(..) => self.begin_work(work),
            Work::Timer(id, generation, timer) => {
                let due = self.incarnation(id, generation).is_some_and(|s| s.timer == timer);
                if due {
                    self.run_machine(id, Vec::new());
                }
            }
            Work::Bedtime(id, generation, bedtime) => {
                let station = self.incarnation(id, generation);
                if let Some(station) = station.filter(|s| s.bedtime == Some(bedtime)) {
                    station.bedtime = None;
                    self.sleep(id);
                }
            }
            Work::Down(id, generation, culprit) => self.down(id, generation, culprit),
            Work::Relaunch(id, generation) => {
                let station = self.station(id);
                if station.is_some_and(|s| s.generation == generation && s.being == Being::Down) {
                    self.launch(id);
                }
            }
        }
    }

    fn launch(&mut self, id: IntegrationId) {
        let wall = self.scene.wall();
        let Some(station) = self.station(id) else { return };
        station.generation += 1;
        station.being = Being::Awake;
        station.dying = false;
        station.careful = station.deaths.are_recent(wall);
        station.live = None;
        station.holding = None;
        station.timer += 1;
        station.bedtime = None;
        let generation = station.generation;
        self.read_first(id, generation);
    }

    fn read_first(&mut self, id: IntegrationId, generation: u64) {
        let latency = self.scene.scenario.latency;
        // What the incarnation before handed to the store is through when this commit is.
        if latency.commit_ms + latency.told_ms == 0 {
            self.work.push_back(Work::Restore(id, generation));
        } else {
            self.after(latency.commit_ms + latency.told_ms, Work::Restore(id, generation));
        }
    }

    fn restore(&mut self, id: IntegrationId, generation: u64) {
        if self.incarnation(id, generation).is_none() {
            return;
        }
        if now(self.store.apply(id, Vec::new())).is_err() {
            return self.after(READ_AGAIN_MS, Work::Reread(id, generation));
        }
        if self.scene.faults.take_doom(id) {
            return self.die(id, None);
        }
        let destination = found(now(self.store.destination(id))).expect("it can be read");
        let (policy, status) = self.terms(destination.as_deref());
        let health = destination.as_ref().map(|each| each.health.clone()).unwrap_or_default();
        let Some(life) = self.life.as_mut() else { return };
        let start_at = life.herd.remove(&id).unwrap_or(Timestamp::from_millis(i64::MIN));
        let Some(station) = self.station(id) else { return };
        let mut arrived = std::mem::take(&mut station.arrived);
        station.nudged = false;
        arrived.ended.clear();
        let mut flights: Vec<Flight> = station.flights.values().cloned().collect();
        for flight in &mut flights {
            if let Stage::Ended(report) = &flight.stage {
                arrived.ended.push((flight.waiting.id, Report::clone(report)));
                flight.stage = Stage::OnWire;
            }
        }
        let queue = Queue::new(Restore {
            policy: policy.clone(),
            status,
            health,
            jitter_key: jitter_key(id),
            start_at,
            flights,
        });
        station.live = Some(Live { queue, destination, policy, reading_anew: false });
        self.run_machine(id, if arrived.drain { vec![Input::Drain] } else { Vec::new() });
        for (delivery, report) in arrived.ended {
            self.run_machine(id, vec![Input::Ended { delivery, report }]);
        }
        if arrived.changed {
            self.read_anew(id, arrived.probe_now);
        }
    }

    fn terms(&self, destination: Option<&Destination>) -> (Policy, Status) {
        let service = &self.life.as_ref().expect("a process").policy.policy;
        match destination {
            Some(each) => {
                (service.for_integration(&each.integration.delivery), each.status.clone())
            }
            None => (service.clone(), Status::Disabled { reason: "deleted".to_owned() }),
        }
    }

    fn look(&mut self, id: IntegrationId) {
        let Some(station) = self.station(id) else { return };
        if station.live.is_none() {
            return;
        }
        station.nudged = false;
        let arrived = std::mem::take(&mut station.arrived);
        let careful = station.careful;
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
            self.read_anew(id, arrived.probe_now);
        }
        if careful {
            for input in inputs {
                self.run_machine(id, vec![input]);
            }
        } else {
            self.run_machine(id, inputs);
        }
    }

    fn read_anew(&mut self, id: IntegrationId, probe_now: bool) {
        if self.scene.faults.take_doom(id) {
            return self.die(id, None);
        }
        let read = now(self.store.destination(id));
        let Some(station) = self.station(id) else { return };
        let generation = station.generation;
        if let Some(live) = &mut station.live {
            live.reading_anew = true;
            self.work.push_back(Work::Read(id, generation, Box::new(read), probe_now));
        }
    }

    fn changed(
        &mut self,
        id: IntegrationId,
        generation: u64,
        read: Result<Destination, StoreError>,
        probe_now: bool,
    ) {
        if self.incarnation(id, generation).is_none() {
            return;
        }
        let destination = found(read).expect("it can be read");
        let (policy, status) = self.terms(destination.as_deref());
        let Some(live) = self.station(id).and_then(|station| station.live.as_mut()) else { return };
        live.reading_anew = false;
        let was_off = matches!(live.queue.status(), Status::Disabled { .. });
        let switched_on = was_off && status == Status::Active;
        let health = destination.as_ref().filter(|_| switched_on).map(|each| each.health.clone());
        live.destination = destination;
        live.policy = policy.clone();
        self.run_machine(id, vec![Input::Changed { policy, status, health, probe_now }]);
    }

    /// One step of the machine, carried out.
    fn run_machine(&mut self, id: IntegrationId, inputs: Vec<Input>) {
        let wall = self.scene.wall();
        let writable = self.scene.faults.writable();
        let handled: Vec<DeliveryId> = inputs.iter().filter_map(ended).collect();
        let Some(station) = self.station(id).filter(|station| station.live.is_some()) else {
            return;
        };
        station.holding = match inputs.as_slice() {
            [Input::Ended { delivery, .. }] => Some(*delivery),
            _ => None,
        };
        if let Some(poison) = handled.into_iter().find(|each| self.scene.is_poisoned(*each)) {
            let holding = self.station(id).and_then(|station| station.holding);
            debug_assert!(holding.is_none_or(|holding| holding == poison));
            return self.die(id, holding);
        }
        let Some(station) = self.station(id) else { return };
        let Some(live) = station.live.as_mut() else { return };
        let step = live.queue.step(wall, writable, inputs);
        let destination = live.destination.clone();
        let idle = live.queue.is_idle() && !live.reading_anew;
        let policy = live.policy.clone();
        let open = live.queue.health().circuit.is_open();
        for note in &step.notes {
            self.scene.noted(id, wall, note);
        }
        if let Some(destination) = &destination {
            for send in step.send {
                self.station(id).expect("it is there").holding = Some(send.waiting.id);
                if self.scene.is_poisoned(send.waiting.id) {
                    return self.die(id, Some(send.waiting.id));
                }
                self.check_send(id, &send, &policy, &destination.status, open);
                self.send(id, send);
            }
        }
        let disk = self.scene.disk.as_ref();
        self.scene.checker.deciding(&step.commit, wall, &policy, disk);
        let Some(station) = self.station(id) else { return };
        station.holding = None;
        let generation = station.generation;
        for waiting in step.claimed {
            let flight = Flight { waiting, stage: Stage::Claimed };
            station.flights.insert(waiting.id, flight);
        }
        station.timer += 1;
        let timer = station.timer;
        if !step.commit.is_empty() {
            let commit_ms = self.scene.scenario.latency.commit_ms;
            let work = Work::Apply(id, generation, step.commit);
            if commit_ms == 0 { self.do_work(work) } else { self.after(commit_ms, work) }
        }
        if let Some(load) = step.load {
            let loaded = now(self.store.load(id, load.after, load.limit));
            self.answer(self.scene.scenario.latency.load_ms, Work::Loaded(id, generation, loaded));
        }
        if let Some(wait) = step.wake_in {
            self.after(millis(wait), Work::Timer(id, generation, timer));
        }
        self.rest(id, idle, destination.is_none());
    }

    /// At once, but after what is being done; or later.
    fn answer(&mut self, ms: u64, work: Work) {
        if ms == 0 { self.work.push_back(work) } else { self.after(ms, work) }
    }

    fn check_send(
        &mut self,
        id: IntegrationId,
        send: &Send,
        policy: &Policy,
        status: &Status,
        circuit_open: bool,
    ) {
        let on_wire = self.station(id).map_or(0, |station| station.on_wire());
        let writable = self.scene.faults.writable();
        let row = self.scene.disk.row(send.waiting.id);
        let moment = Moment {
            elapsed_ms: self.scene.elapsed_ms,
            wall: self.scene.wall(),
            integration: id,
            policy,
            status,
            on_wire,
            circuit_open,
            writable,
        };
        self.scene.checker.sending(row.as_ref(), send.attempt, &moment, self.scene.disk.as_ref());
    }

    fn send(&mut self, id: IntegrationId, send: Send) {
        let wall = self.scene.wall();
        let Some(station) = self.station(id) else { return };
        let flight = Flight { waiting: send.waiting, stage: Stage::OnWire };
        station.flights.insert(send.waiting.id, flight);
        let alert = now(self.store.alert(send.waiting.alert)).expect("an alert").expect("its body");
        let plan = self.scene.request(id, send.attempt, &alert);
        let report = Scene::report(&plan, wall);
        self.after(plan.took_ms, Work::Ended(id, send.waiting.id, report));
    }

    fn apply(&mut self, id: IntegrationId, generation: u64, changes: Vec<Change>) {
        let mut written = Written::default();
        for change in &changes {
            match change {
                Change::Unclaim { delivery } | Change::Settle { delivery, .. } => {
                    written.done.push(*delivery);
                }
                Change::Claim { delivery, .. } => written.claims.push(*delivery),
                Change::Health(_) | Change::SwitchOff { .. } => {}
            }
        }
        let applied = now(self.store.apply(id, changes));
        let told_ms = self.scene.scenario.latency.told_ms;
        self.answer(told_ms, Work::Applied(id, generation, written, applied));
    }

    fn applied(
        &mut self,
        id: IntegrationId,
        generation: u64,
        written: &Written,
        applied: Result<Applied, StoreError>,
    ) {
        let Some(station) = self.incarnation(id, generation) else { return };
        let input = match applied {
            Ok(applied) => {
                for gone in written.done.iter().chain(&applied.lost) {
                    station.flights.remove(gone);
                }
                Input::Committed { lost: applied.lost }
            }
            Err(_) => {
                for refused in &written.claims {
                    station.flights.remove(refused);
                }
                Input::Refused
            }
        };
        self.run_machine(id, vec![input]);
    }

    fn rest(&mut self, id: IntegrationId, idle: bool, deleted: bool) {
        let draining = self.life.as_ref().is_some_and(|life| life.draining);
        let Some(station) = self.station(id) else { return };
        if !idle {
            station.bedtime = None;
        } else if deleted || draining {
            self.sleep(id);
        } else if station.bedtime.is_none() {
            let bedtime = station.timer;
            station.bedtime = Some(bedtime);
            let generation = station.generation;
            let work = Work::Bedtime(id, generation, bedtime);
            self.after(millis(limits::IDLE_BEFORE_SLEEP), work);
        }
    }

    fn sleep(&mut self, id: IntegrationId) {
        let Some(station) = self.station(id) else { return };
        let idle = station.live.as_ref().is_none_or(|l| l.queue.is_idle() && !l.reading_anew);
        let nothing = station.arrived.is_empty() && station.flights.is_empty();
        if idle && nothing && station.being == Being::Awake {
            station.being = Being::Asleep;
            station.live = None;
            self.scene.checker.actor_gone(id);
        }
    }

    /// The actor dies here and now; what it was carrying out is lost.
    fn die(&mut self, id: IntegrationId, culprit: Option<DeliveryId>) {
        let latency = self.scene.scenario.latency;
        let Some(station) = self.station(id) else { return };
        let generation = station.generation;
        station.dying = true;
        station.live = None;
        station.timer += 1;
        station.bedtime = None;
        self.scene.checker.actor_gone(id);
        let work = Work::Down(id, generation, culprit);
        let counting = if culprit.is_some() { latency.commit_ms + latency.told_ms } else { 0 };
        self.answer(counting, work);
    }

    fn down(&mut self, id: IntegrationId, generation: u64, culprit: Option<DeliveryId>) {
        let wall = self.scene.wall();
        if let Some(culprit) = culprit {
            let limit = limits::CRASHES_A_DELIVERY;
            let dead = now(self.store.record_crash(culprit, limit, wall));
            if dead == Ok(true)
                && let Some(station) = self.station(id)
            {
                station.flights.remove(&culprit);
            }
        }
        let Some(station) = self.station(id) else { return };
        if station.generation != generation || station.being == Being::Down {
            return;
        }
        let restart = station.deaths.record(wall, jitter_key(id));
        station.being = Being::Down;
        let (Restart::After(span) | Restart::Park(span)) = restart;
        let parked_until = matches!(restart, Restart::Park(_)).then(|| wall.plus(span));
        self.scene.book.died(self.scene.elapsed_ms, wall, id, parked_until);
        self.after(millis(span), Work::Relaunch(id, generation));
    }
}

/// The destination as it was read; `None` where it was deleted.
fn found(read: Result<Destination, StoreError>) -> Result<Option<Arc<Destination>>, StoreError> {
    match read {
        Ok(destination) => Ok(Some(Arc::new(destination))),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn ended(input: &Input) -> Option<DeliveryId> {
    match input {
        Input::Ended { delivery, .. } => Some(*delivery),
        Input::Accepted(_)
        | Input::Missed
        | Input::Loaded(_)
        | Input::LoadFailed
        | Input::Committed { .. }
        | Input::Refused
        | Input::Changed { .. }
        | Input::Drain => None,
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
