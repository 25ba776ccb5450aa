//! Where a collector of spans is, as its URL says.
//!
//! The scheme names both what is spoken and whether it is sealed: `http` and `https` are OTLP over HTTP/1.1, `grpc` and `grpcs` OTLP over gRPC, as
//! Kong calls them elsewhere. The port that a scheme is known for need not be written.

use http::Uri;
use std::str::FromStr;
use thiserror::Error;

/// Where gRPC takes spans; a collector knows no other place.
const GRPC_TARGET: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The text is not the URL of a collector.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EndpointError {
    /// No URL, one without a host, or one of another scheme.
    #[error("is not a URL such as http://127.0.0.1:4318/v1/traces or grpc://127.0.0.1:4317")]
    NoUrl,
    /// A password would end up in the log.
    #[error("holds credentials, which are not sent")]
    Credentials,
    /// gRPC has a place of its own.
    #[error("has a path, which gRPC knows by itself: leave it out")]
    Path,
}

/// What is spoken with a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    Http,
    Grpc,
}

/// Where a collector takes spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) speech: Speech,
    pub(super) tls: bool,
    pub(super) authority: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) target: String,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let uri: Uri = text.parse().map_err(|_| EndpointError::NoUrl)?;
        let authority = uri.authority().ok_or(EndpointError::NoUrl)?;
        let (speech, tls, usual_port) = match uri.scheme_str() {
            Some("http") => (Speech::Http, false, 80),
            Some("https") => (Speech::Http, true, 443),
            Some("grpc") => (Speech::Grpc, false, 4317),
            Some("grpcs") => (Speech::Grpc, true, 4317),
            _ => return Err(EndpointError::NoUrl),
        };
        if authority.as_str().contains('@') {
            return Err(EndpointError::Credentials);
        }
        let path = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = match speech {
            Speech::Http => path,
            Speech::Grpc if matches!(path, "" | "/") => GRPC_TARGET,
            Speech::Grpc => return Err(EndpointError::Path),
        };
        Ok(Endpoint {
            speech,
            tls,
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(usual_port),
            target: target.to_owned(),
        })
    }
}

impl Endpoint {
    /// Whether it is reached over TLS.
    pub fn is_sealed(&self) -> bool {
        self.tls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(Speech, bool, &str, u16, &str), EndpointError>) {
        let endpoint = text.parse::<Endpoint>();
        let found = endpoint
            .as_ref()
            .map(|e| (e.speech, e.tls, e.host.as_str(), e.port, e.target.as_str()));
        assert_eq!(found, expected.as_ref().map(|parts| *parts), "{text}");
    }

    #[test]
    fn a_collector_is_named_by_a_url_whose_scheme_says_how_to_speak() {
        use Speech::{Grpc, Http};
        let url = "http://127.0.0.1:4318/v1/traces";
        check(url, Ok((Http, false, "127.0.0.1", 4318, "/v1/traces")));
        check(
            "https://collector/a?b",
            Ok((Http, true, "collector", 443, "/a?b")),
        );
        check("http://[::1]:1", Ok((Http, false, "::1", 1, "/")));
        check(
            "grpc://collector",
            Ok((Grpc, false, "collector", 4317, GRPC_TARGET)),
        );
        check(
            "grpcs://c.test:443/",
            Ok((Grpc, true, "c.test", 443, GRPC_TARGET)),
        );
        check("grpc://collector/v1/traces", Err(EndpointError::Path));
        check("https://a:b@collector/", Err(EndpointError::Credentials));
        check("ftp://collector/", Err(EndpointError::NoUrl));
        check("collector:4318", Err(EndpointError::NoUrl));
        check("/v1/traces", Err(EndpointError::NoUrl));
    }
}
