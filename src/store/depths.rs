//! How all queues stand, for the metrics: many numbers in one reading, and few of them by name. Its cost
//! is that of what waits and of what was given up, not of what was delivered.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::configured;
use super::error::SqlResult;
use super::reader::Reader;
use super::row::{time, uuid, word};
use super::waiting;
use crate::domain::delivery::State;
use crate::domain::id::IntegrationId;
use crate::domain::integration::Status;
use crate::domain::limits;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Promise, StoreError};

/// How all queues stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Depths {
    /// Those that are told by name, in the order of their ids.
    pub named: Vec<(IntegrationId, Depth)>,
    /// All the others together, with what deleted integrations have left.
    pub others: Depth,
    /// Integrations that may send.
    pub active: u64,
    /// Integrations that are paused.
    pub paused: u64,
    /// Integrations that are switched off.
    pub disabled: u64,
    /// Deliveries that were discarded, and are kept.
    pub discarded: u64,
    /// Records that wait for the classifier.
    pub records_waiting: u64,
}

/// How one queue stands, or several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Deliveries on their way: waiting, or claimed for an attempt.
    pub waiting: u64,
    /// When the one waiting longest was accepted.
    pub oldest_at: Option<Timestamp>,
    /// Deliveries that were given up, and are kept.
    pub dead: u64,
    /// Circuits that are open.
    pub open: u64,
    /// Circuits that are closed.
    pub closed: u64,
}

/// The same while it is counted.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    depth: Depth,
    /// The first of those on their way.
    first: Option<i64>,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.depth.waiting += other.depth.waiting;
        self.depth.dead += other.depth.dead;
        self.depth.open += other.depth.open;
        self.depth.closed += other.depth.closed;
        self.first = [self.first, other.first].into_iter().flatten().min();
    }

    /// Ids rise with time: the first was accepted first.
    fn found(mut self, connection: &Connection) -> SqlResult<Depth> {
        if let Some(first) = self.first {
            self.depth.oldest_at = connection
                .prepare_cached("SELECT created_at FROM deliveries WHERE id = ?1")?
                .query_row([first], |found| time(found, "created_at"))
                .optional()?;
        }
        Ok(self.depth)
    }
}

impl Reader {
    /// How all queues stand.
    pub fn depths(&self) -> Promise<Result<Depths, StoreError>> {
        self.query(depths)
    }
}

pub(super) fn depths(connection: &Connection) -> SqlResult<Depths> {
    // One snapshot for all of it.
    let snapshot = connection.unchecked_transaction()?;
    let mut depths = Depths::default();
    let mut tallies = integrations(&snapshot, &mut depths)?;
    let mut gone = Tally::default();
    on_their_way(&snapshot, &mut tallies, &mut gone)?;
    given_up(&snapshot, &mut tallies, &mut gone, &mut depths)?;
    depths.records_waiting = waiting::count(&snapshot)?;
    let (named, others) = chosen(tallies);
    for tally in others {
        gone.add(&tally);
    }
    depths.others = gone.found(&snapshot)?;
    for (id, tally) in named {
        depths.named.push((id, tally.found(&snapshot)?));
    }
    Ok(depths)
}

type Tallies = BTreeMap<IntegrationId, Tally>;

fn integrations(connection: &Connection, depths: &mut Depths) -> SqlResult<Tallies> {
    let mut statement = connection.prepare_cached(
        "SELECT id, status, status_reason, circuit_since IS NOT NULL AS open FROM integrations
         WHERE deleted_at IS NULL",
    )?;
    let mut tallies = Tallies::new();
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        match configured::status(found)? {
            Status::Active => depths.active += 1,
            Status::Paused => depths.paused += 1,
            Status::Disabled { .. } => depths.disabled += 1,
        }
        let open: bool = found.get("open")?;
        let mut tally = Tally::default();
        tally.depth.open = u64::from(open);
        tally.depth.closed = u64::from(!open);
        tallies.insert(IntegrationId(uuid(found, "id")?), tally);
    }
    Ok(tallies)
}

/// The tally of an integration; of all that are gone where it is one of those.
fn of<'a>(
    found: &Row<'_>,
    tallies: &'a mut Tallies,
    gone: &'a mut Tally,
) -> rusqlite::Result<&'a mut Tally> {
    let id = IntegrationId(uuid(found, "integration_id")?);
    Ok(tallies.get_mut(&id).unwrap_or(gone))
}

fn count(found: &Row<'_>) -> rusqlite::Result<u64> {
    Ok(u64::try_from(found.get::<_, i64>("many")?).unwrap_or(0))
}

fn on_their_way(connection: &Connection, tallies: &mut Tallies, gone: &mut Tally) -> SqlResult<()> {
    for sql in [
        "SELECT integration_id, count(*) AS many, min(id) AS first
         FROM deliveries INDEXED BY deliveries_pending
         WHERE state = 'pending' GROUP BY integration_id",
        "SELECT integration_id, count(*) AS many, min(id) AS first
         FROM deliveries INDEXED BY deliveries_in_flight
         WHERE state = 'in_flight' GROUP BY integration_id",
    ] {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(found) = rows.next()? {
            let mut more = Tally { first: found.get("first")?, ..Tally::default() };
            more.depth.waiting = count(found)?;
            of(found, tallies, gone)?.add(&more);
        }
    }
    Ok(())
}

fn given_up(
    connection: &Connection,
    tallies: &mut Tallies,
    gone: &mut Tally,
    depths: &mut Depths,
) -> SqlResult<()> {
    let mut statement = connection.prepare_cached(
        "SELECT integration_id, state, count(*) AS many FROM deliveries INDEXED BY deliveries_given_up
         WHERE state = 'dead' OR state = 'discarded' GROUP BY integration_id, state",
    )?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        match word(found, "state", State::from_word)? {
            State::Dead => of(found, tallies, gone)?.depth.dead += count(found)?,
            State::Discarded => depths.discarded += count(found)?,
            State::Pending | State::InFlight | State::Delivered => {}
        }
    }
    Ok(())
}

/// Those that are told by name: the deepest, and of the rest those whose circuit is open, so that
/// neither kind of trouble can hide the other.
fn chosen(tallies: Tallies) -> (Tallies, Vec<Tally>) {
    let mut rest: Vec<(IntegrationId, Tally)> = tallies.into_iter().collect();
    rest.sort_by_key(|(id, tally)| (Reverse(tally.depth.waiting), *id));
    let shallow = rest.split_off(rest.len().min(limits::METRICS_DEEPEST));
    let mut named: Tallies = rest.into_iter().collect();
    let mut others = Vec::new();
    let mut open = 0;
    for (id, tally) in shallow {
        if tally.depth.open > 0 && open < limits::METRICS_OPEN {
            open += 1;
            named.insert(id, tally);
        } else {
            others.push(tally);
        }
    }
    (named, others)
}
