//! Which model of the detector judges whose records. All organisations share what is built in and what the
//! configuration adds for the whole service; each has its own phrases on top of that, those of the
//! configuration below those that people set.
//!
//! A model is made before it takes the place of another one, and a judgement takes the one that is there:
//! no change keeps records waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, Semaphore};

use super::Engine;
use super::ports::{Actor, PhraseEdit, StoreError, StoredPhrases};
use crate::detect::{AdditionError, Additions, Model};
use crate::domain::limits::PHRASE_PLACES;

/// What the configuration says of phrases.
#[derive(Debug, Clone)]
pub struct ConfiguredPhrases {
    /// What judges the records of organisations without phrases of their own.
    service: Model,
    /// What it gives single organisations.
    organisations: BTreeMap<String, (Additions, Model)>,
}

impl ConfiguredPhrases {
    /// Nothing for single organisations.
    pub fn none(service: Model) -> Self {
        Self { service, organisations: BTreeMap::new() }
    }

    /// What judges the records of all organisations that it gives nothing.
    pub fn service(&self) -> &Model {
        &self.service
    }

    /// Adds what it gives one organisation.
    ///
    /// # Errors
    /// A phrase is none, or they are more than all organisations together may have.
    pub fn give(&mut self, org_id: String, additions: Additions) -> Result<(), AdditionError> {
        let model = self.service.and(&additions)?;
        let others: usize = self.organisations.values().map(|(_, model)| model.places()).sum();
        if others + model.places() > PHRASE_PLACES {
            return Err(AdditionError { pointer: String::new(), problem: too_large() });
        }
        self.organisations.insert(org_id, (additions, model));
        Ok(())
    }

    /// What judges that organisation's records where nobody has set more.
    fn model(&self, org_id: &str) -> &Model {
        self.organisations.get(org_id).map_or(&self.service, |(_, model)| model)
    }
}

/// Why phrases were not changed. Nothing is different then.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PhrasesError {
    /// What the store says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is wrong with them.
    #[error(transparent)]
    Additions(#[from] AdditionError),
}

/// See the module.
pub(super) struct Models {
    in_force: RwLock<Arc<InForce>>,
    /// Held from before a change is stored until it is in force, so that both have one order.
    changing: Mutex<()>,
    /// Previews go one by one: each may keep a core busy for a while.
    pub(super) previews: Arc<Semaphore>,
}

#[derive(Debug, Clone)]
struct InForce {
    configured: Arc<ConfiguredPhrases>,
    /// Of organisations that have phrases stored.
    stored: BTreeMap<String, Stored>,
}

#[derive(Debug, Clone)]
enum Stored {
    /// What judges their records.
    Model { additions: Arc<Additions>, model: Model },
    /// Why what is stored can't be used. It counts for nothing until somebody changes it.
    Unusable(String),
}

impl InForce {
    fn of(configured: Arc<ConfiguredPhrases>, all: Vec<StoredPhrases>) -> Self {
        let mut in_force = Self { configured, stored: BTreeMap::new() };
        for StoredPhrases { org_id, additions, .. } in all {
            let read = serde_json::from_str(&additions).map_err(|error| error.to_string());
            let made = read.and_then(|additions| in_force.model(&org_id, Arc::new(additions)));
            in_force.put(org_id, made);
        }
        in_force
    }

    /// The same with another configuration.
    fn over(&self, configured: Arc<ConfiguredPhrases>) -> Self {
        let mut in_force = Self { configured, stored: BTreeMap::new() };
        for (org_id, stored) in &self.stored {
            let made = match stored {
                Stored::Model { additions, .. } => in_force.model(org_id, Arc::clone(additions)),
                Stored::Unusable(why) => Err(why.clone()),
            };
            in_force.put(org_id.clone(), made);
        }
        in_force
    }

    fn model(&self, org_id: &str, additions: Arc<Additions>) -> Result<Stored, String> {
        let model = self.configured.model(org_id).and(&additions);
        let model = model.map_err(|error| error.to_string())?;
        if self.places_but(org_id) + model.places() > PHRASE_PLACES {
            return Err(too_large());
        }
        Ok(Stored::Model { additions, model })
    }

    fn put(&mut self, org_id: String, made: Result<Stored, String>) {
        let stored = made.unwrap_or_else(|why| {
            tracing::error!(org_id, %why, "an organisation's stored phrases can't be used: its records are \
                            judged without them until somebody changes them");
            Stored::Unusable(why)
        });
        self.stored.insert(org_id, stored);
    }

    /// The places of the phrases that all other organisations have stored.
    fn places_but(&self, org_id: &str) -> usize {
        let others = self.stored.iter().filter(|(other, _)| other.as_str() != org_id);
        let places = |stored: &Stored| match stored {
            Stored::Model { model, .. } => model.places(),
            Stored::Unusable(_) => 0,
        };
        others.map(|(_, stored)| places(stored)).sum()
    }
}

