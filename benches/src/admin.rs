//! One kept connection to an Admin API or a proxy, one request at a time.
//!
//! Blocking on purpose: what is timed is one conversation, and a runtime in between would be timed along.

use crate::answer;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// No single answer takes longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes read at a time.
const READ_BYTES: usize = 16 << 10;

/// An answer with its body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// A connection that is used for one request after the other.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)
            .with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Connection {
            stream,
            address,
            buffer: Vec::with_capacity(READ_BYTES),
        })
    }

    /// Sends a request, with a JSON body if there is one, and waits for the whole answer.
    ///
    /// # Errors
    /// When the connection fails or the answer is not understood.
    pub fn exchange(&mut self, method: &str, path: &str, json: Option<&Value>) -> Result<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        match json.map(Value::to_string) {
            Some(body) => {
                request += &format!(
                    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
            None => request += "\r\n",
        }
        self.stream.write_all(request.as_bytes())?;
        self.answer()
            .with_context(|| format!("{method} http://{}{path}", self.address))
    }

    /// Sends a JSON body and expects a 2xx with JSON.
    ///
    /// # Errors
    /// When another answer comes.
    pub fn post(&mut self, path: &str, json: &Value) -> Result<Value> {
        let answer = self.exchange("POST", path, Some(json))?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(
            (200..300).contains(&answer.status),
            "POST http://{}{path}: {} {text}",
            self.address,
            answer.status
        );
        serde_json::from_slice(&answer.body).with_context(|| format!("POST {path} answered {text}"))
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// When something else than a 200 with JSON comes.
    pub fn get(&mut self, path: &str) -> Result<Value> {
        let answer = self.exchange("GET", path, None)?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(
            answer.status == 200,
            "GET http://{}{path}: {} {text}",
            self.address,
            answer.status
        );
        serde_json::from_slice(&answer.body).with_context(|| format!("GET {path} answered {text}"))
    }

    fn answer(&mut self) -> Result<Answer> {
        self.buffer.clear();
        let mut chunk = [0; READ_BYTES];
        loop {
            if let Some(head) = answer::head(&self.buffer)?
                && self.buffer.len() >= head.total_len
            {
                ensure!(self.buffer.len() == head.total_len, "more came than one answer");
                return Ok(Answer {
                    status: head.status,
                    body: self.buffer.split_off(head.head_len),
                });
            }
            let count = self.stream.read(&mut chunk)?;
            ensure!(
                count > 0,
                "the connection was closed before the answer was complete"
            );
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }
}
