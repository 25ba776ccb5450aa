//! Who is on duty in one upstream, and how the next one is chosen.
//!
//! A duty roster on the wall of a taxi office: all drivers, who of them is ill, and the house rule for whose turn it is (in turn, by the
//! customer's name, whoever has the least to do, whoever is quickest). When somebody falls ill a new sheet is hung up; drivers keep
//! their numbers on it, so that an order in progress can still say "not him again".
//!
//! A sheet is immutable; what changes while it hangs (health, load, pace) is on the drivers' own charts ([`Vitals`]), which move from
//! sheet to sheet. So a pick takes no lock, and neither does a report.
//!
//! The catch: a chart may say "ill" before the new sheet hangs. For that moment the driver may still be sent.
//!
//! Kong: an upstream of which too little is up ([`Capacity`]) serves nobody, and a peer that failed in this request is asked again once
//! everybody else has failed too. Unlike Kong's consistent hashing, a retry goes to another peer even before the failing one is
//! marked down.

use crate::{
    capacity::Capacity,
    circle::Circle,
    peer::{Peer, PeerId},
    ring::{Cursor, Ring},
    target::Target,
    vitals::{Pace, Vitals},
};
use std::{collections::HashMap, net::SocketAddr, sync::Arc};

/// How the next peer is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// In turn, by weight.
    #[default]
    RoundRobin,
    /// By a key of the request, on a table with so many places.
    ConsistentHashing {
        /// The places.
        slots: u32,
    },
    /// Whoever has the fewest exchanges, by weight.
    LeastConnections,
    /// Whoever answers quickest, by weight.
    Latency,
}

/// The house rule.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rule {
    /// How the next peer is chosen.
    pub algorithm: Algorithm,
    /// Percentage of the weight that must be exceeded by what is up.
    pub threshold: f64,
    /// Whether anybody's health is watched. If not, all are up.
    pub checks: bool,
    /// How many targets there are, whether they have addresses or not.
    pub targets: usize,
}

/// A peer with its chart.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Where it is.
    pub peer: Peer,
    /// What is measured of it.
    pub vitals: Arc<Vitals>,
}

/// One sheet.
#[derive(Debug, Default)]
pub struct Rota {
    rule: Rule,
    seats: Arc<[Seat]>,
    up: Box<[bool]>,
    capacity: Capacity,
    choice: Choice,
}

#[derive(Debug)]
enum Choice {
    Turns(Ring),
    Circle(Arc<Circle>),
    Calmest,
    Quickest,
}

impl Default for Choice {
    fn default() -> Self {
        Choice::Turns(Ring::default())
    }
}

/// What one pick depends on.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The hash of the request's key; Kong: without a key, that of nothing.
    pub hash: u32,
    /// Peers that failed this request already.
    pub tried: &'a [PeerId],
    /// Milliseconds on the clock of [`Vitals::timed`].
    pub now_ms: u64,
}

impl Rota {
    /// A sheet for these peers; those that were on the sheet before keep their charts.
    pub fn new(peers: Vec<Peer>, rule: Rule, before: Option<&Rota>) -> Self {
        let before = before.map_or(&[][..], |rota| &rota.seats);
        let usual = Pace::mean(before.iter().filter_map(|seat| seat.vitals.pace()));
        let known: HashMap<_, _> = before.iter().map(|seat| (who(&seat.peer), seat)).collect();
        let seats: Arc<[Seat]> = peers
            .into_iter()
            .map(|peer| {
                let vitals = known.get(&who(&peer)).map_or_else(
                    || Arc::new(Vitals::starting_at(usual)),
                    |seat| Arc::clone(&seat.vitals),
                );
                if !rule.checks {
                    // Who is watched again later begins healthy.
                    vitals.health.set(true);
                }
                Seat { peer, vitals }
            })
            .collect();
        let circle = match rule.algorithm {
            Algorithm::ConsistentHashing { slots } => {
                let peers: Vec<Peer> = seats.iter().map(|seat| seat.peer.clone()).collect();
                Some(Arc::new(Circle::new(&peers, slots, rule.targets)))
            }
            _ => None,
        };
        Rota::hung(rule, seats, circle)
    }

