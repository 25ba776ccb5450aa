//! What applying means, said once more and as plainly as possible.
//!
//! No tables, no frames, no overlays: a map, a list, and a copy of both that is kept or thrown away. Slow and obvious, so that
//! a difference from the machine is the machine's fault.

use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use troop_txn::{
    Ensure, Event, EventBody, Guard, Key, Op, Operation, Outcome, Refusal, RequestId, Revision, Row, Txn,
    stage,
};

/// The replicated state.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// All rows.
    pub rows: BTreeMap<Key, Row>,
    /// Events that are kept.
    pub events: Vec<Event>,
    /// Of the last applied transaction.
    pub revision: Revision,
    /// First revision whose events are kept.
    pub events_from: Revision,
    answers: HashMap<RequestId, Outcome>,
}

impl Model {
    /// Applies the entry at `index`.
    pub fn apply(&mut self, index: u64, txn: &Txn) -> Outcome {
        if let Some(answer) = self.answers.get(&txn.request) {
            return *answer;
        }
        let mut after = self.clone();
        let outcome = match after.attempt(Revision::new(index), txn) {
            Ok(()) => {
                *self = after;
                Outcome::Applied(self.revision)
            }
            Err(refusal) => Outcome::Refused {
                revision: self.revision,
                refusal,
            },
        };
        self.answers.insert(txn.request, outcome);
        outcome
    }

    /// Whether this request was answered before.
    pub fn knows(&self, request: RequestId) -> bool {
        self.answers.contains_key(&request)
    }

    fn attempt(&mut self, revision: Revision, txn: &Txn) -> Result<(), Refusal> {
        let failing = txn.guards.iter().position(|guard| !self.holds(guard));
        if let Some(at) = failing {
            return Err(Refusal::Guard(at as u32));
        }
        for op in &txn.ops {
            self.perform(revision, op);
        }
        let failing = txn.ensures.iter().position(|Ensure::PrefixEmpty(prefix)| {
            self.rows
                .keys()
                .any(|key| key.as_bytes().starts_with(prefix.as_bytes()))
        });
        if let Some(at) = failing {
            return Err(Refusal::Ensure(at as u32));
        }
        self.revision = revision;
        Ok(())
    }

    fn holds(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Absent(key) => !self.rows.contains_key(key),
            Guard::Present(key) => self.rows.contains_key(key),
            Guard::RevisionIs { key, revision } => {
                self.rows.get(key).is_some_and(|row| row.modified == *revision)
            }
            Guard::GlobalRevisionIs(revision) => self.revision == *revision,
            Guard::UnchangedSince(revision) => {
                self.events_from.get() <= revision.get() + 1
                    && self.events.iter().all(|event| event.revision <= *revision)
            }
        }
    }

    fn perform(&mut self, revision: Revision, op: &Op) {
        match op {
            Op::Put { key, value } => {
                let old = self.rows.get(key).cloned();
                let row = Row {
                    created: old.as_ref().map_or(revision, |row| row.created),
                    modified: revision,
                    value: value.clone(),
                };
                self.rows.insert(key.clone(), row);
                let operation = if old.is_some() {
                    Operation::Update
                } else {
                    Operation::Create
                };
                self.changed(revision, key, operation, Some(value.clone()), old);
            }
            Op::Delete { key } => {
                if let Some(old) = self.rows.remove(key) {
                    self.changed(revision, key, Operation::Delete, None, Some(old));
                }
            }
            Op::Emit {
                channel,
                data,
                not_before_ms,
            } => self.event(
                revision,
                EventBody::Broadcast {
                    channel: channel.clone(),
                    data: data.clone(),
                    not_before_ms: *not_before_ms,
                },
            ),
            Op::CompactEvents { below } => {
                let below = (*below).min(revision);
                self.events.retain(|event| event.revision >= below);
                self.events_from = self.events_from.max(below);
            }
            Op::Unstage { stage } => {
                let of_stage = |key: &&Key| key.as_bytes().starts_with(stage.as_bytes());
                let boxes: Vec<Key> = self.rows.keys().filter(of_stage).cloned().collect();
                for key in boxes {
                    let ops = stage::unpack(&self.rows[&key].value).unwrap();
                    ops.iter().for_each(|op| self.perform(revision, op));
                    self.perform(revision, &Op::Delete { key });
                }
            }
        }
    }

    fn changed(
        &mut self,
        revision: Revision,
        key: &Key,
        operation: Operation,
        entity: Option<Bytes>,
        old: Option<Row>,
    ) {
        if let Some((schema, id)) = key.as_record() {
            let body = EventBody::Crud {
                schema: schema.to_owned(),
                operation,
                id: Bytes::copy_from_slice(id),
                entity,
                old_entity: old.map(|row| row.value),
            };
            self.event(revision, body);
        }
    }

    fn event(&mut self, revision: Revision, body: EventBody) {
        let ordinal = self.events.iter().filter(|e| e.revision == revision).count();
        self.events.push(Event {
            revision,
            ordinal: ordinal as u32,
            body,
        });
    }
}
