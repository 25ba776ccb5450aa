//! `/troop/…`: the cluster itself.
//!
//! The command line is a client of these doors and shows their documents as they are.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    ports::{ClusterStatus, MemberRole, MemberStatus, NodeId, TokenInfo, TokenRequest},
    problem::Failure,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

pub(super) const DOORS: &[Door] = &[
    ("/troop/status", Method::GET, |admin, call| {
        Box::pin(status(admin, call))
    }),
    ("/troop/digest", Method::GET, |admin, call| {
        Box::pin(digest(admin, call))
    }),
    ("/troop/nodes", Method::GET, |admin, call| {
        Box::pin(nodes(admin, call))
    }),
    ("/troop/nodes/{id}", Method::GET, |admin, call| {
        Box::pin(node(admin, call))
    }),
    ("/troop/nodes/{id}", Method::DELETE, |admin, call| {
        Box::pin(remove_node(admin, call))
    }),
    ("/troop/leader", Method::POST, |admin, call| {
        Box::pin(transfer_leader(admin, call))
    }),
    ("/troop/tokens", Method::GET, |admin, call| {
        Box::pin(tokens(admin, call))
    }),
    ("/troop/tokens", Method::POST, |admin, call| {
        Box::pin(create_token(admin, call))
    }),
    ("/troop/tokens/{id}", Method::DELETE, |admin, call| {
        Box::pin(revoke_token(admin, call))
    }),
    ("/troop/health", Method::GET, |admin, call| {
        Box::pin(health(admin, call))
    }),
    ("/troop/stop", Method::POST, |admin, call| {
        Box::pin(stop(admin, call))
    }),
];

/// A token is for the next minutes, not for a drawer.
const TTL_DEFAULT_SECONDS: u64 = 60 * 60;
/// Thirty days: beyond that a token is a password.
const TTL_MAX_SECONDS: u64 = 30 * 24 * 60 * 60;
/// Enough for the largest roll-out anybody would do by one token.
const USES_MAX: u64 = 1_000;

async fn status(admin: &Admin, _: &Call) -> Reply {
    Ok(answer::ok(&status_document(&admin.cluster.status().await?)))
}

/// Two nodes at one revision have the same state if and only if they have the same digest, and reached it by the same
/// changes in the same order if they have the same chain.
async fn digest(admin: &Admin, _: &Call) -> Reply {
    let notes = admin.store.notes().map_err(Failure::from)?;
    Ok(answer::ok(&json!({
        "revision": notes.revision.get(),
        "digest": format!("{:032x}", notes.digest),
        "chain": format!("{:032x}", notes.chain),
    })))
}

fn status_document(status: &ClusterStatus) -> Value {
    json!({
        "id": status.id,
        "name": status.name,
        "role": status.role.as_str(),
        "leader": status.leader,
        "term": status.term,
        "last_log_index": status.last_log_index,
        "applied_index": status.applied_index,
        "served_revision": status.served_revision,
        "members": status.members.iter().map(member_document).collect::<Vec<_>>(),
        "warnings": warnings(&status.members),
    })
}

/// What somebody should look into, as sentences.
fn warnings(members: &[MemberStatus]) -> Vec<String> {
    let mut by_flavor: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for member in members {
        if let Some(flavor) = member.router_flavor.as_deref() {
            by_flavor.entry(flavor).or_default().push(&member.name);
        }
    }
    if by_flavor.len() < 2 {
        return Vec::new();
    }
    let sides = by_flavor.iter();
    let sides: Vec<String> = sides
        .map(|(flavor, names)| format!("{flavor} ({})", names.join(", ")))
        .collect();
    vec![format!(
        "nodes differ in router_flavor: {}; they route requests differently and refuse each other's routes",
        sides.join(", ")
    )]
}

fn member_document(member: &MemberStatus) -> Value {
    json!({
        "id": member.id,
        "name": member.name,
        "address": member.address,
        "role": member.role.as_str(),
        "served_revision": member.served_revision,
        "lag": member.lag,
        "router_flavor": member.router_flavor,
    })
}

fn node_document(status: &ClusterStatus, member: &MemberStatus) -> Value {
    let mut document = member_document(member);
    document["leader"] = json!(status.leader == Some(member.id));
    document
}

async fn nodes(admin: &Admin, _: &Call) -> Reply {
    let status = admin.cluster.status().await?;
    let nodes: Vec<Value> = status
        .members
        .iter()
        .map(|member| node_document(&status, member))
        .collect();
    Ok(answer::ok(&json!({ "nodes": nodes })))
}

async fn node(admin: &Admin, call: &Call) -> Reply {
    let id = node_id(call)?;
    let status = admin.cluster.status().await?;
    let member = status
        .members
        .iter()
        .find(|member| member.id == id)
        .ok_or_else(|| unknown_node(call))?;
    Ok(answer::ok(&node_document(&status, member)))
}

