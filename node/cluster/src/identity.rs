//! Who this node is: its number, its cluster and the key that proves both.
//!
//! A passport with its owner. The certificate says who, the private key makes it ours, the authority's certificate tells
//! whom else to believe. The three are useless apart, so they are one value, checked when it is made: the key
//! fits the certificate, the authority signed it, and it names a node.
//!
//! The catch: number and cluster are read from the certificate and are kept nowhere else, so they cannot contradict it.
//!
//! The text form ([`NodeIdentity::to_json`]) has a format number that is looked at before anything else in it, because the rest
//! of a newer format may not even parse. Where the text lies is [`crate::data_dir`]'s business.

use crate::{
    authority::{NodeCertificate, NodeKey},
    fingerprint::Fingerprint,
    peer::{PEER_DNS_NAME, PeerIdentity, peer_identity},
    secret::Secret,
    trust::PeerVerifier,
};
use rcgen::KeyPair;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime, pem::PemObject,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use thiserror::Error;
use uuid::Uuid;
use x509_parser::prelude::{FromDer, X509Certificate};

const FORMAT: u64 = 1;

/// Why this is not a node's identity.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// A newer program wrote it.
    #[error("it has format {found}; this version of troop knows up to {FORMAT}")]
    NewerFormat {
        /// Its number.
        found: u64,
    },
    /// It does not read as JSON with our fields.
    #[error("it does not read: {0}")]
    Text(#[from] serde_json::Error),
    /// A certificate or the key does not parse.
    #[error("its {0} does not parse")]
    Part(&'static str),
    /// The certificate names no node.
    #[error("its certificate names no node")]
    NotANode,
    /// The key belongs to another certificate.
    #[error("its private key does not fit its certificate")]
    OtherKey,
    /// Another authority signed the certificate.
    #[error("its certificate was not signed by its authority")]
    OtherAuthority(#[source] rustls::Error),
}

/// The text form.
#[derive(Serialize, Deserialize)]
struct Document {
    format: u64,
    name: String,
    certificate: String,
    ca: String,
    key: Secret<String>,
}

/// All that is read of a document before its format is known.
#[derive(Deserialize)]
struct Format {
    format: u64,
}

/// A node's name, certificate and private key.
#[derive(Clone, Debug)]
pub struct NodeIdentity {
    peer: PeerIdentity,
    name: String,
    pem: NodeCertificate,
    certificate: CertificateDer<'static>,
    ca: CertificateDer<'static>,
    key_der: Secret<Vec<u8>>,
    key_pem: Secret<String>,
}

impl NodeIdentity {
    /// Puts together what belongs together.
    ///
    /// # Errors
    /// [`IdentityError`] when it does not.
    pub fn new(name: String, certificate: NodeCertificate, key: NodeKey) -> Result<Self, IdentityError> {
        Self::from_parts(name, certificate, key.into_pem())
    }

    fn from_parts(
        name: String,
        pem: NodeCertificate,
        key_pem: Secret<String>,
    ) -> Result<Self, IdentityError> {
        let certificate = certificate_of(&pem.certificate_pem, "certificate")?;
        let ca = certificate_of(&pem.ca_pem, "authority's certificate")?;
        let pair = KeyPair::from_pem(key_pem.expose()).map_err(|_| IdentityError::Part("private key"))?;
        let peer = peer_identity(&certificate).ok_or(IdentityError::NotANode)?;
        check_key(&certificate, &pair)?;
        check_authority(&certificate, &ca, peer.cluster_id)?;
        Ok(NodeIdentity {
            peer,
            name,
            pem,
            certificate,
            ca,
            key_der: Secret::new(pair.serialize_der()),
            key_pem,
        })
    }

    /// The text form, private key included.
    pub fn to_json(&self) -> Secret<Vec<u8>> {
        let document = Document {
            format: FORMAT,
            name: self.name.clone(),
            certificate: self.pem.certificate_pem.clone(),
            ca: self.pem.ca_pem.clone(),
            key: self.key_pem.clone(),
        };
        Secret::new(serde_json::to_vec_pretty(&document).expect("invariant: strings and a number are JSON"))
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`IdentityError`]: a newer format, or damage.
    pub fn from_json(text: &[u8]) -> Result<Self, IdentityError> {
        let Format { format: found } = serde_json::from_slice(text)?;
        if found != FORMAT {
            return Err(IdentityError::NewerFormat { found });
        }
        let document: Document = serde_json::from_slice(text)?;
        let pem = NodeCertificate {
            certificate_pem: document.certificate,
            ca_pem: document.ca,
        };
        Self::from_parts(document.name, pem, document.key)
    }

    /// Which cluster.
    pub fn cluster_id(&self) -> Uuid {
        self.peer.cluster_id
    }

    /// Which node of it.
    pub fn node_id(&self) -> u64 {
        self.peer.node_id
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its certificate says to peers.
    pub fn peer_identity(&self) -> PeerIdentity {
        self.peer
    }

    /// What join tokens of its cluster pin.
    pub fn ca_fingerprint(&self) -> Fingerprint {
        Fingerprint::of_certificate(&self.ca)
    }

    /// The authority's certificate.
    pub fn ca_der(&self) -> &CertificateDer<'static> {
        &self.ca
    }

    /// What is shown in a handshake. The authority is part of it, for callers that know only its fingerprint.
    pub fn certificate_chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone(), self.ca.clone()]
    }

    /// The private key, for the TLS library.
    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.expose().clone()).into()
    }
}

