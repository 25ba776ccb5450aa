//! A collector that takes records by HTTP.
//!
//! One record is sent as it is, several as a list. Whatever the collector answers below 300 means that it took them.

use crate::{
    authentication::BASE64,
    config::{Config, wrong},
    shipping::{
        Sink, Undelivered,
        wire::{Place, connect},
    },
};
use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, future::BoxFuture};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use troop_plugin_api::Misconfigured;
use troop_schema::Record;

/// Answers of collectors are read up to here, so that the connection can be used again.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// A collector.
pub(super) struct Collector {
    method: Method,
    target: String,
    headers: HeaderMap,
    place: Place,
    timeout: Duration,
    keepalive: Duration,
    lists: bool,
    open: Option<(SendRequest<Full<Bytes>>, Instant)>,
}

impl Collector {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let invalid = || wrong("http_endpoint", "not a URL of http or https");
        let queue = config.get("queue").and_then(|queue| queue.get("max_batch_size"));
        let lists = queue
            .and_then(serde_json::Value::as_i64)
            .is_some_and(|most| most > 1);
        let (record, config) = (config, Config(config));
        let endpoint = config.text("http_endpoint").ok_or_else(invalid)?;
        let uri: Uri = endpoint.parse().map_err(|_| invalid())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(invalid()),
        };
        let host = uri
            .host()
            .ok_or_else(invalid)?
            .trim_matches(['[', ']'])
            .to_owned();
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let method = config.text("method").unwrap_or("POST");
        Ok(Collector {
            method: method.parse().map_err(|_| wrong("method", "not a method"))?,
            target: target.to_owned(),
            headers: headers(record, &uri)?,
            place: Place {
                port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
                tls: tls.then(|| host.clone()),
                host,
            },
            timeout: config.milliseconds("timeout", 10_000.0)?,
            keepalive: config.milliseconds("keepalive", 60_000.0)?,
            lists,
            open: None,
        })
    }

    async fn post(&mut self, body: Bytes) -> Result<(), Undelivered> {
        let kept = self
            .open
            .take()
            .filter(|(_, used)| used.elapsed() < self.keepalive);
        let mut sender = match kept.filter(|(sender, _)| !sender.is_closed()) {
            Some((sender, _)) => sender,
            None => self.connect().await?,
        };
        let protocol = |error: hyper::Error| Undelivered::Protocol(error.to_string());
        sender.ready().await.map_err(protocol)?;
        let answer = sender.send_request(self.request(body)).await.map_err(protocol)?;
        let status = answer.status().as_u16();
        let rest = http_body_util::Limited::new(answer.into_body(), ANSWER_MAX_BYTES);
        if rest.collect().await.is_ok() {
            self.open = Some((sender, Instant::now()));
        }
        if status < 300 {
            Ok(())
        } else {
            Err(Undelivered::Refused(status))
        }
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.method.clone();
        // It was part of a URL when it was configured.
        *request.uri_mut() = self.target.parse().unwrap_or_default();
        *request.headers_mut() = self.headers.clone();
        request
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Undelivered> {
        let wire = connect(&self.place, self.timeout).await?;
        let made = handshake(TokioIo::new(wire)).await;
        let (sender, connection) = made.map_err(|e| Undelivered::Protocol(e.to_string()))?;
        // Ends with the sender.
        tokio::spawn(connection);
        Ok(sender)
    }
}

fn headers(config: &Record, uri: &Uri) -> Result<HeaderMap, Misconfigured> {
    let unfit = |_| wrong("headers", "not fit for a header");
    let mut headers = HeaderMap::new();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let (credentials, host) = match authority.rsplit_once('@') {
        Some((credentials, host)) => (Some(credentials), host),
        None => (None, authority),
    };
    headers.insert(HOST, HeaderValue::from_str(host).map_err(unfit)?);
    let kind = Config(config).text("content_type").unwrap_or("application/json");
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).map_err(unfit)?);
    if let Some(credentials) = credentials {
        let plain: Vec<u8> = percent_decode_str(credentials).collect();
        let value = format!("Basic {}", BASE64.encode(plain));
        let mut value = HeaderValue::try_from(value).map_err(unfit)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let own = config.get("headers").and_then(serde_json::Value::as_object);
    for (name, value) in own.into_iter().flatten() {
        let name = HeaderName::try_from(name.as_str());
        let name = name.map_err(|_| wrong("headers", "not a header name"))?;
        let value = HeaderValue::from_str(value.as_str().unwrap_or_default()).map_err(unfit)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// `[a,b]`, without parsing what is JSON already.
fn listed(bundle: &[Bytes]) -> Bytes {
    let mut list = BytesMut::from(&b"["[..]);
    list.extend_from_slice(&bundle.join(&b','));
    list.extend_from_slice(b"]");
    list.freeze()
}

impl Sink for Collector {
    fn name(&self) -> &'static str {
        "http-log"
    }

    fn deliver<'a>(&'a mut self, bundle: &'a [Bytes]) -> BoxFuture<'a, Result<(), Undelivered>> {
        let body = match bundle {
            [only] if !self.lists => only.clone(),
            _ => listed(bundle),
        };
        async move {
            let within = self.timeout;
            timeout(within, self.post(body))
                .await
                .map_err(|_| Undelivered::Timeout)?
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
