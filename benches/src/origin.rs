//! The origin behind both proxies: it answers 128 bytes to everything and does nothing else.
//!
//! Its work must be the same for every proxy and small beside theirs, so the answer is one ready string and a request is
//! whatever ends with an empty line. It takes requests without bodies only.

use crate::machine;
use anyhow::{Context, Result};
use std::{
    net::{SocketAddr, TcpListener as StdListener},
    thread,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

/// Body of every answer.
pub const BODY_BYTES: usize = 128;
/// A request must fit; the largest the rig sends has half a kilobyte, and a proxy adds as much.
const REQUEST_MAX_BYTES: usize = 8 << 10;

/// Starts the origin on a thread of its own; it lives as long as the process.
///
/// # Errors
/// When no port is free.
pub fn start(cores: usize) -> Result<SocketAddr> {
    let listener = StdListener::bind("127.0.0.1:0").context("a port for the origin")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_io().build()?;
    thread::Builder::new()
        .name("origin".to_owned())
        .spawn(move || -> Result<()> {
            machine::leave_proxy_core(cores)?;
            runtime.block_on(serve(listener))
        })?;
    Ok(address)
}

async fn serve(listener: StdListener) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A proxy that hangs up in the middle is its own affair.
        tokio::spawn(async move { converse(stream).await.ok() });
    }
}

async fn converse(mut stream: TcpStream) -> Result<()> {
    let body = "x".repeat(BODY_BYTES);
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {BODY_BYTES}\r\n\r\n{body}");
    let mut buffer = Vec::with_capacity(REQUEST_MAX_BYTES);
    while stream.read_buf(&mut buffer).await? > 0 {
        anyhow::ensure!(
            buffer.len() < REQUEST_MAX_BYTES,
            "a request larger than the rig sends"
        );
        if buffer.ends_with(b"\r\n\r\n") {
            buffer.clear();
            stream.write_all(answer.as_bytes()).await?;
        }
    }
    Ok(())
}
