//! A connection that was taken in, over TCP or over a unix socket.
//!
//! A telephone line, from the town or from the house: what is said on it is the same. The few things that differ are here: who calls,
//! and the favours one asks of the kernel, which for a call from within the house are not needed.
//!
//! The catch is looking at bytes without taking them, which decides what a caller speaks: the runtime offers it for TCP only, so for unix
//! sockets the system call is made here.

use rustix::net::RecvFlags;
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// A connected stream.
#[derive(Debug)]
pub enum Line {
    /// From anywhere.
    Tcp(TcpStream),
    /// From this machine.
    Unix(UnixStream),
}

impl Line {
    /// The address that was called; none of a unix socket.
    pub fn local(&self) -> Option<SocketAddr> {
        match self {
            Line::Tcp(stream) => stream.local_addr().ok(),
            Line::Unix(_) => None,
        }
    }

    /// Asks for small answers to be sent at once. Failing to set it costs latency, not correctness.
    pub fn hurry(&self) {
        if let Line::Tcp(stream) = self {
            let _ = stream.set_nodelay(true);
        }
    }

    /// What was sent and not taken is forgotten when it is dropped. Over a unix socket it lies in the caller's own hands already.
    pub fn abandon(&self) {
        if let Line::Tcp(stream) = self {
            // Failing to set it costs memory of the kernel for a while, not correctness.
            let _ = stream.set_zero_linger();
        }
    }

    /// Waits for bytes and looks at them; whoever reads next finds them all.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Line::Tcp(stream) => stream.peek(bytes).await,
            Line::Unix(stream) => {
                let look = || {
                    let (count, _) = rustix::net::recv(stream, &mut *bytes, RecvFlags::PEEK)?;
                    Ok(count)
                };
                stream.async_io(Interest::READABLE, look).await
            }
        }
    }

    /// Takes bytes that are there.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there are none, or that the connection is broken.
    pub fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Line::Tcp(stream) => stream.try_read(bytes),
            Line::Unix(stream) => stream.try_read(bytes),
        }
    }

    /// Hands over as many bytes as fit.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when none do, or that the connection is broken.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Line::Tcp(stream) => stream.try_write(bytes),
            Line::Unix(stream) => stream.try_write(bytes),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Line::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Line::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Line::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Line::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Line::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Line::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Line::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn bytes_on_a_unix_socket_are_seen_before_they_are_taken() {
        let (near, mut far) = UnixStream::pair().expect("a pair");
        let mut near = Line::Unix(near);
        far.write_all(b"hello").await.expect("sent");
        let mut bytes = [0; 16];
        for _ in 0..2 {
            assert_eq!(near.peek(&mut bytes).await.expect("seen"), 5);
        }
        assert_eq!(near.read(&mut bytes).await.expect("taken"), 5);
        assert_eq!(&bytes[..5], b"hello");
        drop(far);
        assert_eq!(near.peek(&mut bytes).await.expect("the end"), 0);
    }
}
