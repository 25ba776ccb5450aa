//! A stand-in for somebody else's Kong: an Admin API that only shows what is in a file.
//!
//! For tests of what reads a Kong. Its pages are small whatever is asked for, so that whoever reads only first pages is
//! caught; what it is asked for beside its collections is "Not found", as with a Kong of another edition.

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

/// Rows of a page.
const PAGE_SIZE: usize = 2;

/// A running stand-in. Its thread ends with the test's process.
#[derive(Debug)]
pub struct FakeKong {
    address: SocketAddr,
}

impl FakeKong {
    /// Shows these collections: rows by path.
    ///
    /// # Panics
    /// When there is no port, or `collections` is no object.
    pub fn start(collections: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let collections = collections.as_object().expect("rows by path").clone();
        let collections: Arc<BTreeMap<String, Value>> = Arc::new(collections.into_iter().collect());
        thread::spawn(move || {
            for line in listener.incoming().flatten() {
                let collections = Arc::clone(&collections);
                thread::spawn(move || answer(line, &collections));
            }
        });
        FakeKong { address }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// One question; a reader that hangs up early has got what it wanted.
fn answer(mut line: TcpStream, collections: &BTreeMap<String, Value>) {
    let mut head = BufReader::new(&line).lines().map_while(Result::ok);
    let first = head.next().unwrap_or_default();
    // The rest of the head, so that closing does not cut the answer off.
    head.take_while(|field| !field.is_empty()).for_each(drop);
    let target = first.split(' ').nth(1).unwrap_or("/");
    let (status, document) = show(target, collections);
    let body = document.to_string();
    let _ = write!(
        line,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

fn show(target: &str, collections: &BTreeMap<String, Value>) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/" {
        let configuration = json!({"database": "postgres"});
        return (
            200,
            json!({"version": "3.9.0.1-enterprise-edition", "configuration": configuration}),
        );
    }
    match collections.get(path).and_then(Value::as_array) {
        Some(rows) => (200, page(path, rows, query)),
        None => (404, json!({"message": "Not found"})),
    }
}

fn page(path: &str, rows: &[Value], query: &str) -> Value {
    let start = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("offset=")?.parse().ok())
        .unwrap_or(0);
    let end = rows.len().min(start + PAGE_SIZE);
    let mut page = json!({"data": rows.get(start..end).unwrap_or_default(), "next": null});
    if end < rows.len() {
        page["offset"] = end.to_string().into();
        page["next"] = format!("{path}?offset={end}").into();
    }
    page
}
