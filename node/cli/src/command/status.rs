//! `troop status` and `troop health`: how a node is, at length and in one word.

use std::io::Write;

use serde_json::{Value, json};

use super::print;
use crate::columns::{Column, cell, render};
use crate::failure::Failure;
use crate::grammar::Target;
use crate::http::Question;

const MEMBERS: [Column; 6] = [
    ("ID", "id"),
    ("NAME", "name"),
    ("ADDRESS", "address"),
    ("ROLE", "role"),
    ("SERVES", "served_revision"),
    ("LAG", "lag"),
];

pub(super) fn run(target: &Target, output: &mut dyn Write) -> Result<(), Failure> {
    let status = target.get("/troop/status")?;
    print(target.output, &status, text, output)
}

fn text(status: &Value) -> String {
    let field = |name: &str| cell(status.get(name));
    let members = status
        .get("members")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    format!(
        "node      {} (id {}), {}\nterm      {}, {}\nrevision  serves {}, applied {}, log ends at {}\n\n{}{}",
        field("name"),
        field("id"),
        field("role"),
        field("term"),
        leader(status),
        field("served_revision"),
        field("applied_index"),
        field("last_log_index"),
        render(&MEMBERS, &members),
        warnings(status)
    )
}

fn warnings(status: &Value) -> String {
    let warnings = status.get("warnings").and_then(Value::as_array);
    let warnings = warnings.into_iter().flatten().filter_map(Value::as_str);
    warnings
        .map(|warning| format!("\nwarning: {warning}\n"))
        .collect()
}

fn leader(status: &Value) -> String {
    match status.get("leader") {
        None | Some(Value::Null | Value::Bool(false)) => "no leader known".to_owned(),
        Some(Value::Bool(true)) => "led by this node".to_owned(),
        leader if leader == status.get("id") => "led by this node".to_owned(),
        leader => format!("led by {}", cell(leader)),
    }
}

/// A node that answers 503 is reachable and not well: exit code 1, with its reason.
pub(super) fn health(target: &Target, output: &mut dyn Write) -> Result<(), Failure> {
    let answer = target.ask(Question {
        method: "GET",
        path: "/troop/health",
        body: None,
    })?;
    let document = target.read(&answer.body)?;
    if answer.status == 200 {
        return print(
            target.output,
            &json!({"healthy": true}),
            |_| "healthy\n".to_owned(),
            output,
        );
    }
    let reason = document.get("reason").or_else(|| document.get("message"));
    let reason = reason
        .and_then(Value::as_str)
        .unwrap_or("it gives no reason")
        .to_owned();
    print(
        target.output,
        &json!({"healthy": false, "reason": reason}),
        |_| String::new(),
        output,
    )?;
    Err(Failure::Unhealthy {
        address: target.admin.clone(),
        reason,
    })
}
