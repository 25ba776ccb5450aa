//! Collectors that take bundles, that do not, and that cannot prove who they are.

use super::*;
use hyper::{server::conn, service::service_fn};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use std::{convert::Infallible, net::SocketAddr, sync::Mutex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Target and body of each request.
type Got = Arc<Mutex<Vec<(String, Bytes)>>>;

/// A collector for both kinds of speech, told apart by what TLS agreed on or by `grpc`.
struct Stub {
    address: SocketAddr,
    got: Got,
    connections: Arc<Mutex<usize>>,
    /// Its certificate in PEM, if it has one.
    pem: String,
}

impl Stub {
    /// One that answers calls with this status of gRPC, and posts with this status of HTTP.
    async fn start(tls: bool, grpc: bool, outcome: &'static str) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("params");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let stub = Stub {
            address: listener.local_addr().expect("an address"),
            got: Got::default(),
            connections: Arc::default(),
            pem: certificate.pem(),
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("a configuration");
        config.alpn_protocols = vec![if grpc {
            b"h2".to_vec()
        } else {
            b"http/1.1".to_vec()
        }];
        let acceptor = tls.then(|| TlsAcceptor::from(Arc::new(config)));
        let (got, connections) = (Arc::clone(&stub.got), Arc::clone(&stub.connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().expect("a count") += 1;
                let (acceptor, got) = (acceptor.clone(), Arc::clone(&got));
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, grpc, got, outcome).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, grpc, got, outcome).await;
                            }
                        }
                    }
                });
            }
        });
        stub
    }

    fn collector(&self, scheme: &str, authorities: Option<&str>) -> Collector {
        let url = format!("{scheme}://localhost:{}", self.address.port());
        let authorities = authorities.map(str::as_bytes);
        let destination = Destination::new(url.parse().expect("an endpoint"), authorities);
        Collector::new(destination.expect("a destination"))
    }
}

async fn serve<S>(stream: S, grpc: bool, got: Got, outcome: &'static str)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let answer = service_fn(move |request: Request<Incoming>| {
        let got = Arc::clone(&got);
        async move {
            let target = request.uri().path().to_owned();
            let body = request.into_body().collect().await.expect("a body").to_bytes();
            got.lock().expect("a list").push((target, body));
            Ok::<_, Infallible>(answered(grpc, outcome))
        }
    });
    // It ends when the collector's client is gone.
    let _ = if grpc {
        let server = conn::http2::Builder::new(TokioExecutor::new());
        server.serve_connection(TokioIo::new(stream), answer).await
    } else {
        let server = conn::http1::Builder::new();
        server.serve_connection(TokioIo::new(stream), answer).await
    };
}

fn answered(
    grpc: bool,
    outcome: &'static str,
) -> Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>> {
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from_static(outcome));
    let message = Full::new(Bytes::from_static(&[0; 5]));
    let mut answer = Response::new(if grpc {
        message
            .with_trailers(std::future::ready(Some(Ok(trailers))))
            .boxed_unsync()
    } else {
        Full::default().boxed_unsync()
    });
    if !grpc {
        *answer.status_mut() = outcome.parse().expect("a status");
    }
    answer
}

#[tokio::test]
async fn bundles_go_over_one_connection_in_each_way_of_speaking() {
    for (scheme, tls, grpc, outcome) in [
        ("http", false, false, "200"),
        ("https", true, false, "202"),
        ("grpc", false, true, "0"),
        ("grpcs", true, true, "0"),
    ] {
        let stub = Stub::start(tls, grpc, outcome).await;
        let mut collector = stub.collector(scheme, tls.then_some(&*stub.pem));
        for bundle in ["one", "three"] {
            collector.post(bundle.into()).await.expect(scheme);
        }
        let got = stub.got.lock().expect("a list").clone();
        let expected = if grpc {
            let target = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
            [(target, "\0\0\0\0\x03one"), (target, "\0\0\0\0\x05three")]
        } else {
            [("/", "one"), ("/", "three")]
        };
        let expected = expected.map(|(target, body)| (target.to_owned(), Bytes::from(body)));
        assert_eq!(got, expected, "{scheme}");
        assert_eq!(*stub.connections.lock().expect("a count"), 1, "{scheme}");
    }
}

#[tokio::test]
async fn what_a_collector_refuses_is_not_taken_for_delivered() {
    for (scheme, grpc, outcome, said) in [
        ("http", false, "503", "it answered 503 Service Unavailable"),
        ("grpc", true, "14", "the call ended with status 14"),
    ] {
        let stub = Stub::start(false, grpc, outcome).await;
        let posted = stub.collector(scheme, None).post("x".into()).await;
        assert_eq!(posted, Err(said.to_owned()));
    }
}

#[tokio::test]
async fn a_collector_that_nobody_vouches_for_gets_nothing() {
    let (stub, other) = (
        Stub::start(true, true, "0").await,
        Stub::start(true, true, "0").await,
    );
    for authorities in [None, Some(&*other.pem)] {
        let posted = stub.collector("grpcs", authorities).post("x".into()).await;
        let error = posted.expect_err("no certificate that counts");
        assert!(error.contains("certificate"), "{error}");
    }
    assert!(stub.got.lock().expect("a list").is_empty());
}

#[test]
fn authorities_are_certificates_and_only_for_tls() {
    let destination = |url: &str, pem: Option<&[u8]>| Destination::new(url.parse().expect("a url"), pem);
    assert!(destination("http://a", None).is_ok());
    assert!(destination("https://a", None).is_ok());
    assert!(matches!(
        destination("grpc://a", Some(b"x")),
        Err(DestinationError::NotSealed)
    ));
    assert!(matches!(
        destination("grpcs://a", Some(b"nothing")),
        Err(DestinationError::NoCertificate)
    ));
}
