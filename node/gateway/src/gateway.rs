//! The data plane of one node as a thing that is started, asked, drained and joined.

use crate::{
    access_log::{Ledgers, Reopen},
    backstage::StageDoor,
    badge::Badge,
    client::{
        crowd::Crowd,
        listen::{BoundAddress, ListenError, listen, listen_for_datagrams},
        tls::{CertificateError, Terminators, badge_for_peers},
    },
    counters::{CounterSnapshot, Page},
    desk::Desk,
    explain::{QuestionError, explain},
    options::{GatewayOptions, ListenOptions},
    peer::{resolve::Names, tls::PeerTls},
    plan::{
        PlanSize,
        feed::{Press, Word},
        instances::Kit,
        pace::Pace,
        upstream::facts::UpstreamFacts,
    },
    probe::Prober,
    shelf::Shelf,
    worker::{self, Apron, Order},
};
use std::{
    io,
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};
use thiserror::Error;
use tokio::{
    runtime::Handle,
    sync::{broadcast, oneshot, watch},
};
use troop_catalog::Catalog;
use troop_plugin_api::{Backstage, Plugin};
use troop_router::{RouteQuestion, RouteVerdict};
use troop_runtime::{Bound, SocketFile, TaskSet};
use troop_schema::Registry;
use troop_txn::{Revision, Store, ViewError};
use uuid::Uuid;

