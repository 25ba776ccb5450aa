//! An upstream: its targets, and the ring of addresses they lead to.
//!
//! A target may be a name, and names lead to addresses that come and go without any change of configuration. So the ring is the one
//! thing in a plan that is replaced in place: by the task that keeps the names resolved ([`keep_resolved`]).

use super::{
    compile::CompileError,
    record::{TargetRecord, UpstreamRecord},
};
use crate::peer::resolve::{NameError, Names};
use arc_swap::ArcSwap;
use std::{
    net::IpAddr,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::watch;
use troop_balancer::{Cursor, Peer, Ring, Target};
use uuid::Uuid;

/// Names are asked for again after this long even if their answers live longer or shorter.
const REFRESH: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// A target, compiled.
#[derive(Debug)]
pub(crate) struct TargetEntry {
    pub id: Uuid,
    pub target: Arc<Target>,
    pub weight: u32,
    ip: Option<IpAddr>,
}

/// An upstream with its ring.
pub(crate) struct Upstream {
    pub id: Uuid,
    pub host_header: Option<Arc<str>>,
    pub targets: Vec<Arc<TargetEntry>>,
    /// Where the hand of the ring stands; a rebuilt ring goes on from there.
    pub cursor: Arc<Cursor>,
    ring: ArcSwap<Ring>,
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
        })
    }

    fn peers<'a>(self: &'a Arc<Self>, addresses: &'a [IpAddr]) -> impl Iterator<Item = Peer> + 'a {
        addresses.iter().map(|address| Peer {
            target: Arc::clone(&self.target),
            address: (*address, self.target.port()).into(),
            weight: self.weight,
        })
    }
}

impl Upstream {
    /// With a ring of all addresses that are known without asking anybody.
    pub fn new(
        record: &UpstreamRecord,
        targets: Vec<Arc<TargetEntry>>,
        cursor: Arc<Cursor>,
        names: &Names,
    ) -> Self {
        let mut settled = true;
        let mut peers = Vec::new();
        for entry in &targets {
            match entry.ip {
                Some(ip) => peers.extend(entry.peers(&[ip])),
                None => match names.known(entry.target.host()) {
                    Some(addresses) => peers.extend(entry.peers(&addresses)),
                    None => settled = false,
                },
            }
        }
        Upstream {
            id: record.id,
            host_header: record.host_header.clone(),
            targets,
            cursor,
            ring: ArcSwap::from_pointee(Ring::new(peers)),
            faults: ArcSwap::default(),
            settled: watch::Sender::new(settled),
        }
    }

    /// The addresses now.
    pub fn ring(&self) -> Arc<Ring> {
        self.ring.load_full()
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

    /// Asks for all names and rebuilds the ring. The span until the next time.
    async fn resolve(&self, names: &Arc<Names>) -> Duration {
        let (mut peers, mut faults, mut span) = (Vec::new(), Vec::new(), *REFRESH.end());
        for entry in &self.targets {
            let Some(ip) = entry.ip else {
                let answer = names.resolve(entry.target.host()).await;
                span = span.min(answer.fresh_for());
                match answer.addresses() {
                    Ok(addresses) => peers.extend(entry.peers(addresses)),
                    Err(fault) => faults.push((entry.id, fault.clone())),
                }
                continue;
            };
            peers.extend(entry.peers(&[ip]));
        }
        if !same_addresses(&peers, self.ring.load().peers()) {
            self.ring.store(Arc::new(Ring::new(peers)));
        }
        self.faults.store(Arc::new(faults));
        self.settled.send_replace(true);
        span.clamp(*REFRESH.start(), *REFRESH.end())
    }
}

fn same_addresses(a: &[Peer], b: &[Peer]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.address == b.address && a.weight == b.weight)
}

/// Keeps the names of an upstream resolved for as long as any plan holds it. Nothing to do for addresses.
pub(crate) async fn keep_resolved(upstream: Weak<Upstream>, names: Arc<Names>) {
    loop {
        let Some(held) = upstream.upgrade().filter(|u| u.has_names()) else {
            return;
        };
        let span = held.resolve(&names).await;
        drop(held);
        tokio::time::sleep(span).await;
    }
}

/// A target as the Admin API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFacts {
    /// The target's id.
    pub id: Uuid,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its weight.
    pub weight: u32,
    /// Where it leads.
    pub addresses: Vec<AddressFacts>,
    /// Why it leads nowhere.
    pub dns_error: Option<String>,
}

/// One address of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressFacts {
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// Its share.
    pub weight: u32,
}

/// An upstream as the Admin API shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamFacts {
    /// Its targets.
    pub targets: Vec<TargetFacts>,
}

impl Upstream {
    /// What is known of it now.
    pub fn facts(&self) -> UpstreamFacts {
        let ring = self.ring();
        let facts = |entry: &Arc<TargetEntry>| TargetFacts {
            id: entry.id,
            host: entry.target.host().to_string(),
            port: entry.target.port(),
            weight: entry.weight,
            addresses: ring
                .peers()
                .iter()
                .filter(|peer| peer.target == entry.target)
                .map(|peer| AddressFacts {
                    ip: peer.address.ip(),
                    port: peer.address.port(),
                    weight: peer.weight,
                })
                .collect(),
            dns_error: self.fault(entry.id).map(|fault| fault.to_string()),
        };
        UpstreamFacts {
            targets: self.targets.iter().map(facts).collect(),
        }
    }
}
