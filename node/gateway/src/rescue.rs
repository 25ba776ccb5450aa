//! Errors become responses, here and nowhere else.
//!
//! Two desks write error letters. The *core* desk knows its subject (no route, no service, a plugin's refusal) and writes JSON unless
//! the client prefers something else. The *transport* desk only knows that something broke on the wire, its letters are plain text
//! unless client or request suggest otherwise. Kong: the first is the Lua side, the second nginx's own error pages; clients tell
//! them apart by the format, so both are kept.
//!
//! The catch: an error says where it comes from and whether it may be told. What a plugin's failure was goes to the log, the client
//! gets a sentence.

use crate::{error_pages::ErrorPages, grpc, options::ErrorType};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::borrow::Cow;

/// Why there is no response from a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rescue {
    /// The request makes no sense as HTTP.
    BadRequest,
    /// The client did not finish in time.
    RequestTimeout,
    /// `CONNECT` and its like.
    MethodNotAllowed,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The head is larger than allowed.
    HeadTooLarge,
    /// The target is larger than allowed.
    TargetTooLong,
    /// A version of HTTP that is none of ours.
    UnknownVersion,
    /// The router found nothing.
    NoRoute,
    /// The route has no service, and no plugin answered.
    NoService,
    /// The route is for TLS only, and says so.
    UseHttps,
    /// The route is for HTTP/2 only.
    UseHttp2,
    /// The route is for gRPC, and this is none.
    NotGrpc,
    /// The route is for gRPC over TLS, and this came without.
    PlainGrpc,
    /// The route is for TLS only, and sends the client there.
    Redirect(StatusCode, String),
    /// The service's host has no address.
    NameResolution,
    /// Nobody could be asked for the host's address.
    NameServer {
        /// Of whom.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The upstream has no peer that could be picked.
    NoPeer,
    /// The worker has more to do than it can.
    Overloaded,
    /// The peer refused, broke off, or spoke no HTTP.
    PeerFailed,
    /// The peer was silent for too long.
    PeerTimeout,
    /// A plugin could not do its work.
    PluginFailed,
}

/// When an overloaded worker may be asked again, in seconds. It looks at itself ten times a second, and clients should not come back
/// all in the same moment either; most wait a random while longer.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Who writes the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Desk {
    Core,
    Transport,
}

/// What is known of the client's taste.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taste<'a> {
    /// Its `Accept`.
    pub accept: Option<&'a [u8]>,
    /// Its `Content-Type`.
    pub content_type: Option<&'a [u8]>,
}

/// A letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Letter {
    /// The status.
    pub status: StatusCode,
    /// Fields besides the usual ones.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}

impl Rescue {
    /// The letter.
    pub fn letter(&self, taste: Taste<'_>, pages: &ErrorPages, request_id: &str) -> Letter {
        if let Rescue::Redirect(status, location) = self {
            return redirect(*status, location);
        }
        let (status, desk, message) = self.parts();
        let kind = match desk {
            Desk::Core => taste.accept.map_or(ErrorType::Json, preferred),
            Desk::Transport => taste.accept.or(taste.content_type).map_or(pages.usual, preferred),
        };
        let mut letter = written(status, kind, &message, pages, request_id);
        letter.headers.extend(self.upgrade_headers());
        if let Rescue::PlainGrpc = self {
            // Kong: cancelled, and nothing went wrong with HTTP.
            letter.headers.push((grpc::STATUS, HeaderValue::from_static("1")));
        }
        if let Rescue::Overloaded = self {
            letter.headers.push((header::RETRY_AFTER, RETRY_AFTER));
        }
        letter
    }

