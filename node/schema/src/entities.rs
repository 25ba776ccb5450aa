//! The built-in entities: one file each, one line here.

mod acls;
mod acme_storage;
mod basicauth_credentials;
mod ca_certificates;
mod certificates;
mod consumers;
mod described;
mod hmacauth_credentials;
mod jwt_secrets;
mod key_sets;
mod keyauth_credentials;
mod keys;
mod oauth2_authorization_codes;
mod oauth2_credentials;
mod oauth2_tokens;
mod plugins;
mod routes;
mod services;
mod sessions;
mod snis;
mod targets;
mod upstreams;
mod vaults;

use crate::{
    entity::Entity,
    field::{Field, OnDelete},
    plugin::PluginSchema,
};
use std::collections::BTreeMap;
use troop_expression::Flavor;

/// All tables, parents before children.
pub(crate) fn all(plugins: &BTreeMap<&'static str, PluginSchema>, flavor: Flavor) -> Vec<Entity> {
    vec![
        certificates::table(),
        snis::table(),
        ca_certificates::table(),
        services::table(),
        routes::table(flavor),
        consumers::table(),
        upstreams::table(),
        targets::table(),
        plugins::table(plugins),
        vaults::table(),
        key_sets::table(),
        keys::table(),
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

/// Tables that can be read but have no records here.
pub(crate) fn described_only() -> Vec<Entity> {
    described::tables()
}

/// Whom a credential belongs to: it goes with them.
fn owner() -> Field {
    going_with("consumers").required()
}

/// A reference to a record whose end is also the end of this one.
fn going_with(reference: &'static str) -> Field {
    Field::foreign(reference).on_delete(OnDelete::Cascade)
}
