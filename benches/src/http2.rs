//! The load over HTTP/2: few connections with several streams each, as gateways of gateways and gRPC clients do.

use crate::load::Order;
use anyhow::{Context, Result, ensure};
use h2::client::SendRequest;
use http::Request;
use std::{net::SocketAddr, rc::Rc};
use tokio::net::TcpStream;

/// Streams of one connection at a time.
pub const STREAMS: usize = 8;
type Sender = SendRequest<bytes::Bytes>;

/// One connection; gives the number of answers.
pub async fn client(address: SocketAddr, order: Rc<Order>) -> Result<usize> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = h2::client::handshake(stream).await?;
    let driving = tokio::task::spawn_local(connection);
    let streams: Vec<_> = (0..STREAMS)
        .map(|_| tokio::task::spawn_local(one_after_the_other(sender.clone(), address, Rc::clone(&order))))
        .collect();
    let mut answered = 0;
    for stream in streams {
        answered += stream.await??;
    }
    driving.abort();
    Ok(answered)
}

async fn one_after_the_other(mut sender: Sender, address: SocketAddr, order: Rc<Order>) -> Result<usize> {
    let mut answered = 0;
    while order.take_one() {
        sender = sender.ready().await?;
        let request = Request::get(format!("http://{address}/bench")).body(())?;
        let (response, _) = sender.send_request(request, true)?;
        let response = response.await?;
        ensure!(
            response.status() == 200,
            "the proxy answered {}",
            response.status()
        );
        let mut body = response.into_body();
        while let Some(piece) = body.data().await {
            let size = piece?.len();
            body.flow_control().release_capacity(size)?;
        }
        answered += 1;
    }
    Ok(answered)
}
