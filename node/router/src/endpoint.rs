//! Where a connection comes from or goes to, as a route may ask for it.
//!
//! An address book entry with blanks: an address or a range of them, a port, or both. What is blank fits everything.

use ipnet::IpNet;
use std::net::IpAddr;

use crate::request::Tls;

/// One entry of a route's `sources` or `destinations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// Which addresses; any if there is none.
    pub net: Option<IpNet>,
    /// Which port; any if there is none.
    pub port: Option<u16>,
}

/// Over which kind of connection requests must come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Channel {
    /// Either.
    #[default]
    Any,
    /// Plain text only.
    Plain,
    /// TLS only.
    Tls,
}

impl Endpoint {
    /// Whether this side of a connection is meant.
    pub(crate) fn holds(&self, ip: IpAddr, port: u16) -> bool {
        let ip = ip.to_canonical();
        self.net.is_none_or(|net| net.contains(&ip)) && self.port.is_none_or(|asked| asked == port)
    }

    /// Among routes of plain connections: exact addresses before ports before ranges.
    pub(crate) fn weight(&self) -> u64 {
        let exact = self.net.map(|net| net.prefix_len() == net.max_prefix_len());
        let net = match exact {
            Some(true) => 1 << 3,
            Some(false) => 1,
            None => 0,
        };
        net | if self.port.is_some() { 1 << 2 } else { 0 }
    }
}

impl Channel {
    /// Whether a connection is of this kind.
    pub(crate) fn holds(self, tls: Tls<'_>) -> bool {
        match self {
            Channel::Any => true,
            Channel::Plain => tls == Tls::Plain,
            Channel::Tls => tls != Tls::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_blank_fits_everything() {
        let net = |text: &str| Some(text.parse::<IpNet>().unwrap());
        for (net, port, expected) in [
            (None, None, true),
            (net("10.0.0.0/8"), None, true),
            (net("10.0.0.0/8"), Some(80), true),
            (net("10.0.0.0/8"), Some(81), false),
            (net("11.0.0.0/8"), Some(80), false),
            (None, Some(80), true),
            (net("fd00::/8"), None, false),
        ] {
            let endpoint = Endpoint { net, port };
            assert_eq!(
                endpoint.holds("10.1.2.3".parse().unwrap(), 80),
                expected,
                "{endpoint:?}"
            );
        }
    }

    #[test]
    fn a_channel_is_plain_or_tls() {
        for (channel, plain, tls) in [
            (Channel::Any, true, true),
            (Channel::Plain, true, false),
            (Channel::Tls, false, true),
        ] {
            assert_eq!(channel.holds(Tls::Plain), plain);
            assert_eq!(channel.holds(Tls::Https { sni: None }), tls);
        }
    }
}
