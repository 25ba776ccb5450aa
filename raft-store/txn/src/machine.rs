//! Applying an entry: the only code that changes replicated state.
//!
//! Look up whether the request was answered before; check the guards; perform the ops on a sheet of tracing paper; check the
//! ensures; press the sheet down together with the events, the new revision and the answer. Everything here depends on the
//! image and the entry alone.
//!
//! The catch: sessions must not grow for ever, and forgetting must be the same on every node. So an answer is
//! kept for a fixed number of log entries, not for a time.
//!
//! What it does not do: fail half-way. A refused transaction is an answer; an [`ImageError`] means that this node's
//! storage is broken and the store must stop.

pub mod pieces;

use crate::{
    codec,
    entry::{Ensure, Guard, Op, Outcome, Refusal, RequestId, Txn},
    event::{Event, EventBody, Operation, event_key},
    frame::{FrameError, Kind},
    image::{Image, ImageError, Overlay, Table},
    key::Key,
    revision::Revision,
    row::Row,
    stage,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// An answer is kept for this many log entries: half a minute at 3,000 writes a second (what one disk's fsync
/// gives), several times the longest a request is retried; at 80 bytes an answer at most 8 MB.
pub const SESSION_WINDOW_ENTRIES: u64 = 100_000;
/// Answers forgotten per applied entry at most; more than one, so that the table shrinks after the window was lowered.
const SESSION_EXPIRE_MAX: usize = 4;
/// Events forgotten per compaction op at most: bounds the time one entry takes to apply (measured in tens of milliseconds).
pub const COMPACT_MAX_EVENTS: usize = 4_096;

const NOTES_KEY: &[u8] = b"machine";
const SESSIONS_FROM_KEY: &[u8] = b"sessions-from";
const SESSION_BY_REQUEST: u8 = 0;
const SESSION_BY_AGE: u8 = 1;

/// What the machine notes about the state as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Index of the last applied transaction.
    pub revision: Revision,
    /// Sum of the hashes of all rows: equal on two nodes at equal revisions, or one of them is wrong.
    pub digest: u128,
    /// Hash chain over all events ever: equal order, equal chain.
    pub chain: u128,
    /// First revision whose events are still kept in full.
    pub events_from: Revision,
    /// Events kept.
    pub events_kept: u64,
}

/// The machine's notes in `image`; zeros before the first entry.
///
/// # Errors
/// [`ImageError`] when the storage fails or is damaged.
pub fn notes(image: &dyn Image) -> Result<Notes, ImageError> {
    match image.get(Table::Meta, NOTES_KEY)? {
        None => Ok(Notes::default()),
        Some(bytes) => codec::decode(Kind::StateMeta, NOTES_KEY, &bytes).map_err(|e| damaged(Table::Meta, e)),
    }
}

/// The row under `key`.
///
/// # Errors
/// [`ImageError`] when the storage fails or is damaged.
pub fn row(image: &dyn Image, key: &Key) -> Result<Option<Row>, ImageError> {
    image
        .get(Table::Rows, key.as_bytes())?
        .map(|bytes| decode_row(key.as_bytes(), &bytes))
        .transpose()
}

/// Opens the frame of a row.
///
/// # Errors
/// [`ImageError::Damaged`] when it does not open.
pub fn decode_row(key: &[u8], bytes: &[u8]) -> Result<Row, ImageError> {
    codec::decode(Kind::Row, key, bytes).map_err(|e| damaged(Table::Rows, e))
}

/// Opens the frame of an event.
///
/// # Errors
/// [`ImageError::Damaged`] when it does not open.
pub fn decode_event(key: &[u8], bytes: &[u8]) -> Result<Event, ImageError> {
    codec::decode(Kind::Event, key, bytes).map_err(|e| damaged(Table::Events, e))
}

/// The kept answer to a request.
///
/// # Errors
/// [`ImageError`] when the storage fails or is damaged.
pub fn answer(image: &dyn Image, txn: &Txn) -> Result<Option<Outcome>, ImageError> {
    let key = request_key(txn.request);
    image
        .get(Table::Sessions, &key)?
        .map(|bytes| codec::decode(Kind::Session, &key, &bytes).map_err(|e| damaged(Table::Sessions, e)))
        .transpose()
}

