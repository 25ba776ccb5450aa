//! What vault references stand for on this node.
//!
//! The errand boy. A configuration says `{vault://env/KEY}`; when it is compiled for this node he fetches what stands there now.
//! The store never sees what he brought, and every node may be sent to another door.
//!
//! Kong: the resource is spelt with `_` for `-` and in capitals, after the prefix that the vault, or an option of the reference, asks
//! for; a member is looked up in the value read as JSON. What is not found is empty, and said in the log by its reference.
//!
//! The catch: an environment does not change while a process runs, a vault entity does. When one comes, changes or goes, the plugins
//! whose configuration holds a reference are compiled anew.

use imbl::HashMap;
use serde::Deserialize;
use serde_json::Value;
use std::{env, sync::Arc};
use troop_schema::VaultReference;
use uuid::Uuid;

/// The kind of vault there is, also a vault by itself.
const ENV: &str = "env";

/// A vault entity.
#[derive(Debug, Deserialize)]
pub(crate) struct VaultRecord {
    pub id: Uuid,
    pub name: String,
    pub prefix: String,
    pub config: Option<VaultConfig>,
}

/// Where a vault looks.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct VaultConfig {
    pub prefix: Option<String>,
}

/// The vault entities of a plan.
#[derive(Clone, Default)]
pub(crate) struct Vaults {
    by_id: HashMap<Uuid, Arc<VaultRecord>>,
}

impl Vaults {
    /// One came or changed.
    pub fn put(&mut self, vault: VaultRecord) {
        self.by_id.insert(vault.id, Arc::new(vault));
    }

    /// One went.
    pub fn remove(&mut self, id: Uuid) {
        self.by_id.remove(&id);
    }

    /// What a reference stands for; empty, with a word in the log, if that cannot be found.
    pub fn fetch(&self, text: &str) -> Value {
        let found = VaultReference::parse(text)
            .and_then(|reference| self.find(&reference, &|name| env::var(name).ok()));
        if found.is_none() {
            tracing::warn!(
                reference = text,
                "a vault reference leads nowhere; the field is empty"
            );
        }
        found.unwrap_or_default().into()
    }

    fn find(
        &self,
        reference: &VaultReference<'_>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let config = self.config(reference.vault)?;
        let option = reference.options.iter().find(|(name, _)| *name == "prefix");
        let prefix = option.map(|(_, prefix)| *prefix).or(config).unwrap_or_default();
        let name = format!("{prefix}{}", reference.resource)
            .replace('-', "_")
            .to_uppercase();
        let value = environment(&name)?;
        match reference.member {
            None => Some(value),
            Some(member) => member_of(&value, member),
        }
    }

    /// The prefix that a vault asks for; `None` if there is no such vault.
    fn config(&self, vault: &str) -> Option<Option<&str>> {
        if vault == ENV {
            return Some(None);
        }
        let record = self
            .by_id
            .values()
            .find(|record| record.prefix == vault && record.name == ENV)?;
        Some(record.config.as_ref().and_then(|config| config.prefix.as_deref()))
    }
}

fn member_of(value: &str, member: &str) -> Option<String> {
    let value: Value = serde_json::from_str(value).ok()?;
    match value.get(member)? {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reference: &str, wanted: Option<&str>) {
        let mut vaults = Vaults::default();
        for (n, prefix, looks) in [(1, "v1", Some("my_")), (2, "v2", None)] {
            vaults.put(VaultRecord {
                id: Uuid::from_u128(n),
                name: ENV.into(),
                prefix: prefix.into(),
                config: looks.map(|prefix: &str| VaultConfig {
                    prefix: Some(prefix.to_owned()),
                }),
            });
        }
        let environment = |name: &str| match name {
            "A_B" => Some("plain".to_owned()),
            "MY_A_B" => Some("prefixed".to_owned()),
            "OBJECT" => Some(r#"{"a": "x", "n": 5, "o": {}}"#.to_owned()),
            _ => None,
        };
        let found = vaults.find(&VaultReference::parse(reference).unwrap(), &environment);
        assert_eq!(found.as_deref(), wanted, "{reference}");
    }

    #[test]
    fn resources_are_variables_in_capitals() {
        check("{vault://env/a-b}", Some("plain"));
        check("{vault://env/A_B}", Some("plain"));
        check("{vault://env/none}", None);
    }

    #[test]
    fn vaults_and_references_may_ask_for_a_prefix() {
        check("{vault://v1/a-b}", Some("prefixed"));
        check("{vault://v2/a-b}", Some("plain"));
        check("{vault://v2/a-b?prefix=my-}", Some("prefixed"));
        check("{vault://v3/a-b}", None);
    }

    #[test]
    fn members_are_looked_up_in_json() {
        check("{vault://env/object/a}", Some("x"));
        check("{vault://env/object/n}", Some("5"));
        check("{vault://env/object/o}", None);
        check("{vault://env/object/none}", None);
        check("{vault://env/a-b/a}", None);
    }
}
