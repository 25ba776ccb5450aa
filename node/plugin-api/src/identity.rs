//! Who the client turned out to be.
//!
//! Ids and names are kept in the form in which they go into headers, so that a hit in the cache costs a reference count and
//! no formatting.

use http::HeaderValue;
use serde_json::Value;
use std::{
    any::Any,
    sync::{Arc, OnceLock},
};
use troop_schema::Record;
use uuid::Uuid;

/// A consumer, as the data plane needs it.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its id.
    pub id: Uuid,
    /// Its id as text.
    pub id_text: HeaderValue,
    /// Its user name, if it has one.
    pub username: Option<HeaderValue>,
    /// Its custom id, if it has one.
    pub custom_id: Option<HeaderValue>,
}

/// A credential, as the data plane needs it.
pub struct Credential {
    /// Its id.
    pub id: Uuid,
    /// Its id as text.
    pub id_text: HeaderValue,
    /// Whose it is.
    pub consumer: Uuid,
    record: Record,
    derived: OnceLock<Derived>,
}

type Derived = Arc<dyn Any + Send + Sync>;

impl Credential {
    /// A consumer's credential with these fields.
    pub fn new(id: Uuid, consumer: Uuid, record: Record) -> Self {
        let id_text = HeaderValue::try_from(id.to_string());
        Credential {
            id,
            id_text: id_text.expect("invariant: an id is hexadecimal digits and hyphens"),
            consumer,
            record,
            derived: OnceLock::new(),
        }
    }

    /// A field that is a text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.record.get(field).and_then(Value::as_str)
    }

    /// What a plugin makes of the fields, made once and kept as long as the credential is: a key read from its text, say. Each kind
    /// of credential belongs to one plugin, so there is one such thing.
    pub fn derived<T: Any + Send + Sync>(&self, make: impl FnOnce(&Self) -> T) -> Option<&T> {
        let kept = self.derived.get_or_init(|| Arc::new(make(self)));
        kept.downcast_ref()
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The record holds the secret.
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("consumer", &self.consumer)
            .finish_non_exhaustive()
    }
}

/// The groups a consumer was put into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    names: Vec<String>,
    listed: Option<HeaderValue>,
}

impl Groups {
    /// These groups.
    pub fn new(names: Vec<String>) -> Self {
        let listed = HeaderValue::from_bytes(names.join(", ").as_bytes()).ok();
        Groups {
            listed: listed.filter(|list| !list.is_empty()),
            names,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether one of these is among them.
    pub fn has_any(&self, names: &[String]) -> bool {
        self.names.iter().any(|name| names.contains(name))
    }

    /// All of them in one header field; none if there are none, or one of them is not fit for a header.
    pub fn listed(&self) -> Option<&HeaderValue> {
        self.listed.as_ref()
    }
}

/// The outcome of authentication.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who it is.
    pub consumer: Arc<Consumer>,
    /// By what; none for an anonymous consumer.
    pub credential: Option<Arc<Credential>>,
}
