//! The actors driver: the real engine on paused tokio time. Each life of the process is a system of its
//! own; the receivers play their parts on the same clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use actix::{Arbiter, System};
use tokio::time::{Instant, sleep, sleep_until};

use belfry::detect::Model;
use belfry::domain::delivery::Report;
use belfry::domain::id::{DeliveryId, IntegrationId};
use belfry::domain::queue::Note;
use belfry::domain::secret::{Sealed, Secret};
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{
    AfterAccept, Attempt, Clock, Edit, FreshDelivery, LocalPromise, Purpose, Sealer, Sender, Shown,
    VaultError,
};
use belfry::engine::{
    Board, ConfiguredPhrases, Engine, Judgement, Lane, Operation, Parts, Witness,
};

use crate::disk::Medium;
use crate::faulty::{Faulty, SCRIPTED};
use crate::invariants::Moment;
use crate::lang::{Deed, Scenario};
use crate::scene::{BASE, DASHBOARD, Scene};

/// A story without `until` must come to its end within this time after its last deed.
const PATIENCE_MS: u64 = 120 * 3_600_000;

/// Tells a story; the error says what does not hold.
pub(crate) fn tell(scenario: &Scenario, medium: Medium) -> Result<(String, f64), String> {
    keep_scripted_panics_quiet();
    let scene = Scene::new(scenario.clone(), medium, BASE);
    let world = World {
        scene: Arc::new(Mutex::new(scene)),
        until: scenario.until,
        last_deed_ms: scenario.deeds.last().map_or(0, |(at, _)| *at),
    };
    let mut deeds: VecDeque<(u64, Deed)> = scenario.deeds.iter().cloned().collect();
    world.live(&mut deeds)?;
    while let Some((at, deed)) = deeds.pop_front() {
        let mut scene = world.lock();
        scene.elapsed_ms = at;
        match deed {
            Deed::Start => {
                scene.us("start", "", "");
                drop(scene);
                world.live(&mut deeds)?;
            }
            deed if scene.world_deed(&deed) => {}
            Deed::Crash | Deed::Stop => {}
            _ => scene.us("unheard", "", ""),
        }
    }
    let mut scene = world.lock();
    let text = scene.finish()?;
    Ok((text, scene.elapsed_ms as f64 / 3.6e6))
}

struct World {
    scene: Arc<Mutex<Scene>>,
    until: Option<u64>,
    last_deed_ms: u64,
}

fn lock(scene: &Mutex<Scene>) -> MutexGuard<'_, Scene> {
    scene.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    fn lock(&self) -> MutexGuard<'_, Scene> {
        lock(&self.scene)
    }

    /// One life of the process: until it crashes, is stopped, or the story is over.
    fn live(&self, deeds: &mut VecDeque<(u64, Deed)>) -> Result<(), String> {
        let born_ms = self.lock().elapsed_ms;
        let system = System::with_tokio_rt(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap()
        });
        let ended = system.block_on(async {
            let now = Now { scene: Arc::clone(&self.scene), born: Instant::now(), born_ms };
            Life::begin(self, now).await?.play(deeds).await
        });
        // Whatever was under way dies with its runtime.
        drop(system);
        let gone = ended?;
        if gone {
            self.lock().vanish();
        }
        Ok(())
    }
}

/// The scene at the present moment of tokio's clock.
#[derive(Clone)]
struct Now {
    scene: Arc<Mutex<Scene>>,
    born: Instant,
    born_ms: u64,
}

impl Now {
    fn scene(&self) -> MutexGuard<'_, Scene> {
        let mut scene = lock(&self.scene);
        scene.elapsed_ms = self.born_ms + millis(self.born.elapsed());
        scene
    }
}

impl Clock for Now {
    fn now(&self) -> Timestamp {
        self.scene().wall()
    }
}

struct Life<'a> {
    world: &'a World,
    now: Now,
    /// Absent where the start failed.
    engine: Option<Engine>,
    fresh: Arc<Mutex<Vec<bool>>>,
}

impl<'a> Life<'a> {
    async fn begin(world: &'a World, now: Now) -> Result<Self, String> {
        let board = Board::new(1);
        let fresh = Arc::new(Mutex::new(Vec::new()));
        let (store, policy) = {
            let mut scene = now.scene();
            scene.tell_interrupted();
            scene
                .told
                .tell(Some(Arc::new(Telling { now: now.clone(), board: Arc::clone(&board) })));
            let faulty = Faulty {
                store: scene.disk.store(),
                faults: Arc::clone(&scene.faults),
                latency: scene.scenario.latency,
                fresh: Arc::clone(&fresh),
            };
            (Arc::new(faulty), scene.scenario.policy.clone())
        };
        let receivers =
            Receivers { now: now.clone(), on_wire: Arc::default(), policy: policy.policy.clone() };
        let parts = Parts {
            store,
            clock: Arc::new(now.clone()),
            sealer: Arc::new(NoSealer),
            witness: Arc::new(Teller(now.clone())),
            board,
            lanes: vec![Lane { arbiter: Arbiter::current(), sender: Arc::new(receivers) }],
            policy: policy.policy,
            attempt_timeout: Duration::from_millis(policy.timeout_ms),
            max_in_flight_total: 256,
            dashboard_url: DASHBOARD.to_owned(),
            classifying: None,
            phrases: ConfiguredPhrases::none(Model::built_in().expect("its data are whole")),
            fatal: Arc::new(|why| panic!("the process ends: {why}")),
        };
        let engine = match Engine::start(parts).await {
            Ok(engine) => Some(engine),
            Err(_) => {
                now.scene().us("start", "failed", "");
                None
            }
        };
        Ok(Self { world, now, engine, fresh })
    }

