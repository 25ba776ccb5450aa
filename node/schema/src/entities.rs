//! The built-in entities: one file each, one line here.

mod acls;
mod acme_storage;
mod basicauth_credentials;
mod consumers;
mod hmacauth_credentials;
mod jwt_secrets;
mod keyauth_credentials;
mod oauth2_authorization_codes;
mod oauth2_credentials;
mod oauth2_tokens;
mod plugins;
mod routes;
mod services;
mod sessions;
mod targets;
mod upstreams;

use crate::{
    entity::Entity,
    field::{Field, OnDelete},
    plugin::PluginSchema,
};
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
        basicauth_credentials::table(),
        hmacauth_credentials::table(),
        jwt_secrets::table(),
        acls::table(),
        oauth2_credentials::table(),
        oauth2_authorization_codes::table(),
        oauth2_tokens::table(),
        sessions::table(),
        acme_storage::table(),
    ]
}

/// Whom a credential belongs to: it goes with them.
fn owner() -> Field {
    going_with("consumers").required()
}

/// A reference to a record whose end is also the end of this one.
fn going_with(reference: &'static str) -> Field {
    Field::foreign(reference).on_delete(OnDelete::Cascade)
}
