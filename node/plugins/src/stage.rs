//! A stage for tests: an exchange without sockets, store or gateway.

use bytes::Bytes;
use futures_util::{FutureExt, future::LocalBoxFuture};
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use std::{collections::HashMap, net::Ipv4Addr, sync::Arc};
use troop_plugin_api::{
    BodyError, BodySource, Client, Consumer, Credential, Edit, Exchange, Facts, Failure, Handler, Head,
    Looked, Lookup, Node, Plugin, Reply, Request, Response, Scheme, Shared, Source, Step, Verdict,
};
use troop_schema::Record;
use uuid::Uuid;

/// What is asked and what is known.
#[derive(Default)]
pub(crate) struct Stage {
    pub method: Option<&'static str>,
    pub target: &'static str,
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: &'static str,
    pub keys: HashMap<String, Uuid>,
    pub consumers: Vec<Arc<Consumer>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Played {
    pub verdict: Result<Option<Reply>, Failure>,
    /// Headers set for the peer; `None` for removed ones.
    pub wishes: Vec<(String, Option<String>)>,
    pub query: Option<String>,
    pub body: Option<String>,
    pub consumer: Option<Uuid>,
    /// Headers set for the client.
    pub echoed: Vec<(String, String)>,
}

impl Played {
    /// Status and message of an error answer.
    pub fn refused(&self) -> Option<(u16, String)> {
        let reply = self.verdict.as_ref().ok()?.as_ref()?;
        let message = match &reply.body {
            troop_plugin_api::ReplyBody::Message(text) => text.to_string(),
            troop_plugin_api::ReplyBody::Exact { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
            troop_plugin_api::ReplyBody::Empty => String::new(),
        };
        Some((reply.status, message))
    }

    /// What the peer gets under a name: none if nothing was wished.
    pub fn wish(&self, name: &str) -> Option<Option<&str>> {
        let last = self.wishes.iter().rev().find(|w| w.0 == name)?;
        Some(last.1.as_deref())
    }
}

/// A consumer with a name.
pub(crate) fn consumer(id: u128, name: &str) -> Arc<Consumer> {
    let id = Uuid::from_u128(id);
    Arc::new(Consumer {
        id,
        id_text: HeaderValue::try_from(id.to_string()).expect("a uuid"),
        username: Some(HeaderValue::try_from(name).expect("a name")),
        custom_id: None,
    })
}

/// An instance with the schema's defaults and these values.
pub(crate) fn configured(plugin: &dyn Plugin, changes: Value) -> Arc<dyn Handler> {
    let mut config = Record::new();
    let document = plugin.schema().config_document();
    for field in document["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .filter_map(Value::as_object)
    {
        config.extend(
            field
                .iter()
                .map(|(name, spec)| (name.clone(), spec["default"].clone())),
        );
    }
    config.extend(changes.as_object().cloned().expect("an object"));
    plugin.configure(&config).expect("a configuration")
}

impl Stage {
    /// Plays `access`, then `header_filter`.
    pub fn play(&self, handler: &dyn Handler) -> Played {
        let mut body = StageBody(Bytes::from_static(self.body.as_bytes()), None);
        let node = Node {
            id: "n".into(),
            hostname: "h".into(),
        };
        let facts = Facts {
            request_id: "0123456789abcdef0123456789abcdef",
            client: Client {
                address: Ipv4Addr::LOCALHOST.into(),
                listener: (Ipv4Addr::LOCALHOST, 8000).into(),
                connection: 7,
                request: 2,
            },
            scheme: Scheme::Http,
            host: "gw.test",
            port: 8000,
            started_at_us: 1_700_000_000_012_345,
            route: None,
            service: None,
            captures: &Vec::new,
            node: &node,
        };
        let mut exchange = Exchange::new(Request::new(self, &mut body), facts, self);
        let verdict = match handler.access(&mut exchange) {
            Step::Done(verdict) => verdict,
            Step::Later(future) => future.now_or_never().expect("nothing to wait for"),
        };
        let consumer = exchange.identity().map(|i| i.consumer.id);
        let (request, mut shared, _) = exchange.into_parts();
        let (mut edits, query) = request.into_wishes();
        Played {
            verdict: verdict.map(|v| match v {
                Verdict::Continue => None,
                Verdict::Respond(reply) => Some(*reply),
            }),
            wishes: edits.take().into_iter().map(wish).collect(),
            query,
            body: body.1.map(|b| String::from_utf8_lossy(&b).into_owned()),
            consumer,
            echoed: self.answer(handler, &mut shared),
        }
    }

    fn answer(&self, handler: &dyn Handler, shared: &mut Shared) -> Vec<(String, String)> {
        let none = Stage::default();
        let mut response = Response::new(200, Source::Peer, &none, self);
        if handler.phases().has(troop_plugin_api::Phases::HEADER_FILTER) {
            handler.header_filter(shared, &mut response).expect("a response");
        }
        let (_, mut edits) = response.into_wishes();
        edits
            .take()
            .into_iter()
            .filter_map(|edit| {
                let (name, value) = wish(edit);
                Some((name, value?))
            })
            .collect()
    }
}

fn wish(edit: Edit) -> (String, Option<String>) {
    let text = |v: HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    let name = |n: HeaderName| n.as_str().to_owned();
    match edit {
        Edit::Set(n, v) | Edit::Add(n, v) => (name(n), Some(text(v))),
        Edit::Remove(n) => (name(n), None),
    }
}

impl Head for Stage {
    fn method(&self) -> &str {
        self.method.unwrap_or("GET")
    }

    fn target(&self) -> &str {
        self.target
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|h| h.0 == name).map(|h| h.1.as_bytes())
    }

    fn each_of(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.headers
            .iter()
            .filter(|h| h.0 == name)
            .for_each(|h| visit(h.1.as_bytes()));
    }

    fn each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        self.headers.iter().for_each(|h| visit(h.0, h.1.as_bytes()));
    }
}

struct StageBody(Bytes, Option<Bytes>);

impl BodySource for StageBody {
    fn read(&mut self) -> LocalBoxFuture<'_, Result<Bytes, BodyError>> {
        let body = self.0.clone();
        Box::pin(async move { Ok(body) })
    }

    fn replace(&mut self, body: Bytes) {
        self.1 = Some(body);
    }
}

impl Lookup for Stage {
    fn credential(&self, entity: &'static str, field: &'static str, value: &str) -> Looked<Credential> {
        assert_eq!((entity, field), ("keyauth_credentials", "key"));
        let id = Uuid::from_u128(99);
        Looked::now(Ok(self.keys.get(value).map(|consumer| {
            Arc::new(Credential {
                id,
                id_text: HeaderValue::try_from(id.to_string()).expect("a uuid"),
                consumer: *consumer,
                record: Record::new(),
            })
        })))
    }

    fn consumer(&self, id: Uuid) -> Looked<Consumer> {
        Looked::now(Ok(self.consumers.iter().find(|c| c.id == id).cloned()))
    }

    fn consumer_by_username(&self, username: &str) -> Looked<Consumer> {
        let found = self
            .consumers
            .iter()
            .find(|c| c.username.as_ref().is_some_and(|n| n == username));
        Looked::now(Ok(found.cloned()))
    }

    fn record(&self, _entity: &'static str, _id: Uuid) -> Looked<Record> {
        Looked::now(Ok(None))
    }
}
