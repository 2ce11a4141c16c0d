//! Who goes into the next transaction. What came of attempts goes before new alerts, which go before
//! chores: under load it is better to take less than to hold back what was taken.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::job::Job;
use crate::domain::limits;

/// Through which door a command comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Something new from outside: refused where too much waits or room is short.
    Intake,
    /// What must be written about what there is.
    Command,
    /// What can wait until nothing else does.
    Chore,
}

/// A job, and how it came in.
pub(super) struct Order {
    pub(super) door: Door,
    pub(super) job: Box<dyn Job>,
}

/// What there is to do next.
pub(super) enum Turn {
    Batch(Vec<Box<dyn Job>>),
    Nothing,
    Closed,
}

/// Those who wait, in the order of their coming through each door. No more than a transaction's commands
/// are taken out of the channel; the doors bound intake and chores.
#[derive(Default)]
pub(super) struct Waiting {
    commands: VecDeque<Box<dyn Job>>,
    intake: VecDeque<Box<dyn Job>>,
    chores: VecDeque<Box<dyn Job>>,
}

impl Waiting {
    /// Waits for the first where nobody waits yet, and puts together who goes into one transaction.
    pub(super) fn next(&mut self, orders: &Receiver<Order>, patience: Duration) -> Turn {
        if self.commands.is_empty() && self.intake.is_empty() {
            let patience = if self.chores.is_empty() { patience } else { Duration::ZERO };
            match orders.recv_timeout(patience) {
                Ok(order) => self.put(order),
                Err(RecvTimeoutError::Timeout) if self.chores.is_empty() => return Turn::Nothing,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Turn::Closed,
            }
        }
        while self.commands.len() < limits::STORE_BATCH
            && let Ok(order) = orders.try_recv()
        {
            self.put(order);
        }
        Turn::Batch(self.batch())
    }

    fn put(&mut self, order: Order) {
        match order.door {
            Door::Command => self.commands.push_back(order.job),
            Door::Intake => self.intake.push_back(order.job),
            Door::Chore => self.chores.push_back(order.job),
        }
    }

    fn batch(&mut self) -> Vec<Box<dyn Job>> {
        let mut batch = Vec::new();
        for (door, most) in [
            (&mut self.commands, limits::STORE_BATCH_ROWS),
            (&mut self.intake, limits::STORE_INTAKE_ROWS),
        ] {
            let mut rows = 0;
            let mut room = limits::STORE_BATCH;
            while rows < most
                && room > 0
                && let Some(job) = door.pop_front()
            {
                rows += job.rows();
                room -= 1;
                batch.push(job);
            }
        }
        if batch.is_empty() {
            batch.extend(self.chores.pop_front());
        }
        batch
    }
}
