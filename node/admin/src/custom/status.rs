//! `GET /status` in Kong's shape, and `/timers`.
//!
//! The same document is on the status listener ([`crate::status_api`]).

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    document::played,
    ports::{ClusterControl, NodeFacts},
    problem::Failure,
    query::Query,
};
use http::Method;
use serde_json::{Value, json};
use troop_txn::Store;

pub(super) const DOORS: &[Door] = &[
    ("/status", Method::GET, |admin, call| {
        Box::pin(status(admin, call))
    }),
    ("/timers", Method::GET, |admin, call| {
        Box::pin(timers(admin, call))
    }),
];

async fn status(admin: &Admin, call: &Call) -> Reply {
    let document = server_document(&*admin.facts, &*admin.cluster, &*admin.store, &call.query).await?;
    Ok(answer::ok(&document))
}

async fn timers(_: &Admin, _: &Call) -> Reply {
    // Kong: counters of its timer library. We have tasks, not timers.
    Ok(answer::ok(
        &json!({ "worker": { "id": 0, "count": 1 }, "stats": {} }),
    ))
}

/// Kong's `/status`.
pub(crate) async fn server_document(
    facts: &dyn NodeFacts,
    cluster: &dyn ClusterControl,
    store: &dyn Store,
    query: &Query,
) -> Result<Value, Failure> {
    let unit = Unit::parse(query.get("unit").unwrap_or("m"))?;
    let scale = query
        .get("scale")
        .and_then(|text| text.parse().ok())
        .unwrap_or(2_usize)
        .min(10);
    let pid = facts.identity().pid;
    let now = facts.connections();
    let mut document = json!({
        "memory": {
            // Kong: one Lua machine per worker; we have one process and say what it keeps in memory.
            "workers_lua_vms": [{ "pid": pid, "http_allocated_gc": unit.show(resident_bytes(), scale) }],
            "lua_shared_dicts": {},
        },
        "server": {
            "connections_active": now.active,
            "connections_reading": now.reading,
            "connections_writing": now.writing,
            "connections_waiting": now.waiting,
            "connections_accepted": now.accepted,
            "connections_handled": now.handled,
            "total_requests": now.total_requests,
        },
        "database": { "reachable": cluster.health().await.is_ok() },
    });
    // Kong: only without a database.
    if let Some(hash) = played(store)? {
        document["configuration_hash"] = json!(hash);
    }
    Ok(document)
}

/// In which memory is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Bytes,
    Kibi,
    Mebi,
    Gibi,
}

impl Unit {
    fn parse(text: &str) -> Result<Unit, Failure> {
        match text {
            "b" | "B" => Ok(Unit::Bytes),
            "k" | "K" => Ok(Unit::Kibi),
            "m" | "M" => Ok(Unit::Mebi),
            "g" | "G" => Ok(Unit::Gibi),
            _ => Err(Failure::bad(format!(
                "invalid unit '{text}' (expected 'k/K', 'm/M', or 'g/G')"
            ))),
        }
    }

    /// Kong: bytes are a number, everything else is text with its unit.
    fn show(self, bytes: u64, scale: usize) -> Value {
        let (power, name) = match self {
            Unit::Bytes => return json!(bytes),
            Unit::Kibi => (10, "KiB"),
            Unit::Mebi => (20, "MiB"),
            Unit::Gibi => (30, "GiB"),
        };
        let amount = bytes as f64 / f64::from(1_u32 << power);
        json!(format!("{amount:.scale$} {name}"))
    }
}

/// Memory of this process that is not on disk; zero where the system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibi = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibi.unwrap_or(0) * 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_the_unit_asked_for() {
        for (unit, expected) in [
            ("b", json!(1_572_864)),
            ("K", json!("1536.00 KiB")),
            ("m", json!("1.50 MiB")),
            ("g", json!("0.00 GiB")),
        ] {
            assert_eq!(Unit::parse(unit).unwrap().show(1_572_864, 2), expected);
        }
        let wrong = Unit::parse("V").unwrap_err().to_string();
        assert_eq!(wrong, "invalid unit 'V' (expected 'k/K', 'm/M', or 'g/G')");
    }
}