fn certificate_of(pem: &str, part: &'static str) -> Result<CertificateDer<'static>, IdentityError> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| IdentityError::Part(part))
}

fn check_key(certificate: &CertificateDer<'_>, key: &KeyPair) -> Result<(), IdentityError> {
    let certificate = parsed(certificate, "certificate")?;
    if certificate.public_key().subject_public_key.data == key.public_key_raw() {
        Ok(())
    } else {
        Err(IdentityError::OtherKey)
    }
}

/// Looked at as of the day both became valid: a clock that is wrong today does not make an identity another one.
fn check_authority(
    certificate: &CertificateDer<'static>,
    ca: &CertificateDer<'static>,
    cluster_id: Uuid,
) -> Result<(), IdentityError> {
    let since = valid_since(certificate, "certificate")?.max(valid_since(ca, "authority's certificate")?);
    let name = ServerName::try_from(PEER_DNS_NAME).expect("invariant: the name is a constant host name");
    PeerVerifier::new(ca, cluster_id, None)
        .and_then(|verifier| verifier.verify_server_cert(certificate, &[], &name, &[], since))
        .map(|_| ())
        .map_err(IdentityError::OtherAuthority)
}

fn valid_since(certificate: &CertificateDer<'_>, part: &'static str) -> Result<UnixTime, IdentityError> {
    let seconds = parsed(certificate, part)?.validity().not_before.timestamp();
    let seconds = u64::try_from(seconds).map_err(|_| IdentityError::Part(part))?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

fn parsed<'a>(
    certificate: &'a CertificateDer<'_>,
    part: &'static str,
) -> Result<X509Certificate<'a>, IdentityError> {
    X509Certificate::from_der(certificate)
        .map(|(_, certificate)| certificate)
        .map_err(|_| IdentityError::Part(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::Authority;
    use crate::testing::{cluster, node_of, now_ms};

    fn identity() -> NodeIdentity {
        node_of(&cluster(1), 7)
    }

    fn edited(edit: impl Fn(&mut serde_json::Value)) -> Result<NodeIdentity, IdentityError> {
        let mut document = serde_json::from_slice(identity().to_json().expose()).unwrap();
        edit(&mut document);
        NodeIdentity::from_json(document.to_string().as_bytes())
    }

    fn certified(authority: &Authority, key: &NodeKey) -> NodeCertificate {
        let subject = PeerIdentity {
            cluster_id: authority.cluster_id(),
            node_id: 7,
        };
        authority
            .sign(&key.csr_der().unwrap(), subject, now_ms())
            .unwrap()
    }

    #[test]
    fn its_text_form_is_read_back() {
        let before = identity();
        let after = NodeIdentity::from_json(before.to_json().expose()).unwrap();
        assert_eq!(after.peer_identity(), before.peer_identity());
        assert_eq!(after.name(), "node-7");
        assert_eq!(after.certificate_chain(), before.certificate_chain());
        assert_eq!(after.private_key(), before.private_key());
        assert_eq!(after.ca_fingerprint(), before.ca_fingerprint());
    }

    #[test]
    fn a_newer_format_is_refused_by_its_number_whatever_else_it_holds() {
        let newer = NodeIdentity::from_json(br#"{"format": 2, "keys": ["other", "fields"]}"#);
        assert!(matches!(newer, Err(IdentityError::NewerFormat { found: 2 })));
    }

    #[test]
    fn a_text_with_a_part_missing_or_broken_is_refused() {
        assert!(matches!(
            NodeIdentity::from_json(b""),
            Err(IdentityError::Text(_))
        ));
        assert!(matches!(
            edited(|d| d["key"] = serde_json::Value::Null),
            Err(IdentityError::Text(_))
        ));
        for (field, part) in [
            ("certificate", "certificate"),
            ("ca", "authority's certificate"),
            ("key", "private key"),
        ] {
            let broken = edited(|d| d[field] = "-----BEGIN".into());
            assert!(
                matches!(broken, Err(IdentityError::Part(p)) if p == part),
                "{field}"
            );
        }
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let signed = certified(&cluster(1), &NodeKey::generate().unwrap());
        let other = NodeIdentity::new("a".into(), signed, NodeKey::generate().unwrap());
        assert!(matches!(other, Err(IdentityError::OtherKey)));
    }

    #[test]
    fn a_certificate_of_another_authority_is_refused() {
        let key = NodeKey::generate().unwrap();
        let mut signed = certified(&cluster(1), &key);
        signed.ca_pem = cluster(1).certificate_pem().to_owned();
        let other = NodeIdentity::new("a".into(), signed, key);
        assert!(matches!(other, Err(IdentityError::OtherAuthority(_))));
    }

    #[test]
    fn an_authority_is_not_a_node() {
        let authority = cluster(1);
        let key = NodeKey::generate().unwrap();
        let mut signed = certified(&authority, &key);
        signed.certificate_pem = authority.certificate_pem().to_owned();
        let other = NodeIdentity::new("a".into(), signed, key);
        assert!(matches!(other, Err(IdentityError::NotANode)));
    }

    #[test]
    fn debug_shows_no_key() {
        let identity = identity();
        let shown = format!("{identity:?}");
        assert!(!shown.contains("PRIVATE KEY"), "{shown}");
        assert_eq!(shown.matches("[secret]").count(), 2);
    }
}
