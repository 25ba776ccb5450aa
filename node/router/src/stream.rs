//! Routes of plain connections and datagrams: who comes from where, to which door, asking for which name.
//!
//! There is no head to read, so there are only three things to tell callers apart by: the address they come from, the address they
//! came to, and, if the first thing they say is TLS, the name in it. Such routes are few (each needs a port of its own or a name), so they stand
//! in one list in the order of their rank and the first that fits wins.
//!
//! Kong: a name, or a source together with a destination, ranks above everything; then exact addresses above ports above ranges, the source's before
//! the destination's; then the larger id.

use crate::{condition::SniRule, endpoint::Endpoint};
use std::{cmp::Reverse, net::SocketAddr};
use uuid::Uuid;

/// What a connection is taken for, one or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carriers {
    /// Bytes.
    pub tcp: bool,
    /// TLS that ends here.
    pub tls: bool,
    /// TLS that ends at the peer.
    pub tls_passthrough: bool,
    /// Datagrams.
    pub udp: bool,
}

impl Carriers {
    /// Whether something is in both.
    pub fn meets(self, other: Carriers) -> bool {
        (self.tcp && other.tcp)
            || (self.tls && other.tls)
            || (self.tls_passthrough && other.tls_passthrough)
            || (self.udp && other.udp)
    }
}

/// A route, understood.
#[derive(Clone, Debug)]
pub struct StreamSpec {
    id: Uuid,
    carriers: Carriers,
    sources: Vec<Endpoint>,
    destinations: Vec<Endpoint>,
    snis: Vec<SniRule>,
}

impl StreamSpec {
    /// A route that holds for callers with one of each list that is not empty.
    pub fn new(
        id: Uuid,
        carriers: Carriers,
        sources: Vec<Endpoint>,
        destinations: Vec<Endpoint>,
        snis: &[String],
    ) -> Self {
        StreamSpec {
            id,
            carriers,
            sources,
            destinations,
            snis: snis.iter().map(|sni| SniRule::parse(sni)).collect(),
        }
    }

    fn rank(&self) -> u64 {
        const NAMED: u64 = 1 << 61;
        let weigh = |list: &[Endpoint]| list.iter().map(Endpoint::weight).fold(0, |all, one| all | one);
        let named = !self.snis.is_empty() || (!self.sources.is_empty() && !self.destinations.is_empty());
        let ends = weigh(&self.sources) << 4 | weigh(&self.destinations);
        if named { NAMED | ends } else { ends }
    }

    fn holds_ends(&self, caller: &Caller<'_>) -> bool {
        let any = |list: &[Endpoint], address: SocketAddr| {
            list.is_empty() || list.iter().any(|end| end.holds(address.ip(), address.port()))
        };
        any(&self.sources, caller.source) && any(&self.destinations, caller.destination)
    }

    fn holds(&self, caller: &Caller<'_>) -> bool {
        let named = |name: &str| self.snis.iter().any(|rule| rule.holds(name));
        self.carriers.meets(caller.carriers)
            && self.holds_ends(caller)
            && (self.snis.is_empty() || caller.sni.is_some_and(named))
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Whence.
    pub source: SocketAddr,
    /// To which of our addresses.
    pub destination: SocketAddr,
    /// The name in its TLS.
    pub sni: Option<&'a str>,
    /// What it may be taken for.
    pub carriers: Carriers,
}

/// All routes of plain connections and datagrams, each with what the caller hung on it.
#[derive(Clone, Debug)]
pub struct StreamRouter<P> {
    /// By rank.
    routes: Vec<(StreamSpec, P)>,
}

impl<P> Default for StreamRouter<P> {
    fn default() -> Self {
        StreamRouter { routes: Vec::new() }
    }
}

impl<P> StreamRouter<P> {
    /// Puts routes in the order in which they are asked.
    pub fn new(mut routes: Vec<(StreamSpec, P)>) -> Self {
        routes.sort_by_key(|(spec, _)| Reverse((spec.rank(), spec.id)));
        StreamRouter { routes }
    }

    /// The first route that fits.
    pub fn find(&self, caller: &Caller<'_>) -> Option<(Carriers, &P)> {
        let found = self.routes.iter().find(|(spec, _)| spec.holds(caller))?;
        Some((found.0.carriers, &found.1))
    }

