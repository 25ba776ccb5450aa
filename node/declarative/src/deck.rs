//! decK's dialect of the format.
//!
//! decK writes the same collections and adds lines to the cover sheet: tags for everything in the file (`_info.select_tags`),
//! defaults per entity, plugin configurations to share. Kong itself refuses them as unknown; troop's own commands accept them,
//! so that a file that decK synchronised can be applied as it is.
//!
//! A line that is known and has no meaning here (`_konnect`) is remarked and not obeyed; one that would change
//! what is meant (`_workspace` other than the default one) is a fault.

use crate::{
    limits::WARNINGS_MAX,
    note::{self, Note},
    path::Path,
};
use serde_json::Value;
use troop_schema::{Entity, Faults, Record};

/// The only workspace there is.
const WORKSPACE: &str = "default";

/// The member of a plugin that names a shared configuration.
const SHARED_CONFIG: &str = "_config";

/// Which members a document may have besides its collections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// What Kong loads.
    #[default]
    Kong,
    /// What decK synchronises.
    Deck,
}

/// What decK's lines ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wishes {
    pub(crate) select_tags: Vec<String>,
    /// By collection.
    defaults: Record,
    /// By the name that plugins use.
    plugin_configs: Record,
}

/// Takes decK's lines off a document.
pub(crate) fn take(document: &mut Record, faults: &mut Faults, warnings: &mut Vec<Note>) -> Wishes {
    let mut wishes = Wishes::default();
    match document.remove("_workspace") {
        None | Some(Value::Null) => {}
        Some(name) if name == WORKSPACE => {}
        Some(_) => faults.set("_workspace", "there is only the workspace 'default'"),
    }
    if document.remove("_konnect").is_some() {
        not_obeyed(warnings, &Path::root().key("_konnect"));
    }
    wishes.plugin_configs = table(document.remove("_plugin_configs"), "_plugin_configs", faults);
    let mut info = table(document.remove("_info"), "_info", faults);
    wishes.select_tags = tags(info.remove("select_tags"), faults);
    wishes.defaults = table(info.remove("defaults"), "_info", faults);
    for name in info.keys() {
        not_obeyed(warnings, &Path::root().key("_info").key(name));
    }
    wishes
}

impl Wishes {
    /// Asks for more tags.
    pub(crate) fn select(&mut self, tags: &[String]) {
        let more = tags.iter().filter(|tag| !self.select_tags.contains(tag));
        let more: Vec<_> = more.cloned().collect();
        self.select_tags.extend(more);
    }

    /// Does to a record what the cover sheet asks for.
    pub(crate) fn apply(&self, entity: &Entity, record: &mut Record, faults: &mut Faults) {
        self.share_config(record, faults);
        if let Some(Value::Object(defaults)) = self.defaults.get(singular(entity.name())) {
            lay_under(record, defaults);
        }
        if entity.has_tags() && !self.select_tags.is_empty() {
            self.tag(record);
        }
    }

    fn share_config(&self, record: &mut Record, faults: &mut Faults) {
        let Some(name) = record.remove(SHARED_CONFIG) else {
            return;
        };
        match name.as_str().and_then(|name| self.plugin_configs.get(name)) {
            Some(Value::Object(shared)) => {
                let own = record.entry("config").or_insert_with(|| Record::new().into());
                if let Value::Object(own) = own {
                    lay_under(own, shared);
                }
            }
            _ => faults.set(SHARED_CONFIG, "no such entry in '_plugin_configs'"),
        }
    }

    fn tag(&self, record: &mut Record) {
        let own = record.entry("tags").or_insert(Value::Null);
        if own.is_null() {
            *own = Value::Array(Vec::new());
        }
        if let Value::Array(own) = own {
            for tag in &self.select_tags {
                if !own.iter().any(|own| own == tag) {
                    own.push(tag.as_str().into());
                }
            }
        }
    }
}

/// decK: a reference may name the other record by a table, `{name: s}`, where Kong wants the name alone.
pub(crate) fn reference(key: &str, value: &mut Value) {
    let named = match value {
        Value::Object(table) if !table.contains_key("id") => table.remove(key),
        _ => None,
    };
    if let Some(name @ Value::String(_)) = named {
        *value = name;
    }
}

/// `services` -> `service`, also Kong's way to name the sort of one entity.
pub(crate) fn singular(collection: &str) -> &str {
    collection.strip_suffix('s').unwrap_or(collection)
}

