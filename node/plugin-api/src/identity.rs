//! Who the client turned out to be.
//!
//! Ids and names are kept in the form in which they go into headers, so that a hit in the cache costs a reference count and
//! no formatting.

use http::HeaderValue;
use std::sync::Arc;
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
#[derive(Clone)]
pub struct Credential {
    /// Its id.
    pub id: Uuid,
    /// Its id as text.
    pub id_text: HeaderValue,
    /// Whose it is.
    pub consumer: Uuid,
    /// All its fields, for plugins that check a secret.
    pub record: Record,
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

/// The outcome of authentication.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who it is.
    pub consumer: Arc<Consumer>,
    /// By what; none for an anonymous consumer.
    pub credential: Option<Arc<Credential>>,
}
