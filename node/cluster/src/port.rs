//! The peer port: one listener, three services, mutual TLS.

use crate::{
    admit::AdmitService,
    cluster::Cluster,
    gate::MemberGate,
    listen,
    service::ClusterService,
    tls::{self, TlsError},
};
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tonic::transport::{Server, server::Router};
use troop_raft_store::{Gate, network::PeerService};
use troop_txn::Store;

/// Connections that say nothing are asked whether they are still there.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// And closed when no answer comes.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Calls one connection may have under way: proposals of a whole node.
const CALLS_MAX: u32 = 4_096;

/// Answers the peer port until `stop` resolves. Runs on the runtime it is called on, which is Raft's.
///
/// # Errors
/// [`TlsError`] when this node's certificate cannot be used.
pub fn serve(
    cluster: &Arc<Cluster>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<BoxFuture<'static, ()>, TlsError> {
    let config = tls::server_config(&cluster.identity)?;
    let services = services(cluster);
    let incoming = listen::accept(listener, config);
    Ok(Box::pin(async move {
        if let Err(error) = services.serve_with_incoming_shutdown(incoming, stop).await {
            tracing::error!(%error, "the peer port stopped");
        }
    }))
}

fn services(cluster: &Arc<Cluster>) -> Router {
    let store: Arc<dyn Store> = cluster.store.clone();
    let gate: Arc<dyn Gate> = Arc::new(MemberGate::new(store, cluster.identity.peer_identity()));
    Server::builder()
        .http2_keepalive_interval(Some(PING_INTERVAL))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
        .max_concurrent_streams(CALLS_MAX)
        .add_service(PeerService::server(Arc::clone(&cluster.store), Arc::clone(&gate)))
        .add_service(ClusterService::server(Arc::clone(cluster), gate))
        .add_service(AdmitService::server(Arc::clone(cluster)))
}
