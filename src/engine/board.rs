//! Where each destination's station is found; and who is told when deliveries become durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use actix::Addr;

use super::ports::{AfterAccept, FreshDelivery};
use super::station::Station;
use super::supervisor::{Supervisor, Wake};
use crate::domain::alert::Alert;
use crate::domain::delivery::Waiting;
use crate::domain::id::{AlertId, IntegrationId};
use crate::domain::limits;

/// All stations. A station is made when something first happens for its destination.
pub struct Board {
    lanes: usize,
    stations: RwLock<BTreeMap<IntegrationId, Arc<Station>>>,
    supervisor: OnceLock<Addr<Supervisor>>,
    bodies: Bodies,
}

impl Board {
    /// A board for so many lanes; the store needs it before the engine is there.
    pub fn new(lanes: usize) -> Arc<Self> {
        Arc::new(Self {
            lanes: lanes.max(1),
            stations: RwLock::new(BTreeMap::new()),
            supervisor: OnceLock::new(),
            bodies: Bodies::default(),
        })
    }

    /// From now on there is somebody who starts actors.
    pub(super) fn supervised_by(&self, supervisor: Addr<Supervisor>) {
        // A second engine on one board would be a bug of ours; the first one stays.
        let _first_stays = self.supervisor.set(supervisor);
    }

    pub(super) fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    pub(super) fn find(&self, id: IntegrationId) -> Option<Arc<Station>> {
        self.stations.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub(super) fn station(&self, id: IntegrationId) -> Arc<Station> {
        if let Some(station) = self.find(id) {
            return station;
        }
        // The low bits of a UUID's random part spread destinations over the lanes.
        let lane = usize::from(id.0.as_bytes()[15]) % self.lanes;
        let mut stations = self.stations.write().unwrap_or_else(PoisonError::into_inner);
        let made = stations.entry(id).or_insert_with(|| Arc::new(Station::new(id, lane)));
        Arc::clone(made)
    }

    pub(super) fn all(&self) -> Vec<Arc<Station>> {
        self.stations.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn wake(&self, id: IntegrationId) {
        if let Some(supervisor) = self.supervisor.get() {
            supervisor.do_send(Wake(id));
        }
    }
}

impl AfterAccept for Board {
    fn accepted(&self, fresh: Vec<FreshDelivery>) {
        let mut by_destination: BTreeMap<IntegrationId, Vec<Waiting>> = BTreeMap::new();
        let mut last = None;
        for each in fresh {
            by_destination.entry(each.integration).or_default().push(each.waiting);
            if last != Some(each.alert.id) {
                last = Some(each.alert.id);
                self.bodies.keep(each.alert);
            }
        }
        for (id, rows) in by_destination {
            if self.station(id).arrive(|arrived| arrived.fresh.extend(rows)) {
                self.wake(id);
            }
        }
    }
}

/// Alerts that were just accepted, for those who send them in the next moments. Bounded by bytes;
/// what is not here is read from disk.
#[derive(Default)]
pub(super) struct Bodies(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    alerts: BTreeMap<AlertId, Arc<Alert>>,
    order: VecDeque<AlertId>,
    bytes: usize,
}

impl Bodies {
    pub(super) fn find(&self, id: AlertId) -> Option<Arc<Alert>> {
        self.lock().alerts.get(&id).cloned()
    }

    pub(super) fn keep(&self, alert: Arc<Alert>) {
        let mut shelf = self.lock();
        if shelf.alerts.contains_key(&alert.id) {
            return;
        }
        shelf.bytes += weight(&alert);
        shelf.order.push_back(alert.id);
        shelf.alerts.insert(alert.id, alert);
        while shelf.bytes > limits::HOT_BODY_BYTES {
            let Some(oldest) = shelf.order.pop_front() else { break };
            if let Some(gone) = shelf.alerts.remove(&oldest) {
                shelf.bytes -= weight(&gone);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(alert: &Alert) -> usize {
    // What the maps and the allocations take beside the bytes themselves.
    alert.body.bytes().len() + alert.record_id.len() + 256
}
