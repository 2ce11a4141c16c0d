//! The model driver: the machine of the domain in a world of its own. It does what the engine's actors
//! do, one thing after another on a virtual clock, over any store that answers at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belfry::domain::alert::{Aside, Origin};
use belfry::domain::automation::Automation;
use belfry::domain::delivery::{DiscardReason, NewDelivery, Waiting};
use belfry::domain::id::IntegrationId;
use belfry::domain::integration::{Ordering, Status};
use belfry::domain::limits;
use belfry::domain::restart::herd_delay;
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{Act, AfterAccept, Edit, FreshDelivery, NewAlert, Store, StoreError};

use crate::disk::Medium;
use crate::faults::Side;
use crate::lang::{Deed, Scenario, ServicePolicy, StatusWord};
use crate::scene::{BASE, Scene, now};
use crate::shell::{Station, Work};

/// How a story is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling {
    pub(crate) medium: Medium,
    pub(crate) base: Timestamp,
    /// The process dies before or after this commit, counted from 1.
    pub(crate) crash: Option<(usize, Side)>,
    /// Everything is accepted twice.
    pub(crate) twice: bool,
    /// Once the deeds are done, it must come to its end within this time.
    pub(crate) patience_ms: u64,
}

impl Telling {
    pub(crate) fn over(medium: Medium) -> Self {
        Self { medium, base: BASE, crash: None, twice: false, patience_ms: 500 * 3_600_000 }
    }
}

/// What a story came to.
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) hours: f64,
    pub(crate) commits: usize,
    pub(crate) scene: Scene,
}

/// Tells a story; the error says what does not hold.
pub(crate) fn tell(scenario: &Scenario, telling: Telling) -> Result<Told, String> {
    let mut world = World::new(scenario.clone(), telling);
    world.run()?;
    let text = world.scene.finish()?;
    let hours = world.scene.elapsed_ms as f64 / 3.6e6;
    let commits = world.scene.faults.commits();
    Ok(Told { text, hours, commits, scene: world.scene })
}

/// The process, while there is one.
pub(crate) struct Life {
    pub(crate) number: u64,
    pub(crate) policy: ServicePolicy,
    pub(crate) rules: Vec<Automation>,
    pub(crate) herd: BTreeMap<IntegrationId, Timestamp>,
    pub(crate) stations: BTreeMap<IntegrationId, Station>,
    pub(crate) draining: bool,
}

/// Something that will happen at a time.
pub(crate) enum Event {
    Deed(Deed),
    /// In that life of the process only.
    Work(u64, Work),
    DrainEnds(u64),
}

/// See the module.
pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) life: Option<Life>,
    lives: u64,
    calendar: BTreeMap<(u64, u64), Event>,
    seq: u64,
    deeds_left: usize,
    last_deed_ms: u64,
    pub(crate) work: VecDeque<Work>,
    fresh: Arc<Fresh>,
    /// What nobody acknowledged: its sender says it again.
    again: Vec<Deed>,
    telling: Telling,
}

#[derive(Default)]
struct Fresh(Mutex<Vec<FreshDelivery>>);

impl AfterAccept for Fresh {
    fn accepted(&self, fresh: Vec<FreshDelivery>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(fresh);
    }
}

impl World {
    fn new(scenario: Scenario, telling: Telling) -> Self {
        let scene = Scene::new(scenario, telling.medium, telling.base);
        let crash = telling.crash.or(scene.scenario.crash_at);
        if let Some((commit, side)) = crash {
            scene.faults.crash_at(commit, side);
        }
        let store = scene.disk.store();
        let mut world = Self {
            scene,
            store,
            life: None,
            lives: 0,
            calendar: BTreeMap::new(),
            seq: 0,
            deeds_left: 0,
            last_deed_ms: 0,
            work: VecDeque::new(),
            fresh: Arc::new(Fresh::default()),
            again: Vec::new(),
            telling,
        };
        for (at, deed) in world.scene.scenario.deeds.clone() {
            if telling.twice && matches!(deed, Deed::Accept { .. }) {
                world.at(at, Event::Deed(deed.clone()));
            }
            world.at(at, Event::Deed(deed));
            world.last_deed_ms = at;
        }
        world
    }

    pub(crate) fn at(&mut self, at_ms: u64, event: Event) {
        self.seq += 1;
        self.deeds_left += usize::from(matches!(event, Event::Deed(_)));
        self.calendar.insert((at_ms, self.seq), event);
    }

    /// In so many milliseconds, if the process is still the same.
    pub(crate) fn after(&mut self, ms: u64, work: Work) {
        let Some(life) = &self.life else { return };
        let event = Event::Work(life.number, work);
        self.at(self.scene.elapsed_ms + ms, event);
    }

