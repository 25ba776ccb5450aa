//! The cluster's own certificate authority.
//!
//! A passport office. It is founded with the cluster, knows one thing about each citizen (the number the log
//! gave), and its stamp is what peers believe: whoever shows a certificate signed here is that node of this cluster.
//!
//! A request is taken for its public key and for nothing else: names, usages and dates in it are ignored, since an applicant
//! must not be able to write the own passport.
//!
//! The catches. A certificate made while the clock is years off would be expired as soon as somebody sets the clock
//! right, so such a clock is refused. And validity is long on purpose: nothing renews certificates yet, and a
//! cluster that stops by itself on a birthday is worse than a key that lives long. Who may still speak is decided by membership,
//! which is looked at on every call, not by dates.

use crate::{
    fingerprint::Fingerprint,
    peer::{PEER_DNS_NAME, PeerIdentity},
    secret::Secret,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
    string::Ia5String,
};
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};
use thiserror::Error;
use troop_txn::codec;
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);
/// The office outlives the passports that it gives in its first ten years.
const AUTHORITY_VALIDITY: Duration = DAY.saturating_mul(20 * 365);
const NODE_VALIDITY: Duration = DAY.saturating_mul(10 * 365);
/// Certificates are valid since before they were made: the machines of a new cluster rarely agree on the minute.
const BACKDATE: Duration = Duration::from_hours(1);
/// 2025-01-01 to 2200-01-01: a clock outside was never set.
const PLAUSIBLE_CLOCK_MS: std::ops::Range<u64> = 1_735_689_600_000..7_258_118_400_000;
const STORED_VERSION: u8 = 1;

/// Why the authority did not do its work.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A clock that was never set.
    #[error("this machine's clock is years off ({now_ms} ms since 1970): set it, then try again")]
    Clock {
        /// What it says.
        now_ms: u64,
    },
    /// Making a key or the authority's own certificate failed.
    #[error("could not make a key or certificate")]
    Make(#[source] rcgen::Error),
    /// The request is not one: broken, or not signed with the key it is for.
    #[error("the certificate request is not valid")]
    Request(#[source] rcgen::Error),
    /// The request is for a key of a kind that nodes do not make.
    #[error("the certificate request is for a key that is not ECDSA P-256")]
    RequestKey,
    /// The subject belongs elsewhere.
    #[error("{subject} is not a node of cluster {cluster_id}")]
    OtherCluster {
        /// Who was to be certified.
        subject: PeerIdentity,
        /// Whose authority this is.
        cluster_id: Uuid,
    },
    /// A newer program stored the authority.
    #[error(
        "the stored authority has format {found}; this version of troop knows up to {STORED_VERSION}: upgrade this node"
    )]
    NewerFormat {
        /// Its version byte.
        found: u8,
    },
    /// The stored authority does not read.
    #[error("the stored authority is damaged: {0}")]
    Damaged(String),
}

/// What a node gets: its own certificate and the authority's, both as PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCertificate {
    /// The node's.
    pub certificate_pem: String,
    /// The authority's.
    pub ca_pem: String,
}

/// The layout of the stored row, behind a version byte.
#[derive(Serialize, Deserialize)]
struct Stored {
    cluster_id: Uuid,
    certificate_pem: String,
    key_pem: Secret<String>,
}

