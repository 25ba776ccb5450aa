//! Whose request it is, when a trusted address brings it.
//!
//! A courier hands over the letter and a slip: "from 9.9.9.9". If the courier is one of ours the slip counts. Slips can be long, each courier
//! on the way adding who handed it to him, and whoever handed it to the first could have written anything. So the list is read from its end, and
//! only as far as trusted couriers reach.
//!
//! Kong (nginx): the last address counts; with `recursive` the last one that is not trusted, or the first of all if everybody is. An address
//! that cannot be read ends the reading.

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// Where a trusted address says who its client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealIpSource {
    /// In this field of each request.
    Field(HeaderName),
    /// In the PROXY header of the connection.
    ProxyProtocol,
}

/// How a trusted address is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealIp {
    /// Where it says so.
    pub source: RealIpSource,
    /// Whether trusted addresses in a list are passed over.
    pub recursive: bool,
}

/// Kong: the default.
impl Default for RealIp {
    fn default() -> Self {
        RealIp {
            source: RealIpSource::Field(HeaderName::from_static("x-real-ip")),
            recursive: false,
        }
    }
}

impl RealIp {
    /// The client that a trusted connection speaks for, if it names one. `introduced` is what its PROXY header said.
    pub(crate) fn told(
        &self,
        headers: &HeaderMap,
        introduced: Option<IpAddr>,
        trusted: &[IpNet],
    ) -> Option<IpAddr> {
        match &self.source {
            RealIpSource::ProxyProtocol => introduced,
            RealIpSource::Field(name) => self.told_in(headers, name, trusted),
        }
    }

    fn told_in(&self, headers: &HeaderMap, name: &HeaderName, trusted: &[IpNet]) -> Option<IpAddr> {
        let mut told = None;
        for value in headers.get_all(name).iter().rev() {
            let words = value.as_bytes().rsplit(|b| matches!(b, b',' | b' ' | b'\t'));
            for word in words.filter(|word| !word.is_empty()) {
                let Some(address) = address(word) else {
                    return told;
                };
                told = Some(address);
                if !self.recursive || !trusted.iter().any(|range| range.contains(&address)) {
                    return told;
                }
            }
        }
        told
    }
}

/// An address, with or without a port behind.
fn address(word: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(word).ok()?;
    let bare = text.parse().ok();
    let address = bare.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(recursive: bool, lines: &[&str], expected: Option<&str>) {
        let name = HeaderName::from_static("x-forwarded-for");
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, HeaderValue::try_from(*line).expect("a value"));
        }
        let real_ip = RealIp {
            source: RealIpSource::Field(name),
            recursive,
        };
        let trusted = ["10.0.0.0/8".parse().expect("a range")];
        let told = real_ip.told(&headers, None, &trusted).map(|ip| ip.to_string());
        assert_eq!(told.as_deref(), expected, "{lines:?}");
    }

    #[test]
    fn the_last_address_counts() {
        check(false, &[], None);
        check(false, &["9.9.9.9"], Some("9.9.9.9"));
        check(false, &["6.6.6.6, 10.0.0.7"], Some("10.0.0.7"));
        check(false, &["6.6.6.6", "9.9.9.9:1234"], Some("9.9.9.9"));
        check(false, &["[2001:db8::1]:80"], Some("2001:db8::1"));
        check(false, &["9.9.9.9, unknown"], None);
    }

    #[test]
    fn recursion_passes_over_those_who_are_trusted_and_over_nobody_else() {
        check(true, &["6.6.6.6, 9.9.9.9, 10.0.0.7"], Some("9.9.9.9"));
        check(true, &["9.9.9.9", "10.0.0.1,10.0.0.7"], Some("9.9.9.9"));
        check(true, &["10.0.0.1, 10.0.0.7"], Some("10.0.0.1"));
        check(true, &["junk, 10.0.0.7"], Some("10.0.0.7"));
    }

    #[test]
    fn an_introduction_counts_where_it_is_asked_for() {
        let introduced = "9.9.9.9".parse().ok();
        let asked = RealIp {
            source: RealIpSource::ProxyProtocol,
            recursive: false,
        };
        assert_eq!(asked.told(&HeaderMap::new(), introduced, &[]), introduced);
        assert_eq!(RealIp::default().told(&HeaderMap::new(), introduced, &[]), None);
    }
}
