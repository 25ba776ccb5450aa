//! A target as an operator writes it: `10.0.0.1`, `10.0.0.1:9000`, `origin.test:80`, `[::1]:80`.
//!
//! The target is a *name*; the addresses it stands for come from DNS and may change while the
//! target stays the same. An address written out stands for itself.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Kong: the port of a target that names none.
pub const DEFAULT_PORT: u16 = 8000;

/// A host name or address, with a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    host: Box<str>,
    port: u16,
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// There is nothing in front of the port.
    #[error("target `{0}` names no host")]
    NoHost(String),
    /// What follows the host is no port between 1 and 65535.
    #[error("target `{0}` has an invalid port")]
    InvalidPort(String),
    /// A bracket without its counterpart, or something other than an address inside.
    #[error("target `{0}` has an invalid IPv6 address")]
    InvalidAddress(String),
}

impl Target {
    /// A target from its parts; `host` is a name or an address without brackets.
    pub fn new(host: &str, port: u16) -> Self {
        Target {
            host: host.into(),
            port,
        }
    }

    /// Reads `host`, `host:port`, an IPv6 address with or without brackets, or `[address]:port`.
    ///
    /// # Errors
    /// When there is no host, or the port is not a number from 1 to 65535.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let (host, port) = split(text)?;
        if host.is_empty() {
            return Err(TargetError::NoHost(text.into()));
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(digits) => parse_port(digits).ok_or_else(|| TargetError::InvalidPort(text.into()))?,
        };
        Ok(Target::new(host, port))
    }

    /// The name, or the address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, when the target is written as one and needs no look-up.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// Host and, when there is one, what stands behind the colon.
fn split(text: &str) -> Result<(&str, Option<&str>), TargetError> {
    if let Some(inner) = text.strip_prefix('[') {
        return split_brackets(inner).ok_or_else(|| TargetError::InvalidAddress(text.into()));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    Ok(match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    })
}

fn split_brackets(inner: &str) -> Option<(&str, Option<&str>)> {
    let (address, rest) = inner.split_once(']')?;
    address.parse::<Ipv6Addr>().ok()?;
    match rest {
        "" => Some((address, None)),
        _ => Some((address, Some(rest.strip_prefix(':')?))),
    }
}

fn parse_port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, host: &str, port: u16, shown: &str) {
        let target = Target::parse(text).unwrap();
        assert_eq!((target.host(), target.port()), (host, port), "{text}");
        assert_eq!(target.to_string(), shown, "{text}");
    }

    #[test]
    fn a_target_without_a_port_gets_8000() {
        check("origin.test", "origin.test", 8000, "origin.test:8000");
        check("10.0.0.1:9000", "10.0.0.1", 9000, "10.0.0.1:9000");
        check("::1", "::1", 8000, "[::1]:8000");
        check("[::1]", "::1", 8000, "[::1]:8000");
        check("[::1]:80", "::1", 80, "[::1]:80");
    }

    #[test]
    fn an_address_is_told_from_a_name() {
        assert!(Target::parse("10.0.0.1").unwrap().ip().is_some());
        assert!(Target::parse("[::1]:80").unwrap().ip().is_some());
        assert!(Target::parse("origin.test").unwrap().ip().is_none());
    }

    #[test]
    fn what_is_no_target_is_refused() {
        let refused = |text: &str| Target::parse(text).unwrap_err();
        assert_eq!(refused(":80"), TargetError::NoHost(":80".into()));
        assert_eq!(refused(""), TargetError::NoHost("".into()));
        for text in ["a:", "a:0", "a:65536", "a:+1", "a:b"] {
            assert_eq!(refused(text), TargetError::InvalidPort(text.into()));
        }
        for text in ["[::1", "[a]:80", "[::1]80"] {
            assert_eq!(refused(text), TargetError::InvalidAddress(text.into()));
        }
    }
}
