//! A node's life: parts start in order, run, and stop in reverse.
//!
//! Two runtimes. Raft and the peer port have one of their own, so that nothing the Admin API or the proxy does can keep a heartbeat
//! waiting; Admin, probes and the plan live on the control runtime. The proxy's workers are threads outside both.
//!
//! The data plane waits for nobody: a node that restarts alone serves what it has. Only a newcomer, which has nothing, first
//! catches up.

use crate::{
    address, agreement,
    answers::Answers,
    control::Control,
    desk::Desk,
    error_pages, expiry,
    facts::{Facts, effective},
    log_level::LogLevel,
    meters::Meters,
    observation::Observation,
    open_files,
    own_tls::OwnTls,
    tally, wiring,
};
use anyhow::{Context, Result, anyhow};
use std::{net::TcpListener, process::ExitCode, sync::Arc, time::Duration};
use tokio::runtime::{Builder, Runtime};
use troop_admin::{Admin, AdminParts, Service, StatusApi, StatusParts, Traced};
use troop_catalog::Catalog;
use troop_cli::{StartArgs, environment};
use troop_cluster::{
    cluster::Cluster,
    data_dir::DataDir,
    dial::TlsDialer,
    entry::{self, Entered, Wishes},
    keeper, port,
    token::JoinToken,
};
use troop_gateway::{ErrorPages, Gateway, Reopen};
use troop_plugin_api::{Node, Plugin};
use troop_plugins::Tally;
use troop_raft_store::RaftStore;
use troop_runtime::{Shutdown, TaskSet, listen_for_rotation, listen_to_signals};
use troop_schema::Registry;
use troop_settings::{HostPort, Loaded, Settings};
use troop_telemetry::{Volume, trace::Spans};
use troop_txn::Store;
use uuid::Uuid;

/// Threads of the control runtime: Admin requests are short and mostly wait for the log.
const CONTROL_THREADS: usize = 2;
/// Parts that were told to stop get this long beyond the drain.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// A newcomer says this often that it is not there yet.
const CATCH_UP_TRY: Duration = Duration::from_secs(5);
/// Exit code of a node that was removed from its cluster: a supervisor must not start it again.
const EXIT_REMOVED: u8 = 4;

/// Runs a node until it is told to stop.
pub fn start(args: &StartArgs) -> ExitCode {
    let loaded = match args.load(&environment()) {
        Ok(loaded) => loaded,
        Err(error) => return complain(troop_cli::exit::USAGE, &error),
    };
    let prepared = match Prepared::read(&loaded.settings) {
        Ok(prepared) => prepared,
        Err(error) => return complain(troop_cli::exit::USAGE, &*error),
    };
    match run(&loaded, prepared) {
        Ok(Ended::Stopped) => ExitCode::SUCCESS,
        Ok(Ended::Removed) => ExitCode::from(EXIT_REMOVED),
        Err(error) => complain(troop_cli::exit::FAILED, &*error),
    }
}

fn run(loaded: &Loaded, prepared: Prepared) -> Result<Ended> {
    let volume = troop_telemetry::init_logging(
        loaded.settings.log_level.as_filter(),
        log_format(&loaded.settings),
    )?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    // An error means that one is installed already, which is the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let raft = runtime("raft", troop_raft_store::options::RUNTIME_THREADS)?;
    let control = runtime("control", CONTROL_THREADS)?;
    let ended = control.block_on(live(loaded, volume, prepared, &raft));
    raft.shutdown_timeout(STOP_TIMEOUT);
    control.shutdown_timeout(STOP_TIMEOUT);
    ended
}

