//! A stage for tests: an exchange without sockets, store or gateway.

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{BoxFuture, LocalBoxFuture},
};
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
};
use tokio::{sync::watch, task::JoinHandle};
use troop_plugin_api::{
    Backstage, BodyError, BodySource, Client, Consumer, Credential, Edit, Exchange, Facts, Failure, Groups,
    Handler, Head, Identity, LogRecord, Looked, Lookup, Node, Phases, Plugin, Reply, Request, Response,
    Scheme, Scope, Setup, Shared, Source, Step, Timing, Verdict,
};
use troop_schema::Record;
use troop_telemetry::trace::Journey;
use uuid::Uuid;

/// What is asked and what is known.
#[derive(Default)]
pub(crate) struct Stage {
    pub method: Option<&'static str>,
    pub target: &'static str,
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: &'static str,
    /// Credentials by schema, each with a `consumer`.
    pub credentials: Vec<(&'static str, Value)>,
    /// Groups by consumer.
    pub groups: HashMap<Uuid, Vec<&'static str>>,
    /// Who the client is before the handler's turn.
    pub known: Option<Identity>,
    /// The client's address if it is not this machine.
    pub address: Option<IpAddr>,
    /// The response's head.
    pub response: Vec<(&'static str, &'static str)>,
    pub consumers: Vec<Arc<Consumer>>,
    /// The trace it belongs to.
    pub journey: Option<Journey>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Played {
    pub verdict: Result<Option<Reply>, Failure>,
    /// Headers set for the peer; `None` for removed ones.
    pub wishes: Vec<(String, Option<String>)>,
    pub query: Option<String>,
    pub path: Option<String>,
    pub method: Option<String>,
    pub host: Option<String>,
    pub body: Option<String>,
    pub consumer: Option<Uuid>,
    /// The status the client gets.
    pub status: u16,
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

/// What goes on behind the stage: tasks of the test's own runtime.
#[derive(Clone, Default)]
pub(crate) struct Behind {
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
    closing: watch::Sender<bool>,
}

impl Behind {
    /// The last exchange is over.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits for all tasks.
    pub async fn finish(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().expect("tasks"));
        for task in tasks {
            task.await.expect("a task");
        }
    }
}

impl Backstage for Behind {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) {
        self.tasks.lock().expect("tasks").push(tokio::spawn(task));
    }

    fn closing(&self) -> BoxFuture<'static, ()> {
        let mut closing = self.closing.subscribe();
        Box::pin(async move { _ = closing.wait_for(|closing| *closing).await })
    }

