//! The stub behind the gateway: it says what it was asked.
//!
//! A wall that echoes. Every request is answered with a JSON document of its own method, target, headers and body, so that a test
//! reads on the answer what the gateway sent. Three targets are special: one that ends in `/held` is not answered until the test
//! lets go, an upgrade to WebSocket echoes text frames, and the header `X-Answer-Status` chooses the status.

use crate::patience::PATIENCE;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Result, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Answer to the key in RFC 6455, section 1.3, which the tests send.
const WEBSOCKET_ACCEPT: &str = "s3pPLBMiTxaQ9kYGzzhZRbK+xOo=";

/// A running origin.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    hits: AtomicUsize,
    gate: Mutex<Gate>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    open: bool,
    waiting: usize,
    ended: bool,
    connections: Vec<TcpStream>,
}

impl Shared {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    /// Listens on any free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            hits: AtomicUsize::new(0),
            gate: Mutex::default(),
            opened: Condvar::new(),
        });
        let ours = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &ours));
        Origin { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests so far.
    pub fn hits(&self) -> usize {
        self.shared.hits.load(Ordering::Relaxed)
    }

    /// Requests that are held now.
    pub fn holding(&self) -> usize {
        self.shared.gate().waiting
    }

    /// Lets go of what is held and holds nothing any more.
    pub fn release(&self) {
        self.shared.gate().open = true;
        self.shared.opened.notify_all();
    }

    /// Ends every connection, as an origin does that restarts.
    pub fn hang_up(&self) {
        for connection in self.shared.gate().connections.drain(..) {
            // One that is closed already is as good.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.gate().ended = true;
        self.release();
        self.hang_up();
        // Wakes the accept loop, which then sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming().flatten() {
        {
            let mut gate = shared.gate();
            if gate.ended {
                return;
            }
            gate.connections.extend(connection.try_clone());
        }
        let shared = Arc::clone(shared);
        // A connection that breaks is the gateway's right.
        thread::spawn(move || serve(connection, &shared).ok());
    }
}

fn serve(connection: TcpStream, shared: &Shared) -> Result<()> {
    connection.set_nodelay(true)?;
    let mut answers = connection.try_clone()?;
    let mut requests = BufReader::new(connection);
    while let Some(request) = Received::read(&mut requests)? {
        shared.hits.fetch_add(1, Ordering::Relaxed);
        if request
            .header("Upgrade")
            .is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
        {
            return echo_frames(&mut requests, &mut answers);
        }
        if request.path().ends_with("/held") {
            hold(shared);
        }
        answers.write_all(&request.answer(&shared.name))?;
    }
    Ok(())
}

fn hold(shared: &Shared) {
    let mut gate = shared.gate();
    gate.waiting += 1;
    let (mut gate, _) = shared
        .opened
        .wait_timeout_while(gate, PATIENCE, |gate| !gate.open)
        .unwrap_or_else(PoisonError::into_inner);
    gate.waiting -= 1;
}

struct Received {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    /// The next request; none when the peer has hung up.
    fn read(from: &mut BufReader<TcpStream>) -> Result<Option<Self>> {
        let line = next_line(from)?;
        if line.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let field = next_line(from)?;
            let Some((name, value)) = field.split_once(':') else {
                break;
            };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut request = Received {
            line,
            headers,
            body: Vec::new(),
        };
        request.body = request.read_body(from)?;
        Ok(Some(request))
    }

    fn read_body(&self, from: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.header("Transfer-Encoding").is_some() {
            loop {
                let size = u64::from_str_radix(&next_line(from)?, 16).unwrap_or(0);
                from.by_ref().take(size).read_to_end(&mut body)?;
                next_line(from)?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        let length = self
            .header("Content-Length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        from.by_ref().take(length).read_to_end(&mut body)?;
        Ok(body)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn word(&self, n: usize) -> &str {
        self.line.split(' ').nth(n).unwrap_or_default()
    }

    fn path(&self) -> &str {
        self.word(1).split('?').next().unwrap_or_default()
    }

    fn answer(&self, origin: &str) -> Vec<u8> {
        let headers: Vec<Value> = self
            .headers
            .iter()
            .map(|(name, value)| json!([name, value]))
            .collect();
        let document = json!({
            "origin": origin,
            "method": self.word(0),
            "target": self.word(1),
            "headers": headers,
            "body_bytes": self.body.len(),
            "body": String::from_utf8_lossy(&self.body),
        });
        let body = if self.word(0) == "HEAD" {
            String::new()
        } else {
            document.to_string()
        };
        let status = self.header("X-Answer-Status").unwrap_or("200");
        let head = format!(
            "HTTP/1.1 {status} As Asked\r\nContent-Type: application/json\r\nX-Origin: {origin}\r\n\
             Connection: keep-alive, X-Private\r\nX-Private: between us\r\nContent-Length: {}\r\n\r\n",
            document.to_string().len()
        );
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

/// A line without its end; empty at the end of the connection too.
fn next_line(from: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Text frames come masked and go back unmasked, as RFC 6455 wants it. Only short ones: that is what tests send.
fn echo_frames(from: &mut BufReader<TcpStream>, to: &mut TcpStream) -> Result<()> {
    write!(
        to,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {WEBSOCKET_ACCEPT}\r\n\r\n"
    )?;
    loop {
        let mut head = [0; 6];
        if from.read_exact(&mut head).is_err() {
            return Ok(());
        }
        let [opcode, length, mask @ ..] = head;
        let mut payload = vec![0; usize::from(length & 0x7f)];
        from.read_exact(&mut payload)?;
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= mask[at % mask.len()];
        }
        to.write_all(&[&[opcode, length & 0x7f], payload.as_slice()].concat())?;
    }
}

/// The values of a header in an origin's document, in order.
pub fn echoed<'a>(document: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = document["headers"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let same = headers.iter().filter(|pair| {
        pair[0]
            .as_str()
            .is_some_and(|known| known.eq_ignore_ascii_case(name))
    });
    same.filter_map(|pair| pair[1].as_str()).collect()
}
