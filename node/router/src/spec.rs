//! A route, parsed once at the door.
//!
//! Whoever holds a [`RouteSpec`] knows that its regexes compile and its hosts are understood; the
//! rest of the crate never looks at a configuration string again.
//!
//! Kong: a list that is null and a list that is empty ask the same thing, namely nothing.

use std::sync::Arc;

use regex::Regex;
use troop_expression::{Expression, Flavor};
use uuid::Uuid;

use crate::condition::Conditions;
use crate::endpoint::{Channel, Endpoint};
use crate::host::{HostRule, PortRule};
use crate::literal::literal_prefix;
use crate::narrow::Needs;
use crate::rank::{Asked, Order, Traits};

/// The matching attributes of a route as configured.
#[derive(Debug, Clone, Copy, Default)]
pub struct RouteFields<'a> {
    /// The route's id: its name in the router, and the last tie-breaker of the order.
    pub id: Uuid,
    /// Methods in upper case.
    pub methods: &'a [String],
    /// Hosts: `a.test`, `*.a.test`, `a.*`, each with an optional `:port`.
    pub hosts: &'a [String],
    /// Paths: a plain prefix (`/a`) or a regex behind a tilde (`~/a/\d+`).
    pub paths: &'a [String],
    /// Headers and the values each may have; `~*` in front of a value makes it a regex.
    pub headers: &'a [(String, Vec<String>)],
    /// TLS server names: `a.test`, `*.a.test`, `a.*`.
    pub snis: &'a [String],
    /// Order among regex paths, greater first.
    pub regex_priority: i64,
    /// Whence the connection must come.
    pub sources: &'a [Endpoint],
    /// Where it must lead.
    pub destinations: &'a [Endpoint],
    /// Of what kind it must be; no attribute, and without weight in the order.
    pub channel: Channel,
    /// By which rules all of this is read and has its place.
    pub flavor: Flavor,
    /// When the route was made, in seconds of Unix time: in the flavour `traditional` the last but one tie-breaker.
    pub created_at: u64,
}

/// Why a route could not be understood.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// A path behind `~` is not a regex.
    #[error("path `~{pattern}` is not a valid regex")]
    PathRegex {
        /// The pattern without its tilde.
        pattern: String,
        /// What the compiler said.
        source: Box<regex::Error>,
    },
    /// A header value behind `~*` is not a regex.
    #[error("value `~*{pattern}` of header `{header}` is not a valid regex")]
    HeaderRegex {
        /// The header as configured.
        header: String,
        /// The pattern, in lower case, without its mark.
        pattern: String,
        /// What the compiler said.
        source: Box<regex::Error>,
    },
}

/// A route whose fields have been understood; see [`RouteFields`].
#[derive(Debug, Clone)]
pub struct RouteSpec {
    pub(crate) id: Uuid,
    pub(crate) traits: Traits,
    pub(crate) hosts: Arc<[HostRule]>,
    pub(crate) paths: Arc<[PathRule]>,
    pub(crate) regex_priority: i64,
    /// `None` when the route asks for nothing but host and path.
    pub(crate) conditions: Option<Arc<Conditions>>,
    /// In place of everything but the kind of connection.
    pub(crate) sentence: Option<Arc<Sentence>>,
}

/// An expression, with its place in the order and the drawers it is filed in.
#[derive(Debug)]
pub(crate) struct Sentence {
    pub(crate) expression: Arc<Expression>,
    pub(crate) priority: u64,
    pub(crate) prefixes: Vec<Box<[u8]>>,
}

/// One entry of a route's `paths`.
#[derive(Debug, Clone)]
pub(crate) enum PathRule {
    /// A prefix of the request path, not only of whole segments.
    Plain(Box<str>),
    /// A regex that must match at the beginning of the request path.
    Regex {
        /// The compiled pattern.
        regex: Regex,
        /// What every match begins with: where the rule is filed.
        prefix: Box<[u8]>,
    },
}

