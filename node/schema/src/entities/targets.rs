//! Targets: the addresses behind an upstream.
//!
//! The catch: one address has one spelling. Whatever was sent becomes `host:port`, with 8000 for a missing port and IPv6 in
//! brackets and in full, before it is compared or stored.

use crate::{
    Record,
    entity::Entity,
    fault::{Fault, Faults},
    field::{Field, OnDelete},
    typedef,
};
use serde_json::Value;

/// Kong: the port of a target that names none.
const DEFAULT_PORT: u16 = 8000;

pub(crate) fn table() -> Entity {
    Entity::table(
        "targets",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at_with_fraction()),
            ("updated_at", typedef::updated_at_with_fraction()),
            (
                "upstream",
                Field::foreign("upstreams")
                    .required()
                    .on_delete(OnDelete::Cascade),
            ),
            ("target", Field::string().required().custom(target)),
            (
                "weight",
                Field::integer().between(0, 65535).default(100).never_null(),
            ),
            ("tags", typedef::tags()),
        ],
    )
    .found_by("target")
    .cached_by(vec!["upstream", "target"])
    .nested_only()
    .newest_first()
    .prepare(spell)
}

fn target(value: &Value) -> Result<(), Fault> {
    let text = value.as_str().unwrap_or_default();
    match typedef::parse_address(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("Invalid target ('{text}'); not a valid hostname or ip address").into()),
    }
}

/// Kong: spelling comes before judging and has its own, shorter sentence. An empty target is left to the judge.
fn spell(record: &mut Record) -> Result<(), Faults> {
    let Some(Value::String(target)) = record.get_mut("target") else {
        return Ok(());
    };
    if target.is_empty() {
        return Ok(());
    }
    match typedef::parse_address(target) {
        Ok(address) => *target = address.with_port(DEFAULT_PORT),
        Err(_) => {
            let text = "Invalid target; not a valid hostname or ip address";
            return Err(Faults::of("target", text));
        }
    }
    Ok(())
}
