//! The chain of an exchange: whose turn it is in each phase.
//!
//! The compiled chain of a route is remembered per worker; it changes only when plugin instances do. An authentication plugin can
//! change it in the middle of `access`: what comes after it is then chosen for the consumer, what came before stays as it was. Few
//! consumers have instances of their own; for all others the chain they are on is the one that would be chosen.
//!
//! A verdict *respond* ends `access` at once. Kong: the handlers of later phases are those whose turn in `access` came or would have
//! come, so a response made by a plugin is still filtered and logged by the plugins behind it.

use crate::{
    hash::QuickMap,
    plan::instances::{Instances, Link},
};
use std::{cell::RefCell, rc::Rc};
use troop_plugin_api::{Exchange, Failure, Phases, Reply, Scope, Step, Verdict};
use uuid::Uuid;

/// Links in the order of their turns.
#[derive(Default)]
pub(crate) struct Chain {
    links: Vec<Link>,
    phases: Phases,
}

impl Chain {
    fn new(links: Vec<Link>) -> Self {
        let phases = links.iter().fold(Phases::NONE, |all, link| all | link.phases);
        Chain { links, phases }
    }

    /// Whether anybody takes part in a phase.
    pub fn has(&self, phase: Phases) -> bool {
        self.phases.has(phase)
    }

    /// Who takes part in a phase.
    pub fn of(&self, phase: Phases) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |link| link.phases.has(phase))
    }

    /// Names of arguments and headers whose values no log writes.
    pub fn secrets(&self) -> Vec<&str> {
        let secrets = self.links.iter().flat_map(|link| link.handler.secrets());
        secrets.map(String::as_str).collect()
    }

    fn behind(&self, place: u16) -> usize {
        self.links.partition_point(|link| link.place <= place)
    }

    /// The links up to a place from here, those behind it from `rest`.
    fn spliced(&self, place: u16, rest: &Chain) -> Chain {
        let head = &self.links[..self.behind(place)];
        let tail = &rest.links[rest.behind(place)..];
        Chain::new([head, tail].concat())
    }
}

/// A worker's chains.
pub(crate) struct Chains {
    memory: RefCell<Memory>,
    none: Rc<Chain>,
    max: usize,
}

#[derive(Default)]
struct Memory {
    epoch: u64,
    chains: QuickMap<Scope, Rc<Chain>>,
}

/// How `access` ended.
pub(crate) struct Passed {
    /// Who takes part in the phases to come.
    pub chain: Rc<Chain>,
    /// An answer, if a handler gave one.
    pub verdict: Result<Option<Box<Reply>>, Failure>,
}

impl Chains {
    /// Remembers at most `max`.
    pub fn new(max: usize) -> Self {
        Chains {
            memory: RefCell::default(),
            none: Rc::default(),
            max,
        }
    }

    /// The chain that covers an exchange.
    pub fn get(&self, instances: &Instances, covered: Scope) -> Rc<Chain> {
        if instances.is_empty() {
            return Rc::clone(&self.none);
        }
        let mut memory = self.memory.borrow_mut();
        if memory.epoch != instances.epoch || memory.chains.len() >= self.max {
            memory.chains.clear();
            memory.epoch = instances.epoch;
        }
        let compiled = memory
            .chains
            .entry(covered)
            .or_insert_with(|| Rc::new(Chain::new(instances.chain(covered))));
        Rc::clone(compiled)
    }

    /// Gives everybody their turn in `access`.
    pub async fn access(
        &self,
        instances: &Instances,
        mut covered: Scope,
        exchange: &mut Exchange<'_>,
    ) -> Passed {
        let mut chain = self.get(instances, covered);
        let mut at = 0;
        while let Some(link) = chain.links.get(at).cloned() {
            at += 1;
            if !link.phases.has(Phases::ACCESS) {
                continue;
            }
            let verdict = match link.handler.access(exchange) {
                Step::Done(verdict) => verdict,
                Step::Later(verdict) => verdict.await,
            };
            let known = consumer_of(exchange).filter(|consumer| instances.have_own(consumer));
            if known != covered.consumer {
                covered.consumer = known;
                let next = self.get(instances, covered);
                chain = Rc::new(chain.spliced(link.place, &next));
            }
            let verdict = match verdict {
                Ok(Verdict::Continue) => continue,
                Ok(Verdict::Respond(reply)) => Ok(Some(reply)),
                Err(failure) => Err(failure),
            };
            return Passed { chain, verdict };
        }
        Passed {
            chain,
            verdict: Ok(None),
        }
    }
}

fn consumer_of(exchange: &Exchange<'_>) -> Option<Uuid> {
    exchange.identity().map(|identity| identity.consumer.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use troop_plugin_api::Handler;

    struct In(Phases);

    impl Handler for In {
        fn phases(&self) -> Phases {
            self.0
        }
    }

    fn chain(places: &[u16]) -> Chain {
        let link = |place: &u16| Link {
            place: *place,
            phases: Phases::LOG,
            handler: Arc::new(In(Phases::LOG)),
        };
        Chain::new(places.iter().map(link).collect())
    }

    fn check(before: &[u16], at: u16, after: &[u16], expected: &[u16]) {
        let spliced = chain(before).spliced(at, &chain(after));
        let places: Vec<u16> = spliced.links.iter().map(|l| l.place).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn what_comes_after_authentication_is_chosen_anew() {
        check(&[1, 4, 9], 4, &[1, 4, 7, 9], &[1, 4, 7, 9]);
        check(&[1, 4, 9], 4, &[4], &[1, 4]);
        check(&[2, 4], 4, &[1, 4, 5], &[2, 4, 5]);
    }

    #[test]
    fn a_chain_knows_its_phases() {
        let chain = chain(&[1]);
        assert!(chain.has(Phases::LOG) && !chain.has(Phases::ACCESS));
        assert_eq!(
            (chain.of(Phases::LOG).count(), chain.of(Phases::ACCESS).count()),
            (1, 0)
        );
    }
}
