//! A client that speaks TLS and believes every certificate, for tests that look at what it was shown.

use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};
use rustls::{
    ClientConfig, DigitallySignedStruct, HandshakeKind, ProtocolVersion, SignatureScheme,
    client::{
        ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
        Tls13ClientSessionValue,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A certificate with its key.
pub struct Pair {
    pub certificate: String,
    pub key: String,
    pub der: Vec<u8>,
}

/// A self-signed one for a name.
pub fn pair(name: &str, kind: &'static SignatureAlgorithm) -> Pair {
    let key = KeyPair::generate_for(kind).expect("a key");
    let params = CertificateParams::new(vec![format!("{name}.test")]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        der: certificate.der().to_vec(),
    }
}

/// How to dial.
#[derive(Clone)]
pub struct Shown {
    /// Signatures that can be verified; all if none are named.
    schemes: Option<Vec<SignatureScheme>>,
    only_tls_12: bool,
    /// What is spoken inside, best first.
    protocols: Vec<Vec<u8>>,
    memory: Arc<Memory>,
    /// Made at the first dialling: sessions belong to it.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Default for Shown {
    fn default() -> Self {
        Shown {
            schemes: None,
            only_tls_12: false,
            protocols: Vec::new(),
            memory: Arc::new(Memory {
                sessions: ClientSessionMemoryCache::new(8),
                nameless: AtomicBool::new(false),
            }),
            config: Arc::default(),
        }
    }
}

/// A connection, hands shaken.
pub struct Dialled {
    pub stream: TlsStream<TcpStream>,
}

impl Dialled {
    /// What the gateway showed.
    pub fn certificate(&self) -> Vec<u8> {
        let chain = self.stream.get_ref().1.peer_certificates();
        chain.and_then(<[_]>::first).expect("a certificate").to_vec()
    }

    pub fn version(&self) -> ProtocolVersion {
        self.stream.get_ref().1.protocol_version().expect("a version")
    }

    /// What was agreed on.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.stream.get_ref().1.alpn_protocol()
    }

    /// The suite, by its number.
    pub fn suite(&self) -> u16 {
        let suite = self.stream.get_ref().1.negotiated_cipher_suite();
        suite.expect("a suite").suite().into()
    }

    pub fn resumed(&self) -> bool {
        self.stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

pub async fn dial(address: SocketAddr, name: &str, how: Shown) -> Dialled {
    how.try_dial(address, name).await.expect("a handshake")
}

impl Shown {
    /// Which of the signatures can be verified.
    pub fn verifying(scheme: SignatureScheme) -> Self {
        Shown {
            schemes: Some(vec![scheme]),
            ..Shown::default()
        }
    }

    /// Able to speak these.
    pub fn speaking(protocols: &[&str]) -> Self {
        Shown {
            protocols: protocols.iter().map(|name| name.as_bytes().to_vec()).collect(),
            ..Shown::default()
        }
    }

    /// Without TLS 1.3.
    pub fn older() -> Self {
        Shown {
            only_tls_12: true,
            ..Shown::default()
        }
    }

    /// From now on, sessions of any name are tried under any other.
    pub fn forget_names(&self) {
        self.memory.nameless.store(true, SeqCst);
    }

    fn make_config(&self) -> Arc<ClientConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions = if self.only_tls_12 {
            vec![&TLS12]
        } else {
            vec![&TLS12, &TLS13]
        };
        let schemes = self.schemes.clone();
        let schemes =
            schemes.unwrap_or_else(|| provider.signature_verification_algorithms.supported_schemes());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believer(schemes)))
            .with_no_client_auth();
        config.alpn_protocols = self.protocols.clone();
        config.resumption = Resumption::store(Arc::clone(&self.memory) as Arc<dyn ClientSessionStore>);
        Arc::new(config)
    }

    pub async fn try_dial(&self, address: SocketAddr, name: &str) -> io::Result<Dialled> {
        let config = self.config.get_or_init(|| self.make_config());
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await?;
        Ok(Dialled { stream })
    }
}

/// Sessions, by name or, for a client that cheats, all under one.
#[derive(Debug)]
struct Memory {
    sessions: ClientSessionMemoryCache,
    nameless: AtomicBool,
}

impl Memory {
    fn name(&self, name: ServerName<'static>) -> ServerName<'static> {
        if self.nameless.load(SeqCst) {
            "a.test".try_into().expect("a name")
        } else {
            name
        }
    }
}

impl ClientSessionStore for Memory {
    fn set_kx_hint(&self, name: ServerName<'static>, group: rustls::NamedGroup) {
        self.sessions.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<rustls::NamedGroup> {
        self.sessions.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.sessions.set_tls12_session(self.name(name), value);
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.sessions.tls12_session(&self.name(name.to_owned()))
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.sessions.remove_tls12_session(&self.name(name.clone()));
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.sessions.insert_tls13_ticket(self.name(name), value);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.sessions.take_tls13_ticket(&self.name(name.clone()))
    }
}

/// Believes every certificate.
#[derive(Debug)]
struct Believer(Vec<SignatureScheme>);

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