    fn run(&mut self) -> Result<(), String> {
        self.start();
        self.settle();
        loop {
            if let Some(broken) = self.scene.checker.broken() {
                return Err(format!("at {}ms: {broken}", self.scene.elapsed_ms));
            }
            if self.is_over() {
                return Ok(());
            }
            let Some(((at, _), _)) = self.calendar.first_key_value() else {
                let done = self.life.is_none() || self.scene.scenario.until.is_some();
                return if done {
                    Ok(())
                } else {
                    Err("it stands still before its end".to_owned())
                };
            };
            let at = *at;
            if let Some(until) = self.scene.scenario.until
                && at > until
            {
                self.scene.elapsed_ms = until;
                return Ok(());
            }
            if at > self.last_deed_ms + self.telling.patience_ms {
                return Err("it does not come to its end".to_owned());
            }
            self.scene.elapsed_ms = at;
            self.moment(at);
        }
    }

    /// All that happens at one moment: each deed with what follows from it at once, then the rest.
    fn moment(&mut self, at: u64) {
        let mut rest = Vec::new();
        while let Some((key, event)) = self.calendar.pop_first() {
            if key.0 != at {
                self.calendar.insert(key, event);
                break;
            }
            match event {
                Event::Deed(deed) => {
                    self.deeds_left -= 1;
                    self.deed(deed);
                    self.settle();
                }
                Event::Work(life, work) => rest.push((life, work)),
                Event::DrainEnds(life) => {
                    if self.life.as_ref().is_some_and(|each| each.number == life) {
                        self.gone();
                    }
                }
            }
        }
        for (number, work) in rest {
            if self.life.as_ref().is_some_and(|life| life.number == number) {
                self.begin_work(work);
            }
        }
        self.settle();
        let commits = self.scene.faults.commits();
        let elapsed = self.scene.elapsed_ms;
        self.scene.checker.audit(commits, elapsed, self.scene.disk.as_ref());
    }

    /// Does what follows at once, until nothing does.
    fn settle(&mut self) {
        loop {
            while let Some(work) = self.work.pop_front() {
                self.do_work(work);
                self.see_crash();
            }
            self.see_crash();
            if self
                .life
                .as_ref()
                .is_some_and(|life| life.draining && life.stations.values().all(Station::is_quiet))
            {
                self.gone();
            }
            let now = self.scene.elapsed_ms;
            let more: Vec<(u64, u64)> = self
                .calendar
                .range((now, 0)..=(now, u64::MAX))
                .filter(|(_, event)| matches!(event, Event::Work(..)))
                .map(|(key, _)| *key)
                .collect();
            if more.is_empty() {
                return;
            }
            for key in more {
                if let Some(Event::Work(number, work)) = self.calendar.remove(&key)
                    && self.life.as_ref().is_some_and(|life| life.number == number)
                {
                    self.begin_work(work);
                }
            }
        }
    }

    /// A crash that a store's commit was chosen for.
    fn see_crash(&mut self) {
        if self.scene.faults.take_crash() {
            self.scene.us("crash", "", "");
            self.gone();
            let again = self.scene.elapsed_ms + 1000;
            self.at(again, Event::Deed(Deed::Start));
        }
    }

    fn gone(&mut self) {
        self.life = None;
        self.work.clear();
        self.scene.vanish();
        self.store = self.scene.disk.store();
    }

    fn is_over(&self) -> bool {
        let asked_for_more = self.scene.scenario.until.is_some();
        let settled = || match &self.life {
            None => true,
            Some(life) => {
                life.stations.values().all(Station::is_settled) && self.scene.is_settled()
            }
        };
        self.deeds_left == 0 && self.again.is_empty() && !asked_for_more && settled()
    }

    /// The process begins, as the engine does.
    fn start(&mut self) {
        self.lives += 1;
        self.scene.tell_interrupted();
        let policy = self.scene.scenario.policy.clone();
        let wall = self.scene.wall();
        let due_at = wall.plus(Duration::from_millis(policy.timeout_ms));
        if now(self.store.recover(wall, due_at)).is_err() {
            self.scene.us("start", "failed", "");
            if self.dies() && !self.scene.faults.has_crashed() {
                // Whoever starts it tries again.
                let again = self.scene.elapsed_ms + 1000;
                self.at(again, Event::Deed(Deed::Start));
            }
            return;
        }
        let rules = now(self.store.automations()).expect("the automations");
        let waiting = now(self.store.waiting_destinations()).expect("the waiting destinations");
        let turn = |id: &IntegrationId| wall.plus(herd_delay(jitter_key(*id), waiting.len()));
        self.scene.told.tell(Some(Arc::clone(&self.fresh) as Arc<dyn AfterAccept>));
        self.life = Some(Life {
            number: self.lives,
            policy,
            rules,
            herd: waiting.iter().map(|id| (*id, turn(id))).collect(),
            stations: BTreeMap::new(),
            draining: false,
        });
        for id in waiting {
            self.arrive(id, |arrived| arrived.missed = true);
        }
    }

