//! Hosts: names and addresses, with the wildcards and ports that each place allows.
//!
//! The catch: the same mistake is called differently in different places, and clients see which.

use super::address::{BAD_PORT, looks_like_ip, parse_address};
use crate::fault::Fault;
use serde_json::Value;

const NO_PORT: &str = "must not have a port";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn host(value: &Value) -> Result<(), Fault> {
    let text = text(value);
    match parse_address(text) {
        Ok(address) if address.port().is_none() => Ok(()),
        Err(err) if err != BAD_PORT => Err(format!("invalid value: {text}").into()),
        _ => Err(NO_PORT.into()),
    }
}

pub(super) fn host_with_optional_port(value: &Value) -> Result<(), Fault> {
    parse_address(text(value)).map(drop).map_err(Fault::from)
}

/// Kong: what is under the wildcard must make a good host.
pub(super) fn route_host(value: &Value) -> Result<(), Fault> {
    parse_address(&text(value).replace('*', "abc"))
        .map(drop)
        .map_err(Fault::from)
}

pub(super) fn sni(value: &Value) -> Result<(), Fault> {
    name_without_port(text(value))
}

pub(super) fn wildcard_host(value: &Value) -> Result<(), Fault> {
    let text = text(value);
    match text.find('*') {
        None => name_without_port(text),
        Some(at) if at != 0 && at != text.len() - 1 => {
            Err("wildcard must be leftmost or rightmost character".into())
        }
        Some(_) if text.matches('*').count() > 1 => Err("only one wildcard must be specified".into()),
        Some(_) => name_without_port(&text.replace('*', "wildcard")),
    }
}

fn name_without_port(text: &str) -> Result<(), Fault> {
    match parse_address(text) {
        Ok(address) if address.is_ip() => Err("must not be an IP".into()),
        Ok(address) if address.port().is_none() => Ok(()),
        Err(err) if err != BAD_PORT => Err(format!("invalid value: {text}").into()),
        _ => Err(NO_PORT.into()),
    }
}

/// What an upstream's name must not be: the second half of its message.
pub fn host_error(text: &str) -> Option<&'static str> {
    match parse_address(text) {
        Ok(address) if address.is_ip() => Some("no ip addresses allowed"),
        Ok(address) if address.port().is_some() => Some("no port allowed"),
        Ok(_) => None,
        Err(err) if err == BAD_PORT && !looks_like_ip(text) => Some("no port allowed"),
        Err(_) => Some("must be a valid hostname"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(judge: fn(&Value) -> Result<(), Fault>, text: &str, wanted: Option<&str>) {
        let got = judge(&text.into()).err();
        assert_eq!(got, wanted.map(Fault::from), "{text:?}");
    }

    #[test]
    fn a_host_has_no_port_and_no_wildcard() {
        for good in [
            "localhost",
            "10.0.0.1",
            "::1",
            "a_b.example.com",
            "EXAMPLE.com",
            "-x",
        ] {
            check(host, good, None);
        }
        check(host, "example.com:80", Some("must not have a port"));
        check(host, "example.com:99999", Some("must not have a port"));
        check(host, "x..y", Some("invalid value: x..y"));
        check(host, "*.example.com", Some("invalid value: *.example.com"));
    }

    #[test]
    fn a_route_host_is_judged_with_a_word_under_its_wildcard() {
        for good in ["*.a.test", "a.*", "*.a.test:443", "[::1]", "*."] {
            check(route_host, good, None);
        }
        check(
            route_host,
            "http://a.test",
            Some("invalid hostname: http://a.test"),
        );
        check(route_host, "a.test:99999", Some("invalid port number"));
    }

    #[test]
    fn an_sni_is_a_name() {
        for good in ["a.test", "*.a.test", "a.*", "*"] {
            check(wildcard_host, good, None);
        }
        check(wildcard_host, "10.0.0.1", Some("must not be an IP"));
        check(wildcard_host, "a.test:443", Some("must not have a port"));
        check(wildcard_host, "a b", Some("invalid value: a b"));
        check(
            wildcard_host,
            "a*b",
            Some("wildcard must be leftmost or rightmost character"),
        );
        check(wildcard_host, "*.*", Some("only one wildcard must be specified"));
        check(sni, "*.a.test", Some("invalid value: *.a.test"));
    }
}
