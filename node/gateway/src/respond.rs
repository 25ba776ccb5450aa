//! The lower course of the river: from an outcome to a response that the client's codec can send.

use crate::{
    access_log::RequestPen,
    answer::{self, About, After},
    client::Tunnel,
    flow::{Flow, Proxied},
    grpc,
    peer::{
        download::{Download, Pauses},
        head::Framing,
    },
    rescue::{self, Letter, Rescue, Taste},
    runloop::{Course, Ended},
    tail::{Listeners, Tail, millis},
    to_client::{Filters, Source as Bytes, ToClient},
    trailers,
    view::{KeptHead, RequestView, ResponseView},
};
use http::{HeaderMap, HeaderValue, Method, Response as HttpResponse, StatusCode, header, request};
use hyper::ext::ReasonPhrase;
use std::{rc::Rc, time::Instant};
use troop_plugin_api::{Phases, Response, Source};

/// A response before filters.
struct Made {
    status: StatusCode,
    reason: Option<ReasonPhrase>,
    headers: HeaderMap,
    bytes: Bytes,
    by: Source,
    about: About,
    after: After,
}

impl Made {
    /// Keeps the length of its body and loses the body: the codec of HTTP/2 sends whatever it is given.
    fn announce_only(&mut self) {
        if let Bytes::Whole(bytes) = &mut self.bytes {
            let length = std::mem::take(bytes).len();
            self.headers.insert(header::CONTENT_LENGTH, length.into());
        }
    }

    /// Loses its body and what the head said about it.
    fn empty(&mut self) {
        if self.after == After::Tunnel {
            self.after = After::Close;
        }
        self.bytes = Bytes::Whole(bytes::Bytes::new());
        self.by = Source::Gateway;
        self.reason = None;
        for field in [
            header::CONTENT_LENGTH,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
        ] {
            self.headers.remove(field);
        }
    }
}

