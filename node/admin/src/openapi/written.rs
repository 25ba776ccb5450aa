//! Plates of the hand-built doors.
//!
//! A door that has no line here still gets a plate, one that says no more than that it is there; a test names such
//! doors, so that whoever builds one also describes it.

mod plates;

use super::shared::{self, Operation, Work};
use http::Method;
use plates::{Gives, PLATES};
use serde_json::{Value, json};

/// Kong has these for filters written in WebAssembly; refused, as by a Kong without it.
fn is_of_filters(pattern: &str) -> bool {
    pattern.contains("/filter-chains") || pattern.starts_with("/routes/{routes}/filters/")
}

/// The operation at a hand-built door.
pub(super) fn operation(pattern: &str, method: &Method) -> Value {
    let plate = PLATES
        .iter()
        .find(|(path, verb, ..)| *path == pattern && verb == method);
    let work = work(method);
    let mut operation = match plate {
        Some((_, _, says, status, gives)) => gives.on(shared::operation(says, work, &[]), *status),
        None if is_of_filters(pattern) => shared::operation("Refused: there is no WebAssembly", work, &[]),
        None => undescribed(pattern, method),
    };
    if work == Work::Writes {
        operation = operation.taking(json!({ "type": "object" }));
    }
    finished(pattern, operation)
}

fn work(method: &Method) -> Work {
    match *method {
        Method::GET => Work::Reads,
        Method::DELETE => Work::Deletes,
        _ => Work::Writes,
    }
}

fn undescribed(pattern: &str, method: &Method) -> Operation {
    let summary = format!("{method} {pattern}");
    let mut operation = shared::operation(&summary, work(method), &[]).written();
    operation["responses"]["2XX"] = json!({ "description": "Done" });
    Operation::from(operation)
}

/// Refusals and arguments that only some doors have.
fn finished(pattern: &str, operation: Operation) -> Value {
    let number = || json!({ "type": "integer" });
    let text = || json!({ "type": "string" });
    let operation = match pattern {
        "/events" => operation
            .refusing(&[410])
            .arg("since", "Begin after this revision", number()),
        "/status" => operation
            .arg(
                "unit",
                "Unit of memory",
                json!({ "enum": ["b", "k", "m", "g", "B", "K", "M", "G"] }),
            )
            .arg("scale", "Digits after the point", number()),
        "/status/dns" | "/debug/node/log-level/{log_level}" => operation.refusing(&[501]),
        "/upstreams/{upstreams}/health" => {
            operation.arg("balancer_health", "The whole instead of each target", text())
        }
        _ => operation,
    };
    let mut plate = operation.written();
    plate["tags"] = json!([subject(pattern)]);
    plate
}

/// Under which heading a door is listed.
fn subject(pattern: &str) -> &str {
    match pattern.split('/').nth(1) {
        Some("troop" | "events") => "cluster",
        Some("schemas" | "tags" | "plugins" | "upstreams") => pattern.split('/').nth(1).unwrap_or_default(),
        _ => "node",
    }
}

impl Gives {
    fn on(self, operation: Operation, status: u16) -> Operation {
        match self {
            Gives::Object => operation.answering(status, "The document", Some(json!({ "type": "object" }))),
            Gives::Message => {
                let message = json!({ "$ref": "#/components/schemas/message" });
                operation.answering(status, "Done", Some(message))
            }
            Gives::Page => {
                operation.answering(status, "A page", Some(shared::page(&json!({ "type": "object" }))))
            }
            Gives::Text(kind) => operation.answering_with(
                status,
                "The text",
                Some(json!({ kind: { "schema": { "type": "string" } } })),
            ),
            Gives::Nothing => operation.answering(status, "Done", None),
        }
    }
}

/// What a hand-built handler adds to a door that also exists by rule.
pub(super) fn amend(pattern: &str, method: &Method, operation: &mut Value) {
    if (pattern, method) == ("/consumers", &Method::GET) {
        let text = json!({ "type": "string", "minLength": 1 });
        let plate = Operation::from(operation.take());
        *operation = plate
            .arg("custom_id", "Only the consumer with this `custom_id`", text)
            .written();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custom;
    use troop_schema::Registry;

    #[test]
    fn every_hand_built_door_is_described() {
        let derived = crate::endpoint::derived(&Registry::new(Vec::new()).unwrap());
        for (pattern, method, _) in custom::table() {
            let by_rule = derived
                .iter()
                .any(|(path, generated)| path == pattern && generated.methods().contains(&method));
            let by_hand = PLATES
                .iter()
                .any(|(path, verb, ..)| (*path, verb) == (pattern, &method));
            assert!(
                by_rule || by_hand || is_of_filters(pattern),
                "{method} {pattern}: say in PLATES what it does"
            );
        }
    }
}
