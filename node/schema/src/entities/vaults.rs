//! Vaults: where values that records only refer to are found. `{vault://<prefix>/…}` names one by its prefix.
//!
//! The catch: what `config` holds depends on the kind of vault. The gateway has one kind, the environment of its process.

use crate::{entity::Entity, field::Field, shape::Shape, typedef};

/// The kinds there are; none of them can be a prefix.
const KINDS: [&str; 1] = ["env"];

pub(crate) fn table() -> Entity {
    let table = Entity::table(
        "vaults",
        vec![
            ("id", typedef::id()),
            ("prefix", prefix()),
            ("name", Field::string().required()),
            ("description", Field::string()),
            ("config", Field::specialised_later().nullable()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
            ("tags", typedef::tags()),
        ],
    )
    .found_by("prefix")
    .cached_by(vec!["prefix"])
    .families("name", |name| format!("vault '{name}' is not installed"));
    table.family("env", environment())
}

/// A letter, and then letters, digits and dashes that do not end with a dash.
fn prefix() -> Field {
    Field::string()
        .required()
        .unique()
        .not_one_of(KINDS)
        .matches("^[a-z][a-z0-9-]*[a-z0-9]$")
}

/// Variables whose names begin with a prefix of their own.
fn environment() -> Shape {
    let prefix = Field::string().matches("^[A-Za-z_-][A-Za-z0-9_-]*$");
    Shape::new(vec![("config", Field::record(vec![("prefix", prefix)]))])
}
