//! An Admin API one can talk to in a line.

use crate::{follower::Follower, lone::Lone};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, Request};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use troop_admin::{Admin, AdminParts, Body, Options, PluginFacts};
use troop_catalog::Catalog;
use troop_schema::Registry;
use troop_txn::{MemoryStore, Store};

/// The API and the node behind it.
pub struct Desk {
    pub admin: Arc<Admin>,
    pub node: Arc<Lone>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Seen {
    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The status, and the sentence of a short error.
    pub fn message(&self) -> (u16, &str) {
        (self.status, self.body["message"].as_str().unwrap_or_default())
    }
}

/// Names of the fields of a document.
pub fn fields(document: &Value) -> Vec<&str> {
    document.as_object().unwrap().keys().map(String::as_str).collect()
}

impl Desk {
    /// On a store of its own.
    pub fn new() -> Desk {
        Desk::on(Arc::new(MemoryStore::new()))
    }

    /// On a follower's copy, and the follower.
    pub fn behind() -> (Desk, Arc<Follower>) {
        let store = Follower::new();
        (Desk::on(store.clone()), store)
    }

    /// On `store`.
    pub fn on(store: Arc<dyn Store>) -> Desk {
        Desk::with(store, Options::default())
    }

    /// On `store`, with limits of its own.
    pub fn with(store: Arc<dyn Store>, options: Options) -> Desk {
        let plugins = troop_plugins::bundled();
        let registry = Registry::new(plugins.iter().map(|plugin| plugin.schema()).collect()).unwrap();
        let facts = plugins.iter().map(|plugin| PluginFacts {
            name: plugin.name().into(),
            version: plugin.version().into(),
            priority: i64::from(plugin.priority()),
        });
        let node = Lone::new(Arc::clone(&store), facts.collect());
        let admin = Admin::new(AdminParts {
            store,
            catalog: Arc::new(Catalog::new(Arc::new(registry))),
            serving: node.clone(),
            cluster: node.clone(),
            facts: node.clone(),
            options,
        });
        Desk { admin, node }
    }

    pub async fn get(&self, path: &str) -> Seen {
        self.send("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Seen {
        self.send("POST", path, Some(body)).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Seen {
        self.send_with(method, path, &[], body).await
    }

    /// With a JSON body if there is one.
    pub async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Seen {
        let mut headers = headers.to_vec();
        let text = body.map(|body| body.to_string());
        if text.is_some() {
            headers.push(("content-type", "application/json"));
        }
        self.raw(method, path, &headers, &text.unwrap_or_default()).await
    }

    /// As it is.
    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let (head, body) = self.admin.answer(request).await.into_parts();
        let bytes = body.as_bytes().cloned().unwrap_or_default();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Seen {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    /// The first piece of a stream.
    pub async fn first_piece(&self, path: &str) -> String {
        let request = Request::builder().uri(path).body(Bytes::new()).unwrap();
        let Body::Stream(mut stream) = self.admin.answer(request).await.into_body() else {
            panic!("{path} is no stream");
        };
        let piece = tokio::time::timeout(Duration::from_secs(10), stream.next())
            .await
            .unwrap()
            .unwrap();
        String::from_utf8(piece.to_vec()).unwrap()
    }
}
