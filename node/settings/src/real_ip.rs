//! Where a trusted address says who its client is.
//!
//! The letter came by courier; the sender stands on a slip. Which slip is a matter of agreement with the
//! courier: a header field of this name, or the PROXY header in front of the connection.

use http::HeaderName;

use crate::value::Value;

/// Where a trusted address says who its client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RealIpHeader {
    /// In this field of each request.
    Field(HeaderName),
    /// In the PROXY header of the connection.
    ProxyProtocol,
}

const PROXY_PROTOCOL: &str = "proxy_protocol";

impl Value for RealIpHeader {
    const FORM: &'static str = "name of a header, or `proxy_protocol`";

    fn parse(text: &str) -> Result<Self, String> {
        if text == PROXY_PROTOCOL {
            return Ok(RealIpHeader::ProxyProtocol);
        }
        HeaderName::try_from(text)
            .map(RealIpHeader::Field)
            .map_err(|_| "is neither the name of a header nor proxy_protocol".to_owned())
    }

    fn show(&self) -> String {
        match self {
            RealIpHeader::Field(name) => name.to_string(),
            RealIpHeader::ProxyProtocol => PROXY_PROTOCOL.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_header_or_the_proxy_protocol() {
        let shown = |text: &str| RealIpHeader::parse(text).map(|value| value.show());
        assert_eq!(shown("X-Forwarded-For").as_deref(), Ok("x-forwarded-for"));
        assert_eq!(shown("proxy_protocol").as_deref(), Ok("proxy_protocol"));
        assert!(shown("X Real IP").is_err_and(|problem| problem.contains("name of a header")));
    }
}
