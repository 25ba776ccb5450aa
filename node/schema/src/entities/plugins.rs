//! Plugins: what happens to a request on its way, for all requests or for those of a route, a service, a consumer.
//!
//! The catch: what `config` holds, and which scopes and protocols are allowed, depends on the plugin's name. No two records
//! share name and scope, so that each request finds at most one instance per plugin and scope.
//!
//! That a plugin's protocols agree with those of its route is judged by the catalog: it needs the route.

use crate::{
    entity::Entity,
    field::{Field, OnDelete},
    plugin::{HTTP_PROTOCOLS, PluginSchema},
    typedef,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) fn table(plugins: &BTreeMap<&'static str, PluginSchema>) -> Entity {
    let table = Entity::table(
        "plugins",
        vec![
            ("id", typedef::id()),
            ("name", Field::string().required()),
            ("instance_name", typedef::unique_name()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
            ("route", scope("routes")),
            ("service", scope("services")),
            ("consumer", scope("consumers")),
            ("config", Field::specialised_later().nullable()),
            (
                "protocols",
                typedef::protocols().required().default(json!(HTTP_PROTOCOLS)),
            ),
            ("enabled", Field::boolean().required().default(true)),
            ("tags", typedef::tags()),
        ],
    )
    .found_by("instance_name")
    .cached_by(vec!["name", "route", "service", "consumer"])
    .families("name", not_enabled);
    plugins
        .values()
        .fold(table, |table, plugin| table.family(plugin.name(), plugin.shape()))
}

fn scope(reference: &'static str) -> Field {
    Field::foreign(reference)
        .default(Value::Null)
        .on_delete(OnDelete::Cascade)
}

fn not_enabled(name: &str) -> String {
    format!("plugin '{name}' not enabled; add it to the 'plugins' configuration property")
}
