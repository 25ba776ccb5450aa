//! Parents before children.
//!
//! A child refers to its parents, so it can only be written after them and they can only go after it. Who is written when
//! follows from the tables alone.

use troop_schema::{Entity, Registry};

/// All entities, each after every one it refers to. Those that refer to each other in a circle keep the tables' order.
pub(crate) fn parents_first(registry: &Registry) -> Vec<&Entity> {
    let mut waiting: Vec<&Entity> = registry.entities().collect();
    let mut ordered: Vec<&Entity> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|entity| is_ready(entity, &waiting));
        ordered.push(waiting.remove(ready.unwrap_or(0)));
    }
    ordered
}

fn is_ready(entity: &Entity, waiting: &[&Entity]) -> bool {
    !entity.foreigns().any(|foreign| {
        foreign.reference != entity.name() && waiting.iter().any(|other| other.name() == foreign.reference)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_comes_after_those_it_refers_to() {
        let registry = Registry::new(Vec::new()).unwrap();
        let names: Vec<_> = parents_first(&registry).iter().map(|e| e.name()).collect();
        assert_eq!(names.len(), registry.entities().count());
        for (at, name) in names.iter().enumerate() {
            for foreign in registry.entity(name).unwrap().foreigns() {
                assert!(
                    !names[at..].contains(&foreign.reference),
                    "{name} before {}",
                    foreign.reference
                );
            }
        }
    }
}
