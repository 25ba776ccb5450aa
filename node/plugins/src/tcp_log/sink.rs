//! Lines over a connection that is kept while it is used.

use crate::{
    config::{Config, wrong},
    shipping::{
        Sink, Undelivered,
        wire::{Place, Wire, connect},
    },
};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use std::time::{Duration, Instant};
use tokio::{io::AsyncWriteExt as _, time::timeout};
use troop_plugin_api::Misconfigured;
use troop_schema::Record;

/// A collector of lines.
pub(super) struct Lines {
    place: Place,
    timeout: Duration,
    keepalive: Duration,
    open: Option<(Box<dyn Wire>, Instant)>,
}

impl Lines {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let host = config.text("host").ok_or_else(|| wrong("host", "missing"))?;
        let name = config.text("tls_sni").unwrap_or(host);
        Ok(Lines {
            place: Place {
                host: host.to_owned(),
                port: config.whole("port")?,
                tls: config.flag("tls")?.then(|| name.to_owned()),
            },
            timeout: config.milliseconds("timeout", 10_000.0)?,
            keepalive: config.milliseconds("keepalive", 60_000.0)?,
            open: None,
        })
    }

    async fn send(&mut self, lines: &[u8]) -> Result<(), Undelivered> {
        let kept = self
            .open
            .take()
            .filter(|(_, used)| used.elapsed() < self.keepalive);
        let was_kept = kept.is_some();
        let mut wire = match kept {
            Some((wire, _)) => wire,
            None => connect(&self.place, self.timeout).await?,
        };
        match write(&mut *wire, lines, self.timeout).await {
            Ok(()) => {}
            // The other side may have closed it in the meantime: that is found out by writing.
            Err(_) if was_kept => {
                wire = connect(&self.place, self.timeout).await?;
                write(&mut *wire, lines, self.timeout).await?;
            }
            Err(error) => return Err(error),
        }
        self.open = Some((wire, Instant::now()));
        Ok(())
    }
}

async fn write(wire: &mut dyn Wire, lines: &[u8], within: Duration) -> Result<(), Undelivered> {
    let written = timeout(within, async {
        wire.write_all(lines).await?;
        wire.flush().await
    });
    Ok(written.await.map_err(|_| Undelivered::Timeout)??)
}

impl Sink for Lines {
    fn name(&self) -> &'static str {
        "tcp-log"
    }

    fn deliver<'a>(&'a mut self, bundle: &'a [Bytes]) -> BoxFuture<'a, Result<(), Undelivered>> {
        let mut lines = bundle.join(&b'\n');
        lines.push(b'\n');
        async move { self.send(&lines).await }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::{
        io::{AsyncBufReadExt as _, BufReader},
        net::TcpListener,
    };

    #[tokio::test]
    async fn lines_arrive_in_order_over_one_connection_and_over_another_when_it_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let config = json!({"host": "127.0.0.1", "port": port, "tls": false});
        let mut lines = Lines::configure(config.as_object().expect("an object")).expect("lines");
        for line in ["a", "b"] {
            lines.deliver(&[Bytes::from(line)]).await.expect("sent");
        }
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut received = BufReader::new(stream).lines();
        assert_eq!(received.next_line().await.expect("a line").as_deref(), Some("a"));
        assert_eq!(received.next_line().await.expect("a line").as_deref(), Some("b"));
        drop((received, listener));
        // The first write after the end may still be taken by the operating system.
        let refused = async {
            while lines.deliver(&[Bytes::from_static(b"c")]).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), refused).await.expect("noticed");
    }
}