/// The last words of a process that could not start: each cause once, though many errors repeat theirs.
#[allow(clippy::print_stderr, reason = "there may be no log yet")]
fn complain(code: u8, error: &(dyn std::error::Error + 'static)) -> ExitCode {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    eprintln!("troop: {text}");
    ExitCode::from(code)
}

/// Settings with a grammar of their own, read before anything starts.
struct Prepared {
    invitation: Option<Invitation>,
    observation: Observation,
    error_pages: ErrorPages,
}

impl Prepared {
    fn read(settings: &Settings) -> Result<Self> {
        Ok(Prepared {
            invitation: Invitation::read(settings)?,
            observation: Observation::read(settings)?,
            error_pages: error_pages::read(settings)?,
        })
    }
}

/// Whom to join, and by which token.
struct Invitation {
    address: HostPort,
    token: JoinToken,
}

impl Invitation {
    fn read(settings: &Settings) -> Result<Option<Self>> {
        match (&settings.join, &settings.token) {
            (None, None) => Ok(None),
            (Some(join), Some(token)) => {
                let token = token.expose().parse().map_err(|e| anyhow!("token: {e}"))?;
                Ok(Some(Invitation {
                    address: join.clone(),
                    token,
                }))
            }
            (Some(_), None) => Err(anyhow!(
                "join is set without token: get one with `troop token create` on a node of the cluster"
            )),
            (None, Some(_)) => Err(anyhow!(
                "token is set without join: name a node of the cluster with --join HOST:PORT"
            )),
        }
    }
}

/// How a node's life ended.
enum Ended {
    Stopped,
    Removed,
}

fn log_format(settings: &Settings) -> troop_telemetry::LogFormat {
    match settings.log_format {
        troop_settings::LogFormat::Text => troop_telemetry::LogFormat::Text,
        troop_settings::LogFormat::Json => troop_telemetry::LogFormat::Json,
    }
}

fn runtime(name: &str, threads: usize) -> Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()
        .with_context(|| format!("starting the {name} runtime"))
}

