//! Where a client is, and where it is listened to.
//!
//! Most callers have a number. Whoever rings at the inner door, a unix socket, has none: all that is known is that he is in the
//! house. The catch is that "no number" must never be taken for some number, least of all for one that is trusted; so the two
//! are told apart by type, and whoever wants a number has to say what becomes of those without.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remote {
    /// At this address.
    Ip(IpAddr),
    /// On this machine, behind a unix socket.
    Unix,
}

impl Remote {
    /// The address, if it has one.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Remote::Ip(address) => Some(address),
            Remote::Unix => None,
        }
    }
}

impl From<IpAddr> for Remote {
    fn from(address: IpAddr) -> Self {
        Remote::Ip(address)
    }
}

impl From<SocketAddr> for Remote {
    /// IPv4 as such, also through a socket that takes both.
    fn from(address: SocketAddr) -> Self {
        Remote::Ip(address.ip().to_canonical())
    }
}

impl From<Option<SocketAddr>> for Remote {
    fn from(address: Option<SocketAddr>) -> Self {
        address.map_or(Remote::Unix, Remote::from)
    }
}

impl fmt::Display for Remote {
    /// As nginx writes it: the address, or `unix:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remote::Ip(address) => address.fmt(f),
            Remote::Unix => f.write_str(UNIX),
        }
    }
}

/// What stands before the path of a unix socket.
const UNIX: &str = "unix:";

/// Where to listen, or whom to call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whereabouts {
    /// An IP address and a port; port 0 means any free one.
    Ip(SocketAddr),
    /// A unix socket, by the path of its file.
    Unix(PathBuf),
}

/// Linux: a path fits into 108 bytes, the closing zero among them.
const UNIX_PATH_MAX_BYTES: usize = 107;

impl Whereabouts {
    /// The path behind `unix:`; `None` if the text is no name of a unix socket.
    ///
    /// # Errors
    /// A phrase that says what is wrong with the path.
    pub fn unix_path(text: &str) -> Option<Result<PathBuf, String>> {
        let path = text.strip_prefix(UNIX)?;
        Some(if !Path::new(path).is_absolute() {
            Err(format!(
                "has '{text}' in it: the path of a unix socket begins with /"
            ))
        } else if path.len() > UNIX_PATH_MAX_BYTES {
            Err(format!(
                "has '{text}' in it: the path of a unix socket may have {UNIX_PATH_MAX_BYTES} bytes"
            ))
        } else {
            Ok(PathBuf::from(path))
        })
    }

    /// The address, unless it is a unix socket.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Whereabouts::Ip(address) => Some(*address),
            Whereabouts::Unix(_) => None,
        }
    }

    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        self.ip().is_none_or(|address| address.ip().is_loopback())
    }
}

impl From<SocketAddr> for Whereabouts {
    fn from(address: SocketAddr) -> Self {
        Whereabouts::Ip(address)
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whereabouts::Ip(address) => address.fmt(f),
            Whereabouts::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_written_as_nginx_writes_it() {
        let check = |address: &str, written: &str| {
            let remote = Remote::from(address.parse::<SocketAddr>().expect("an address"));
            assert_eq!(remote.to_string(), written);
        };
        check("9.9.9.9:80", "9.9.9.9");
        check("[::ffff:9.9.9.9]:80", "9.9.9.9");
        check("[2001:db8::1]:80", "2001:db8::1");
        assert_eq!(Remote::from(None).to_string(), "unix:");
        assert_eq!(Remote::Unix.ip(), None);
    }

    #[test]
    fn a_unix_socket_has_an_absolute_path_that_the_kernel_can_hold() {
        let check = |text: &str, expected: Option<Result<&str, &str>>| {
            let parsed = Whereabouts::unix_path(text).map(|path| path.map(Whereabouts::Unix));
            match (parsed, expected) {
                (None, None) => {}
                (Some(Ok(parsed)), Some(Ok(shown))) => assert_eq!(parsed.to_string(), shown),
                (Some(Err(problem)), Some(Err(part))) => assert!(problem.contains(part), "{problem}"),
                (parsed, expected) => panic!("{text}: {parsed:?}, expected {expected:?}"),
            }
        };
        check("unix:/run/t.sock", Some(Ok("unix:/run/t.sock")));
        check("unix:t.sock", Some(Err("begins with /")));
        check("unix:", Some(Err("begins with /")));
        check("127.0.0.1:80", None);
        let long = |bytes: usize| format!("unix:/{}", "a".repeat(bytes - 1));
        check(&long(107), Some(Ok(&long(107))));
        check(&long(108), Some(Err("107 bytes")));
    }
}
