//! HTTP/1.1 or HTTP/2 on a plain connection, told by its first bytes.
//!
//! Who speaks HTTP/2 there says so with a sentence that no request of HTTP/1.1 can begin with. The bytes are only looked at; whichever
//! codec comes next finds all of them.

use crate::Line;
use std::time::Duration;

/// RFC 9113 §3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes that were only looked at keep the socket readable, so the wait for more of them is a pause. The sentence fits into one packet;
/// for who sends it letter by letter the pauses grow, lest waiting become work.
const PAUSE: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Whether HTTP/2 is spoken. Waits for as many bytes as it takes to tell, until `timeout`; whoever says nothing speaks HTTP/1.1.
pub async fn is_http_2(stream: &Line, timeout: Duration) -> bool {
    tokio::time::timeout(timeout, tell(stream)).await.unwrap_or(false)
}

async fn tell(stream: &Line) -> bool {
    let mut bytes = [0; PREFACE.len()];
    let mut pause = PAUSE;
    loop {
        let Ok(count) = stream.peek(&mut bytes).await else {
            return false;
        };
        if count == 0 || !PREFACE.starts_with(&bytes[..count]) {
            return false;
        }
        if count == PREFACE.len() {
            return true;
        }
        tokio::time::sleep(pause).await;
        pause = PAUSE_MAX.min(pause * 2);
    }
}
