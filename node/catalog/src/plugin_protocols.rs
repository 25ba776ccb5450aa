//! A plugin must share a protocol with the routes it is bound to, or it could never run.
//!
//! The one rule of the catalog that knows an entity by name: it needs other records, so the tables cannot hold it.
//!
//! Kong: it is asked when the plugin is written and not when the route is; a service without routes accepts anything; the
//! plugin's default protocols are not compared when it is created.

use crate::{
    catalog::{Catalog, Parent},
    layout,
    page::PageQuery,
    problem::Problem,
};
use serde_json::Value;
use troop_schema::{Record, Violation};
use troop_txn::ReadView;

/// Routes looked at in one go while searching one that fits.
const ROUTES_AT_ONCE: usize = 100;

impl Catalog {
    /// Compares `protocols`, as far as they are given, with those of the plugin's route or of its service's routes.
    pub(crate) fn compare_protocols(
        &self,
        view: &dyn ReadView,
        protocols: Option<&Value>,
        plugin: &Record,
        now_ms: u64,
    ) -> Result<(), Problem> {
        let Some(protocols) = protocols.and_then(Value::as_array) else {
            return Ok(());
        };
        let parent = |field: &str| plugin.get(field).and_then(layout::reference);
        let shares = |route: &Record| {
            let own = route.get("protocols").and_then(Value::as_array);
            own.is_some_and(|own| own.iter().any(|protocol| protocols.contains(protocol)))
        };
        if let Some(id) = parent("route") {
            let route = self.load(view, self.entity("routes")?, id, now_ms)?;
            return match route {
                Some(route) if !shares(&route.record) => {
                    Err(mismatch("must match the associated route's protocols"))
                }
                _ => Ok(()),
            };
        }
        match parent("service") {
            Some(id) => self.compare_with_service(view, id, shares, now_ms),
            None => Ok(()),
        }
    }

    fn compare_with_service(
        &self,
        view: &dyn ReadView,
        id: uuid::Uuid,
        shares: impl Fn(&Record) -> bool,
        now_ms: u64,
    ) -> Result<(), Problem> {
        let mut query = PageQuery {
            size: ROUTES_AT_ONCE,
            parent: Some(Parent { field: "service", id }),
            ..PageQuery::default()
        };
        loop {
            let page = self.page(view, "routes", &query, now_ms)?;
            let none = page.data.is_empty() && query.offset.is_none();
            if none || page.data.iter().any(&shares) {
                return Ok(());
            }
            query.offset = page.offset;
            if query.offset.is_none() {
                let text = "must match the protocols of at least one route pointing to this Plugin's service";
                return Err(mismatch(text));
            }
        }
    }
}

fn mismatch(text: &str) -> Problem {
    Problem::Schema(Violation::of("protocols", text))
}