impl Course<'_> {
    /// Makes the response, filters its head, and arranges for the end.
    pub fn respond(
        mut self,
        request: request::Parts,
        ended: Result<Proxied, Ended>,
    ) -> HttpResponse<ToClient> {
        let head_at = Instant::now();
        let mut made = match ended {
            Ok(proxied) => self.proxied(&request, proxied, head_at),
            Err(ended) => self.own(&request, ended),
        };
        self.filter(&mut made, &request);
        if made.by == Source::Peer {
            answer::name_charset(&mut made.headers);
        }
        let client = self.client;
        let after = made.after;
        answer::complete(&mut made.headers, client, &self.id, made.about, after);
        if client.is_stream && request.method == Method::HEAD {
            made.announce_only();
        }
        let filters = Filters::of(&self.chain, &self.shared);
        if filters.is_some() {
            // What filters make of the body has another length.
            made.headers.remove(header::CONTENT_LENGTH);
        }
        let tail = self.tail(request, &made, head_at);
        let body = ToClient::new(made.bytes, Rc::clone(client), filters, tail);
        let mut response = HttpResponse::new(body);
        *response.status_mut() = made.status;
        *response.headers_mut() = made.headers;
        if let Some(reason) = made.reason {
            response.extensions_mut().insert(reason);
        }
        response
    }

    fn gateway_ms(&self) -> u32 {
        let picked = self.trail.picked_at.unwrap_or_else(Instant::now);
        u32::try_from(picked.saturating_duration_since(self.started).as_millis()).unwrap_or(u32::MAX)
    }

    fn after(&self, ends: bool) -> After {
        if self.client.is_stream {
            return After::Stream;
        }
        if ends || !self.keep_alive || self.client.ends_after_this() {
            After::Close
        } else {
            After::KeepAlive
        }
    }

    /// A peer's answer.
    fn proxied(&mut self, request: &request::Parts, proxied: Proxied, head_at: Instant) -> Made {
        let Proxied {
            mut head,
            peer,
            sent_at,
            flow,
            timeouts,
        } = proxied;
        if let Some(cookie) = self.trail.cookie.take() {
            head.headers.append(header::SET_COOKIE, cookie);
        }
        let waited = head_at.saturating_duration_since(sent_at).as_millis();
        let about = About::Proxied {
            gateway_ms: self.gateway_ms(),
            peer_ms: u32::try_from(waited).unwrap_or(u32::MAX),
            peer_status: Some(head.status),
            is_call: matches!(flow, Flow::Call(_)),
        };
        self.trail
            .note(peer, Some(head.status), head_at, &self.client.worker);
        let (bytes, after) = match flow {
            Flow::Call(inflow) => {
                if !self.client.is_stream {
                    announce_outcome(&mut head.headers, &request.headers);
                }
                (Bytes::Call(inflow), self.after(false))
            }
            Flow::Link { link, .. } if head.framing == Framing::Tunnel => {
                let (stream, early) = link.into_tunnel();
                self.client.tunnel.replace(Some(Tunnel {
                    stream,
                    early,
                    quiet_timeout: timeouts.read,
                }));
                let after = if self.client.is_stream {
                    // RFC 8441: nothing is switched, the stream itself goes on.
                    head.status = StatusCode::OK;
                    head.headers.remove(header::SEC_WEBSOCKET_ACCEPT);
                    After::Stream
                } else {
                    After::Tunnel
                };
                (Bytes::Whole(bytes::Bytes::new()), after)
            }
            Flow::Link { link, lease, upload } => {
                let pauses = Pauses {
                    read: timeouts.read,
                    send: self.client.worker.options.limits.send_timeout,
                };
                let slot = Rc::clone(&self.client.slot);
                let after = self.after(!upload.is_done());
                let download = Download::new(link, lease, head.framing, head.reusable, upload, pauses, slot);
                (Bytes::Peer(download), after)
            }
        };
        Made {
            status: head.status,
            reason: head.reason,
            headers: head.headers,
            bytes,
            by: Source::Peer,
            about,
            after,
        }
    }

    /// An answer of the gateway's or of a plugin's.
    fn own(&self, request: &request::Parts, ended: Ended) -> Made {
        let is_call = grpc::is_call(request);
        let (taste, pages) = if is_call {
            (grpc::TASTE, &*grpc::PAGES)
        } else {
            let taste = Taste {
                accept: request.headers.get(header::ACCEPT).map(|v| v.as_bytes()),
                content_type: request.headers.get(header::CONTENT_TYPE).map(|v| v.as_bytes()),
            };
            (taste, &self.client.worker.options.error_pages)
        };
        let id = self.id.as_str();
        let (letter, ends): (Letter, bool) = match &ended {
            Ended::Rescued(rescue) => (rescue.letter(taste, pages, id), rescue.ends_connection()),
            Ended::Replied(_) => (Letter::default(), false),
        };
        let asked_a_peer = matches!(ended, Ended::Rescued(Rescue::PeerFailed | Rescue::PeerTimeout));
        let letter = match ended {
            Ended::Rescued(_) => letter,
            Ended::Replied(reply) => answer::reply(*reply, |status, text| {
                rescue::plugin_error(status, text, taste, pages, id)
            }),
        };
        let letter = if is_call { grpc::outcome(letter) } else { letter };
        self.client.unread.set(self.clogged);
        let (status, headers, body) = answer::own(letter, self.client);
        Made {
            status,
            reason: None,
            headers,
            bytes: Bytes::Whole(body),
            by: Source::Gateway,
            about: self.about_own(asked_a_peer),
            after: self.after(ends || self.clogged),
        }
    }

    fn about_own(&self, asked_a_peer: bool) -> About {
        match self.trail.picked_at.filter(|_| asked_a_peer) {
            Some(picked) => About::Proxied {
                gateway_ms: self.gateway_ms(),
                peer_ms: millis(picked),
                peer_status: None,
                is_call: false,
            },
            None => About::Own {
                gateway_ms: millis(self.started),
            },
        }
    }

    /// The `header_filter` phase.
    fn filter(&mut self, made: &mut Made, request: &request::Parts) {
        if !self.chain.has(Phases::HEADER_FILTER) {
            return;
        }
        let view = RequestView(request);
        let chain = Rc::clone(&self.chain);
        for link in chain.of(Phases::HEADER_FILTER) {
            let head = ResponseView(&made.headers);
            let response = Response::new(made.status.as_u16(), made.by, &head, &view);
            let mut response = response.to(self.identity.as_ref());
            if let Err(failure) = link.handler.header_filter(&mut self.shared, &mut response) {
                tracing::error!(error = %failure, "a header filter failed; the response goes on without it");
                continue;
            }
            let mut wishes = response.into_wishes();
            if wishes.replaced {
                made.empty();
            }
            answer::apply(wishes.headers.take(), &mut made.headers);
            made.status = StatusCode::from_u16(wishes.status).unwrap_or(made.status);
        }
    }

    /// What the end will want to know, if anybody asks then.
    fn tail(self, request: request::Parts, made: &Made, head_at: Instant) -> Option<Box<Tail>> {
        let logs = self.chain.has(Phases::LOG);
        let pen = self.client.worker.pens.requests.as_ref();
        let has_line = pen.is_some_and(RequestPen::wants_next);
        let kept = self.traced.as_ref().is_some_and(|traced| traced.journey.kept);
        if !logs && !has_line && !kept {
            return None;
        }
        let (gateway_ms, peer_ms) = match made.about {
            About::Proxied {
                gateway_ms, peer_ms, ..
            } => (gateway_ms, Some(peer_ms)),
            About::Own { gateway_ms } => (gateway_ms, None),
        };
        let scheme = self.scheme(&request.headers);
        let (route, service) = self
            .matched
            .map_or((None, None), |(route, service)| (Some(route), service));
        Some(Box::new(Tail {
            id: self.id,
            started: self.started,
            started_at_ms: self.client.worker.unix_us_at(self.started) / 1_000,
            head_at,
            request,
            status: made.status.as_u16(),
            source: made.by,
            gateway_ms,
            peer_ms,
            client: self.address,
            route,
            service,
            identity: self.identity,
            tries: self.trail.tries,
            request_body_bytes: self.received,
            has_line,
            traced: self.traced,
            chain: self.chain,
            scheme,
            port: self.client.port(),
            listeners: logs.then(|| Listeners {
                shared: self.shared,
                response: KeptHead::of_response(&made.headers),
                peer_target: self.peer_target,
            }),
        }))
    }
}

/// HTTP/1.1 has what stands behind a body announced in the head; HTTP/2 has not, and calls end with their outcome there.
fn announce_outcome(headers: &mut HeaderMap, asked: &HeaderMap) {
    if !trailers::are_wanted(asked) {
        headers.remove(header::TRAILER);
    } else if !headers.contains_key(header::TRAILER) {
        headers.insert(
            header::TRAILER,
            HeaderValue::from_static("grpc-status, grpc-message"),
        );
    }
}
