//! The path that is sent to the peer: the service's path joined with what the route left over.
//!
//! Two paths are glued together, and the question is always the same: how many slashes belong
//! into the joint. `/srv` and `req` want one, `/srv/` and `/req` have one too many, and when
//! nothing is left over it matters whether the client's own path ended in a slash.
//!
//! The catch: after stripping, what is left over may begin with dots that were no dot segment
//! before. `/route../req` minus `/route` is `../req`, which would climb out of the service's
//! path, so leading dot segments of the remainder are dropped.
//!
//! Kong: under the default router flavour `v1` of `path_handling` is accepted and ignored; it is
//! here for the `traditional` flavour.
//!
//! The query is no part of this; the caller appends it verbatim.

/// How the service's path and the rest of the request path are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathHandling {
    /// There is always exactly one slash in the joint.
    #[default]
    V0,
    /// The texts are put side by side; only a doubled slash is mended.
    V1,
}

/// The two parts of the upstream path and whether a slash goes between them.
struct Joint<'a> {
    base: &'a [u8],
    slash: bool,
    rest: &'a [u8],
}

/// Joins a service's path with a request's.
///
/// `path` is the normalised request path, `strip` how many of its bytes the route strips: the
/// length of the match when the route strips its path, otherwise 0. The result is escaped.
pub fn upstream_path(service_path: Option<&str>, path: &str, strip: usize, handling: PathHandling) -> String {
    let base = service_path
        .filter(|base| !base.is_empty())
        .unwrap_or("/")
        .as_bytes();
    let path = path.as_bytes();
    let joint = match handling {
        PathHandling::V0 => join_v0(base, path, strip),
        PathHandling::V1 => join_v1(base, path, strip),
    };
    joint.escape()
}

fn join_v0<'a>(base: &'a [u8], path: &'a [u8], strip: usize) -> Joint<'a> {
    let rest = remainder(path, strip);
    if rest.is_empty() {
        return join_nothing(base, path);
    }
    let trimmed = base.strip_suffix(b"/").unwrap_or(base);
    Joint {
        base: trimmed,
        slash: !rest.starts_with(b"/"),
        rest,
    }
}

/// Nothing is left over: the client's own path decides whether the result ends in a slash.
fn join_nothing<'a>(base: &'a [u8], path: &'a [u8]) -> Joint<'a> {
    let trimmed = base.strip_suffix(b"/").unwrap_or(base);
    match path {
        _ if base == b"/" => Joint {
            base,
            slash: false,
            rest: b"",
        },
        b"/" => Joint {
            base,
            slash: false,
            rest: b"",
        },
        [.., b'/'] => Joint {
            base: trimmed,
            slash: true,
            rest: b"",
        },
        _ => Joint {
            base: trimmed,
            slash: false,
            rest: b"",
        },
    }
}

fn join_v1<'a>(base: &'a [u8], path: &'a [u8], strip: usize) -> Joint<'a> {
    let rest = remainder(path, strip);
    let base = if rest.starts_with(b"/") {
        base.strip_suffix(b"/").unwrap_or(base)
    } else {
        base
    };
    Joint {
        base,
        slash: false,
        rest,
    }
}

/// What the route leaves of the path. Without stripping that is everything but the first slash,
/// as if the route's path were `/`.
fn remainder(path: &[u8], strip: usize) -> &[u8] {
    let rest = path.get(strip.max(1)..).unwrap_or_default();
    match rest {
        b"." | b".." => b"",
        _ => rest
            .strip_prefix(b"./")
            .or_else(|| rest.strip_prefix(b"../"))
            .unwrap_or(rest),
    }
}

impl Joint<'_> {
    fn escape(&self) -> String {
        let mut escaped = String::with_capacity(self.base.len() + 1 + self.rest.len());
        escape_into(&mut escaped, self.base);
        if self.slash {
            escaped.push('/');
        }
        escape_into(&mut escaped, self.rest);
        escaped
    }
}

