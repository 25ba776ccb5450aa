//! The codec's header map seen through the eyes of router and plugins.

use http::{HeaderMap, request};
use troop_plugin_api::Head;
use troop_router::Headers;

/// A request's head.
pub(crate) struct RequestView<'a>(pub &'a request::Parts);

/// A response's fields.
pub(crate) struct ResponseView<'a>(pub &'a HeaderMap);

/// What conditions of routes are held against.
pub(crate) struct RoutedHeaders<'a>(pub &'a HeaderMap);

/// A head that was kept because handlers of later phases ask for it.
pub(crate) struct KeptHead(HeaderMap);

impl KeptHead {
    /// A copy of a response's fields.
    pub fn of_response(headers: &HeaderMap) -> Self {
        KeptHead(headers.clone())
    }
}

fn target(parts: &request::Parts) -> &str {
    parts.uri.path_and_query().map_or("/", |p| p.as_str())
}

impl Head for RequestView<'_> {
    fn method(&self) -> &str {
        self.0.method.as_str()
    }

    fn target(&self) -> &str {
        target(self.0)
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        first(&self.0.headers, name)
    }

    fn each_of(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        each_of(&self.0.headers, name, visit);
    }

    fn each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        each(&self.0.headers, visit);
    }
}

impl Head for ResponseView<'_> {
    fn method(&self) -> &str {
        ""
    }

    fn target(&self) -> &str {
        ""
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        first(self.0, name)
    }

    fn each_of(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        each_of(self.0, name, visit);
    }

    fn each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        each(self.0, visit);
    }
}

impl Head for KeptHead {
    fn method(&self) -> &str {
        ""
    }

    fn target(&self) -> &str {
        ""
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        first(&self.0, name)
    }

    fn each_of(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        each_of(&self.0, name, visit);
    }

    fn each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        each(&self.0, visit);
    }
}

/// A head has few fields: to look at each costs less than to hash a name that is asked for once.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let named = headers.iter().filter(move |(own, _)| own.as_str() == name);
    named.map(|(_, value)| value.as_bytes())
}

fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    values(headers, name).next()
}

fn each_of(headers: &HeaderMap, name: &str, visit: &mut dyn FnMut(&[u8])) {
    values(headers, name).for_each(visit);
}

fn each(headers: &HeaderMap, visit: &mut dyn FnMut(&str, &[u8])) {
    headers
        .iter()
        .for_each(|(name, value)| visit(name.as_str(), value.as_bytes()));
}

impl Headers for RoutedHeaders<'_> {
    fn any(&self, name: &str, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.0
            .iter()
            .any(|(own, value)| is_same_field(own.as_str(), name) && test(value.as_bytes()))
    }
}

/// Kong: for routing, `x_case` on the wire is the field `x-case`.
fn is_same_field(own: &str, name: &str) -> bool {
    let fold = |b: u8| if b == b'_' { b'-' } else { b };
    own.len() == name.len() && own.bytes().map(fold).eq(name.bytes().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn underscores_count_as_hyphens_for_routing() {
        let mut headers = HeaderMap::new();
        headers.insert("x_case", HeaderValue::from_static("1"));
        let routed = RoutedHeaders(&headers);
        assert!(routed.any("x-case", &mut |v| v == b"1"));
        assert!(!routed.any("x-case", &mut |v| v == b"2"));
        assert!(!routed.any("x-cas", &mut |_| true));
    }
}
