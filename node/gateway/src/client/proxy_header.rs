//! The PROXY header: how a load balancer that only passes bytes says whose bytes they are.
//!
//! A note clipped to the envelope, in plain words (version 1) or in a form (version 2). It is read without opening the envelope: the bytes are looked
//! at in the socket's buffer, and only those of the note are taken out. So whatever comes behind, TLS or HTTP, finds a stream that starts where
//! it should.
//!
//! The catch: a listener either always gets a note or never. One that may come or not could be written by any client; so without one, the connection
//! ends.

use proxy_header::{Error, ParseConfig, ProxyHeader};
use std::{io, net::SocketAddr, time::Duration};
use thiserror::Error;
use troop_runtime::Line;

/// Longest header that is waited for: version 1 has at most 107 bytes, and what load balancers add in version 2 (names, TLS facts) some hundred more.
const HEADER_MAX_BYTES: usize = 2_048;

/// Why a connection has no introduction.
#[derive(Debug, Error)]
pub(crate) enum Unintroduced {
    /// It starts with something else.
    #[error("no PROXY header: {0:?}")]
    Malformed(Error),
    /// It is longer than allowed.
    #[error("a PROXY header of more than {HEADER_MAX_BYTES} bytes")]
    TooLong,
    /// It did not come, or not all of it.
    #[error("the PROXY header did not come in time")]
    Late,
    /// The connection ended or broke.
    #[error("the connection ended before the PROXY header: {0}")]
    Broken(#[from] io::Error),
}

/// Takes the header off a connection. Whom it introduces; `None` for the load balancer's own (`LOCAL`, `UNKNOWN`).
pub(crate) async fn take(stream: &Line, timeout: Duration) -> Result<Option<SocketAddr>, Unintroduced> {
    tokio::time::timeout(timeout, take_at_leisure(stream))
        .await
        .unwrap_or(Err(Unintroduced::Late))
}

async fn take_at_leisure(stream: &Line) -> Result<Option<SocketAddr>, Unintroduced> {
    let mut bytes = [0; HEADER_MAX_BYTES];
    let mut seen = 0;
    loop {
        let there = stream.peek(&mut bytes).await?;
        match read(&bytes[..there]) {
            Ok((told, length)) => {
                discard(stream, &mut bytes[..length])?;
                return Ok(told);
            }
            Err(Error::BufferTooShort) if there == HEADER_MAX_BYTES => return Err(Unintroduced::TooLong),
            Err(Error::BufferTooShort) if there == 0 => {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            Err(Error::BufferTooShort) => seen = wait_for_more(seen, there).await,
            Err(malformed) => return Err(Unintroduced::Malformed(malformed)),
        }
    }
}

/// Bytes that were only looked at keep the socket readable, so the wait for more of them is a pause, which grows while nothing comes.
async fn wait_for_more(seen: usize, there: usize) -> usize {
    const PAUSE: Duration = Duration::from_millis(5);
    const LONG_PAUSE: Duration = Duration::from_millis(50);
    tokio::time::sleep(if there > seen { PAUSE } else { LONG_PAUSE }).await;
    there
}

/// Whom a header introduces, and how long it is.
fn read(bytes: &[u8]) -> Result<(Option<SocketAddr>, usize), Error> {
    let (header, length) = ProxyHeader::parse(bytes, ParseConfig::default())?;
    Ok((header.proxied_address().map(|told| told.source), length))
}

/// Takes out bytes that are known to be there.
fn discard(stream: &Line, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_read(bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes = &mut bytes[count..],
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Option<(Option<&str>, usize)>) {
        let told = read(bytes).ok();
        let told = told.map(|(told, length)| (told.map(|address| address.to_string()), length));
        let told = told.as_ref().map(|(told, length)| (told.as_deref(), *length));
        assert_eq!(told, expected, "{:?}", String::from_utf8_lossy(bytes));
    }

    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    #[test]
    fn version_1_is_a_line() {
        check(
            b"PROXY TCP4 9.9.9.9 10.0.0.1 5000 80\r\nGET /",
            Some((Some("9.9.9.9:5000"), 37)),
        );
        check(
            b"PROXY TCP6 2001:db8::1 ::1 5000 80\r\n",
            Some((Some("[2001:db8::1]:5000"), 36)),
        );
        check(b"PROXY UNKNOWN\r\n", Some((None, 15)));
        check(b"GET / HTTP/1.1\r\n\r\n", None);
        check(b"PROXY TCP4 9.9.9.9 10.0.0.1 5000 8x\r\n", None);
    }

    #[test]
    fn version_2_is_a_form() {
        let addresses = [9, 9, 9, 9, 10, 0, 0, 1, 0x13, 0x88, 0, 80];
        let proxied = [SIGNATURE, &[0x21, 0x11, 0, 12], &addresses, b"GET"].concat();
        check(&proxied, Some((Some("9.9.9.9:5000"), 28)));
        let local = [SIGNATURE, &[0x20, 0, 0, 0]].concat();
        check(&local, Some((None, 16)));
        let unknown_version = [SIGNATURE, &[0x31, 0x11, 0, 12], &addresses].concat();
        check(&unknown_version, None);
    }

    #[test]
    fn a_part_of_a_header_waits_for_the_rest() {
        for part in [&b"PROXY TCP4 9.9"[..], &SIGNATURE[..7], b"P"] {
            assert!(matches!(read(part), Err(Error::BufferTooShort)), "{part:?}");
        }
    }
}