    fn record(&self, _entity: &'static str, _id: Uuid) -> BoxFuture<'static, Option<Record>> {
        Box::pin(async { None })
    }
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
    let setup = Setup {
        id: Uuid::from_u128(77),
        scope: Scope::GLOBAL,
        config: &config,
        backstage: &(Arc::new(Behind::default()) as Arc<dyn Backstage>),
    };
    plugin.configure(&setup).expect("a configuration")
}

impl Stage {
    /// Plays `access`, then `header_filter`.
    pub fn play(&self, handler: &dyn Handler) -> Played {
        let mut body = StageBody {
            bytes: Bytes::from_static(self.body.as_bytes()),
            replaced: None,
            max_bytes: usize::MAX,
        };
        let node = Node {
            id: "n".into(),
            hostname: "h".into(),
        };
        let facts = Facts {
            request_id: "0123456789abcdef0123456789abcdef",
            client: Client {
                address: self.address.unwrap_or(Ipv4Addr::LOCALHOST.into()).into(),
                listener: Some((Ipv4Addr::LOCALHOST, 8000).into()),
                connection: 7,
                request: 2,
            },
            scheme: Scheme::Http,
            version: http::Version::HTTP_11,
            host: "gw.test",
            port: 8000,
            started_at_us: 1_700_000_000_012_345,
            route: None,
            service: None,
            captures: &Vec::new,
            node: &node,
        };
        let mut exchange = Exchange::new(Request::new(self, &mut body), facts, self);
        if let Some(identity) = &self.known {
            exchange.authenticate(identity.clone());
        }
        let verdict = match handler.access(&mut exchange) {
            Step::Done(verdict) => verdict,
            Step::Later(future) => future.now_or_never().expect("nothing to wait for"),
        };
        let consumer = exchange.identity().map(|i| i.consumer.id);
        let (request, mut shared, identity) = exchange.into_parts();
        let mut wished = request.into_wishes();
        Played {
            verdict: verdict.map(|v| match v {
                Verdict::Continue => None,
                Verdict::Respond(reply) => Some(*reply),
            }),
            wishes: wished.headers.take().into_iter().map(wish).collect(),
            query: wished.query,
            path: wished.path,
            method: wished.method.map(|method| method.to_string()),
            host: wished.host.map(|host| host.to_str().expect("text").to_owned()),
            body: body.replaced.map(|b| String::from_utf8_lossy(&b).into_owned()),
            consumer,
            status: 0,
            echoed: Vec::new(),
        }
        .answered(self, handler, &mut shared, identity.as_ref())
    }
}

impl Played {
    /// `header_filter` and `log`, if the handler takes part.
    fn answered(
        mut self,
        stage: &Stage,
        handler: &dyn Handler,
        shared: &mut Shared,
        identity: Option<&Identity>,
    ) -> Played {
        let head = Stage {
            headers: stage.response.clone(),
            ..Stage::default()
        };
        let mut response = Response::new(200, Source::Peer, &head, stage).to(identity);
        if handler.phases().has(Phases::HEADER_FILTER) {
            handler.header_filter(shared, &mut response).expect("a response");
        }
        let mut wished = response.into_wishes();
        self.status = wished.status;
        let edits = wished.headers.take().into_iter().map(wish);
        self.echoed = edits.filter_map(|(name, value)| Some((name, value?))).collect();
        if handler.phases().has(Phases::LOG) {
            handler.log(&record(stage, &head, shared, identity, self.status));
        }
        self
    }
}

/// What is known of the exchange when it is over.
fn record<'a>(
    stage: &'a Stage,
    response: &'a Stage,
    shared: &'a Shared,
    identity: Option<&'a Identity>,
    status: u16,
) -> LogRecord<'a> {
    LogRecord {
        request_id: "0123456789abcdef0123456789abcdef",
        request: stage,
        scheme: Scheme::Http,
        port: 8000,
        peer_target: None,
        request_body_bytes: stage.body.len() as u64,
        status,
        response,
        response_body_bytes: 0,
        source: Source::Peer,
        tries: &[],
        timing: Timing::default(),
        client: stage.address.unwrap_or(Ipv4Addr::LOCALHOST.into()).into(),
        started_at_ms: 1_700_000_000_012,
        route: None,
        service: None,
        identity,
        journey: stage.journey.as_ref(),
        shared,
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

struct StageBody {
    bytes: Bytes,
    replaced: Option<Bytes>,
    max_bytes: usize,
}

impl BodySource for StageBody {
    fn read(&mut self) -> LocalBoxFuture<'_, Result<Bytes, BodyError>> {
        let (body, limit_bytes) = (self.bytes.clone(), self.max_bytes);
        Box::pin(async move {
            if body.len() > limit_bytes {
                return Err(BodyError::TooLarge { limit_bytes });
            }
            Ok(body)
        })
    }

    fn limit(&mut self, max_bytes: u64) {
        self.max_bytes = usize::try_from(max_bytes).expect("a small limit");
    }

    fn replace(&mut self, body: Bytes) {
        self.replaced = Some(body);
    }
}

/// A credential of a consumer, with these fields.
pub(crate) fn credential(consumer: Uuid, fields: &Value) -> Arc<Credential> {
    let id = Uuid::from_u128(99);
    let fields = fields.as_object().cloned().expect("an object");
    Arc::new(Credential::new(id, consumer, fields))
}

impl Lookup for Stage {
    fn credential(&self, entity: &'static str, field: &'static str, value: &str) -> Looked<Credential> {
        let found = self
            .credentials
            .iter()
            .find(|(own, fields)| *own == entity && fields[field] == value);
        Looked::now(Ok(found.map(|(_, fields)| {
            let owner = fields["consumer"].as_str().expect("a consumer");
            credential(owner.parse().expect("a uuid"), fields)
        })))
    }

    fn groups(&self, consumer: Uuid) -> Looked<Groups> {
        let names = self.groups.get(&consumer).into_iter().flatten();
        let names = names.map(|name| name.to_string()).collect();
        Looked::now(Ok(Some(Arc::new(Groups::new(names)))))
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
