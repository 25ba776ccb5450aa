//! The first words of TLS: the name a client asks for, letter by letter as it wrote it.
//!
//! Whoever shakes hands later is polite and writes names in small letters. Kong compares them as they came, so one look is
//! taken over the client's shoulder before: the bytes are read without being taken.
//!
//! What it does not do: judge. A first word that is none, or that has not come in one piece, has no name here; the
//! handshake itself will say what is wrong.

use troop_runtime::Line;

/// A first word with every extension in use takes less than half; of a longer one nothing is known here.
const LOOK_MAX_BYTES: usize = 4 * 1024;

/// TLS's word for a record of the handshake, for its first message, for the extension with names, and for a host's name.
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// The name as written, if it has capitals in it. Waits for the client's first bytes.
pub(crate) async fn capital_name(stream: &Line) -> Option<String> {
    let mut look = vec![0; LOOK_MAX_BYTES];
    let count = stream.peek(&mut look).await.ok()?;
    let name = server_name(&look[..count])?;
    let name = std::str::from_utf8(name).ok()?;
    let has_capitals = name.bytes().any(|byte| byte.is_ascii_uppercase());
    has_capitals.then(|| name.to_owned())
}

/// The name in a record that holds a whole first word.
pub(crate) fn server_name(bytes: &[u8]) -> Option<&[u8]> {
    let mut record = Words(bytes);
    (record.byte()? == HANDSHAKE).then_some(())?;
    record.skip(2)?;
    let mut message = Words(record.block_of_16()?);
    (message.byte()? == CLIENT_HELLO).then_some(())?;
    // Length, version, random.
    message.skip(3 + 2 + 32)?;
    let session = message.byte()?;
    message.skip(session.into())?;
    message.block_of_16()?;
    let compressions = message.byte()?;
    message.skip(compressions.into())?;
    let mut extensions = Words(message.block_of_16()?);
    loop {
        let kind = extensions.short()?;
        let content = extensions.block_of_16()?;
        if kind == SERVER_NAME {
            let mut names = Words(Words(content).block_of_16()?);
            return if names.byte()? == HOST_NAME {
                names.block_of_16()
            } else {
                None
            };
        }
    }
}

/// What is left to read.
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(drop)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2).map(|taken| u16::from_be_bytes([taken[0], taken[1]]))
    }

    /// As many bytes as the two in front of them say.
    fn block_of_16(&mut self) -> Option<&'a [u8]> {
        let count = self.short()?;
        self.take(count.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};
    use std::sync::Arc;

    /// What a client writes first.
    fn hello(name: &'static str) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = name.try_into().expect("a name");
        let mut connection = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut bytes = Vec::new();
        connection.write_tls(&mut bytes).expect("bytes");
        bytes
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        assert_eq!(server_name(&hello("a.test")), Some(&b"a.test"[..]));
        assert_eq!(server_name(&hello("127.0.0.1")), None);
    }

    #[test]
    fn a_first_word_cut_anywhere_has_no_name_or_the_right_one() {
        let whole = hello("a.test");
        for end in 0..whole.len() {
            assert_eq!(server_name(&whole[..end]), None, "{end}");
        }
    }

    #[test]
    fn what_is_no_first_word_has_no_name() {
        assert_eq!(server_name(b"GET / HTTP/1.1\r\n\r\n"), None);
        assert_eq!(server_name(&[22; 200]), None);
    }
}
