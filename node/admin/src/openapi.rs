//! The API as an OpenAPI 3.1 document.
//!
//! The street map with a plate at every door. Streets built by rule get their plates by the same rule ([`derived`]), the
//! hand-built doors have theirs written by hand ([`written`]), what stands on many plates is written once ([`shared`]),
//! and the forms people fill in come from the tables ([`json_schema`]). So an entity or a plugin is in the document as
//! soon as it has a table.
//!
//! The catch: Kong answers every path to `HEAD` and `OPTIONS` too, takes a trailing slash, and ignores arguments it does not
//! know. Said once in the description, not at each of several hundred operations.
//!
//! What it does not do: decide. Routing and judging never look at this document.

mod derived;
mod shared;
mod written;

use crate::{custom, endpoint::Pattern};
use http::Method;
use serde_json::{Map, Value, json};
use troop_schema::{Record, Registry, json_schema};

const DESCRIPTION: &str = "The Admin API of a troop cluster: that of Kong 3.9, and what troop adds. Any node answers any request. \
Every path that answers GET answers HEAD, every path answers OPTIONS, one trailing slash means nothing, and unknown query \
arguments are ignored. Bodies are JSON or forms; in forms nested names are written `config.key_names[]=a` or `service[id]=x`.";

/// The document for these tables.
pub fn document(registry: &Registry) -> Value {
    let mut paths = Paths::default();
    for (pattern, generated) in crate::endpoint::derived(registry) {
        for method in generated.methods() {
            if let Some(operation) = derived::operation(registry, generated, &method) {
                paths.add(&pattern, &method, operation);
            }
        }
    }
    for (pattern, method, _) in custom::table() {
        paths.complete(pattern, &method);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "troop Admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://localhost:8001" }],
        "paths": paths.0,
        "components": {
            "schemas": schemas(registry),
            "responses": shared::responses(),
            "parameters": shared::parameters(),
        },
    })
}

fn schemas(registry: &Registry) -> Record {
    let mut schemas = json_schema::all(registry);
    schemas.extend(shared::schemas());
    schemas
}

/// Paths with their operations.
#[derive(Default)]
struct Paths(Map<String, Value>);

impl Paths {
    fn add(&mut self, written: &str, method: &Method, mut operation: Value) {
        let pattern = Pattern::new(written).to_string();
        operation["operationId"] = operation_id(&pattern, method).into();
        let path = self.0.entry(&pattern).or_insert_with(|| path_item(&pattern));
        path[method.as_str().to_ascii_lowercase()] = operation;
    }

    /// A hand-built door: the plate of one built by rule gets an addition, any other is written.
    fn complete(&mut self, written: &str, method: &Method) {
        let verb = method.as_str().to_ascii_lowercase();
        let pattern = Pattern::new(written).to_string();
        match self.0.get_mut(&pattern).and_then(|path| path.get_mut(&verb)) {
            Some(operation) => written::amend(&pattern, method, operation),
            None => self.add(written, method, written::operation(&pattern, method)),
        }
    }
}

fn path_item(pattern: &str) -> Value {
    let pattern = Pattern::new(pattern);
    let parameters: Vec<Value> = pattern.variables().map(shared::path_parameter).collect();
    if parameters.is_empty() {
        json!({})
    } else {
        json!({ "parameters": parameters })
    }
}

/// `get-services-services-routes`: unique because the path is.
fn operation_id(pattern: &str, method: &Method) -> String {
    let words = pattern.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let verb = method.as_str().to_ascii_lowercase();
    if words.is_empty() {
        format!("{verb}-root")
    } else {
        format!("{verb}-{}", words.join("-"))
    }
}
