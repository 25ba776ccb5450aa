//! From typed records to what the data plane runs on. Each record is compiled once, here, and never while a request waits.

use super::{
    record::{RouteRecord, ServiceRecord},
    streams::endpoints,
};
use crate::{
    badge::BadgeError,
    peer::{send::Timeouts, trust::Trust},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use thiserror::Error;
use troop_balancer::TargetError;
use troop_expression::{Expression, ExpressionError, Flavor, Subsystem};
use troop_plugin_api::{Matched, Misconfigured, Scheme};
use troop_router::{Channel, PathHandling, RouteError, RouteFields, RouteSpec};
use uuid::Uuid;

/// Why a record is of no use to the data plane.
#[derive(Debug, Error)]
pub(crate) enum CompileError {
    /// It lacks fields, or they have other types than this version knows.
    #[error("the record cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// One of its patterns is none.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// Its expression is none.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// It names no place.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It is of a plugin that this node does not have.
    #[error("plugin '{0}' is in use but not enabled")]
    UnknownPlugin(String),
    /// The plugin cannot use its configuration.
    #[error("plugin '{plugin}': {source}")]
    Misconfigured {
        plugin: &'static str,
        #[source]
        source: Misconfigured,
    },
    /// Its certificate or key is none.
    #[error(transparent)]
    Badge(#[from] BadgeError),
    /// TLS towards its peers cannot be set up.
    #[error("TLS towards peers: {0}")]
    Trust(#[from] rustls::Error),
    /// One of its sources or destinations is neither an address nor a range.
    #[error("a source or destination is neither an address nor a range")]
    Endpoint,
    /// It speaks a protocol the data plane does not.
    #[error("protocol '{0}' is not served")]
    Protocol(String),
}

/// A service, compiled.
#[derive(Debug)]
pub(crate) struct Service {
    pub id: Uuid,
    pub name: Option<Arc<str>>,
    pub scheme: Scheme,
    /// Whether its peers speak HTTP/2.
    pub http2: bool,
    pub host: Host,
    pub port: u16,
    pub path: Option<Box<str>>,
    /// Tries beyond the first.
    pub retries: u32,
    pub timeouts: Timeouts,
    /// How hands are shaken with its peers, if they speak TLS.
    pub trust: Option<Arc<Trust>>,
    /// What the peer gets as `Host` when there is no upstream.
    pub host_header: Arc<str>,
    pub enabled: bool,
    /// Whether it gets bytes or datagrams as they come, and no requests.
    pub raw: bool,
}

/// Where a service is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// At this address; an upstream of that name is not asked for.
    Address(SocketAddr),
    /// Behind the upstream of this name, or else wherever the name leads.
    Name(Arc<str>),
}

impl Service {
    /// Compiles a record; `trust` makes the way of shaking hands for peers that speak TLS.
    pub fn compile(
        record: &ServiceRecord,
        trust: impl FnOnce() -> Result<Arc<Trust>, rustls::Error>,
    ) -> Result<Service, CompileError> {
        let (scheme, http2, raw) = match record.protocol.as_str() {
            "http" => (Scheme::Http, false, false),
            "https" => (Scheme::Https, false, false),
            "grpc" => (Scheme::Http, true, false),
            "grpcs" => (Scheme::Https, true, false),
            "tcp" | "udp" | "tls_passthrough" => (Scheme::Http, false, true),
            "tls" => (Scheme::Https, false, true),
            other => return Err(CompileError::Protocol(other.to_owned())),
        };
        let trust = match scheme {
            Scheme::Http => None,
            Scheme::Https => Some(trust()?),
        };
        let address: Option<IpAddr> = record.host.trim_matches(['[', ']']).parse().ok();
        Ok(Service {
            id: record.id,
            name: record.name.clone(),
            scheme,
            http2,
            host_header: with_port(&record.host, record.port, scheme).into(),
            host: match address {
                Some(address) => Host::Address((address, record.port).into()),
                None => Host::Name(record.host.as_str().into()),
            },
            port: record.port,
            path: record.path.as_deref().map(Into::into),
            retries: record.retries,
            timeouts: Timeouts {
                connect: Duration::from_millis(record.connect_timeout),
                write: Duration::from_millis(record.write_timeout),
                read: Duration::from_millis(record.read_timeout),
            },
            trust,
            enabled: record.enabled,
            raw,
        })
    }

    /// As plugins see it.
    pub fn matched(&self) -> Matched<'_> {
        Matched {
            id: self.id,
            name: self.name.as_deref(),
        }
    }
}

/// A host with its port, unless the port goes without saying.
pub(crate) fn with_port(host: &str, port: u16, scheme: Scheme) -> String {
    let usual = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    if port == usual {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    }
}

/// A route, compiled, with its service.
#[derive(Debug)]
pub(crate) struct Route {
    pub facts: RouteFacts,
    pub service: Option<Arc<Service>>,
}

/// What a route says about the requests it matched.
#[derive(Clone, Debug)]
pub(crate) struct RouteFacts {
    pub id: Uuid,
    pub name: Option<Arc<str>>,
    pub admits: Admits,
    pub strip_path: bool,
    pub path_handling: PathHandling,
    pub preserve_host: bool,
    /// Whether bodies of unknown length are caught first.
    pub request_buffering: bool,
    /// Status for plain requests to a route that is for TLS only.
    pub redirect_status: u16,
}

/// Which requests a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admits {
    /// Plain or TLS.
    Any,
    /// TLS only.
    Https,
    /// gRPC, plain or TLS.
    Grpc,
    /// gRPC over TLS.
    Grpcs,
}

