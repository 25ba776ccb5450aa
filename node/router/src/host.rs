//! Hosts: what a route may name, and how the Host header is read.
//!
//! A route names hosts as a person would write them on a door plate: `a.test`, everything that
//! ends in `.a.test` (`*.a.test`), everything that starts with `a.` (`a.*`), each optionally only
//! on one port (`a.test:8443`).
//!
//! Kong: hosts are compared byte for byte. `A.TEST` is not `a.test`, and neither is `a.test.`.
//! Kong: a wildcard stands for any text, including dots and none at all.
//!
//! Whether a Host header is well formed is for the caller to decide before it asks.

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
    /// Only when the request came for this port.
    pub(crate) port: Option<u16>,
}

impl HostRule {
    /// Reads `a.test`, `*.a.test`, `a.*`, each with an optional `:port`.
    pub(crate) fn parse(text: &str) -> Self {
        let (host, port) = split_host(text);
        let pattern = if let Some(suffix) = host.strip_prefix('*') {
            HostPattern::Suffix(suffix.into())
        } else if let Some(prefix) = host.strip_suffix('*') {
            HostPattern::Prefix(prefix.into())
        } else {
            HostPattern::Exact(host.into())
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
        assert_eq!(HostRule::parse(text), HostRule { pattern, port }, "{text}");
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