/// Applies the entry at `index` on `batch`. A request that was answered before gets that answer and changes nothing.
///
/// # Errors
/// [`ImageError`]: this node's storage is broken; nothing of the entry is on `batch`.
pub fn apply(batch: &mut Overlay<'_>, index: u64, txn: &Txn) -> Result<Outcome, ImageError> {
    if let Some(answered) = answer(batch, txn)? {
        return Ok(answered);
    }
    let before = notes(batch)?;
    debug_assert!(
        index > before.revision.get(),
        "entries are applied in order, each once"
    );
    let (outcome, changes) = match attempt(batch, Revision::new(index), before, txn)? {
        Ok(changes) => (Outcome::Applied(Revision::new(index)), Some(changes)),
        Err(refusal) => (
            Outcome::Refused {
                revision: before.revision,
                refusal,
            },
            None,
        ),
    };
    let mut sheet = Overlay::new(batch);
    remember(&mut sheet, index, txn.request, outcome)?;
    let sessions = sheet.into_changes();
    batch.absorb(changes.unwrap_or_default());
    batch.absorb(sessions);
    Ok(outcome)
}

fn attempt(
    base: &dyn Image,
    revision: Revision,
    before: Notes,
    txn: &Txn,
) -> Result<Result<crate::image::Changes, Refusal>, ImageError> {
    for (at, guard) in txn.guards.iter().enumerate() {
        if !holds(base, before.revision, guard)? {
            return Ok(Err(Refusal::Guard(at as u32)));
        }
    }
    let mut work = Work {
        sheet: Overlay::new(base),
        notes: before,
        revision,
        ordinal: 0,
    };
    for op in &txn.ops {
        work.perform(op)?;
    }
    for (at, ensure) in txn.ensures.iter().enumerate() {
        let Ensure::PrefixEmpty(prefix) = ensure;
        if !work
            .sheet
            .scan(Table::Rows, prefix.as_bytes(), None, 1)?
            .is_empty()
        {
            return Ok(Err(Refusal::Ensure(at as u32)));
        }
    }
    Ok(Ok(work.finish()?))
}

fn holds(image: &dyn Image, global: Revision, guard: &Guard) -> Result<bool, ImageError> {
    Ok(match guard {
        Guard::Absent(key) => image.get(Table::Rows, key.as_bytes())?.is_none(),
        Guard::Present(key) => image.get(Table::Rows, key.as_bytes())?.is_some(),
        Guard::RevisionIs { key, revision } => row(image, key)?.is_some_and(|row| row.modified == *revision),
        Guard::GlobalRevisionIs(revision) => global == *revision,
        Guard::UnchangedSince(revision) => unchanged_since(image, *revision)?,
    })
}

/// Whether no record changed and nothing was broadcast after a revision, as far as the history reaches.
///
/// # Errors
/// [`ImageError`] when the storage fails or is damaged.
pub fn unchanged_since(image: &dyn Image, revision: Revision) -> Result<bool, ImageError> {
    if notes(image)?.events_from.get() > revision.get().saturating_add(1) {
        return Ok(false);
    }
    let last = event_key(revision, u32::MAX);
    Ok(image.scan(Table::Events, &[], Some(&last), 1)?.is_empty())
}

/// A transaction in progress.
struct Work<'a> {
    sheet: Overlay<'a>,
    notes: Notes,
    revision: Revision,
    ordinal: u32,
}

