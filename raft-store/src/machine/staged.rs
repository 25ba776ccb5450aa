//! Entries that unpack a staged change set: a box at a time, while readers see the state before it.
//!
//! The rest of the machine applies runs of small entries as one batch. An entry that unpacks boxes may stand for hundreds of megabytes;
//! it is applied alone, one batch per box, with a note of how far it is in each. Readers get a frozen copy meanwhile, for between two
//! boxes the state is at no revision.
//!
//! The catch: the process may end between two boxes. The entry is committed, so the next start goes on where the note says, before
//! anybody reads and before Raft is asked anything.

use super::{APPLIED, Machine, applied_in, comes_after, damaged, note_in, put_note};
use crate::{
    disk::{DiskError, stored::StoredLogId},
    panics,
    step::{Side, Step},
    types::{Answer, Types, alias::Payload},
};
use openraft::storage::EntryResponder;
use std::io;
use troop_txn::{
    Op, Outcome, Overlay, Table, Txn, codec,
    machine::pieces::{self, Pieces},
};

const UNSTAGING: &[u8] = b"unstaging-at";

/// An entry with the transaction in it, if it has one.
pub(super) struct Opened {
    pub(super) entry: EntryResponder<Types>,
    pub(super) txn: Option<Txn>,
}

impl Opened {
    pub(super) fn new(entry: EntryResponder<Types>) -> Result<Self, io::Error> {
        let txn = match &entry.0.payload {
            Payload::Normal(packed) => Some(codec::unpack(&packed.0)),
            Payload::Blank | Payload::Membership(_) => None,
        };
        // An entry that does not unpack was written by a newer program: stop before it, never skip it.
        let txn = txn.transpose().map_err(|e| {
            let index = entry.0.log_id.index;
            io::Error::other(format!(
                "entry {index} cannot be read by this version of troop: {e}"
            ))
        })?;
        Ok(Opened { entry, txn })
    }
}

/// Whether a transaction unpacks boxes.
pub(super) fn unpacks(txn: &Txn) -> bool {
    txn.ops.iter().any(|op| matches!(op, Op::Unstage { .. }))
}

impl Machine {
    /// Goes on with the entry that was being applied when the process ended.
    pub(super) fn finish_interrupted(&self) -> Result<(), DiskError> {
        let state = self.state.now();
        let damaged = |what: String| damaged(&state, what);
        let Some(place) = note_in::<StoredLogId>(&state, UNSTAGING)? else {
            return Ok(());
        };
        let found = pieces::interrupted(&*state).map_err(|e| damaged(e.to_string()))?;
        let mut pieces =
            found.ok_or_else(|| damaged("it does not say how far an entry was applied".into()))?;
        tracing::info!(index = place.index, "an interrupted change set is completed");
        loop {
            let done = self.apply_piece(&mut pieces, place);
            if done.map_err(|e| damaged(e.to_string()))?.is_some() {
                return Ok(());
            }
        }
    }

    /// The pieces of an entry that comes next and is applied in pieces.
    pub(super) fn in_pieces(&self, entry: &Opened) -> Result<Option<Pieces>, io::Error> {
        match &entry.txn {
            Some(txn) if unpacks(txn) => {
                let index = entry.entry.0.log_id.index;
                pieces::begin(&*self.state.now(), index, txn).map_err(io::Error::other)
            }
            _ => Ok(None),
        }
    }

    /// Applies them.
    pub(super) async fn apply_in_pieces(
        &mut self,
        (entry, responder): EntryResponder<Types>,
        mut pieces: Pieces,
    ) -> Result<(), io::Error> {
        let place = StoredLogId::from(entry.log_id);
        let before = applied_in(&self.state.now())?.map(|id| id.index);
        comes_after(before, place.index)?;
        self.state.hold()?;
        let outcome = loop {
            if let Some(outcome) = panics::as_error(|| self.apply_piece(&mut pieces, place))? {
                break outcome;
            }
            // Raft's own work shares this thread.
            tokio::task::yield_now().await;
        };
        self.state.release();
        self.announce_at(place.index, outcome.revision());
        if let Some(responder) = responder {
            responder.send(Answer(Some(outcome)));
        }
        Ok(())
    }

    pub(super) fn apply_piece(
        &self,
        pieces: &mut Pieces,
        place: StoredLogId,
    ) -> Result<Option<Outcome>, io::Error> {
        let state = self.state.now();
        let mut batch = Overlay::new(&*state);
        let outcome = pieces.step(&mut batch).map_err(io::Error::other)?;
        if outcome.is_some() {
            batch.delete(Table::Meta, UNSTAGING);
            put_note(&mut batch, APPLIED, &place)?;
        } else {
            put_note(&mut batch, UNSTAGING, &place)?;
        }
        self.state.reach(Step::Apply, Side::Before)?;
        state.write(batch.into_changes())?;
        self.state.reach(Step::Apply, Side::After)?;
        Ok(outcome)
    }
}
