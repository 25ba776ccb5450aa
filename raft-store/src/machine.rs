//! Committed entries into the state.
//!
//! openraft hands over a run of committed entries; they are applied on one overlay, written as one batch together with the
//! place of the last of them, and only then answered and announced. Whoever hears of a revision can read it.
//!
//! Snapshots: the checkpoint is taken here, while nothing is applied, so that what it contains and what it says it
//! contains are the same. Installing looks at what came, then swaps the whole state.
//!
//! The catch: an entry that is skipped or applied twice is never missed by anybody, the nodes just differ from then on. So the
//! [log reader](crate::disk::log_reader) gives all entries of a range or an error, and each must come after the one applied before it.

mod staged;

use staged::{Opened, unpacks};

use crate::{
    disk::{
        DiskError, SnapshotDir, StateDb,
        state::OpenState,
        stored::{StoredLogId, StoredMembershipAt},
    },
    moments::Moments,
    options::{APPLY_MAX_BYTES, APPLY_MAX_ENTRIES},
    panics,
    step::{Side, Step},
    types::{
        Answer, Types,
        alias::{LogId, Payload, Snapshot, SnapshotMeta, StoredMembership},
    },
};
use futures_util::{Stream, StreamExt};
use openraft::{
    OptionalSend, RaftSnapshotBuilder,
    storage::{ApplyResponder, EntryResponder, RaftStateMachine},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{io, pin::pin, sync::Arc};
use tokio::sync::watch;
use troop_txn::{Image, Outcome, Overlay, Revision, Table, Txn, codec, frame::Kind, machine};

const APPLIED: &[u8] = b"applied";
const MEMBERSHIP: &[u8] = b"membership";

/// How far this node's state is. Watched by everybody who waits for a revision.
#[derive(Clone)]
pub struct Progress {
    /// The last applied transaction.
    pub revision: watch::Sender<Revision>,
    /// The last applied entry of any kind.
    pub index: watch::Sender<u64>,
    /// When the last revisions were applied.
    pub moments: Arc<Moments>,
}

/// The state machine as openraft drives it.
pub struct Machine {
    state: StateDb,
    progress: Progress,
    snapshot: Option<(SnapshotMeta, SnapshotDir)>,
}

impl Machine {
    /// Over an opened state.
    ///
    /// # Errors
    /// [`DiskError::Damaged`] when the state's own notes cannot be read.
    pub fn open(state: StateDb) -> Result<Self, DiskError> {
        let progress = Progress {
            revision: watch::Sender::new(Revision::ZERO),
            index: watch::Sender::new(0),
            moments: Arc::default(),
        };
        let machine = Machine {
            state,
            progress,
            snapshot: None,
        };
        machine.finish_interrupted()?;
        machine.announce()?;
        Ok(machine)
    }

    /// How far it is, from now on.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Where the state ends.
    ///
    /// # Errors
    /// [`DiskError::Damaged`] when the note of it cannot be read.
    pub fn applied(&self) -> Result<Option<LogId>, DiskError> {
        applied_in(&self.state.now())
    }

    /// Tells the watchers where the state is now, as read back from it.
    fn announce(&self) -> Result<(), DiskError> {
        let state = self.state.now();
        let index = applied_in(&state)?.map_or(0, |id| id.index);
        let notes = machine::notes(&*state).map_err(|e| damaged(&state, e.to_string()))?;
        self.announce_at(index, notes.revision);
        Ok(())
    }

    fn announce_at(&self, index: u64, revision: Revision) {
        self.progress.moments.note(revision);
        self.progress
            .revision
            .send_if_modified(|now| std::mem::replace(now, revision.max(*now)) < revision);
        self.progress
            .index
            .send_if_modified(|now| std::mem::replace(now, index.max(*now)) < index);
    }

    fn reach_members(&self, payload: &Payload, side: Side) -> Result<(), DiskError> {
        match payload {
            Payload::Membership(_) => self.state.reach(Step::Membership, side),
            Payload::Blank | Payload::Normal(_) => Ok(()),
        }
    }

    /// Applies a run of entries as one batch.
    fn apply_run(&mut self, run: Vec<Opened>) -> Result<(), io::Error> {
        let state = self.state.now();
        let mut before = applied_in(&state)?.map(|id| id.index);
        let mut batch = Overlay::new(&*state);
        let mut answers: Vec<(ApplyResponder<Types>, Answer)> = Vec::new();
        let (mut last, mut revision) = (None, None);
        for Opened { entry, txn } in run {
            let (entry, responder) = entry;
            comes_after(before, entry.log_id.index)?;
            before = Some(entry.log_id.index);
            self.reach_members(&entry.payload, Side::Before)?;
            let answer = apply_one(&mut batch, &entry.log_id, &entry.payload, txn.as_ref())?;
            self.reach_members(&entry.payload, Side::After)?;
            if let Answer(Some(Outcome::Applied(now))) = answer {
                // A replayed request answers with an old revision: the newest one counts.
                revision = revision.max(Some(now));
            }
            last = Some(entry.log_id);
            answers.extend(responder.map(|responder| (responder, answer)));
        }
        let Some(last) = last else { return Ok(()) };
        put_note(&mut batch, APPLIED, &StoredLogId::from(last))?;
        self.state.reach(Step::Apply, Side::Before)?;
        state.write(batch.into_changes())?;
        self.state.reach(Step::Apply, Side::After)?;
        self.announce_at(last.index, revision.unwrap_or_default());
        for (responder, answer) in answers {
            responder.send(answer);
        }
        Ok(())
    }
}

fn comes_after(before: Option<u64>, index: u64) -> Result<(), io::Error> {
    match before {
        Some(before) if index <= before => Err(io::Error::other(format!(
            "entry {index} was to be applied after entry {before}"
        ))),
        _ => Ok(()),
    }
}

fn applied_in(state: &OpenState) -> Result<Option<LogId>, DiskError> {
    Ok(note_in::<StoredLogId>(state, APPLIED)?.map(Into::into))
}

fn membership_in(state: &OpenState) -> Result<StoredMembership, DiskError> {
    match note_in::<StoredMembershipAt>(state, MEMBERSHIP)? {
        None => Ok(StoredMembership::default()),
        Some(stored) => stored.try_into().map_err(|what| damaged(state, what)),
    }
}

fn note_in<T: DeserializeOwned>(state: &OpenState, key: &[u8]) -> Result<Option<T>, DiskError> {
    let bytes = state
        .get(Table::Meta, key)
        .map_err(|e| damaged(state, e.to_string()))?;
    bytes
        .map(|bytes| codec::decode(Kind::StateMeta, key, &bytes))
        .transpose()
        .map_err(|e| damaged(state, e.to_string()))
}

fn damaged(state: &OpenState, what: String) -> DiskError {
    DiskError::Damaged {
        path: state.path(),
        what,
    }
}

fn apply_one(
    batch: &mut Overlay<'_>,
    id: &LogId,
    payload: &Payload,
    txn: Option<&Txn>,
) -> Result<Answer, io::Error> {
    if let Some(txn) = txn {
        let outcome = machine::apply(batch, id.index, txn).map_err(io::Error::other)?;
        return Ok(Answer(Some(outcome)));
    }
    match payload {
        Payload::Blank | Payload::Normal(_) => Ok(Answer(None)),
        Payload::Membership(membership) => {
            let stored = StoredMembership::new(Some(*id), membership.clone());
            put_note(batch, MEMBERSHIP, &StoredMembershipAt::from(&stored))?;
            Ok(Answer(None))
        }
    }
}

fn size_of_payload(payload: &Payload) -> usize {
    match payload {
        Payload::Normal(packed) => packed.0.len(),
        Payload::Blank | Payload::Membership(_) => 0,
    }
}

fn put_note<T: Serialize>(batch: &mut Overlay<'_>, key: &'static [u8], value: &T) -> Result<(), io::Error> {
    let bytes = codec::encode(Kind::StateMeta, key, value).map_err(io::Error::other)?;
    batch.put(Table::Meta, key, bytes);
    Ok(())
}

/// A snapshot that was taken already; openraft asks for it by this type.
pub struct Builder {
    taken: Result<Snapshot, String>,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = SnapshotDir;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        self.taken.clone().map_err(io::Error::other)
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = SnapshotDir;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let state = self.state.now();
        Ok((applied_in(&state)?, membership_in(&state)?))
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        // The log is read without waiting, so that nothing is held back here for an entry that comes later.
        let mut entries = pin!(entries);
        let (mut run, mut bytes) = (Vec::new(), 0);
        while let Some(entry) = entries.next().await {
            let entry = Opened::new(entry?)?;
            if entry.txn.as_ref().is_some_and(unpacks) {
                let run = std::mem::take(&mut run);
                panics::as_error(|| self.apply_run(run))?;
                bytes = 0;
                if let Some(pieces) = self.in_pieces(&entry)? {
                    self.apply_in_pieces(entry.entry, pieces).await?;
                    continue;
                }
            }
            bytes += size_of_payload(&entry.entry.0.payload);
            run.push(entry);
            if run.len() >= APPLY_MAX_ENTRIES || bytes >= APPLY_MAX_BYTES {
                let run = std::mem::take(&mut run);
                panics::as_error(|| self.apply_run(run))?;
                bytes = 0;
            }
        }
        panics::as_error(|| self.apply_run(run))
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Builder> {
        match panics::as_error(|| self.take_snapshot()) {
            // Nobody waits for this one: the log is kept a while longer, and openraft asks again.
            Err(error) if !force => {
                tracing::warn!(%error, "a snapshot was not taken; the log is kept");
                None
            }
            taken => Some(Builder {
                taken: taken.map_err(|e| e.to_string()),
            }),
        }
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let taken = panics::as_error(|| self.take_snapshot()).map_err(|e| e.to_string());
        Builder { taken }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotDir,
    ) -> Result<(), io::Error> {
        panics::as_error(|| self.install(meta, &snapshot))
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        Ok(self
            .snapshot
            .clone()
            .map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

impl Machine {
    fn install(&mut self, meta: &SnapshotMeta, snapshot: &SnapshotDir) -> Result<(), DiskError> {
        self.state.reach(Step::Install, Side::Before)?;
        let received = self.state.adopt(snapshot)?;
        let holds = (applied_in(&received)?, membership_in(&received)?);
        if holds != (meta.last_log_id, meta.last_membership.clone()) {
            let what = format!(
                "the snapshot says it is of {:?} and is of {:?}",
                meta.last_log_id, holds.0
            );
            return Err(damaged(&received, what));
        }
        self.state.switch_to(received)?;
        self.state.reach(Step::Install, Side::After)?;
        self.announce()?;
        self.take_snapshot()?;
        Ok(())
    }

    fn take_snapshot(&mut self) -> Result<Snapshot, DiskError> {
        // Synced first: once a snapshot exists the log before it may be purged.
        self.state.sync()?;
        let state = self.state.now();
        let meta = SnapshotMeta {
            last_log_id: applied_in(&state)?,
            last_membership: membership_in(&state)?,
        };
        let snapshot = self.state.checkpoint()?;
        self.snapshot = Some((meta.clone(), snapshot.clone()));
        Ok(Snapshot { meta, snapshot })
    }
}

#[cfg(test)]
mod tests;
