//! The reference pages of entities and plugins, written from the tables.
//!
//! The pages in the book are photographs: a test compares them with what these functions say, and `./ci fix` takes new
//! ones. Fields and checks come from the tables, paths from the street map.

use crate::endpoint;
use std::fmt::Write as _;
use troop_schema::{Entity, Registry, page};

const ENTITIES: &str = "# Entities

Written from the tables that the program itself goes by; `GET /schemas/{entity}` prints the same for machines, and
[openapi.json](openapi.json) describes every request. A field without \"required\" may be null. Records have a row for
each of their fields; `[]` stands for the elements of a list.
";

const PLUGINS: &str = "# Plugins

What differs from plugin to plugin: the fields of `config`, and which scopes and protocols make sense. The other fields are
those of [plugins](entities.md#plugins). `GET /schemas/plugins/{plugin}` prints the same for machines.
";

/// The page of all entities.
pub fn entities(registry: &Registry) -> String {
    let mut text = ENTITIES.to_owned();
    for entity in registry.entities() {
        section(registry, entity, &mut text).expect("invariant: writing to a String cannot fail");
    }
    text
}

fn section(registry: &Registry, entity: &Entity, text: &mut String) -> std::fmt::Result {
    writeln!(text, "\n## {}\n", entity.name())?;
    let derived = endpoint::derived(registry);
    let paths = derived
        .iter()
        .filter(|(_, generated)| generated.entity == entity.name());
    for (path, generated) in paths {
        let methods: Vec<String> = generated.methods().iter().map(ToString::to_string).collect();
        writeln!(text, "* `{path}`: {}", methods.join(", "))?;
    }
    if let Some(key) = entity.endpoint_key() {
        writeln!(text, "\nFound by `id` or by `{key}`.")?;
    }
    if let Some(key) = entity.nested_key().filter(|_| entity.endpoint_key().is_none()) {
        writeln!(text, "\nFound by `id`, and below its parent by `{key}`.")?;
    }
    if let Some(names) = entity.names() {
        writeln!(text, "\nFound by `id` or by one of its `{}`.", names.field)?;
    }
    if let Some(fields) = entity.unique_together() {
        writeln!(text, "\nUnique together: `{}`.", fields.join("`, `"))?;
    }
    write!(text, "\n{}", page::entity(entity))
}

/// The page of all plugins.
pub fn plugins(registry: &Registry) -> String {
    let mut text = PLUGINS.to_owned();
    for plugin in registry.plugins() {
        write!(text, "\n## {}\n\n{}", plugin.name(), page::plugin(plugin))
            .expect("invariant: writing to a String cannot fail");
    }
    text
}
