//! HTTP/1.1 as spoken by hand: requests go out exactly as a test spells them.
//!
//! A telephone with no manners of its own: what a library would correct (a second `Host`, a strange method) reaches the
//! other side. It understands what a gateway answers: lengths, chunks, bodies that end with the connection.
//!
//! What it does not do: TLS, redirects, retries. A connection that breaks is an error that the test sees.

use crate::answer::Answer;
use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longest one read or write may take; beyond the longest wait a test asks a node for.
const IO_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest line of a head.
const LINE_MAX_BYTES: u64 = 64 << 10;
/// Longest body that is kept.
const BODY_MAX_BYTES: u64 = 64 << 20;

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Without headers and body.
    pub fn new(method: &str, target: &str) -> Self {
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// `GET`.
    pub fn get(target: &str) -> Self {
        Request::new("GET", target)
    }

    /// One more header, after those before it.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A body, as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON body with its type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// `Host` and a length are added where the test gave none; a body in chunks is sent as one chunk.
    fn to_bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("Host") {
            head.push_str(&format!("Host: {address}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let chunked = self.has("Transfer-Encoding");
        if !self.body.is_empty() && !chunked && !self.has("Content-Length") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if chunked && !self.body.is_empty() {
            bytes.extend_from_slice(format!("{:x}\r\n", self.body.len()).as_bytes());
            bytes.extend_from_slice(&self.body);
            bytes.extend_from_slice(b"\r\n0\r\n\r\n");
        } else {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// One request over a connection of its own.
///
/// # Errors
/// As [`Connection`].
pub fn ask(address: SocketAddr, request: &Request) -> io::Result<Answer> {
    let request = request.clone().header("Connection", "close");
    Connection::open(address)?.exchange(&request)
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    reader: BufReader<TcpStream>,
    heads: usize,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens, or nobody answers.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, IO_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IO_TIMEOUT))?;
        stream.set_write_timeout(Some(IO_TIMEOUT))?;
        Ok(Connection {
            address,
            reader: BufReader::new(stream),
            heads: 0,
        })
    }

    /// Heads of answers that came so far, interim ones included.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// The connection breaks, or what comes is no HTTP.
    pub fn exchange(&mut self, request: &Request) -> io::Result<Answer> {
        self.send(request)?;
        self.receive(&request.method)
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn send(&mut self, request: &Request) -> io::Result<()> {
        let bytes = request.to_bytes(self.address);
        self.write(&bytes)
    }

    /// Reads the answer to a request of this method.
    ///
    /// # Errors
    /// The connection breaks, or what comes is no HTTP.
    pub fn receive(&mut self, method: &str) -> io::Result<Answer> {
        loop {
            let mut answer = self.head()?;
            match answer.status {
                101 => return Ok(answer),
                100..=199 => continue,
                204 | 304 => return Ok(answer),
                _ if method == "HEAD" => return Ok(answer),
                _ => {}
            }
            answer.body = self.body_of(&answer)?;
            return Ok(answer);
        }
    }

    /// Reads only the head of an answer whose body goes on and on; [`Connection::next_chunk`] reads on.
    ///
    /// # Errors
    /// The connection breaks, or what comes is no HTTP.
    pub fn receive_head(&mut self) -> io::Result<Answer> {
        self.head()
    }

    /// The next chunk of a body in chunks; none at its end.
    ///
    /// # Errors
    /// The connection breaks, or what comes is no chunk.
    pub fn next_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        let digits = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(digits.trim(), 16).map_err(|_| strange(&line))?;
        if size == 0 {
            while !self.line()?.is_empty() {}
            return Ok(None);
        }
        let chunk = self.read(size)?;
        self.line()?;
        Ok(Some(chunk))
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Reads so many bytes as they are.
    ///
    /// # Errors
    /// The connection breaks or ends before.
    pub fn read(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Whether the other side has closed it: nothing more comes, within the time a read may take.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.reader.fill_buf(), Ok([]) | Err(_))
    }

    fn head(&mut self) -> io::Result<Answer> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| strange(&status_line))?;
        self.heads += 1;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| strange(&line))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Answer {
            status,
            headers,
            body: Vec::new(),
        })
    }

    fn body_of(&mut self, head: &Answer) -> io::Result<Vec<u8>> {
        if head
            .header("Transfer-Encoding")
            .is_some_and(|coding| coding.contains("chunked"))
        {
            return self.chunks();
        }
        if let Some(length) = head.header("Content-Length") {
            return self.read(length.parse().map_err(|_| strange(length))?);
        }
        let mut body = Vec::new();
        self.reader.by_ref().take(BODY_MAX_BYTES).read_to_end(&mut body)?;
        Ok(body)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next_chunk()? {
            body.extend(chunk);
        }
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.reader
            .by_ref()
            .take(LINE_MAX_BYTES)
            .read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            let error = Error::new(ErrorKind::UnexpectedEof, "the connection ended inside a head");
            return Err(error);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

fn strange(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("no HTTP: {what:?}"))
}
