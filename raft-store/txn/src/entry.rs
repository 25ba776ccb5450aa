//! The log entry: a transaction.
//!
//! A cheque with conditions. Guards are what must hold before it is cashed, ops are the bookings, ensures
//! are what must hold after. It is cashed whole or not at all, and cashing the same cheque twice gives the
//! first answer again, because it carries the id of the request.
//!
//! These types are what the log holds for ever. Order of variants and fields is the format (bincode is positional): a new variant
//! goes to the end of its list and comes with a golden file and a decision page. A program that does not know it stops before the
//! entry; it never skips it.

use crate::{key::Key, revision::Revision};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The largest encoded entry. Larger change sets are laid down in boxes first ([`crate::stage`]): one entry must fit an RPC frame
/// and must not hold up heartbeats behind it on a slow link (1 MiB at 100 Mbit/s is 80 ms).
pub const ENTRY_MAX_BYTES: usize = 1 << 20;

/// Names one request of one client for ever, so that a retry is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// Random per process start (or derived from an idempotency key).
    pub client: u128,
    /// Rises with each new request of that client.
    pub sequence: u64,
}

impl RequestId {
    /// Big-endian bytes: the key of the session table.
    pub fn to_bytes(self) -> [u8; 24] {
        let mut out = [0; 24];
        out[..16].copy_from_slice(&self.client.to_be_bytes());
        out[16..].copy_from_slice(&self.sequence.to_be_bytes());
        out
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{}", self.client, self.sequence)
    }
}

/// A condition on the state before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Guard {
    /// Nobody has this key: a unique value is free.
    Absent(Key),
    /// Somebody has it: a parent exists.
    Present(Key),
    /// The row was last written at this revision: nobody changed what the planner read.
    RevisionIs {
        /// The row.
        key: Key,
        /// Its expected `modified`.
        revision: Revision,
    },
    /// Nothing at all was applied since.
    GlobalRevisionIs(Revision),
    /// No record changed and nothing was broadcast after this revision. The cluster's own rows do not count, so that nodes, tokens
    /// and staged boxes may come and go. A history that was compacted beyond the revision cannot tell and says no.
    UnchangedSince(Revision),
}

/// One write.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Write a row.
    Put {
        /// Where.
        key: Key,
        /// What.
        value: Bytes,
    },
    /// Remove a row; an absent one stays absent and makes no event.
    Delete {
        /// Where.
        key: Key,
    },
    /// A broadcast to the subscribers of a channel on every node.
    Emit {
        /// The channel's name.
        channel: String,
        /// Opaque to the machine.
        data: Bytes,
        /// Delivered by each node no sooner than this wall-clock time (milliseconds since 1970).
        not_before_ms: Option<u64>,
    },
    /// Forget events of revisions below this one (at most [`crate::machine::COMPACT_MAX_EVENTS`] per op, oldest first).
    CompactEvents {
        /// The first revision to keep.
        below: Revision,
    },
    /// Performs all ops of a staged change set in the order of its boxes, and removes the boxes ([`crate::stage`]).
    Unstage {
        /// The prefix of the boxes.
        stage: Key,
    },
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Put { key, value } => write!(f, "Put({key:?}, {} bytes)", value.len()),
            Op::Delete { key } => write!(f, "Delete({key:?})"),
            Op::Emit { channel, data, .. } => write!(f, "Emit({channel}, {} bytes)", data.len()),
            Op::CompactEvents { below } => write!(f, "CompactEvents(below {below})"),
            Op::Unstage { stage } => write!(f, "Unstage({stage:?})"),
        }
    }
}

/// A condition on the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ensure {
    /// No row starts with this: no child refers to what was deleted.
    PrefixEmpty(Key),
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Txn {
    /// Which request this is, for ever.
    pub request: RequestId,
    /// Checked before, in order.
    pub guards: Vec<Guard>,
    /// Performed in order.
    pub ops: Vec<Op>,
    /// Checked on the outcome, in order.
    pub ensures: Vec<Ensure>,
    /// The proposer's wall clock, milliseconds since 1970. For people; the machine does not look at it.
    pub stamped_at_ms: u64,
    /// Who asked, for the history.
    pub actor: String,
}

/// Why a transaction changed nothing. The number points into the transaction's own list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The guard at this position did not hold.
    Guard(u32),
    /// The ensure at this position did not hold.
    Ensure(u32),
}

/// What applying gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All of it is in the state as of this revision.
    Applied(Revision),
    /// Nothing of it is; the state was at this revision when it was looked at.
    Refused {
        /// Revision of the state that refused.
        revision: Revision,
        /// What did not hold.
        refusal: Refusal,
    },
}

impl Outcome {
    /// The revision of the state the outcome speaks of.
    pub fn revision(&self) -> Revision {
        match self {
            Outcome::Applied(revision) | Outcome::Refused { revision, .. } => *revision,
        }
    }
}
