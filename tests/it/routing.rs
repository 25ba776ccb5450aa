//! The routing guide, held to its word: what its examples make is made, and what they promise is checked.
//!
//! A reader with a terminal who types everything the page shows. Blocks of shell commands are sent to a fresh node's Admin API;
//! blocks of requests with arrows are asked of it; the table of paths is walked through an origin.

use serde_json::{Map, Value, json};
use std::{fs, path::Path};
use troop_tests::{
    admin::Admin,
    node::Node,
    origin::{Origin, echoed},
    program::{command, finish},
    wire::Request,
};

fn guide() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/routing.md");
    fs::read_to_string(page).expect("the guide is there")
}

/// The part of the page below a heading, up to the next one.
fn chapter<'g>(guide: &'g str, heading: &str) -> &'g str {
    let start = guide.find(&format!("\n## {heading}\n")).expect("a heading") + 1;
    let rest = &guide[start..];
    rest[3..].find("\n## ").map_or(rest, |end| &rest[..end + 3])
}

/// Lines of the blocks in a language.
fn lines<'g>(chapter: &'g str, language: &str) -> Vec<&'g str> {
    let opening = format!("```{language}");
    let mut inside = false;
    let mut lines = Vec::new();
    for line in chapter.lines() {
        if line.starts_with("```") {
            inside = line == opening;
        } else if inside {
            lines.push(line);
        }
    }
    lines
}

