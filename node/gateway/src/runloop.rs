//! The river: one request from its head to the head of its response.
//!
//! [`Course::flow`] is the table of phases:
//!
//! ```text
//! door ─► rewrite ─► route ─► protocol ─► access ─► balancer, send ─► header_filter ─► body_filter, log
//!   400     global     404      426/30x    plugins     502/503/504       respond.rs      to_client.rs, tail.rs
//! ```
//!
//! It takes no lock, and waits only for sockets, deadlines, and handlers that have to look something up. Any phase can end it early with
//! a [`Rescue`] or a plugin's reply; what comes after the early end (filters, log) is the same as for a proxied response.

use crate::{
    access_log::RequestPen,
    affinity::Traits,
    chain::{Chain, Passed},
    client::Client,
    door::{self, Asked},
    edited::Edited,
    fields::Fields,
    flow::{Flow, Proxied, call_peer},
    forward::Forwarded,
    intake::Intake,
    peer::{
        attempt::{self, Means, Outgoing, Trail},
        head::Expected,
        upload::Upload,
    },
    plan::{
        Plan,
        compile::{Route, Service},
    },
    request_id::RequestId,
    rescue::Rescue,
    scene::{Scene, bare_host, check_protocol},
    spans::Traced,
    tail::Owned,
    to_client::ToClient,
    view::{RequestView, RoutedHeaders},
};
use http::{HeaderMap, Method, Request, Response, Version, header, request};
use hyper::body::Incoming;
use std::{borrow::Cow, convert::Infallible, net::SocketAddr, rc::Rc, time::Instant};
use troop_plugin_api::{
    Client as ClientFacts, Exchange, Facts, Identity, Phases, Reply, Request as PluginRequest, Scheme, Scope,
    Shared, UriCapture, Verdict, Wishes,
};
use troop_router::{Match, NOWHERE, RequestHead, Tls};
use troop_stdx::Remote;

/// Serves one request.
pub(crate) async fn serve(
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Result<Response<ToClient>, Infallible> {
    client.exchange_begins();
    client.worker.page.requests.up();
    let shed = client.worker.sheds();
    let (parts, body) = request.into_parts();
    let options = &client.worker.options;
    let intake = Intake::new(
        body,
        options.client_max_body_size_bytes,
        &options.limits,
        Rc::clone(&client.slot),
    );
    let mut course = Course::begin(&client);
    let ended = if shed {
        course.turn_away(&parts, &intake)
    } else {
        course.flow(&parts, intake).await
    };
    client.answer_begins();
    Ok(course.respond(parts, ended))
}

/// What is known of an exchange while it flows.
pub(crate) struct Course<'c> {
    pub client: &'c Rc<Client>,
    pub id: RequestId,
    pub started: Instant,
    /// Who takes part in the phases after `access`.
    pub chain: Rc<Chain>,
    pub shared: Shared,
    pub identity: Option<Identity>,
    /// Whom the router chose, if anybody logs it.
    pub matched: Option<(Owned, Option<Owned>)>,
    /// The client's address.
    pub address: Remote,
    pub trail: Trail,
    /// Path and query that the peer was asked for, if anybody logs it.
    pub peer_target: Option<String>,
    /// Bytes of the request's body so far.
    pub received: u64,
    /// Whether the client wants another request on this connection.
    pub keep_alive: bool,
    /// Whether so much of the body is unread that the connection is better closed.
    pub clogged: bool,
    /// The trace it belongs to, if there are traces.
    pub traced: Option<Box<Traced>>,
}

/// Why no peer's answer came of it.
pub(crate) enum Ended {
    /// The gateway answers.
    Rescued(Rescue),
    /// A plugin answers.
    Replied(Box<Reply>),
}

/// Unread bodies up to this size are worth reading to keep the connection.
const DRAIN_MAX_BYTES: u64 = 64 * 1024;

impl From<Rescue> for Ended {
    fn from(rescue: Rescue) -> Self {
        Ended::Rescued(rescue)
    }
}

impl<'c> Course<'c> {
    fn begin(client: &'c Rc<Client>) -> Self {
        Course {
            client,
            id: client.worker.ids.next(),
            started: Instant::now(),
            chain: Rc::default(),
            shared: Shared::default(),
            identity: None,
            matched: None,
            address: client.remote,
            trail: Trail::default(),
            peer_target: None,
            received: 0,
            keep_alive: false,
            clogged: false,
            traced: None,
        }
    }

