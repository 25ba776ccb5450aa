//! All records of an entity as they are stored: for who compares them or writes them into a file.
//!
//! Readers of the Admin API see records dressed up: with old names of fields, with the seconds that are left. Here they come plain,
//! as the tables have them; the end of a record stands in a member `ttl` as the seconds that are left, and a record without an
//! end has no such member.

use crate::{catalog::Catalog, catalog::decode, expiry, layout, problem::Problem};
use troop_schema::Record;
use troop_txn::{Key, ReadView};
use uuid::Uuid;

/// Records read in one go.
const ROWS_AT_ONCE: usize = 512;

impl Catalog {
    /// Hands every record of an entity that is not over to `take`, by id.
    ///
    /// # Errors
    /// A broken storage, or what `take` says.
    pub fn each(
        &self,
        view: &dyn ReadView,
        entity: &str,
        now_ms: u64,
        take: &mut dyn FnMut(Uuid, Record) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let entity = self.entity(entity)?;
        let prefix = layout::records(entity.name());
        let mut after: Option<Key> = None;
        loop {
            let rows = view.scan(&prefix, after.as_ref(), ROWS_AT_ONCE)?;
            for (key, row) in &rows {
                let mut record = decode(&row.value)?;
                if let Some(id) = layout::tail_id(key).filter(|_| !expiry::is_over(&record, now_ms)) {
                    expiry::show_plain(entity, &mut record, now_ms);
                    take(id, record)?;
                }
            }
            if rows.len() < ROWS_AT_ONCE {
                return Ok(());
            }
            after = rows.into_iter().last().map(|(key, _)| key);
        }
    }
}
