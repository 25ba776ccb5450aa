//! Several nodes in one process, each with a runtime, a port and a directory of its own, so that one can be stopped or killed
//! without the others noticing more than that.

use crate::{
    dialer::{PhoneBook, PlainDialer},
    until::{DEADLINE, until},
};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};
use tonic::{
    Extensions, Request, Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Server, server::TcpIncoming},
};
use troop_proto::peer::peer_client::PeerClient;
use troop_raft_store::{
    Caller, Gate, OpenError, Options, RaftStore,
    network::{PeerService, Stamp},
};
use troop_txn::{Guard, Key, Op, Outcome, RequestId, Revision, Store, Txn, machine::Notes, read};

pub const CLUSTER: &str = "c1";

/// Believes everybody who says who they are; what is claimed is written beside the request by [`claimed`].
struct Trusting;

impl Gate for Trusting {
    fn caller(&self, connection: &Extensions) -> Result<Caller, Status> {
        let caller = connection.get::<Caller>().cloned();
        caller.ok_or_else(|| Status::unauthenticated("who is there?"))
    }
}

fn claimed(mut request: Request<()>) -> Result<Request<()>, Status> {
    let from = request
        .metadata()
        .get("troop-from")
        .and_then(|from| from.to_str().ok());
    if let Some(node_id) = from.and_then(|from| from.parse().ok()) {
        request.extensions_mut().insert(Caller { node_id });
    }
    Ok(request)
}

struct Node {
    store: Arc<RaftStore>,
    runtime: Option<Runtime>,
}

impl Node {
    async fn start(options: Options, book: PhoneBook) -> Result<Node, OpenError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let serving = runtime.spawn(open_and_serve(options, book, runtime.handle().clone()));
        match serving.await.unwrap() {
            Ok(store) => Ok(Node {
                store,
                runtime: Some(runtime),
            }),
            Err(error) => {
                end(runtime).await;
                Err(error)
            }
        }
    }

    /// As a killed process: nobody is told, nothing is put away.
    async fn kill(mut self) {
        let runtime = self.runtime.take().unwrap();
        drop(self);
        end(runtime).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits until every task is gone, and with them every handle on the databases.
async fn end(runtime: Runtime) {
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(DEADLINE))
        .await
        .unwrap();
}

async fn open_and_serve(
    options: Options,
    book: PhoneBook,
    runtime: tokio::runtime::Handle,
) -> Result<Arc<RaftStore>, OpenError> {
    let me = options.node_id;
    let dialer = PlainDialer {
        book: book.clone(),
        runtime,
        channels: Mutex::default(),
    };
    let store = RaftStore::open(options, CLUSTER.into(), Arc::new(dialer)).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    book.enter(me, listener.local_addr().unwrap());
    let service = PeerService::server(Arc::clone(&store), Arc::new(Trusting));
    let service = InterceptedService::new(service, claimed);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(
        Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming),
    );
    Ok(store)
}

/// The nodes of one test.
pub struct Cluster {
    nodes: BTreeMap<u64, Node>,
    book: PhoneBook,
    tweak: fn(&mut Options),
    dir: TempDir,
}

impl Cluster {
    /// Voters 1 to `size` with the options of a cluster in earnest.
    pub async fn of(size: u64) -> Cluster {
        Cluster::with(size, |_| ()).await
    }

    /// The same with other options.
    pub async fn with(size: u64, tweak: fn(&mut Options)) -> Cluster {
        let mut cluster = Cluster {
            nodes: BTreeMap::new(),
            book: PhoneBook::default(),
            tweak,
            dir: tempfile::tempdir().unwrap(),
        };
        cluster.start(1).await;
        cluster.store(1).found("node-1").await.unwrap();
        for id in 2..=size {
            cluster.start(id).await;
            cluster.admit(id).await;
        }
        cluster
    }

    async fn admit(&self, id: u64) {
        until("a node becomes a voter", async || {
            // The new node does not hear who leads before it was added.
            let mut stores = self.nodes.values().map(|node| &node.store);
            let leader = stores.find(|store| store.status().role == "leader")?;
            leader.add_learner(id, &format!("node-{id}")).await.ok()?;
            leader.promote(id).await.ok()
        })
        .await;
    }

    pub fn options(&self, id: u64) -> Options {
        let mut options = Options::new(self.dir(id), id);
        (self.tweak)(&mut options);
        options
    }

    /// A node's data directory.
    pub fn dir(&self, id: u64) -> PathBuf {
        self.dir.path().join(format!("node-{id}"))
    }

    pub async fn start(&mut self, id: u64) {
        self.try_start(id).await.unwrap();
    }

    pub async fn try_start(&mut self, id: u64) -> Result<(), OpenError> {
        self.open(self.options(id)).await
    }

