//! From a wish to a committed, served change.
//!
//! Changing a shared ledger by letter: read the page, write the letter "*if* the page still looks like this,
//! then …", post it, and if it comes back refused, read the page again. The plan is made on this node's own
//! page, which may be a moment old; the guards in the letter make that safe, for a plan made on an old page
//! is refused, never half applied.
//!
//! The catch: guards protect a letter that is sent. A plan that ends in "there is no such service" sends
//! none, and on an old page that is a lie. So such an end is believed only on a page known to be current: the
//! node asks the leader (`linearize`) and plans once more.
//!
//! Each attempt is a request of its own: a refused one has had its answer, and repeating its id would get
//! that answer again. A request whose outcome is unknown is never repeated here (that would be a second
//! change); the client is told its id.

use crate::{admin::Admin, call::Call, envelope::Facts, ports::Served, problem::Failure, terms::Match};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::time::timeout;
use troop_catalog::Planned;
use troop_schema::Stamp;
use troop_txn::{Outcome, ReadError, ReadView, RequestId, Revision, Txn, read};

/// Names for the requests of this process: a random half that no other process has, and a number.
#[derive(Debug)]
pub(crate) struct RequestIds {
    client: u128,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn random() -> Self {
        RequestIds {
            client: rand::random(),
            next: AtomicU64::new(1),
        }
    }

    fn next(&self) -> RequestId {
        RequestId {
            client: self.client,
            sequence: self.next.fetch_add(1, Ordering::Relaxed),
        }
    }
}

/// What became of a wish.
#[derive(Debug)]
pub(crate) struct Done {
    /// The change that was made; none when there was nothing to do.
    pub(crate) planned: Option<Planned>,
    /// The revision that made it, or of the state that needed no change.
    pub(crate) revision: Revision,
    /// Who serves it, where that is worth telling.
    pub(crate) served: Option<Served>,
}

impl Done {
    /// For the headers of the answer.
    pub(crate) fn facts(&self) -> Facts {
        Facts {
            revision: self.revision,
            entity: self.planned.as_ref().map(|_| self.revision),
            served: self.served.clone(),
        }
    }
}

/// A plan: what to change given a view; nothing to do; or why it cannot be.
pub(crate) trait Plan:
    Fn(&dyn ReadView, &mut Stamp<'_>) -> Result<Option<Planned>, Failure> + Send + Sync
{
}
impl<F: Fn(&dyn ReadView, &mut Stamp<'_>) -> Result<Option<Planned>, Failure> + Send + Sync> Plan for F {}

impl Admin {
    /// Plans, proposes, and waits until the change is served.
    pub(crate) async fn change(&self, call: &Call, plan: impl Plan) -> Result<Done, Failure> {
        let mut done = self.commit(call, plan).await?;
        if done.planned.is_some() {
            done.served = self.served(call, done.revision).await?;
        }
        Ok(done)
    }

    async fn commit(&self, call: &Call, plan: impl Plan) -> Result<Done, Failure> {
        let deadline = Instant::now() + self.options.write_timeout;
        let attempts = self.options.plan_attempts_max;
        let mut is_current = false;
        for _ in 0..attempts {
            let left = deadline.saturating_duration_since(Instant::now());
            let (revision, planned) = self.plan(&plan);
            match planned {
                Ok(Some(planned)) => match self.store.propose(self.txn(call, &planned), left).await? {
                    Outcome::Applied(revision) => return Ok(done(Some(planned), revision)),
                    Outcome::Refused { .. } if left.is_zero() => break,
                    Outcome::Refused { .. } => {}
                },
                Ok(None) if is_current => return Ok(done(None, revision)),
                Err(failure) if is_current => return Err(failure),
                Ok(None) | Err(_) => {}
            }
            self.store.linearize(left).await.map_err(no_change)?;
            is_current = true;
        }
        Err(Failure::Contended { attempts })
    }

    fn plan(&self, plan: &impl Plan) -> (Revision, Result<Option<Planned>, Failure>) {
        let mut random = rand::random::<[u8; 16]>;
        let mut stamp = Stamp::new(now_ms(), &mut random);
        read(&*self.store, |view| (view.revision(), plan(view, &mut stamp)))
    }

    fn txn(&self, call: &Call, planned: &Planned) -> Txn {
        planned
            .clone()
            .into_txn(self.request_ids.next(), now_ms(), call.actor.as_str())
    }

    /// Waits for this node's data plane, then for the others the client named.
    async fn served(&self, call: &Call, revision: Revision) -> Result<Option<Served>, Failure> {
        let within = call.terms.timeout.unwrap_or(self.options.serve_timeout);
        let started = Instant::now();
        let here = self.served_here(revision, within).await;
        let served = match call.terms.wait {
            Some(scope) => {
                let left = within.saturating_sub(started.elapsed());
                let mut served = self.serving.wait(revision, scope, left).await;
                served.complete &= here;
                Some(served)
            }
            None if here => None,
            None => Some(Served::default()),
        };
        match served {
            Some(served) if call.terms.strict && !served.complete => {
                Err(Failure::NotServed { revision, served })
            }
            served => Ok(served),
        }
    }

    async fn served_here(&self, revision: Revision, within: Duration) -> bool {
        let mut served = self.serving.served();
        let reached = timeout(within, served.wait_for(|now| *now >= revision)).await;
        let here = matches!(reached, Ok(Ok(_)));
        if !here {
            tracing::warn!(
                revision = revision.get(),
                "a committed change is not served here in time"
            );
        }
        here
    }
}

fn done(planned: Option<Planned>, revision: Revision) -> Done {
    Done {
        planned,
        revision,
        served: None,
    }
}

/// A write that could not make sure of what it read says that it changed nothing.
fn no_change(error: ReadError) -> Failure {
    Failure::WriteUnavailable(error.to_string())
}

/// Checks `If-Match` against the entity as the planner sees it; that it stays so is what the plan's own
/// guards say.
pub(crate) fn compare(call: &Call, now: Option<Revision>) -> Result<(), Failure> {
    match (call.terms.if_match, now) {
        (None, _) | (Some(Match::Any), Some(_)) => Ok(()),
        (Some(Match::Revision(wanted)), Some(now)) if wanted == now => Ok(()),
        (Some(_), now) => Err(Failure::PreconditionFailed {
            now: now.unwrap_or_default(),
        }),
    }
}

/// Wall clock, milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