    /// Does the deeds of this life. Returns whether the process is gone; if not, the story is over.
    async fn play(self, deeds: &mut VecDeque<(u64, Deed)>) -> Result<bool, String> {
        let Some(engine) = &self.engine else { return Ok(true) };
        self.settle().await;
        while let Some((at, deed)) = deeds.pop_front() {
            sleep_until(self.now.born + Duration::from_millis(at - self.now.born_ms)).await;
            self.settle().await;
            match deed {
                Deed::Crash => {
                    self.now.scene().us("crash", "", "");
                    return Ok(true);
                }
                Deed::Stop => {
                    self.now.scene().us("stop", "", "");
                    engine.drain().await;
                    return Ok(true);
                }
                deed => self.deed(engine, deed).await,
            }
            self.settle().await;
            self.audit()?;
        }
        self.wait_for_the_end(engine).await.map(|()| false)
    }

    /// Lets everybody do what there is to do at this moment.
    async fn settle(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    fn audit(&self) -> Result<(), String> {
        let mut scene = self.now.scene();
        let Scene { checker, disk, faults, elapsed_ms, .. } = &mut *scene;
        checker.audit(faults.commits(), *elapsed_ms, disk.as_ref());
        match checker.broken() {
            Some(broken) => Err(format!("at {elapsed_ms}ms: {broken}")),
            None => Ok(()),
        }
    }

    async fn wait_for_the_end(&self, engine: &Engine) -> Result<(), String> {
        if let Some(until) = self.world.until {
            sleep_until(self.now.born + Duration::from_millis(until - self.now.born_ms)).await;
            return self.audit();
        }
        let mut pause = Duration::from_secs(1);
        loop {
            self.audit()?;
            if self.is_over(engine)? {
                return Ok(());
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_mins(10));
        }
    }

    fn is_over(&self, engine: &Engine) -> Result<bool, String> {
        let scene = self.now.scene();
        let quiet = scene.ids.iter().all(|id| engine.in_flight(*id) == 0);
        if scene.elapsed_ms > self.world.last_deed_ms + PATIENCE_MS {
            return Err("it does not come to its end".to_owned());
        }
        Ok(quiet && scene.is_settled())
    }

    async fn deed(&self, engine: &Engine, deed: Deed) {
        if self.now.scene().world_deed(&deed) {
            return;
        }
        let (ids, by) = {
            let scene = self.now.scene();
            (scene.ids.clone(), scene.by.clone())
        };
        match deed {
            Deed::Accept { alerts, dests } => self.accept(engine, &alerts, &dests).await,
            Deed::SetStatus { dest, word } => {
                let (status, shown) = Scene::status_of(word);
                let edit = Edit::SetStatus { id: ids[dest], status };
                self.change(engine, dest, edit, ("status", shown)).await;
            }
            Deed::Edit { dest, to } => {
                let integration = self.now.scene().integration(&to, ids[dest]);
                let edit = Edit::ReplaceIntegration { integration, seals: None, expected: None };
                self.change(engine, dest, edit, ("settings", "changed")).await;
            }
            Deed::Delete { dest } => {
                let edit = Edit::DeleteIntegration { id: ids[dest], expected: None };
                self.change(engine, dest, edit, ("status", "deleted")).await;
            }
            Deed::Retry { alert, dest } => {
                let Some(id) = self.delivery(&alert, dest) else { return };
                let done = engine.act(ids[dest], Operation::Retry(id), by).await;
                self.now.scene().answered_us(dest, (&alert, "retry"), &done);
            }
            Deed::Discard { alert, dest } => {
                let Some(id) = self.delivery(&alert, dest) else { return };
                let done = engine.act(ids[dest], Operation::Discard(id), by).await;
                self.now.scene().answered_us(dest, (&alert, "discard"), &done);
            }
            Deed::RetryDead { dest } => {
                self.now.scene().acted_on_all(dest);
                let done = engine.act(ids[dest], Operation::RetryDead, by).await;
                self.now.scene().answered_us(dest, ("dead ones", "retry"), &done);
            }
            Deed::Panic { dest } => {
                self.now.scene().faults.doom(ids[dest]);
                engine.resync(ids[dest]);
            }
            Deed::Crash
            | Deed::Stop
            | Deed::Start
            | Deed::Poison { .. }
            | Deed::Cure { .. }
            | Deed::Clock { .. }
            | Deed::DiskFull
            | Deed::DiskOk
            | Deed::Policy(_) => {}
        }
    }

    fn delivery(&self, alert: &str, dest: usize) -> Option<DeliveryId> {
        let mut scene = self.now.scene();
        let id = scene.book.delivery(alert, dest)?;
        let elapsed = scene.elapsed_ms;
        scene.checker.acted(id, elapsed);
        Some(id)
    }

    async fn change(&self, engine: &Engine, dest: usize, edit: Edit, what: (&str, &str)) {
        let by = self.now.scene().by.clone();
        let changed = engine.change(edit, by).await;
        let mut scene = self.now.scene();
        let (id, elapsed) = (scene.ids[dest], scene.elapsed_ms);
        scene.checker.touched(id, elapsed);
        scene.answered_us(dest, what, &changed);
    }

    async fn accept(&self, engine: &Engine, alerts: &[String], dests: &[usize]) {
        let records = self.now.scene().records(alerts, dests);
        let accepted = engine.accept(Judgement::given(records)).await;
        let fresh = std::mem::take(&mut *self.fresh.lock().unwrap_or_else(PoisonError::into_inner));
        self.now.scene().accepted(alerts, accepted.map(|_| fresh));
    }
}

/// Names new deliveries before anybody hears of them.
struct Telling {
    now: Now,
    board: Arc<Board>,
}

impl AfterAccept for Telling {
    fn accepted(&self, fresh: Vec<FreshDelivery>) {
        for each in &fresh {
            let mut scene = self.now.scene();
            scene.book.learn(each.waiting.id, &each.alert.record_id, each.integration);
        }
        self.board.accepted(fresh);
    }
}

/// Writes the story down, and makes actors die where it says so.
struct Teller(Now);

impl Witness for Teller {
    fn noted(&self, integration: IntegrationId, at: Timestamp, note: &Note) {
        let mut scene = self.0.scene();
        scene.noted(integration, at, note);
    }

