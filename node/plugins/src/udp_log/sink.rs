//! One datagram per record. Nobody says whether it arrived.

use crate::{
    config::{Config, wrong},
    shipping::{Sink, Undelivered},
};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::{UdpSocket, lookup_host},
    time::timeout,
};
use troop_plugin_api::Misconfigured;
use troop_schema::Record;

/// A collector of datagrams.
pub(super) struct Datagrams {
    host: String,
    port: u16,
    timeout: Duration,
}

impl Datagrams {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        Ok(Datagrams {
            host: config
                .text("host")
                .ok_or_else(|| wrong("host", "missing"))?
                .to_owned(),
            port: config.whole("port")?,
            timeout: config.milliseconds("timeout", 10_000.0)?,
        })
    }

    /// The name is looked up each time: a collector may move.
    async fn send(&self, bundle: &[Bytes]) -> io::Result<()> {
        let mut found = lookup_host((self.host.as_str(), self.port)).await?;
        let to = found.next().ok_or(io::ErrorKind::NotFound)?;
        let from: SocketAddr = match to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(from).await?;
        for datagram in bundle {
            socket.send_to(datagram, to).await?;
        }
        Ok(())
    }
}

impl Sink for Datagrams {
    fn name(&self) -> &'static str {
        "udp-log"
    }

    fn deliver<'a>(&'a mut self, bundle: &'a [Bytes]) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            let sent = timeout(self.timeout, self.send(bundle)).await;
            Ok(sent.map_err(|_| Undelivered::Timeout)??)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn each_record_is_a_datagram() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = receiver.local_addr().expect("an address").port();
        let config = json!({"host": "127.0.0.1", "port": port});
        let mut datagrams = Datagrams::configure(config.as_object().expect("an object")).expect("datagrams");
        let bundle = [Bytes::from_static(b"a"), Bytes::from_static(b"bc")];
        datagrams.deliver(&bundle).await.expect("sent");
        let mut buffer = [0; 16];
        for expected in ["a", "bc"] {
            let bytes = receiver.recv(&mut buffer).await.expect("a datagram");
            assert_eq!(&buffer[..bytes], expected.as_bytes());
        }
    }
}
