//! The built-in entities: one file each, one line here.

mod consumers;
mod keyauth_credentials;
mod plugins;
mod routes;
mod services;
mod targets;
mod upstreams;

use crate::{entity::Entity, plugin::PluginSchema};
use std::collections::BTreeMap;

/// All tables, parents before children.
pub(crate) fn all(plugins: &BTreeMap<&'static str, PluginSchema>) -> Vec<Entity> {
    vec![
        services::table(),
        routes::table(),
        consumers::table(),
        upstreams::table(),
        targets::table(),
        plugins::table(plugins),
        keyauth_credentials::table(),
    ]
}
