//! Committed entries into the state.
//!
//! openraft hands over a run of committed entries; they are applied on one overlay, written as one batch together with the
//! place of the last of them, and only then answered and announced. Whoever hears of a revision can read it.
//!
//! Snapshots: the checkpoint is taken here, while nothing is applied, so that what it contains and what it says it
//! contains are the same. Installing swaps the whole state.

use crate::{
    disk::{
        DiskError, SnapshotDir, StateDb,
        stored::{StoredLogId, StoredMembershipAt},
    },
    options::APPLY_MAX_ENTRIES,
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
use std::{io, pin::pin};
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
        };
        let machine = Machine {
            state,
            progress,
            snapshot: None,
        };
        machine.announce()?;
        Ok(machine)
    }

    /// How far it is, from now on.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn applied(&self) -> Result<Option<LogId>, DiskError> {
        Ok(self.note::<StoredLogId>(APPLIED)?.map(Into::into))
    }

    fn membership(&self) -> Result<StoredMembership, DiskError> {
        match self.note::<StoredMembershipAt>(MEMBERSHIP)? {
            None => Ok(StoredMembership::default()),
            Some(stored) => stored.try_into().map_err(|what| self.damaged(what)),
        }
    }

    fn note<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, DiskError> {
        let bytes = self
            .state
            .now()
            .get(Table::Meta, key)
            .map_err(|e| self.damaged(e.to_string()))?;
        bytes
            .map(|bytes| codec::decode(Kind::StateMeta, key, &bytes))
            .transpose()
            .map_err(|e| self.damaged(e.to_string()))
    }

    /// Tells the watchers where the state is now, as read back from it.
    fn announce(&self) -> Result<(), DiskError> {
        let index = self.applied()?.map_or(0, |id| id.index);
        let notes = machine::notes(&*self.state.now()).map_err(|e| self.damaged(e.to_string()))?;
        self.announce_at(index, notes.revision);
        Ok(())
    }

    fn announce_at(&self, index: u64, revision: Revision) {
        self.progress
            .revision
            .send_if_modified(|now| std::mem::replace(now, revision.max(*now)) < revision);
        self.progress
            .index
            .send_if_modified(|now| std::mem::replace(now, index.max(*now)) < index);
    }

    /// Applies a run of entries as one batch.
    fn apply_run(&mut self, run: Vec<EntryResponder<Types>>) -> Result<(), io::Error> {
        let state = self.state.now();
        let mut batch = Overlay::new(&*state);
        let mut answers: Vec<(ApplyResponder<Types>, Answer)> = Vec::new();
        let (mut last, mut revision) = (None, None);
        for (entry, responder) in run {
            let answer = apply_one(&mut batch, &entry.log_id, &entry.payload)?;
            if let Answer(Some(Outcome::Applied(now))) = answer {
                // A replayed request answers with an old revision: the newest one counts.
                revision = revision.max(Some(now));
            }
            last = Some(entry.log_id);
            answers.extend(responder.map(|responder| (responder, answer)));
        }
        let Some(last) = last else { return Ok(()) };
        put_note(&mut batch, APPLIED, &StoredLogId::from(last))?;
        state.write(batch.into_changes())?;
        self.announce_at(last.index, revision.unwrap_or_default());
        for (responder, answer) in answers {
            responder.send(answer);
        }
        Ok(())
    }

    fn damaged(&self, what: String) -> DiskError {
        DiskError::Damaged {
            path: self.state.now().path(),
            what,
        }
    }
}

fn apply_one(batch: &mut Overlay<'_>, id: &LogId, payload: &Payload) -> Result<Answer, io::Error> {
    match payload {
        Payload::Blank => Ok(Answer(None)),
        Payload::Membership(membership) => {
            let stored = StoredMembership::new(Some(*id), membership.clone());
            put_note(batch, MEMBERSHIP, &StoredMembershipAt::from(&stored))?;
            Ok(Answer(None))
        }
        Payload::Normal(packed) => {
            // An entry that does not unpack was written by a newer program: stop before it, never skip it.
            let txn: Txn = codec::unpack(&packed.0).map_err(|e| {
                io::Error::other(format!(
                    "entry {} cannot be read by this version of troop: {e}",
                    id.index
                ))
            })?;
            let outcome = machine::apply(batch, id.index, &txn).map_err(io::Error::other)?;
            Ok(Answer(Some(outcome)))
        }
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
        Ok((self.applied()?, self.membership()?))
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        let mut runs = pin!(entries.ready_chunks(APPLY_MAX_ENTRIES));
        while let Some(run) = runs.next().await {
            self.apply_run(run.into_iter().collect::<Result<_, _>>()?)?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let taken = self.take_snapshot().map_err(|e| e.to_string());
        Builder { taken }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotDir,
    ) -> Result<(), io::Error> {
        self.state.replace(&snapshot)?;
        let found = self.applied()?;
        if found != meta.last_log_id {
            return Err(self
                .damaged(format!(
                    "snapshot says {:?} and holds {found:?}",
                    meta.last_log_id
                ))
                .into());
        }
        self.announce()?;
        self.take_snapshot()?;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        Ok(self
            .snapshot
            .clone()
            .map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

impl Machine {
    fn take_snapshot(&mut self) -> Result<Snapshot, DiskError> {
        // Synced first: once a snapshot exists the log before it may be purged.
        self.state.sync()?;
        let meta = SnapshotMeta {
            last_log_id: self.applied()?,
            last_membership: self.membership()?,
        };
        let snapshot = self.state.checkpoint()?;
        self.snapshot = Some((meta.clone(), snapshot.clone()));
        Ok(Snapshot { meta, snapshot })
    }
}
