//! Sorts of values that many tables use: what Kong calls typedefs.
//!
//! A table says `typedef::port()` and need not know what a port may be. The judges of spellings that need more than a
//! pattern live in the files below: addresses, paths, words.

mod address;
mod host;
mod path;
mod words;

pub(crate) use address::url as judge_url;
pub use address::{Address, parse_address};
pub use host::host_error;
pub use path::normalize;

use crate::{
    field::{Auto, Field},
    rule::Rule,
};
use serde_json::Value;

/// All protocols, in the order messages name them.
pub const PROTOCOLS: [&str; 8] = [
    "grpc",
    "grpcs",
    "http",
    "https",
    "tcp",
    "tls",
    "tls_passthrough",
    "udp",
];

/// The largest timeout: what fits a signed 32-bit number of milliseconds, less one.
const TIMEOUT_MAX_MS: f64 = 2_147_483_646.0;

/// The primary key, random when left out.
pub fn id() -> Field {
    Field::string().uuid().auto(Auto::Id).never_null()
}

/// The id of something that is not referred to formally.
pub fn uuid() -> Field {
    Field::string().uuid()
}

/// When the record was created, in seconds.
pub fn created_at() -> Field {
    Field::integer().timestamp().auto(Auto::CreatedAt)
}

/// When it was last written, in seconds.
pub fn updated_at() -> Field {
    Field::integer().timestamp().auto(Auto::UpdatedAt)
}

/// When it was created, in seconds with milliseconds.
pub fn created_at_with_fraction() -> Field {
    Field::number().timestamp().auto(Auto::CreatedAt)
}

/// When it was last written, in seconds with milliseconds.
pub fn updated_at_with_fraction() -> Field {
    Field::number().timestamp().auto(Auto::UpdatedAt)
}

/// A word for URLs, not shared by two records.
pub fn unique_name() -> Field {
    utf8_name().unique()
}

/// A word for URLs: letters, digits, `. - _ ~` and anything beyond ASCII.
pub fn utf8_name() -> Field {
    Field::string().custom(words::name)
}

/// Free words to find records by.
pub fn tags() -> Field {
    Field::set(Field::string().custom(words::tag))
}

/// A name or an IP address, no port.
pub fn host() -> Field {
    Field::string().custom(host::host)
}

/// A name or an IP address, perhaps with a port.
pub fn host_with_optional_port() -> Field {
    Field::string().custom(host::host_with_optional_port)
}

/// What a route's `hosts` may be: as above, with a `*` as first or last label.
pub fn route_host() -> Field {
    Field::string()
        .match_all([(
            r"^[^*]*\*?[^*]*$",
            "invalid wildcard: must have at most one wildcard",
        )])
        .match_any(
            [r"^\*\.", r"\.\*$", r"\.\*:\d+$", r"^[^*]*$"],
            "invalid wildcard: must be placed at leftmost or rightmost label",
        )
        .custom(host::route_host)
}

/// A name with at most one `*`, at one end.
pub fn wildcard_host() -> Field {
    Field::string().custom(host::wildcard_host)
}

/// A name as TLS sends it: no IP address, no port.
pub fn sni() -> Field {
    Field::string().custom(host::sni)
}

/// The path of a URL.
pub fn path() -> Field {
    Field::string()
        .starts_with("/")
        .match_none([("//", "must not have empty segments")])
        .custom(path::path)
}

/// What a route's `paths` may be: a normalised prefix, or `~` and a regular expression.
pub fn router_path() -> Field {
    Field::string()
        .match_none([("//", "must not have empty segments")])
        .match_any(
            ["^/", "^~/"],
            "should start with: / (fixed path) or ~/ (regex path)",
        )
        .custom(path::router_path)
}

/// A TCP or UDP port.
pub fn port() -> Field {
    Field::integer().between(0, 65535)
}

/// Milliseconds, zero allowed.
pub fn timeout() -> Field {
    Field::integer().between(0, TIMEOUT_MAX_MS)
}

/// Milliseconds, not zero.
pub fn timeout_above_zero() -> Field {
    Field::integer().between(1, TIMEOUT_MAX_MS)
}

/// The name of a header.
pub fn header_name() -> Field {
    Field::string().custom(words::header_name)
}

/// Headers by name, each with several values.
pub fn headers(names: Field) -> Field {
    Field::map(names, Field::array(Field::string()))
}

/// The name of a header that is not `Host`.
pub fn header_name_except_host() -> Field {
    Field::string().custom(words::header_name_except_host)
}

/// The name of a cookie.
pub fn cookie_name() -> Field {
    Field::string().custom(words::cookie_name)
}

/// An HTTP method: any word in capitals.
pub fn http_method() -> Field {
    Field::string().matches("^[A-Z]+$")
}

/// One of the protocols.
pub fn protocol() -> Field {
    Field::string().one_of(PROTOCOLS)
}

/// Several protocols.
pub fn protocols() -> Field {
    Field::set(protocol())
}

/// An IP address.
pub fn ip() -> Field {
    Field::string().custom(address::ip)
}

/// An IP address or a range of them.
pub fn ip_or_cidr() -> Field {
    Field::string().custom(address::ip_or_cidr)
}

/// A range of IPv4 addresses.
pub fn cidr_v4() -> Field {
    Field::string().custom(address::cidr_v4)
}

/// A URL with scheme and host.
pub fn url() -> Field {
    Field::string().custom(address::url)
}

/// A certificate in PEM, or a chain that begins with it; or where a vault has it.
pub fn certificate() -> Field {
    Field::string().custom(words::certificate).referenceable()
}

/// A private key in PEM, or where a vault has it.
pub fn private_key() -> Field {
    Field::string()
        .custom(words::private_key)
        .referenceable()
        .secret()
}

/// Nothing: the field exists in general and is forbidden here.
pub fn nothing(field: Field, err: &'static str) -> Field {
    field.nullable().rule(Rule::Eq(Value::Null)).err(err)
}
