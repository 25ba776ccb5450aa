//! Plugins: which there are, their schemas, and the one rule in which they differ from other entities.
//!
//! Kong: a plugin's fields depend on its name, so a `PATCH` that does not repeat the name gets the stored one
//! before its body is looked at; and a plugin that does not exist is the short "Not found".

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    generated::Scope,
    problem::Failure,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use troop_catalog::Found;
use troop_schema::{PluginSchema, Record};

pub(super) const DOORS: &[Door] = &[
    ("/plugins/enabled", Method::GET, |admin, call| {
        Box::pin(enabled(admin, call))
    }),
    ("/plugins/schema/{name}", Method::GET, |admin, call| {
        Box::pin(config_schema(admin, call))
    }),
];

const PLUGINS: &str = "plugins";
const NAME: &str = "name";

/// The body of a `PATCH` on `found`.
pub(crate) fn body_for(scope: &Scope<'_>, found: &Found) -> Record {
    if scope.entity.name() != PLUGINS {
        return scope.body();
    }
    let stored = found.record.get(NAME).cloned().unwrap_or(Value::Null);
    let payload = scope.call.payload.with_default(NAME, stored);
    payload.record(scope.admin.registry(), scope.entity)
}

/// The body of a `PATCH` on an entity that does not exist.
pub(crate) fn body_for_missing(scope: &Scope<'_>) -> Result<Record, Failure> {
    if scope.entity.name() == PLUGINS {
        Err(Failure::NotFound)
    } else {
        Ok(scope.body())
    }
}

async fn enabled(admin: &Admin, _: &Call) -> Reply {
    let names: Vec<String> = admin
        .facts
        .plugins()
        .into_iter()
        .map(|plugin| plugin.name)
        .collect();
    Ok(answer::ok(&json!({ "enabled_plugins": names })))
}

async fn config_schema(admin: &Admin, call: &Call) -> Reply {
    Ok(answer::ok(&schema(admin, call.param(0))?.config_document()))
}

/// The schema of a plugin.
pub(crate) fn schema<'a>(admin: &'a Admin, name: &str) -> Result<&'a PluginSchema, Failure> {
    let missing = || Failure::other(StatusCode::NOT_FOUND, format!("No plugin named '{name}'"));
    admin.registry().plugin(name).ok_or_else(missing)
}