/// Why the data plane did not start. Nothing of it is left running.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address is taken or not ours.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The default certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// TLS towards peers.
    #[error("setting up TLS towards peers failed: {0}")]
    PeerTls(#[from] rustls::Error),
    /// The configuration could not be read from this node's store.
    #[error("the configuration could not be read: {0}")]
    Image(#[from] ViewError),
    /// The access log cannot be written.
    #[error("the access log {path} cannot be opened: {source}")]
    AccessLog {
        /// Its name.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("a worker could not be started: {0}")]
    Worker(#[source] io::Error),
    /// A worker ended before it served.
    #[error("a worker ended before it served")]
    WorkerEnded,
}

/// How the data plane ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still open at the deadline and were cut off.
    pub connections_cut: u64,
}

/// What can be read off a running gateway. Holding it keeps nothing running.
#[derive(Clone)]
pub struct Gauges {
    press: Arc<Press>,
    pages: Vec<Arc<Page>>,
}

impl Gauges {
    /// Totals over all workers.
    pub fn counters(&self) -> CounterSnapshot {
        CounterSnapshot::total(&self.pages, self.press.skipped.load(Relaxed))
    }

    /// How fast changes reach the workers.
    pub fn pace(&self) -> &Pace {
        &self.press.pace
    }

    /// How much is served.
    pub fn plan_size(&self) -> PlanSize {
        self.press.plan.load().size()
    }

    /// Which route a request would find now, and what speaks against the others.
    ///
    /// # Errors
    /// [`QuestionError`] when the question is no request.
    pub fn explain(&self, question: &RouteQuestion) -> Result<Vec<RouteVerdict>, QuestionError> {
        explain(&self.press.plan.load(), question)
    }

    /// What is known of an upstream's targets on this node.
    pub fn upstream_facts(&self, upstream: Uuid) -> Option<UpstreamFacts> {
        self.press.plan.load().upstream(upstream).map(|u| u.facts())
    }
}

/// The data plane, running.
pub struct Gateway {
    press: Arc<Press>,
    doors: Doors,
    pages: Vec<Arc<Page>>,
    orders: watch::Sender<Order>,
    workers: Vec<JoinHandle<io::Result<u64>>>,
    /// Gone once it is joined.
    ledgers: Option<Ledgers>,
    tasks: TaskSet,
    door: Arc<StageDoor>,
}

impl Gateway {
    /// Binds every address, reads the configuration, and starts the workers; they serve when this returns. Must be called on the control
    /// runtime: following events, resolving names and reading the store happen there.
    ///
    /// # Errors
    /// [`StartError`] says what stood in the way.
    pub async fn start(
        options: GatewayOptions,
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        plugins: Vec<Arc<dyn Plugin>>,
    ) -> Result<Gateway, StartError> {
        let workers = options.workers.get();
        let (doors, sockets) = bind(&options, workers)?;
        let tasks = TaskSet::new();
        let badge = own_badge(&options)?;
        let peer_tls = Arc::new(PeerTls::load(badge.clone())?);
        let prober = Prober::new(peer_tls, options.limits.probes_max);
        let (press, desk, door) = set_up(&options, store, registry, (plugins, badge), prober, &tasks);
        let served = print_first(&press).await?;
        let pages: Vec<Arc<Page>> = (0..workers).map(|_| Arc::default()).collect();
        let ledgers = Ledgers::open(&options)?;
        let parts = Parts {
            client_tls: if options.listeners.iter().any(|l| l.tls) {
                Some(Terminators::new(&options.tls, &press.plan)?)
            } else {
                None
            },
            connections: Arc::default(),
            crowd: options.limits.connections_per_ip_max.map(Crowd::new),
            options: Arc::new(options),
            orders: watch::Sender::new(Order::Serve),
        };
        let mut gateway = Gateway {
            press,
            doors,
            pages,
            orders: parts.orders.clone(),
            workers: Vec::new(),
            ledgers: Some(ledgers),
            tasks,
            door,
        };
        gateway.start_workers(&parts, &desk, sockets).await?;
        let press = Arc::clone(&gateway.press);
        gateway
            .tasks
            .spawn("follow events", async move { press.follow(served).await });
        Ok(gateway)
    }

    async fn start_workers(
        &mut self,
        parts: &Parts,
        desk: &Desk,
        sockets: Vec<Sockets>,
    ) -> Result<(), StartError> {
        let mut waiting = Vec::new();
        for (page, sockets) in self.pages.iter().zip(sockets) {
            let apron = Apron {
                options: Arc::clone(&parts.options),
                plan: Arc::clone(&self.press.plan),
                names: Arc::clone(&self.press.names),
                client_tls: parts.client_tls.clone(),
                desk: desk.clone(),
                page: Arc::clone(page),
                pens: self
                    .ledgers
                    .as_ref()
                    .map(|ledgers| ledgers.pens(page))
                    .unwrap_or_default(),
                listeners: sockets.listeners,
                datagrams: sockets.datagrams,
                crowd: parts.crowd.clone(),
                connections: Arc::clone(&parts.connections),
                orders: self.orders.subscribe(),
                seed: rand::random(),
            };
            let (ready, heard) = oneshot::channel();
            let thread = std::thread::Builder::new()
                .name(format!("worker-{}", self.workers.len()))
                .spawn(move || worker::run(apron, ready))
                .map_err(StartError::Worker)?;
            self.workers.push(thread);
            waiting.push(heard);
        }
        for heard in waiting {
            heard.await.map_err(|_| StartError::WorkerEnded)?;
        }
        Ok(())
    }

    /// The revision that every request starting now is served by, and each one after it.
    pub fn served(&self) -> watch::Receiver<Revision> {
        self.press.served.subscribe()
    }

    /// What is broadcast in the log from now on.
    pub fn words(&self) -> broadcast::Receiver<Word> {
        self.press.words.subscribe()
    }

    /// Asks for the access logs to be opened anew; none if there are none.
    pub fn reopen_log(&self) -> Option<Reopen> {
        self.ledgers.as_ref().and_then(Ledgers::reopen)
    }

    /// Where clients are listened to, in the order of the options.
    pub fn addresses(&self) -> &[BoundAddress] {
        &self.doors.addresses
    }

    /// Where datagrams are taken, in the order of the options.
    pub fn datagram_addresses(&self) -> &[SocketAddr] {
        &self.doors.datagrams
    }

    /// What can be read off it while it runs, for whoever reports on it.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            press: Arc::clone(&self.press),
            pages: self.pages.clone(),
        }
    }

    /// Takes no new connections; closes idle ones; ends each of the others after its current response.
    pub fn drain(&self) {
        self.orders.send_if_modified(|order| {
            let news = *order == Order::Serve;
            if news {
                *order = Order::Drain;
            }
            news
        });
    }

    /// Drains, waits until the deadline for connections to end, cuts off the rest, and ends.
    pub async fn join(self, deadline: Duration) -> Drained {
        self.join_until(tokio::time::sleep(deadline)).await
    }

    /// As [`Gateway::join`], until `enough` resolves.
    pub async fn join_until(mut self, enough: impl Future<Output = ()>) -> Drained {
        self.drain();
        self.doors.files.clear();
        let workers = std::mem::take(&mut self.workers);
        let ended = tokio::task::spawn_blocking(move || workers.into_iter().map(join_worker).sum());
        tokio::pin!(ended);
        let cut = tokio::select! {
            cut = &mut ended => cut,
            () = enough => {
                self.orders.send_replace(Order::Stop);
                ended.await
            }
        };
        if let Some(ledgers) = self.ledgers.take() {
            let written = tokio::task::spawn_blocking(move || ledgers.finish());
            if written.await.is_err() {
                tracing::error!("the access logs were not finished");
            }
        }
        self.door.close().await;
        self.stop_tasks().await;
        Drained {
            connections_cut: cut.unwrap_or_default(),
        }
    }

    /// The feed ends with the store, the resolver's tasks never: they are told to go.
    async fn stop_tasks(&self) {
        self.tasks.finish(Duration::ZERO).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Threads of a gateway that was not joined must not outlive it.
        self.orders.send_replace(Order::Stop);
    }
}

