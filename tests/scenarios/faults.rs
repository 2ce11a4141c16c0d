//! What goes wrong around a store: full disks, and crashes at chosen commits.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use belfry::domain::id::IntegrationId;
use belfry::store::{Fate, Moment};

/// Shared by whoever makes trouble and whoever meets it.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Commits that were begun.
    commits: usize,
    crash_at: Option<(usize, Side)>,
    crashed: bool,
    full: bool,
    /// The store has noticed that the disk is full.
    noticed: bool,
    /// Actors that die when they read their destination.
    doomed: BTreeSet<IntegrationId>,
}

/// At which side of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asked by the stores at both sides of each commit.
    pub(crate) fn fate(&self, moment: Moment) -> Fate {
        let mut inner = self.lock();
        if inner.crashed {
            return Fate::Crash;
        }
        let side = match moment {
            Moment::BeforeCommit => {
                if inner.full {
                    inner.noticed = true;
                    return Fate::Full;
                }
                inner.commits += 1;
                Side::Before
            }
            Moment::AfterCommit => Side::After,
        };
        if inner.crash_at == Some((inner.commits, side)) {
            inner.crashed = true;
            return Fate::Crash;
        }
        Fate::Go
    }

    pub(crate) fn commits(&self) -> usize {
        self.lock().commits
    }

    pub(crate) fn crash_at(&self, commit: usize, side: Side) {
        self.lock().crash_at = Some((commit, side));
    }

    /// Whether a crash has just happened; it is over once that was told.
    pub(crate) fn take_crash(&self) -> bool {
        let mut inner = self.lock();
        if inner.crashed {
            inner.crash_at = None;
        }
        std::mem::take(&mut inner.crashed)
    }

    pub(crate) fn has_crashed(&self) -> bool {
        self.lock().crashed
    }

    pub(crate) fn set_full(&self, full: bool) {
        let mut inner = self.lock();
        inner.full = full;
        inner.noticed &= full;
    }

    pub(crate) fn writable(&self) -> bool {
        !self.lock().noticed
    }

    pub(crate) fn doom(&self, id: IntegrationId) {
        self.lock().doomed.insert(id);
    }

    pub(crate) fn take_doom(&self, id: IntegrationId) -> bool {
        self.lock().doomed.remove(&id)
    }
}
