//! Routes: which requests go to which service.
//!
//! The catch: a route belongs to one of three families by the first protocol it names. Each family forbids fields that
//! its requests do not have and demands one that they do.
//!
//! In the flavour `expressions` a route may be a sentence instead of a form; what that adds is in `routes/expressions.rs`.

mod expressions;

use crate::{
    Branch, Check, Match, Record, entity::Entity, field::Field, rule::Rule, shape::Shape, typedef,
    violation::text,
};
use serde_json::{Value, json};
use troop_expression::Flavor;

pub(crate) fn table(flavor: Flavor) -> Entity {
    let mut fields = fields();
    if flavor == Flavor::Expressions {
        fields.extend(expressions::fields());
    }
    let mut table = Entity::table("routes", fields)
        .found_by("name")
        .check(snis_need_tls());
    if flavor != Flavor::Traditional {
        table = table.check(Check::custom(vec!["headers"], every_header_has_a_value));
    }
    if flavor == Flavor::Expressions {
        table = table.check(expressions::check());
    }
    let families = [
        (["http", "https"].as_slice(), http()),
        (["tcp", "tls", "udp", "tls_passthrough"].as_slice(), stream()),
        (["grpc", "grpcs"].as_slice(), grpc()),
    ];
    let table = table.families("protocols", text::unknown_type);
    families.into_iter().fold(table, |table, (protocols, shape)| {
        let shape = if flavor == Flavor::Expressions {
            freed(shape)
        } else {
            shape
        };
        protocols
            .iter()
            .fold(table, |table, protocol| table.family(protocol, shape.clone()))
    })
}

/// Kong: with expressions, routes of requests may ask for both ends of the connection, too, and an expression is enough for any route.
fn freed(mut shape: Shape) -> Shape {
    shape
        .fields
        .retain(|(name, _)| !matches!(*name, "sources" | "destinations"));
    let checks = shape.checks.into_iter();
    shape.checks = checks.map(expressions::satisfied_by_expression).collect();
    shape
}

fn fields() -> Vec<(&'static str, Field)> {
    vec![
        ("id", typedef::id()),
        ("created_at", typedef::created_at()),
        ("updated_at", typedef::updated_at()),
        ("name", typedef::unique_name()),
        ("protocols", protocols()),
        (
            "https_redirect_status_code",
            Field::integer()
                .one_of([426, 301, 302, 307, 308])
                .required()
                .default(426),
        ),
        ("strip_path", Field::boolean().required().default(true)),
        ("preserve_host", Field::boolean().required().default(false)),
        ("request_buffering", Field::boolean().required().default(true)),
        ("response_buffering", Field::boolean().required().default(true)),
        ("tags", typedef::tags()),
        ("service", Field::foreign("services")),
        ("snis", Field::set(typedef::wildcard_host())),
        ("sources", endpoints()),
        ("destinations", endpoints()),
        ("methods", methods()),
        ("hosts", hosts()),
        ("paths", paths()),
        ("headers", headers()),
        ("regex_priority", Field::integer().default(0)),
        (
            "path_handling",
            Field::string().one_of(["v0", "v1"]).default("v0"),
        ),
    ]
}

fn protocols() -> Field {
    typedef::protocols()
        .len_min(1)
        .required()
        .default(json!(["http", "https"]))
        .exclusive_subsets(vec![
            vec!["http", "https"],
            vec!["tcp", "tls", "udp"],
            vec!["tls_passthrough"],
            vec!["grpc", "grpcs"],
        ])
}

fn endpoints() -> Field {
    Field::set(Field::record(vec![
        ("ip", typedef::ip_or_cidr()),
        ("port", typedef::port()),
    ]))
}

fn methods() -> Field {
    Field::set(typedef::http_method())
}

fn hosts() -> Field {
    Field::array(typedef::route_host())
}

fn paths() -> Field {
    Field::array(typedef::router_path())
}

fn headers() -> Field {
    typedef::headers(typedef::header_name_except_host())
}

