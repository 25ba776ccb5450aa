//! One worker: a thread that owns everything its requests touch.
//!
//! A kitchen with one cook, a stove, and ingredients of its own. Cooks share nothing but the timetable on the wall, so
//! none ever waits for another. The price is that a connection stays with the cook who took it in.

use crate::{
    access_log::Pens,
    chain::Chains,
    client::{
        accept::{Reception, accept_all},
        crowd::Crowd,
        tls::Terminators,
    },
    counters::Page,
    desk::Desk,
    load::Load,
    options::{GatewayOptions, ListenOptions},
    peer::{pool::Pool, resolve::Names, trunk::Trunks},
    plan::Plan,
    request_id::IdSource,
    stream::datagrams,
    sweep::{ROUND, Sweep},
};
use arc_swap::{ArcSwap, Cache};
use http::HeaderValue;
use std::{
    cell::{Cell, RefCell},
    net::UdpSocket,
    ops::Deref,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Instant, SystemTime},
};
use tokio::{
    sync::{oneshot, watch},
    time::MissedTickBehavior,
};
use troop_runtime::Bound;

/// What a worker is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Take connections and serve.
    #[default]
    Serve,
    /// Finish what is open, take nothing new.
    Drain,
    /// Stop now.
    Stop,
}

/// What workers share, and what one is given when it starts.
pub(crate) struct Apron {
    pub options: Arc<GatewayOptions>,
    pub plan: Arc<ArcSwap<Plan>>,
    pub names: Arc<Names>,
    pub client_tls: Option<Arc<Terminators>>,
    pub desk: Desk,
    pub page: Arc<Page>,
    pub pens: Pens,
    /// Its listening sockets, and what is spoken there.
    pub listeners: Vec<(Bound, ListenOptions)>,
    /// Its sockets for datagrams.
    pub datagrams: Vec<UdpSocket>,
    /// Connections per address, of all workers; `None` when nobody counts them.
    pub crowd: Option<Arc<Crowd>>,
    /// Connections of all workers so far.
    pub connections: Arc<AtomicU64>,
    pub orders: watch::Receiver<Order>,
    pub seed: u128,
}

/// A worker at work.
pub(crate) struct Worker {
    pub options: Arc<GatewayOptions>,
    pub chains: Chains,
    /// Those of sessions; they change with other instances.
    pub session_chains: Chains,
    pub pool: Rc<Pool>,
    pub trunks: Rc<Trunks>,
    pub names: Arc<Names>,
    pub desk: Desk,
    pub ids: IdSource,
    pub page: Arc<Page>,
    pub sweep: Sweep,
    pub crowd: Option<Arc<Crowd>>,
    load: Load,
    /// What it writes into the access logs with.
    pub pens: Pens,
    /// What `Via` says of clients of either version, and `Server` of ourselves.
    pub via_10: String,
    pub via_11: String,
    pub via_2: String,
    pub server: HeaderValue,
    pub via: HeaderValue,
    /// The same of calls.
    pub via_of_calls: HeaderValue,
    plan: RefCell<HeldPlan>,
    connections: Arc<AtomicU64>,
    orders: watch::Receiver<Order>,
    order: Cell<Order>,
    /// A moment on both clocks, to tell the time of day of any other.
    epoch: (Instant, u64),
    date: RefCell<(u64, HeaderValue)>,
}

/// The plan on the wall, and the copy at hand.
struct HeldPlan {
    wall: Cache<Arc<ArcSwap<Plan>>, Arc<Plan>>,
    hand: Rc<PlanAtHand>,
}

/// A worker's own handle of a plan. Requests count references to this, so that workers do not fight over one counter in
/// memory that all of them share.
pub(crate) struct PlanAtHand(Arc<Plan>);

impl Deref for PlanAtHand {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}

