//! decK's dialect, end to end.

use crate::fixture::{load_text, one};
use serde_json::json;
use troop_declarative::Dialect;

const FILE: &str = r#"
_format_version: "3.0"
_info:
  select_tags: [team-a]
  defaults:
    service: {retries: 1}
_plugin_configs:
  slow:
    minute: 5
_konnect: {control_plane_name: x}
services:
- name: s
  host: h.test
  routes:
  - {name: r, paths: [/x], tags: [own]}
consumers:
- username: c
plugins:
- name: rate-limiting
  _config: slow
  service: {name: s}
  consumer: {username: c}
  config: {hour: 10}
"#;

#[test]
fn deck_files_are_loaded_in_their_dialect_only() {
    let refused = load_text(FILE, Dialect::Kong).unwrap_err().to_json(false);
    assert_eq!(refused["fields"]["_info"], "unknown field");
    let document = load_text(FILE, Dialect::Deck).unwrap();
    let records = document.records();
    assert_eq!(document.select_tags(), ["team-a"]);
    assert_eq!(one(records, "services", "name", "s")["retries"], 1);
    assert_eq!(
        one(records, "routes", "name", "r")["tags"],
        json!(["own", "team-a"])
    );
    let plugin = one(records, "plugins", "name", "rate-limiting");
    assert_eq!(
        (&plugin["config"]["minute"], &plugin["config"]["hour"]),
        (&json!(5), &json!(10))
    );
    assert_eq!(
        plugin["service"]["id"],
        one(records, "services", "name", "s")["id"]
    );
    assert_eq!(
        plugin["consumer"]["id"],
        one(records, "consumers", "username", "c")["id"]
    );
    assert_eq!(document.warnings().len(), 1, "_konnect");
}

#[test]
fn a_shared_configuration_must_be_there() {
    let text = "_format_version: '3.0'\nplugins:\n- {name: cors, _config: none}\n";
    let refused = load_text(text, Dialect::Deck).unwrap_err().to_json(false);
    assert_eq!(
        refused["fields"],
        json!({"plugins": [{"_config": "no such entry in '_plugin_configs'"}]})
    );
}
