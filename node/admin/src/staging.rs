//! A change set on its way into the log: as one entry if it fits, in boxes and one entry if it does not.
//!
//! The packer. Small purchases go straight over the counter. For a large one he fills box after box and has them carried to the
//! cellar ([`troop_txn::stage`]) while the next is being filled; the last word has them all unpacked at once.
//!
//! The catch: between the first box and the last word somebody may change what the change set was planned from. Then the word is
//! refused, the boxes are thrown away, and who ordered it plans anew. A packer who dies on the way leaves boxes that the leader
//! removes after a while.

use crate::{admin::Admin, problem::Failure, write::now_ms};
use std::{collections::VecDeque, time::Duration};
use troop_txn::{
    Guard, Op, Outcome, ProposeError, Revision, StageId, Txn, codec,
    entry::ENTRY_MAX_BYTES,
    stage::{self, BOX_BYTES, BOXES_MAX},
};

/// How long one box may take to be committed.
const BOX_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the last entry may take: a hundred thousand consumers with their keys are unpacked in some seconds.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(120);
/// What an entry needs beside its ops: guards, names, numbers.
const ENVELOPE_BYTES: usize = 4 << 10;
/// Boxes thrown away by one entry.
const THROWN_AT_ONCE: u32 = 256;

/// A change set being packed.
pub(crate) struct Staging {
    stage: StageId,
    boxes: u32,
    ops: VecDeque<Op>,
    bytes: usize,
    actor: String,
}

impl Staging {
    pub(crate) fn new(actor: &str) -> Self {
        Staging {
            stage: StageId::new(now_ms(), rand::random()),
            boxes: 0,
            ops: VecDeque::new(),
            bytes: 0,
            actor: actor.to_owned(),
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> StageId {
        self.stage
    }

    /// Adds ops in order, and lays down the boxes that are full.
    pub(crate) async fn add(&mut self, admin: &Admin, ops: Vec<Op>) -> Result<(), Failure> {
        self.bytes += ops.iter().map(codec::packed_len).sum::<usize>();
        self.ops.extend(ops);
        // A box more than is needed for one entry: then it is certain that there will be several.
        while self.bytes > ENTRY_MAX_BYTES + BOX_BYTES || (self.boxes > 0 && self.bytes >= BOX_BYTES) {
            self.lay_box(admin).await?;
        }
        Ok(())
    }

    /// Makes it visible at one revision, if nothing changed since. `None` if something did: nothing of it is left then.
    pub(crate) async fn commit(
        mut self,
        admin: &Admin,
        since: Revision,
    ) -> Result<Option<Revision>, Failure> {
        let unchanged = Guard::UnchangedSince(since);
        if self.boxes == 0 && self.bytes + ENVELOPE_BYTES <= ENTRY_MAX_BYTES {
            let ops = std::mem::take(&mut self.ops);
            let txn = self.txn(admin, vec![unchanged], ops.into());
            return applied(admin.store.propose(txn, COMMIT_TIMEOUT).await?);
        }
        while !self.ops.is_empty() {
            if let Err(failure) = self.lay_box(admin).await {
                self.throw_away(admin).await;
                return Err(failure);
            }
        }
        let guards = std::iter::once(unchanged).chain(self.stage.all_present(self.boxes));
        let unpack = Op::Unstage {
            stage: self.stage.boxes(),
        };
        let txn = self.txn(admin, guards.collect(), vec![unpack]);
        let outcome = admin.store.propose(txn, COMMIT_TIMEOUT).await;
        if matches!(outcome, Ok(Outcome::Refused { .. })) {
            self.throw_away(admin).await;
        }
        applied(outcome?)
    }

    async fn lay_box(&mut self, admin: &Admin) -> Result<(), Failure> {
        if self.boxes == BOXES_MAX {
            return Err(Failure::WriteTooLarge {
                bytes: BOX_BYTES * BOXES_MAX as usize + self.bytes,
                limit: BOX_BYTES * BOXES_MAX as usize,
            });
        }
        let ops = self.fill_box();
        let value = stage::pack(&ops).map_err(|_| Failure::WriteTooLarge {
            bytes: ops.iter().map(codec::packed_len).sum(),
            limit: ENTRY_MAX_BYTES,
        })?;
        let key = self.stage.box_key(self.boxes);
        let txn = self.txn(admin, Vec::new(), vec![Op::Put { key, value }]);
        match admin.store.propose(txn, BOX_TIMEOUT).await {
            // Whether a box is there that nobody knows about is found out by the guards at the end.
            Ok(_) | Err(ProposeError::Unknown { .. }) => {
                self.boxes += 1;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the ops of the next box out.
    fn fill_box(&mut self) -> Vec<Op> {
        let (mut ops, mut bytes) = (Vec::new(), 0);
        while let Some(op) = self.ops.pop_front() {
            let len = codec::packed_len(&op);
            if !ops.is_empty() && bytes + len > BOX_BYTES {
                self.ops.push_front(op);
                break;
            }
            bytes += len;
            ops.push(op);
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        ops
    }

    /// Throws away what was laid down. What cannot be thrown away now is removed by the leader later.
    pub(crate) async fn throw_away(&self, admin: &Admin) {
        for first in (0..self.boxes).step_by(THROWN_AT_ONCE as usize) {
            let last = (first + THROWN_AT_ONCE).min(self.boxes);
            let keys = (first..last).map(|number| self.stage.box_key(number));
            let txn = self.txn(admin, Vec::new(), keys.map(|key| Op::Delete { key }).collect());
            if let Err(error) = admin.store.propose(txn, BOX_TIMEOUT).await {
                tracing::debug!(%error, "boxes of a change set are removed later");
                return;
            }
        }
    }

    fn txn(&self, admin: &Admin, guards: Vec<Guard>, ops: Vec<Op>) -> Txn {
        Txn {
            request: admin.request_ids.next(),
            guards,
            ops,
            ensures: Vec::new(),
            stamped_at_ms: now_ms(),
            actor: self.actor.clone(),
        }
    }
}

fn applied(outcome: Outcome) -> Result<Option<Revision>, Failure> {
    Ok(match outcome {
        Outcome::Applied(revision) => Some(revision),
        Outcome::Refused { .. } => None,
    })
}
