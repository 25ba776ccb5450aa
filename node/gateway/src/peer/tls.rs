//! TLS towards peers without terms of a service: proven by the machine's roots, or not proven at all.

use super::trust::{Authorities, Proof, Trust};
use rustls::{RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{path::Path, sync::Arc};

/// Where the roots that a machine trusts lie on the usual distributions.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Chains of probes may be as long as their roots allow.
const ANY_DEPTH: usize = usize::MAX;

/// The two ways of connecting.
pub(crate) struct PeerTls {
    proven: Trust,
    unproven: Trust,
}

impl PeerTls {
    /// Reads the machine's roots. A machine without any proves nobody.
    pub fn load() -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = Proof::Chain {
            authorities: Authorities::System,
            depth: ANY_DEPTH,
        };
        Ok(PeerTls {
            proven: Trust::new(chain, None, &provider)?,
            unproven: Trust::new(Proof::None, None, &provider)?,
        })
    }

    /// How to connect.
    pub fn trust(&self, verify: bool) -> &Trust {
        if verify { &self.proven } else { &self.unproven }
    }
}

/// What the machine trusts.
pub(super) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for path in SYSTEM_ROOTS.map(Path::new) {
        if let Ok(certificates) = CertificateDer::pem_file_iter(path) {
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
            break;
        }
    }
    roots
}