fn snis_need_tls() -> Check {
    let plain = Rule::NotOneOf(
        ["grpcs", "https", "tls", "tls_passthrough"]
            .map(Value::from)
            .to_vec(),
    );
    Check::conditional(
        "protocols",
        Match::elements(plain),
        "snis",
        Match::rule(Rule::LenEq(0)),
    )
    .or_say("'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'")
}

/// Kong: an empty list makes an empty router expression, and this is what its compiler says. In the flavour `traditional` nothing is compiled.
fn every_header_has_a_value(route: &Record) -> Result<(), String> {
    let headers = route.get("headers").and_then(Value::as_object);
    let empty = headers
        .into_iter()
        .flat_map(Record::values)
        .any(|values| values.as_array().is_some_and(Vec::is_empty));
    if empty {
        let compiler = " --> 1:2\n  |\n1 | ()\n  |  ^---\n  |\n  = expected term";
        return Err(format!("Router Expression failed validation: {compiler}"));
    }
    Ok(())
}

fn branch(if_match: Match, fields: &[&'static str], err: &'static str) -> Branch {
    Branch {
        if_field: "protocols",
        if_match,
        then_at_least_one_of: fields.to_vec(),
        then_err: err,
    }
}

fn http() -> Shape {
    let err = "cannot set 'sources' when 'protocols' is 'http' or 'https'";
    let err_destinations = "cannot set 'destinations' when 'protocols' is 'http' or 'https'";
    Shape::new(vec![
        ("sources", typedef::nothing(endpoints(), err)),
        ("destinations", typedef::nothing(endpoints(), err_destinations)),
    ])
    .check(Check::ConditionalAtLeastOneOf(vec![
        branch(
            Match::contains("https"),
            &["methods", "hosts", "headers", "paths", "snis"],
            "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'",
        ),
        branch(
            Match::contains("http"),
            &["methods", "hosts", "headers", "paths"],
            "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'",
        ),
    ]))
}

fn stream() -> Shape {
    let family = "when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'";
    let forbidden = [
        (
            "methods",
            methods(),
            "cannot set 'methods' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'",
        ),
        (
            "hosts",
            hosts(),
            "cannot set 'hosts' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'",
        ),
        (
            "paths",
            paths(),
            "cannot set 'paths' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'",
        ),
        (
            "headers",
            headers(),
            "cannot set 'headers' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'",
        ),
    ];
    debug_assert!(forbidden.iter().all(|(_, _, err)| err.ends_with(family)));
    let fields = forbidden
        .into_iter()
        .map(|(name, field, err)| (name, typedef::nothing(field, err)))
        .collect();
    let plain = Rule::OneOf(["tcp", "tls", "udp"].map(Value::from).to_vec());
    let passthrough = Rule::OneOf(vec!["tls_passthrough".into()]);
    Shape::new(fields).check(Check::ConditionalAtLeastOneOf(vec![
        branch(
            Match::elements(plain),
            &["sources", "destinations", "snis"],
            "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'",
        ),
        branch(
            Match::elements(passthrough),
            &["snis"],
            "must set snis when 'protocols' is 'tls_passthrough'",
        ),
    ]))
}

fn grpc() -> Shape {
    let strip_path = Field::boolean()
        .required()
        .default(false)
        .ne(true)
        .err("cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'");
    let err_methods = "cannot set 'methods' when 'protocols' is 'grpc' or 'grpcs'";
    let err_sources = "cannot set 'sources' when 'protocols' is 'grpc' or 'grpcs'";
    let err_destinations = "cannot set 'destinations' when 'protocols' is 'grpc' or 'grpcs'";
    Shape::new(vec![
        ("strip_path", strip_path),
        ("methods", typedef::nothing(methods(), err_methods)),
        ("sources", typedef::nothing(endpoints(), err_sources)),
        ("destinations", typedef::nothing(endpoints(), err_destinations)),
    ])
    .check(Check::ConditionalAtLeastOneOf(vec![
        branch(
            Match::contains("grpcs"),
            &["hosts", "headers", "paths", "snis"],
            "must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'",
        ),
        branch(
            Match::contains("grpc"),
            &["hosts", "headers", "paths"],
            "must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc'",
        ),
    ]))
}
