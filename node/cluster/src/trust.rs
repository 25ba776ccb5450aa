//! Whom a node believes during the TLS handshake.
//!
//! A doorman with three instructions. To a caller: no badge is fine (a newcomer has none), but a badge that is shown must
//! be genuine and of this house. When calling a colleague: the badge must be genuine, of this house, and this very
//! colleague's. When calling a house for the first time: the house must be the one in the picture on the invitation.
//!
//! The chain, the signatures and the dates are the library's work; what is added here is the comparison of names that
//! the library does not know. Both happen inside the handshake, so that no byte is exchanged with a stranger.
//!
//! What it does not do: know members. A removed node has a genuine badge; the receiver of each call looks it up.

use crate::{
    fingerprint::Fingerprint,
    peer::{PeerIdentity, peer_identity},
};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;
use thiserror::Error;
use uuid::Uuid;

/// Why a genuine certificate is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PeerRefusal {
    /// It names no node.
    #[error("its certificate names no node: this is not a peer port of troop")]
    NotANode,
    /// It is a node of another cluster.
    #[error("it belongs to cluster {found}, not to {expected}: check the address")]
    OtherCluster {
        /// Its cluster.
        found: Uuid,
        /// Ours.
        expected: Uuid,
    },
    /// It is another node of this cluster.
    #[error("it is node {found}, and node {expected} was called: the address has a new owner")]
    OtherNode {
        /// Who answered.
        found: u64,
        /// Who was called.
        expected: u64,
    },
    /// Its authority is not the one in the token.
    #[error(
        "its certificate authority is not the one the join token names: check the address, or make a token on that cluster"
    )]
    OtherAuthority,
}

impl From<PeerRefusal> for Error {
    fn from(refusal: PeerRefusal) -> Self {
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
    }
}

/// The cryptography of peer connections.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Accepts one node, or any node of the cluster, as the server that answers.
#[derive(Debug)]
pub(crate) struct PeerVerifier {
    chain: Arc<WebPkiServerVerifier>,
    cluster_id: Uuid,
    node_id: Option<u64>,
}

impl PeerVerifier {
    /// `node_id`: `None` accepts every node of the cluster.
    pub(crate) fn new(
        ca: &CertificateDer<'static>,
        cluster_id: Uuid,
        node_id: Option<u64>,
    ) -> Result<Self, Error> {
        Ok(PeerVerifier {
            chain: chain_verifier(ca)?,
            cluster_id,
            node_id,
        })
    }
}

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.chain.verify_server_cert(leaf, others, name, ocsp, now)?;
        let peer = node_of(leaf, self.cluster_id)?;
        match self.node_id {
            Some(expected) if expected != peer.node_id => Err(PeerRefusal::OtherNode {
                found: peer.node_id,
                expected,
            }
            .into()),
            _ => Ok(verified),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Accepts any node of the cluster whose authority has this fingerprint.
#[derive(Debug)]
pub(crate) struct PinVerifier {
    ca: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl PinVerifier {
    pub(crate) fn new(ca: Fingerprint) -> Self {
        PinVerifier {
            ca,
            provider: provider(),
        }
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Among the others only: a leaf that pins itself would have no authority above it.
        let ca = others
            .iter()
            .find(|der| Fingerprint::of_certificate(der) == self.ca)
            .ok_or(PeerRefusal::OtherAuthority)?;
        // From here on it is an ordinary call to a cluster whose authority is known.
        let cluster_id = peer_identity(leaf).ok_or(PeerRefusal::NotANode)?.cluster_id;
        PeerVerifier::new(&ca.clone().into_owned(), cluster_id, None)?
            .verify_server_cert(leaf, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, leaf, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, leaf, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Accepts callers without a certificate, and nodes of the cluster.
#[derive(Debug)]
pub(crate) struct CallerVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    cluster_id: Uuid,
}

impl CallerVerifier {
    pub(crate) fn new(ca: &CertificateDer<'static>, cluster_id: Uuid) -> Result<Self, Error> {
        let chain = WebPkiClientVerifier::builder_with_provider(roots(ca)?, provider())
            .allow_unauthenticated()
            .build()
            .map_err(|e| Error::General(e.to_string()))?;
        Ok(CallerVerifier { chain, cluster_id })
    }
}

impl ClientCertVerifier for CallerVerifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(leaf, others, now)?;
        node_of(leaf, self.cluster_id)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

fn chain_verifier(ca: &CertificateDer<'static>) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(roots(ca)?, provider())
        .build()
        .map_err(|e| Error::General(e.to_string()))
}

fn roots(ca: &CertificateDer<'static>) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone())?;
    Ok(Arc::new(roots))
}

fn node_of(leaf: &CertificateDer<'_>, expected: Uuid) -> Result<PeerIdentity, PeerRefusal> {
    let peer = peer_identity(leaf).ok_or(PeerRefusal::NotANode)?;
    if peer.cluster_id == expected {
        Ok(peer)
    } else {
        Err(PeerRefusal::OtherCluster {
            found: peer.cluster_id,
            expected,
        })
    }
}