impl Worker {
    fn new(apron: Apron) -> Rc<Self> {
        let token = &apron.options.token;
        let header =
            |text: &str| HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("troop"));
        let mut wall = Cache::new(apron.plan);
        let hand = Rc::new(PlanAtHand(Arc::clone(wall.load())));
        let order = *apron.orders.borrow();
        Rc::new(Worker {
            chains: Chains::new(apron.options.limits.chains_max),
            session_chains: Chains::new(apron.options.limits.chains_max),
            pool: Pool::new(apron.options.keepalive),
            trunks: Trunks::new(apron.options.keepalive, apron.options.limits.peer_head_max_bytes),
            names: apron.names,
            desk: apron.desk,
            ids: IdSource::new(apron.seed),
            page: apron.page,
            sweep: Sweep::new(),
            crowd: apron.crowd,
            load: Load::new(apron.options.limits.overload_lag),
            pens: apron.pens,
            via_10: format!("1.0 {token}"),
            via_11: format!("1.1 {token}"),
            via_2: format!("2 {token}"),
            server: header(token),
            via: header(&format!("1.1 {token}")),
            via_of_calls: header(&format!("2 {token}")),
            plan: RefCell::new(HeldPlan { wall, hand }),
            connections: apron.connections,
            order: Cell::new(order),
            orders: apron.orders,
            epoch: (Instant::now(), unix_us()),
            date: RefCell::new((0, HeaderValue::from_static(""))),
            options: apron.options,
        })
    }

    /// The plan of now. Costs one comparison while nothing changes.
    pub fn plan(&self) -> Rc<PlanAtHand> {
        let mut held = self.plan.borrow_mut();
        let HeldPlan { wall, hand } = &mut *held;
        let now = wall.load();
        if !Arc::ptr_eq(now, &hand.0) {
            *hand = Rc::new(PlanAtHand(Arc::clone(now)));
        }
        Rc::clone(hand)
    }

    /// Whether the node finishes what is open and takes nothing new.
    pub fn is_draining(&self) -> bool {
        self.order.get() != Order::Serve
    }

    /// Whether it holds as many connections as it may.
    pub fn is_full(&self) -> bool {
        self.page.open() >= self.options.limits.connections_per_worker_max
    }

    /// Whether it turns new requests away, having more to do than it can.
    pub fn sheds(&self) -> bool {
        let most = self.options.limits.exchanges_per_worker_max;
        self.load.is_too_much() || most.is_some_and(|most| self.page.writing.get() > most)
    }

    /// Returns when the worker is told anything but to serve.
    pub async fn drained_or_told(&self) {
        let mut orders = self.orders.clone();
        // Whoever gives orders being gone is an order too.
        let _ = orders.wait_for(|order| *order != Order::Serve).await;
    }

    /// A number for a new connection, from one.
    pub fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Relaxed) + 1
    }

    /// Microseconds since 1970 at a moment.
    pub fn unix_us_at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.epoch.0);
        self.epoch
            .1
            .saturating_add(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// The time as HTTP writes it.
    pub fn date(&self) -> HeaderValue {
        let second = unix_us() / 1_000_000;
        let mut date = self.date.borrow_mut();
        if date.0 != second {
            let text = httpdate::fmt_http_date(SystemTime::now());
            *date = (
                second,
                HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("")),
            );
        }
        date.1.clone()
    }

    /// The walk along the parked connections, until everybody is gone or has to go.
    async fn rounds(&self) {
        let mut ticks = tokio::time::interval(ROUND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.load.round(Instant::now());
            self.sweep.round();
            self.pool.prune(self.sweep.now_ms());
            self.trunks.prune(self.sweep.now_ms());
            self.page.pooled.set(self.pool.waiting());
            self.pens.flush();
            let order = *self.orders.borrow();
            if self.order.replace(order) == Order::Serve && order != Order::Serve {
                self.sweep.wake_all();
            }
            if order == Order::Stop || (order == Order::Drain && self.page.open() == 0) {
                return;
            }
        }
    }
}

/// Runs a worker on this thread. `ready` hears when it takes connections. Connections that were cut off at the end.
pub(crate) fn run(mut apron: Apron, ready: oneshot::Sender<()>) -> std::io::Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    let cut = local.block_on(&runtime, async move {
        let listeners = std::mem::take(&mut apron.listeners);
        let sockets = std::mem::take(&mut apron.datagrams);
        let client_tls = apron.client_tls.take();
        let worker = Worker::new(apron);
        for (listener, spoken) in listeners {
            let listener = listener.open()?;
            let tls = client_tls.as_ref().filter(|_| spoken.tls);
            let reception = Reception {
                tls: tls.map(|tls| {
                    if spoken.raw {
                        tls.silent()
                    } else {
                        tls.speaking(spoken.http2)
                    }
                }),
                http2: spoken.http2,
                proxy_protocol: spoken.proxy_protocol,
                raw: spoken.raw,
            };
            tokio::task::spawn_local(accept_all(
                Rc::clone(&worker),
                listener,
                spoken.address,
                reception,
            ));
        }
        for socket in sockets {
            let socket = tokio::net::UdpSocket::from_std(socket)?;
            tokio::task::spawn_local(datagrams::serve(Rc::clone(&worker), socket));
        }
        // Nobody may be waiting any more; then serving is all the same.
        let _ = ready.send(());
        worker.rounds().await;
        Ok::<_, std::io::Error>(worker.page.open())
    })?;
    drop(local);
    runtime.shutdown_background();
    Ok(cut)
}

fn unix_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