/// Words as a shell splits them, with single quotation marks.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let mut words = vec![String::new()];
    for (at, part) in parts {
        let quoted = at % 2 == 1;
        for c in part.chars() {
            match words.last_mut() {
                Some(word) if quoted || c != ' ' => word.push(c),
                _ => words.push(String::new()),
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `curl -X POST localhost:8001/PATH -d name=value ...`, as a form.
fn type_in(node: &Node, line: &str) {
    let words = words(line);
    let (post, fields) = words.split_at(4);
    assert_eq!(&post[..3], ["curl", "-X", "POST"], "{line}");
    let path = post[3].strip_prefix("localhost:8001").expect("the Admin API");
    let fields: Vec<String> = fields
        .chunks(2)
        .map(|pair| match pair[1].split_once('=') {
            Some((name, value)) if pair[0] == "--data-urlencode" => format!("{name}={}", escaped(value)),
            _ => pair[1].clone(),
        })
        .collect();
    let request = Request::new("POST", path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(fields.join("&"));
    node.admin().send(&request).expecting(201);
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_*".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// `METHOD URL (Header: value) → route`
fn check(node: &Node, line: &str) {
    let (request, expected) = line.split_once('→').expect("an arrow");
    let (request, header) = request.split_once('(').unwrap_or((request, ""));
    let words: Vec<&str> = request.split_whitespace().collect();
    let headers: Map<String, Value> = header
        .trim_end()
        .trim_end_matches(')')
        .split_once(": ")
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .into_iter()
        .collect();
    let question = json!({"method": words[0], "url": words[1], "headers": headers});
    let answer = node
        .admin()
        .post("/troop/explain", &question)
        .expecting(200)
        .json();
    let found = answer["routes"].as_array().expect("routes").first();
    let found = found.filter(|route| route["id"] == answer["route"]);
    assert_eq!(
        found.map_or(&Value::Null, |route| &route["name"]),
        expected.trim(),
        "{line}: {answer}"
    );
}

fn hold_to_its_word(chapter: &str, node: &Node) {
    let (made, asked) = (lines(chapter, "sh"), lines(chapter, "text"));
    assert!(
        !made.is_empty() && !asked.is_empty(),
        "a chapter without examples"
    );
    made.iter().for_each(|line| type_in(node, line));
    asked.iter().for_each(|line| check(node, line));
}

#[test]
fn the_examples_of_the_guide_route_as_it_says() {
    hold_to_its_word(chapter(&guide(), "What a route asks for"), &Node::alone(&[]));
}

#[test]
fn the_expressions_of_the_guide_route_as_it_says() {
    let node = Node::alone(&[("router_flavor", "expressions")]);
    hold_to_its_word(chapter(&guide(), "Expressions"), &node);
    let root = node.admin().get("/").expecting(200).json();
    assert_eq!(root["configuration"]["router_flavor"], "expressions");
}

/// Of a row of a table.
fn cells(row: &str) -> Vec<&str> {
    let cells = row.trim_matches('|').split(" | ");
    cells.map(|cell| cell.trim().trim_matches('`')).collect()
}

#[test]
fn paths_reach_the_service_as_the_table_of_the_guide_says() {
    let origin = Origin::start("o");
    let node = Node::alone(&[]);
    let guide = guide();
    let rows = chapter(&guide, "Paths")
        .lines()
        .filter(|line| line.starts_with("| `"));
    let mut count = 0;
    for (number, row) in rows.enumerate() {
        let [service, route, strip, request, expected] = cells(row)[..] else {
            panic!("five cells: {row}");
        };
        let host = format!("h{number}.test");
        let admin = node.admin();
        serve_at(admin, &format!("s{number}"), &origin, service);
        let body = json!({"hosts": [host], "paths": [route], "strip_path": strip == "on"});
        admin
            .post(&format!("/services/s{number}/routes"), &body)
            .expecting(201);
        let answer = node
            .proxy(&Request::get(request).header("Host", &host))
            .expecting(200);
        assert_eq!(answer.json()["target"], expected, "{row}");
        count += 1;
    }
    assert!(count > 15, "only {count} rows were found");
}

/// A service at the origin, below a path of it.
fn serve_at(admin: Admin, name: &str, origin: &Origin, path: &str) {
    let address = origin.address();
    let body = json!({"name": name, "host": address.ip().to_string(), "port": address.port(), "path": path});
    admin.post("/services", &body).expecting(201);
}

#[test]
fn an_expression_routes_traffic_and_strips_what_it_matched() {
    let origin = Origin::start("o");
    let node = Node::alone(&[("router_flavor", "expressions")]);
    let admin = node.admin();
    let address = origin.address();
    let body = json!({"name": "s", "host": address.ip().to_string(), "port": address.port()});
    admin.post("/services", &body).expecting(201);
    let sentence = r##"http.path ~ r#"^/api/(?<version>v\d+)"# && any(http.headers.x_key) == "k" && net.src.ip in 127.0.0.0/8 && net.dst.ip == 127.0.0.1"##;
    admin
        .post(
            "/services/s/routes",
            &json!({"name": "r", "expression": sentence}),
        )
        .expecting(201);
    let ask = |key: &str| node.proxy(&Request::get("/api/v2/items?q=1").header("X-Key", key));
    let answer = ask("k").expecting(200).json();
    assert_eq!(answer["target"], "/items?q=1");
    assert_eq!(echoed(&answer, "x-forwarded-prefix"), ["/api/v2"]);
    ask("other").expecting(404);
    // A change is served when it was acknowledged, and touches nothing else.
    admin
        .patch("/routes/r", &json!({"expression": r#"http.path == "/only""#}))
        .expecting(200);
    ask("k").expecting(404);
    node.proxy(&Request::get("/only")).expecting(200);
}

#[test]
fn in_the_flavour_traditional_paths_are_handled_as_routes_say() {
    let origin = Origin::start("o");
    let node = Node::alone(&[("router_flavor", "traditional")]);
    let admin = node.admin();
    let root = admin.get("/").expecting(200).json();
    assert_eq!(root["configuration"]["router_flavor"], "traditional");
    let guide = guide();
    let rows = chapter(&guide, "The flavour `traditional`")
        .lines()
        .filter(|line| line.starts_with("| `/"));
    let mut count = 0;
    for (number, row) in rows.enumerate() {
        let [service, route, strip, request, v0, v1] = cells(row)[..] else {
            panic!("six cells: {row}");
        };
        serve_at(admin, &format!("s{number}"), &origin, service);
        for (handling, expected) in [("v0", v0), ("v1", v1)] {
            let host = format!("{handling}-{number}.test");
            let body = json!({"hosts": [host], "paths": [route], "strip_path": strip == "on", "path_handling": handling});
            admin
                .post(&format!("/services/s{number}/routes"), &body)
                .expecting(201);
            let answer = node
                .proxy(&Request::get(request).header("Host", &host))
                .expecting(200);
            assert_eq!(answer.json()["target"], expected, "{handling}: {row}");
            count += 1;
        }
    }
    assert!(count > 10, "only {count} rows were found");
}

#[test]
fn a_node_that_does_not_speak_expressions_refuses_them() {
    let node = Node::alone(&[]);
    let refused = node
        .admin()
        .post("/routes", &json!({"expression": r#"http.path == "/""#}))
        .expecting(400);
    assert_eq!(refused.json()["fields"]["expression"], "unknown field");
}

#[test]
fn a_file_with_expressions_is_judged_by_the_flavour_of_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kong.yaml");
    let text = "_format_version: \"3.0\"\nroutes:\n- name: r\n  expression: http.path == \"/\"\n";
    fs::write(&file, text).expect("a file");
    let validate = |flavor: &str| {
        let mut command = command();
        command.env("TROOP_ROUTER_FLAVOR", flavor);
        command.args(["config", "validate"]).arg(&file);
        finish(command)
    };
    validate("expressions").expecting(0);
    let refused = validate("traditional_compatible");
    assert!(refused.stderr.contains("expression"), "{refused:?}");
}
