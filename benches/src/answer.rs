//! Where an HTTP answer ends.
//!
//! Both clients of the rig read answers of known length and nothing else; chunked bodies are refused, because a rig that
//! guesses would measure its guess.

use anyhow::{Context, Result, bail};

/// Headers in one answer; Kong's own and an origin's are about fifteen.
const HEADERS_MAX: usize = 64;

/// What a complete head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Bytes of the head.
    pub head_len: usize,
    /// Bytes of head and body.
    pub total_len: usize,
}

/// The head at the start of `buffer`; none while it is incomplete.
///
/// # Errors
/// When it is no answer whose length is known.
pub fn head(buffer: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head_len) = answer.parse(buffer)? else {
        return Ok(None);
    };
    let status = answer.code.context("an answer has a status")?;
    let length = answer
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body_len = match length {
        Some(header) => std::str::from_utf8(header.value)?.trim().parse()?,
        None if matches!(status, 204 | 304) => 0,
        None => bail!("an answer with status {status} and without Content-Length"),
    };
    Ok(Some(Head {
        status,
        head_len,
        total_len: head_len + body_len,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_where_its_answer_ends() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        let found = head(text).unwrap().unwrap();
        assert_eq!(
            found,
            Head {
                status: 200,
                head_len: text.len() - 5,
                total_len: text.len()
            }
        );
    }

    #[test]
    fn half_a_head_is_not_there_yet() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
    }

    #[test]
    fn no_content_needs_no_length() {
        assert_eq!(
            head(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap()
                .unwrap()
                .total_len,
            27
        );
    }

    #[test]
    fn an_answer_of_unknown_length_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