impl Admits {
    /// None for a route that is not for HTTP at all. Kong: one that is for gRPC is for nothing else.
    fn of(protocols: &[String]) -> Option<Admits> {
        let has = |name: &str| protocols.iter().any(|p| p == name);
        let known = [
            ("grpc", Admits::Grpc),
            ("grpcs", Admits::Grpcs),
            ("http", Admits::Any),
            ("https", Admits::Https),
        ];
        let first = known.into_iter().find(|(name, _)| has(name));
        first.map(|(_, admits)| admits)
    }
}

/// A route without its service: what is kept to hang it in again when the service changes.
pub(crate) struct RouteEntry {
    pub spec: RouteSpec,
    pub facts: RouteFacts,
    /// The service's id, if it has one.
    pub service: Option<Uuid>,
}

impl RouteEntry {
    /// Compiles a record. `None` for routes of other subsystems, and for expressions where they are not spoken.
    pub fn compile(mut record: RouteRecord, flavor: Flavor) -> Result<Option<RouteEntry>, CompileError> {
        let Some(admits) = Admits::of(&record.protocols) else {
            return Ok(None);
        };
        let channel = channel(&record.protocols, flavor);
        let spec = match (record.expression.take(), flavor) {
            (None, _) => spec_of_fields(&mut record, channel, flavor)?,
            (Some(text), Flavor::Expressions) => {
                let expression = Expression::parse(&text, Subsystem::Http)?;
                let priority = record.priority.unwrap_or(0);
                RouteSpec::of_expression(record.id, Arc::new(expression), priority, channel)
            }
            (Some(_), _) => return Ok(None),
        };
        Ok(Some(RouteEntry {
            spec,
            service: record.service.map(|s| s.id),
            facts: RouteFacts {
                id: record.id,
                name: record.name,
                admits,
                path_handling: path_handling(record.path_handling.as_deref(), flavor),
                strip_path: record.strip_path.unwrap_or(true),
                preserve_host: record.preserve_host.unwrap_or(false),
                request_buffering: record.request_buffering.unwrap_or(true),
                redirect_status: record.https_redirect_status_code.unwrap_or(426),
            },
        }))
    }
}

