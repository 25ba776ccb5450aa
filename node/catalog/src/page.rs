//! Lists, a page at a time.
//!
//! Records come in the order of their ids, children of one parent too; targets of an upstream come newest first. A page costs
//! what it shows, however many records there are: it is read from a list that lies in that order.
//!
//! The catch: the offset is handed to the client and comes back. It names the last record of the page, so that the next
//! page is right even if that record is gone by then. Kong writes it as base64 of a JSON array, and so do we. Where the newest come
//! first Kong writes a plain number, the records shown so far; we read that too.

use crate::{
    catalog::{Catalog, Parent, Stored},
    layout,
    problem::Problem,
    tags::TagFilter,
};
use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Value, json};
use troop_schema::{Entity, Record, Registry};
use troop_txn::{Key, ReadView};
use uuid::Uuid;

/// Kong: when the client does not say.
const SIZE_DEFAULT: usize = 100;
/// Kong: at most.
const SIZE_MAX: usize = 1000;

/// Kong writes no padding and reads both.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Which page of which list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// How many records.
    pub size: usize,
    /// Where the page before ended, as that page said.
    pub offset: Option<String>,
    /// Only records with these tags. Kong: not looked at below a parent.
    pub tags: Option<TagFilter>,
    /// Only records of this parent.
    pub parent: Option<Parent>,
    /// Newest first, where the entity keeps such a list below its parents.
    pub newest_first: bool,
}

impl Default for PageQuery {
    fn default() -> Self {
        PageQuery {
            size: SIZE_DEFAULT,
            offset: None,
            tags: None,
            parent: None,
            newest_first: false,
        }
    }
}

/// One page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Records, ready to print.
    pub data: Vec<Record>,
    /// Where the next page begins, if there is one.
    pub offset: Option<String>,
}

/// Reads the `size` of a query.
///
/// # Errors
/// [`Problem::Size`].
pub fn page_size(query: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = query else {
        return Ok(SIZE_DEFAULT);
    };
    let number = Registry::infer_number(text).ok_or(Problem::Size("size must be a number"))?;
    number
        .as_u64()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| (1..=SIZE_MAX).contains(size))
        .ok_or(Problem::Size("size must be an integer between 1 and 1000"))
}

/// A list of ids, in the order in which it is shown.
enum List<'a> {
    Records,
    Children(Parent),
    Newest(Parent),
    Tagged(&'a TagFilter),
}

/// A place in a list. The moment of creation counts in lists of the newest only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    id: Uuid,
    created_ms: u64,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    First,
    After(Position),
    /// Kong: nothing comes after an offset without a key.
    End,
}

impl Catalog {
    /// One page of a list.
    ///
    /// # Errors
    /// [`Problem::Offset`], [`Problem::Storage`], [`Problem::Damaged`].
    pub fn page(
        &self,
        view: &dyn ReadView,
        entity: &str,
        query: &PageQuery,
        now_ms: u64,
    ) -> Result<Page, Problem> {
        let entity = self.entity(entity)?;
        let list = list_of(entity, query);
        let start = match query.offset.as_deref() {
            None => Start::First,
            Some(offset) => list.start(view, entity.name(), offset)?,
        };
        let start = match start {
            Start::First => None,
            Start::After(position) => Some(position),
            Start::End => return Ok(Page::default()),
        };
        let mut records = self.collect(view, entity, &list, start, query.size + 1, now_ms)?;
        let more = records.len() > query.size;
        records.truncate(query.size);
        let offset = records
            .last()
            .filter(|_| more)
            .map(|stored| write_offset(&list, stored));
        let data = records
            .into_iter()
            .map(|stored| self.show_named(view, entity, stored, now_ms))
            .collect::<Result<_, _>>()?;
        Ok(Page { data, offset })
    }

    /// Up to `limit` records of the list that are not over. Those that are cost one more read each.
    fn collect(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        list: &List<'_>,
        start: Option<Position>,
        limit: usize,
        now_ms: u64,
    ) -> Result<Vec<Stored>, Problem> {
        let mut found = Vec::new();
        let mut after = start;
        loop {
            let wanted = limit - found.len();
            let positions = list.positions(view, entity.name(), after, wanted)?;
            for position in &positions {
                found.extend(self.load(view, entity, position.id, now_ms)?);
            }
            if positions.len() < wanted || found.len() == limit {
                return Ok(found);
            }
            after = positions.last().copied();
        }
    }
}

fn list_of<'a>(entity: &Entity, query: &'a PageQuery) -> List<'a> {
    match (query.parent, &query.tags) {
        (Some(parent), _) if query.newest_first && entity.is_newest_first() => List::Newest(parent),
        (Some(parent), _) => List::Children(parent),
        (None, Some(tags)) if entity.has_tags() => List::Tagged(tags),
        (None, _) => List::Records,
    }
}

