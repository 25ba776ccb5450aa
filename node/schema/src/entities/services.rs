//! Services: what the gateway forwards to.
//!
//! The catch: `url` is not a field. It is spread over protocol, host, port and path, and overrules them.

use crate::{Check, Match, Record, entity::Entity, field::Field, shape::Shorthand, typedef};
use serde_json::{Value, json};

/// Fields that only make sense when the gateway speaks TLS to the service.
const TLS_ONLY: [&str; 4] = [
    "client_certificate",
    "tls_verify",
    "tls_verify_depth",
    "ca_certificates",
];

pub(crate) fn table() -> Entity {
    let table = Entity::table(
        "services",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
            ("name", typedef::unique_name()),
            ("retries", Field::integer().between(0, 32767).default(5)),
            ("protocol", typedef::protocol().required().default("http")),
            ("host", typedef::host().required()),
            ("port", typedef::port().required().default(80)),
            ("path", typedef::path()),
            ("connect_timeout", typedef::timeout_above_zero().default(60000)),
            ("write_timeout", typedef::timeout_above_zero().default(60000)),
            ("read_timeout", typedef::timeout_above_zero().default(60000)),
            ("tags", typedef::tags()),
            ("client_certificate", Field::foreign("certificates")),
            ("tls_verify", Field::boolean()),
            (
                "tls_verify_depth",
                Field::integer().between(0, 64).default(Value::Null),
            ),
            (
                "ca_certificates",
                Field::array(typedef::uuid().refers_softly("ca_certificates")),
            ),
            ("enabled", Field::boolean().required().default(true)),
        ],
    )
    .found_by("name")
    .shorthand(Shorthand::new("url", Field::string(), spread_url))
    .check(Check::conditional(
        "protocol",
        Match::one_of(["tcp", "tls", "udp", "grpc", "grpcs"]),
        "path",
        Match::eq(Value::Null),
    ));
    TLS_ONLY.into_iter().fold(table, |table, field| {
        table.check(Check::conditional(
            "protocol",
            Match::not_one_of(["https", "tls"]),
            field,
            Match::eq(Value::Null),
        ))
    })
}

/// Kong: an absent part is null and overrules too; a null url is read as the text that Lua prints for it.
fn spread_url(value: &Value) -> Record {
    let url = Url::parse(value.as_str().unwrap_or("userdata: NULL"));
    let explicit = url.port.and_then(|port| port.parse::<u64>().ok());
    let protocol = url.scheme.unwrap_or(match explicit {
        Some(443) => "https",
        _ => "http",
    });
    let port = explicit.unwrap_or(if protocol == "https" { 443 } else { 80 });
    let parts = [
        ("protocol", json!(protocol)),
        ("host", json!(url.host)),
        ("port", json!(port)),
        ("path", json!(url.path)),
    ];
    parts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The parts of a URL that a service has fields for.
#[derive(Debug, Default, PartialEq)]
struct Url<'a> {
    scheme: Option<&'a str>,
    host: Option<&'a str>,
    port: Option<&'a str>,
    path: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Splits without judging: fragment, scheme, authority, query, and what is left is the path.
    fn parse(text: &'a str) -> Self {
        let mut rest = text.split('#').next().unwrap_or_default();
        let mut url = Url::default();
        if let Some((scheme, after)) = rest.split_once(':')
            && is_scheme(scheme)
        {
            url.scheme = Some(scheme);
            rest = after;
        }
        if let Some(after) = rest.strip_prefix("//") {
            let end = after.find('/').unwrap_or(after.len());
            (url.host, url.port) = authority(&after[..end]);
            rest = &after[end..];
        }
        let path = rest.split('?').next().and_then(|p| p.split(';').next());
        url.path = path.filter(|path| !path.is_empty());
        url
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Host without brackets, and port; what is before an at sign is dropped.
fn authority(text: &str) -> (Option<&str>, Option<&str>) {
    let text = text.split_once('@').map_or(text, |(_, host)| host);
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    (Some(bare).filter(|host| !host.is_empty()), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, protocol: &str, host: Option<&str>, port: u64, path: Option<&str>) {
        let got = Value::Object(spread_url(&url.into()));
        let wanted = json!({ "protocol": protocol, "host": host, "port": port, "path": path });
        assert_eq!(got, wanted, "{url}");
    }

    #[test]
    fn a_url_is_spread_over_four_fields() {
        check("http://example.com", "http", Some("example.com"), 80, None);
        check("https://example.com", "https", Some("example.com"), 443, None);
        check("https://h:8443/a/b", "https", Some("h"), 8443, Some("/a/b"));
        check("grpc://h", "grpc", Some("h"), 80, None);
        check("http://[::1]:8080/p?q#f", "http", Some("::1"), 8080, Some("/p"));
        check("http://u:p@h/", "http", Some("h"), 80, Some("/"));
        check("//h:443", "https", Some("h"), 443, None);
        check("foo.com", "http", None, 80, Some("foo.com"));
        check("http://", "http", None, 80, None);
        check("http://a b", "http", Some("a b"), 80, None);
    }
}
