//! Who a certificate says its owner is.
//!
//! A name badge: `troop://<cluster>/node/<id>`, in the certificate's URI name. Addresses change and host names are
//! borrowed, so nothing else in a certificate is asked.
//!
//! The catch: reading a badge proves nothing. Only a chain that TLS has verified against the cluster's authority makes
//! the name true; [`crate::trust`] does both in one step.

use std::{fmt, str::FromStr};
use thiserror::Error;
use uuid::Uuid;
use x509_parser::{extensions::GeneralName, prelude::FromDer, prelude::X509Certificate};

/// The host name that every node's certificate carries and every dialler asks for. TLS wants one; identity is in the URI.
pub const PEER_DNS_NAME: &str = "node.troop.internal";

/// A node of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerIdentity {
    /// Which cluster.
    pub cluster_id: Uuid,
    /// Which node of it; never given twice.
    pub node_id: u64,
}

/// A text is not the name of a node.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a node's name is written troop://<cluster id>/node/<node id>")]
pub struct NotANode;

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "troop://{}/node/{}", self.cluster_id, self.node_id)
    }
}

impl FromStr for PeerIdentity {
    type Err = NotANode;

    fn from_str(text: &str) -> Result<Self, NotANode> {
        let rest = text.strip_prefix("troop://").ok_or(NotANode)?;
        let (cluster, node) = rest.split_once("/node/").ok_or(NotANode)?;
        let identity = PeerIdentity {
            cluster_id: cluster.parse().map_err(|_| NotANode)?,
            node_id: node.parse().map_err(|_| NotANode)?,
        };
        // One node, one spelling: `+7`, `07` and upper case would be further names of node 7.
        if identity.to_string() == text {
            Ok(identity)
        } else {
            Err(NotANode)
        }
    }
}

/// The node a certificate (in DER) names; `None` when it names none or several.
pub fn peer_identity(certificate: &[u8]) -> Option<PeerIdentity> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let mut uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let only = uris.next()?;
    if uris.next().is_some() {
        return None;
    }
    only.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, node: Option<u64>) {
        let found = text.parse::<PeerIdentity>().ok().map(|peer| peer.node_id);
        assert_eq!(found, node, "{text}");
    }

    #[test]
    fn a_node_has_exactly_one_spelling() {
        let cluster = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        check(&format!("troop://{cluster}/node/7"), Some(7));
        check(
            &format!("troop://{cluster}/node/18446744073709551615"),
            Some(u64::MAX),
        );
        check(&format!("troop://{cluster}/node/18446744073709551616"), None);
        check(&format!("troop://{cluster}/node/07"), None);
        check(&format!("troop://{cluster}/node/+7"), None);
        check(&format!("troop://{cluster}/node/7/"), None);
        check(&format!("troop://{}/node/7", cluster.to_uppercase()), None);
        check(&format!("troop://{}/node/7", cluster.replace('-', "")), None);
        check(&format!("spiffe://{cluster}/node/7"), None);
        check("troop:///node/7", None);
    }

    #[test]
    fn bytes_that_are_no_certificate_name_nobody() {
        assert_eq!(peer_identity(b""), None);
        assert_eq!(peer_identity(&[0x30, 0x82, 0xff, 0xff]), None);
    }
}
