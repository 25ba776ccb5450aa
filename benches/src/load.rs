//! The load: a number of connections, each of which sends its next request when the answer to the last has come.
//!
//! A closed loop. It says what a request costs, and says nothing about waiting times under a given arrival rate, for which
//! the loop must be open; on a machine that is shared those would be the neighbours' anyway.

use crate::{answer, http2, machine};
use anyhow::{Context, Result, ensure};
use std::{cell::Cell, net::SocketAddr, rc::Rc, thread, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
    task::LocalSet,
    time::{Instant, timeout},
};

/// Nothing that a proxy answers takes longer, valgrind included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// An answer of the origin with all that a gateway adds.
pub const ANSWER_MAX_BYTES: usize = 16 << 10;

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestHead {
    /// The Host header and nothing else.
    Lean,
    /// What a browser sends: the cost of a gateway grows with each header.
    Browser,
    /// The Host header and a key, for a route that asks for it and counts.
    Keyed,
    /// The authority and nothing else, over HTTP/2.
    Http2,
}

/// The key that such requests carry.
pub const KEY: &str = "key-of-the-bench";

impl RequestHead {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            RequestHead::Lean => "1 header",
            RequestHead::Browser => "11 headers",
            RequestHead::Keyed => "key-auth and rate-limiting",
            RequestHead::Http2 => "HTTP/2",
        }
    }

    fn path(self) -> &'static str {
        match self {
            RequestHead::Lean | RequestHead::Browser | RequestHead::Http2 => "/bench",
            RequestHead::Keyed => "/keyed",
        }
    }

    fn lines(self) -> &'static str {
        match self {
            RequestHead::Lean | RequestHead::Http2 => "",
            RequestHead::Keyed => "apikey: key-of-the-bench\r\n",
            RequestHead::Browser => concat!(
                "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n",
                "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n",
                "Accept-Language: en-GB,en;q=0.7,fr;q=0.3\r\n",
                "Accept-Encoding: gzip, deflate, br, zstd\r\n",
                "Referer: http://shop.example.test/catalogue/garden\r\n",
                "Cookie: session=8c9d5d0e6d1f4c1c9a3b; theme=dark; consent=1\r\n",
                "Sec-Fetch-Dest: document\r\n",
                "Sec-Fetch-Mode: navigate\r\n",
                "Sec-Fetch-Site: same-origin\r\n",
                "Priority: u=0, i\r\n",
            ),
        }
    }

    /// As it is sent.
    pub fn request(self, address: SocketAddr) -> String {
        let (path, lines) = (self.path(), self.lines());
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{lines}\r\n")
    }
}

/// When the load ends.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// After this many requests over all connections.
    Requests(usize),
    /// After this time; requests that are under way are still finished.
    Time(Duration),
}

/// Puts load on a proxy and gives the number of answers. Runs on a thread of its own, off the proxies' core.
///
/// # Errors
/// When any answer is not a 200 of the origin.
pub fn put(address: SocketAddr, head: RequestHead, connections: usize, amount: Amount) -> Result<usize> {
    let cores = machine::cores();
    let load = thread::spawn(move || {
        machine::leave_proxy_core(cores)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, all(address, head, connections, amount))
    });
    load.join()
        .map_err(|_| anyhow::anyhow!("the load's thread panicked"))?
}

async fn all(address: SocketAddr, head: RequestHead, connections: usize, amount: Amount) -> Result<usize> {
    let order = Rc::new(Order::new(amount));
    let request: Rc<str> = head.request(address).into();
    let clients: Vec<_> = if head == RequestHead::Http2 {
        let connections = connections.div_ceil(http2::STREAMS);
        (0..connections)
            .map(|_| tokio::task::spawn_local(http2::client(address, Rc::clone(&order))))
            .collect()
    } else {
        (0..connections)
            .map(|_| tokio::task::spawn_local(client(address, Rc::clone(&request), Rc::clone(&order))))
            .collect()
    };
    let mut answered = 0;
    for client in clients {
        answered += client.await??;
    }
    Ok(answered)
}

async fn client(address: SocketAddr, request: Rc<str>, order: Rc<Order>) -> Result<usize> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(ANSWER_MAX_BYTES);
    let mut answered = 0;
    while order.take_one() {
        timeout(ANSWER_TIMEOUT, exchange(&mut stream, &request, &mut buffer)).await??;
        answered += 1;
    }
    Ok(answered)
}

/// Sends one request and reads the whole answer.
///
/// # Errors
/// When it is not a 200.
pub async fn exchange(stream: &mut TcpStream, request: &str, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.clear();
    stream.write_all(request.as_bytes()).await?;
    loop {
        ensure!(stream.read_buf(buffer).await? > 0, "the proxy hung up");
        let Some(head) = answer::head(buffer)? else {
            continue;
        };
        ensure!(
            head.status == 200,
            "the proxy answered {}: {}",
            head.status,
            String::from_utf8_lossy(buffer)
        );
        if buffer.len() >= head.total_len {
            return Ok(());
        }
    }
}

/// How many requests may still be sent.
pub struct Order {
    left: Cell<usize>,
    deadline: Option<Instant>,
}

impl Order {
    fn new(amount: Amount) -> Self {
        match amount {
            Amount::Requests(count) => Order {
                left: Cell::new(count),
                deadline: None,
            },
            Amount::Time(time) => Order {
                left: Cell::new(usize::MAX),
                deadline: Some(Instant::now() + time),
            },
        }
    }

    /// Whether one more may be sent; it counts as sent.
    pub fn take_one(&self) -> bool {
        let left = self.left.get();
        if left == 0 || self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return false;
        }
        self.left.set(left - 1);
        true
    }
}
