//! Heads of responses: what is read, what is kept from the client, what is refused.

use super::*;

const MAX: usize = 1024;

fn parsed(text: &str, expected: Expected) -> Result<Parsed, HeadError> {
    parse(&mut BytesMut::from(text), expected, MAX)
}

fn head(text: &str, expected: Expected) -> PeerHead {
    match parsed(text, expected).expect("a response") {
        Parsed::Final(head) => *head,
        other => panic!("{other:?}"),
    }
}

fn check_framing(text: &str, expected: Framing) {
    assert_eq!(head(text, Expected::default()).framing, expected, "{text}");
}

fn check_refused(text: &str, error: HeadError) {
    assert_eq!(parsed(text, Expected::default()).err(), Some(error), "{text}");
}

#[test]
fn the_body_is_delimited_as_the_head_says() {
    check_framing(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        Framing::Exactly(5),
    );
    check_framing("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Framing::Empty);
    check_framing(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n",
        Framing::Chunked,
    );
    check_framing("HTTP/1.1 200 OK\r\n\r\n", Framing::UntilClose);
    check_framing(
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        Framing::Empty,
    );
    check_framing(
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        Framing::Empty,
    );
}

#[test]
fn a_length_is_told_without_leading_zeros() {
    for (written, told) in [("5", "5"), ("0", "0"), ("007", "7"), ("00", "0")] {
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {written}\r\n\r\n");
        let head = head(&text, Expected::default());
        assert_eq!(head.headers["content-length"], told);
    }
}

#[test]
fn a_head_only_response_tells_its_length_without_a_body() {
    let expected = Expected {
        head_only: true,
        ..Expected::default()
    };
    let head = head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", expected);
    assert_eq!(
        (head.framing, &head.headers["content-length"]),
        (Framing::Empty, &HeaderValue::from(5))
    );
}

#[test]
fn what_contradicts_itself_is_no_response() {
    for lines in [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: -5",
        "Content-Length: +5",
        "Content-Length: 5, 5",
        "Content-Length: 99999999999999999999",
        "Content-Length:",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
    ] {
        check_refused(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n"), HeadError::Length);
    }
    for coding in [
        "gzip",
        "gzip, chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "xchunked",
    ] {
        check_refused(
            &format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n"),
            HeadError::Coding,
        );
    }
    check_refused(
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        HeadError::Coding,
    );
    check_refused(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        HeadError::Unsolicited,
    );
    assert!(parsed("SSH-2.0-x\r\n\r\n", Expected::default()).is_err());
    assert!(parsed("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", Expected::default()).is_err());
}

#[test]
fn a_head_without_end_is_refused_at_the_limit() {
    let partial = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(100));
    assert!(matches!(
        parsed(&partial, Expected::default()),
        Ok(Parsed::Partial)
    ));
    check_refused(
        &format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX)),
        HeadError::TooLarge(MAX),
    );
    check_refused(
        &format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(MAX)),
        HeadError::TooLarge(MAX),
    );
}

#[test]
fn what_concerns_only_the_connection_is_kept_from_the_client() {
    let text = "HTTP/1.1 200 OK\r\nConnection: X-Drop, keep-alive\r\nX-Drop: 1\r\nX-Keep: 2\r\nUpgrade: h2c\r\n\
                Trailer: X-T\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nContent-Length: 1\r\n\r\n";
    let head = head(text, Expected::default());
    let mut names: Vec<&str> = head.headers.keys().map(|n| n.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "proxy-authenticate", "x-keep"]);
}

#[test]
fn a_connection_is_reusable_unless_somebody_ends_it() {
    let reusable = |text: &str| head(text, Expected::default()).reusable;
    assert!(reusable("HTTP/1.1 204 No Content\r\n\r\n"));
    assert!(!reusable("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
    assert!(!reusable("HTTP/1.0 204 No Content\r\n\r\n"));
    assert!(reusable(
        "HTTP/1.0 204 No Content\r\nConnection: keep-alive\r\n\r\n"
    ));
    assert!(!reusable("HTTP/1.1 200 OK\r\n\r\n"));
}

#[test]
fn interim_responses_are_told_apart_and_consumed() {
    let mut buffer = BytesMut::from(
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(matches!(
        parse(&mut buffer, Expected::default(), MAX),
        Ok(Parsed::Interim)
    ));
    assert!(matches!(
        parse(&mut buffer, Expected::default(), MAX),
        Ok(Parsed::Final(_))
    ));
    assert!(buffer.is_empty());
}

#[test]
fn a_reason_of_its_own_is_kept() {
    let reason = |text: &str| {
        head(text, Expected::default())
            .reason
            .map(|r| r.as_bytes().to_vec())
    };
    assert_eq!(reason("HTTP/1.1 200 OK\r\n\r\n"), None);
    assert_eq!(reason("HTTP/1.1 200 Status\r\n\r\n"), Some(b"Status".to_vec()));
}
