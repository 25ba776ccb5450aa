//! Addresses at which connections and datagrams are passed on as they come.
//!
//! The same doors as for requests ([`Listen`]), with another house behind: no HTTP/2 in it, but datagrams.

use std::fmt;
use std::net::SocketAddr;

use troop_stdx::Whereabouts;

use crate::Listen;
use crate::value::Value;

/// One socket for connections or datagrams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamListen {
    /// For connections.
    Tcp(Listen),
    /// For datagrams.
    Udp(SocketAddr),
}

impl StreamListen {
    /// Where; port 0 means any free port.
    pub fn address(&self) -> Whereabouts {
        match self {
            StreamListen::Tcp(listen) => listen.address.clone(),
            StreamListen::Udp(address) => (*address).into(),
        }
    }

    fn parse(entry: &str) -> Result<Self, String> {
        let mut words: Vec<&str> = entry.split_whitespace().collect();
        if let Some(flag) = words.iter().find(|word| matches!(**word, "http2" | "deferred")) {
            return Err(format!("has the flag '{flag}', which is for proxy_listen only"));
        }
        let udp = words.contains(&"udp");
        words.retain(|word| *word != "udp");
        let listen = Listen::parse(&words.join(" "))?;
        if !udp {
            return Ok(StreamListen::Tcp(listen));
        }
        if listen.ssl || listen.proxy_protocol {
            return Err("wants ssl or proxy_protocol for datagrams: neither is spoken over udp".to_owned());
        }
        let address = listen.address.ip();
        let address = address.ok_or("wants datagrams over a unix socket: write IP:PORT udp")?;
        Ok(StreamListen::Udp(address))
    }
}

impl fmt::Display for StreamListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamListen::Tcp(listen) => listen.fmt(f),
            StreamListen::Udp(address) => write!(f, "{address} udp"),
        }
    }
}

impl Value for Vec<StreamListen> {
    const FORM: &'static str = "list of `ADDRESS:PORT [flags]` or `unix:/PATH [flags]`, or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Vec::new());
        }
        let mut listens: Vec<StreamListen> = Vec::new();
        for entry in text.split(',') {
            let listen = StreamListen::parse(entry.trim())?;
            let same = |known: &StreamListen| {
                known.address() == listen.address()
                    && matches!(known, StreamListen::Udp(_)) == matches!(listen, StreamListen::Udp(_))
            };
            let any_port = listen.address().ip().is_some_and(|address| address.port() == 0);
            if !any_port && listens.iter().any(same) {
                return Err(format!("names {} twice", listen.address()));
            }
            listens.push(listen);
        }
        Ok(listens)
    }

    fn show(&self) -> String {
        if self.is_empty() {
            return "off".to_owned();
        }
        let shown: Vec<String> = self.iter().map(ToString::to_string).collect();
        shown.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        match (
            <Vec<StreamListen>>::parse(text).map(|listens| listens.show()),
            expected,
        ) {
            (Ok(shown), Ok(expected)) => assert_eq!(shown, expected),
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
            (parsed, expected) => panic!("{text:?}: {parsed:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn connections_and_datagrams_have_flags_of_their_own() {
        check("off", Ok("off"));
        check(
            "0.0.0.0:9000 ssl reuseport backlog=16384, 0.0.0.0:9000 udp reuseport, [::]:9001 proxy_protocol",
            Ok("0.0.0.0:9000 ssl, 0.0.0.0:9000 udp, [::]:9001 proxy_protocol"),
        );
        check(
            "0.0.0.0:9000 http2",
            Err("'http2', which is for proxy_listen only"),
        );
        check("0.0.0.0:9000 udp ssl", Err("neither is spoken over udp"));
        check("0.0.0.0:9000, 0.0.0.0:9000 ssl", Err("twice"));
        check("unix:/run/s.sock ssl", Ok("unix:/run/s.sock ssl"));
        check("unix:/run/s.sock udp", Err("datagrams over a unix socket"));
        check("unix:/a, unix:/a", Err("twice"));
        check("0.0.0.0", Err("IP:PORT"));
        check("0.0.0.0:9000 tls", Err("flag 'tls'"));
    }
}
