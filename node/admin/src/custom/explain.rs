//! `POST /troop/explain`: which route a request would find, and why not another.
//!
//! Nothing is changed and nothing is sent; it is a `POST` because the question has fields of its own.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    problem::Failure,
};
use http::Method;
use serde_json::{Value, json};
use troop_router::{RouteQuestion, RouteVerdict};

pub(super) const DOORS: &[Door] = &[("/troop/explain", Method::POST, |admin, call| {
    Box::pin(explain(admin, call))
})];

async fn explain(admin: &Admin, call: &Call) -> Reply {
    let verdicts = admin
        .facts
        .explain_route(&question(call)?)
        .map_err(Failure::bad)?;
    let found = verdicts.iter().find(|verdict| verdict.misses.is_empty());
    Ok(answer::ok(&json!({
        "route": found.map(|verdict| verdict.id.to_string()),
        "routes": verdicts.iter().map(row).collect::<Vec<_>>(),
    })))
}

fn question(call: &Call) -> Result<RouteQuestion, Failure> {
    let fields = call.payload.fields();
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Failure::bad(format!("{name}: expected a string"))),
    };
    Ok(RouteQuestion {
        method: text("method")?.unwrap_or_else(|| "GET".to_owned()),
        url: text("url")?.unwrap_or_default(),
        headers: headers(fields.get("headers"))?,
    })
}

/// An object of strings.
fn headers(value: Option<&Value>) -> Result<Vec<(String, String)>, Failure> {
    let members = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(Failure::bad("headers: expected an object")),
    };
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        _ => Err(Failure::bad(format!("headers.{name}: expected a string"))),
    };
    members.iter().map(pair).collect()
}

fn row(verdict: &RouteVerdict) -> Value {
    let service = verdict.service.as_ref();
    json!({
        "id": verdict.id.to_string(),
        "name": verdict.name,
        "service": service.map(|(id, name)| json!({"id": id.to_string(), "name": name})),
        "misses": verdict.misses,
    })
}