    fn died(&self, integration: IntegrationId, at: Timestamp, parked_until: Option<Timestamp>) {
        let mut scene = self.0.scene();
        let elapsed = scene.elapsed_ms;
        scene.checker.actor_gone(integration);
        scene.book.died(elapsed, at, integration, parked_until);
    }

    fn about_to_handle(&self, delivery: DeliveryId) {
        let poisoned = self.0.scene().is_poisoned(delivery);
        if poisoned {
            std::panic::panic_any(SCRIPTED);
        }
    }
}

/// The scripted receivers, as the engine's sender reaches them.
struct Receivers {
    now: Now,
    on_wire: Arc<Mutex<BTreeMap<IntegrationId, usize>>>,
    policy: belfry::domain::integration::Policy,
}

impl Sender for Receivers {
    fn send(&self, attempt: Attempt) -> LocalPromise<Report> {
        let now = self.now.clone();
        let on_wire = Arc::clone(&self.on_wire);
        let id = attempt.destination.integration.id;
        let own = &attempt.destination.integration.delivery;
        let policy = self.policy.for_integration(own);
        Box::pin(async move {
            let delivery = attempt.delivery.expect("no scenario sends test alerts");
            let before = {
                let mut counts = on_wire.lock().unwrap_or_else(PoisonError::into_inner);
                let count = counts.entry(id).or_default();
                *count += 1;
                *count - 1
            };
            let plan = {
                let mut scene = now.scene();
                let row = scene.disk.row(delivery);
                let circuit_open = scene.circuit_open(id);
                let moment = Moment {
                    elapsed_ms: scene.elapsed_ms,
                    wall: scene.wall(),
                    integration: id,
                    policy: &policy,
                    status: &attempt.destination.status,
                    on_wire: before,
                    circuit_open,
                    writable: true,
                };
                let Scene { checker, disk, .. } = &mut *scene;
                checker.sending(row.as_ref(), attempt.number, &moment, disk.as_ref());
                scene.request(id, attempt.number, &attempt.alert)
            };
            if plan.took_ms > 0 {
                sleep(Duration::from_millis(plan.took_ms)).await;
            }
            if let Some(count) = on_wire.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&id)
            {
                *count -= 1;
            }
            Scene::report(&plan, attempt.started_at)
        })
    }

    fn shown(&self, _: &Attempt) -> Shown {
        Shown {
            method: "POST",
            to: String::new(),
            headers: Vec::new(),
            body: String::new(),
            html: None,
        }
    }
}

/// No scenario seals or opens anything on the way.
struct NoSealer;

impl Sealer for NoSealer {
    fn seal(&self, _: Purpose, _: uuid::Uuid, _: &Secret) -> Result<Sealed, VaultError> {
        Err(VaultError::Unreadable)
    }

    fn open(&self, _: Purpose, _: uuid::Uuid, _: &Sealed) -> Result<Secret, VaultError> {
        Err(VaultError::Unreadable)
    }

    fn fingerprint(&self, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}

/// What a scenario asks for needs no stack trace; every other panic does.
fn keep_scripted_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>() != Some(&SCRIPTED) {
                before(info);
            }
        }));
    });
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