fn spec_of_fields(
    record: &mut RouteRecord,
    channel: Channel,
    flavor: Flavor,
) -> Result<RouteSpec, CompileError> {
    let list = |field: &mut Option<Vec<String>>| field.take().unwrap_or_default();
    let headers: Vec<_> = record.headers.take().unwrap_or_default().into_iter().collect();
    let spec = RouteSpec::parse(RouteFields {
        id: record.id,
        methods: &list(&mut record.methods),
        hosts: &list(&mut record.hosts),
        paths: &list(&mut record.paths),
        headers: &headers,
        snis: &list(&mut record.snis),
        regex_priority: record.regex_priority.unwrap_or(0),
        sources: &endpoints(record.sources.as_deref())?,
        destinations: &endpoints(record.destinations.as_deref())?,
        channel,
        flavor,
        created_at: record.made_at(),
    });
    Ok(spec?)
}

/// Kong: expressions bring the kind of connection into the match, but for routes that are for TLS alone: plain requests have to
/// find those to be sent to TLS.
fn channel(protocols: &[String], flavor: Flavor) -> Channel {
    let has = |names: [&str; 2]| protocols.iter().any(|p| names.contains(&p.as_str()));
    match (flavor, has(["http", "grpc"]), has(["https", "grpcs"])) {
        (Flavor::TraditionalCompatible | Flavor::Traditional, ..) | (_, true, true) | (_, false, false) => {
            Channel::Any
        }
        (_, true, false) => Channel::Plain,
        (_, false, true) if protocols == ["https"] => Channel::Any,
        (_, false, true) => Channel::Tls,
    }
}

/// Kong: `v1` counts in the flavour `traditional`, and is accepted and ignored in the others.
fn path_handling(word: Option<&str>, flavor: Flavor) -> PathHandling {
    match (word, flavor) {
        (Some("v1"), Flavor::Traditional) => PathHandling::V1,
        _ => PathHandling::V0,
    }
}

impl RouteFacts {
    /// As plugins see it.
    pub fn matched(&self) -> Matched<'_> {
        Matched {
            id: self.id,
            name: self.name.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_goes_without_saying_is_not_said() {
        assert_eq!(with_port("a.test", 80, Scheme::Http), "a.test");
        assert_eq!(with_port("a.test", 443, Scheme::Https), "a.test");
        assert_eq!(with_port("a.test", 443, Scheme::Http), "a.test:443");
        assert_eq!(with_port("10.0.0.1", 8080, Scheme::Http), "10.0.0.1:8080");
    }

    #[test]
    fn expressions_bring_the_kind_of_connection_into_the_match() {
        let of = |names: &[&str], flavor| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            channel(&names, flavor)
        };
        for (protocols, expected) in [
            (&["http", "https"][..], Channel::Any),
            (&["http"], Channel::Plain),
            (&["https"], Channel::Any),
            (&["grpc"], Channel::Plain),
            (&["grpcs"], Channel::Tls),
        ] {
            assert_eq!(of(protocols, Flavor::Expressions), expected, "{protocols:?}");
            for flavor in [Flavor::TraditionalCompatible, Flavor::Traditional] {
                assert_eq!(of(protocols, flavor), Channel::Any);
            }
        }
    }

    #[test]
    fn the_first_version_of_path_handling_counts_in_the_flavour_traditional_only() {
        for (word, flavor, expected) in [
            (Some("v1"), Flavor::Traditional, PathHandling::V1),
            (Some("v0"), Flavor::Traditional, PathHandling::V0),
            (None, Flavor::Traditional, PathHandling::V0),
            (Some("v1"), Flavor::TraditionalCompatible, PathHandling::V0),
            (Some("v1"), Flavor::Expressions, PathHandling::V0),
        ] {
            assert_eq!(path_handling(word, flavor), expected, "{word:?} {flavor:?}");
        }
    }

    #[test]
    fn protocols_say_which_requests_a_route_is_for() {
        let of = |names: &[&str]| Admits::of(&names.iter().map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(of(&["http", "https"]), Some(Admits::Any));
        assert_eq!(of(&["https"]), Some(Admits::Https));
        assert_eq!(of(&["grpc", "grpcs"]), Some(Admits::Grpc));
        assert_eq!(of(&["grpcs"]), Some(Admits::Grpcs));
        assert_eq!(of(&["tcp", "tls"]), None);
    }
}
