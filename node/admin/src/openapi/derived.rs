//! Plates for the doors built by rule: what can be done with a collection, a member, what a member refers to.

use super::shared::{self, Work};
use crate::generated::{Generated, Subject};
use http::Method;
use serde_json::{Value, json};
use troop_schema::{
    Entity, Registry,
    json_schema::{self, Side},
};

/// The operation at a door; none when the tables do not know its entity.
pub(super) fn operation(registry: &Registry, generated: Generated, method: &Method) -> Option<Value> {
    let entity = registry.entity(generated.entity)?;
    let plate = Plate {
        entity,
        subject: generated.subject,
    };
    let mut operation = match (generated.subject, method) {
        (Subject::Parent { field, parent }, method) => {
            of_parent(registry.entity(parent)?, field, entity, method)
        }
        (Subject::Collection | Subject::Children { .. }, &Method::GET) => plate.list(),
        (Subject::Collection | Subject::Children { .. }, _) => plate.create(),
        (_, &Method::GET) => plate.read(),
        (_, &Method::PUT) => plate.replace(),
        (_, &Method::PATCH) => plate.change(),
        (_, _) => plate.delete(),
    };
    operation["tags"] = json!([entity.name()]);
    Some(operation)
}

struct Plate<'a> {
    entity: &'a Entity,
    subject: Subject,
}

impl Plate<'_> {
    /// "routes of a services record", or just "routes".
    fn what(&self) -> String {
        match self.subject {
            Subject::Children { parent, .. } | Subject::Child { parent, .. } => {
                format!("{} below one of {parent}", self.entity.name())
            }
            _ => self.entity.name().to_owned(),
        }
    }

    fn list(&self) -> Value {
        let mut parameters = vec!["size", "offset"];
        if self.subject == Subject::Collection && self.entity.has_tags() {
            parameters.push("tags");
        }
        let page = shared::page(&json_schema::reference(self.entity, Side::Answer));
        shared::operation(&format!("List {}", self.what()), Work::Reads, &parameters)
            .answering(200, "A page", Some(page))
            .written()
    }

    fn create(&self) -> Value {
        let answer = json_schema::reference(self.entity, Side::Answer);
        shared::operation(&format!("Create one of {}", self.what()), Work::Writes, &[])
            .taking(self.new_record(true))
            .answering(201, "The new record", Some(answer))
            .written()
    }

    fn read(&self) -> Value {
        let answer = json_schema::reference(self.entity, Side::Answer);
        shared::operation(&format!("Read one of {}", self.what()), Work::Reads, &[])
            .answering(200, "The record", Some(answer))
            .written()
    }

    fn replace(&self) -> Value {
        let answer = json_schema::reference(self.entity, Side::Answer);
        shared::operation(
            &format!("Create or replace one of {}", self.what()),
            Work::Writes,
            &["If-Match"],
        )
        .taking(self.new_record(false))
        .answering(200, "The record as it is now, also when it is new", Some(answer))
        .written()
    }

    fn change(&self) -> Value {
        let answer = json_schema::reference(self.entity, Side::Answer);
        shared::operation(
            &format!("Change fields of one of {}", self.what()),
            Work::Writes,
            &["If-Match"],
        )
        .taking(json_schema::reference(self.entity, Side::Change))
        .answering(200, "The record as it is now", Some(answer))
        .written()
    }

    fn delete(&self) -> Value {
        let says = match self.subject {
            Subject::Child { .. } => "It is gone",
            _ => "It is gone, also when it was not there",
        };
        shared::operation(
            &format!("Delete one of {}", self.what()),
            Work::Deletes,
            &["If-Match"],
        )
        .answering(204, says, None)
        .written()
    }

    /// What a new record must name besides what it always must: references and names that the path does not say.
    fn new_record(&self, must_name_itself: bool) -> Value {
        let said_by_path = |field: &str| match self.subject {
            Subject::Children { field: above, .. } | Subject::Child { field: above, .. } => field == above,
            _ => false,
        };
        let key = match self.subject {
            Subject::Child { .. } => self.entity.nested_key(),
            _ => self.entity.endpoint_key(),
        };
        let own_name = key.filter(|_| !must_name_itself);
        let left = json_schema::left_to_paths(self.entity);
        let required: Vec<&str> = left
            .filter(|field| !said_by_path(field) && own_name != Some(*field))
            .collect();
        asking(json_schema::reference(self.entity, Side::New), &required)
    }
}

fn asking(schema: Value, required: &[&str]) -> Value {
    if required.is_empty() {
        schema
    } else {
        json!({ "allOf": [schema, { "required": required }] })
    }
}

/// `/routes/{routes}/service`.
fn of_parent(parent: &Entity, field: &str, child: &Entity, method: &Method) -> Value {
    let what = format!("the {field} of one of {}", child.name());
    let answer = Some(json_schema::reference(parent, Side::Answer));
    match *method {
        Method::GET => {
            shared::operation(&format!("Read {what}"), Work::Reads, &[]).answering(200, "The record", answer)
        }
        Method::PUT => {
            let left: Vec<&str> = json_schema::left_to_paths(parent).collect();
            shared::operation(
                &format!("Replace {what}, or create it and refer to it"),
                Work::Writes,
                &["If-Match"],
            )
            .taking(asking(json_schema::reference(parent, Side::New), &left))
            .answering(200, "The record as it is now", answer)
        }
        Method::PATCH => shared::operation(&format!("Change {what}"), Work::Writes, &["If-Match"])
            .taking(json_schema::reference(parent, Side::Change))
            .answering(200, "The record as it is now", answer),
        _ => shared::operation(
            &format!("Never allowed: {what} is deleted by its own path"),
            Work::Deletes,
            &[],
        ),
    }
    .written()
}
