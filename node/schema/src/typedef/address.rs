//! Addresses as Kong reads them: which are IPv4, IPv6 or names, with or without a port.
//!
//! The catch: the sort is guessed from the letters before anything is checked. Two colons make it IPv6, only digits and dots
//! make it IPv4, so `256.0.0.1.5` is a bad IPv4 address and not an odd name. Messages depend on the guess.

use crate::fault::Fault;
use serde_json::Value;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What can be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IPv4 address.
    V4(Ipv4Addr, Option<u16>),
    /// An IPv6 address.
    V6(Ipv6Addr, Option<u16>),
    /// A name.
    Name(String, Option<u16>),
}

impl Address {
    /// The port, if it was given.
    pub fn port(&self) -> Option<u16> {
        match self {
            Address::V4(_, port) | Address::V6(_, port) | Address::Name(_, port) => *port,
        }
    }

    /// Whether it is an IP address.
    pub fn is_ip(&self) -> bool {
        !matches!(self, Address::Name(..))
    }

    /// Host and port in Kong's one spelling: IPv6 in brackets, all eight groups of four digits.
    pub fn with_port(&self, default_port: u16) -> String {
        let port = self.port().unwrap_or(default_port);
        match self {
            Address::V4(ip, _) => format!("{ip}:{port}"),
            Address::V6(ip, _) => {
                let groups: Vec<_> = ip.segments().iter().map(|group| format!("{group:04x}")).collect();
                format!("[{}]:{port}", groups.join(":"))
            }
            Address::Name(name, _) => format!("{name}:{port}"),
        }
    }
}

/// The error of a port that is too large; some messages depend on it.
pub(super) const BAD_PORT: &str = "invalid port number";

/// Reads an address.
///
/// # Errors
/// What is wrong with it, in Kong's words.
pub fn parse_address(text: &str) -> Result<Address, String> {
    match text.bytes().filter(|b| *b == b':').count() {
        2.. => v6(text),
        _ if text.bytes().all(|b| b.is_ascii_digit() || b".:".contains(&b)) && !text.is_empty() => v4(text),
        _ => name(text),
    }
}

/// Whether the guess is that this is an IP address, right or wrong.
pub(super) fn looks_like_ip(text: &str) -> bool {
    text.bytes().filter(|b| *b == b':').count() > 1
        || text.bytes().all(|b| b.is_ascii_digit() || b".:".contains(&b))
}

fn v4(text: &str) -> Result<Address, String> {
    let bad = || format!("invalid ipv4 address: {text}");
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| bad())?)),
        None => (text, None),
    };
    Ok(Address::V4(host.parse().map_err(|_| bad())?, port))
}

fn v6(text: &str) -> Result<Address, String> {
    let bad = || format!("invalid ipv6 address: {text}");
    let (host, port) = match text.strip_prefix('[') {
        None => (text, None),
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(bad)?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(port.parse::<u16>().map_err(|_| bad())?),
                None if after.is_empty() => None,
                None => return Err(bad()),
            };
            (host, port)
        }
    };
    Ok(Address::V6(host.parse().map_err(|_| bad())?, port))
}

/// Kong: letters, digits, `- . _`; no empty label but a last one; no label that ends with a dash.
fn name(text: &str) -> Result<Address, String> {
    let bad = || format!("invalid hostname: {text}");
    let (host, port) = match text.rsplit_once(':') {
        Some((host, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => (
            host,
            Some(digits.parse::<u16>().map_err(|_| BAD_PORT.to_owned())?),
        ),
        _ => (text, None),
    };
    let letters = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let labels: Vec<_> = host.split('.').collect();
    let last = labels.len() - 1;
    let labels_end_well = labels
        .iter()
        .enumerate()
        .all(|(at, label)| !label.ends_with('-') && (!label.is_empty() || (at == last && at > 0)));
    if !letters || !labels_end_well {
        return Err(bad());
    }
    Ok(Address::Name(host.to_owned(), port))
}

pub(super) fn ip(value: &Value) -> Result<(), Fault> {
    let text = value.as_str().unwrap_or_default();
    match parse_address(text) {
        Ok(address) if address.is_ip() => Ok(()),
        Ok(_) => Err(format!("not an ip address: {text}").into()),
        Err(err) => Err(err.into()),
    }
}

pub(super) fn ip_or_cidr(value: &Value) -> Result<(), Fault> {
    let text = value.as_str().unwrap_or_default();
    let good = text.parse::<std::net::IpAddr>().is_ok() || text.parse::<ipnet::IpNet>().is_ok();
    if good {
        Ok(())
    } else {
        Err(format!("invalid ip or cidr range: '{text}'").into())
    }
}

pub(super) fn cidr_v4(value: &Value) -> Result<(), Fault> {
    let text = value.as_str().unwrap_or_default();
    let good = text.parse::<ipnet::Ipv4Net>().is_ok();
    if good {
        Ok(())
    } else {
        Err(format!("invalid ipv4 cidr range: '{text}'").into())
    }
}

pub(crate) fn url(value: &Value) -> Result<(), Fault> {
    let text = value.as_str().unwrap_or_default();
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("missing host in url".into());
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() {
        return Err("missing host in url".into());
    }
    if scheme.is_empty() {
        Err("missing scheme in url".into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Result<&str, &str>) {
        let got = parse_address(text).map(|address| address.with_port(8000));
        assert_eq!(got, wanted.map(str::to_owned).map_err(str::to_owned), "{text:?}");
    }

    #[test]
    fn addresses_are_spelled_in_one_way() {
        check("t.test", Ok("t.test:8000"));
        check("T.test:81", Ok("T.test:81"));
        check("10.0.0.1", Ok("10.0.0.1:8000"));
        check("::1", Ok("[0000:0000:0000:0000:0000:0000:0000:0001]:8000"));
        check("[::1]:80", Ok("[0000:0000:0000:0000:0000:0000:0000:0001]:80"));
        check("-x", Ok("-x:8000"));
        check("a.", Ok("a.:8000"));
    }

    #[test]
    fn bad_addresses_are_told_apart() {
        check("a b", Err("invalid hostname: a b"));
        check("x..y", Err("invalid hostname: x..y"));
        check("a-.b", Err("invalid hostname: a-.b"));
        check("", Err("invalid hostname: "));
        check("a.test:99999", Err("invalid port number"));
        check("256.0.0.1", Err("invalid ipv4 address: 256.0.0.1"));
        check("256.0.0.1.5", Err("invalid ipv4 address: 256.0.0.1.5"));
        check("1::2::3", Err("invalid ipv6 address: 1::2::3"));
        check("[::1]x", Err("invalid ipv6 address: [::1]x"));
    }

    #[test]
    fn a_url_has_scheme_and_host() {
        assert!(url(&"http://a.test/x".into()).is_ok());
        for bad in ["a.test", "http://", "http:///x"] {
            assert!(url(&bad.into()).is_err(), "{bad}");
        }
    }
}
