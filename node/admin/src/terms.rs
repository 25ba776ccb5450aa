//! The terms on which a client reads or writes: our own words, beside Kong's API.
//!
//! | word | means |
//! |---|---|
//! | `?consistency=local` | read what this node has, without asking the leader |
//! | `?min_revision=N`, `X-Troop-Min-Revision: N` | wait until this node has N |
//! | `?wait=local\|quorum\|all` | whose data planes must serve a write before it is answered |
//! | `?timeout=5s` | how long to wait for either |
//! | `?strict=1` | a write that is committed and not served in time is a 504, not a 2xx with a remark |
//! | `?transform=0` | store values as they are sent: a hash is not hashed again |
//! | `?dry_run=1` | judge a write completely, answer as if it were made, and change nothing |
//! | `If-Match: "N"` | change the entity only if it is still at revision N |
//! | `If-None-Match: "N"` or `*` | read it only if it is at another revision; create it only if there is none |
//!
//! The catch: Kong has endpoints whose own arguments are called `timeout`. So `timeout` is read only beside
//! one of the others.

use crate::{options::Options, ports::WaitScope, problem::Failure, query::Query};
use http::{HeaderMap, HeaderName, header};
use std::time::Duration;
use troop_txn::Revision;

const MIN_REVISION_HEADER: &str = "x-troop-min-revision";
const OUR_PREFIX: &str = "x-troop-";
const OUR_ARGUMENTS: [&str; 6] = [
    "consistency",
    "dry_run",
    "min_revision",
    "wait",
    "strict",
    "transform",
];

/// What an `If-Match` or `If-None-Match` header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// `*`: it exists.
    Any,
    /// It was last changed at this revision.
    Revision(Revision),
}

/// The terms of one request.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Terms {
    /// Read this node's state as it is.
    pub local: bool,
    /// Have at least this revision first.
    pub min_revision: Option<Revision>,
    /// Beyond this node: who must serve a write.
    pub wait: Option<WaitScope>,
    /// How long to wait, when named.
    pub timeout: Option<Duration>,
    /// A wait that runs out is an error.
    pub strict: bool,
    /// Values arrive in the form in which they are stored.
    pub as_sent: bool,
    /// Judge a write and do not make it.
    pub dry_run: bool,
    /// Compare before changing.
    pub if_match: Option<Match>,
    /// Compare before reading or creating.
    pub if_none_match: Option<Match>,
    /// Whether the client used any of our words.
    pub asked: bool,
}

impl Terms {
    /// Reads them.
    ///
    /// # Errors
    /// [`Failure::Other`] with status 400 that names the word and what it may be.
    pub fn parse(query: &Query, headers: &HeaderMap, options: &Options) -> Result<Self, Failure> {
        let asked = is_asked(query, headers);
        if !asked {
            return Ok(Terms::default());
        }
        Ok(Terms {
            local: consistency(query)?,
            min_revision: min_revision(query, headers)?,
            wait: wait(query)?,
            timeout: query
                .get("timeout")
                .map(|text| timeout(text, options))
                .transpose()?,
            strict: query.is_on("strict"),
            as_sent: query.get("transform").is_some() && !query.is_on("transform"),
            dry_run: query.is_on("dry_run"),
            if_match: matching(headers, header::IF_MATCH)?,
            if_none_match: matching(headers, header::IF_NONE_MATCH)?,
            asked,
        })
    }
}

fn is_asked(query: &Query, headers: &HeaderMap) -> bool {
    OUR_ARGUMENTS.iter().any(|name| query.get(name).is_some())
        || headers.contains_key(header::IF_MATCH)
        || headers.contains_key(header::IF_NONE_MATCH)
        || headers.keys().any(|name| name.as_str().starts_with(OUR_PREFIX))
}

fn consistency(query: &Query) -> Result<bool, Failure> {
    match query.get("consistency") {
        None | Some("linearizable") => Ok(false),
        Some("local") => Ok(true),
        Some(other) => Err(refusal("consistency", "linearizable or local", other)),
    }
}