impl Models {
    pub(super) fn new(configured: ConfiguredPhrases, stored: Vec<StoredPhrases>) -> Self {
        let in_force = InForce::of(Arc::new(configured), stored);
        Self {
            in_force: RwLock::new(Arc::new(in_force)),
            changing: Mutex::new(()),
            previews: Arc::new(Semaphore::new(1)),
        }
    }

    /// What judges the records of that organisation now.
    pub(super) fn of(&self, org_id: &str) -> Model {
        let in_force = self.in_force();
        match in_force.stored.get(org_id) {
            Some(Stored::Model { model, .. }) => model.clone(),
            Some(Stored::Unusable(_)) | None => in_force.configured.model(org_id).clone(),
        }
    }

    /// What would judge them if these were stored.
    pub(super) fn with(&self, org_id: &str, additions: &Additions) -> Result<Model, AdditionError> {
        self.in_force().configured.model(org_id).and(additions)
    }

    fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn exchange(&self, in_force: InForce) {
        let mut held = self.in_force.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *held, Arc::new(in_force));
        drop(held);
        // Thousands of phrases may be freed by it: not while others wait.
        drop(before);
    }
}

impl Engine {
    /// Changes an organisation's phrases: in force for the next record, once it is on disk. Returns their
    /// new version.
    ///
    /// # Errors
    /// Why not; nothing was changed then.
    pub async fn change_phrases(&self, edit: PhraseEdit, by: Actor) -> Result<i64, PhrasesError> {
        let models = &self.shared.models;
        let _alone = models.changing.lock().await;
        let before = models.in_force();
        let org_id = edit.org_id.clone();
        let made = match edit.becomes.clone() {
            None => None,
            Some(additions) => {
                let below = before.configured.model(&org_id).clone();
                let making = move || {
                    let model = below.and(&additions)?;
                    Ok::<_, AdditionError>((Arc::new(additions), model))
                };
                let made = tokio::task::spawn_blocking(making).await;
                let (additions, model) = made.map_err(broken_off)??;
                if before.places_but(&org_id) + model.places() > PHRASE_PLACES {
                    return Err(StoreError::Refused(too_large()).into());
                }
                Some(Stored::Model { additions, model })
            }
        };
        let version = self.shared.store.change_phrases(edit, by, self.now()).await?;
        let mut after = InForce::clone(&before);
        match made {
            Some(stored) => after.stored.insert(org_id, stored),
            None => after.stored.remove(&org_id),
        };
        models.exchange(after);
        Ok(version)
    }

    /// Takes over what the configuration says of phrases now.
    ///
    /// # Errors
    /// The service is stopping.
    pub async fn configure_phrases(&self, configured: ConfiguredPhrases) -> Result<(), StoreError> {
        let models = &self.shared.models;
        let _alone = models.changing.lock().await;
        let before = models.in_force();
        let making = move || before.over(Arc::new(configured));
        let made = tokio::task::spawn_blocking(making).await.map_err(broken_off)?;
        models.exchange(made);
        Ok(())
    }

    /// What the configuration gives that organisation.
    pub fn configured_phrases(&self, org_id: &str) -> Option<Additions> {
        let in_force = self.shared.models.in_force();
        in_force.configured.organisations.get(org_id).map(|(additions, _)| additions.clone())
    }

    /// The organisations behind that one that the configuration gives phrases, in the order of their ids.
    pub fn configured_organisations(&self, behind: &str, limit: usize) -> Vec<String> {
        let behind = (std::ops::Bound::Excluded(behind), std::ops::Bound::Unbounded);
        let in_force = self.shared.models.in_force();
        let names = in_force.configured.organisations.range::<str, _>(behind);
        names.take(limit).map(|(org_id, _)| org_id.clone()).collect()
    }

    /// Why what an organisation has stored can't be used; nothing where it is in force.
    pub fn unusable_phrases(&self, org_id: &str) -> Option<String> {
        match self.shared.models.in_force().stored.get(org_id) {
            Some(Stored::Unusable(why)) => Some(why.clone()),
            Some(Stored::Model { .. }) | None => None,
        }
    }
}

/// Work beside the threads that serve ends early only where it fails, or where the process stops.
pub(super) fn broken_off(error: tokio::task::JoinError) -> StoreError {
    if error.is_panic() {
        StoreError::Failed("work on phrases panicked".to_owned())
    } else {
        StoreError::Stopped
    }
}

fn too_large() -> String {
    format!(
        "the phrases of all organisations together have more than {PHRASE_PLACES} words, counted over all \
         spellings: use fewer words that may be missing, or fewer phrases"
    )
}