    fn parts(&self) -> (StatusCode, Desk, Cow<'static, str>) {
        use Desk::{Core, Transport};
        let (status, desk, message) = match self {
            Rescue::BadRequest => (400, Transport, "Bad request"),
            Rescue::MethodNotAllowed => (405, Transport, "Method not allowed"),
            Rescue::RequestTimeout => (408, Transport, "Request timeout"),
            Rescue::BodyTooLarge => (413, Transport, "Payload too large"),
            Rescue::TargetTooLong => (414, Transport, "URI too long"),
            Rescue::HeadTooLarge => (431, Transport, "Request header or cookie too large"),
            Rescue::UnknownVersion => (505, Transport, "HTTP version not supported"),
            Rescue::NoRoute => (404, Core, "no Route matched with those values"),
            Rescue::NoService => (503, Core, "no Service found with those values"),
            Rescue::UseHttps => (426, Core, "Please use HTTPS protocol"),
            Rescue::UseHttp2 => (426, Core, "Please use HTTP2 protocol"),
            Rescue::NotGrpc => (415, Core, "Non-gRPC request matched gRPC route"),
            Rescue::PlainGrpc => (200, Core, "gRPC request matched gRPCs route"),
            Rescue::Redirect(status, _) => (status.as_u16(), Core, ""),
            Rescue::NameResolution => (503, Core, "name resolution failed"),
            Rescue::NoPeer => (503, Core, "failure to get a peer from the ring-balancer"),
            Rescue::Overloaded => (503, Transport, "The gateway is overloaded"),
            Rescue::PluginFailed => (500, Core, "An unexpected error occurred"),
            Rescue::PeerFailed => (
                502,
                Transport,
                "An invalid response was received from the upstream server",
            ),
            Rescue::PeerTimeout => (504, Transport, "The upstream server is timing out"),
            Rescue::NameServer { host, reason } => {
                let text = format!("failed the initial dns/balancer resolve for '{host}' with: {reason}");
                return (StatusCode::INTERNAL_SERVER_ERROR, Core, text.into());
            }
        };
        (code(status), desk, message.into())
    }

    fn upgrade_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let to = match self {
            Rescue::UseHttps => "TLS/1.2, HTTP/1.1",
            Rescue::UseHttp2 => "HTTP/2",
            _ => return Vec::new(),
        };
        vec![
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (header::UPGRADE, HeaderValue::from_static(to)),
        ]
    }

    /// Whether the connection cannot be trusted to be at the start of another request.
    pub fn ends_connection(&self) -> bool {
        matches!(
            self,
            Rescue::BadRequest
                | Rescue::RequestTimeout
                | Rescue::MethodNotAllowed
                | Rescue::BodyTooLarge
                | Rescue::HeadTooLarge
                | Rescue::TargetTooLong
                | Rescue::UnknownVersion
        )
    }
}

/// A plugin's own error in the client's preferred format.
pub(crate) fn plugin_error(
    status: StatusCode,
    message: &str,
    taste: Taste<'_>,
    pages: &ErrorPages,
    request_id: &str,
) -> Letter {
    let kind = taste.accept.map_or(ErrorType::Json, preferred);
    written(status, kind, message, pages, request_id)
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("invariant: the table holds valid statuses")
}

fn written(status: StatusCode, kind: ErrorType, message: &str, pages: &ErrorPages, id: &str) -> Letter {
    let (content_type, body) = pages.page(kind, message, id);
    Letter {
        status,
        headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))],
        body: body.into(),
    }
}

/// Kong: 301 and 302 carry nginx's built-in page, 307 and 308 one that names its encoding.
fn redirect(status: StatusCode, location: &str) -> Letter {
    let reason = status.canonical_reason().unwrap_or_default();
    let code = status.as_u16();
    let content_type = if code < 307 {
        "text/html"
    } else {
        "text/html; charset=UTF-8"
    };
    let body = format!(
        "<html>\r\n<head><title>{code} {reason}</title></head>\r\n<body>\r\n<center><h1>{code} {reason}</h1></center>\r\n\
         </body>\r\n</html>\r\n"
    );
    let mut headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.push((header::LOCATION, location));
    }
    Letter {
        status,
        headers,
        body: body.into(),
    }
}

/// Kong: of the listed types the one with the highest `q`, the first among equals; what it does not know is JSON.
fn preferred(list: &[u8]) -> ErrorType {
    let list = String::from_utf8_lossy(list);
    let mut best = (0.0, ErrorType::Json);
    for entry in list.split(',') {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|p| p.strip_prefix("q="))
            .and_then(|q| q.parse().ok());
        let weight: f32 = weight.unwrap_or(1.0);
        if weight > best.0 {
            best = (weight, error_type(name));
        }
    }
    best.1
}

