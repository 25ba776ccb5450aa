//! Addresses: those we listen on (with Kong's flags behind) and those we dial.
//!
//! A listener is a number on a door, so it wants an IP address; a host name would have to be looked up,
//! and what the look-up says may change. The one name accepted is `localhost`. Or it is a bell inside the
//! house: a unix socket, by the path of its file. Addresses to dial
//! ([`HostPort`]) are names as often as not and stay text until somebody dials.
//!
//! The catch: Kong's flags describe nginx. Those that have no meaning here (`reuseport`, which always
//! holds, `deferred`, `bind`, `ipv6only`, `so_keepalive`) are accepted and dropped so that a Kong user's
//! line works as it stands. `mode`, which says who may use a unix socket, is ours: nginx lets everybody.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use troop_stdx::Whereabouts;

/// Connections the kernel may hold for us before we accept them. Kong: `backlog=16384` in its defaults.
const BACKLOG: u32 = 16_384;

/// One listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where; port 0 means any free port.
    pub address: Whereabouts,
    /// Who may use the file of a unix socket, if it says so.
    pub mode: Option<u32>,
    /// TLS.
    pub ssl: bool,
    /// HTTP/2 may be spoken.
    pub http2: bool,
    /// Each connection starts with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Length of the kernel's queue of connections not yet accepted.
    pub backlog: u32,
}

impl Listen {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let address = parse_place(words.next().unwrap_or_default())?;
        let mut listen = Listen {
            address,
            mode: None,
            ssl: false,
            http2: false,
            proxy_protocol: false,
            backlog: BACKLOG,
        };
        for flag in words {
            listen.set(flag)?;
        }
        Ok(listen)
    }

    fn set(&mut self, flag: &str) -> Result<(), String> {
        match flag.split_once('=').unwrap_or((flag, "")) {
            ("ssl", "") => self.ssl = true,
            ("http2", "") => self.http2 = true,
            ("proxy_protocol", "") => self.proxy_protocol = true,
            ("backlog", number) => {
                let backlog = number.parse().ok().filter(|backlog| *backlog > 0);
                self.backlog =
                    backlog.ok_or_else(|| format!("has '{flag}' in it: backlog wants a number above 0"))?;
            }
            ("mode", digits) => self.mode = Some(self.parse_mode(digits)?),
            ("reuseport" | "deferred" | "bind", "") | ("ipv6only" | "so_keepalive", _) => {}
            _ => return Err(format!("has the flag '{flag}', which is not one of {FLAGS}")),
        }
        Ok(())
    }

    fn parse_mode(&self, digits: &str) -> Result<u32, String> {
        if self.address.ip().is_some() {
            return Err("has the flag 'mode', which is for the files of unix sockets".to_owned());
        }
        let mode = u32::from_str_radix(digits, 8).ok();
        mode.filter(|mode| *mode <= MODE_MAX && mode & MODE_OWNER == MODE_OWNER)
            .ok_or_else(|| {
                format!("has 'mode={digits}' in it: write who may use the file as 0600, 0660 or 0666")
            })
    }

    /// Whether two of them are one. Any free port is another one every time.
    pub(crate) fn is_same_place(&self, other: &Listen) -> bool {
        self.address == other.address && self.address.ip().is_none_or(|address| address.port() != 0)
    }
}

/// Everything that a mode can say of a file, and what its owner must be able to do for it to be of use.
const MODE_MAX: u32 = 0o777;
const MODE_OWNER: u32 = 0o600;

const FLAGS: &str = "ssl, http2, proxy_protocol, backlog=N, mode=0660, reuseport, deferred, bind, ipv6only=on|off, so_keepalive=…";

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        for (set, flag) in [
            (self.ssl, "ssl"),
            (self.http2, "http2"),
            (self.proxy_protocol, "proxy_protocol"),
        ] {
            if set {
                write!(f, " {flag}")?;
            }
        }
        if let Some(mode) = self.mode {
            write!(f, " mode={mode:04o}")?;
        }
        if self.backlog != BACKLOG {
            write!(f, " backlog={}", self.backlog)?;
        }
        Ok(())
    }
}

/// Parses a comma-separated list of listeners, or `off`.
pub(crate) fn parse_list(text: &str) -> Result<Vec<Listen>, String> {
    if text == "off" {
        return Ok(Vec::new());
    }
    let mut listens: Vec<Listen> = Vec::new();
    for entry in text.split(',') {
        let listen = Listen::parse(entry.trim())?;
        if listens.iter().any(|known| known.is_same_place(&listen)) {
            return Err(format!("names {} twice", listen.address));
        }
        listens.push(listen);
    }
    Ok(listens)
}

