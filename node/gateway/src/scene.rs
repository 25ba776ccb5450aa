//! A routed request: what was asked, whom the router chose, and what follows from the two.

use crate::{
    door::{self, Asked},
    plan::{
        Plan,
        compile::{Admits, Route, Service},
    },
    rescue::Rescue,
};
use http::{HeaderMap, StatusCode, Version, header, request};
use std::borrow::Cow;
use troop_plugin_api::{Scheme, UriCapture};
use troop_router::{Match, upstream_path};

/// A routed request.
pub(crate) struct Scene<'a> {
    pub plan: &'a Plan,
    pub parts: &'a request::Parts,
    pub asked: &'a Asked<'a>,
    pub found: &'a Match<'a, Route>,
    /// As the client sees it, behind a trusted proxy too.
    pub scheme: Scheme,
    /// Lower-case, without port.
    pub host: &'a str,
}

/// Kong: what `$host` is for a request without one.
const NAMELESS: &str = "kong";

impl Scene<'_> {
    /// How many bytes of the path the route strips.
    fn stripped(&self) -> usize {
        if self.found.payload.facts.strip_path {
            self.found.path.length()
        } else {
            0
        }
    }

    /// Kong: nothing is said of a stripped `/`.
    pub fn stripped_prefix(&self) -> &str {
        match &self.asked.path[..self.stripped()] {
            "/" => "",
            prefix => prefix,
        }
    }

    /// Path and query for the peer: what handlers want, or what route and service make of the client's.
    pub fn target(&self, service: &Service, path: Option<&str>, query: Option<&str>) -> String {
        let mut target = match path {
            Some(path) => path.to_owned(),
            None => upstream_path(
                service.path.as_deref(),
                &self.asked.path,
                self.stripped(),
                self.found.payload.facts.path_handling,
            ),
        };
        match query {
            None => target.push_str(self.asked.query),
            Some("") => {}
            Some(query) => {
                target.push('?');
                target.push_str(query);
            }
        }
        target
    }

    /// Groups of the route's regular expression.
    pub fn captures(&self) -> Vec<UriCapture> {
        let groups = self.found.path.captures(&self.asked.path);
        let owned = groups.into_iter().map(|group| UriCapture {
            index: group.index,
            name: group.name.map(str::to_owned),
            value: group.value.to_owned(),
        });
        owned.collect()
    }
}

/// Kong: plain requests to a route for TLS are told so, or sent there; a route for gRPC takes nothing else.
pub(crate) fn check_protocol(
    route: &Route,
    scheme: Scheme,
    host: &str,
    parts: &request::Parts,
) -> Result<(), Rescue> {
    match (route.facts.admits, scheme) {
        (Admits::Any, _) | (Admits::Https, Scheme::Https) => Ok(()),
        (Admits::Grpc | Admits::Grpcs, _) if !is_grpc(&parts.headers) => Err(Rescue::NotGrpc),
        (Admits::Grpc | Admits::Grpcs, _) if parts.version != Version::HTTP_2 => Err(Rescue::UseHttp2),
        (Admits::Grpcs, Scheme::Http) => Err(Rescue::PlainGrpc),
        (Admits::Grpc | Admits::Grpcs, _) => Ok(()),
        (Admits::Https, Scheme::Http) => Err(match StatusCode::from_u16(route.facts.redirect_status) {
            Ok(status) if status.is_redirection() => {
                let target = parts.uri.path_and_query().map_or("/", |p| p.as_str());
                Rescue::Redirect(status, format!("https://{host}{target}"))
            }
            _ => Rescue::UseHttps,
        }),
    }
}

/// Whether a request says that it is a call.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Lower-case, without port.
pub(crate) fn bare_host(host: &str) -> Cow<'_, str> {
    let name = door::host_name(host);
    if name.is_empty() {
        Cow::Borrowed(NAMELESS)
    } else if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_in_lower_case_without_port() {
        for (sent, told) in [
            ("a.test", "a.test"),
            ("A.Test:80", "a.test"),
            ("", NAMELESS),
            ("[::1]:80", "[::1]"),
        ] {
            assert_eq!(bare_host(sent), told);
        }
    }
}
