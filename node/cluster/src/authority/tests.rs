//! What the authority signs, for whom, and what it refuses.

use super::*;
use crate::peer::peer_identity;
use x509_parser::prelude::{FromDer, X509Certificate};

const NOW_MS: u64 = 1_790_000_000_000;

fn authority() -> Authority {
    Authority::create(Uuid::from_u128(1), NOW_MS).unwrap()
}

fn node(node_id: u64) -> PeerIdentity {
    PeerIdentity {
        cluster_id: Uuid::from_u128(1),
        node_id,
    }
}

fn request() -> Vec<u8> {
    NodeKey::generate().unwrap().csr_der().unwrap()
}

#[test]
fn a_signed_certificate_names_its_node_and_serves_both_sides() {
    let signed = authority().sign(&request(), node(7), NOW_MS).unwrap();
    let der = CertificateDer::from_pem_slice(signed.certificate_pem.as_bytes()).unwrap();
    assert_eq!(peer_identity(&der), Some(node(7)));
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && usage.client_auth && !usage.any);
    assert!(!certificate.is_ca());
    assert_eq!(
        certificate.validity().not_before.timestamp(),
        NOW_MS as i64 / 1_000 - 3_600
    );
}

#[test]
fn an_authority_comes_back_from_its_stored_form_and_signs_on() {
    let before = authority();
    let after = Authority::from_bytes(before.to_bytes().expose()).unwrap();
    assert_eq!(after.fingerprint(), before.fingerprint());
    assert_eq!(after.cluster_id(), before.cluster_id());
    let signed = after.sign(&request(), node(2), NOW_MS).unwrap();
    assert_eq!(signed.ca_pem, before.certificate_pem());
}

#[test]
fn a_stored_form_of_a_newer_program_is_refused_by_name() {
    let mut bytes = authority().to_bytes().into_inner();
    bytes[0] = 2;
    assert!(matches!(
        Authority::from_bytes(&bytes),
        Err(AuthorityError::NewerFormat { found: 2 })
    ));
}

#[test]
fn a_damaged_stored_form_is_refused() {
    let bytes = authority().to_bytes().into_inner();
    for cut in [0, 1, 20, bytes.len() - 1] {
        assert!(matches!(
            Authority::from_bytes(&bytes[..cut]),
            Err(AuthorityError::Damaged(_))
        ));
    }
}

#[test]
fn a_node_of_another_cluster_is_not_certified() {
    let elsewhere = PeerIdentity {
        cluster_id: Uuid::from_u128(2),
        node_id: 7,
    };
    assert!(matches!(
        authority().sign(&request(), elsewhere, NOW_MS),
        Err(AuthorityError::OtherCluster { .. })
    ));
}

#[test]
fn a_request_with_a_flipped_bit_is_refused() {
    let mut csr = request();
    let last = csr.len() - 1;
    csr[last] ^= 1;
    assert!(matches!(
        authority().sign(&csr, node(7), NOW_MS),
        Err(AuthorityError::Request(_))
    ));
}

#[test]
fn what_a_request_asks_for_itself_is_ignored() {
    let mut params = CertificateParams::new(vec!["admin.example".into()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let csr = params.serialize_request(&key).unwrap();
    let signed = authority().sign(csr.der(), node(7), NOW_MS).unwrap();
    let der = CertificateDer::from_pem_slice(signed.certificate_pem.as_bytes()).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    assert!(!certificate.is_ca());
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names.len(), 2);
    assert_eq!(peer_identity(&der), Some(node(7)));
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let csr = CertificateParams::default().serialize_request(&key).unwrap();
    assert!(matches!(
        authority().sign(csr.der(), node(7), NOW_MS),
        Err(AuthorityError::RequestKey)
    ));
}

#[test]
fn a_clock_that_was_never_set_is_refused() {
    for now_ms in [0, 1_735_689_599_999, 7_258_118_400_000, u64::MAX] {
        assert!(matches!(
            Authority::create(Uuid::nil(), now_ms),
            Err(AuthorityError::Clock { .. })
        ));
    }
}

#[test]
fn debug_shows_no_key() {
    let key = NodeKey::generate().unwrap();
    assert_eq!(format!("{key:?}"), "NodeKey([secret])");
    assert!(!format!("{:?}", authority()).contains("PRIVATE"));
}
