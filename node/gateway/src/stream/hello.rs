//! The first thing a caller says: whether it is TLS, and whom it asks for.
//!
//! Heard without being taken: the bytes stay in the socket for whoever the call is put through to.

use crate::client::hello::server_name;
use std::{io, time::Duration};
use troop_runtime::Line;

/// Longest first word that is waited for: one with post-quantum keys takes some 2 KiB.
const HELLO_MAX_BYTES: usize = 8 * 1024;

/// Bytes in front of what a TLS record holds: kind, version, length.
const RECORD_HEAD: usize = 5;

/// TLS's word for a record of the handshake.
const HANDSHAKE: u8 = 22;

/// What was heard.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// It is TLS.
    pub tls: bool,
    /// The name it asks for, as written.
    pub sni: Option<String>,
}

/// Waits until the first words are complete, or are no TLS, or too long, or the time is over: what was heard until then counts.
pub(crate) async fn listen(stream: &Line, patience: Duration) -> Heard {
    let mut bytes = vec![0; HELLO_MAX_BYTES];
    let mut there = 0;
    let listening = async {
        loop {
            let seen = there;
            there = stream.peek(&mut bytes).await?;
            if there == 0 || is_whole(&bytes[..there]) {
                return Ok::<_, io::Error>(());
            }
            // What was only looked at keeps the socket readable, so the wait for more is a pause.
            let pause = if there > seen { 5 } else { 50 };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    };
    // Late or broken: the same as what was said so far.
    let _ = tokio::time::timeout(patience, listening).await;
    understand(&bytes[..there])
}

/// Whether waiting for more would tell no more.
fn is_whole(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [HANDSHAKE, ..] => {
            let length = bytes
                .get(3..RECORD_HEAD)
                .map(|two| usize::from(u16::from_be_bytes([two[0], two[1]])));
            length.is_some_and(|length| bytes.len() >= (RECORD_HEAD + length).min(HELLO_MAX_BYTES))
        }
        _ => true,
    }
}

fn understand(bytes: &[u8]) -> Heard {
    let tls = bytes.first() == Some(&HANDSHAKE);
    let name = server_name(bytes).and_then(|name| std::str::from_utf8(name).ok());
    Heard {
        tls,
        sni: name.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_become_a_first_word_of_tls_is_waited_for() {
        for (bytes, whole) in [
            (&b""[..], false),
            (b"SSH-2.0", true),
            (&[22], false),
            (&[22, 3, 1, 0, 4, 1, 2, 3], false),
            (&[22, 3, 1, 0, 4, 1, 2, 3, 4], true),
        ] {
            assert_eq!(is_whole(bytes), whole, "{bytes:?}");
        }
        assert!(is_whole(
            &[vec![22, 3, 1, 255, 255], vec![0; HELLO_MAX_BYTES - RECORD_HEAD]].concat()
        ));
    }

    #[test]
    fn what_is_no_tls_has_no_name() {
        assert_eq!(understand(b"SSH-2.0"), Heard::default());
        assert_eq!(understand(&[22, 3]), Heard { tls: true, sni: None });
    }
}
