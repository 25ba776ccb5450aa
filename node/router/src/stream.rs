//! Routes of plain connections and datagrams: who comes from where, to which door, asking for which name.
//!
//! There is no head to read, so there are only three things to tell callers apart by: the address they come from, the address they
//! came to, and, if the first thing they say is TLS, the name in it. Such routes are few (each needs a port of its own or a name), so they stand
//! in one list in the order of their rank and the first that fits wins.
//!
//! Which route is asked before which is in `stream/order.rs`, what an expression may ask in `stream/sentence.rs`.

mod order;
mod sentence;

use self::order::Rank;
use crate::{condition::SniRule, endpoint::Endpoint};
use std::{cmp::Reverse, net::SocketAddr, sync::Arc};
use troop_expression::{Expression, Flavor};
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
        self.with(other) != Carriers::default()
    }

    /// What is in both.
    fn with(self, other: Carriers) -> Carriers {
        Carriers {
            tcp: self.tcp && other.tcp,
            tls: self.tls && other.tls,
            tls_passthrough: self.tls_passthrough && other.tls_passthrough,
            udp: self.udp && other.udp,
        }
    }

    /// Whether TLS is among them, wherever it ends.
    fn is_tls(self) -> bool {
        self.tls || self.tls_passthrough
    }
}

/// The fields of a route as configured.
#[derive(Clone, Debug, Default)]
pub struct StreamFields<'a> {
    /// The route's id: the last tie-breaker of the order.
    pub id: Uuid,
    /// What it is for.
    pub carriers: Carriers,
    /// Whence the connection must come.
    pub sources: Vec<Endpoint>,
    /// Where it must lead.
    pub destinations: Vec<Endpoint>,
    /// TLS server names: `a.test`, `*.a.test`, `a.*`.
    pub snis: &'a [String],
    /// By which rules all of this is read and has its place.
    pub flavor: Flavor,
    /// When the route was made, in seconds of Unix time: in the flavour `traditional` the last but one tie-breaker.
    pub created_at: u64,
}

/// A route, understood.
#[derive(Clone, Debug)]
pub struct StreamSpec {
    carriers: Carriers,
    rank: Rank,
    asks: Asks,
}

/// What a route asks of callers.
#[derive(Clone, Debug)]
enum Asks {
    /// One of each list that is not empty.
    Form {
        sources: Vec<Endpoint>,
        destinations: Vec<Endpoint>,
        snis: Vec<SniRule>,
    },
    /// Whatever it says.
    Sentence(Arc<Expression>),
}

impl StreamSpec {
    /// A route that holds for callers with one of each list that is not empty.
    pub fn new(fields: StreamFields<'_>) -> Self {
        let rules = fields.snis.iter().map(|sni| SniRule::parse(sni, fields.flavor));
        StreamSpec {
            carriers: fields.carriers,
            rank: Rank::of_form(&fields),
            asks: Asks::Form {
                snis: rules.collect(),
                sources: fields.sources,
                destinations: fields.destinations,
            },
        }
    }

    /// A route that is an expression. Of two the one with the greater `priority` is asked first, and both before any route of fields.
    pub fn of_expression(id: Uuid, carriers: Carriers, expression: Arc<Expression>, priority: u64) -> Self {
        StreamSpec {
            carriers,
            rank: Rank::of_expression(priority, id),
            asks: Asks::Sentence(expression),
        }
    }

    /// Whether it holds for a caller.
    fn holds(&self, caller: &Caller<'_>) -> bool {
        let taken = self.carriers.with(caller.carriers);
        let named = |rules: &[SniRule]| {
            let fits = |name: &str| rules.iter().any(|rule| rule.holds(name));
            rules.is_empty() || caller.sni.is_some_and(fits)
        };
        taken != Carriers::default()
            && match &self.asks {
                Asks::Form {
                    sources,
                    destinations,
                    snis,
                } => ends_hold(sources, destinations, caller) && named(snis),
                Asks::Sentence(expression) => sentence::holds(expression, caller, taken),
            }
    }