impl RouteSpec {
    /// Reads a route's fields.
    ///
    /// # Errors
    /// When a regex among the paths or header values does not compile.
    pub fn parse(fields: RouteFields<'_>) -> Result<Self, RouteError> {
        let conditions = Conditions::parse(&fields)?;
        let hosts: Arc<[_]> = fields
            .hosts
            .iter()
            .map(|host| HostRule::parse(host, fields.flavor))
            .collect();
        Ok(RouteSpec {
            id: fields.id,
            traits: traits(&fields, &hosts),
            hosts,
            paths: fields
                .paths
                .iter()
                .map(|path| PathRule::parse(path, fields.flavor))
                .collect::<Result<_, _>>()?,
            regex_priority: fields.regex_priority,
            conditions: asked(conditions),
            sentence: None,
        })
    }

    /// A route that is an expression. Of two the one with the greater `priority` is asked first, and both before any route of fields.
    pub fn of_expression(id: Uuid, expression: Arc<Expression>, priority: u64, channel: Channel) -> Self {
        let needs = Needs::of(expression.tree());
        RouteSpec {
            id,
            traits: Traits::default(),
            hosts: needs.hosts().into(),
            paths: Arc::default(),
            regex_priority: 0,
            conditions: asked(Conditions::on(channel)),
            sentence: Some(Arc::new(Sentence {
                expression,
                priority,
                prefixes: needs.prefixes(),
            })),
        }
    }

    /// The route's id.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

fn asked(conditions: Conditions) -> Option<Arc<Conditions>> {
    Some(conditions).filter(|asked| !asked.is_empty()).map(Arc::new)
}

fn traits(fields: &RouteFields<'_>, hosts: &[HostRule]) -> Traits {
    let empty = [
        (Asked::METHODS, fields.methods.is_empty()),
        (Asked::HOSTS, fields.hosts.is_empty()),
        (Asked::PATHS, fields.paths.is_empty()),
        (Asked::HEADERS, fields.headers.is_empty()),
        (Asked::SNIS, fields.snis.is_empty()),
        (Asked::SOURCES, fields.sources.is_empty()),
        (Asked::DESTINATIONS, fields.destinations.is_empty()),
    ];
    let set = empty.into_iter().filter(|(_, is_empty)| !is_empty);
    let is_wild_with_port = |rule: &HostRule| !rule.is_exact() && rule.port != PortRule::Any;
    Traits {
        asked: set.map(|(field, _)| field).collect(),
        exact_hosts: !hosts.is_empty() && hosts.iter().all(HostRule::is_exact),
        wildcard_with_port: hosts.iter().any(is_wild_with_port),
        headers: fields.headers.len(),
        order: match fields.flavor {
            Flavor::TraditionalCompatible | Flavor::Expressions => Order::Compatible,
            Flavor::Traditional => Order::Traditional {
                created_at: fields.created_at,
            },
        },
    }
}

impl PathRule {
    /// Kong: the anchor is put in front of the text of the pattern, so that it binds to the first
    /// branch of a top-level alternation only. In the flavour `traditional` it binds to all of them.
    fn parse(text: &str, flavor: Flavor) -> Result<Self, RouteError> {
        let Some(pattern) = text.strip_prefix('~') else {
            return Ok(PathRule::Plain(text.into()));
        };
        let anchored = match flavor {
            Flavor::TraditionalCompatible | Flavor::Expressions => format!("^{pattern}"),
            Flavor::Traditional => format!("^(?:{pattern})"),
        };
        match Regex::new(&anchored) {
            Ok(regex) => Ok(PathRule::Regex {
                regex,
                prefix: literal_prefix(&anchored).into(),
            }),
            Err(source) => Err(RouteError::PathRegex {
                pattern: pattern.into(),
                source: Box::new(source),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_regex_that_does_not_compile_is_refused_with_its_pattern() {
        let paths = ["~/a(".to_string()];
        let error = RouteSpec::parse(RouteFields {
            paths: &paths,
            ..Default::default()
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "path `~/a(` is not a valid regex");
    }

    #[test]
    fn empty_lists_are_not_counted_as_attributes() {
        let hosts = ["a.test".to_string()];
        let spec = RouteSpec::parse(RouteFields {
            hosts: &hosts,
            ..Default::default()
        })
        .unwrap();
        assert_eq!(spec.traits.asked, Asked::HOSTS);
        assert!(spec.traits.exact_hosts);
    }
}
