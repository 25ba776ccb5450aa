//! Before a read: making this node's state as new as the client wants it.
//!
//! By default a read sees everything that was acknowledged anywhere before it came: the node asks the leader
//! where the log is and waits until it is there itself. `?consistency=local` skips the question,
//! `?min_revision=N` names the answer.

use crate::{admin::Admin, call::Call, problem::Failure, write::now_ms};
use tokio::time::timeout;
use troop_txn::{ReadError, ReadView, Revision, read, store::wait_applied};

impl Admin {
    /// Waits until a local read is what the call's terms ask for.
    pub(crate) async fn ready_to_read(&self, call: &Call) -> Result<(), Failure> {
        if let Some(wanted) = call.terms.min_revision {
            self.reach(call, wanted).await?;
        }
        if !call.terms.local {
            self.store.linearize(self.options.read_timeout).await?;
        }
        Ok(())
    }

    async fn reach(&self, call: &Call, wanted: Revision) -> Result<(), Failure> {
        let within = call.terms.timeout.unwrap_or(self.options.read_timeout);
        match timeout(within, wait_applied(&*self.store, wanted)).await {
            Ok(reached) => Ok(reached?),
            Err(_) => {
                let applied = *self.store.applied().borrow();
                Err(ReadError::Behind { wanted, applied }.into())
            }
        }
    }

    /// Reads after [`Admin::ready_to_read`]; the closure gets the view and the time.
    pub(crate) async fn reading<R>(
        &self,
        call: &Call,
        f: impl FnOnce(&dyn ReadView, u64) -> Result<R, Failure> + Send,
    ) -> Result<(Revision, R), Failure> {
        self.ready_to_read(call).await?;
        read(&*self.store, |view| Ok((view.revision(), f(view, now_ms())?)))
    }
}
