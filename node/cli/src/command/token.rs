//! `troop token create | list | revoke`: the keys with which new nodes come in.

use std::io::Write;

use serde_json::{Value, json};

use super::print;
use crate::columns::{Column, cell, render};
use crate::failure::Failure;
use crate::grammar::TokenCommand;

const TOKENS: [Column; 4] = [
    ("ID", "id"),
    ("ROLE", "role"),
    ("USES LEFT", "uses"),
    ("EXPIRES", "expires_at"),
];

pub(super) fn run(command: TokenCommand, output: &mut dyn Write) -> Result<(), Failure> {
    match command {
        TokenCommand::Create {
            role,
            ttl,
            uses,
            target,
        } => {
            let wish = json!({"role": role.as_str(), "ttl_seconds": ttl.as_secs(), "uses": uses});
            print(
                target.output,
                &target.post("/troop/tokens", &wish)?,
                created,
                output,
            )
        }
        TokenCommand::List(target) => print(target.output, &target.get("/troop/tokens")?, list, output),
        TokenCommand::Revoke { id, target } => {
            target.delete(&format!("/troop/tokens/{id}"))?;
            print(
                target.output,
                &json!({"revoked": id}),
                |_| format!("revoked {id}\n"),
                output,
            )
        }
    }
}

fn created(token: &Value) -> String {
    format!(
        "On the new machine run:\n\n    {}\n\nThe token (id {}) makes a {}, can be used {} time(s) and expires at {}.\n",
        cell(token.get("join")),
        cell(token.get("id")),
        cell(token.get("role")),
        cell(token.get("uses")),
        cell(token.get("expires_at"))
    )
}

fn list(document: &Value) -> String {
    render(&TOKENS, rows(document, "tokens"))
}

/// The rows of a listing, under its own name or under `data` as Kong's listings have them.
pub(super) fn rows<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    let rows = document
        .get(name)
        .or_else(|| document.get("data"))
        .and_then(Value::as_array);
    rows.map_or(&[], Vec::as_slice)
}