async fn remove_node(admin: &Admin, call: &Call) -> Reply {
    admin.cluster.remove_node(node_id(call)?).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `{"id": 3}`, or nothing for whoever is fittest.
async fn transfer_leader(admin: &Admin, call: &Call) -> Reply {
    let to = match call.payload.fields().get("id") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let text = value
                .as_str()
                .map(str::to_owned)
                .unwrap_or_else(|| value.to_string());
            let id = text.parse::<NodeId>();
            Some(id.map_err(|_| Failure::bad("id: expected the number of a node"))?)
        }
    };
    let leader = admin.cluster.transfer_leader(to).await?;
    Ok(answer::ok(&json!({ "leader": leader })))
}

fn node_id(call: &Call) -> Result<NodeId, Failure> {
    call.param(0).parse().map_err(|_| unknown_node(call))
}

fn unknown_node(call: &Call) -> Failure {
    let text = format!(
        "no node '{}' in this cluster; GET /troop/nodes lists them",
        call.param(0)
    );
    Failure::other(StatusCode::NOT_FOUND, text)
}

async fn tokens(admin: &Admin, _: &Call) -> Reply {
    let tokens = admin.cluster.tokens().await?;
    let rows: Vec<Value> = tokens.iter().map(token_document).collect();
    Ok(answer::ok(&json!({ "tokens": rows })))
}

fn token_document(token: &TokenInfo) -> Value {
    json!({
        "id": token.id,
        "role": token.role.as_str(),
        "expires_at": token.expires_at_ms / 1_000,
        "uses": token.uses,
    })
}

async fn create_token(admin: &Admin, call: &Call) -> Reply {
    let token = admin.cluster.create_token(wish(call)?).await?;
    let mut document = token_document(&token.info);
    document["token"] = json!(token.token);
    document["join"] = json!(token.join);
    Ok(answer::json(StatusCode::CREATED, &document))
}

fn wish(call: &Call) -> Result<TokenRequest, Failure> {
    let role = match call.payload.fields().get("role") {
        None | Some(Value::Null) => MemberRole::Voter,
        Some(value) => value
            .as_str()
            .and_then(MemberRole::from_word)
            .ok_or_else(|| Failure::bad("role: expected voter or learner"))?,
    };
    let seconds = number(call, "ttl_seconds", TTL_DEFAULT_SECONDS, TTL_MAX_SECONDS)?;
    let uses = number(call, "uses", 1, USES_MAX)?;
    let uses = u32::try_from(uses).expect("invariant: at most USES_MAX");
    Ok(TokenRequest {
        role,
        ttl: Duration::from_secs(seconds),
        uses,
    })
}

/// A number from 1 to `max`, as JSON or as form text.
fn number(call: &Call, name: &str, default: u64, max: u64) -> Result<u64, Failure> {
    let value = match call.payload.fields().get(name) {
        None | Some(Value::Null) => return Ok(default),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    };
    let fits = value.filter(|value| (1..=max).contains(value));
    fits.ok_or_else(|| Failure::bad(format!("{name}: expected an integer between 1 and {max}")))
}

async fn revoke_token(admin: &Admin, call: &Call) -> Reply {
    admin.cluster.revoke_token(call.param(0).to_owned()).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

async fn health(admin: &Admin, _: &Call) -> Reply {
    Ok(match admin.cluster.health().await {
        Ok(()) => answer::ok(&json!({ "healthy": true })),
        Err(reason) => answer::json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "healthy": false, "reason": reason }),
        ),
    })
}

async fn stop(admin: &Admin, _: &Call) -> Reply {
    admin.cluster.stop();
    Ok(answer::message(StatusCode::ACCEPTED, "draining, then stopping"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flavors: &[Option<&str>], expected: &[&str]) {
        let member = |(at, flavor): (usize, &Option<&str>)| MemberStatus {
            id: at as u64,
            name: format!("n{at}"),
            address: String::new(),
            role: MemberRole::Voter,
            served_revision: None,
            lag: None,
            router_flavor: flavor.map(str::to_owned),
        };
        let members: Vec<MemberStatus> = flavors.iter().enumerate().map(member).collect();
        assert_eq!(warnings(&members), expected, "{flavors:?}");
    }

    #[test]
    fn nodes_that_read_routes_differently_are_named() {
        check(&[], &[]);
        check(&[Some("expressions"), None, Some("expressions")], &[]);
        check(
            &[
                Some("traditional"),
                Some("expressions"),
                None,
                Some("traditional"),
            ],
            &[
                "nodes differ in router_flavor: expressions (n1), traditional (n0, n3); \
                 they route requests differently and refuse each other's routes",
            ],
        );
    }
}