    /// The worker has more to do than it can: nobody looks at this request.
    fn turn_away(&mut self, parts: &request::Parts, intake: &Intake) -> Result<Proxied, Ended> {
        self.client.worker.page.shed.up();
        self.clogged = intake.length().is_none_or(|bytes| bytes > DRAIN_MAX_BYTES);
        self.keep_alive = wants_keep_alive(&Fields::notice(Edited::arrived(&parts.headers)), parts.version);
        Err(Rescue::Overloaded.into())
    }

    /// The table of phases.
    async fn flow(&mut self, parts: &request::Parts, mut intake: Intake) -> Result<Proxied, Ended> {
        self.clogged = intake.length().is_none_or(|bytes| bytes > DRAIN_MAX_BYTES);
        let worker = &self.client.worker;
        let tracing = worker.options.tracing.as_ref();
        self.traced = tracing.map(|tracing| Traced::begin(tracing, &parts.headers));
        let plan = worker.plan();
        self.chain = worker.chains.get(&plan.instances, Scope::GLOBAL);
        let asked = door::admit(parts)?;
        self.keep_alive = wants_keep_alive(&asked.fields, parts.version);
        intake.check_declared().map_err(Rescue::from)?;
        self.address = self.client_address(&parts.headers);
        let scheme = self.scheme(&parts.headers);
        let host = bare_host(asked.host);

        let wishes = self.rewrite(parts, scheme, &host, &mut intake)?;
        let found = self.route(&plan, parts, &asked).ok_or(Rescue::NoRoute)?;
        asked.undisputed()?;
        if self.traced.is_some()
            || worker
                .pens
                .requests
                .as_ref()
                .is_some_and(RequestPen::tells_entities)
        {
            self.matched = Some(Owned::of(found.payload));
        }
        check_protocol(found.payload, scheme, &host, parts)?;
        let scene = Scene {
            plan: &plan,
            parts,
            asked: &asked,
            found: &found,
            scheme,
            host: &host,
        };
        let wishes = if plan.instances.is_empty() {
            wishes
        } else {
            // On the heap: what plugins may have to wait for must not make every request carry its room along.
            Box::pin(self.access(&scene, wishes, &mut intake)).await?
        };
        let service = found.payload.service.as_deref().ok_or(Rescue::NoService)?;
        self.proxy(&scene, service, wishes, intake).await
    }

    /// The connection's address, or whom that says its client is if it is trusted.
    fn client_address(&self, headers: &HeaderMap) -> Remote {
        let client = self.client;
        let told = if client.trusted {
            let options = &client.worker.options;
            options.real_ip.told(headers, client.told, &options.trusted_ips)
        } else {
            None
        };
        told.map_or(client.remote, Remote::Ip)
    }

    /// TLS or not, as far as a trusted proxy in front knows better.
    pub fn scheme(&self, headers: &HeaderMap) -> Scheme {
        let told = if self.client.trusted {
            headers.get("x-forwarded-proto")
        } else {
            None
        };
        match (told.map(|v| v.as_bytes()), &self.client.tls) {
            (Some(b"https"), _) | (None, Some(_)) => Scheme::Https,
            _ => Scheme::Http,
        }
    }

    /// Global handlers before there is a route.
    fn rewrite(
        &mut self,
        parts: &request::Parts,
        scheme: Scheme,
        host: &str,
        intake: &mut Intake,
    ) -> Result<Wishes, Ended> {
        if !self.chain.has(Phases::REWRITE) {
            return Ok(Wishes::default());
        }
        let view = RequestView(parts);
        let id = self.id;
        let facts = self.facts(&id, parts.version, scheme, host, None, &Vec::new);
        let mut exchange = Exchange::new(PluginRequest::new(&view, intake), facts, &self.client.worker.desk);
        let chain = Rc::clone(&self.chain);
        for link in chain.of(Phases::REWRITE) {
            match link.handler.rewrite(&mut exchange) {
                Ok(Verdict::Continue) => {}
                Ok(Verdict::Respond(reply)) => return Err(Ended::Replied(reply)),
                Err(failure) => return Err(failed(&failure)),
            }
        }
        let (request, shared, _) = exchange.into_parts();
        self.shared = shared;
        Ok(request.into_wishes())
    }

