//! `/schemas`: the tables, for machines.

use super::{Door, plugins};
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    problem::Failure,
    write::now_ms,
};
use http::{Method, StatusCode};
use troop_catalog::Problem;
use troop_schema::{Entity, Stamp};

pub(super) const DOORS: &[Door] = &[
    ("/schemas/{name}", Method::GET, |admin, call| {
        Box::pin(entity_schema(admin, call))
    }),
    ("/schemas/{name}/validate", Method::POST, |admin, call| {
        Box::pin(validate_named(admin, call))
    }),
    ("/schemas/plugins/{name}", Method::GET, |admin, call| {
        Box::pin(plugin_schema(admin, call))
    }),
    ("/schemas/plugins/validate", Method::POST, |admin, call| {
        Box::pin(validate(admin, call, "plugins"))
    }),
    ("/schemas/vaults/{name}", Method::GET, |admin, call| {
        Box::pin(vault_schema(admin, call))
    }),
    ("/schemas/vaults/validate", Method::POST, |admin, call| {
        Box::pin(validate(admin, call, "vaults"))
    }),
    ("/schemas/filters/{name}", Method::GET, |admin, call| {
        Box::pin(filter_schema(admin, call))
    }),
];

async fn entity_schema(admin: &Admin, call: &Call) -> Reply {
    let entity = entity(admin, call.param(0))?;
    Ok(answer::ok(&admin.registry().document(entity)))
}

async fn plugin_schema(admin: &Admin, call: &Call) -> Reply {
    Ok(answer::ok(&plugins::schema(admin, call.param(0))?.document()))
}

async fn vault_schema(admin: &Admin, call: &Call) -> Reply {
    let name = call.param(0);
    let document = admin.registry().family_document("vaults", name);
    let document = document.ok_or_else(|| missing(format!("No vault named '{name}'")))?;
    Ok(answer::ok(&document))
}

async fn filter_schema(_: &Admin, call: &Call) -> Reply {
    Err(missing(format!("Filter '{}' not found", call.param(0))))
}

async fn validate_named(admin: &Admin, call: &Call) -> Reply {
    validate(admin, call, call.param(0)).await
}

/// Kong: fields and checks only; nothing stored is looked at.
async fn validate(admin: &Admin, call: &Call, name: &str) -> Reply {
    let entity = entity(admin, name)?;
    let record = call.payload.record(admin.registry(), entity);
    let mut random = rand::random::<[u8; 16]>;
    let mut stamp = Stamp::new(now_ms(), &mut random);
    let checked = admin.registry().check_only(entity, record, &mut stamp);
    checked.map_err(Problem::from)?;
    Ok(answer::message(StatusCode::OK, "schema validation successful"))
}

fn entity<'a>(admin: &'a Admin, name: &str) -> Result<&'a Entity, Failure> {
    admin
        .registry()
        .described(name)
        .ok_or_else(|| missing(format!("No entity named '{name}'")))
}

fn missing(text: String) -> Failure {
    Failure::other(StatusCode::NOT_FOUND, text)
}
