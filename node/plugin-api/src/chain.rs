//! In which order plugins run, and which instance of a plugin runs.
//!
//! Two questions that must not be mixed. *Order*: plugins stand in a queue by priority, whoever configured them. *Choice*: of all
//! instances of one plugin exactly one runs, the most specific one whose scope covers the exchange. Configurations of different scopes are never
//! merged.
//!
//! The catch: the consumer is unknown until an authentication plugin had its turn, so the choice is made per plugin, at its
//! turn, and not once for the chain.

use std::cmp::Ordering;
use uuid::Uuid;

/// To what an instance is limited; nothing at all is a global instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// Only exchanges of this route.
    pub route: Option<Uuid>,
    /// Only exchanges of this service.
    pub service: Option<Uuid>,
    /// Only exchanges of this consumer, once authenticated.
    pub consumer: Option<Uuid>,
}

impl Scope {
    /// Every exchange.
    pub const GLOBAL: Scope = Scope {
        route: None,
        service: None,
        consumer: None,
    };

    /// The scopes that cover an exchange with these three, the one to be preferred first.
    ///
    /// Kong: route+service+consumer, route+consumer, service+consumer, route+service, consumer, route, service, global.
    pub fn preferred(self) -> impl Iterator<Item = Scope> {
        const ORDER: [(bool, bool, bool); 8] = [
            (true, true, true),
            (true, false, true),
            (false, true, true),
            (true, true, false),
            (false, false, true),
            (true, false, false),
            (false, true, false),
            (false, false, false),
        ];
        let pick = |wanted, value: Option<Uuid>| if wanted { value.map(Some) } else { Some(None) };
        ORDER.into_iter().filter_map(move |(route, service, consumer)| {
            Some(Scope {
                route: pick(route, self.route)?,
                service: pick(service, self.service)?,
                consumer: pick(consumer, self.consumer)?,
            })
        })
    }
}

/// The order of two plugins given as (priority, name): higher priority first.
///
/// Kong: equal priorities run in descending order of their names.
pub fn runs_before(a: (i32, &str), b: (i32, &str)) -> Ordering {
    b.0.cmp(&a.0).then_with(|| b.1.cmp(a.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: Uuid = Uuid::from_u128(1);
    const S: Uuid = Uuid::from_u128(2);
    const C: Uuid = Uuid::from_u128(3);

    fn check(scope: (bool, bool, bool), expected: &[&str]) {
        let on = |flag: bool, id| flag.then_some(id);
        let full = Scope {
            route: on(scope.0, R),
            service: on(scope.1, S),
            consumer: on(scope.2, C),
        };
        let names: Vec<String> = full
            .preferred()
            .map(|s| {
                [("r", s.route), ("s", s.service), ("c", s.consumer)]
                    .iter()
                    .filter_map(|(name, id)| id.map(|_| *name))
                    .collect()
            })
            .collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_most_specific_scope_comes_first() {
        check((true, true, true), &["rsc", "rc", "sc", "rs", "c", "r", "s", ""]);
        check((true, true, false), &["rs", "r", "s", ""]);
        check((true, false, false), &["r", ""]);
        check((true, false, true), &["rc", "c", "r", ""]);
        check((false, false, false), &[""]);
    }

    #[test]
    fn higher_priority_runs_first_and_ties_run_by_name_downwards() {
        let mut plugins = [(2, "request-termination"), (1250, "key-auth"), (9, "a"), (9, "b")];
        plugins.sort_by(|a, b| runs_before(*a, *b));
        assert_eq!(
            plugins.map(|p| p.1),
            ["key-auth", "b", "a", "request-termination"]
        );
    }
}
