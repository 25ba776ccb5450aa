//! Where a row lives.
//!
//! Rows lie in one ordered table, like cards in a long drawer. The first byte says which third of the
//! drawer: records (entities, whose changes become events), indexes over them, and system rows (nodes,
//! tokens, the cluster's own secrets), which never show up in the event history.
//!
//! The catch: names are closed by a zero byte, so that the prefix of `route` does not also find
//! `routes`; a name must not contain one. Values after the last name are raw and may.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The three parts of the table of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Entities; a change writes an event.
    Record,
    /// Derived rows that make entities findable; silent.
    Index,
    /// The cluster's own rows; silent.
    System,
}

impl Space {
    const fn byte(self) -> u8 {
        match self {
            Space::Record => 1,
            Space::Index => 2,
            Space::System => 3,
        }
    }
}

/// The place of one row, or a prefix of places.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(Bytes);

impl Key {
    /// The row of an entity. `id` is its primary key as raw bytes.
    pub fn record(schema: &str, id: &[u8]) -> Key {
        Key::build(Space::Record, &[schema], id)
    }

    /// A row of the index `index` over the entities of `schema`.
    pub fn index(schema: &str, index: &str, value: &[u8]) -> Key {
        Key::build(Space::Index, &[schema, index], value)
    }

    /// A row of the cluster's own.
    pub fn system(table: &str, id: &[u8]) -> Key {
        Key::build(Space::System, &[table], id)
    }

    /// The prefix that all rows of a space share.
    pub fn space(space: Space) -> Key {
        Key::build(space, &[], &[])
    }

    fn build(space: Space, names: &[&str], tail: &[u8]) -> Key {
        let len = 1 + names.iter().map(|n| n.len() + 1).sum::<usize>() + tail.len();
        let mut out = Vec::with_capacity(len);
        out.push(space.byte());
        for name in names {
            debug_assert!(
                !name.is_empty() && !name.as_bytes().contains(&0),
                "a name in a key is not empty and has no NUL"
            );
            out.extend_from_slice(name.as_bytes());
            out.push(0);
        }
        out.extend_from_slice(tail);
        Key(out.into())
    }

    /// A key read back from storage.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Key {
        Key(bytes.into())
    }

    /// The raw bytes, in whose order rows are kept.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Schema and id, when this is the row of an entity.
    pub fn as_record(&self) -> Option<(&str, &[u8])> {
        let rest = self.0.strip_prefix(&[Space::Record.byte()])?;
        let end = rest.iter().position(|b| *b == 0)?;
        Some((std::str::from_utf8(&rest[..end]).ok()?, &rest[end + 1..]))
    }

    /// What follows `prefix`, if this key starts with it.
    pub fn strip_prefix(&self, prefix: &Key) -> Option<&[u8]> {
        self.0.strip_prefix(prefix.as_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Index values can be credentials, so a key shows its names and hides its tail.
        let names = self.0.iter().rposition(|b| *b == 0).unwrap_or(self.0.len());
        write!(f, "Key({})", self.0[..names].escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_key_gives_back_schema_and_id() {
        let key = Key::record("services", &[0, 1, 255]);
        assert_eq!(key.as_record(), Some(("services", &[0u8, 1, 255][..])));
    }

    #[test]
    fn a_schema_is_not_a_prefix_of_a_longer_one() {
        let routes = Key::record("routes", b"");
        assert!(Key::record("route", b"x").strip_prefix(&routes).is_none());
        assert!(Key::record("routes", b"x").strip_prefix(&routes).is_some());
    }

    #[test]
    fn only_records_are_records() {
        assert!(Key::index("services", "name", b"a").as_record().is_none());
        assert!(Key::system("nodes", b"a").as_record().is_none());
    }

    #[test]
    fn debug_hides_the_value_of_an_index() {
        assert!(!format!("{:?}", Key::index("keyauth_credentials", "key", b"hunter2")).contains("hunter2"));
    }
}
