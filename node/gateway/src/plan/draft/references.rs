//! Vault references are looked up when a configuration is compiled, and again when a vault changes.

use super::{tests::Nobody, *};
use serde_json::{Value, json};
use std::{sync::Mutex, time::Duration};
use tokio::runtime::Handle;
use troop_plugin_api::{Handler, Misconfigured, Phases, Plugin, Setup};
use troop_schema::{Field, PluginSchema};

/// Writes down what it is configured with, and cannot be without.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

/// Writes into it.
struct Writer(Arc<Diary>);

struct Idle;

impl Handler for Idle {
    fn phases(&self) -> Phases {
        Phases::NONE
    }
}

impl Plugin for Writer {
    fn name(&self) -> &'static str {
        "diary"
    }

    fn priority(&self) -> i32 {
        1
    }

    fn schema(&self) -> PluginSchema {
        PluginSchema::new("diary", vec![("key", Field::string().referenceable())])
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        let key = setup
            .config
            .get("key")
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.0.0.lock().expect("no panic").push(key.to_owned());
        if key.is_empty() {
            return Err(Misconfigured {
                field: "key",
                problem: "empty".into(),
            });
        }
        Ok(Arc::new(Idle))
    }
}

struct Desk {
    diary: Arc<Diary>,
    kit: Kit,
    names: Arc<Names>,
    plan: Plan,
}

impl Desk {
    fn new() -> Self {
        let diary = Arc::new(Diary::default());
        Desk {
            kit: Kit::new(vec![Arc::new(Writer(Arc::clone(&diary)))], Arc::new(Nobody)),
            diary,
            names: Names::new(Handle::current(), 10, Duration::from_secs(1)),
            plan: Plan::default(),
        }
    }

    fn put(&mut self, schema: &str, record: &Value) -> bool {
        let mut draft = Draft::of(self.plan.clone(), &self.kit);
        let put = draft.put(schema, record.to_string().as_bytes()).is_ok();
        self.plan = draft.finish(Revision::new(1), &self.names).0;
        put
    }

    /// What was written down since the last look.
    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.diary.0.lock().expect("no panic"))
    }
}

fn plugin(key: &str) -> Value {
    json!({"id": Uuid::from_u128(1), "name": "diary", "enabled": true, "config": {"key": key}})
}

fn vault(prefix: Option<&str>) -> Value {
    json!({"id": Uuid::from_u128(2), "name": "env", "prefix": "v1", "config": {"prefix": prefix}})
}

// Cargo sets this one for every test.
const DIRECTORY: &str = env!("CARGO_MANIFEST_DIR");

#[tokio::test]
async fn a_reference_is_fetched_when_the_plugin_is_compiled() {
    let mut desk = Desk::new();
    assert!(desk.put("plugins", &plugin("{vault://env/cargo-manifest-dir}")));
    assert!(desk.put("plugins", &plugin("plain")));
    assert_eq!(desk.seen(), [DIRECTORY, "plain"]);
}

#[tokio::test]
async fn a_plugin_is_compiled_anew_when_a_vault_comes_or_changes() {
    let mut desk = Desk::new();
    assert!(
        !desk.put("plugins", &plugin("{vault://v1/dir}")),
        "there is no such vault yet"
    );
    assert_eq!(desk.plan.size().plugins, 0);
    desk.put("vaults", &vault(Some("cargo_manifest_")));
    assert_eq!(desk.seen(), ["", DIRECTORY]);
    assert_eq!(desk.plan.size().plugins, 1);
    desk.put("vaults", &vault(None));
    assert_eq!(desk.seen(), [""]);
    assert_eq!(desk.plan.size().plugins, 1, "it goes on with what it had");
    desk.put("plugins", &plugin("plain"));
    desk.put("vaults", &vault(Some("x")));
    assert_eq!(desk.seen(), ["plain"], "it refers to nothing any more");
}
