//! The sheet of who is on duty in an upstream, and who may hang up a new one.
//!
//! An upstream is compiled anew whenever it or one of its targets changes, but health, load and the hand of the ring go on. So they live here,
//! shared by all editions of one upstream. Three kinds of people hang up new sheets: the printer of plans (targets changed), the resolver
//! (a name leads elsewhere), and whoever notices that a peer changed sides.
//!
//! The catch: whoever worked with an older edition may come late with news of peers that are no longer wanted. Only the current edition may
//! change the peers; anybody may say who of them is up.

use arc_swap::{ArcSwap, Guard};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};
use troop_balancer::{Cursor, Peer, Rota, Rule};

/// What all editions of an upstream share.
pub(crate) struct Duty {
    /// Where the hand of the ring stands.
    pub cursor: Cursor,
    rota: ArcSwap<Rota>,
    edition: AtomicU64,
}

/// An upstream's edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edition(u64);

impl Duty {
    /// For a new upstream. Nodes start their rings at different places.
    pub fn new() -> Arc<Duty> {
        Arc::new(Duty {
            cursor: Cursor::starting_at(rand::random()),
            rota: ArcSwap::default(),
            edition: AtomicU64::new(0),
        })
    }

    /// The next edition. The one before may not change the peers any more.
    pub fn next_edition(&self) -> Edition {
        Edition(self.edition.fetch_add(1, SeqCst) + 1)
    }

    /// Whether nothing newer was made.
    pub fn is_current(&self, edition: Edition) -> bool {
        self.edition.load(SeqCst) == edition.0
    }

    /// The sheet that hangs now.
    pub fn rota(&self) -> Guard<Arc<Rota>> {
        self.rota.load()
    }

    /// Hangs up a sheet of these peers, if `edition` is current.
    pub fn seat(&self, edition: Edition, peers: &[Peer], rule: Rule) {
        self.rota.rcu(|now| {
            if self.is_current(edition) {
                Arc::new(Rota::new(peers.to_vec(), rule, Some(now)))
            } else {
                Arc::clone(now)
            }
        });
    }

    /// Hangs up a sheet of the same peers with who is up now. Whoever makes two peers change sides at the same moment: the later sheet knows
    /// of both.
    pub fn refresh(&self) {
        self.rota.rcu(|now| Arc::new(now.refreshed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use troop_balancer::Target;

    fn peers(port: u16) -> Vec<Peer> {
        let address = ([127, 0, 0, 1], port).into();
        let target = Arc::new(Target::new("127.0.0.1", port));
        vec![Peer {
            target,
            address,
            weight: 1,
            alias: None,
        }]
    }

    #[test]
    fn an_older_edition_changes_the_peers_no_more() {
        let duty = Duty::new();
        let old = duty.next_edition();
        duty.seat(old, &peers(1), Rule::default());
        let new = duty.next_edition();
        duty.seat(new, &peers(2), Rule::default());
        duty.seat(old, &peers(1), Rule::default());
        assert!(!duty.is_current(old) && duty.is_current(new));
        assert_eq!(duty.rota().seats()[0].peer.address.port(), 2);
    }

    #[test]
    fn a_refreshed_sheet_knows_who_is_up() {
        let duty = Duty::new();
        let rule = Rule {
            checks: true,
            ..Rule::default()
        };
        duty.seat(duty.next_edition(), &peers(1), rule);
        duty.rota().seats()[0].vitals.health.set(false);
        assert!(duty.rota().serves());
        duty.refresh();
        assert!(!duty.rota().serves());
    }
}
