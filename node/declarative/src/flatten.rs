//! Faults by entity: for machines that manage entities and never see the document.
//!
//! The teacher's list beside the corrected papers: for each pupil at fault one line with the name and the mistakes, wherever
//! in the pile the paper lay. A mistake inside of a table is told by its path, `config.minute`; elements are counted from
//! one, `paths.1`.
//!
//! Kong: the entity is shown as it was sent, without its children, and with a reference to the one it is nested in if that
//! has an id of its own. Faults inside of a reference given as a table are listed under the entity referred to.

use crate::deck::singular;
use serde_json::{Value, json};
use troop_schema::{ENTITY, Entity, Fault, Faults, Record};
use uuid::Uuid;

/// One entity at fault.
#[derive(Clone, Debug, PartialEq)]
pub struct FlatFault {
    entity: &'static str,
    given: Record,
    errors: Vec<Value>,
}

impl FlatFault {
    /// Faults of a record as it was sent. None if there is nothing to tell.
    pub(crate) fn all_of(entity: &Entity, mut given: Record, mut faults: Faults) -> Vec<FlatFault> {
        let mut flat = Vec::new();
        for foreign in entity.foreigns() {
            let Some(Value::Object(referred)) = given.get(foreign.field).cloned() else {
                continue;
            };
            let Some(Fault::Fields(inner)) = faults.at(foreign.field).cloned() else {
                continue;
            };
            match referred.get("id").filter(|id| is_id(id)) {
                Some(id) => given.insert(foreign.field.to_owned(), json!({ "id": id })),
                None => given.remove(foreign.field),
            };
            faults = without(&faults, foreign.field);
            flat.extend(Self::one(foreign.reference, referred, &inner));
        }
        flat.extend(Self::one(entity.name(), given, &faults));
        flat
    }

    fn one(entity: &'static str, given: Record, faults: &Faults) -> Option<FlatFault> {
        let mut errors = Vec::new();
        categorise(&mut errors, faults, "");
        (!errors.is_empty()).then_some(FlatFault {
            entity,
            given,
            errors,
        })
    }

    /// An element of `flattened_errors`.
    pub fn to_json(&self) -> Value {
        let mut out = json!({
            "entity_type": singular(self.entity),
            "entity": self.given,
            "errors": self.errors,
        });
        let known = [
            ("entity_name", "name", is_name as fn(&Value) -> bool),
            ("entity_id", "id", is_id),
            ("entity_tags", "tags", is_tags),
        ];
        for (member, field, is_sound) in known {
            if let Some(value) = self.given.get(field).filter(|value| is_sound(value)) {
                out[member] = value.clone();
            }
        }
        out
    }
}

fn without(faults: &Faults, field: &str) -> Faults {
    let mut rest = Faults::new();
    for (name, fault) in faults.iter().filter(|(name, _)| *name != field) {
        rest.set(name, fault.clone());
    }
    rest
}

fn categorise(errors: &mut Vec<Value>, faults: &Faults, above: &str) {
    for (name, fault) in faults.iter() {
        if name == ENTITY {
            whole(errors, fault);
        } else {
            one(errors, fault, &joined(above, name));
        }
    }
}

fn one(errors: &mut Vec<Value>, fault: &Fault, field: &str) {
    match fault {
        Fault::Text(text) => errors.push(json!({ "type": "field", "field": field, "message": text })),
        Fault::Fields(inner) => categorise(errors, inner, field),
        Fault::List(list) => {
            for (at, inner) in list.iter().enumerate() {
                if let Some(inner) = inner {
                    one(errors, inner, &joined(field, &(at + 1).to_string()));
                }
            }
        }
    }
}

fn whole(errors: &mut Vec<Value>, fault: &Fault) {
    match fault {
        Fault::Text(text) => errors.push(json!({ "type": "entity", "message": text })),
        Fault::List(list) => list.iter().flatten().for_each(|inner| whole(errors, inner)),
        Fault::Fields(inner) => inner.iter().for_each(|(_, inner)| whole(errors, inner)),
    }
}

fn joined(above: &str, name: &str) -> String {
    if above.is_empty() {
        name.to_owned()
    } else {
        format!("{above}.{name}")
    }
}

fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|name| !name.is_empty())
}

/// Whether a value is an id as the schema wants one.
pub(crate) fn is_id(value: &Value) -> bool {
    const HYPHENATED_LEN: usize = 36;
    value
        .as_str()
        .is_some_and(|id| id.len() == HYPHENATED_LEN && Uuid::try_parse(id).is_ok())
}

fn is_tags(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|tags| tags.iter().all(Value::is_string))
}

#[cfg(test)]
mod tests {
    use super::*;
    use troop_schema::Registry;

    #[track_caller]
    fn check(entity: &str, given: Value, faults: Faults, wanted: Value) {
        let registry = Registry::new(Vec::new()).unwrap();
        let given = given.as_object().cloned().unwrap();
        let flat = FlatFault::all_of(registry.entity(entity).unwrap(), given, faults);
        assert_eq!(flat.iter().map(FlatFault::to_json).collect::<Value>(), wanted);
    }

    #[test]
    fn faults_inside_of_a_table_are_told_by_their_path() {
        let mut faults = Faults::new();
        faults.set_path("config.redis.host", "a");
        faults.set("paths", Fault::List(vec![None, Some("b".into())]));
        faults.remark("c");
        check(
            "routes",
            json!({"name": "r", "id": 5, "tags": ["t", 1]}),
            faults,
            json!([{
                "entity_type": "route", "entity_name": "r", "entity": {"name": "r", "id": 5, "tags": ["t", 1]},
                "errors": [
                    {"type": "entity", "message": "c"},
                    {"type": "field", "field": "config.redis.host", "message": "a"},
                    {"type": "field", "field": "paths.2", "message": "b"},
                ],
            }]),
        );
    }

    #[test]
    fn faults_inside_of_a_reference_are_those_of_the_one_referred_to() {
        let faults = Faults::of("service", Faults::of("id", "missing primary key"));
        check(
            "routes",
            json!({"paths": ["/"], "service": {"name": "s"}}),
            faults,
            json!([{
                "entity_type": "service", "entity_name": "s", "entity": {"name": "s"},
                "errors": [{"type": "field", "field": "id", "message": "missing primary key"}],
            }]),
        );
    }
}