/// Bytes a URI may not carry become escapes; escapes that are there already stay.
fn escape_into(escaped: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"!#$&'()*+,/:;=?@[\\]-_.~%".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push(char::from(DIGITS[usize::from(byte >> 4)]));
            escaped.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `route` is what the route strips; `None` when it strips nothing.
    fn check(service: &str, route: Option<&str>, path: &str, v0: &str, v1: &str) {
        let strip = route.map_or(0, str::len);
        let join = |handling| upstream_path(Some(service), path, strip, handling);
        assert_eq!(join(PathHandling::V0), v0, "v0: {service} {route:?} {path}");
        assert_eq!(join(PathHandling::V1), v1, "v1: {service} {route:?} {path}");
    }

    #[test]
    fn a_service_at_the_root_gets_what_the_route_leaves() {
        check("/", Some("/"), "/route/", "/route/", "/route/");
        check("/", None, "/routereq", "/routereq", "/routereq");
        check("/", Some("/route"), "/route", "/", "/");
        check("/", Some("/route"), "/route/", "/", "/");
        check("/", Some("/route"), "/routereq", "/req", "/req");
        check("/", Some("/route/"), "/route/req", "/req", "/req");
    }

    #[test]
    fn a_service_path_without_a_final_slash_gets_one_in_the_joint() {
        check("/srv", None, "/roureq", "/srv/roureq", "/srvroureq");
        check("/srv", Some("/rou"), "/roureq", "/srv/req", "/srvreq");
        check("/service", None, "/", "/service", "/service");
        check("/service", Some("/"), "/", "/service", "/service");
        check("/service", Some("/"), "/route", "/service/route", "/serviceroute");
        check(
            "/service",
            None,
            "/route/req",
            "/service/route/req",
            "/serviceroute/req",
        );
        check("/service", Some("/route"), "/route", "/service", "/service");
        check("/service", Some("/route"), "/route/", "/service/", "/service/");
        check(
            "/service",
            Some("/route"),
            "/routereq",
            "/service/req",
            "/servicereq",
        );
        check("/service", Some("/route/"), "/route/", "/service/", "/service");
        check(
            "/service",
            Some("/route/"),
            "/route/req",
            "/service/req",
            "/servicereq",
        );
    }

    #[test]
    fn a_service_path_with_a_final_slash_keeps_it_only_when_the_request_has_one() {
        check("/srv/", None, "/rou", "/srv/rou", "/srv/rou");
        check("/srv/", Some("/rou"), "/rou", "/srv", "/srv/");
        check("/service/", Some("/"), "/", "/service/", "/service/");
        check("/service/", None, "/", "/service/", "/service/");
        check("/service/", None, "/route/", "/service/route/", "/service/route/");
        check("/service/", Some("/route"), "/route", "/service", "/service/");
        check("/service/", Some("/route"), "/route/", "/service/", "/service/");
        check(
            "/service/",
            Some("/route"),
            "/routereq",
            "/service/req",
            "/service/req",
        );
        check(
            "/service/",
            Some("/route/"),
            "/route/req",
            "/service/req",
            "/service/req",
        );
    }

    #[test]
    fn dots_left_over_by_stripping_do_not_climb() {
        check(
            "/service",
            Some("/route"),
            "/route./req",
            "/service/req",
            "/servicereq",
        );
        check(
            "/service",
            Some("/route"),
            "/route../req",
            "/service/req",
            "/servicereq",
        );
        check("/service", Some("/route"), "/route..", "/service", "/service");
        check(
            "/service",
            None,
            "/route./req",
            "/service/route./req",
            "/serviceroute./req",
        );
        check(
            "/service",
            Some("/route"),
            "/route/..x",
            "/service/..x",
            "/service/..x",
        );
    }

    #[test]
    fn bytes_a_uri_may_not_carry_are_escaped_and_escapes_stay() {
        check("/", None, "/a b|ü", "/a%20b%7C%C3%BC", "/a%20b%7C%C3%BC");
        check("/", None, "/a%2Fb;c+d~", "/a%2Fb;c+d~", "/a%2Fb;c+d~");
    }

    #[test]
    fn a_service_without_a_path_stands_at_the_root() {
        assert_eq!(upstream_path(None, "/x", 0, PathHandling::V0), "/x");
        assert_eq!(upstream_path(None, "/x", 2, PathHandling::V0), "/");
    }
}