    fn deed(&mut self, deed: Deed) {
        if self.scene.world_deed(&deed) {
            return;
        }
        match deed.clone() {
            Deed::Crash => {
                if self.life.is_some() {
                    self.scene.us("crash", "", "");
                    self.gone();
                }
            }
            Deed::Start => {
                if self.life.is_none() {
                    self.scene.us("start", "", "");
                    self.start();
                    for deed in std::mem::take(&mut self.again) {
                        let at = self.scene.elapsed_ms;
                        self.at(at, Event::Deed(deed));
                    }
                }
            }
            Deed::Stop => self.stop(),
            _ if self.life.is_none() => self.unheard(deed.clone()),
            Deed::Accept { alerts, dests } => self.accept(&alerts, &dests),
            Deed::SetStatus { dest, word } => self.set_status(dest, word),
            Deed::Retry { .. } | Deed::RetryDead { .. } | Deed::Discard { .. } => self.act(&deed),
            Deed::Panic { dest } => {
                if let Some(id) = self.scene.ids.get(dest).copied() {
                    self.scene.faults.doom(id);
                    self.arrive(id, |arrived| arrived.changed = true);
                }
            }
            Deed::Edit { dest, to } => {
                let id = self.scene.ids[dest];
                let integration = self.scene.integration(&to, id);
                let edit = Edit::ReplaceIntegration { integration, seals: None, expected: None };
                self.change(dest, edit, ("settings", "changed"));
            }
            Deed::Delete { dest } => {
                let id = self.scene.ids[dest];
                let edit = Edit::DeleteIntegration { id, expected: None };
                self.change(dest, edit, ("status", "deleted"));
            }
            Deed::Clock { .. }
            | Deed::DiskFull
            | Deed::DiskOk
            | Deed::Poison { .. }
            | Deed::Cure { .. }
            | Deed::Policy(_) => {}
        }
        if self.scene.faults.has_crashed() {
            self.again.push(deed);
        }
    }

    /// Nobody is there to hear it.
    fn unheard(&mut self, deed: Deed) {
        if self.dies() {
            self.again.push(deed);
        } else {
            self.scene.us("unheard", "", "");
        }
    }

    /// Whether a crash at some commit is part of the story: then what nobody acknowledged is said again.
    fn dies(&self) -> bool {
        self.telling.crash.or(self.scene.scenario.crash_at).is_some()
    }

    fn stop(&mut self) {
        let Some(life) = &mut self.life else { return };
        life.draining = true;
        let number = life.number;
        let awake: Vec<IntegrationId> =
            life.stations.iter().filter(|(_, each)| !each.is_quiet()).map(|(id, _)| *id).collect();
        self.scene.us("stop", "", "");
        for id in awake {
            self.arrive(id, |arrived| arrived.drain = true);
        }
        let at = self.scene.elapsed_ms + limits::DRAIN.as_millis() as u64;
        self.at(at, Event::DrainEnds(number));
    }

    fn accept(&mut self, names: &[String], dests: &[usize]) {
        let Some(life) = &self.life else { return };
        let wall = self.scene.wall();
        let mut alerts = Vec::new();
        for (record, levels) in self.scene.records(names, dests) {
            for automation in life.rules.iter().filter(|each| each.fires(&record, &levels)) {
                let body = self.scene.body(&record, &levels);
                let meant = automation.integrations.iter().filter(|each| {
                    each.condition.as_ref().is_none_or(|when| when.matches(&record, &levels))
                });
                let deliveries = meant.map(|each| {
                    let policy = life.policy.policy.for_integration(&each.delivery);
                    NewDelivery {
                        integration: each.id,
                        queue_at: match policy.ordering {
                            Ordering::Due => wall,
                            Ordering::Fifo => Timestamp::from_millis(0),
                        },
                        due_at: wall,
                        expires_at: wall.plus(policy.schedule.horizon),
                        put_off: false,
                    }
                });
                alerts.push(NewAlert {
                    automation_id: automation.id,
                    origin: Origin::Fired(automation.id),
                    record_id: record.id.clone(),
                    told_by: record.id.clone(),
                    org_id: record.org_id.clone(),
                    body,
                    aside: Aside::of(&record),
                    found: None,
                    cool_down: None,
                    escalated_at: wall,
                    deliveries: deliveries.collect(),
                });
            }
        }
        let draining = life.draining;
        let accepted =
            if draining { Err(StoreError::Stopped) } else { now(self.store.accept(alerts)) };
        if !self.scene.faults.has_crashed() {
            let fresh = accepted.map(|each| each.iter().flatten().map(|each| each.fresh).collect());
            self.scene.accepted(names, fresh);
        }
        self.pass_on();
    }

