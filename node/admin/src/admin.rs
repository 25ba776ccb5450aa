//! The Admin API as one function from request to answer.
//!
//! A request passes five desks: is there such a path, such a method, can the body be read, what are the
//! client's own terms; then its handler. Whatever comes back, an answer or a failure, gets the common headers
//! here and nowhere else.

use crate::{
    answer::{self, Answer, Reply},
    call::Call,
    custom,
    endpoint::{Endpoint, Endpoints, Handler},
    envelope::{self, Sender},
    idempotency::Ticket,
    options::Options,
    payload::Payload,
    ports::{ClusterControl, NodeFacts, Serving},
    problem::Failure,
    query::Query,
    server::Service,
    terms::Terms,
    write::RequestIds,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, request};
use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};
use tokio::sync::{Semaphore, watch};
use troop_catalog::Catalog;
use troop_schema::Registry;
use troop_stdx::Remote;
use troop_txn::Store;

/// What an [`Admin`] is made of.
pub struct AdminParts {
    /// The replicated state.
    pub store: Arc<dyn Store>,
    /// Entities over it.
    pub catalog: Arc<Catalog>,
    /// What data planes serve.
    pub serving: Arc<dyn Serving>,
    /// Members and tokens.
    pub cluster: Arc<dyn ClusterControl>,
    /// What this node is.
    pub facts: Arc<dyn NodeFacts>,
    /// Limits and times.
    pub options: Options,
}

/// The Admin API.
pub struct Admin {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) serving: Arc<dyn Serving>,
    pub(crate) cluster: Arc<dyn ClusterControl>,
    pub(crate) facts: Arc<dyn NodeFacts>,
    pub(crate) options: Options,
    pub(crate) endpoints: Endpoints,
    pub(crate) request_ids: RequestIds,
    pub(crate) event_streams: Arc<Semaphore>,
    /// Change sets that tools are sending.
    pub(crate) change_sets: custom::changes::ChangeSets,
    /// Who loads a document.
    pub(crate) document_turn: Semaphore,
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) openapi: OnceLock<Bytes>,
}

impl Admin {
    /// Ready to answer.
    pub fn new(parts: AdminParts) -> Arc<Admin> {
        let endpoints = Endpoints::new(parts.catalog.registry());
        let event_streams = Arc::new(Semaphore::new(parts.options.event_streams_max));
        Arc::new(Admin {
            store: parts.store,
            catalog: parts.catalog,
            serving: parts.serving,
            cluster: parts.cluster,
            facts: parts.facts,
            options: parts.options,
            endpoints,
            request_ids: RequestIds::random(),
            event_streams,
            change_sets: custom::changes::ChangeSets::default(),
            document_turn: Semaphore::new(1),
            closing: watch::Sender::new(false),
            openapi: OnceLock::new(),
        })
    }

    pub(crate) fn registry(&self) -> &Registry {
        self.catalog.registry()
    }

    /// Answers one request whose body is complete.
    pub async fn answer(&self, request: Request<Bytes>) -> Answer {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let mut sender = Sender::of(&head.headers);
        let reply = self.reply(head, body, &mut sender).await;
        let mut answer = reply.unwrap_or_else(Failure::into_answer);
        envelope::stamp(&mut answer, sender, started.elapsed(), &self.options);
        answer
    }

    async fn reply(&self, head: request::Parts, body: Bytes, sender: &mut Sender) -> Reply {
        let (endpoint, params) = self.endpoints.find(head.uri.path()).ok_or(Failure::NotFound)?;
        if head.method == Method::OPTIONS {
            return Ok(options_answer(endpoint, &head.headers));
        }
        let method = if head.method == Method::HEAD {
            Method::GET
        } else {
            head.method
        };
        let handler = endpoint.handler(&method).ok_or(Failure::MethodNotAllowed)?;
        let query = Query::parse(head.uri.query().unwrap_or_default(), self.options.args_max)?;
        let payload = self.payload(&method, &head.headers, &body)?;
        if matches!(payload, Payload::Text(_)) && !custom::reads_text(head.uri.path()) {
            return Err(Failure::UnsupportedMediaType);
        }
        let terms = Terms::parse(&query, &head.headers, &self.options)?;
        sender.set_asked(terms.asked);
        let actor = actor(head.extensions.get());
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let ticket = Ticket::of(&method, target, &head.headers, &body)?;
        let call = Call {
            method,
            params,
            query,
            payload,
            terms,
            headers: head.headers,
            actor,
            batch: None,
            ticket,
        };
        self.handle(handler, &call).await
    }

    pub(crate) async fn handle(&self, handler: &Handler, call: &Call) -> Reply {
        match handler {
            Handler::Generated(generated) => generated.answer(self, call).await,
            Handler::Custom(custom) => custom.answer(self, call).await,
        }
    }

    /// Kong: bodies of other methods are ignored, whatever is in them.
    fn payload(&self, method: &Method, headers: &HeaderMap, body: &Bytes) -> Result<Payload, Failure> {
        if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            return Ok(Payload::default());
        }
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .map(|value| value.to_str().unwrap_or("?"));
        Payload::read(content_type, body, &self.options)
    }
}

/// Who asks: Kong's open-source Admin API knows no names, so the address stands for the person.
fn actor(remote: Option<&Remote>) -> String {
    match remote {
        None => "admin".to_owned(),
        Some(Remote::Ip(address)) => format!("admin@{address}"),
        Some(Remote::Unix) => "admin@unix".to_owned(),
    }
}

/// Kong: every path answers `OPTIONS` with what it allows, in two headers.
fn options_answer(endpoint: &Endpoint, request: &HeaderMap) -> Answer {
    let mut answer = answer::empty(StatusCode::NO_CONTENT);
    let allow = HeaderValue::from_str(&endpoint.allow()).expect("invariant: method names are tokens");
    let wanted = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let headers = answer.headers_mut();
    headers.insert(header::ALLOW, allow.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        wanted.unwrap_or(HeaderValue::from_static("Content-Type")),
    );
    answer
}

impl Service for Admin {
    fn answer(&self, request: Request<Bytes>) -> BoxFuture<'_, Answer> {
        Box::pin(Admin::answer(self, request))
    }

    fn refuse(&self, failure: Failure) -> Answer {
        let mut answer = failure.into_answer();
        let took = std::time::Duration::ZERO;
        envelope::stamp(&mut answer, Sender::default(), took, &self.options);
        answer
    }

    fn options(&self) -> &Options {
        &self.options
    }

    fn close(&self) {
        self.closing.send_replace(true);
    }
}