    /// Whether it could hold, depending on the first thing the caller says.
    fn depends_on_words(&self, caller: &Caller<'_>) -> bool {
        let taken = self.carriers.with(caller.carriers);
        taken.is_tls()
            && match &self.asks {
                Asks::Form {
                    sources,
                    destinations,
                    ..
                } => ends_hold(sources, destinations, caller),
                Asks::Sentence(expression) => sentence::could_hold(expression, caller, taken),
            }
    }
}

fn ends_hold(sources: &[Endpoint], destinations: &[Endpoint], caller: &Caller<'_>) -> bool {
    let any = |list: &[Endpoint], address: SocketAddr| {
        list.is_empty() || list.iter().any(|end| end.holds(address.ip(), address.port()))
    };
    any(sources, caller.source) && any(destinations, caller.destination)
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
        routes.sort_by_key(|(spec, _)| Reverse(spec.rank));
        StreamRouter { routes }
    }

    /// The first route that fits.
    pub fn find(&self, caller: &Caller<'_>) -> Option<(Carriers, &P)> {
        let found = self.routes.iter().find(|(spec, _)| spec.holds(caller))?;
        Some((found.0.carriers, &found.1))
    }

    /// Whether it could depend on the first thing the caller says: there is a route for TLS that its addresses allow.
    pub fn wants_to_hear(&self, caller: &Caller<'_>) -> bool {
        self.routes.iter().any(|(spec, _)| spec.depends_on_words(caller))
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
    use troop_expression::Subsystem;

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
        let spec = StreamSpec::new(StreamFields {
            id: Uuid::from_u128(id),
            carriers,
            sources: from.to_vec(),
            destinations: to.to_vec(),
            snis: &snis,
            ..StreamFields::default()
        });
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

    fn sentence(id: u128, carriers: Carriers, text: &str, priority: u64) -> (StreamSpec, u128) {
        let expression = Arc::new(Expression::parse(text, Subsystem::Stream).expect("an expression"));
        let spec = StreamSpec::of_expression(Uuid::from_u128(id), carriers, expression, priority);
        (spec, id)
    }

    #[test]
    fn expressions_come_before_forms_and_by_their_priority() {
        let routes = [
            route(
                9,
                PASSED,
                &[end(None, Some(7))],
                &[end(None, Some(9000))],
                &["a.test"],
            ),
            sentence(1, TCP, "net.dst.port == 9000", 0),
            sentence(2, TCP, "net.src.ip in 10.0.0.0/8", 5),
            sentence(3, PASSED, r#"tls.sni == "b.test""#, (1 << 46) - 1),
            sentence(4, TCP, "net.src.port == 5", 5),
        ];
        check(&routes, "10.0.0.1:7", "127.0.0.1:9000", Some("a.test"), Some(2));
        check(&routes, "10.0.0.1:5", "127.0.0.1:9000", None, Some(4));
        check(&routes, "11.0.0.1:7", "127.0.0.1:9000", Some("a.test"), Some(1));
        check(&routes, "11.0.0.1:7", "127.0.0.1:9000", Some("b.test"), Some(3));
        check(&routes, "11.0.0.1:7", "127.0.0.1:9001", Some("a.test"), None);
    }

    #[test]
    fn an_expression_is_asked_of_the_connections_only_that_its_route_is_for() {
        let udp = Carriers {
            tcp: false,
            udp: true,
            ..TCP
        };
        let everyone = "net.dst.port > 0";
        check(
            &[sentence(1, udp, everyone, 0)],
            "10.0.0.1:5",
            "127.0.0.1:1",
            None,
            None,
        );
        check(
            &[sentence(1, TCP, everyone, 0)],
            "10.0.0.1:5",
            "127.0.0.1:1",
            None,
            Some(1),
        );
    }

    #[test]
    fn first_words_are_waited_for_only_where_they_could_decide() {
        let router = StreamRouter::new(vec![
            route(1, TCP, &[], &[end(None, Some(25))], &[]),
            route(2, PASSED, &[], &[end(None, Some(443))], &["a.test"]),
            sentence(3, PASSED, r#"net.dst.port == 444 && tls.sni == "a.test""#, 0),
            sentence(4, TCP, r#"tls.sni == "a.test""#, 0),
        ]);
        for (port, heard) in [(25, false), (443, true), (444, true)] {
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