/// What all workers are given.
struct Parts {
    options: Arc<GatewayOptions>,
    client_tls: Option<Arc<Terminators>>,
    connections: Arc<AtomicU64>,
    crowd: Option<Arc<Crowd>>,
    orders: watch::Sender<Order>,
}

/// The listening sockets of one worker each.
#[derive(Default)]
struct Sockets {
    listeners: Vec<(Bound, ListenOptions)>,
    datagrams: Vec<UdpSocket>,
}

/// Where clients are listened to.
struct Doors {
    addresses: Vec<BoundAddress>,
    datagrams: Vec<SocketAddr>,
    /// Of unix sockets; they go when no more connections are taken.
    files: Vec<SocketFile>,
}

fn bind(options: &GatewayOptions, workers: usize) -> Result<(Doors, Vec<Sockets>), ListenError> {
    let mut doors = Doors {
        addresses: Vec::new(),
        datagrams: Vec::new(),
        files: Vec::new(),
    };
    let mut sockets: Vec<Sockets> = (0..workers).map(|_| Sockets::default()).collect();
    for wanted in &options.listeners {
        let (bound, shared, file) = listen(wanted, workers)?;
        doors.addresses.push(bound);
        doors.files.extend(file);
        for (own, socket) in sockets.iter_mut().zip(shared) {
            own.listeners.push((socket, wanted.clone()));
        }
    }
    for wanted in &options.datagrams {
        let (bound, shared) = listen_for_datagrams(*wanted, workers)?;
        doors.datagrams.push(bound);
        for (own, socket) in sockets.iter_mut().zip(shared) {
            own.datagrams.push(socket);
        }
    }
    Ok((doors, sockets))
}

fn set_up(
    options: &GatewayOptions,
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    (plugins, badge): (Vec<Arc<dyn Plugin>>, Option<Arc<Badge>>),
    prober: Arc<Prober>,
    tasks: &TaskSet,
) -> (Arc<Press>, Desk, Arc<StageDoor>) {
    let limits = &options.limits;
    let shelf = Arc::new(Shelf::new(limits.shelf_entries_max));
    let names = Names::new(Handle::current(), limits.names_max, limits.resolve_timeout);
    let desk = Desk::new(
        Arc::clone(&shelf),
        Arc::clone(&store),
        Catalog::new(registry),
        Handle::current(),
        limits.lookups_max,
    );
    let door = Arc::new(StageDoor::new(desk.clone()));
    let kit = Kit::new(plugins, Arc::clone(&door) as Arc<dyn Backstage>);
    let kit = kit.with_flavor(options.router_flavor).with_badge(badge);
    let press = Press::new(kit, store, shelf, names, prober, tasks.clone());
    (Arc::new(press), desk, door)
}

/// What is shown to peers where nobody names another certificate.
fn own_badge(options: &GatewayOptions) -> Result<Option<Arc<Badge>>, CertificateError> {
    let Some(files) = &options.badge_for_peers else {
        return Ok(None);
    };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    badge_for_peers(files, &provider).map(|badge| Some(Arc::new(badge)))
}

/// Reading the whole image takes its time: not on a thread that others wait for.
async fn print_first(press: &Arc<Press>) -> Result<Revision, StartError> {
    let press = Arc::clone(press);
    let printed = tokio::task::spawn_blocking(move || press.print_image()).await;
    let printed = printed.map_err(|panic| StartError::Worker(io::Error::other(panic)))?;
    Ok(printed?)
}

fn join_worker(worker: JoinHandle<io::Result<u64>>) -> u64 {
    match worker.join() {
        Ok(Ok(cut)) => cut,
        Ok(Err(error)) => {
            tracing::error!(%error, "a worker ended with an error");
            0
        }
        Err(_) => {
            tracing::error!("a worker panicked");
            0
        }
    }
}