/// Parses an address with its port, or `unix:/path`.
fn parse_place(text: &str) -> Result<Whereabouts, String> {
    match Whereabouts::unix_path(text) {
        Some(path) => path.map(Whereabouts::Unix),
        None => parse_address(text).map(Whereabouts::Ip),
    }
}

/// Parses `ADDRESS:PORT` with an IP address (IPv6 in brackets) or `localhost`.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let local = local.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    local.or_else(|| text.parse().ok()).ok_or_else(|| {
        format!("has '{text}' where an address belongs: write IP:PORT such as 0.0.0.0:8000 or [::]:8000")
    })
}

/// A host name or IP address with a port, to dial.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Name or address, without brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl HostPort {
    /// Parses `HOST:PORT`; an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// A phrase that says what is wrong and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err("is a URL: write HOST:PORT without scheme".to_owned());
        }
        let parts = text
            .rsplit_once(':')
            .and_then(|(host, port)| Some((unbracket(host)?, port.parse().ok()?)));
        match parts {
            Some((host, port)) if port != 0 && is_host(host) => Ok(HostPort {
                host: host.to_owned(),
                port,
            }),
            _ => Err("is not HOST:PORT, such as 10.0.0.7:7443 or [fd00::7]:7443".to_owned()),
        }
    }
}

fn unbracket(host: &str) -> Option<&str> {
    match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').filter(|inner| inner.contains(':')),
        None => Some(host).filter(|host| !host.contains(':')),
    }
}

fn is_host(host: &str) -> bool {
    let is_name = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    !host.is_empty() && (is_name || host.parse::<IpAddr>().is_ok())
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Value;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        match (parse_list(text).map(|listens| listens.show()), expected) {
            (Ok(shown), Ok(expected)) => assert_eq!(shown, expected),
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
            (parsed, expected) => panic!("{text:?}: {parsed:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn kongs_default_lines_are_accepted() {
        check(
            "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384",
            Ok("0.0.0.0:8000, 0.0.0.0:8443 ssl http2"),
        );
    }

    #[test]
    fn addresses_are_ip_and_port_or_localhost() {
        check("off", Ok("off"));
        check("[::]:8000", Ok("[::]:8000"));
        check("localhost:80", Ok("127.0.0.1:80"));
        check("127.0.0.1:0, 127.0.0.1:0", Ok("127.0.0.1:0, 127.0.0.1:0"));
        check("8000", Err("'8000' where an address belongs"));
        check("gateway.test:8000", Err("IP:PORT"));
        check("0.0.0.0:99999", Err("IP:PORT"));
        check("", Err("IP:PORT"));
        check("0.0.0.0:8000,", Err("IP:PORT"));
        check("0.0.0.0:8000, 0.0.0.0:8000 ssl", Err("twice"));
    }

    #[test]
    fn flags_are_kongs() {
        check(
            "1.2.3.4:5 proxy_protocol deferred bind ipv6only=on so_keepalive=30m::10",
            Ok("1.2.3.4:5 proxy_protocol"),
        );
        check("1.2.3.4:5 backlog=10", Ok("1.2.3.4:5 backlog=10"));
        check("1.2.3.4:5 backlog=0", Err("above 0"));
        check("1.2.3.4:5 tls", Err("flag 'tls'"));
        check("1.2.3.4:5 ssl=on", Err("flag 'ssl=on'"));
    }

    #[test]
    fn a_unix_socket_is_a_path_and_may_say_who_may_use_it() {
        check(
            "unix:/run/troop.sock ssl http2 proxy_protocol, 0.0.0.0:8000",
            Ok("unix:/run/troop.sock ssl http2 proxy_protocol, 0.0.0.0:8000"),
        );
        check("unix:/a mode=660", Ok("unix:/a mode=0660"));
        check("unix:/a mode=0066", Err("0600, 0660 or 0666"));
        check("unix:/a mode=rw", Err("0600, 0660 or 0666"));
        check("unix:/a mode=10600", Err("0600, 0660 or 0666"));
        check("0.0.0.0:80 mode=0600", Err("unix sockets"));
        check("unix:run/troop.sock", Err("begins with /"));
        check("unix:/a, unix:/a ssl", Err("twice"));
    }

    #[test]
    fn addresses_to_dial_may_be_names() {
        for text in ["node-1.local:7443", "10.0.0.7:1", "[fd00::7]:7443"] {
            assert_eq!(HostPort::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "node",
            "node:",
            ":7443",
            "node:0",
            "a b:1",
            "fd00::7:1",
            "[node]:1",
            "https://node:1",
        ] {
            assert!(HostPort::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_shown_listeners_parse_again(text in "\\PC{0,40}") {
            if let Ok(listens) = parse_list(&text) {
                prop_assert_eq!(parse_list(&listens.show()), Ok(listens));
            }
            let _ = HostPort::parse(&text);
        }
    }
}
