//! A command on its way through a transaction: answered once, whatever becomes of it. It may be done
//! again in a transaction that takes the place of one that failed.

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{Reach, SqlResult, told};
use crate::engine::ports::{FreshDelivery, StoreError};

/// A command whose type of answer is its own affair.
pub(super) trait Job: Send {
    /// Rows that it is about to write, roughly: the size of a transaction is bounded by them.
    fn rows(&self) -> usize;
    /// Does it in the transaction that is open.
    fn run(&mut self, connection: &Connection, fresh: &mut Vec<FreshDelivery>)
    -> Result<(), Reach>;
    /// Tells whoever asked, after the transaction: its own result, or why all of it failed.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// The answer of a job, when there is one.
pub(super) type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

struct Work<T, F> {
    rows: usize,
    run: F,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// Makes a job of a function over a connection.
pub(super) fn job<T, F>(rows: usize, run: F) -> (Box<dyn Job>, Answer<T>)
where
    T: Send + 'static,
    F: FnMut(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Work { rows, run, result: None, reply }), answer)
}

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnMut(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T> + Send,
{
    fn rows(&self) -> usize {
        self.rows
    }

    fn run(
        &mut self,
        connection: &Connection,
        fresh: &mut Vec<FreshDelivery>,
    ) -> Result<(), Reach> {
        let before = fresh.len();
        match (self.run)(connection, fresh) {
            Ok(value) => {
                self.result = Some(Ok(value));
                Ok(())
            }
            Err(error) => {
                fresh.truncate(before);
                let reach = error.reach();
                self.result = Some(Err(told(error)));
                Err(reach)
            }
        }
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Stopped),
            (Err(error), _) => Err(error),
        };
        // Whoever asked may have gone; what was written stays written.
        let _asker_gone = self.reply.send(result);
    }
}