fn wait(query: &Query) -> Result<Option<WaitScope>, Failure> {
    match query.get("wait") {
        None | Some("local") => Ok(None),
        Some("quorum") => Ok(Some(WaitScope::Quorum)),
        Some("all") => Ok(Some(WaitScope::All)),
        Some(other) => Err(refusal("wait", "local, quorum or all", other)),
    }
}

fn min_revision(query: &Query, headers: &HeaderMap) -> Result<Option<Revision>, Failure> {
    let header = headers
        .get(MIN_REVISION_HEADER)
        .map(|value| value.to_str().unwrap_or_default());
    let Some(text) = query.get("min_revision").or(header) else {
        return Ok(None);
    };
    revision(text)
        .map(Some)
        .ok_or_else(|| refusal("min_revision", "a revision", text))
}

fn matching(headers: &HeaderMap, name: HeaderName) -> Result<Option<Match>, Failure> {
    let Some(value) = headers.get(&name) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Some(Match::Any));
    }
    let parsed = revision(text.trim_matches('"')).map(|revision| Some(Match::Revision(revision)));
    parsed.ok_or_else(|| refusal(name.as_str(), "* or the ETag of the entity", text))
}

fn revision(text: &str) -> Option<Revision> {
    text.parse().ok().map(Revision::new)
}

/// `5s`, `500ms`, `1m`; a bare number is seconds.
fn timeout(text: &str, options: &Options) -> Result<Duration, Failure> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        _ => return Err(refusal("timeout", "a time such as 500ms or 5s", text)),
    };
    let amount: u64 = digits
        .parse()
        .map_err(|_| refusal("timeout", "a time such as 500ms or 5s", text))?;
    Ok(Duration::from_millis(amount.saturating_mul(unit_ms)).min(options.wait_timeout_max))
}

fn refusal(name: &str, expected: &str, seen: &str) -> Failure {
    Failure::bad(format!(
        "invalid option ({name}: expected {expected}, got '{seen}')"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str, headers: &[(&'static str, &'static str)]) -> Result<Terms, String> {
        let query = Query::parse(query, 10).unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        Terms::parse(&query, &headers, &Options::default()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_request_without_our_words_has_no_terms() {
        assert_eq!(
            parse("size=3&timeout=-1", &[("accept", "*/*")]),
            Ok(Terms::default())
        );
    }

    #[test]
    fn every_word_is_read() {
        let terms = parse(
            "wait=all&timeout=500ms&strict=1&consistency=local&dry_run",
            &[("If-Match", "\"12\""), ("If-None-Match", "*")],
        )
        .unwrap();
        let expected = Terms {
            local: true,
            min_revision: None,
            wait: Some(WaitScope::All),
            timeout: Some(Duration::from_millis(500)),
            strict: true,
            as_sent: false,
            dry_run: true,
            if_match: Some(Match::Revision(Revision::new(12))),
            if_none_match: Some(Match::Any),
            asked: true,
        };
        assert_eq!(terms, expected);
        assert_eq!(
            parse("", &[("X-Troop-Min-Revision", "7")]).unwrap().min_revision,
            Some(Revision::new(7))
        );
        assert_eq!(
            parse("min_revision=8", &[]).unwrap().min_revision,
            Some(Revision::new(8))
        );
        assert_eq!(
            parse("wait=local&timeout=900m", &[]).unwrap().timeout,
            Some(Duration::from_secs(60))
        );
    }

    #[test]
    fn transformations_are_switched_off_by_a_no_only() {
        for (query, as_sent) in [
            ("transform=0", true),
            ("transform=false", true),
            ("transform=1", false),
            ("wait=all", false),
        ] {
            assert_eq!(parse(query, &[]).unwrap().as_sent, as_sent, "{query}");
        }
    }

    #[test]
    fn a_wrong_value_is_named_with_what_it_may_be() {
        for (query, text) in [
            ("wait=some", "wait: expected local, quorum or all, got 'some'"),
            ("consistency=x", "consistency: expected linearizable or local"),
            ("min_revision=-1", "min_revision: expected a revision"),
            ("wait=all&timeout=5h", "timeout: expected a time"),
            ("wait=all&timeout=é", "timeout: expected a time"),
        ] {
            assert!(parse(query, &[]).unwrap_err().contains(text), "{query}");
        }
    }
}
