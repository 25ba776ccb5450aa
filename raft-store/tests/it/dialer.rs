//! Plain TCP between the nodes of a test, with a phone book instead of addresses: a node keeps its number when it
//! comes back on another port.

use hyper_util::rt::TokioIo;
use std::{
    collections::HashMap,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{net::TcpStream, runtime::Handle};
use tonic::transport::{Channel, Endpoint};
use troop_raft_store::{Dialer, Lane, store::forward::NotConnected};

/// Where each node listens now.
#[derive(Clone, Default)]
pub struct PhoneBook {
    entries: Arc<Mutex<HashMap<u64, SocketAddr>>>,
}

impl PhoneBook {
    pub fn enter(&self, node_id: u64, address: SocketAddr) {
        self.entries.lock().unwrap().insert(node_id, address);
    }

    pub fn strike(&self, node_id: u64) {
        self.entries.lock().unwrap().remove(&node_id);
    }

    fn look_up(&self, node_id: u64) -> Result<SocketAddr, NotConnected> {
        let entries = self.entries.lock().unwrap();
        entries
            .get(&node_id)
            .copied()
            .ok_or_else(|| not_connected(node_id, "nobody is there"))
    }

    /// A connection that is made when it is used and made again when it broke, driven on `runtime`.
    pub fn dial(&self, node_id: u64, runtime: &Handle) -> Channel {
        let connector = Connector {
            book: self.clone(),
            node_id,
        };
        let endpoint = Endpoint::from_static("http://node").connect_timeout(Duration::from_secs(2));
        let _driven_by = runtime.enter();
        endpoint.connect_with_connector_lazy(connector)
    }
}

/// One node's connections.
pub struct PlainDialer {
    pub book: PhoneBook,
    pub runtime: Handle,
    pub channels: Mutex<HashMap<(u64, Lane), Channel>>,
}

impl Dialer for PlainDialer {
    fn channel(&self, node_id: u64, _address: &str, lane: Lane) -> Channel {
        let mut channels = self.channels.lock().unwrap();
        let make = || self.book.dial(node_id, &self.runtime);
        channels.entry((node_id, lane)).or_insert_with(make).clone()
    }
}

#[derive(Clone)]
struct Connector {
    book: PhoneBook,
    node_id: u64,
}

impl tower_service::Service<http::Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = NotConnected;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NotConnected>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NotConnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let Connector { book, node_id } = self.clone();
        Box::pin(async move {
            let failed = |e: std::io::Error| not_connected(node_id, &e.to_string());
            let stream = TcpStream::connect(book.look_up(node_id)?).await.map_err(failed)?;
            stream.set_nodelay(true).map_err(failed)?;
            Ok(TokioIo::new(stream))
        })
    }
}

fn not_connected(node_id: u64, reason: &str) -> NotConnected {
    NotConnected {
        address: format!("node-{node_id}"),
        reason: reason.to_owned(),
    }
}
