//! The authorities that this machine trusts.

use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::path::Path;

/// Where they lie on the usual distributions.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// What the machine trusts; nobody where it has no list.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for path in SYSTEM_ROOTS.map(Path::new) {
        if let Ok(certificates) = CertificateDer::pem_file_iter(path) {
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
            break;
        }
    }
    roots
}
