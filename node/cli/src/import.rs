//! Copying a live Kong through two Admin APIs: its own, which is read, and a node's, which is written.
//!
//! A removal firm. It walks through the old house room by room ([`house`]), in an order in which nothing arrives before
//! what it stands on; whatever the new house already has exactly so is left alone; the rest is carried over with the
//! number it had ([`carry`]); and what does not fit through the door is put on a list with the reason ([`report`]). If the
//! van breaks down, the same walk is made again and finds most of the work done.
//!
//! The catch: some things are kept in another form than they were handed in. Kong shows the hash of a password and would
//! hash it again if it were sent back; so records are written with `transform=0`, as they are stored. And the names of hosts below
//! a certificate come as a list *and* as records of their own: the list is left behind, or the records would not fit.
//!
//! What it does not do: delete. What the cluster has and the Kong has not stays, so that an import into a cluster that
//! serves is safe; nor does it follow a Kong that changes while it is copied. Run it again.

mod alike;
mod carry;
mod house;
mod report;

pub(crate) use house::Source;
pub(crate) use report::Report;

use crate::{failure::Failure, grammar::ImportArgs};
use carry::Carrier;
use house::House;
use troop_schema::{Entity, Registry};

/// Copies, and says what became of every record.
pub(crate) fn copy(args: &ImportArgs) -> Result<Report, Failure> {
    let registry = Registry::new(Vec::new()).expect("invariant: no two of no plugins have one name");
    let old = House::source(&args.from, args.target.timeout);
    let new = House::target(&args.target);
    let mut report = Report::new(args, old.version()?);
    // The other side is asked early: nobody wants to learn at the end that it is not there.
    new.version()?;
    for entity in in_order(&registry) {
        let carrier = Carrier::new(&new, &registry, entity, args.dry_run);
        let wanted = |record: &troop_schema::Record| house::wears(record, &args.select_tag);
        let there = carrier.inventory()?;
        let tally = report.entity(entity.name());
        old.each_room(&registry, entity, &mut |records| {
            let records = records.into_iter().filter(wanted).collect();
            carrier.carry(records, &there, tally)
        })?;
    }
    report.leave_behind(old.strange_rooms(&registry)?);
    Ok(report)
}

/// Entities with a path, each after all that it refers to.
fn in_order(registry: &Registry) -> Vec<&Entity> {
    let mut left: Vec<&Entity> = registry
        .entities()
        .filter(|entity| house::has_room(entity))
        .collect();
    let mut order: Vec<&Entity> = Vec::new();
    while !left.is_empty() {
        let waits = |entity: &Entity, left: &[&Entity]| {
            let mut needed = entity
                .foreigns()
                .filter(|foreign| foreign.reference != entity.name());
            needed.any(|foreign| left.iter().any(|other| other.name() == foreign.reference))
        };
        let ready = left.iter().position(|entity| !waits(entity, &left));
        // Two that refer to each other: one has to be first.
        order.push(left.remove(ready.unwrap_or(0)));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_before_what_it_refers_to() {
        let registry = Registry::new(Vec::new()).unwrap();
        let order: Vec<&str> = in_order(&registry).iter().map(|entity| entity.name()).collect();
        for entity in in_order(&registry) {
            let place = |name: &str| order.iter().position(|other| *other == name);
            for foreign in entity.foreigns() {
                assert!(place(foreign.reference) < place(entity.name()), "{order:?}");
            }
        }
        assert!(
            order.contains(&"plugins") && order.contains(&"targets"),
            "{order:?}"
        );
    }
}
