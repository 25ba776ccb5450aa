//! Spans of exchanges: what the gateway puts down in the trace that a request belongs to.
//!
//! Off is the usual case and costs a look at an empty option. When on, every request's waybill is read and written anew for the peer, kept or
//! not, so that the stations behind us agree on the journey; spans are made at the end, of the journeys that are kept.

pub mod export;

use crate::{client::Client, options::Tracing, tail::Tail};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use std::{borrow::Cow, time::Instant};
use troop_plugin_api::Edits;
use troop_telemetry::trace::{Fact, Journey, Side, Span, Waybill};

/// The journey of an exchange, and the number of the stretch to the peer that is tried last.
pub(crate) struct Traced {
    pub journey: Journey,
    to_peer: u64,
}

impl Traced {
    /// Reads the client's waybill, or makes one.
    pub fn begin(tracing: &Tracing, headers: &HeaderMap) -> Box<Self> {
        let came = Waybill::read(|name| headers.get(name)?.to_str().ok());
        let journey = Journey::begin(came, rand::random(), rand::random(), tracing.share);
        Box::new(Traced {
            journey,
            to_peer: rand::random::<u64>().max(1),
        })
    }

    /// Wishes the peer to get the waybill.
    pub fn sign(&self, tracing: Option<&Tracing>, wishes: &mut Edits) {
        for name in Waybill::HEADERS {
            wishes.remove(HeaderName::from_static(name));
        }
        let tells_peer = tracing.is_some_and(|tracing| tracing.balancer);
        let from = if tells_peer { self.to_peer } else { self.journey.id };
        for (name, value) in self.journey.waybill(from).write() {
            if let Ok(value) = HeaderValue::try_from(value) {
                wishes.set(HeaderName::from_static(name), value);
            }
        }
    }

    /// Puts down what came of it.
    pub fn end(&self, tracing: &Tracing, tail: &Tail, client: &Client) {
        if !self.journey.kept {
            return;
        }
        let ns = |moment: Instant| client.worker.unix_us_at(moment).saturating_mul(1_000);
        if tracing.balancer {
            (0..tail.tries.len()).for_each(|at| tracing.spans.take(self.try_span(tracing, tail, at)));
        }
        if tracing.request {
            tracing
                .spans
                .take(self.request_span(tail, ns(tail.started), ns(Instant::now())));
        }
    }

    fn request_span(&self, tail: &Tail, from_ns: u64, to_ns: u64) -> Span {
        let request = &tail.request;
        let route = tail.route.as_ref().map(crate::tail::Owned::called);
        let mut facts = vec![
            ("http.request.method", Fact::from(request.method.as_str())),
            ("url.scheme", tail.scheme.as_str().into()),
            // Without the query: it may hold keys.
            ("url.path", request.uri.path().into()),
            ("http.response.status_code", tail.status.into()),
            ("client.address", tail.client.to_string().into()),
            ("server.port", tail.port.into()),
            ("network.protocol.version", version(request.version).into()),
            ("kong.request_id", tail.id.as_str().into()),
        ];
        let service = tail.service.as_ref().map(crate::tail::Owned::called);
        let consumer = tail
            .identity
            .as_ref()
            .map(|identity| identity.consumer.id.to_string());
        let known = [
            ("http.route", route.clone()),
            ("kong.service", service),
            ("kong.consumer.id", consumer),
        ];
        facts.extend(
            known
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?.into()))),
        );
        Span {
            trace_id: self.journey.trace_id,
            id: self.journey.id,
            parent: self.journey.parent,
            name: name_of(&request.method, route.as_deref()),
            side: Side::Server,
            from_ns,
            to_ns,
            facts,
            failed: tail.status >= 500,
        }
    }

    /// A try. The last one is where the waybill for the peer was signed: whoever goes on with the journey does so from there.
    fn try_span(&self, tracing: &Tracing, tail: &Tail, at: usize) -> Span {
        let tried = &tail.tries[at];
        let is_last = at + 1 == tail.tries.len();
        let status = tried.status.or(tried.failed_as);
        let mut facts = vec![
            ("server.address", Fact::from(tried.peer.ip().to_string())),
            ("server.port", tried.peer.port().into()),
        ];
        if at > 0 {
            facts.push(("http.request.resend_count", Fact::Number(at as i64)));
        }
        facts.extend(status.map(|status| ("http.response.status_code", status.into())));
        let from_ns = tried.picked_at_us.saturating_mul(1_000);
        Span {
            trace_id: self.journey.trace_id,
            id: if is_last {
                self.to_peer
            } else {
                rand::random::<u64>().max(1)
            },
            parent: if tracing.request {
                Some(self.journey.id)
            } else {
                self.journey.parent
            },
            // Kong: this name.
            name: Cow::Borrowed("kong.balancer"),
            side: Side::Client,
            from_ns,
            to_ns: from_ns.saturating_add(tried.took_us.saturating_mul(1_000)),
            facts,
            failed: tried.status.is_none_or(|status| status >= 500),
        }
    }
}

/// Clients make up methods; names are of few words.
fn name_of(method: &Method, route: Option<&str>) -> Cow<'static, str> {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let method = if KNOWN.contains(method) {
        method.as_str()
    } else {
        "HTTP"
    };
    Cow::Owned(format!("{method} {}", route.unwrap_or("(no route)")))
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
