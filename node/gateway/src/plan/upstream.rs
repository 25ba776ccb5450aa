//! An upstream: its targets, how one of their addresses is chosen, and how their health is watched.
//!
//! A target may be a name, and names lead to addresses that come and go without any change of configuration. So who is on duty
//! ([`Duty`]) is the one thing in a plan that is replaced in place: by the task that keeps the names resolved ([`keep_resolved`]), and by whoever
//! reports that a peer changed sides.

use super::{
    checks::{self, Checks},
    compile::CompileError,
    duty::{Duty, Edition},
    record::{TargetRecord, UpstreamRecord},
};
use crate::{
    affinity::Affinity,
    badge::Badge,
    peer::{
        places::Place,
        resolve::{NameError, Names},
    },
};
use arc_swap::{ArcSwap, Guard};
use std::{
    cmp::Ordering,
    net::IpAddr,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::watch;
use troop_balancer::{
    Algorithm, Mark, Peer, Rota, Rule, Target, Vitals,
    health::{Limits, Report, Turn},
};
use uuid::Uuid;

pub(crate) mod facts;

/// Names are asked for again after this long even if their answers live longer or shorter.
const REFRESH: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// A target, compiled.
#[derive(Debug)]
pub(crate) struct TargetEntry {
    pub id: Uuid,
    pub target: Arc<Target>,
    pub weight: u32,
    created_at: f64,
    ip: Option<IpAddr>,
}

/// One edition of an upstream.
pub(crate) struct Upstream {
    pub id: Uuid,
    pub name: Arc<str>,
    pub host_header: Option<Arc<str>>,
    pub targets: Vec<Arc<TargetEntry>>,
    /// What is shown to its peers when they ask who we are.
    pub badge: Option<Arc<Badge>>,
    pub checks: Checks,
    /// How a request is told to which peer it belongs; none where it belongs to nobody.
    pub affinity: Option<Affinity>,
    /// Shared by all editions.
    pub duty: Arc<Duty>,
    edition: Edition,
    rule: Rule,
    use_srv_name: bool,
    /// What is wrong with names, by target.
    faults: ArcSwap<Vec<(Uuid, NameError)>>,
    /// Whether every name was asked for at least once.
    settled: watch::Sender<bool>,
}

impl TargetEntry {
    /// Compiles a record.
    pub fn compile(record: &TargetRecord) -> Result<TargetEntry, CompileError> {
        let target = Target::parse(&record.target)?;
        Ok(TargetEntry {
            id: record.id,
            ip: target.ip(),
            target: Arc::new(target),
            weight: record.weight,
            created_at: record.created_at,
        })
    }

    /// Kong: targets take their turns, and are listed, in the order in which they were made.
    pub fn by_age(&self, other: &Self) -> Ordering {
        let by_time = self.created_at.total_cmp(&other.created_at);
        by_time.then_with(|| self.id.cmp(&other.id))
    }

    fn own_peer(&self, ip: IpAddr) -> Peer {
        Peer {
            target: Arc::clone(&self.target),
            address: (ip, self.target.port()).into(),
            weight: self.weight,
            alias: None,
        }
    }

    /// The peers at the places where its name leads. Kong: where a service record has a say, the target's own weight has none.
    fn peers<'a>(&'a self, places: &'a [Place], use_alias: bool) -> impl Iterator<Item = Peer> + 'a {
        places.iter().map(move |place| Peer {
            target: Arc::clone(&self.target),
            address: (place.ip, place.port_or(self.target.port())).into(),
            weight: place.weight().unwrap_or(self.weight),
            alias: place.name().filter(|_| use_alias).cloned(),
        })
    }
}

impl Upstream {
    /// With all addresses that are known without asking anybody. What was learnt of them in the edition before is kept.
    pub fn new(
        record: &UpstreamRecord,
        targets: Vec<Arc<TargetEntry>>,
        badge: Option<Arc<Badge>>,
        before: Option<&Upstream>,
        names: &Names,
    ) -> Self {
        let duty = before.map_or_else(Duty::new, |before| Arc::clone(&before.duty));
        let rule = checks::rule(record, targets.len());
        let hashes = matches!(rule.algorithm, Algorithm::ConsistentHashing { .. });
        let upstream = Upstream {
            id: record.id,
            name: Arc::clone(&record.name),
            host_header: record.host_header.clone(),
            targets,
            badge,
            checks: Checks::of(&record.healthchecks),
            affinity: hashes.then(|| Affinity::of(&record.hashing)),
            edition: duty.next_edition(),
            duty,
            rule,
            use_srv_name: record.use_srv_name,
            faults: ArcSwap::default(),
            settled: watch::Sender::new(false),
        };
        let (peers, settled) = upstream.known_peers(names);
        upstream.duty.seat(upstream.edition, &peers, rule);
        upstream.settled.send_replace(settled);
        upstream
    }

    /// All that is known now, and whether that is everything.
    fn known_peers(&self, names: &Names) -> (Vec<Peer>, bool) {
        let mut settled = true;
        let mut peers = Vec::new();
        for entry in &self.targets {
            match entry.ip {
                Some(ip) => peers.push(entry.own_peer(ip)),
                None => match names.known(entry.target.host()) {
                    Some(places) => peers.extend(entry.peers(&places, self.use_srv_name)),
                    None => settled = false,
                },
            }
        }
        (peers, settled)
    }

    /// Who is on duty now.
    pub fn rota(&self) -> Guard<Arc<Rota>> {
        self.duty.rota()
    }

    /// Whether no newer edition was made.
    pub fn is_current(&self) -> bool {
        self.duty.is_current(self.edition)
    }

    /// Ends what goes on for this edition: the upstream was deleted.
    pub fn retire(&self) {
        self.duty.next_edition();
    }

    /// Whether anything is to be noted of the tries at its peers.
    pub fn notes_tries(&self) -> bool {
        self.checks.listens || self.counts_open() || self.times()
    }

    /// Whether exchanges in progress are counted.
    pub fn counts_open(&self) -> bool {
        self.rule.algorithm == Algorithm::LeastConnections
    }

    /// Whether answers are timed.
    pub fn times(&self) -> bool {
        self.rule.algorithm == Algorithm::Latency
    }

    /// Notes a report on a peer; whoever makes it change sides sees to the sheet.
    pub fn report(&self, vitals: &Vitals, report: Report, limits: &Limits) {
        if let Some(turn) = vitals.health.report(report, limits) {
            self.duty.refresh();
            match turn {
                Turn::WentDown => {
                    tracing::warn!(upstream = %self.name, ?report, "a peer went down and is left out");
                }
                Turn::CameUp => tracing::info!(upstream = %self.name, "a peer came up again"),
            }
        }
    }

    /// Takes a person's word.
    pub fn mark(&self, mark: &Mark) {
        let Ok(target) = Target::parse(&mark.target) else {
            return;
        };
        let is_meant = |peer: &Peer| {
            let address = mark.address.as_deref();
            *peer.target == target && address.is_none_or(|address| address == peer.address.to_string())
        };
        for seat in self.rota().seats().iter().filter(|seat| is_meant(&seat.peer)) {
            seat.vitals.health.set(mark.healthy);
        }
        self.duty.refresh();
    }

    /// What is wrong with the name of a target.
    pub fn fault(&self, target: Uuid) -> Option<NameError> {
        self.faults
            .load()
            .iter()
            .find(|(id, _)| *id == target)
            .map(|(_, fault)| fault.clone())
    }

    /// Whether a name still waits for its first answer.
    pub fn is_settled(&self) -> bool {
        *self.settled.borrow()
    }

    /// Waits for the first answers to all names.
    pub async fn settle(&self) {
        // The sender is in `self`, so waiting cannot fail.
        let _ = self.settled.subscribe().wait_for(|settled| *settled).await;
    }

    /// Whether any target is a name.
    pub fn has_names(&self) -> bool {
        self.targets.iter().any(|entry| entry.ip.is_none())
    }

    /// Asks for all names and seats whom they lead to. The span until the next time.
    async fn resolve(&self, names: &Arc<Names>) -> Duration {
        let (mut peers, mut faults, mut span) = (Vec::new(), Vec::new(), *REFRESH.end());
        for entry in &self.targets {
            let Some(ip) = entry.ip else {
                let answer = names.resolve(entry.target.host()).await;
                span = span.min(answer.fresh_for());
                match answer.places() {
                    Ok(places) => peers.extend(entry.peers(places, self.use_srv_name)),
                    Err(fault) => faults.push((entry.id, fault.clone())),
                }
                continue;
            };
            peers.push(entry.own_peer(ip));
        }
        if !are_seated(&peers, &self.rota()) {
            self.duty.seat(self.edition, &peers, self.rule);
        }
        self.faults.store(Arc::new(faults));
        self.settled.send_replace(true);
        span.clamp(*REFRESH.start(), *REFRESH.end())
    }
}

fn are_seated(peers: &[Peer], rota: &Rota) -> bool {
    peers.len() == rota.seats().len()
        && peers
            .iter()
            .zip(rota.seats())
            .all(|(peer, seat)| *peer == seat.peer)
}

/// Keeps the names of an upstream resolved for as long as this edition is current. Nothing to do for addresses.
pub(crate) async fn keep_resolved(upstream: Weak<Upstream>, names: Arc<Names>) {
    loop {
        let Some(held) = upstream.upgrade().filter(|u| u.has_names() && u.is_current()) else {
            return;
        };
        let span = held.resolve(&names).await;
        drop(held);
        tokio::time::sleep(span).await;
    }
}
