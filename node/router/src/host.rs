//! Hosts: what a route may name, and how the Host header is read.
//!
//! A route names hosts as a person would write them on a door plate: `a.test`, everything that
//! ends in `.a.test` (`*.a.test`), everything that starts with `a.` (`a.*`), each optionally only
//! on one port (`a.test:8443`).
//!
//! Kong: hosts are compared byte for byte. `A.TEST` is not `a.test`, and neither is `a.test.`.
//! Kong: a wildcard stands for any text, including dots and none at all.
//!
//! Kong: on which port a request came for is what its Host header says. Where that says nothing, it is the listener's port; in the flavour
//! `traditional` it is the scheme's usual one, and a host without a wildcard has to be asked for with its port.
//!
//! Whether a Host header is well formed is for the caller to decide before it asks.

use crate::request::{RequestHead, Tls};
use troop_expression::Flavor;

/// The part of a host pattern that is filed; see [`HostRule`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostPattern {
    /// This host.
    Exact(Box<str>),
    /// Any host that ends like this (`*.a.test` holds `.a.test`).
    Suffix(Box<str>),
    /// Any host that starts like this (`a.*` holds `a.`).
    Prefix(Box<str>),
}

/// One entry of a route's `hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostRule {
    /// Which hosts.
    pub(crate) pattern: HostPattern,
    /// On which port.
    pub(crate) port: PortRule,
}

/// For which port a request must have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortRule {
    /// Any.
    Any,
    /// The one its host names, or else the listener's.
    Reached(u16),
    /// The one its host names.
    Named(u16),
    /// The one its host names, or else the usual one of its scheme.
    NamedOrUsual(u16),
}

/// Ports that a request may be said to have come for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    named: Option<u16>,
    listener: u16,
    usual: u16,
}

impl Ports {
    /// Of a request, and its host without the port.
    pub(crate) fn of<'a, H: ?Sized>(head: &RequestHead<'a, H>) -> (&'a str, Ports) {
        let (host, named) = split_host(head.host);
        let ports = Ports {
            named,
            listener: head.port,
            usual: if head.tls == Tls::Plain { 80 } else { 443 },
        };
        (host, ports)
    }

    /// Whether one of them is meant.
    pub(crate) fn fit(self, rule: PortRule) -> bool {
        match rule {
            PortRule::Any => true,
            PortRule::Reached(port) => self.named.unwrap_or(self.listener) == port,
            PortRule::Named(port) => self.named == Some(port),
            PortRule::NamedOrUsual(port) => self.named.unwrap_or(self.usual) == port,
        }
    }
}

impl HostRule {
    /// Reads `a.test`, `*.a.test`, `a.*`, each with an optional `:port`.
    pub(crate) fn parse(text: &str, flavor: Flavor) -> Self {
        let (host, port) = split_host(text);
        let pattern = if let Some(suffix) = host.strip_prefix('*') {
            HostPattern::Suffix(suffix.into())
        } else if let Some(prefix) = host.strip_suffix('*') {
            HostPattern::Prefix(prefix.into())
        } else {
            HostPattern::Exact(host.into())
        };
        let port = match (port, flavor, &pattern) {
            (None, ..) => PortRule::Any,
            (Some(port), Flavor::Traditional, HostPattern::Exact(_)) => PortRule::Named(port),
            (Some(port), Flavor::Traditional, _) => PortRule::NamedOrUsual(port),
            (Some(port), ..) => PortRule::Reached(port),
        };
        HostRule { pattern, port }
    }

    /// Whether the pattern names exactly one host.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.pattern, HostPattern::Exact(_))
    }
}

/// Splits a Host header, or a route's host, into the host and the port it names.
///
/// Kong: the split is at the *first* colon and only when a number follows, so that `[::1]` and
/// `::1` stay whole.
pub fn split_host(text: &str) -> (&str, Option<u16>) {
    let Some((host, port)) = text.split_once(':') else {
        return (text, None);
    };
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if digits => (host, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, pattern: HostPattern, port: Option<u16>) {
        let port = port.map_or(PortRule::Any, PortRule::Reached);
        let expected = HostRule { pattern, port };
        assert_eq!(HostRule::parse(text, Flavor::default()), expected, "{text}");
    }

    #[test]
    fn a_port_is_the_one_named_or_the_listeners_or_the_usual_one() {
        for (rule, flavor, named, over_tls, expected) in [
            ("a.test:80", Flavor::TraditionalCompatible, None, false, false),
            ("a.test:8000", Flavor::TraditionalCompatible, None, false, true),
            ("a.test:80", Flavor::TraditionalCompatible, Some(80), false, true),
            ("a.test:80", Flavor::Traditional, None, false, false),
            ("a.test:80", Flavor::Traditional, Some(80), false, true),
            ("*.test:80", Flavor::Traditional, None, false, true),
            ("*.test:443", Flavor::Traditional, None, true, true),
            ("*.test:8000", Flavor::Traditional, None, false, false),
            ("*.test:81", Flavor::Traditional, Some(81), true, true),
            ("*.test", Flavor::Traditional, Some(81), false, true),
        ] {
            let usual = if over_tls { 443 } else { 80 };
            let ports = Ports {
                named,
                listener: 8000,
                usual,
            };
            let asked = HostRule::parse(rule, flavor).port;
            assert_eq!(
                ports.fit(asked),
                expected,
                "{rule} {flavor:?} {named:?} {over_tls}"
            );
        }
    }

    #[test]
    fn patterns_are_exact_or_open_at_one_end() {
        check("a.test", HostPattern::Exact("a.test".into()), None);
        check("a.test:8443", HostPattern::Exact("a.test".into()), Some(8443));
        check("*.a.test", HostPattern::Suffix(".a.test".into()), None);
        check("*.a.test:443", HostPattern::Suffix(".a.test".into()), Some(443));
        check("a.*", HostPattern::Prefix("a.".into()), None);
        check("a.*:80", HostPattern::Prefix("a.".into()), Some(80));
        check("*.", HostPattern::Suffix(".".into()), None);
    }

    #[test]
    fn only_a_number_after_the_first_colon_is_a_port() {
        assert_eq!(split_host("a.test:80"), ("a.test", Some(80)));
        assert_eq!(split_host("a.test"), ("a.test", None));
        assert_eq!(split_host("a.test:"), ("a.test:", None));
        assert_eq!(split_host("a.test:+80"), ("a.test:+80", None));
        assert_eq!(split_host("a.test:70000"), ("a.test:70000", None));
        assert_eq!(split_host("::1"), ("::1", None));
        assert_eq!(split_host("[::1]"), ("[::1]", None));
    }
}