impl List<'_> {
    fn start(&self, view: &dyn ReadView, entity: &str, offset: &str) -> Result<Start, Problem> {
        match (self, offset.parse::<u32>()) {
            (List::Newest(_), Ok(0)) => Ok(Start::First),
            (List::Newest(_), Ok(shown)) => {
                let shown = shown as usize;
                let places = self.positions(view, entity, None, shown)?;
                let last = places.get(shown - 1).copied();
                Ok(last.map_or(Start::End, Start::After))
            }
            _ => read_offset(offset),
        }
    }

    /// Up to `limit` places after `after`.
    fn positions(
        &self,
        view: &dyn ReadView,
        entity: &str,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Position>, Problem> {
        let ids = match self {
            List::Tagged(tags) => tags.ids(view, entity, after.map(|p| p.id), limit)?,
            List::Newest(parent) => {
                let after =
                    after.map(|p| layout::newest_card(entity, parent.field, parent.id, p.created_ms, p.id));
                let rows = view.scan(
                    &layout::newest(entity, parent.field, parent.id),
                    after.as_ref(),
                    limit,
                )?;
                let places = rows.iter().filter_map(|(key, _)| layout::newest_place(key));
                return Ok(places
                    .map(|(created_ms, id)| Position { id, created_ms })
                    .collect());
            }
            List::Children(parent) => {
                let after = after.map(|p| layout::child(entity, parent.field, parent.id, p.id.as_bytes()));
                tail_ids(
                    view,
                    &layout::children(entity, parent.field, parent.id),
                    after,
                    limit,
                )?
            }
            List::Records => {
                let after = after.map(|p| layout::record(entity, p.id));
                tail_ids(view, &layout::records(entity), after, limit)?
            }
        };
        Ok(ids.into_iter().map(|id| Position { id, created_ms: 0 }).collect())
    }
}

fn tail_ids(
    view: &dyn ReadView,
    prefix: &Key,
    after: Option<Key>,
    limit: usize,
) -> Result<Vec<Uuid>, Problem> {
    let rows = view.scan(prefix, after.as_ref(), limit)?;
    Ok(rows.iter().filter_map(|(key, _)| layout::tail_id(key)).collect())
}

fn write_offset(list: &List<'_>, last: &Stored) -> String {
    let key = match list {
        List::Newest(_) => json!([last.id.to_string(), layout::created_ms(&last.record)]),
        _ => json!([last.id.to_string()]),
    };
    BASE64.encode(key.to_string())
}

fn read_offset(offset: &str) -> Result<Start, Problem> {
    let problem = |reason| Problem::Offset {
        offset: offset.to_owned(),
        reason,
    };
    let bytes = BASE64
        .decode(offset)
        .map_err(|_| problem("bad base64 encoding"))?;
    let bad_json = || problem("bad json encoding");
    match serde_json::from_slice(&bytes).map_err(|_| bad_json())? {
        Value::Object(_) => Ok(Start::End),
        Value::Array(key) if key.is_empty() => Ok(Start::End),
        Value::Array(key) => {
            let id = key[0].as_str().and_then(|id| id.parse().ok());
            Ok(Start::After(Position {
                id: id.ok_or_else(bad_json)?,
                created_ms: key.get(1).and_then(Value::as_u64).unwrap_or_default(),
            }))
        }
        _ => Err(bad_json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_as_lua_reads_them() {
        for (text, wanted) in [
            (None, Ok(100)),
            (Some("1e2"), Ok(100)),
            (Some("0x10"), Ok(16)),
            (Some("1000"), Ok(1000)),
            (Some("x"), Err("size must be a number")),
            (Some(""), Err("size must be a number")),
            (Some("0"), Err("size must be an integer between 1 and 1000")),
            (Some("1001"), Err("size must be an integer between 1 and 1000")),
            (Some("1.5"), Err("size must be an integer between 1 and 1000")),
            (Some("-1"), Err("size must be an integer between 1 and 1000")),
        ] {
            let got = page_size(text).map_err(|problem| problem.message());
            assert_eq!(got, wanted.map_err(str::to_owned), "{text:?}");
        }
    }

    #[test]
    fn offsets_are_base64_of_an_array() {
        let id = Uuid::from_u128(7);
        let place = Position { id, created_ms: 0 };
        let good = BASE64.encode(json!([id.to_string()]).to_string());
        assert_eq!(read_offset(&good).unwrap(), Start::After(place));
        assert_eq!(read_offset("e30").unwrap(), Start::End);
        assert_eq!(read_offset("W10=").unwrap(), Start::End);
        for (bad, reason) in [
            ("x", "bad base64 encoding"),
            ("", "bad json encoding"),
            ("Zm9v", "bad json encoding"),
            ("WyJmb28iXQ", "bad json encoding"),
        ] {
            let message = read_offset(bad).unwrap_err().message();
            assert_eq!(message, format!("'{bad}' is not a valid offset: {reason}"));
        }
    }
}
