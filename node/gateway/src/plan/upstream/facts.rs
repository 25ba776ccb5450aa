//! An upstream as the Admin API shows it.

use super::{TargetEntry, Upstream};
use std::{net::IpAddr, sync::Arc};
use troop_balancer::Capacity;
use uuid::Uuid;

/// An upstream as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamFacts {
    /// Whether anybody's health is watched.
    pub checks_on: bool,
    /// Whether enough of it is up to be used.
    pub serves: bool,
    /// Its weight, and how much of that is up.
    pub capacity: Capacity,
    /// Its targets.
    pub targets: Vec<TargetFacts>,
}

/// A target.
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
    /// By what kind of record it leads there, or why it leads nowhere.
    pub dns: Result<&'static str, String>,
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
    /// Whether it is picked.
    pub up: bool,
}

impl Upstream {
    /// What is known of it now.
    pub fn facts(&self) -> UpstreamFacts {
        let rota = self.rota();
        let addresses = |entry: &TargetEntry| {
            let seats = rota.seats().iter().enumerate();
            let own = seats.filter(|(_, seat)| seat.peer.target == entry.target);
            own.map(|(at, seat)| AddressFacts {
                ip: seat.peer.address.ip(),
                port: seat.peer.address.port(),
                weight: seat.peer.weight,
                up: rota.is_up(at),
            })
            .collect()
        };
        let facts = |entry: &Arc<TargetEntry>| TargetFacts {
            id: entry.id,
            host: entry.target.host().to_string(),
            port: entry.target.port(),
            weight: entry.weight,
            addresses: addresses(entry),
            dns: match self.fault(entry.id) {
                Some(fault) => Err(fault.to_string()),
                None if entry.target.host().starts_with('_') => Ok("SRV"),
                None => Ok("A"),
            },
        };
        UpstreamFacts {
            checks_on: self.checks.on,
            serves: rota.serves(),
            capacity: rota.capacity(),
            targets: self.targets.iter().map(facts).collect(),
        }
    }
}