fn error_type(name: &str) -> ErrorType {
    match name {
        "text/html" | "application/xhtml+xml" => ErrorType::Html,
        "text/plain" | "text/*" => ErrorType::Plain,
        "application/xml" | "text/xml" => ErrorType::Xml,
        _ => ErrorType::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn check(rescue: &Rescue, accept: Option<&str>, content_type: Option<&str>, status: u16, answered: &str) {
        let taste = Taste {
            accept: accept.map(str::as_bytes),
            content_type: content_type.map(str::as_bytes),
        };
        let letter = rescue.letter(taste, &ErrorPages::default(), ID);
        assert_eq!(letter.status, status);
        assert_eq!(
            letter.headers[0].1, answered,
            "{rescue:?} {accept:?} {content_type:?}"
        );
    }

    const JSON: &str = "application/json; charset=utf-8";
    const PLAIN: &str = "text/plain; charset=utf-8";
    const HTML: &str = "text/html; charset=utf-8";
    const XML: &str = "application/xml; charset=utf-8";

    #[test]
    fn the_core_writes_json_unless_the_client_prefers_something_else() {
        for (accept, answered) in [
            (None, JSON),
            (Some("application/json"), JSON),
            (Some("text/html"), HTML),
            (Some("text/plain"), PLAIN),
            (Some("application/xml"), XML),
            (Some("*/*"), JSON),
            (Some("text/*"), PLAIN),
            (Some("application/*"), JSON),
            (Some("image/png"), JSON),
            (Some("text/html,application/json;q=0.9"), HTML),
            (Some("application/json;q=0.1, text/plain"), PLAIN),
            (Some("text/html;q=0"), JSON),
        ] {
            check(&Rescue::NoRoute, accept, None, 404, answered);
        }
        check(&Rescue::NoRoute, None, Some("text/html"), 404, JSON);
    }

    #[test]
    fn the_transport_writes_plain_text_unless_request_or_client_suggest_otherwise() {
        check(&Rescue::PeerFailed, None, None, 502, PLAIN);
        check(&Rescue::PeerFailed, None, Some("application/json"), 502, JSON);
        check(
            &Rescue::PeerFailed,
            Some("text/html"),
            Some("application/json"),
            502,
            HTML,
        );
        check(&Rescue::BadRequest, None, None, 400, PLAIN);
    }

    #[test]
    fn the_texts_are_those_clients_parse() {
        let body = |rescue: &Rescue, accept: &str| {
            let taste = Taste {
                accept: Some(accept.as_bytes()),
                content_type: None,
            };
            let letter = rescue.letter(taste, &ErrorPages::default(), ID);
            String::from_utf8(letter.body.to_vec()).expect("text")
        };
        let message = "no Route matched with those values";
        assert_eq!(
            body(&Rescue::NoRoute, "application/json"),
            format!("{{\n  \"message\":\"{message}\",\n  \"request_id\":\"{ID}\"\n}}")
        );
        assert_eq!(
            body(&Rescue::NoRoute, "text/plain"),
            format!("{message}\nrequest_id: {ID}\n")
        );
        assert!(body(&Rescue::NoRoute, "text/html").contains(&format!("<p>{message}.</p>")));
        assert!(body(&Rescue::NoRoute, "application/xml").contains(&format!("<requestid>{ID}</requestid>")));
    }

    #[test]
    fn a_redirect_names_the_place_and_carries_a_page() {
        let to = |status| Rescue::Redirect(code(status), "https://a.test/x?y".into());
        for (status, kind) in [
            (301, "text/html"),
            (302, "text/html"),
            (307, "text/html; charset=UTF-8"),
        ] {
            let letter = to(status).letter(Taste::default(), &ErrorPages::default(), ID);
            assert_eq!(
                (letter.status.as_u16(), &letter.headers[0].1),
                (status, &HeaderValue::from_static(kind))
            );
            assert_eq!(letter.headers[1].1, "https://a.test/x?y");
            assert!(
                letter
                    .body
                    .starts_with(format!("<html>\r\n<head><title>{status} ").as_bytes())
            );
        }
    }

    #[test]
    fn an_upgrade_is_asked_for_with_its_fields() {
        let letter = Rescue::UseHttps.letter(Taste::default(), &ErrorPages::default(), ID);
        assert_eq!(letter.status, 426);
        assert!(
            letter
                .headers
                .contains(&(header::UPGRADE, HeaderValue::from_static("TLS/1.2, HTTP/1.1")))
        );
    }
}
