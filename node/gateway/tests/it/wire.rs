//! A client that sends exactly the bytes it is given.

use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// Longer than any test may take.
pub const AMPLE: Duration = Duration::from_secs(30);

/// A response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What stands behind the body, a line each.
    pub trailers: Vec<String>,
}

impl Answer {
    /// The only value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What the origin echoed: the line that starts with this.
    pub fn echoed(&self, start: &str) -> Option<String> {
        self.text()
            .lines()
            .find_map(|line| line.strip_prefix(start).map(str::to_owned))
    }
}

/// A connection.
pub struct Wire<S> {
    pub stream: S,
    pub early: Vec<u8>,
}

impl Wire<TcpStream> {
    pub async fn dial(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Wire {
            stream,
            early: Vec::new(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the gateway takes it");
    }

    /// The next response.
    pub async fn answer(&mut self) -> Answer {
        let read = tokio::time::timeout(AMPLE, self.read_answer(false)).await;
        read.expect("an answer in time").expect("an answer")
    }

    /// The next response, to a `HEAD`.
    pub async fn head_answer(&mut self) -> Answer {
        let read = tokio::time::timeout(AMPLE, self.read_answer(true)).await;
        read.expect("an answer in time").expect("an answer")
    }

    /// The next response, or nothing if the connection ends first.
    pub async fn answer_or_end(&mut self) -> Option<Answer> {
        tokio::time::timeout(AMPLE, self.read_answer(false))
            .await
            .expect("an end in time")
    }

    /// Whether an answer has begun to arrive.
    pub async fn has_answer(&mut self) -> bool {
        let brief = Duration::from_millis(1);
        !self.early.is_empty() || tokio::time::timeout(brief, self.fill()).await.unwrap_or(false)
    }

    /// Whether the gateway ends the connection.
    pub async fn is_ended(&mut self) -> bool {
        let mut byte = [0];
        let read = tokio::time::timeout(AMPLE, self.stream.read(&mut byte)).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }

    async fn fill(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.early.extend_from_slice(&piece[..count]);
                true
            }
        }
    }

    async fn read_answer(&mut self, head_only: bool) -> Option<Answer> {
        let end = loop {
            match self.early.windows(4).position(|w| w == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None if self.fill().await => {}
                None => return None,
            }
        };
        let head = String::from_utf8_lossy(&self.early[..end]).into_owned();
        self.early.drain(..end);
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
            trailers: Vec::new(),
        };
        if !head_only && status != 204 && status != 304 && status != 101 {
            answer.body = self.read_body(&mut answer).await?;
        }
        Some(answer)
    }

    async fn read_body(&mut self, answer: &mut Answer) -> Option<Vec<u8>> {
        if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().ok()?;
            while self.early.len() < length {
                if !self.fill().await {
                    return None;
                }
            }
            return Some(self.early.drain(..length).collect());
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            return self.read_chunks(&mut answer.trailers).await;
        }
        while self.fill().await {}
        Some(std::mem::take(&mut self.early))
    }

    async fn read_chunks(&mut self, trailers: &mut Vec<String>) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.read_line().await?, 16).ok()?;
            if size == 0 {
                break;
            }
            while self.early.len() < size + 2 {
                if !self.fill().await {
                    return None;
                }
            }
            body.extend(self.early.drain(..size));
            self.early.drain(..2);
        }
        loop {
            match self.read_line().await? {
                end if end.is_empty() => return Some(body),
                line => trailers.push(line),
            }
        }
    }

    async fn read_line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.early.windows(2).position(|w| w == b"\r\n") {
                let line: Vec<u8> = self.early.drain(..at + 2).collect();
                return String::from_utf8(line[..at].to_vec()).ok();
            }
            if !self.fill().await {
                return None;
            }
        }
    }
}

/// One request on a connection of its own.
pub async fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut wire = Wire::dial(address).await;
    wire.send(request.as_bytes()).await;
    wire.answer().await
}

/// A `GET` with these extra lines.
pub async fn get(address: SocketAddr, target: &str, lines: &str) -> Answer {
    ask(
        address,
        &format!("GET {target} HTTP/1.1\r\nHost: gw.test\r\n{lines}\r\n"),
    )
    .await
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(AMPLE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come true"));
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// The status of an interim response.
    pub async fn answer_interim(&mut self) -> u16 {
        while !self.early.ends_with(b"\r\n\r\n") {
            assert!(self.fill().await, "the connection ended");
        }
        let head = String::from_utf8_lossy(&std::mem::take(&mut self.early)).into_owned();
        head.split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .expect("a status")
    }
}
