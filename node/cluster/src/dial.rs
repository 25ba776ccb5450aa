//! Calling other nodes: one TLS connection per node and kind of traffic, made when first used and again when it broke.
//!
//! The catch with connections that nothing flows on: a peer whose machine lost power never says goodbye. HTTP/2 pings find out
//! within [`PING_INTERVAL`] plus [`PING_TIMEOUT`].

use crate::{identity::NodeIdentity, tls};
use hyper_util::rt::TokioIo;
use std::{
    collections::HashMap,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{net::TcpStream, runtime::Handle};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};
use troop_raft_store::{Dialer, Lane, store::forward::NotConnected};

/// Longest a connection may take to make, TLS included. Below an election, so that one dead node does not cost a term.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// A connection is pinged this often.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// And given up when the answer takes longer than this.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections kept; beyond it (addresses of nodes long gone) all are made anew.
const CHANNELS_MAX: usize = 256;

/// Dials members of the cluster that an identity belongs to.
pub struct TlsDialer {
    identity: NodeIdentity,
    runtime: Handle,
    channels: Mutex<HashMap<(u64, String, Lane), Channel>>,
}

impl TlsDialer {
    /// Connections are driven on `runtime`.
    pub fn new(identity: NodeIdentity, runtime: Handle) -> Self {
        TlsDialer {
            identity,
            runtime,
            channels: Mutex::default(),
        }
    }
}

impl Dialer for TlsDialer {
    fn channel(&self, node_id: u64, address: &str, lane: Lane) -> Channel {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.len() >= CHANNELS_MAX {
            channels.clear();
        }
        let make = || {
            let config = tls::peer_config(&self.identity, node_id)
                .expect("invariant: a saved identity was checked for use in TLS");
            channel(&self.runtime, address, config)
        };
        channels
            .entry((node_id, address.to_owned(), lane))
            .or_insert_with(make)
            .clone()
    }
}

/// A channel to `address` that connects with `config` when it is used.
pub fn channel(runtime: &Handle, address: &str, config: Arc<rustls::ClientConfig>) -> Channel {
    // The endpoint's name is never resolved: the connector knows the address.
    let endpoint = Endpoint::from_static("http://node.troop.internal")
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true);
    let _driven_by = runtime.enter();
    endpoint.connect_with_connector_lazy(Connector {
        address: address.to_owned(),
        tls: TlsConnector::from(config),
    })
}

/// Makes one connection.
#[derive(Clone)]
struct Connector {
    address: String,
    tls: TlsConnector,
}

type Connected = TokioIo<TlsStream<TcpStream>>;

impl tower_service::Service<http::Uri> for Connector {
    type Response = Connected;
    type Error = NotConnected;
    type Future = Pin<Box<dyn Future<Output = Result<Connected, NotConnected>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NotConnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let Connector { address, tls } = self.clone();
        Box::pin(async move {
            connect(&address, tls)
                .await
                .map(TokioIo::new)
                .map_err(|error| NotConnected {
                    reason: crate::tls::explain(&error).unwrap_or_else(|| error.to_string()),
                    address,
                })
        })
    }
}

async fn connect(address: &str, tls: TlsConnector) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    // Without it a small message waits 40 ms for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    tls.connect(tls::server_name(), stream).await
}
