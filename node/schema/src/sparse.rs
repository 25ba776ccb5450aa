//! Leaving out nulls that would be filled in anyway: completion, backwards.
//!
//! Empty boxes of the form are cut off before it is handed on. Whoever fills it in ([`crate::complete`]) gets the same form back.
//!
//! The catch: where the default is a value, a null was somebody's decision and stays. And inside of a plugin's configuration tools compare what
//! they read with what they have, nulls included, so that it is left whole.

use crate::{
    Record,
    complete::default,
    entity::Entity,
    field::{Field, Kind},
};
use serde_json::Value;

impl Entity {
    /// Removes every null of a stored record that a new record without it would get.
    pub fn leave_out_nulls(&self, record: &mut Record) {
        for (name, field) in self.layers(record).fields() {
            let is_whole = self.field(name).is_some_and(|own| own.specialised_later);
            if !is_whole {
                leave_out(name, field, record);
            }
        }
    }

    /// Whether a field of a stored record has the value that a new record without it would get.
    pub fn has_default(&self, name: &str, record: &Record) -> bool {
        let field = self.layers(record).field(name);
        field.is_some_and(|field| record.get(name) == Some(&default(field)))
    }
}

fn leave_out(name: &str, field: &Field, record: &mut Record) {
    match (&field.kind, record.get_mut(name)) {
        (_, Some(Value::Null)) if field.auto.is_none() && default(field).is_null() => {
            record.remove(name);
        }
        (Kind::Record(shape), Some(Value::Object(members))) => {
            for (name, field) in &shape.fields {
                leave_out(name, field, members);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::{Record, Registry, Stamp};
    use serde_json::{Value, json};

    fn record(value: Value) -> Record {
        value.as_object().cloned().unwrap()
    }

    #[track_caller]
    fn check(entity: &str, given: Value) {
        let registry = Registry::new(Vec::new()).unwrap();
        let table = registry.entity(entity).unwrap();
        let mut random = || [7; 16];
        let mut stamp = Stamp::new(1_000, &mut random);
        let full = registry.draft(table, record(given.clone()), &mut stamp).unwrap();
        let mut sparse = full.clone();
        table.leave_out_nulls(&mut sparse);
        let again = registry.draft(table, sparse.clone(), &mut stamp).unwrap();
        assert_eq!(again, full, "{entity} comes back as it was");
        assert!(!Value::Object(sparse).to_string().contains("null"));
    }

    #[test]
    fn a_record_without_its_nulls_means_the_same() {
        check("services", json!({"host": "h"}));
        check(
            "services",
            json!({"host": "h", "retries": 0, "path": "/x", "tags": ["t"]}),
        );
        check("routes", json!({"paths": ["/x"], "protocols": ["http"]}));
        check("consumers", json!({"username": "u"}));
        check(
            "upstreams",
            json!({"name": "u", "healthchecks": {"active": {"healthy": {"interval": 5}}}}),
        );
    }

    #[test]
    fn a_null_where_a_default_would_stand_is_a_decision() {
        let registry = Registry::new(Vec::new()).unwrap();
        let upstreams = registry.entity("upstreams").unwrap();
        let mut sparse = record(json!({"name": "u", "slots": null, "tags": null}));
        upstreams.leave_out_nulls(&mut sparse);
        assert_eq!(Value::Object(sparse), json!({"name": "u", "slots": null}));
    }
}
