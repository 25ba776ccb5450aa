//! Upstreams: virtual hosts that spread requests over targets.
//!
//! The catch: `algorithm` and `hash_on` are coupled for the sake of old clients. Setting one moves the other, and the pair is
//! brought into agreement again before it is stored.

use crate::{Check, Match, Record, entity::Entity, fault::Fault, field::Field, shape::Shorthand, typedef};
use serde_json::{Value, json};

const ALGORITHMS: [&str; 4] = [
    "consistent-hashing",
    "least-connections",
    "round-robin",
    "latency",
];
const HASH_INPUTS: [&str; 8] = [
    "none",
    "consumer",
    "ip",
    "header",
    "cookie",
    "path",
    "query_arg",
    "uri_capture",
];

pub(crate) fn table() -> Entity {
    let table = Entity::table(
        "upstreams",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("name", Field::string().unique().required().custom(name)),
            ("updated_at", typedef::updated_at()),
            (
                "algorithm",
                Field::string().one_of(ALGORITHMS).default("round-robin"),
            ),
            ("hash_on", Field::string().one_of(HASH_INPUTS).default("none")),
            (
                "hash_fallback",
                Field::string().one_of(HASH_INPUTS).default("none"),
            ),
            ("hash_on_header", typedef::header_name()),
            ("hash_fallback_header", typedef::header_name()),
            ("hash_on_cookie", typedef::cookie_name()),
            ("hash_on_cookie_path", typedef::path().default("/")),
            ("hash_on_query_arg", Field::string()),
            ("hash_fallback_query_arg", Field::string()),
            ("hash_on_uri_capture", Field::string()),
            ("hash_fallback_uri_capture", Field::string()),
            ("slots", Field::integer().between(10, 65536).default(10000)),
            ("healthchecks", healthchecks()),
            ("tags", typedef::tags()),
            ("host_header", typedef::host_with_optional_port()),
            ("client_certificate", Field::foreign("certificates")),
            ("use_srv_name", Field::boolean().default(false)),
        ],
    )
    .found_by("name")
    .shorthand(Shorthand::new(
        "algorithm",
        Field::string(),
        algorithm_moves_hash_on,
    ))
    .shorthand(Shorthand::new(
        "hash_on",
        Field::string(),
        hash_on_moves_algorithm,
    ));
    checks().into_iter().fold(table, Entity::check)
}

fn name(value: &Value) -> Result<(), Fault> {
    let text = value.as_str().unwrap_or_default();
    match typedef::host_error(text) {
        None => Ok(()),
        Some(err) => Err(format!("Invalid name ('{text}'); {err}").into()),
    }
}

fn table_of<const N: usize>(members: [(&str, Value); N]) -> Record {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// These two do not hash.
fn algorithm_moves_hash_on(value: &Value) -> Record {
    match value.as_str() {
        Some("least-connections" | "latency") => {
            table_of([("algorithm", value.clone()), ("hash_on", Value::Null)])
        }
        _ => table_of([("algorithm", value.clone())]),
    }
}

fn hash_on_moves_algorithm(value: &Value) -> Record {
    match value.as_str() {
        None => table_of([("hash_on", "none".into())]),
        Some("none") => table_of([("hash_on", "none".into()), ("algorithm", "round-robin".into())]),
        Some(_) => table_of([
            ("hash_on", value.clone()),
            ("algorithm", "consistent-hashing".into()),
        ]),
    }
}

fn checks() -> Vec<Check> {
    let needs = |field, input, needed| Check::conditional(field, Match::eq(input), needed, Match::required());
    let differs = |input: &'static str, others: [&'static str; 7]| {
        Check::conditional(
            "hash_on",
            Match::eq(input),
            "hash_fallback",
            Match::one_of(others),
        )
    };
    vec![
        needs("hash_on", "header", "hash_on_header"),
        needs("hash_fallback", "header", "hash_fallback_header"),
        needs("hash_on", "cookie", "hash_on_cookie"),
        needs("hash_fallback", "cookie", "hash_on_cookie"),
        Check::conditional(
            "hash_on",
            Match::eq("none"),
            "hash_fallback",
            Match::one_of(["none"]),
        ),
        Check::conditional(
            "hash_on",
            Match::eq("cookie"),
            "hash_fallback",
            Match::one_of(["none"]),
        ),
        differs(
            "consumer",
            [
                "none",
                "ip",
                "header",
                "cookie",
                "path",
                "query_arg",
                "uri_capture",
            ],
        ),
        differs(
            "ip",
            [
                "none",
                "consumer",
                "header",
                "cookie",
                "path",
                "query_arg",
                "uri_capture",
            ],
        ),
        // Kong: in this order.
        differs(
            "path",
            [
                "none",
                "consumer",
                "header",
                "cookie",
                "query_arg",
                "ip",
                "uri_capture",
            ],
        ),
        Check::Distinct(vec!["hash_on_header", "hash_fallback_header"]),
        needs("hash_on", "query_arg", "hash_on_query_arg"),
        needs("hash_fallback", "query_arg", "hash_fallback_query_arg"),
        Check::Distinct(vec!["hash_on_query_arg", "hash_fallback_query_arg"]),
        needs("hash_on", "uri_capture", "hash_on_uri_capture"),
        needs("hash_fallback", "uri_capture", "hash_fallback_uri_capture"),
        Check::Distinct(vec!["hash_on_uri_capture", "hash_fallback_uri_capture"]),
    ]
}

fn healthchecks() -> Field {
    Field::record(vec![
        ("active", active()),
        ("passive", passive()),
        ("threshold", Field::number().between(0, 100).default(0)),
    ])
}

fn check_type() -> Field {
    Field::string()
        .one_of(["tcp", "http", "https", "grpc", "grpcs"])
        .default("http")
}

fn seconds(default: u32) -> Field {
    Field::number().between(0, 65535).default(default)
}

fn count() -> Field {
    Field::integer().between(0, 255).default(0)
}

fn statuses(default: Value) -> Field {
    Field::array(Field::integer().between(100, 999)).default(default)
}

fn active() -> Field {
    Field::record(vec![
        ("type", check_type()),
        ("timeout", seconds(1)),
        (
            "concurrency",
            Field::integer().between(1, 2_147_483_648.0).default(10),
        ),
        ("http_path", typedef::path().default("/")),
        ("https_sni", typedef::sni()),
        (
            "https_verify_certificate",
            Field::boolean().required().default(true),
        ),
        ("headers", typedef::headers(typedef::header_name())),
        (
            "healthy",
            Field::record(vec![
                ("interval", seconds(0)),
                ("http_statuses", statuses(json!([200, 302]))),
                ("successes", count()),
            ]),
        ),
        (
            "unhealthy",
            Field::record(vec![
                ("interval", seconds(0)),
                (
                    "http_statuses",
                    statuses(json!([429, 404, 500, 501, 502, 503, 504, 505])),
                ),
                ("tcp_failures", count()),
                ("timeouts", count()),
                ("http_failures", count()),
            ]),
        ),
    ])
}

fn passive() -> Field {
    let healthy = json!([
        200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308
    ]);
    Field::record(vec![
        ("type", check_type()),
        (
            "healthy",
            Field::record(vec![("http_statuses", statuses(healthy)), ("successes", count())]),
        ),
        (
            "unhealthy",
            Field::record(vec![
                ("http_statuses", statuses(json!([429, 500, 503]))),
                ("tcp_failures", count()),
                ("timeouts", count()),
                ("http_failures", count()),
            ]),
        ),
    ])
}