    /// Whether it could depend on the first thing the caller says: there is a route for TLS that its addresses allow.
    pub fn wants_to_hear(&self, caller: &Caller<'_>) -> bool {
        let tls = |carriers: Carriers| carriers.tls || carriers.tls_passthrough;
        self.routes.iter().any(|(spec, _)| {
            tls(spec.carriers) && spec.carriers.meets(caller.carriers) && spec.holds_ends(caller)
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: Carriers = Carriers {
        tcp: true,
        tls: false,
        tls_passthrough: false,
        udp: false,
    };
    const PASSED: Carriers = Carriers {
        tcp: false,
        tls_passthrough: true,
        ..TCP
    };

    fn end(net: Option<&str>, port: Option<u16>) -> Endpoint {
        Endpoint {
            net: net.map(|net| net.parse().expect("a range")),
            port,
        }
    }

    fn route(
        id: u128,
        carriers: Carriers,
        from: &[Endpoint],
        to: &[Endpoint],
        snis: &[&str],
    ) -> (StreamSpec, u128) {
        let snis: Vec<String> = snis.iter().map(|sni| (*sni).to_owned()).collect();
        let spec = StreamSpec::new(Uuid::from_u128(id), carriers, from.to_vec(), to.to_vec(), &snis);
        (spec, id)
    }

    fn check(routes: &[(StreamSpec, u128)], from: &str, to: &str, sni: Option<&str>, expected: Option<u128>) {
        let router = StreamRouter::new(routes.to_vec());
        let both = Carriers {
            tls_passthrough: true,
            ..TCP
        };
        let caller = Caller {
            source: from.parse().expect("an address"),
            destination: to.parse().expect("an address"),
            sni,
            carriers: both,
        };
        assert_eq!(
            router.find(&caller).map(|(_, id)| *id),
            expected,
            "{from} {to} {sni:?}"
        );
    }

    #[test]
    fn all_that_a_route_asks_for_must_hold() {
        let routes = [
            route(1, TCP, &[end(Some("10.0.0.0/8"), None)], &[], &[]),
            route(2, TCP, &[], &[end(None, Some(9000))], &[]),
            route(3, PASSED, &[], &[], &["a.test", "*.b.test"]),
        ];
        check(&routes, "10.1.1.1:5", "127.0.0.1:1", None, Some(1));
        check(&routes, "11.1.1.1:5", "127.0.0.1:9000", None, Some(2));
        check(&routes, "11.1.1.1:5", "127.0.0.1:1", Some("a.test"), Some(3));
        check(&routes, "11.1.1.1:5", "127.0.0.1:1", Some("x.b.test"), Some(3));
        check(&routes, "11.1.1.1:5", "127.0.0.1:1", Some("c.test"), None);
        check(&routes, "[::ffff:10.1.1.1]:5", "127.0.0.1:1", None, Some(1));
    }

    #[test]
    fn the_more_exact_route_comes_first() {
        let routes = [
            route(1, TCP, &[end(Some("10.0.0.0/8"), None)], &[], &[]),
            route(2, TCP, &[end(Some("10.0.0.1/32"), None)], &[], &[]),
            route(3, TCP, &[], &[end(None, Some(9000))], &[]),
            route(4, PASSED, &[], &[], &["a.test"]),
            route(5, TCP, &[end(None, Some(7))], &[end(None, Some(9000))], &[]),
            route(6, TCP, &[end(Some("10.0.0.0/8"), None)], &[], &[]),
        ];
        check(&routes, "10.0.0.1:5", "127.0.0.1:9000", None, Some(2));
        check(&routes, "10.0.0.2:5", "127.0.0.1:9000", None, Some(6));
        check(&routes, "10.0.0.1:5", "127.0.0.1:9000", Some("a.test"), Some(4));
        check(&routes, "10.0.0.1:7", "127.0.0.1:9000", Some("a.test"), Some(5));
    }

    #[test]
    fn first_words_are_waited_for_only_where_they_could_decide() {
        let router = StreamRouter::new(vec![
            route(1, TCP, &[], &[end(None, Some(25))], &[]),
            route(2, PASSED, &[], &[end(None, Some(443))], &["a.test"]),
        ]);
        for (port, heard) in [(25, false), (443, true)] {
            let caller = Caller {
                source: ([127, 0, 0, 1], 5).into(),
                destination: ([127, 0, 0, 1], port).into(),
                sni: None,
                carriers: Carriers {
                    tls_passthrough: true,
                    ..TCP
                },
            };
            assert_eq!(router.wants_to_hear(&caller), heard, "{port}");
        }
    }
}
