//! The headers every answer carries, whatever is inside.
//!
//! Kong: `Server`, `X-Kong-Admin-Latency` and the CORS pair are on every answer; ours (`X-Troop-Revision`,
//! `ETag`, who serves a write) only where the client wants them, see [`FactHeaders`]:
//! tools that compare answers with Kong's find nothing they do not know.

use crate::{
    answer::Answer,
    options::{FactHeaders, Options},
    ports::{NodeId, Served},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Duration;
use troop_txn::Revision;

/// Kong: the version whose API this is; clients switch features on it.
pub const KONG_VERSION: &str = "3.9.1";

const SERVER: HeaderValue = HeaderValue::from_static("kong/3.9.1");
const LATENCY: HeaderName = HeaderName::from_static("x-kong-admin-latency");
const REVISION: HeaderName = HeaderName::from_static("x-troop-revision");
const WAIT: HeaderName = HeaderName::from_static("x-troop-wait");
const SERVED_BY: HeaderName = HeaderName::from_static("x-troop-served-by");

/// What a handler knows beside the body; travels in the answer's extensions.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Revision read, or made by the write.
    pub revision: Revision,
    /// The revision that last changed the one entity in the body.
    pub entity: Option<Revision>,
    /// Who serves the write, when that was waited for or did not come in time.
    pub served: Option<Served>,
}

/// What of the request the headers depend on.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    origin: Option<HeaderValue>,
    asked: bool,
}

impl Sender {
    /// Before the request's terms are known.
    pub fn of(headers: &HeaderMap) -> Self {
        Sender {
            origin: headers.get(header::ORIGIN).cloned(),
            asked: false,
        }
    }

    /// Whether it wants our headers.
    pub fn set_asked(&mut self, asked: bool) {
        self.asked = asked;
    }
}

/// Puts the common headers on.
pub fn stamp(answer: &mut Answer, sender: Sender, took: Duration, options: &Options) {
    let facts = answer.extensions_mut().remove::<Facts>();
    let headers = answer.headers_mut();
    if options.server_header {
        headers.insert(header::SERVER, SERVER);
    }
    if options.latency_header {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        headers.insert(LATENCY, number(took));
    }
    let origin = allowed_origin(sender.origin, &options.web_origins);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    if let Some(facts) = facts {
        let wanted = sender.asked || options.fact_headers == FactHeaders::Always;
        stamp_facts(headers, &facts, wanted);
    }
}

/// Kong: the page's own origin if it is in the list, else the first of the list; without a list, whatever was sent.
fn allowed_origin(sent: Option<HeaderValue>, listed: &[HeaderValue]) -> HeaderValue {
    match listed.first() {
        None => sent.unwrap_or(HeaderValue::from_static("*")),
        Some(first) => sent
            .filter(|sent| listed.contains(sent))
            .unwrap_or_else(|| first.clone()),
    }
}

fn stamp_facts(headers: &mut HeaderMap, facts: &Facts, wanted: bool) {
    if let Some(served) = facts.served.as_ref().filter(|served| wanted || !served.complete) {
        let word = if served.complete { "complete" } else { "partial" };
        headers.insert(WAIT, HeaderValue::from_static(word));
        headers.insert(SERVED_BY, ids(&served.by));
    }
    if wanted {
        headers.insert(REVISION, number(facts.revision.get()));
        if let Some(entity) = facts.entity {
            headers.insert(header::ETAG, quoted(entity));
        }
    }
}

fn number(n: u64) -> HeaderValue {
    HeaderValue::from(n)
}

fn quoted(revision: Revision) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{revision}\"")).expect("invariant: digits and quotes are header text")
}

fn ids(ids: &[NodeId]) -> HeaderValue {
    let text = ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    HeaderValue::from_str(&text).expect("invariant: digits and commas are header text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer;
    use http::StatusCode;

    fn stamped(facts: Facts, asked: bool) -> HeaderMap {
        let mut answer = answer::empty(StatusCode::OK);
        answer.extensions_mut().insert(facts);
        let mut sender = Sender::default();
        sender.set_asked(asked);
        stamp(&mut answer, sender, Duration::from_millis(3), &Options::default());
        answer.headers().clone()
    }

    #[test]
    fn our_headers_are_there_only_when_asked_for() {
        let facts = Facts {
            revision: Revision::new(5),
            entity: Some(Revision::new(4)),
            served: None,
        };
        let plain = stamped(facts.clone(), false);
        assert_eq!(plain["x-kong-admin-latency"], "3");
        assert!(!plain.contains_key("x-troop-revision") && !plain.contains_key("etag"));
        let asked = stamped(facts, true);
        assert_eq!(
            (&asked["x-troop-revision"], &asked["etag"]),
            (&"5".parse().unwrap(), &"\"4\"".parse().unwrap())
        );
    }

    #[test]
    fn a_partial_wait_is_always_told() {
        let served = Served {
            complete: false,
            by: vec![1, 3],
            missing: vec![2],
        };
        let headers = stamped(
            Facts {
                served: Some(served),
                ..Facts::default()
            },
            false,
        );
        assert_eq!(
            (&headers["x-troop-wait"], &headers["x-troop-served-by"]),
            (&"partial".parse().unwrap(), &"1, 3".parse().unwrap())
        );
    }

    #[track_caller]
    fn check_origin(sent: Option<&str>, listed: &[&str], allowed: &str) {
        let value = |text: &&str| HeaderValue::from_str(text).unwrap();
        let headers = sent.iter().map(|sent| (header::ORIGIN, value(sent))).collect();
        let options = Options {
            web_origins: listed.iter().map(value).collect(),
            ..Options::default()
        };
        let mut answer = answer::empty(StatusCode::OK);
        stamp(&mut answer, Sender::of(&headers), Duration::ZERO, &options);
        assert_eq!(answer.headers()["access-control-allow-origin"], allowed);
    }

    #[test]
    fn a_page_may_read_answers_when_no_page_is_named_or_it_is() {
        check_origin(None, &[], "*");
        check_origin(Some("http://ui.test"), &[], "http://ui.test");
        check_origin(
            Some("http://b.test"),
            &["http://a.test", "http://b.test"],
            "http://b.test",
        );
        check_origin(
            Some("http://c.test"),
            &["http://a.test", "http://b.test"],
            "http://a.test",
        );
        check_origin(None, &["http://a.test"], "http://a.test");
    }

    #[test]
    fn headers_that_tell_about_the_server_can_be_left_out() {
        let options = Options {
            server_header: false,
            latency_header: false,
            ..Options::default()
        };
        let mut answer = answer::empty(StatusCode::OK);
        stamp(&mut answer, Sender::default(), Duration::ZERO, &options);
        assert!(!answer.headers().contains_key("server"));
        assert!(!answer.headers().contains_key("x-kong-admin-latency"));
    }
}
