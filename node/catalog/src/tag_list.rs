//! Who wears which tag: `/tags` and `/tags/<tag>`.
//!
//! No list of tags is kept for this; the cards by which records are found by tag lie in order of entity, tag
//! and id, and are read as they lie. So a page costs what it shows, and a change of tags costs nothing more.

use crate::{
    catalog::Catalog,
    layout,
    page::{BASE64, Page},
    problem::Problem,
};
use base64::Engine as _;
use serde_json::json;
use troop_schema::{Entity, Record};
use troop_txn::{Key, ReadView};
use uuid::Uuid;

/// One tag of one record.
struct Worn {
    entity: &'static str,
    tag: String,
    id: Uuid,
}

impl Worn {
    fn card(&self) -> Key {
        layout::tag_card(self.entity, &self.tag, self.id.as_bytes())
    }

    /// Kong: the row of its virtual table.
    fn record(&self) -> Record {
        let id = self.id.to_string();
        let row = [
            ("entity_name", self.entity),
            ("entity_id", &id),
            ("tag", &self.tag),
        ];
        row.map(|(name, value)| (name.to_owned(), value.into()))
            .into_iter()
            .collect()
    }

    fn to_offset(&self) -> String {
        BASE64.encode(json!([self.entity, self.tag, self.id.to_string()]).to_string())
    }
}

impl Catalog {
    /// One page of all tags, or of who wears `only`, in an order that does not change.
    ///
    /// # Errors
    /// [`Problem::Offset`], [`Problem::Storage`].
    pub fn tags(
        &self,
        view: &dyn ReadView,
        only: Option<&str>,
        size: usize,
        offset: Option<&str>,
    ) -> Result<Page, Problem> {
        let after = offset.map(|offset| self.read_tag_offset(offset)).transpose()?;
        let tagged: Vec<&Entity> = self
            .registry()
            .entities()
            .filter(|entity| entity.has_tags())
            .collect();
        let first = after.as_ref().map_or(0, |after| place(&tagged, after.entity));
        let mut worn: Vec<Worn> = Vec::new();
        for (at, entity) in tagged.iter().enumerate().skip(first) {
            let card = after.as_ref().filter(|_| at == first).map(Worn::card);
            worn.extend(cards(
                view,
                entity.name(),
                only,
                card.as_ref(),
                size + 1 - worn.len(),
            )?);
            if worn.len() > size {
                break;
            }
        }
        let more = worn.len() > size;
        worn.truncate(size);
        Ok(Page {
            offset: worn.last().filter(|_| more).map(Worn::to_offset),
            data: worn.iter().map(Worn::record).collect(),
        })
    }

    fn read_tag_offset(&self, offset: &str) -> Result<Worn, Problem> {
        let problem = |reason| Problem::Offset {
            offset: offset.to_owned(),
            reason,
        };
        let bytes = BASE64
            .decode(offset)
            .map_err(|_| problem("bad base64 encoding"))?;
        let bad_json = || problem("bad json encoding");
        let (entity, tag, id): (String, String, Uuid) =
            serde_json::from_slice(&bytes).map_err(|_| bad_json())?;
        let entity = self.registry().entity(&entity).ok_or_else(bad_json)?.name();
        Ok(Worn { entity, tag, id })
    }
}

fn place(tagged: &[&Entity], name: &str) -> usize {
    tagged
        .iter()
        .position(|entity| entity.name() == name)
        .unwrap_or(tagged.len())
}

fn cards(
    view: &dyn ReadView,
    entity: &'static str,
    only: Option<&str>,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Worn>, Problem> {
    let prefix = match only {
        Some(tag) => layout::tagged(entity, tag),
        None => layout::all_tags(entity),
    };
    let rows = view.scan(&prefix, after, limit)?;
    let all = layout::all_tags(entity);
    Ok(rows
        .iter()
        .filter_map(|(key, _)| worn(entity, key.strip_prefix(&all)?))
        .collect())
}

/// The tail of a card: the tag, a NUL, the id.
fn worn(entity: &'static str, tail: &[u8]) -> Option<Worn> {
    let (head, id) = tail.split_at_checked(tail.len().checked_sub(layout::ID_LEN)?)?;
    let tag = std::str::from_utf8(head.strip_suffix(&[0])?).ok()?.to_owned();
    Some(Worn {
        entity,
        tag,
        id: Uuid::from_slice(id).ok()?,
    })
}