/// The cluster's authority with its private key.
pub struct Authority {
    cluster_id: Uuid,
    certificate_pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Founds the authority of a new cluster.
    ///
    /// # Errors
    /// [`AuthorityError::Clock`] when `now_ms` cannot be true; [`AuthorityError::Make`].
    pub fn create(cluster_id: Uuid, now_ms: u64) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(AuthorityError::Make)?;
        let mut params = dated(now_ms, AUTHORITY_VALIDITY)?;
        params
            .distinguished_name
            .push(DnType::CommonName, format!("troop cluster {cluster_id}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(AuthorityError::Make)?;
        Ok(Authority {
            cluster_id,
            certificate_pem: certificate.pem(),
            certificate: certificate.into(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Certifies that the key in `csr_der` is `subject`'s.
    ///
    /// # Errors
    /// [`AuthorityError`]: the request, the subject or the clock is wrong.
    pub fn sign(
        &self,
        csr_der: &[u8],
        subject: PeerIdentity,
        now_ms: u64,
    ) -> Result<NodeCertificate, AuthorityError> {
        if subject.cluster_id != self.cluster_id {
            return Err(AuthorityError::OtherCluster {
                subject,
                cluster_id: self.cluster_id,
            });
        }
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr_der))
            .map_err(AuthorityError::Request)?;
        if *request.public_key.algorithm() != PKCS_ECDSA_P256_SHA256 {
            return Err(AuthorityError::RequestKey);
        }
        let certificate = node_params(subject, now_ms)?
            .signed_by(&request.public_key, &self.issuer)
            .map_err(AuthorityError::Make)?;
        Ok(NodeCertificate {
            certificate_pem: certificate.pem(),
            ca_pem: self.certificate_pem.clone(),
        })
    }

    /// Whose authority this is.
    pub fn cluster_id(&self) -> Uuid {
        self.cluster_id
    }

    /// Its certificate, in DER.
    pub fn certificate_der(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its certificate, as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// What join tokens pin.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_certificate(&self.certificate)
    }

    /// The stored form, private key included.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let stored = Stored {
            cluster_id: self.cluster_id,
            certificate_pem: self.certificate_pem.clone(),
            key_pem: Secret::new(self.issuer.key().serialize_pem()),
        };
        let mut bytes = vec![STORED_VERSION];
        bytes.extend(codec::pack(&stored).expect("invariant: two PEM texts are far below the codec's limit"));
        Secret::new(bytes)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`AuthorityError::NewerFormat`], [`AuthorityError::Damaged`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AuthorityError> {
        let (version, payload) = bytes
            .split_first()
            .ok_or_else(|| AuthorityError::Damaged("it is empty".into()))?;
        if *version != STORED_VERSION {
            return Err(AuthorityError::NewerFormat { found: *version });
        }
        let stored: Stored = codec::unpack(payload).map_err(damaged)?;
        let certificate =
            CertificateDer::from_pem_slice(stored.certificate_pem.as_bytes()).map_err(damaged)?;
        let key = KeyPair::from_pem(stored.key_pem.expose()).map_err(damaged)?;
        Ok(Authority {
            cluster_id: stored.cluster_id,
            issuer: Issuer::from_ca_cert_der(&certificate, key).map_err(damaged)?,
            certificate_pem: stored.certificate_pem,
            certificate,
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Authority(cluster {}, {:?})",
            self.cluster_id,
            self.fingerprint()
        )
    }
}

/// A node's fresh private key, before it has a certificate.
pub struct NodeKey(KeyPair);

impl NodeKey {
    /// A new one.
    ///
    /// # Errors
    /// [`AuthorityError::Make`] when the system gives no randomness.
    pub fn generate() -> Result<Self, AuthorityError> {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .map(NodeKey)
            .map_err(AuthorityError::Make)
    }

    /// The request for a certificate: the public key, signed with the private one to prove that the sender has it.
    ///
    /// # Errors
    /// [`AuthorityError::Make`].
    pub fn csr_der(&self) -> Result<Vec<u8>, AuthorityError> {
        let request = CertificateParams::default()
            .serialize_request(&self.0)
            .map_err(AuthorityError::Make)?;
        Ok(request.der().to_vec())
    }

    /// The private key as PKCS#8 PEM.
    pub fn into_pem(self) -> Secret<String> {
        Secret::new(self.0.serialize_pem())
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey([secret])")
    }
}

fn node_params(subject: PeerIdentity, now_ms: u64) -> Result<CertificateParams, AuthorityError> {
    let mut params = dated(now_ms, NODE_VALIDITY)?;
    params
        .distinguished_name
        .push(DnType::CommonName, format!("troop node {}", subject.node_id));
    params.subject_alt_names = vec![
        SanType::URI(ascii(subject.to_string())),
        SanType::DnsName(ascii(PEER_DNS_NAME.into())),
    ];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Parameters valid from a little before `now_ms` on, with a random serial number and no name yet.
fn dated(now_ms: u64, validity: Duration) -> Result<CertificateParams, AuthorityError> {
    if !PLAUSIBLE_CLOCK_MS.contains(&now_ms) {
        return Err(AuthorityError::Clock { now_ms });
    }
    let now = date_time_ymd(1970, 1, 1) + Duration::from_millis(now_ms);
    let mut params = CertificateParams::default();
    params.not_before = now - BACKDATE;
    params.not_after = now + validity;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let mut serial: [u8; 16] = rand::random();
    // A positive number of full length whatever the dice say (RFC 5280, 4.1.2.2).
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn ascii(name: String) -> Ia5String {
    Ia5String::try_from(name).expect("invariant: names of nodes are ASCII")
}

fn damaged(error: impl fmt::Display) -> AuthorityError {
    AuthorityError::Damaged(error.to_string())
}

#[cfg(test)]
mod tests;
