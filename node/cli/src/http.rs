//! Just enough HTTP/1.1 to ask a node one question.
//!
//! A telephone, not a switchboard: dial, ask, listen until the other side has finished, hang up. One
//! connection per question, no pool, no redirects. How the line is made is told in `dial.rs`.
//!
//! The catch is waiting. A node that accepts and then says nothing must not hang a script, so one deadline
//! covers the whole exchange, and every read gets only what is left of it.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::dial::{AdminAddress, Line, Papers, dial, left};

/// Largest answer taken: every record of a cluster with a million of them. This only guards against nonsense.
const ANSWER_MAX_BYTES: usize = 512 << 20;

/// An answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum Silence {
    /// Nobody picked up, or the line went dead.
    #[error(transparent)]
    Line(#[from] std::io::Error),
    /// What was heard is no HTTP answer.
    #[error("{0}")]
    Garbled(&'static str),
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    /// Sent as JSON.
    pub(crate) body: Option<&'a str>,
}

/// Asks and waits for the answer, at most `within`.
pub(crate) fn ask(
    address: &AdminAddress,
    papers: &Papers,
    question: Question<'_>,
    within: Duration,
) -> Result<Answer, Silence> {
    let deadline = Instant::now() + within;
    let mut line = dial(address, papers, deadline)?;
    line.set_timeout(left(deadline)?)?;
    line.write_all(&request(address, question))?;
    parse(&listen(&mut line, deadline)?)
}

fn request(address: &AdminAddress, question: Question<'_>) -> Vec<u8> {
    let Question { method, path, body } = question;
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
        address.host()
    );
    head.push_str("Accept: application/json\r\nUser-Agent: troop-cli\r\n");
    if let Some(body) = body {
        head.push_str(&format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ));
    } else if method != "GET" {
        head.push_str("Content-Length: 0\r\n");
    }
    head.push_str("\r\n");
    head.push_str(body.unwrap_or_default());
    head.into_bytes()
}

fn listen(line: &mut Line, deadline: Instant) -> Result<Vec<u8>, Silence> {
    let mut heard = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        line.set_timeout(left(deadline)?)?;
        match line.read(&mut chunk) {
            Ok(0) => return Ok(heard),
            Ok(n) if heard.len() + n > ANSWER_MAX_BYTES => {
                return Err(Silence::Garbled("the answer is too long"));
            }
            Ok(n) => heard.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Linux reports a passed read timeout as "would block".
            Err(error) if error.kind() == ErrorKind::WouldBlock => left(deadline).map(drop)?,
            Err(error) => return Err(error.into()),
        }
    }
}

fn parse(heard: &[u8]) -> Result<Answer, Silence> {
    let end = find(heard, b"\r\n\r\n").ok_or(Silence::Garbled("the answer has no head"))?;
    let head = std::str::from_utf8(&heard[..end]).map_err(|_| Silence::Garbled("the head is not text"))?;
    let body = &heard[end + 4..];
    let status = head
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5)?.parse().ok());
    let status = status.ok_or(Silence::Garbled("the answer has no status line"))?;
    let body = match (header(head, "transfer-encoding"), header(head, "content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => unchunk(body)?,
        (Some(_), _) => return Err(Silence::Garbled("the answer has an unknown transfer coding")),
        (None, Some(length)) => whole(body, length)?,
        (None, None) => body.to_vec(),
    };
    Ok(Answer { status, body })
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim())
}

fn whole(body: &[u8], length: &str) -> Result<Vec<u8>, Silence> {
    let length = length.parse().ok().and_then(|length: usize| body.get(..length));
    length
        .map(<[u8]>::to_vec)
        .ok_or(Silence::Garbled("the answer was cut off"))
}

fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>, Silence> {
    const CUT: Silence = Silence::Garbled("the answer was cut off");
    let mut body = Vec::new();
    loop {
        let end = find(rest, b"\r\n").ok_or(CUT)?;
        let size = std::str::from_utf8(&rest[..end])
            .ok()
            .and_then(|line| line.split(';').next());
        let size = size
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok())
            .ok_or(CUT)?;
        if size == 0 {
            return Ok(body);
        }
        let chunk_end = (end + 2).checked_add(size).ok_or(CUT)?;
        body.extend_from_slice(rest.get(end + 2..chunk_end).ok_or(CUT)?);
        rest = rest.get(chunk_end + 2..).ok_or(CUT)?;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[track_caller]
    fn check(heard: &str, expected: Result<(u16, &str), &str>) {
        let parsed = parse(heard.as_bytes());
        let parsed = parsed.map(|answer| (answer.status, String::from_utf8(answer.body).unwrap()));
        match (parsed, expected) {
            (Ok((status, body)), Ok(expected)) => assert_eq!((status, body.as_str()), expected),
            (Err(silence), Err(part)) => assert!(silence.to_string().contains(part), "{silence}"),
            (parsed, expected) => panic!("{heard:?}: {parsed:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn bodies_end_by_length_by_chunks_or_with_the_connection() {
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}tail",
            Ok((200, "{}")),
        );
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1;x\r\n \r\n0\r\n\r\n",
            Ok((200, "{} ")),
        );
        check("HTTP/1.0 503 No\r\n\r\nbusy", Ok((503, "busy")));
        check(
            "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
            Ok((204, "")),
        );
    }

    #[test]
    fn what_is_cut_off_or_foreign_is_no_answer() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", Err("cut off"));
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}",
            Err("cut off"),
        );
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
            Err("cut off"),
        );
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
            Err("transfer coding"),
        );
        check("SSH-2.0-OpenSSH\r\n\r\n", Err("status line"));
        check("", Err("no head"));
    }

    #[test]
    fn a_request_names_host_and_length() {
        let address = AdminAddress::parse("[::1]:8001").unwrap();
        let question = Question {
            method: "POST",
            path: "/troop/tokens",
            body: Some("{}"),
        };
        let text = String::from_utf8(request(&address, question)).unwrap();
        assert!(
            text.starts_with("POST /troop/tokens HTTP/1.1\r\nHost: [::1]:8001\r\n"),
            "{text}"
        );
        assert!(text.ends_with("Content-Length: 2\r\n\r\n{}"), "{text}");
    }

    #[test]
    fn a_node_that_says_nothing_does_not_hang_the_command() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = AdminAddress::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        let question = Question {
            method: "GET",
            path: "/",
            body: None,
        };
        let started = Instant::now();
        let silence = ask(&address, &Papers::default(), question, Duration::from_millis(50)).unwrap_err();
        assert!(
            matches!(&silence, Silence::Line(error) if error.kind() == ErrorKind::TimedOut),
            "{silence:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
