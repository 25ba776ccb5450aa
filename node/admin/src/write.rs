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

use crate::{
    admin::Admin, call::Call, envelope::Facts, idempotency::Stub, ports::Served, problem::Failure,
    terms::Match,
};
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

    pub(crate) fn next(&self) -> RequestId {
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
    ///
    /// As a line of a batch it is only planned, on what the lines before it leave; with `?dry_run=1` it is planned and forgotten.
    pub(crate) async fn change(&self, call: &Call, plan: impl Plan) -> Result<Done, Failure> {
        if let Some(batch) = &call.batch {
            let (revision, planned) = self.plan(&|view: &dyn ReadView, stamp: &mut Stamp<'_>| {
                batch.add(view, |view| plan(view, stamp))
            });
            return Ok(done(planned?, revision));
        }
        if call.terms.dry_run {
            let within = self.options.read_timeout;
            self.store.linearize(within).await.map_err(no_change)?;
            let (revision, planned) = self.plan(&plan);
            return Ok(done(planned?, revision));
        }
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
            let (revision, planned) = self
                .plan(&|view: &dyn ReadView, stamp: &mut Stamp<'_>| with_ticket(call, view, stamp, &plan));
            match planned {
                Ok(Some(Ticketed::Before(stub))) => return Ok(again(stub)),
                Ok(Some(Ticketed::Now(planned))) => {
                    match self.store.propose(self.txn(call, &planned), left).await? {
                        Outcome::Applied(revision) => return Ok(done(Some(planned), revision)),
                        Outcome::Refused { .. } if left.is_zero() => break,
                        Outcome::Refused { .. } => {}
                    }
                }
                Ok(None) if is_current => return Ok(done(None, revision)),
                Err(failure) if is_current => return Err(failure),
                Ok(None) | Err(_) => {}
            }
            self.store.linearize(left).await.map_err(no_change)?;
            is_current = true;
        }
        Err(Failure::Contended { attempts })
    }

    fn plan<R>(
        &self,
        plan: &impl Fn(&dyn ReadView, &mut Stamp<'_>) -> Result<R, Failure>,
    ) -> (Revision, Result<R, Failure>) {
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

    /// [`Admin::served`] for a change set: one that is large takes its time, and is committed by now.
    pub(crate) async fn wait_served(
        &self,
        call: &Call,
        revision: Revision,
    ) -> Result<Option<Served>, Failure> {
        let within = self.options.wait_timeout_max;
        if call.terms.timeout.is_none() && call.terms.wait.is_none() {
            let here = self.served_here(revision, within).await;
            return Ok((!here).then(Served::default));
        }
        self.served(call, revision).await
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

/// A plan under an `Idempotency-Key`: to be carried out now, or carried out before.
enum Ticketed {
    Now(Planned),
    Before(Stub),
}

fn with_ticket(
    call: &Call,
    view: &dyn ReadView,
    stamp: &mut Stamp<'_>,
    plan: &impl Plan,
) -> Result<Option<Ticketed>, Failure> {
    let stub = call.ticket.as_ref().map(|ticket| ticket.stub(view)).transpose()?;
    if let Some(stub) = stub.flatten() {
        return Ok(Some(Ticketed::Before(stub)));
    }
    let mut planned = plan(view, stamp)?;
    if let (Some(planned), Some(ticket)) = (&mut planned, &call.ticket) {
        ticket.tear_off(planned, stamp.now_ms());
    }
    Ok(planned.map(Ticketed::Now))
}

/// What was done before, as if it were done now.
fn again(stub: Stub) -> Done {
    done(Some(Planned::of_record(stub.record)), stub.revision)
}

fn done(planned: Option<Planned>, revision: Revision) -> Done {
    Done {
        planned,
        revision,
        served: None,
    }
}

/// A write that could not make sure of what it read says that it changed nothing.
pub(crate) fn no_change(error: ReadError) -> Failure {
    Failure::WriteUnavailable(error.to_string())
}

/// Checks `If-Match` and `If-None-Match` against the entity as the planner sees it; that it stays so is what the plan's own
/// guards say.
pub(crate) fn compare(call: &Call, now: Option<Revision>) -> Result<(), Failure> {
    if let Some(now) = now
        && is_same(call, now)
    {
        return Err(Failure::PreconditionFailed { now });
    }
    match (call.terms.if_match, now) {
        (None, _) | (Some(Match::Any), Some(_)) => Ok(()),
        (Some(Match::Revision(wanted)), Some(now)) if wanted == now => Ok(()),
        (Some(_), now) => Err(Failure::PreconditionFailed {
            now: now.unwrap_or_default(),
        }),
    }
}

/// Whether the entity is one that the client does not want to meet.
pub(crate) fn is_same(call: &Call, now: Revision) -> bool {
    match call.terms.if_none_match {
        None => false,
        Some(Match::Any) => true,
        Some(Match::Revision(known)) => known == now,
    }
}

/// Wall clock, milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
