//! `troop route explain`: where would this request go, and why not elsewhere?

use std::io::Write;

use serde_json::{Map, Value, json};

use super::print;
use super::token::rows;
use crate::columns::{Column, render};
use crate::failure::Failure;
use crate::grammar::RouteCommand;

const ROUTES: [Column; 4] = [
    ("ROUTE", "id"),
    ("NAME", "name"),
    ("SERVICE", "service"),
    ("VERDICT", "verdict"),
];

pub(super) fn run(command: RouteCommand, output: &mut dyn Write) -> Result<(), Failure> {
    let RouteCommand::Explain {
        method,
        url,
        headers,
        target,
    } = command;
    let headers: Map<String, Value> = headers
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    let question = json!({"method": method, "url": url, "headers": headers});
    print(
        target.output,
        &target.post("/troop/explain", &question)?,
        table,
        output,
    )
}

/// The route that is found first, then those it outranks, then those that nearly fit.
fn table(document: &Value) -> String {
    let found = &document["route"];
    if found.is_null() && rows(document, "routes").is_empty() {
        return "there are no routes\n".to_owned();
    }
    let lines: Vec<Value> = rows(document, "routes")
        .iter()
        .map(|route| {
            let service = &route["service"];
            let called = if service["name"].is_null() {
                &service["id"]
            } else {
                &service["name"]
            };
            json!({"id": route["id"], "name": route["name"], "service": called, "verdict": verdict(route, found)})
        })
        .collect();
    render(&ROUTES, &lines)
}

fn verdict(route: &Value, found: &Value) -> String {
    let misses = route["misses"].as_array().map_or(&[][..], Vec::as_slice);
    if route["id"] == *found {
        "found".to_owned()
    } else if misses.is_empty() {
        "fits, outranked".to_owned()
    } else {
        let fields: Vec<&str> = misses.iter().filter_map(Value::as_str).collect();
        format!("{} do not fit", fields.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_who_is_found_and_why_the_others_are_not() {
        let document = json!({"route": "r1", "routes": [
            {"id": "r1", "name": "a", "service": {"id": "s1", "name": "shop"}, "misses": []},
            {"id": "r2", "name": null, "service": {"id": "s2", "name": null}, "misses": []},
            {"id": "r3", "name": null, "service": null, "misses": ["hosts", "paths"]},
        ]});
        let text = table(&document);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(
            lines[1].starts_with("r1") && lines[1].ends_with("found"),
            "{text}"
        );
        assert!(
            lines[2].contains("s2") && lines[2].ends_with("fits, outranked"),
            "{text}"
        );
        assert!(lines[3].ends_with("hosts, paths do not fit"), "{text}");
        assert_eq!(
            table(&json!({"route": null, "routes": []})),
            "there are no routes\n"
        );
    }
}