async fn live(loaded: &Loaded, volume: Volume, prepared: Prepared, raft: &Runtime) -> Result<Ended> {
    let settings = &loaded.settings;
    let Prepared {
        invitation,
        observation,
        error_pages,
    } = prepared;
    let shutdown = Shutdown::new();
    let tasks = TaskSet::new();
    listen_to_signals(shutdown.clone(), &tasks)?;

    let bound = address::bind(settings)?;
    let own_tls = OwnTls::read(settings)?;
    let hostname = hostname();
    let towards = invitation.as_ref().map(|invitation| &invitation.address);
    let advertise = address::advertise(settings, &bound.peer, towards)?;
    let dir = DataDir::open(&settings.data_dir)?;
    let wishes = Wishes {
        name: settings.node_name.clone().unwrap_or_else(|| hostname.clone()),
        advertise: advertise.clone(),
        join: invitation.map(|invitation| (invitation.address.to_string(), invitation.token)),
    };
    let entered = entry::enter(&dir, &wishes, raft.handle()).await?;

    let counts = tally_of(&entered);
    let plugins = allowed_plugins(settings, &counts);
    let schemas = plugins.iter().map(|plugin| plugin.schema()).collect();
    let registry = Registry::of_flavor(settings.router_flavor, schemas)
        .context("the bundled plugins' schemas contradict each other")?;
    let registry = Arc::new(registry);
    let (store, dialer) = open_store(settings, &dir, &entered, raft).await?;
    let node_uuid = node_uuid(&entered);
    let Entered {
        identity,
        founding,
        seeds,
    } = entered;
    tracing::info!(node_id = identity.node_id(), cluster = %identity.cluster_id(), advertise, "this node starts");
    let newcomer = !seeds.is_empty();
    let cluster = Cluster::new(identity, dir, Arc::clone(&store), dialer, advertise);
    start_cluster(&cluster, bound.peer, &shutdown, &tasks, raft)?;
    let taking_place = Arc::clone(&cluster).take_place(founding, seeds);
    tasks.spawn_on("take place", raft.handle(), taking_place);
    if newcomer && let Some(ended) = catch_up(&cluster, &store, &shutdown).await {
        end(&store, tasks, &shutdown).await;
        return Ok(ended);
    }

    let node = Node {
        id: node_uuid.to_string(),
        hostname: hostname.clone(),
    };
    let exporter = observation.exporter(&node, &tasks, &shutdown);
    let spans = exporter.clone().map(|exporter| exporter as Arc<dyn Spans>);
    let mut options = wiring::gateway_options(settings, observation.line, spans.clone(), node.clone());
    options.error_pages = error_pages;
    options.session_log_format = observation.session_line;
    open_files::fit(&mut options.limits.connections_per_worker_max, options.workers);
    let gateway = Gateway::start(options, store.clone(), Arc::clone(&registry), plugins.clone()).await?;
    let reopen = gateway.reopen_log();
    listen_for_rotation(
        move || reopen.iter().for_each(Reopen::ask),
        shutdown.clone(),
        &tasks,
    )?;
    cluster.serves_by(gateway.served());
    let catalog = Arc::new(Catalog::new(registry));
    let sweeping = expiry::sweep(Arc::clone(&cluster), Arc::clone(&store), Arc::clone(&catalog));
    tasks.spawn("expiry", sweeping);

    let control = Control::new(Arc::clone(&cluster), gateway.served(), shutdown.clone());
    let log_level = LogLevel::new(volume, effective(loaded, "log_level"));
    tasks.spawn("log level", Arc::clone(&log_level).spring(shutdown.clone()));
    let listening = Arc::clone(&log_level).listen(gateway.words(), shutdown.clone());
    tasks.spawn("log level for all", listening);
    let meters = Meters {
        node,
        gateway: gateway.gauges(),
        cluster: Arc::clone(&cluster),
        store: Arc::clone(&store),
        tasks: tasks.clone(),
        exporter,
        plugins,
    };
    let facts = Facts::new(loaded, node_uuid, hostname, meters, shutdown.clone(), log_level);
    let carrying = tally::carry(Arc::clone(&cluster), Arc::clone(&counts), shutdown.clone());
    tasks.spawn("carry counts", carrying);
    cluster.answers_by(Arc::new(Answers {
        facts: facts.clone(),
        tally: counts,
        flavor: settings.router_flavor,
    }));
    let agreeing = agreement::watch(Arc::clone(&cluster), settings.router_flavor, shutdown.clone());
    tasks.spawn("agreement", agreeing);
    let desk = Desk::new();
    let (admin, status) = apis(
        wiring::admin_options(settings),
        store.clone(),
        catalog,
        control,
        facts,
    );
    desk.open(
        "admin",
        &traced(settings, admin, spans),
        bound.admin,
        own_tls.admin.as_ref(),
    )?;
    desk.open(
        "status",
        &(status as Arc<dyn Service>),
        bound.status,
        own_tls.status.as_ref(),
    )?;

    let ended = until_told_to_stop(&cluster, &shutdown).await;
    stop(settings, &cluster, &store, gateway, desk, tasks, &shutdown).await;
    Ok(ended)
}

/// A newcomer opens no door before it has what the cluster has: until then its answers would all be "no such route".
async fn catch_up(cluster: &Cluster, store: &RaftStore, shutdown: &Shutdown) -> Option<Ended> {
    let caught_up = async {
        while let Err(error) = store.linearize(CATCH_UP_TRY).await {
            tracing::info!(%error, "this node catches up with the cluster");
        }
    };
    tokio::select! {
        () = caught_up => None,
        ended = until_told_to_stop(cluster, shutdown) => Some(ended),
    }
}

fn apis(
    options: troop_admin::Options,
    store: Arc<dyn Store>,
    catalog: Arc<Catalog>,
    control: Arc<Control>,
    facts: Arc<Facts>,
) -> (Arc<Admin>, Arc<StatusApi>) {
    let status = StatusApi::new(StatusParts {
        store: Arc::clone(&store),
        serving: control.clone(),
        cluster: control.clone(),
        facts: facts.clone(),
        options: options.clone(),
    });
    let admin = Admin::new(AdminParts {
        store,
        catalog,
        serving: control.clone(),
        cluster: control,
        facts,
        options,
    });
    (admin, status)
}

/// The Admin API, its changes as spans if that is wanted.
fn traced(settings: &Settings, admin: Arc<Admin>, spans: Option<Arc<dyn Spans>>) -> Arc<dyn Service> {
    match spans.filter(|_| settings.tracing_instrumentations.admin) {
        Some(spans) => Traced::new(admin, spans, settings.tracing_sampling_rate.get()),
        None => admin,
    }
}