fn table(value: Option<Value>, name: &str, faults: &mut Faults) -> Record {
    match value {
        None | Some(Value::Null) => Record::new(),
        Some(Value::Object(table)) => table,
        Some(_) => {
            faults.set(name, "expected a record");
            Record::new()
        }
    }
}

fn tags(value: Option<Value>, faults: &mut Faults) -> Vec<String> {
    let list = match value {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => Vec::new(),
    };
    let tags: Option<Vec<_>> = list.iter().map(|tag| tag.as_str().map(str::to_owned)).collect();
    tags.filter(|tags| !tags.is_empty()).unwrap_or_else(|| {
        faults.set("_info", Faults::of("select_tags", "expected a set of strings"));
        Vec::new()
    })
}

/// Adds members that are missing, also inside of members that both have.
fn lay_under(record: &mut Record, lower: &Record) {
    for (name, value) in lower {
        match (record.get_mut(name), value) {
            (Some(Value::Object(own)), Value::Object(lower)) => lay_under(own, lower),
            (Some(_), _) => {}
            (None, value) => {
                record.insert(name.clone(), value.clone());
            }
        }
    }
}

fn not_obeyed(warnings: &mut Vec<Note>, path: &Path) {
    let text = "has no meaning here and is not obeyed";
    note::add(warnings, WARNINGS_MAX, path, None, text);
}

/// Fields that came late to Kong, with defaults that mean what was the case before. An older decK refuses a file that names them.
const LATE: [(&str, &str); 4] = [
    ("services", "enabled"),
    ("upstreams", "use_srv_name"),
    ("oauth2_credentials", "client_type"),
    ("oauth2_credentials", "hash_secret"),
];

/// Leaves out of a record what decK does not read and fills in by itself.
pub(crate) fn leave_out(entity: &Entity, record: &mut Record) {
    for (_, field) in LATE.iter().filter(|(of, _)| *of == entity.name()) {
        if entity.has_default(field, record) {
            record.remove(*field);
        }
    }
    entity.leave_out_nulls(record);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use troop_schema::Registry;

    fn object(value: Value) -> Record {
        value.as_object().cloned().unwrap()
    }

    #[track_caller]
    fn check(header: Value, entity: &str, record: Value, wanted: Value) {
        let (mut faults, mut warnings) = (Faults::new(), Vec::new());
        let wishes = take(&mut object(header), &mut faults, &mut warnings);
        let registry = Registry::new(Vec::new()).unwrap();
        let mut record = object(record);
        wishes.apply(registry.entity(entity).unwrap(), &mut record, &mut faults);
        assert_eq!(Value::Object(record), wanted);
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn select_tags_are_added_to_everything() {
        let header = json!({"_info": {"select_tags": ["a", "b"]}});
        check(header.clone(), "services", json!({}), json!({"tags": ["a", "b"]}));
        check(
            header,
            "services",
            json!({"tags": ["b", "c"]}),
            json!({"tags": ["b", "c", "a"]}),
        );
    }

    #[test]
    fn defaults_lie_under_what_is_written() {
        let header = json!({"_info": {"defaults": {"service": {"retries": 1, "port": 81}}}});
        check(
            header.clone(),
            "services",
            json!({"port": 82}),
            json!({"port": 82, "retries": 1}),
        );
        check(header, "routes", json!({}), json!({}));
    }

    #[test]
    fn plugins_share_configurations() {
        let header = json!({"_plugin_configs": {"x": {"a": {"b": 1, "c": 1}}}});
        check(
            header,
            "plugins",
            json!({"_config": "x", "config": {"a": {"b": 2}}}),
            json!({"config": {"a": {"b": 2, "c": 1}}}),
        );
    }

    #[test]
    fn lines_that_cannot_be_obeyed_are_told() {
        let (mut faults, mut warnings) = (Faults::new(), Vec::new());
        let mut header = object(json!({
            "_workspace": "x", "_konnect": {}, "_info": {"select_tags": "a", "default_lookup_tags": {}}, "services": [],
        }));
        take(&mut header, &mut faults, &mut warnings);
        let wanted = json!({
            "_info": {"select_tags": "expected a set of strings"},
            "_workspace": "there is only the workspace 'default'",
        });
        assert_eq!(faults.to_json(), wanted);
        let remarked: Vec<_> = warnings.iter().map(|w| w.path.to_string()).collect();
        assert_eq!(remarked, ["_konnect", "_info.default_lookup_tags"]);
        assert_eq!(Value::Object(header), json!({"services": []}));
    }
}
