//! A new connection to a peer.

use super::{
    link::Link,
    pool::{PeerKey, TlsKey},
    send::{Timeouts, TryError},
    stream::PeerStream,
};
use crate::sweep::{Slot, Stage};
use rustls_pki_types::ServerName;
use std::{
    future::{Future, poll_fn},
    io,
    net::IpAddr,
    pin::pin,
    task::Poll,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Connects, and shakes hands if it is to be with TLS.
pub(crate) async fn connect(key: &PeerKey, slot: &Slot, timeouts: Timeouts) -> Result<Box<Link>, TryError> {
    let stream = connect_stream(key, None, slot, timeouts).await?;
    Ok(Box::new(Link::new(stream)))
}

/// As [`connect`], to speak `protocol` inside where TLS lets one say so.
pub(crate) async fn connect_stream(
    key: &PeerKey,
    protocol: Option<&[u8]>,
    slot: &Slot,
    timeouts: Timeouts,
) -> Result<PeerStream, TryError> {
    slot.wait(Stage::Exchange, timeouts.connect);
    let stream = in_time(slot, TcpStream::connect(key.address)).await?;
    stream.set_nodelay(true).map_err(TryError::Connect)?;
    match &key.tls {
        None => Ok(PeerStream::Plain(stream)),
        Some(wanted) => {
            let connector = TlsConnector::from(wanted.config(protocol));
            let name = server_name(wanted)?;
            slot.extend(timeouts.connect);
            let stream = in_time(slot, connector.connect(name, stream)).await?;
            Ok(PeerStream::Tls(Box::new(stream)))
        }
    }
}

fn server_name(wanted: &TlsKey) -> Result<ServerName<'static>, TryError> {
    if let Ok(address) = wanted.name.parse::<IpAddr>() {
        return Ok(ServerName::IpAddress(address.into()));
    }
    ServerName::try_from(wanted.name.to_string())
        .map_err(|_| TryError::Connect(io::Error::new(io::ErrorKind::InvalidInput, "not a server name")))
}

/// Waits for a step of connecting until the slot's deadline.
async fn in_time<T>(slot: &Slot, step: impl Future<Output = io::Result<T>>) -> Result<T, TryError> {
    let mut step = pin!(step);
    poll_fn(|cx| match step.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.map_err(TryError::Connect)),
        Poll::Pending if slot.is_overdue() => Poll::Ready(Err(TryError::TimedOut)),
        Poll::Pending => Poll::Pending,
    })
    .await
}
