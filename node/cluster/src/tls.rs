//! TLS settings of the port between nodes.
//!
//! Three telephones with the same wiring: the one that is answered, the one that calls a known colleague, and the one
//! that a newcomer calls from with only an invitation in hand. The wiring is TLS 1.3 with HTTP/2 inside and nothing
//! older, since both ends are always this program. Who may speak is decided in [`crate::trust`].
//!
//! The catch: a resumed session skips certificates, and with them the question who is there. Connections between nodes live
//! for hours, so resumption would save nothing; it is off on both sides.
//!
//! [`explain`] turns a failed handshake into words for the person at the keyboard.

use crate::{
    fingerprint::Fingerprint,
    identity::NodeIdentity,
    peer::PEER_DNS_NAME,
    trust::{CallerVerifier, PeerRefusal, PeerVerifier, PinVerifier, provider},
};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ConfigBuilder, ServerConfig,
    client::{Resumption, WantsClientCert, danger::ServerCertVerifier},
    server::NoServerSessionStorage,
};
use rustls_pki_types::ServerName;
use std::{error::Error, io, sync::Arc};
use thiserror::Error as ThisError;

const ALPN: &[u8] = b"h2";

/// The settings could not be made: the certificate, the key or the authority is not usable.
#[derive(Debug, ThisError)]
#[error("the node's certificate cannot be used for TLS")]
pub struct TlsError(#[from] rustls::Error);

/// For answering on the peer port. A caller may come without a certificate, and then has no identity; one that is shown
/// must be a node's of this cluster.
///
/// # Errors
/// [`TlsError`] when the identity is not usable.
pub fn server_config(identity: &NodeIdentity) -> Result<Arc<ServerConfig>, TlsError> {
    let callers = CallerVerifier::new(identity.ca_der(), identity.cluster_id())?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(callers))
        .with_single_cert(identity.certificate_chain(), identity.private_key())?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// For calling node `expected_node` of the same cluster.
///
/// # Errors
/// [`TlsError`] when the identity is not usable.
pub fn peer_config(identity: &NodeIdentity, expected_node: u64) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier = PeerVerifier::new(identity.ca_der(), identity.cluster_id(), Some(expected_node))?;
    let config =
        caller(verifier)?.with_client_auth_cert(identity.certificate_chain(), identity.private_key())?;
    Ok(finished(config))
}

/// For calling any node of a cluster of which only the authority's fingerprint is known.
///
/// # Errors
/// [`TlsError`] when the library refuses the settings.
pub fn join_config(ca: Fingerprint) -> Result<Arc<ClientConfig>, TlsError> {
    let config = caller(PinVerifier::new(ca))?.with_no_client_auth();
    Ok(finished(config))
}

/// The name to dial with: the same for every node.
pub fn server_name() -> ServerName<'static> {
    ServerName::try_from(PEER_DNS_NAME).expect("invariant: the name is a constant host name")
}

/// Says in words why a peer connection failed, when TLS was the reason. Looks through the causes of `error`.
pub fn explain(error: &(dyn Error + 'static)) -> Option<String> {
    Some(match tls_cause(error)? {
        rustls::Error::InvalidCertificate(wrong) => explain_certificate(wrong),
        rustls::Error::AlertReceived(alert) => format!("the other side refused: {}", explain_alert(*alert)),
        rustls::Error::InvalidMessage(_) => {
            "the other side does not speak TLS: is this the peer port of a troop node?".into()
        }
        other => format!("TLS failed: {other}"),
    })
}

fn explain_certificate(wrong: &CertificateError) -> String {
    match wrong {
        CertificateError::Other(other) => match other.0.downcast_ref::<PeerRefusal>() {
            Some(refusal) => format!("the other side is not accepted: {refusal}"),
            None => format!("the other side's certificate is not accepted: {other}"),
        },
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the other side's certificate was not signed by this cluster's authority: it belongs to another cluster, check the address".into()
        }
        CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. }
        | CertificateError::Expired
        | CertificateError::ExpiredContext { .. } => {
            format!("the clocks of the two machines are far apart, set them and try again ({wrong})")
        }
        other => format!("the other side's certificate is not accepted: {other}"),
    }
}

fn explain_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnknownCA => "it belongs to another cluster, check the address".into(),
        AlertDescription::CertificateExpired => {
            "by its clock this node's certificate is not valid, compare the clocks".into()
        }
        AlertDescription::NoApplicationProtocol => "this is not the peer port of a troop node".into(),
        other => format!("it answered with the TLS alert {other:?}"),
    }
}

fn tls_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    // An io::Error passes over what it wraps when asked for its source.
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return tls_cause(inner);
    }
    tls_cause(error.source()?)
}

/// The library calls an own verifier dangerous, rightly: ours compare more than its own, never less.
fn caller(
    verifier: impl ServerCertVerifier + 'static,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier)))
}

fn finished(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

#[cfg(test)]
mod tests;