    /// Starts a node with other options than the rest.
    pub async fn start_with(&mut self, id: u64, change: impl FnOnce(&mut Options)) {
        let mut options = self.options(id);
        change(&mut options);
        self.open(options).await.unwrap();
    }

    async fn open(&mut self, options: Options) -> Result<(), OpenError> {
        let id = options.node_id;
        let node = Node::start(options, self.book.clone()).await?;
        self.nodes.insert(id, node);
        Ok(())
    }

    pub async fn kill_all(&mut self) {
        for id in self.ids() {
            self.kill(id).await;
        }
    }

    pub async fn kill(&mut self, id: u64) {
        self.book.strike(id);
        self.nodes.remove(&id).unwrap().kill().await;
    }

    /// As a process that is told to stop.
    pub async fn stop(&mut self, id: u64) {
        self.store(id).stop().await;
        self.kill(id).await;
    }

    /// Tries to open a node's directory while it runs.
    pub async fn start_twice(&self, id: u64) -> OpenError {
        match Node::start(self.options(id), PhoneBook::default()).await {
            Ok(_) => panic!("one directory was opened twice"),
            Err(error) => error,
        }
    }

    pub async fn end(mut self) {
        for id in self.ids() {
            self.stop(id).await;
        }
    }

    /// The nodes that run.
    pub fn ids(&self) -> Vec<u64> {
        self.nodes.keys().copied().collect()
    }

    pub fn store(&self, id: u64) -> &Arc<RaftStore> {
        &self.nodes[&id].store
    }

    pub fn port(&self, id: u64) -> Arc<dyn Store> {
        Arc::clone(self.store(id)) as Arc<dyn Store>
    }

    /// Who leads, once the nodes that run agree on one of them.
    pub async fn leader(&self) -> u64 {
        until("one of the nodes leads", async || {
            let named: Vec<_> = self
                .nodes
                .values()
                .map(|node| node.store.status().leader)
                .collect();
            let first = named[0].filter(|leader| self.nodes.contains_key(leader))?;
            named.iter().all(|leader| *leader == Some(first)).then_some(first)
        })
        .await
    }

    pub async fn follower(&self) -> u64 {
        let leader = self.leader().await;
        self.ids().into_iter().find(|id| *id != leader).unwrap()
    }

    /// Waits until the nodes that run have applied the same, and compares what came of it.
    pub async fn agree(&self) -> Notes {
        let leader = self.leader().await;
        let upto = self.store(leader).status().last_log_index;
        let notes = async || {
            let at = |node: &Node| node.store.status().applied_index;
            let all_there = self.nodes.values().all(|node| at(node) >= upto);
            let notes = self.nodes.values().map(|node| node.store.notes().unwrap());
            let notes: Vec<Notes> = notes.collect();
            let same_revision = notes.iter().all(|n| n.revision == notes[0].revision);
            (all_there && same_revision).then_some(notes)
        };
        let notes = until("all nodes applied the same", notes).await;
        for other in &notes {
            assert_eq!(other, &notes[0], "equal revisions, other contents");
        }
        notes[0]
    }

    /// Speaks to a node as a peer would, or as one should not.
    pub fn client(
        &self,
        cluster: &str,
        from: u64,
        to: u64,
    ) -> PeerClient<InterceptedService<Channel, Stamp>> {
        let stamp = Stamp {
            cluster: cluster.to_owned(),
            from,
            to,
        };
        let reached = self.ids().into_iter().find(|id| *id == to).unwrap_or(1);
        let channel = self.book.dial(reached, &tokio::runtime::Handle::current());
        PeerClient::with_interceptor(channel, stamp)
    }
}

/// A record of the tests.
pub fn key(id: &str) -> Key {
    Key::record("services", id.as_bytes())
}

pub fn txn(sequence: u64, guards: Vec<Guard>, ops: Vec<Op>) -> Txn {
    Txn {
        request: RequestId { client: 7, sequence },
        guards,
        ops,
        ensures: Vec::new(),
        stamped_at_ms: 0,
        actor: "test".into(),
    }
}

pub fn put(id: &str, value: impl Into<Bytes>) -> Op {
    Op::Put {
        key: key(id),
        value: value.into(),
    }
}

/// Writes one record through `store` and gives its revision.
pub async fn write(store: &RaftStore, sequence: u64, id: &str, value: impl Into<Bytes>) -> Revision {
    let outcome = store
        .propose(txn(sequence, Vec::new(), vec![put(id, value)]), DEADLINE)
        .await;
    match outcome.unwrap() {
        Outcome::Applied(revision) => revision,
        refused => panic!("an unguarded write was refused: {refused:?}"),
    }
}

/// What `store` holds of a record.
pub fn value_of(store: &RaftStore, id: &str) -> Option<Bytes> {
    let row = read(store, |view| view.get(&key(id))).unwrap();
    row.map(|row| row.value)
}

/// Short enough to try without a quorum.
pub const SHORT: Duration = Duration::from_millis(400);