    /// The same peers, with who is up as their charts say now.
    pub fn refreshed(&self) -> Self {
        let circle = match &self.choice {
            Choice::Circle(circle) => Some(Arc::clone(circle)),
            _ => None,
        };
        Rota::hung(self.rule, Arc::clone(&self.seats), circle)
    }

    fn hung(rule: Rule, seats: Arc<[Seat]>, circle: Option<Arc<Circle>>) -> Self {
        let up: Box<[bool]> = seats
            .iter()
            .map(|seat| !rule.checks || seat.vitals.health.load().is_up())
            .collect();
        let weights = seats.iter().zip(&up).map(|(seat, up)| (seat.peer.weight, *up));
        let capacity = Capacity::of(weights.clone());
        let choice = match (rule.algorithm, circle) {
            (_, Some(circle)) => Choice::Circle(circle),
            (Algorithm::LeastConnections, _) => Choice::Calmest,
            (Algorithm::Latency, _) => Choice::Quickest,
            _ => {
                let marks: Vec<u32> = weights.map(|(weight, up)| if up { weight } else { 0 }).collect();
                Choice::Turns(Ring::new(&marks))
            }
        };
        Rota {
            rule,
            seats,
            up,
            capacity,
            choice,
        }
    }

    /// All peers with their charts, in the order they were given.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// A peer by its number.
    pub fn seat(&self, id: PeerId) -> Option<&Seat> {
        self.seats.get(id.0)
    }

    /// Whether a seat of [`Rota::seats`] may be picked.
    pub fn is_up(&self, at: usize) -> bool {
        self.up.get(at).copied().unwrap_or(false)
    }

    /// How much there is, and how much of it is up.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Whether enough is up to serve at all.
    pub fn serves(&self) -> bool {
        self.capacity.exceeds(self.rule.threshold)
    }

    /// The next peer, by preference one that was not tried; `None` when nobody may be asked.
    pub fn pick(&self, cursor: &Cursor, ask: Ask<'_>) -> Option<PeerId> {
        if !self.serves() {
            return None;
        }
        if let Choice::Turns(ring) = &self.choice {
            return ring.pick(cursor, ask.tried);
        }
        self.choose(cursor, ask, ask.tried)
            .or_else(|| self.choose(cursor, ask, &[]))
    }

    fn choose(&self, cursor: &Cursor, ask: Ask<'_>, avoided: &[PeerId]) -> Option<PeerId> {
        let may = |id: PeerId| self.is_up(id.0) && !avoided.contains(&id);
        match &self.choice {
            Choice::Turns(ring) => ring.pick(cursor, avoided),
            Choice::Circle(circle) => circle.find(ask.hash, may),
            Choice::Calmest => self.least(cursor, may, |seat| f64::from(seat.vitals.open()) + 1.0),
            Choice::Quickest => self.least(cursor, may, |seat| f64::from(seat.vitals.pace_now(ask.now_ms))),
        }
    }

    /// Who has the least of something for its weight. Of equals the first, but not the same twice in a row: Kong's heap does as much.
    fn least(
        &self,
        cursor: &Cursor,
        may: impl Fn(PeerId) -> bool,
        amount: impl Fn(&Seat) -> f64,
    ) -> Option<PeerId> {
        let last = cursor.last();
        let mut best: Option<(f64, PeerId)> = None;
        for (at, seat) in self.seats.iter().enumerate() {
            let id = PeerId(at);
            if seat.peer.weight == 0 || !may(id) {
                continue;
            }
            let share = amount(seat) / f64::from(seat.peer.weight);
            let is_better =
                |(least, holder): (f64, PeerId)| share < least || (share == least && Some(holder) == last);
            if best.is_none_or(is_better) {
                best = Some((share, id));
            }
        }
        let (_, id) = best?;
        cursor.note(id);
        Some(id)
    }
}

/// Kong: one address under two names is two peers.
fn who(peer: &Peer) -> (SocketAddr, &Target) {
    (peer.address, &peer.target)
}

#[cfg(test)]
mod tests;
