//! The head of the request as it leaves for the peer.
//!
//! Written straight into the connection's buffer: the client's fields but those that stay behind, then what the gateway says about
//! the client. No second header map is built.
//!
//! The catch is whom to believe. A client can write `X-Forwarded-For: 10.0.0.1` as well as anybody. Only if the connection comes
//! from a trusted address are its words taken over; the list of addresses is continued in any case.

use crate::{edited::Edited, fields::Fields, number::Decimal, trailers};

/// What the gateway says about a request.
pub(crate) struct Forwarded<'a> {
    /// The client's address; behind a trusted proxy the one that proxy told.
    pub client: &'a str,
    /// The address the connection comes from.
    pub connection: &'a str,
    /// Whether that address is trusted.
    pub trusted: bool,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The host asked for, lower-case, without port.
    pub host: &'a str,
    /// The listening port.
    pub port: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// What was stripped from its front.
    pub prefix: &'a str,
    /// `1.1 name/version`
    pub via: &'a str,
    /// The request id, unless switched off.
    pub request_id: Option<&'a [u8]>,
}

/// How the body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// There is none, and nothing says so.
    None,
    /// This many bytes.
    Exactly(u64),
    /// In chunks.
    Chunked,
}

/// A head to be written.
pub(crate) struct RequestHead<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The peer's `Host`.
    pub host: &'a str,
    /// The client's fields, and what handlers made of them.
    pub headers: Edited<'a>,
    /// What was noticed in them.
    pub fields: &'a Fields<'a>,
    /// What the gateway says.
    pub forwarded: &'a Forwarded<'a>,
    /// How the body is delimited.
    pub length: BodyLength,
    /// Whether it asks for a WebSocket.
    pub websocket: bool,
}

/// Where the fields of a head are written, piece by piece.
trait Lines {
    /// A field starts; its value follows.
    fn begin(&mut self, title: &'static str);
    /// A piece of its value.
    fn put(&mut self, piece: &[u8]);
    /// It is complete.
    fn end(&mut self);

    /// A field of one piece.
    fn line(&mut self, title: &'static str, value: &[u8]) {
        self.begin(title);
        self.put(value);
        self.end();
    }
}

impl Lines for Vec<u8> {
    fn begin(&mut self, title: &'static str) {
        extend(self, &[title.as_bytes(), b": "]);
    }

    fn put(&mut self, piece: &[u8]) {
        self.extend_from_slice(piece);
    }

    fn end(&mut self) {
        self.extend_from_slice(b"\r\n");
    }
}

impl RequestHead<'_> {
    /// Appends the head with its closing blank line.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        extend(
            out,
            &[
                self.method.as_bytes(),
                b" ",
                self.target.as_bytes(),
                b" HTTP/1.1\r\nHost: ",
            ],
        );
        extend(out, &[self.host.as_bytes(), b"\r\n"]);
        self.write_connection(out);
        self.headers.each(|name, value| {
            if !self.fields.is_dropped(name) {
                extend(out, &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
            }
        });
        self.write_length(out);
        self.write_forwarded(out);
        out.extend_from_slice(b"\r\n");
    }

    fn write_connection(&self, out: &mut Vec<u8>) {
        let line: &[u8] = if self.websocket {
            b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        } else {
            b"Connection: keep-alive\r\n"
        };
        out.extend_from_slice(line);
        if self.fields.wants_trailers {
            out.extend_from_slice(b"TE: trailers\r\n");
        }
    }

    fn write_length(&self, out: &mut Vec<u8>) {
        match self.length {
            BodyLength::None => {}
            BodyLength::Chunked => {
                out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
                self.write_announced(out);
            }
            BodyLength::Exactly(bytes) => {
                extend(
                    out,
                    &[b"Content-Length: ", Decimal::of(bytes).as_bytes(), b"\r\n"],
                );
            }
        }
    }

    /// What will stand behind the body, as far as the client says.
    fn write_announced(&self, out: &mut impl Lines) {
        if self.fields.connection_lists("trailer") {
            return;
        }
        let mut names = trailers::announced(self.headers);
        let Some(first) = names.next() else {
            return;
        };
        out.begin("Trailer");
        out.put(first.as_str().as_bytes());
        for name in names {
            out.put(b", ");
            out.put(name.as_str().as_bytes());
        }
        out.end();
    }

    fn write_forwarded(&self, out: &mut impl Lines) {
        let says = self.forwarded;
        // Kong: a list that somebody began goes on with the connection's address; a new one starts with the client's.
        self.write_list(
            out,
            "X-Forwarded-For",
            "x-forwarded-for",
            says.connection,
            says.client,
        );
        self.write_believed(out, "X-Forwarded-Proto", "x-forwarded-proto", says.scheme);
        self.write_believed(out, "X-Forwarded-Host", "x-forwarded-host", says.host);
        self.write_believed(out, "X-Forwarded-Port", "x-forwarded-port", says.port);
        self.write_believed(out, "X-Forwarded-Path", "x-forwarded-path", says.path);
        self.write_believed(out, "X-Forwarded-Prefix", "x-forwarded-prefix", says.prefix);
        out.line("X-Real-IP", says.client.as_bytes());
        self.write_list(out, "Via", "via", says.via, says.via);
        if let Some(id) = says.request_id {
            out.line("X-Kong-Request-Id", id);
        }
    }

    /// Ours, unless a trusted proxy said something else. An empty one of ours is not written.
    fn write_believed(&self, out: &mut impl Lines, title: &'static str, name: &str, ours: &str) {
        let told = if self.forwarded.trusted {
            self.headers.first(name)
        } else {
            None
        };
        let value = told.map_or(ours.as_bytes(), |v| v.as_bytes());
        if !value.is_empty() {
            out.line(title, value);
        }
    }

    /// The list so far, continued with `next`; or a new one of `only`.
    fn write_list(&self, out: &mut impl Lines, title: &'static str, name: &str, next: &str, only: &str) {
        out.begin(title);
        let mut ours = only;
        if self.fields.has_lists {
            self.headers.each_of(name, |value| {
                out.put(value.as_bytes());
                out.put(b", ");
                ours = next;
            });
        }
        out.put(ours.as_bytes());
        out.end();
    }
}

fn extend(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

mod map;
#[cfg(test)]
mod tests;
