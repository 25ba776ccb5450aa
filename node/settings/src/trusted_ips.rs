//! Whose word is taken for who a client is.
//!
//! The couriers whose slips are believed: by their addresses, or because they came in by the inner door, a unix socket (Kong's
//! word for it is `unix:`).

use ipnet::IpNet;

use crate::value::{Value, items};

/// Whose word is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedIps {
    /// By address.
    pub ranges: Vec<IpNet>,
    /// Whoever comes over a unix socket.
    pub unix: bool,
}

const UNIX: &str = "unix:";

impl Value for TrustedIps {
    const FORM: &'static str = "list of addresses, CIDR ranges and `unix:`";

    fn parse(text: &str) -> Result<Self, String> {
        let ranges = items(text).filter(|item| *item != UNIX);
        Ok(TrustedIps {
            ranges: ranges.map(parse_range).collect::<Result<_, _>>()?,
            unix: items(text).any(|item| item == UNIX),
        })
    }

    fn show(&self) -> String {
        let ranges = self.ranges.iter().map(ToString::to_string);
        let unix = self.unix.then(|| UNIX.to_owned());
        ranges.chain(unix).collect::<Vec<_>>().join(", ")
    }
}

fn parse_range(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| format!("has '{text}' in it, which is no IP address or CIDR range such as 10.0.0.0/8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::tests::check;

    #[test]
    fn they_are_addresses_ranges_and_kongs_word_for_unix_sockets() {
        check::<TrustedIps>("", Ok(""));
        check::<TrustedIps>(
            "127.0.0.1, unix:, 10.0.0.0/8,::1",
            Ok("127.0.0.1/32, 10.0.0.0/8, ::1/128, unix:"),
        );
        check::<TrustedIps>("10.0.0.0/40", Err("'10.0.0.0/40'"));
        check::<TrustedIps>("example.com", Err("'example.com'"));
        check::<TrustedIps>("unix:/a", Err("'unix:/a'"));
    }
}