impl Work<'_> {
    fn perform(&mut self, op: &Op) -> Result<(), ImageError> {
        match op {
            Op::Put { key, value } => self.put(key, value),
            Op::Delete { key } => self.delete(key),
            Op::Emit {
                channel,
                data,
                not_before_ms,
            } => self.emit(EventBody::Broadcast {
                channel: channel.clone(),
                data: data.clone(),
                not_before_ms: *not_before_ms,
            }),
            Op::CompactEvents { below } => self.compact(*below),
            Op::Unstage { stage } => {
                let mut after = None;
                while let Some(key) = self.open_box_after(stage, after.as_ref())? {
                    after = Some(key);
                }
                Ok(())
            }
        }
    }

    /// Performs the ops of the next box and removes it. Its key; none when there is no other.
    fn open_box_after(&mut self, stage: &Key, after: Option<&Key>) -> Result<Option<Key>, ImageError> {
        let next = self
            .sheet
            .scan(Table::Rows, stage.as_bytes(), after.map(Key::as_bytes), 1)?;
        let Some((key, bytes)) = next.into_iter().next() else {
            return Ok(None);
        };
        let key = Key::from_bytes(key);
        let row = decode_row(key.as_bytes(), &bytes)?;
        for op in stage::unpack(&row.value).map_err(|e| damaged(Table::Rows, e))? {
            self.perform(&op)?;
        }
        self.delete(&key)?;
        Ok(Some(key))
    }

    fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), ImageError> {
        let old = self.take(key)?;
        let created = old.as_ref().map_or(self.revision, |row| row.created);
        let row = Row {
            created,
            modified: self.revision,
            value: value.clone(),
        };
        let bytes = encode(Table::Rows, Kind::Row, key.as_bytes(), &row)?;
        self.notes.digest = self
            .notes
            .digest
            .wrapping_add(fingerprint(key.as_bytes(), &bytes));
        self.sheet
            .put(Table::Rows, Bytes::copy_from_slice(key.as_bytes()), bytes);
        let operation = if old.is_some() {
            Operation::Update
        } else {
            Operation::Create
        };
        self.record_changed(key, operation, Some(value.clone()), old.map(|row| row.value))
    }

    fn delete(&mut self, key: &Key) -> Result<(), ImageError> {
        let Some(old) = self.take(key)? else { return Ok(()) };
        self.sheet
            .delete(Table::Rows, Bytes::copy_from_slice(key.as_bytes()));
        self.record_changed(key, Operation::Delete, None, Some(old.value))
    }

    /// The row there was, no longer counted in the digest.
    fn take(&mut self, key: &Key) -> Result<Option<Row>, ImageError> {
        let Some(bytes) = self.sheet.get(Table::Rows, key.as_bytes())? else {
            return Ok(None);
        };
        self.notes.digest = self
            .notes
            .digest
            .wrapping_sub(fingerprint(key.as_bytes(), &bytes));
        decode_row(key.as_bytes(), &bytes).map(Some)
    }

    fn record_changed(
        &mut self,
        key: &Key,
        operation: Operation,
        entity: Option<Bytes>,
        old_entity: Option<Bytes>,
    ) -> Result<(), ImageError> {
        let Some((schema, id)) = key.as_record() else {
            return Ok(());
        };
        let (schema, id) = (schema.to_owned(), Bytes::copy_from_slice(id));
        self.emit(EventBody::Crud {
            schema,
            operation,
            id,
            entity,
            old_entity,
        })
    }

    fn emit(&mut self, body: EventBody) -> Result<(), ImageError> {
        let key = event_key(self.revision, self.ordinal);
        let event = Event {
            revision: self.revision,
            ordinal: self.ordinal,
            body,
        };
        let bytes = encode(Table::Events, Kind::Event, &key, &event)?;
        self.notes.chain = link(self.notes.chain, &bytes);
        self.notes.events_kept += 1;
        self.ordinal += 1;
        self.sheet.put(Table::Events, Bytes::copy_from_slice(&key), bytes);
        Ok(())
    }

    fn compact(&mut self, below: Revision) -> Result<(), ImageError> {
        // Never the events of this very entry: subscribers have not seen them yet.
        let below = below.min(self.revision);
        // The revision before the first whole one may be half there; everything before that is gone, and not walked over again.
        let gone = self.notes.events_from.get().checked_sub(2);
        let gone = gone.map(|revision| event_key(Revision::new(revision), u32::MAX));
        let gone = gone.as_ref().map(|key| &key[..]);
        let oldest = self.sheet.scan(Table::Events, &[], gone, COMPACT_MAX_EVENTS)?;
        let mut floor = below;
        for (at, (key, _)) in oldest.iter().enumerate() {
            let of = revision_of(key)?;
            if of >= below {
                break;
            }
            self.sheet.delete(Table::Events, key.clone());
            self.notes.events_kept -= 1;
            if at + 1 == COMPACT_MAX_EVENTS {
                // This revision may be only half forgotten: what is kept in full starts after it.
                floor = Revision::new(of.get() + 1);
            }
        }
        self.notes.events_from = self.notes.events_from.max(floor);
        Ok(())
    }

    fn finish(mut self) -> Result<crate::image::Changes, ImageError> {
        self.notes.revision = self.revision;
        let bytes = encode(Table::Meta, Kind::StateMeta, NOTES_KEY, &self.notes)?;
        self.sheet.put(Table::Meta, NOTES_KEY, bytes);
        Ok(self.sheet.into_changes())
    }
}

