//! One entry, applied a box at a time.
//!
//! Unpacking a staged change set ([`crate::stage`]) on one sheet of tracing paper would need a sheet as large as the change set, on
//! every node at once. Here the boxes are unpacked one by one, each pressed down before the next is opened; what is noted in between
//! is how far the work is, so that it can go on after a crash.
//!
//! The catch: between the first and the last piece the image is in no state that ever was. Whoever holds it keeps readers away from
//! it, and finishes what [`interrupted`] finds before anybody reads. The end is the same as that of [`apply`](super::apply), to the
//! last bit.

use super::{Notes, Work, answer, damaged, encode, holds, notes, remember};
use crate::{
    codec,
    entry::{Op, Outcome, RequestId, Txn},
    frame::Kind,
    image::{Image, ImageError, Overlay, Table},
    key::Key,
    revision::Revision,
};
use serde::{Deserialize, Serialize};

const UNDER_WAY_KEY: &[u8] = b"unstaging";

/// How far an entry is that is applied in pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pieces {
    index: u64,
    request: RequestId,
    stage: Key,
    notes: Notes,
    ordinal: u32,
}

/// The entry at `index` in pieces, if it unpacks a staged change set and nothing else and would be applied; if not,
/// [`apply`](super::apply) is the way.
///
/// # Errors
/// [`ImageError`]: this node's storage is broken.
pub fn begin(image: &dyn Image, index: u64, txn: &Txn) -> Result<Option<Pieces>, ImageError> {
    let [Op::Unstage { stage }] = &txn.ops[..] else {
        return Ok(None);
    };
    if !txn.ensures.is_empty() || answer(image, txn)?.is_some() {
        return Ok(None);
    }
    let notes = notes(image)?;
    for guard in &txn.guards {
        if !holds(image, notes.revision, guard)? {
            return Ok(None);
        }
    }
    Ok(Some(Pieces {
        index,
        request: txn.request,
        stage: stage.clone(),
        notes,
        ordinal: 0,
    }))
}

/// The entry that was being applied when this image was left.
///
/// # Errors
/// [`ImageError`]: this node's storage is broken.
pub fn interrupted(image: &dyn Image) -> Result<Option<Pieces>, ImageError> {
    let bytes = image.get(Table::Meta, UNDER_WAY_KEY)?;
    bytes
        .map(|bytes| {
            codec::decode(Kind::StateMeta, UNDER_WAY_KEY, &bytes).map_err(|e| damaged(Table::Meta, e))
        })
        .transpose()
}

impl Pieces {
    /// Unpacks the next box on `batch`. The outcome once there was none left: everything is on the image then.
    ///
    /// # Errors
    /// [`ImageError`]: this node's storage is broken; nothing of the piece is on `batch`.
    pub fn step(&mut self, batch: &mut Overlay<'_>) -> Result<Option<Outcome>, ImageError> {
        let revision = Revision::new(self.index);
        let mut work = Work {
            sheet: Overlay::new(batch),
            notes: self.notes,
            revision,
            ordinal: self.ordinal,
        };
        if work.open_box_after(&self.stage, None)?.is_some() {
            (self.notes, self.ordinal) = (work.notes, work.ordinal);
            let changes = work.sheet.into_changes();
            batch.absorb(changes);
            let place = encode(Table::Meta, Kind::StateMeta, UNDER_WAY_KEY, self)?;
            batch.put(Table::Meta, UNDER_WAY_KEY, place);
            return Ok(None);
        }
        let changes = work.finish()?;
        batch.absorb(changes);
        batch.delete(Table::Meta, UNDER_WAY_KEY);
        let outcome = Outcome::Applied(revision);
        remember(batch, self.index, self.request, outcome)?;
        Ok(Some(outcome))
    }
}
