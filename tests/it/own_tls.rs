//! TLS of the node's own listeners, and the commands that use it.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::{
    fs,
    path::{Path, PathBuf},
};
use troop_tests::{node::Node, ports, program};

/// One who signs, with a directory for what is signed.
struct Authority<'h> {
    home: &'h Path,
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    file: PathBuf,
}

impl<'h> Authority<'h> {
    fn new(home: &'h Path) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("params");
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let file = home.join("ca.crt");
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(&file, certificate.pem()).expect("a file");
        Authority {
            home,
            file,
            issuer: Issuer::new(params, key),
        }
    }

    /// Files of a certificate for loopback and of its key.
    fn sign(&self, name: &str) -> [String; 2] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let texts = [("crt", certificate.pem()), ("key", key.serialize_pem())];
        texts.map(|(kind, text)| {
            let path = self.home.join(format!("{name}.{kind}"));
            fs::write(&path, text).expect("a file");
            path.display().to_string()
        })
    }
}

#[test]
fn the_admin_api_is_used_over_tls_by_whom_its_authorities_vouch_for() {
    let home = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(home.path());
    let ca = authority.file.display().to_string();
    let [certificate, key] = authority.sign("node");
    let [own_certificate, own_key] = authority.sign("person");
    let (open, closed) = (ports::free(), ports::free());
    let (at_open, at_closed) = (format!("https://{open}"), format!("https://{closed}"));
    let health = |address: &str, papers: &[&str]| {
        program::run(&[&["health", "--admin", address][..], papers].concat())
    };

    let mut node = Node::new("alone", &[]);
    let plain = node.addresses().admin;
    node.set("admin_listen", &format!("{plain}, {open} http2 ssl"));
    node.set("admin_ssl_cert", &certificate);
    node.set("admin_ssl_cert_key", &key);
    node.start();
    node.wait_healthy();
    assert_eq!(
        health(&at_open, &["--admin-ca", &ca]).expecting(0).stdout,
        "healthy\n"
    );
    let stranger = health(&at_open, &[]).expecting(3);
    assert!(stranger.stderr.contains("certificate"), "{stranger:?}");
    assert_eq!(node.stop(), Some(0));

    // Beyond loopback with a credential; loopback is beyond enough to try it.
    node.set("admin_listen", &format!("{plain}, {closed} ssl, 0.0.0.0:0 ssl"));
    node.set("admin_ssl_client_ca", &ca);
    node.start();
    node.wait_healthy();
    health(&at_closed, &["--admin-ca", &ca]).expecting(3);
    let papers = [
        "--admin-ca",
        &ca,
        "--admin-cert",
        &own_certificate,
        "--admin-key",
        &own_key,
    ];
    assert_eq!(health(&at_closed, &papers).expecting(0).stdout, "healthy\n");
    assert_eq!(node.stop(), Some(0));

    // TLS alone is no credential.
    node.set("admin_listen", &format!("{plain}, 0.0.0.0:0 ssl"));
    node.set("admin_ssl_client_ca", "");
    let refused = node.start_refused();
    assert!(refused.stderr.contains("asks for no password"), "{refused:?}");
}

#[test]
fn certificates_that_cannot_be_used_end_the_start_with_their_names() {
    let mut node = Node::new("alone", &[]);
    let plain = node.addresses().admin;
    node.set("admin_listen", &format!("{plain}, 127.0.0.1:0 ssl"));
    node.set("admin_ssl_cert", "/nowhere/node.crt");
    node.set("admin_ssl_cert_key", "/nowhere/node.key");
    let refused = node.start_refused();
    assert!(refused.stderr.contains("admin_listen"), "{refused:?}");
    assert!(refused.stderr.contains("/nowhere/node.crt"), "{refused:?}");
}
