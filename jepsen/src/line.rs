//! A client's line to one node.
//!
//! A telephone: one call at a time, the line stays open between calls, and what matters when it goes dead is whether the wish was
//! already spoken. A call that never went through did nothing; one that broke off may have been understood.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// Longest a connection may take to be made: on one machine it is there at once, or a cut wire swallows it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The question never left.
    NotSent(String),
    /// It left, and nobody knows.
    Lost(String),
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Silence::NotSent(reason) => write!(f, "not sent: {reason}"),
            Silence::Lost(reason) => write!(f, "no answer: {reason}"),
        }
    }
}

/// A question.
#[derive(Clone, Debug)]
pub struct Ask {
    /// GET, POST …
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Headers beside the usual.
    pub headers: Vec<(&'static str, String)>,
    /// Sent as JSON.
    pub body: Option<Value>,
}

impl Ask {
    /// A question without a body.
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Ask {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// With a body.
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn into_request(self, address: SocketAddr) -> Request<Full<Bytes>> {
        let mut builder = Request::builder()
            .method(self.method)
            .uri(self.target)
            .header(header::HOST, address.to_string());
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        let body = match self.body {
            Some(body) => {
                builder = builder.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        builder
            .body(Full::new(body))
            .expect("invariant: workloads ask with plain names and numbers")
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Reply {
    /// The revision of the answer, where it tells.
    pub fn revision(&self) -> Option<u64> {
        self.header("x-troop-revision")?.parse().ok()
    }

    /// The revision of the entity in it, where it tells.
    pub fn etag(&self) -> Option<u64> {
        self.header("etag")?.trim_matches('"').parse().ok()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Status and the start of the body on one line, for people.
    pub fn summary(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<&str> = text.split_whitespace().collect();
        format!(
            "{} {}",
            self.status,
            words.join(" ").chars().take(300).collect::<String>()
        )
    }
}

/// A line, open or not.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    /// A line to this address, not yet open.
    pub fn to(address: SocketAddr) -> Self {
        Line {
            address,
            sender: None,
        }
    }

    /// Asks and waits for the whole answer.
    ///
    /// # Errors
    /// [`Silence`].
    pub async fn ask(&mut self, ask: Ask, within: Duration) -> Result<Reply, Silence> {
        let asked = timeout(within, self.exchange(ask)).await;
        let result = asked.unwrap_or_else(|_| Err(Silence::Lost(format!("nothing within {within:?}"))));
        if result.is_err() {
            self.sender = None;
        }
        result
    }

    async fn exchange(&mut self, ask: Ask) -> Result<Reply, Silence> {
        let answer = self.open_stream(ask).await?;
        let (head, body) = answer.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| Silence::Lost(error.to_string()))?;
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    /// Asks and returns the answer with its body still to come.
    ///
    /// # Errors
    /// [`Silence`].
    pub async fn open_stream(&mut self, ask: Ask) -> Result<http::Response<Incoming>, Silence> {
        let request = ask.into_request(self.address);
        let sender = self.sender().await?;
        sender.send_request(request).await.map_err(|error| {
            // Hyper gives the request back, as it were, when it had not begun to write it.
            if error.is_canceled() {
                Silence::NotSent(error.to_string())
            } else {
                Silence::Lost(error.to_string())
            }
        })
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Silence> {
        let is_open = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            self.sender = Some(self.connect().await?);
        }
        Ok(self
            .sender
            .as_mut()
            .expect("invariant: set just now or found open"))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Silence> {
        let not_sent = |error: &dyn std::fmt::Display| Silence::NotSent(error.to_string());
        let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(self.address)).await;
        let stream = stream
            .map_err(|_| not_sent(&"no connection in time"))?
            .map_err(|error| not_sent(&error))?;
        stream.set_nodelay(true).map_err(|error| not_sent(&error))?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| not_sent(&error))?;
        // Ends with the sender or with the node.
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Asks once over a line of its own.
///
/// # Errors
/// [`Silence`].
pub async fn ask_once(address: SocketAddr, ask: Ask, within: Duration) -> Result<Reply, Silence> {
    Line::to(address).ask(ask, within).await
}
