//! An origin that echoes what it got, or misbehaves as the path asks.
//!
//! | path ends with | what it does |
//! |---|---|
//! | `/drop` | closes without an answer |
//! | `/stale` | answers, then closes the connection without saying so |
//! | `/hang` | says nothing |
//! | `/half` | promises ten bytes, sends five, closes |
//! | `/chunks` | answers in chunks |
//! | `/until-close` | answers without a length |
//! | `/big`, `/some` | a megabyte, forty kilobytes |
//! | `/trailers` | answers in chunks with fields behind them; some were not announced, some may not stand there |
//! | `/many-trailers`, `/bad-trailers` | as many as nobody reads, or none that anybody can read |
//! | `/status/N` | answers with N |
//! | `/early` | answers before it has read the body |
//! | `/garbage` | answers with something that is not HTTP |
//! | `/ws` | switches to an echo of bytes |
//!
//! Told to be in a mood ([`Origin::mood`]), it answers with that status whatever the path.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A running origin.
#[derive(Clone)]
pub struct Origin {
    pub address: SocketAddr,
    hits: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    mood: Arc<AtomicU16>,
}

impl Origin {
    /// Starts one; `name` is the first line of what it echoes.
    pub async fn start(name: &'static str) -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = Origin {
            address: listener.local_addr().expect("an address"),
            hits: Arc::default(),
            connections: Arc::default(),
            mood: Arc::default(),
        };
        let own = origin.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                own.connections.fetch_add(1, SeqCst);
                tokio::spawn(serve(own.clone(), name, stream));
            }
        });
        origin
    }

    /// From now on it answers with this status; zero ends the mood.
    pub fn mood(&self, status: u16) {
        self.mood.store(status, SeqCst);
    }

    pub fn hits(&self) -> usize {
        self.hits.load(SeqCst)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

async fn serve(origin: Origin, name: &'static str, mut stream: TcpStream) -> Option<()> {
    let mut inbox = Vec::new();
    loop {
        let head = read_head(&mut stream, &mut inbox).await?;
        origin.hits.fetch_add(1, SeqCst);
        let target = head.split(' ').nth(1)?.to_owned();
        let path = target.split('?').next()?.to_owned();
        if path.ends_with("/early") {
            stream
                .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nearly")
                .await
                .ok()?;
        }
        let (body, behind) = read_body(&mut stream, &mut inbox, &head).await?;
        let lines: Vec<&str> = head.lines().skip(1).filter(|l| !l.is_empty()).collect();
        let echo = format!(
            "origin {name}\nmethod {}\ntarget {target}\n{}\nbody {}\n{behind}",
            head.split(' ').next()?,
            lines.join("\n"),
            String::from_utf8_lossy(&body),
        );
        let path = match origin.mood.load(SeqCst) {
            0 => path,
            status => format!("/status/{status}"),
        };
        if !misbehave(&mut stream, &path, &echo).await? {
            return None;
        }
    }
}

/// Answers; false to close the connection.
async fn misbehave(stream: &mut TcpStream, path: &str, echo: &str) -> Option<bool> {
    let length = echo.len();
    let answer = match path.rsplit('/').next()? {
        "drop" => return Some(false),
        "early" => return Some(true),
        "hang" => {
            std::future::pending::<()>().await;
            return None;
        }
        "garbage" => "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(),
        "half" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
                .await
                .ok()?;
            return Some(false);
        }
        "chunks" => {
            let (a, b) = echo.split_at(length / 2);
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
                a.len(),
                b.len()
            )
        }
        "trailers" => in_chunks(
            echo,
            "X-Sum: 1\r\nX-Sum: 2\r\nHost: evil\r\nContent-Length: 3\r\nSet-Cookie: a=1\r\nX-Unannounced: u\r\n",
        ),
        "many-trailers" => in_chunks(echo, &"X-Sum: 1\r\n".repeat(65)),
        "bad-trailers" => in_chunks(echo, "Bad Trailer\r\n"),
        "until-close" => {
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\n\r\n{echo}").as_bytes())
                .await
                .ok()?;
            return Some(false);
        }
        "big" => {
            let body = "x".repeat(1 << 20);
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }
        "some" => {
            let body = "x".repeat(40 << 10);
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }
        "ws" => {
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi!").await.ok()?;
            let (mut reader, mut writer) = stream.split();
            tokio::io::copy(&mut reader, &mut writer).await.ok()?;
            return Some(false);
        }
        "hints" => format!(
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{echo}"
        ),
        "hop" => format!(
            "HTTP/1.1 200 Fine\r\nConnection: X-Drop\r\nX-Drop: 1\r\nX-Keep: 2\r\nServer: theirs\r\nVia: 1.0 fred\r\nContent-Length: {length}\r\n\r\n{echo}"
        ),
        number if number.parse::<u16>().is_ok() => {
            format!("HTTP/1.1 {number} Status\r\nContent-Length: {length}\r\n\r\n{echo}")
        }
        _ => format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{echo}"),
    };
    stream.write_all(answer.as_bytes()).await.ok()?;
    Some(!path.ends_with("/stale") && !path.ends_with("/garbage"))
}

/// In chunks, with these lines behind.
fn in_chunks(echo: &str, lines: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Host, Set-Cookie\r\n\r\n{:x}\r\n{echo}\r\n0\r\n{lines}\r\n",
        echo.len()
    )
}

async fn read_head(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(at) = inbox.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = inbox.drain(..at + 4).collect();
            return String::from_utf8(head).ok();
        }
        fill(stream, inbox).await?;
    }
}

/// The body, and a line for each field behind it.
async fn read_body(stream: &mut TcpStream, inbox: &mut Vec<u8>, head: &str) -> Option<(Vec<u8>, String)> {
    let head = head.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return read_chunks(stream, inbox).await;
    }
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "))
        .map_or(0, |v| v.parse().unwrap_or(0));
    Some((read_exactly(stream, inbox, length).await?, String::new()))
}

async fn read_chunks(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> Option<(Vec<u8>, String)> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&read_line(stream, inbox).await?, 16).ok()?;
        if size == 0 {
            break;
        }
        body.extend(read_exactly(stream, inbox, size).await?);
        read_line(stream, inbox).await?;
    }
    let mut behind = String::new();
    loop {
        match read_line(stream, inbox).await? {
            end if end.is_empty() => return Some((body, behind)),
            line => behind += &format!("behind {line}\n"),
        }
    }
}

async fn read_line(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(at) = inbox.windows(2).position(|w| w == b"\r\n") {
            let line: Vec<u8> = inbox.drain(..at + 2).collect();
            return String::from_utf8(line[..at].to_vec()).ok();
        }
        fill(stream, inbox).await?;
    }
}

async fn read_exactly(stream: &mut TcpStream, inbox: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while inbox.len() < length {
        fill(stream, inbox).await?;
    }
    Some(inbox.drain(..length).collect())
}

async fn fill(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 16 * 1024];
    let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
    inbox.extend_from_slice(&piece[..count]);
    Some(())
}