    fn route<'p>(
        &self,
        plan: &'p Plan,
        parts: &request::Parts,
        asked: &Asked<'_>,
    ) -> Option<Match<'p, Route>> {
        plan.router.find(&RequestHead {
            method: parts.method.as_str(),
            host: asked.host,
            port: self.client.port(),
            path: &asked.path,
            query: asked.query.strip_prefix('?').unwrap_or_default(),
            headers: &RoutedHeaders(&parts.headers),
            tls: match &self.client.tls {
                None => Tls::Plain,
                Some(tls) => Tls::Https {
                    sni: tls.sni.as_deref(),
                },
            },
            source: self.source(),
            destination: self.client.listener.unwrap_or(NOWHERE),
        })
    }

    /// Where the client is, for routes by address.
    fn source(&self) -> SocketAddr {
        let address = self.address.ip();
        address.map_or(NOWHERE, |address| (address, self.client.remote_port).into())
    }

    /// Handlers in the order of their turns.
    async fn access(
        &mut self,
        scene: &Scene<'_>,
        wishes: Wishes,
        intake: &mut Intake,
    ) -> Result<Wishes, Ended> {
        let route = scene.found.payload;
        let covered = Scope {
            route: Some(route.facts.id),
            service: route.service.as_ref().map(|s| s.id),
            consumer: None,
        };
        let view = RequestView(scene.parts);
        let captures = || scene.captures();
        let id = self.id;
        let facts = self.facts(
            &id,
            scene.parts.version,
            scene.scheme,
            scene.host,
            Some(route),
            &captures,
        );
        let request = PluginRequest::with_wishes(&view, intake, wishes);
        let mut exchange = Exchange::new(request, facts, &self.client.worker.desk);
        exchange.shared = std::mem::take(&mut self.shared);
        let chains = &self.client.worker.chains;
        let Passed { chain, verdict } = chains.access(&scene.plan.instances, covered, &mut exchange).await;
        let (request, shared, identity) = exchange.into_parts();
        (self.chain, self.shared, self.identity) = (chain, shared, identity);
        if self.chain.has(Phases::LOG) {
            self.matched = Some(Owned::of(route));
        }
        match verdict {
            Ok(None) => Ok(request.into_wishes()),
            Ok(Some(reply)) => Err(Ended::Replied(reply)),
            Err(failure) => Err(failed(&failure)),
        }
    }

    /// What handlers may know. Borrows the id apart, so that the exchange's own state stays free to be written.
    fn facts<'a>(
        &self,
        id: &'a RequestId,
        version: Version,
        scheme: Scheme,
        host: &'a str,
        route: Option<&'a Route>,
        captures: &'a dyn Fn() -> Vec<UriCapture>,
    ) -> Facts<'a>
    where
        'c: 'a,
    {
        let client: &'a Rc<Client> = self.client;
        Facts {
            request_id: id.as_str(),
            client: ClientFacts {
                address: self.address,
                listener: client.listener,
                connection: client.number,
                request: client.requests.get(),
            },
            scheme,
            version,
            host,
            port: client.port(),
            started_at_us: client.worker.unix_us_at(self.started),
            route: route.map(|r| r.facts.matched()),
            service: route.and_then(|r| r.service.as_deref()).map(Service::matched),
            captures,
            node: &client.worker.options.node,
        }
    }

    /// Balancer, tries, and the head of the peer's answer.
    async fn proxy(
        &mut self,
        scene: &Scene<'_>,
        service: &Service,
        mut wishes: Wishes,
        mut intake: Intake,
    ) -> Result<Proxied, Ended> {
        if let Some(traced) = &self.traced {
            traced.sign(self.client.worker.options.tracing.as_ref(), &mut wishes.headers);
        }
        let edits = wishes.headers.take();
        let headers = Edited::new(&scene.parts.headers, &edits);
        let noticed = Fields::are_touched(&edits).then(|| Fields::notice(headers));
        let fields = noticed.as_ref().unwrap_or(&scene.asked.fields);
        let target = scene.target(service, wishes.path.as_deref(), wishes.query.as_deref());
        self.peer_target = self.chain.has(Phases::LOG).then(|| target.clone());
        let address_text = self.address_text();
        let forwarded = self.forwarded(scene, &address_text);
        if !service.http2 && intake.length().is_none() {
            let patient = scene.found.payload.facts.request_buffering;
            Box::pin(intake.gather(patient)).await.map_err(Rescue::from)?;
        }
        let method = wishes.method.as_ref().unwrap_or(&scene.parts.method);
        let keeps_host = scene.found.payload.facts.preserve_host;
        let kept_host = Some(scene.asked.host).filter(|host| keeps_host && !host.is_empty());
        let wished_host = wishes.host.as_ref().and_then(|host| host.to_str().ok());
        let outgoing = Outgoing {
            method,
            target: &target,
            headers,
            fields,
            forwarded: &forwarded,
            host: wished_host.or(kept_host),
            expected: Expected {
                head_only: *method == Method::HEAD,
                websocket: scene.parts.version != Version::HTTP_10 && fields.wants_websocket(),
                trailers: fields.wants_trailers,
            },
            traits: Traits {
                identity: self.identity.as_ref(),
                address: self.address,
                headers,
                path: &scene.asked.path,
                query: wishes
                    .query
                    .as_deref()
                    .unwrap_or(scene.asked.query.trim_start_matches('?')),
                captures: &|| scene.captures(),
            },
        };
        let means = Means {
            worker: &self.client.worker,
            slot: &self.client.slot,
        };
        let mut trail = Trail::default();
        if service.http2 {
            // On the heap: requests over HTTP/1.1 carry no room for calls.
            let call = call_peer(scene.plan, service, &outgoing, intake, &means, &mut trail);
            let (called, received) = Box::pin(call).await;
            (self.trail, self.received) = (trail, received);
            return called.map_err(Ended::from);
        }
        let mut upload = Upload::new_announced(intake, fields.has_length);
        let asked = attempt::ask(scene.plan, service, &outgoing, &mut upload, &means, &mut trail).await;
        self.trail = trail;
        self.received = upload.received();
        self.clogged &= !upload.is_done();
        let mut answered = asked?;
        if *method == Method::HEAD && scene.parts.method != Method::HEAD {
            // The length of a body that the client will not get.
            answered.head.headers.remove(header::CONTENT_LENGTH);
        }
        Ok(Proxied {
            head: answered.head,
            peer: answered.peer,
            sent_at: answered.sent_at,
            flow: Flow::Link {
                link: answered.link,
                lease: answered.lease,
                upload,
            },
            timeouts: service.timeouts,
        })
    }

    fn forwarded<'a>(&'a self, scene: &'a Scene<'_>, client: &'a str) -> Forwarded<'a> {
        let worker = &self.client.worker;
        Forwarded {
            client,
            connection: &self.client.address_text,
            trusted: self.client.trusted,
            scheme: if self.client.tls.is_some() {
                "https"
            } else {
                "http"
            },
            host: scene.host,
            port: &self.client.port_text,
            path: scene.asked.raw_path,
            prefix: scene.stripped_prefix(),
            via: match scene.parts.version {
                Version::HTTP_10 => &worker.via_10,
                Version::HTTP_2 => &worker.via_2,
                _ => &worker.via_11,
            },
            request_id: worker.options.headers.peer_request_id.then(|| self.id.as_bytes()),
        }
    }

    fn address_text(&self) -> Cow<'c, str> {
        if self.address == self.client.remote {
            Cow::Borrowed(&self.client.address_text)
        } else {
            Cow::Owned(self.address.to_string())
        }
    }
}

fn failed(failure: &troop_plugin_api::Failure) -> Ended {
    let cause = std::error::Error::source(failure).map(ToString::to_string);
    tracing::error!(error = %failure, cause, "a plugin failed");
    Rescue::PluginFailed.into()
}

fn wants_keep_alive(fields: &Fields<'_>, version: Version) -> bool {
    match version {
        Version::HTTP_10 => fields.connection_lists("keep-alive"),
        _ => !fields.connection_lists("close"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, F>(_: fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// It is moved when it is made: each kilobyte costs every request some hundred instructions.
    #[test]
    fn the_future_of_an_exchange_stays_below_four_kilobytes() {
        assert!(size_of_future(serve) < 4 * 1024, "{}", size_of_future(serve));
    }
}