    /// Passes on what became durable, as the board does.
    fn pass_on(&mut self) {
        let fresh =
            std::mem::take(&mut *self.fresh.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_destination: BTreeMap<IntegrationId, Vec<Waiting>> = BTreeMap::new();
        for each in fresh {
            self.scene.learn(each.waiting.id);
            by_destination.entry(each.integration).or_default().push(each.waiting);
        }
        for (id, rows) in by_destination {
            self.arrive(id, |arrived| arrived.fresh.extend(rows));
        }
    }

    fn set_status(&mut self, dest: usize, word: StatusWord) {
        let id = self.scene.ids[dest];
        let (status, shown) = Scene::status_of(word);
        let revives = status == Status::Active;
        if self.change(dest, Edit::SetStatus { id, status }, ("status", shown)) && revives {
            self.revive(id);
            self.arrive(id, |arrived| arrived.missed = true);
        }
    }

    fn change(&mut self, dest: usize, edit: Edit, what: (&str, &str)) -> bool {
        let id = self.scene.ids[dest];
        self.scene.checker.touched(id, self.scene.elapsed_ms);
        let changed = now(self.store.change(edit, self.scene.by.clone(), self.scene.wall()));
        if self.scene.faults.has_crashed() {
            return false;
        }
        self.scene.answered_us(dest, what, &changed);
        if changed.is_err() {
            return false;
        }
        let rules = now(self.store.automations()).expect("the automations");
        if let Some(life) = &mut self.life {
            life.rules = rules;
            if life.stations.contains_key(&id) {
                self.arrive(id, |arrived| arrived.changed = true);
            }
        }
        true
    }

    fn act(&mut self, deed: &Deed) {
        let (act, dest, what, sends) = match deed {
            Deed::Retry { alert, dest } => {
                let Some(act) = self.retry(alert, *dest) else { return };
                (act, *dest, (alert.as_str(), "retry"), true)
            }
            Deed::Discard { alert, dest } => {
                let Some(delivery) = self.scene.book.delivery(alert, *dest) else { return };
                let act = Act::Discard { delivery, reason: DiscardReason::Operator };
                (act, *dest, (alert.as_str(), "discard"), false)
            }
            Deed::RetryDead { dest } => {
                let integration = self.scene.ids[*dest];
                let expires_at = self.horizon(integration);
                let act = Act::RetryDead { integration, expires_at };
                (act, *dest, ("dead ones", "retry"), true)
            }
            _ => return,
        };
        let id = self.scene.ids[dest];
        let elapsed = self.scene.elapsed_ms;
        match &act {
            Act::Retry { delivery, .. } | Act::Discard { delivery, .. } => {
                self.scene.checker.acted(*delivery, elapsed);
            }
            Act::RetryDead { .. } => self.scene.acted_on_all(dest),
        }
        let gone = now(self.store.destination(id)).err().filter(|_| sends);
        let done = match gone {
            Some(error) => Err(error),
            None => now(self.store.act(act, self.scene.by.clone(), self.scene.wall())),
        };
        if self.scene.faults.has_crashed() {
            return;
        }
        self.scene.answered_us(dest, what, &done);
        if done.is_ok() {
            self.arrive(id, |arrived| {
                arrived.changed = true;
                arrived.probe_now |= sends;
            });
        }
    }

    fn retry(&self, alert: &str, dest: usize) -> Option<Act> {
        let delivery = self.scene.book.delivery(alert, dest)?;
        Some(Act::Retry { delivery, expires_at: self.horizon(self.scene.ids[dest]) })
    }

    fn horizon(&self, id: IntegrationId) -> Timestamp {
        let service = &self.scene.scenario.policy.policy;
        let schedule = match now(self.store.destination(id)) {
            Ok(found) => service.for_integration(&found.integration.delivery).schedule,
            Err(_) => service.schedule,
        };
        self.scene.wall().plus(schedule.horizon)
    }
}

/// As the engine has it: a number that stays the same for the destination.
pub(crate) fn jitter_key(id: IntegrationId) -> i64 {
    id.0.as_u64_pair().1.cast_signed()
}