fn remember(
    sheet: &mut Overlay<'_>,
    index: u64,
    request: RequestId,
    outcome: Outcome,
) -> Result<(), ImageError> {
    let key = request_key(request);
    let answer = encode(Table::Sessions, Kind::Session, &key, &outcome)?;
    sheet.put(Table::Sessions, Bytes::copy_from_slice(&key), answer);
    let age = age_key(index);
    let whose = encode(Table::Sessions, Kind::Session, &age, &request)?;
    sheet.put(Table::Sessions, Bytes::copy_from_slice(&age), whose);
    let Some(expired) = index.checked_sub(SESSION_WINDOW_ENTRIES) else {
        return Ok(());
    };
    forget(sheet, expired)
}

/// Forgets answers of entries up to `expired`, the oldest first.
///
/// Looks where it stopped the last time and not from the start: what was removed there still lies in an ordered store on disk
/// until it is compacted, and walking over it took a hundred times as long as everything else that applying does.
fn forget(sheet: &mut Overlay<'_>, expired: u64) -> Result<(), ImageError> {
    let from = sessions_from(sheet)?;
    let before = from.checked_sub(1).map(age_key);
    let before = before.as_ref().map(|key| &key[..]);
    let oldest = sheet.scan(Table::Sessions, &[SESSION_BY_AGE], before, SESSION_EXPIRE_MAX)?;
    let mut next = from;
    for (age, whose) in oldest {
        let index = index_of(&age)?;
        if index > expired {
            break;
        }
        let request: RequestId =
            codec::decode(Kind::Session, &age, &whose).map_err(|e| damaged(Table::Sessions, e))?;
        sheet.delete(Table::Sessions, Bytes::copy_from_slice(&request_key(request)));
        sheet.delete(Table::Sessions, age);
        next = index + 1;
    }
    if next > from {
        let bytes = encode(Table::Meta, Kind::StateMeta, SESSIONS_FROM_KEY, &next)?;
        sheet.put(Table::Meta, SESSIONS_FROM_KEY, bytes);
    }
    Ok(())
}

/// No answer of an entry before this one is kept.
fn sessions_from(image: &dyn Image) -> Result<u64, ImageError> {
    match image.get(Table::Meta, SESSIONS_FROM_KEY)? {
        None => Ok(0),
        Some(bytes) => {
            codec::decode(Kind::StateMeta, SESSIONS_FROM_KEY, &bytes).map_err(|e| damaged(Table::Meta, e))
        }
    }
}

fn request_key(request: RequestId) -> [u8; 25] {
    let mut key = [SESSION_BY_REQUEST; 25];
    key[1..].copy_from_slice(&request.to_bytes());
    key
}

fn age_key(index: u64) -> [u8; 9] {
    let mut key = [SESSION_BY_AGE; 9];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

fn index_of(age_key: &[u8]) -> Result<u64, ImageError> {
    let index = age_key.get(1..).and_then(|index| index.try_into().ok());
    index.map(u64::from_be_bytes).ok_or_else(|| {
        damaged(
            Table::Sessions,
            FrameError::Payload("the key of an answer's age has the wrong length".into()),
        )
    })
}

fn revision_of(event_key: &[u8]) -> Result<Revision, ImageError> {
    let head: [u8; 8] = event_key
        .get(..8)
        .and_then(|head| head.try_into().ok())
        .ok_or(damaged(
            Table::Events,
            FrameError::Payload("event key is too short".into()),
        ))?;
    Ok(Revision::new(u64::from_be_bytes(head)))
}

fn encode<T: Serialize>(table: Table, kind: Kind, key: &[u8], value: &T) -> Result<Vec<u8>, ImageError> {
    codec::encode(kind, key, value).map_err(|e| damaged(table, e))
}

fn damaged(table: Table, source: FrameError) -> ImageError {
    ImageError::Damaged { table, source }
}

fn fingerprint(key: &[u8], value: &[u8]) -> u128 {
    xxh3_128(key).rotate_left(64) ^ xxh3_128(value)
}

fn link(chain: u128, event: &[u8]) -> u128 {
    let mut bytes = Vec::with_capacity(16 + event.len());
    bytes.extend_from_slice(&chain.to_le_bytes());
    bytes.extend_from_slice(event);
    xxh3_128(&bytes)
}