/// Names of counts are made with the cluster's id: all nodes have it, and no client is told.
fn tally_of(entered: &Entered) -> Arc<Tally> {
    let identity = &entered.identity;
    Arc::new(Tally::new(identity.node_id(), identity.cluster_id().as_u128()))
}

fn allowed_plugins(settings: &Settings, tally: &Arc<Tally>) -> Vec<Arc<dyn Plugin>> {
    troop_plugins::bundled_with(tally)
        .into_iter()
        .filter(|plugin| settings.plugins.allows(plugin.name()))
        .collect()
}

async fn open_store(
    settings: &Settings,
    dir: &DataDir,
    entered: &Entered,
    raft: &Runtime,
) -> Result<(Arc<RaftStore>, Arc<TlsDialer>)> {
    let identity = entered.identity.clone();
    let cluster_id = identity.cluster_id().to_string();
    let options = wiring::store_options(settings, dir.path().to_owned(), identity.node_id());
    let dialer = Arc::new(TlsDialer::new(identity, raft.handle().clone()));
    let opening = RaftStore::open(options, cluster_id, dialer.clone());
    let store = raft.spawn(opening).await.context("opening the store")??;
    Ok((store, dialer))
}

fn start_cluster(
    cluster: &Arc<Cluster>,
    peer: TcpListener,
    shutdown: &Shutdown,
    tasks: &TaskSet,
    raft: &Runtime,
) -> Result<()> {
    let _on_raft = raft.enter();
    let peer = tokio::net::TcpListener::from_std(peer).context("peer_listen")?;
    // The peer port closes last: until then this node votes, follows and answers for what it leads.
    let stopping = shutdown.clone();
    let serving = port::serve(cluster, peer, async move { stopping.stopping().await })?;
    tasks.spawn_on("peer port", raft.handle(), serving);
    tasks.spawn_on("keeper", raft.handle(), keeper::keep(Arc::clone(cluster)));
    Ok(())
}

async fn until_told_to_stop(cluster: &Cluster, shutdown: &Shutdown) -> Ended {
    let mut removed = cluster.removed();
    tokio::select! {
        () = shutdown.draining() => Ended::Stopped,
        _ = removed.wait_for(|removed| *removed) => {
            shutdown.drain("this node was removed from the cluster");
            Ended::Removed
        }
    }
}

/// Leadership first, so that the others do not have to notice; then the clients; Raft last.
async fn stop(
    settings: &Settings,
    cluster: &Cluster,
    store: &RaftStore,
    gateway: Gateway,
    desk: Desk,
    tasks: TaskSet,
    shutdown: &Shutdown,
) {
    if let Err(error) = cluster.hand_over().await {
        tracing::info!(%error, "leadership stays here until the others notice");
    }
    let drained = gateway
        .join_until(async {
            tokio::select! {
                () = tokio::time::sleep(settings.drain_timeout) => {}
                () = shutdown.stopping() => {}
            }
        })
        .await;
    if drained.connections_cut > 0 {
        tracing::warn!(
            connections = drained.connections_cut,
            "connections were cut at the end of the drain"
        );
    }
    let late = desk.close().await;
    if !late.is_empty() {
        tracing::warn!(?late, "requests to the Admin or status API were cut");
    }
    end(store, tasks, shutdown).await;
}

/// Raft, and what runs beside it.
async fn end(store: &RaftStore, tasks: TaskSet, shutdown: &Shutdown) {
    shutdown.stop("drained");
    store.stop().await;
    let late = tasks.finish(STOP_TIMEOUT).await;
    if !late.is_empty() {
        tracing::warn!(?late, "tasks did not end in time");
    }
}

/// One node's uuid: the cluster's, moved on by the node's number. Stable, and different for each node.
fn node_uuid(entered: &Entered) -> Uuid {
    let cluster = entered.identity.cluster_id().as_u128();
    Uuid::from_u128(cluster.wrapping_add(u128::from(entered.identity.node_id())))
}

fn hostname() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}
