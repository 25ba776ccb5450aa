//! The cluster's own rows: who belongs, who did, which tokens are out, and the authority.
//!
//! A node's number is the log index of the entry that wrote its row: given once, never again, without a counter that somebody could
//! set back. The founder cannot wait for a log that does not exist yet; it is number 1, which no later entry can have.
//!
//! A removed node leaves a tombstone. Certificates are signed for admitted nodes only, so that "signed and no tombstone" is
//! membership, also for a member that was away and has not heard of the newest nodes.

use crate::{
    authority::{Authority, AuthorityError},
    token::{Role, TokenId, TokenRow},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use troop_txn::{Key, ReadView, Row, ViewError, codec, frame::FrameError};

/// The founder's number.
pub const FOUNDER: u64 = 1;
/// Nodes and tokens listed at once; a cluster has at most 7 voters and a few learners, tokens expire.
pub const ROSTER_MAX: usize = 1_024;

const NODES: &str = "node";
const REMOVED: &str = "removed";
const TOKENS: &str = "token";
const AUTHORITY: &str = "authority";

/// The cluster's own rows cannot be read.
#[derive(Debug, Error)]
pub enum RosterError {
    /// The storage failed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A row makes no sense.
    #[error("a row of the roster is damaged: {0}")]
    Damaged(#[from] FrameError),
    /// The authority makes no sense.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A token row makes no sense.
    #[error(transparent)]
    Token(#[from] crate::token::TokenError),
    /// The founding transaction has not arrived here.
    #[error("this node does not have the cluster's authority yet: try again, or ask another node")]
    NoAuthority,
}

/// A node that belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// The founder's number; others have the row's first revision.
    founder: Option<u64>,
    /// What people call it.
    pub name: String,
    /// What it shall be.
    pub role: Role,
    /// When it was admitted, milliseconds since 1970.
    pub admitted_at_ms: u64,
}

/// A node that belongs, with its number and the key of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Its number.
    pub id: u64,
    /// Where its row is.
    pub key: Key,
    /// What the row says.
    pub row: NodeRow,
}

impl NodeRow {
    /// The first node.
    pub fn founder(name: String, now_ms: u64) -> Self {
        NodeRow {
            founder: Some(FOUNDER),
            name,
            role: Role::Voter,
            admitted_at_ms: now_ms,
        }
    }

    /// A node that joined.
    pub fn joined(name: String, role: Role, now_ms: u64) -> Self {
        NodeRow {
            founder: None,
            name,
            role,
            admitted_at_ms: now_ms,
        }
    }

    /// As stored.
    ///
    /// # Errors
    /// [`FrameError`] when it is far too large.
    pub fn to_bytes(&self) -> Result<Bytes, FrameError> {
        codec::pack(self).map(Bytes::from)
    }
}

/// The key of a node's row. `request` makes it unique before the number is known.
pub fn node_key(request: &[u8; 16]) -> Key {
    Key::system(NODES, request)
}

/// The key of the founder's row.
pub fn founder_key() -> Key {
    node_key(&[0; 16])
}

/// The key of a removed node's tombstone.
pub fn tombstone_key(id: u64) -> Key {
    Key::system(REMOVED, &id.to_be_bytes())
}

/// The key of a token's row.
pub fn token_key(id: &TokenId) -> Key {
    Key::system(TOKENS, id.as_bytes())
}

/// The key of the authority.
pub fn authority_key() -> Key {
    Key::system(AUTHORITY, b"1")
}

/// Everybody who belongs, in order of their numbers.
///
/// # Errors
/// [`RosterError`].
pub fn nodes(view: &dyn ReadView) -> Result<Vec<Admitted>, RosterError> {
    let rows = view.scan(&Key::system(NODES, b""), None, ROSTER_MAX)?;
    let mut out = rows
        .into_iter()
        .map(|(key, row)| admitted(key, &row))
        .collect::<Result<Vec<_>, _>>()?;
    out.sort_by_key(|node| node.id);
    Ok(out)
}

fn admitted(key: Key, row: &Row) -> Result<Admitted, RosterError> {
    let node: NodeRow = codec::unpack(&row.value)?;
    Ok(Admitted {
        id: node.founder.unwrap_or(row.created.get()),
        key,
        row: node,
    })
}

/// Whether a node was removed, as far as is known here.
///
/// # Errors
/// [`RosterError::View`].
pub fn is_removed(view: &dyn ReadView, id: u64) -> Result<bool, RosterError> {
    Ok(view.get(&tombstone_key(id))?.is_some())
}

/// Numbers of all removed nodes.
///
/// # Errors
/// [`RosterError::View`].
pub fn removed(view: &dyn ReadView) -> Result<Vec<u64>, RosterError> {
    let prefix = Key::system(REMOVED, b"");
    let rows = view.scan(&prefix, None, ROSTER_MAX)?;
    Ok(rows
        .iter()
        .filter_map(|(key, _)| Some(u64::from_be_bytes(key.strip_prefix(&prefix)?.try_into().ok()?)))
        .collect())
}

/// A token's row with its revision.
///
/// # Errors
/// [`RosterError`].
pub fn token(view: &dyn ReadView, id: &TokenId) -> Result<Option<(Row, TokenRow)>, RosterError> {
    let Some(row) = view.get(&token_key(id))? else {
        return Ok(None);
    };
    let token = TokenRow::from_bytes(&row.value)?;
    Ok(Some((row, token)))
}

/// All tokens, used up and expired ones included.
///
/// # Errors
/// [`RosterError`].
pub fn tokens(view: &dyn ReadView) -> Result<Vec<(TokenId, TokenRow)>, RosterError> {
    let prefix = Key::system(TOKENS, b"");
    let mut out = Vec::new();
    for (key, row) in view.scan(&prefix, None, ROSTER_MAX)? {
        if let Some(id) = key.strip_prefix(&prefix).and_then(TokenId::from_bytes) {
            out.push((id, TokenRow::from_bytes(&row.value)?));
        }
    }
    Ok(out)
}

/// The authority.
///
/// # Errors
/// [`RosterError::NoAuthority`] before the founding transaction arrived here.
pub fn authority(view: &dyn ReadView) -> Result<Authority, RosterError> {
    let row = view.get(&authority_key())?.ok_or(RosterError::NoAuthority)?;
    Ok(Authority::from_bytes(&row.value)?)
}
