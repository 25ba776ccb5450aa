//! What a cluster holds, at one revision: lines of JSON, a record each.

use serde_json::Value;
use troop_declarative::Records;
use troop_schema::{Record, Registry};

use crate::failure::Failure;
use crate::grammar::Target;
use crate::http::Question;

/// Every record of a cluster.
pub(super) struct Inventory {
    pub(super) revision: u64,
    pub(super) records: Records,
}

impl Inventory {
    /// Asks a node for it.
    pub(super) fn take(target: &Target, registry: &Registry) -> Result<Self, Failure> {
        let answer = target.ask(Question {
            method: "GET",
            path: "/troop/records",
            body: None,
        })?;
        if answer.status != 200 {
            return Err(target.refusal(&answer));
        }
        let text = String::from_utf8_lossy(&answer.body);
        read(&text, registry).map_err(|problem| target.strange(&problem))
    }
}

fn read(text: &str, registry: &Registry) -> Result<Inventory, String> {
    let mut lines = text.lines();
    let head: Value = lines
        .next()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_default();
    let revision = head["revision"].as_u64().ok_or("its inventory has no revision")?;
    let mut records = Records::new();
    for line in lines {
        let (name, record): (String, Record) =
            serde_json::from_str(line).map_err(|error| format!("a record is not readable ({error})"))?;
        let entity = registry
            .entity(&name)
            .ok_or_else(|| format!("it holds '{name}', which this version of troop does not know"))?;
        records
            .insert(entity, record)
            .map_err(|error| error.to_string())?;
    }
    Ok(Inventory { revision, records })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(text: &str) -> Result<(u64, usize), String> {
        let registry = Registry::new(Vec::new()).unwrap();
        read(text, &registry).map(|inventory| (inventory.revision, inventory.records.len()))
    }

    #[test]
    fn an_inventory_is_a_revision_and_a_record_per_line() {
        let id = "00000001-1111-4111-8111-111111111111";
        let text = format!("{{\"revision\":7}}\n[\"services\",{{\"id\":\"{id}\"}}]\n");
        assert_eq!(read_with(&text), Ok((7, 1)));
        assert_eq!(read_with("{\"revision\":7}\n"), Ok((7, 0)));
    }

    #[test]
    fn what_is_no_inventory_is_refused() {
        for text in [
            "",
            "{}",
            "{\"revision\":7}\n5",
            "{\"revision\":7}\n[\"gadgets\",{}]",
        ] {
            assert!(read_with(text).is_err(), "{text}");
        }
    }
}
