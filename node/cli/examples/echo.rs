//! An origin that says what it was asked: the stub behind the gateway in `./ci demo`.
//!
//! Prints its port, then answers every request with the request's own head as text. One thread per
//! connection, keep-alive, std only. Bodies are skipped by their `Content-Length`; it is a stub, not a
//! server.

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};

/// Longest head that is echoed.
const HEAD_MAX_BYTES: usize = 64 * 1024;

fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    for connection in listener.incoming().flatten() {
        // A client that goes away is no news.
        std::thread::spawn(move || serve(connection).ok());
    }
    Ok(())
}

fn serve(connection: TcpStream) -> Result<()> {
    connection.set_nodelay(true)?;
    let mut answers = connection.try_clone()?;
    let mut requests = BufReader::new(connection);
    while let Some(head) = read_head(&mut requests)? {
        let length = length_of(&head);
        std::io::copy(&mut requests.by_ref().take(length), &mut std::io::sink())?;
        let answer = format!("You asked, by way of the gateway:\n\n{head}");
        write!(
            answers,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
    }
    Ok(())
}

/// The head of the next request, or nothing when the client has hung up.
fn read_head(requests: &mut BufReader<TcpStream>) -> Result<Option<String>> {
    let mut head = String::new();
    loop {
        let start = head.len();
        if requests.read_line(&mut head)? == 0 || head.len() > HEAD_MAX_BYTES {
            return Ok(None);
        }
        if head[start..].trim().is_empty() {
            return Ok(Some(head));
        }
    }
}

fn length_of(head: &str) -> u64 {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths
        .next()
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}
