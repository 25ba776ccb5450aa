//! `GET /`: who are you?
//!
//! Kong: clients decide by this what they dare: decK and Kong Manager read `version`,
//! `configuration.database` and `configuration.router_flavor`. A node of ours is, to them, a Kong with a
//! database: writable, and the same everywhere.

use super::Door;
use crate::{
    admin::Admin, answer::Reply, call::Call, document::played, envelope::KONG_VERSION,
    generated::read_answer, problem::Failure,
};
use http::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use troop_txn::ReadView;

pub(super) const DOORS: &[Door] = &[("/", Method::GET, |admin, call| Box::pin(root(admin, call)))];

/// Kong: what its Lua calls itself; some clients print it.
const LUA_VERSION: &str = "LuaJIT 2.1.0-20231117";

/// Settings that exist in Kong alone, with the values under which its clients treat this node rightly.
const KONG_ONLY: [(&str, &str); 7] = [
    ("database", "postgres"),
    ("router_flavor", "traditional_compatible"),
    ("role", "traditional"),
    ("pg_host", "127.0.0.1"),
    ("pg_database", "kong"),
    ("pg_user", "kong"),
    ("pg_password", "******"),
];

async fn root(admin: &Admin, call: &Call) -> Reply {
    let find = |view: &dyn ReadView, _| enabled_in_cluster(admin, view);
    let (revision, enabled) = admin.reading(call, find).await?;
    let identity = admin.facts.identity();
    let by_document = played(&*admin.store)?.is_some();
    let document = json!({
        "tagline": "Welcome to kong",
        "version": KONG_VERSION,
        "edition": "community",
        "hostname": identity.hostname,
        "node_id": identity.node_id.to_string(),
        "timers": { "running": 0, "pending": 0 },
        "plugins": { "available_on_server": available(admin), "enabled_in_cluster": enabled },
        "lua_version": LUA_VERSION,
        "configuration": configuration(admin, by_document),
        "pids": { "master": identity.pid, "workers": identity.worker_pids },
    });
    Ok(read_answer(&document, revision))
}

fn available(admin: &Admin) -> Map<String, Value> {
    let plugins = admin.facts.plugins().into_iter();
    plugins
        .map(|plugin| {
            (
                plugin.name,
                json!({ "version": plugin.version, "priority": plugin.priority }),
            )
        })
        .collect()
}

/// Names of the plugins somebody configured, each once. One look per plugin of this build, however many are configured:
/// health checks ask for this document every few seconds.
fn enabled_in_cluster(admin: &Admin, view: &dyn ReadView) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    for plugin in admin.registry().plugins() {
        if admin.catalog.has_any_with_first(view, "plugins", plugin.name())? {
            names.insert(plugin.name().to_owned());
        }
    }
    Ok(names)
}

/// Kong: without a database the configuration is a document's, and clients that write records keep away.
fn configuration(admin: &Admin, by_document: bool) -> Map<String, Value> {
    let mut configuration = admin.facts.configuration();
    if by_document {
        configuration.insert("database".to_owned(), json!("off"));
    }
    for (name, value) in KONG_ONLY {
        configuration.entry(name).or_insert_with(|| json!(value));
    }
    configuration
}
