//! `troop token create | list | revoke`: the keys with which new nodes come in.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::print;
use crate::columns::{Column, cell, render};
use crate::failure::Failure;
use crate::grammar::TokenCommand;

const TOKENS: [Column; 4] = [
    ("ID", "id"),
    ("ROLE", "role"),
    ("USES LEFT", "uses"),
    ("VALID FOR", "valid_for"),
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
                |token| created(token, ttl),
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

fn created(token: &Value, ttl: Duration) -> String {
    format!(
        "On the new machine run:\n\n    {}\n\nToken {} admits {} node(s) as {} within {}.\n",
        cell(token.get("join")),
        cell(token.get("id")),
        cell(token.get("uses")),
        cell(token.get("role")),
        span(ttl)
    )
}

fn list(document: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let rows: Vec<Value> = rows(document, "tokens")
        .iter()
        .map(|token| with_validity(token, now))
        .collect();
    render(&TOKENS, &rows)
}

/// A moment in seconds since 1970 says little to a person; what is left says all.
fn with_validity(token: &Value, now: Duration) -> Value {
    let mut row = token.clone();
    if let Some(end) = token
        .get("expires_at")
        .and_then(Value::as_f64)
        .filter(|end| *end >= 0.0)
    {
        let left = Duration::try_from_secs_f64(end)
            .unwrap_or(Duration::MAX)
            .saturating_sub(now);
        row["valid_for"] = span(left).into();
    }
    row
}

/// The two largest units of a span: `1h5m`, `2d`, `40s`.
fn span(span: Duration) -> String {
    let mut left = span.as_secs();
    let mut parts = Vec::new();
    for (letter, unit) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
        let count = left / unit;
        left %= unit;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count}{letter}"));
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.concat()
    }
}

/// The rows of a listing, under its own name or under `data` as Kong's listings have them.
pub(super) fn rows<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    let rows = document
        .get(name)
        .or_else(|| document.get("data"))
        .and_then(Value::as_array);
    rows.map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_their_two_largest_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (40, "40s"),
            (3_600, "1h"),
            (3_905, "1h5m"),
            (180_000, "2d2h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn what_is_left_of_a_token_counts_from_now() {
        let row = with_validity(&json!({"expires_at": 1_000}), Duration::from_secs(940));
        assert_eq!(row["valid_for"], "1m");
        let row = with_validity(&json!({"expires_at": 1_000}), Duration::from_secs(2_000));
        assert_eq!(row["valid_for"], "0s");
    }
}
