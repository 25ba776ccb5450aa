//! sslyze: what an auditor's scanner finds at a listener with TLS.

use super::{file, python, run};
use troop_tests::{node::Node, ports};

/// As IANA calls them; the certificate of these nodes has a key for ECDSA.
const ALL: [&str; 3] = [
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
];

#[track_caller]
fn check(settings: &[(&str, &str)], suites: &[&str]) {
    let tls = ports::free();
    let listen = format!("{tls} ssl http2");
    let mut node = Node::alone(&[&[("proxy_listen", listen.as_str())], settings].concat());
    let mut scan = python();
    scan.arg(file("tls_scan.py"))
        .arg(tls.port().to_string())
        .args(suites);
    run(scan).expecting(0);
    node.stop();
}

#[test]
#[ignore = "needs sslyze; ./ci test runs it"]
fn a_scanner_finds_nothing_that_is_not_safe() {
    check(&[], &ALL);
}

#[test]
#[ignore = "needs sslyze; ./ci test runs it"]
fn a_scanner_finds_the_suites_of_the_settings_and_no_others() {
    let custom = [
        ("ssl_cipher_suite", "custom"),
        (
            "ssl_ciphers",
            "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
        ),
    ];
    check(&custom, &ALL[..1]);
    check(&[("ssl_cipher_suite", "modern")], &[]);
}
