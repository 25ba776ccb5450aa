//! How many connections each address holds.
//!
//! The doorman of a club knows the families: so many of each may be in at a time, and whoever leaves makes room. For IPv6 a family is a network of
//! 64 bits, because that is what one customer gets; counting single addresses there would count nothing.
//!
//! It is shared by all workers, so it has locks: sixteen, each held for one look into a map, and only when a connection comes or goes while a
//! limit is set. A request never gets here.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// Enough that two workers seldom want the same one.
const SHARDS: usize = 16;

/// The connections of every address.
#[derive(Debug)]
pub(crate) struct Crowd {
    most: u32,
    shards: [Mutex<HashMap<IpAddr, u32>>; SHARDS],
}

/// One connection's place, given back by dropping it.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    family: IpAddr,
}

impl Crowd {
    /// At most so many connections each.
    pub fn new(most: u32) -> Arc<Self> {
        Arc::new(Crowd {
            most,
            shards: Default::default(),
        })
    }

    /// A place for a connection from there; `None` when its family has all it may have.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let family = family(address);
        let mut shard = self.shard(family).lock().unwrap_or_else(PoisonError::into_inner);
        let there = shard.entry(family).or_insert(0);
        if *there >= self.most {
            return None;
        }
        *there += 1;
        Some(Place {
            crowd: Arc::clone(self),
            family,
        })
    }

    fn leave(&self, family: IpAddr) {
        let mut shard = self.shard(family).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = shard.get_mut(&family) {
            *there -= 1;
            if *there == 0 {
                shard.remove(&family);
            }
        }
    }

    fn shard(&self, family: IpAddr) -> &Mutex<HashMap<IpAddr, u32>> {
        // The last byte that tells families apart; what strangers choose can only crowd one shard, not break it.
        let byte = match family {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(address) => address.octets()[7],
        };
        &self.shards[usize::from(byte) % SHARDS]
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.leave(self.family);
    }
}

/// The address itself, or its network of 64 bits.
fn family(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_so_many_places_and_whoever_leaves_makes_room() {
        let crowd = Crowd::new(2);
        let enter = |text: &str| crowd.enter(text.parse().expect("an address"));
        let first = enter("9.9.9.9");
        let _second = enter("::ffff:9.9.9.9");
        assert!(enter("9.9.9.9").is_none());
        assert!(enter("9.9.9.8").is_some());
        drop(first);
        assert!(enter("9.9.9.9").is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_family() {
        let crowd = Crowd::new(1);
        let enter = |text: &str| crowd.enter(text.parse().expect("an address"));
        let _held = enter("2001:db8::1");
        assert!(enter("2001:db8::ffff:2").is_none());
        assert!(enter("2001:db8:0:1::1").is_some());
    }

    #[test]
    fn nobody_is_remembered_who_left() {
        let crowd = Crowd::new(1);
        drop(crowd.enter(IpAddr::from([9, 9, 9, 9])));
        let left = |shard: &Mutex<HashMap<IpAddr, u32>>| shard.lock().expect("a shard").len();
        assert_eq!(crowd.shards.iter().map(left).sum::<usize>(), 0);
    }
}
