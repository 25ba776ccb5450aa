//! Handshakes between two ends in memory: who gets in and what the other is told.

use super::*;
use crate::{
    authority::Authority,
    peer::{PeerIdentity, peer_identity},
    testing::{cluster, node_made_at, node_of, now_ms},
};
use rustls::{ClientConnection, Connection, ProtocolVersion, ServerConnection};

const DAY_MS: u64 = 86_400_000;

struct Pair {
    caller: Connection,
    answerer: Connection,
}

/// Carries bytes to and fro until both ends are done or one gives up.
fn call(caller: Arc<ClientConfig>, answerer: Arc<ServerConfig>) -> Result<Pair, rustls::Error> {
    let mut pair = Pair {
        caller: ClientConnection::new(caller, server_name()).unwrap().into(),
        answerer: ServerConnection::new(answerer).unwrap().into(),
    };
    while pair.caller.wants_write() || pair.answerer.wants_write() {
        carry(&mut pair.caller, &mut pair.answerer)?;
        carry(&mut pair.answerer, &mut pair.caller)?;
    }
    assert!(!pair.caller.is_handshaking() && !pair.answerer.is_handshaking());
    Ok(pair)
}

fn carry(from: &mut Connection, to: &mut Connection) -> Result<(), rustls::Error> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut bytes = &bytes[..];
    while !bytes.is_empty() {
        to.read_tls(&mut bytes).unwrap();
        to.process_new_packets()?;
    }
    Ok(())
}

fn refused(caller: Arc<ClientConfig>, answerer: Arc<ServerConfig>) -> String {
    let error = call(caller, answerer).err().expect("a refusal");
    explain(&error).expect("an explanation")
}

fn seen_by(end: &Connection) -> Option<PeerIdentity> {
    peer_identity(end.peer_certificates()?.first()?)
}

fn answering(authority: &Authority, node_id: u64) -> Arc<ServerConfig> {
    server_config(&node_of(authority, node_id)).unwrap()
}

fn calling(authority: &Authority, node_id: u64, expected: u64) -> Arc<ClientConfig> {
    peer_config(&node_of(authority, node_id), expected).unwrap()
}

#[test]
fn two_nodes_of_a_cluster_know_each_other() {
    let home = cluster(1);
    let pair = call(calling(&home, 2, 1), answering(&home, 1)).unwrap();
    assert_eq!(seen_by(&pair.caller).unwrap().node_id, 1);
    assert_eq!(seen_by(&pair.answerer).unwrap().node_id, 2);
    assert_eq!(pair.caller.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(pair.caller.alpn_protocol(), Some(&b"h2"[..]));
}

#[test]
fn another_node_than_the_one_called_is_refused() {
    let home = cluster(1);
    let told = refused(calling(&home, 2, 3), answering(&home, 1));
    assert!(told.contains("it is node 1, and node 3 was called"), "{told}");
}

#[test]
fn a_node_of_another_cluster_is_refused_by_its_signature() {
    let told = refused(calling(&cluster(1), 2, 1), answering(&cluster(2), 1));
    assert!(told.contains("another cluster"), "{told}");
}

#[test]
fn a_namesake_signed_by_another_authority_is_refused() {
    let told = refused(calling(&cluster(1), 2, 1), answering(&cluster(1), 1));
    assert!(told.contains("not signed by this cluster's authority"), "{told}");
}

#[test]
fn a_caller_with_a_certificate_of_another_cluster_is_refused() {
    let home = cluster(1);
    let stranger = node_of(&cluster(2), 2);
    // Believes the right authority, but shows a certificate of the wrong one.
    let verifier = PeerVerifier::new(home.certificate_der(), home.cluster_id(), Some(1)).unwrap();
    let caller = caller(verifier)
        .unwrap()
        .with_client_auth_cert(stranger.certificate_chain(), stranger.private_key())
        .unwrap();
    let told = refused(finished(caller), answering(&home, 1));
    assert!(told.contains("another cluster"), "{told}");
}

#[test]
fn a_newcomer_with_the_right_pin_gets_in_without_a_name() {
    let home = cluster(1);
    let pair = call(join_config(home.fingerprint()).unwrap(), answering(&home, 1)).unwrap();
    assert_eq!(seen_by(&pair.caller).unwrap().node_id, 1);
    assert_eq!(seen_by(&pair.answerer), None);
}

#[test]
fn a_newcomer_with_another_pin_says_nothing() {
    let told = refused(
        join_config(cluster(1).fingerprint()).unwrap(),
        answering(&cluster(1), 1),
    );
    assert!(told.contains("not the one the join token names"), "{told}");
}

#[test]
fn showing_the_right_authority_beside_a_foreign_certificate_does_not_help() {
    let (home, elsewhere) = (cluster(1), cluster(2));
    let impostor = node_of(&elsewhere, 1);
    let mut chain = impostor.certificate_chain();
    chain[1] = home.certificate_der().clone();
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, impostor.private_key())
        .unwrap();
    let told = refused(join_config(home.fingerprint()).unwrap(), Arc::new(config));
    assert!(told.contains("another cluster"), "{told}");
}

#[test]
fn a_certificate_from_the_future_speaks_of_clocks() {
    let home = cluster(1);
    let answerer = server_config(&node_made_at(&home, 1, now_ms() + 2 * DAY_MS)).unwrap();
    let told = refused(calling(&home, 2, 1), answerer);
    assert!(told.contains("clocks"), "{told}");
}

#[test]
fn a_reason_is_found_under_other_errors() {
    let inner = rustls::Error::from(PeerRefusal::NotANode);
    let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, inner));
    let told = explain(&wrapped).unwrap();
    assert!(told.contains("names no node"), "{told}");
    assert_eq!(explain(&io::Error::other("refused")), None);
}

#[test]
fn an_old_tls_version_is_refused() {
    let home = cluster(1);
    let old = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinVerifier::new(home.fingerprint())))
        .with_no_client_auth();
    assert!(call(Arc::new(old), answering(&home, 1)).is_err());
}
