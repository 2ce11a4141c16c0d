//! Where a story's rows lie: in memory, or in SQLite on disk. Both are looked into the same way.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, Row as SqlRow};
use uuid::Uuid;

use belfry::domain::delivery::State;
use belfry::domain::id::{DeliveryId, IntegrationId};
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{AfterAccept, FreshDelivery, Store};
use belfry::store::Inline;

use crate::faults::Faults;
use crate::memory::Memory;

/// A delivery as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: DeliveryId,
    /// The record that the alert is about.
    pub(crate) record: String,
    pub(crate) integration: IntegrationId,
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) due_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// An attempt in a delivery's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) attempt: u32,
    pub(crate) interrupted: bool,
}

/// See the module.
pub(crate) trait Disk: Send {
    /// The store as the process uses it.
    fn store(&self) -> Arc<dyn Store>;
    /// The process is gone; what it had committed is what the next one finds.
    fn reopen(&mut self);
    fn rows(&self) -> Vec<Row>;
    fn row(&self, id: DeliveryId) -> Option<Row>;
    fn history(&self, id: DeliveryId) -> Vec<Past>;
}

/// Passes on what was accepted to whoever lives at the time.
#[derive(Default)]
pub(crate) struct Told(Mutex<Option<Arc<dyn AfterAccept>>>);

impl Told {
    pub(crate) fn tell(&self, to: Option<Arc<dyn AfterAccept>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }
}

impl AfterAccept for Told {
    fn accepted(&self, fresh: Vec<FreshDelivery>) {
        let to = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(to) = to {
            to.accepted(fresh);
        }
    }
}

/// Which kind of disk a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    Memory,
    Sqlite,
}

impl Medium {
    pub(crate) fn make(self, told: Arc<Told>, faults: Arc<Faults>) -> Box<dyn Disk> {
        match self {
            Self::Memory => Box::new(InMemory(Arc::new(Memory::new(told, faults)))),
            Self::Sqlite => Box::new(OnDisk::new(told, faults)),
        }
    }
}

struct InMemory(Arc<Memory>);

impl Disk for InMemory {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0) as Arc<dyn Store>
    }

    fn reopen(&mut self) {}

    fn rows(&self) -> Vec<Row> {
        self.0.rows()
    }

    fn row(&self, id: DeliveryId) -> Option<Row> {
        self.0.row(id)
    }

    fn history(&self, id: DeliveryId) -> Vec<Past> {
        self.0.history(id)
    }
}

struct OnDisk {
    root: tempfile::TempDir,
    lives: u32,
    store: Arc<Inline>,
    look: Connection,
    told: Arc<Told>,
    faults: Arc<Faults>,
}

impl OnDisk {
    fn new(told: Arc<Told>, faults: Arc<Faults>) -> Self {
        let root = folder();
        let data = root.path().join("0");
        std::fs::create_dir(&data).unwrap();
        let from = database(TEMPLATE.path());
        std::fs::copy(&from, data.join(from.file_name().unwrap())).unwrap();
        let (store, look) = Self::open(&data, &told, &faults);
        Self { root, lives: 0, store, look, told, faults }
    }

    fn open(
        data: &std::path::Path,
        told: &Arc<Told>,
        faults: &Arc<Faults>,
    ) -> (Arc<Inline>, Connection) {
        let faults = Arc::clone(faults);
        let told = Arc::clone(told) as Arc<dyn AfterAccept>;
        let store = Inline::open(data, told, move |moment| faults.fate(moment)).unwrap();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let look = Connection::open_with_flags(database(data), flags).unwrap();
        (Arc::new(store), look)
    }

    fn query(&self, clause: &str, id: i64) -> Vec<Row> {
        let text = format!(
            "SELECT deliveries.id, integration_id, state, reason, attempts, due_at, expires_at, record_id
             FROM deliveries JOIN alerts ON alerts.id = alert_id
             WHERE {clause} ORDER BY deliveries.id"
        );
        let mut statement = self.look.prepare_cached(&text).unwrap();
        let rows = statement.query_map([id], row).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// In memory where the machine has a place for that: a crash here is that of the process, and what a disk
/// does with its syncs is tried on the real binary.
fn folder() -> tempfile::TempDir {
    match tempfile::tempdir_in("/dev/shm") {
        Ok(root) => root,
        Err(_) => tempfile::tempdir().unwrap(),
    }
}

/// A database with its schema and nothing in it: made once, and copied for each story.
static TEMPLATE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let root = folder();
    let told: Arc<dyn AfterAccept> = Arc::new(Told::default());
    drop(Inline::open(root.path(), told, |_| belfry::store::Fate::Go).unwrap());
    root
});

/// The database's file in a data directory.
fn database(data: &std::path::Path) -> PathBuf {
    let files = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let mut found = files.filter(|path| path.extension().is_some_and(|ext| ext == "db"));
    found.next().expect("a database file")
}

fn row(found: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: DeliveryId(found.get(0)?),
        record: found.get(7)?,
        integration: IntegrationId(Uuid::from_bytes(found.get(1)?)),
        state: State::from_word(&found.get::<_, String>(2)?).expect("a state"),
        reason: found.get(3)?,
        attempts: found.get(4)?,
        due_at: Timestamp::from_millis(found.get(5)?),
        expires_at: Timestamp::from_millis(found.get(6)?),
    })
}

impl Disk for OnDisk {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    /// The next life gets a copy of the files as they are: the one before closes nothing orderly.
    fn reopen(&mut self) {
        let before = self.root.path().join(self.lives.to_string());
        self.lives += 1;
        let data = self.root.path().join(self.lives.to_string());
        std::fs::create_dir(&data).unwrap();
        for entry in std::fs::read_dir(&before).unwrap() {
            let from = entry.unwrap().path();
            let name = from.file_name().unwrap();
            // The index of the log lives in shared memory of the process; a new one makes its own.
            if from.is_file() && !name.to_string_lossy().ends_with("-shm") {
                std::fs::copy(&from, data.join(name)).unwrap();
            }
        }
        (self.store, self.look) = Self::open(&data, &self.told, &self.faults);
        std::fs::remove_dir_all(before).unwrap();
    }

    fn rows(&self) -> Vec<Row> {
        self.query("?1 = ?1", 0)
    }

    fn row(&self, id: DeliveryId) -> Option<Row> {
        self.query("deliveries.id = ?1", id.0).pop()
    }

    fn history(&self, id: DeliveryId) -> Vec<Past> {
        let text = "SELECT n, ifnull(fault, '') = 'interrupted' FROM attempts
                    WHERE delivery_id = ?1 ORDER BY n";
        let mut statement = self.look.prepare_cached(text).unwrap();
        let rows = statement
            .query_map([id.0], |row| Ok(Past { attempt: row.get(0)?, interrupted: row.get(1)? }))
            .unwrap();
        rows.map(Result::unwrap).collect()
    }
}
