//! Which origins are meant: everybody, one by name, or those that a list of names and patterns matches.

use regex::Regex;
use troop_plugin_api::Misconfigured;

use crate::config::wrong;

/// The configured origins.
pub(super) enum Origins {
    /// Everybody.
    Any,
    /// Kong: a single plain origin is told to everybody, whoever asks.
    Fixed(String),
    /// Whoever matches is told that it does.
    Listed(Vec<Entry>),
}

/// One entry of a list.
pub(super) enum Entry {
    Plain(String),
    /// The whole of what it is compared with must match.
    Pattern {
        regex: Regex,
        subject: Subject,
    },
}

/// What a pattern is compared with.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    /// Kong: patterns without a colon are about the host.
    Host,
    Origin,
}

impl Origins {
    /// Reads the configured list.
    pub fn read(list: Option<Vec<String>>) -> Result<Self, Misconfigured> {
        let list = list.unwrap_or_default();
        match list.as_slice() {
            [] => Ok(Origins::Any),
            [only] if only == "*" => Ok(Origins::Any),
            [only] if is_plain(only) => Ok(Origins::Fixed(only.clone())),
            _ => Ok(Origins::Listed(
                list.iter()
                    .map(|text| Entry::read(text))
                    .collect::<Result<_, _>>()?,
            )),
        }
    }
}

impl Entry {
    fn read(text: &str) -> Result<Self, Misconfigured> {
        if is_plain(text) {
            return Ok(Entry::Plain(Asked::read(text).origin));
        }
        // Kong: a lone star among others is a pattern that matches nothing.
        let pattern = if text == "*" { r"\*" } else { text };
        let regex = Regex::new(&format!("^(?:{pattern})$"));
        let subject = if text.contains(':') {
            Subject::Origin
        } else {
            Subject::Host
        };
        Ok(Entry::Pattern {
            regex: regex.map_err(|_| wrong("origins", "not a regular expression"))?,
            subject,
        })
    }

    /// Whether this entry means that origin.
    pub fn means(&self, asked: &Asked) -> bool {
        match self {
            Entry::Plain(origin) => *origin == asked.origin,
            Entry::Pattern { regex, subject } => regex.is_match(match subject {
                Subject::Host => &asked.host,
                Subject::Origin => &asked.origin,
            }),
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".:/-".contains(&b))
}

/// An origin as a browser sends it, without the port that its scheme implies.
pub(super) struct Asked {
    pub origin: String,
    pub host: String,
}

impl Asked {
    /// Reads `scheme://host[:port]`; anything else stands for itself.
    pub fn read(text: &str) -> Asked {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Asked {
                origin: text.to_owned(),
                host: text.to_owned(),
            };
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = split_port(authority);
        let implied = matches!((scheme, port), ("http", Some("80")) | ("https", Some("443")));
        let port = port.filter(|_| !implied);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Asked {
            origin: format!("{scheme}://{host}{port}"),
            host: host.to_owned(),
        }
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, Some(port))
        }
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entries: &[&str], origin: &str, means: bool) {
        let entries = entries.iter().map(|e| e.to_string()).collect();
        let Ok(Origins::Listed(list)) = Origins::read(Some(entries)) else {
            panic!("not a list");
        };
        let asked = Asked::read(origin);
        assert_eq!(list.iter().any(|entry| entry.means(&asked)), means, "{origin}");
    }

    #[test]
    fn a_list_means_its_names_and_whatever_its_patterns_match_whole() {
        let list = ["http://a.test", r"https?://.*\.b\.test", "c.test", r".*\.d\.test"];
        for (origin, means) in [
            ("http://a.test", true),
            ("http://a.test:80", true),
            ("http://a.test:81", false),
            ("https://x.b.test", true),
            ("http://b.test", false),
            ("http://c.test", false),
            ("http://xa.test", false),
            ("http://x.d.test:99", true),
            ("http://x.d.test.evil", false),
            ("null", false),
        ] {
            check(&list, origin, means);
        }
    }

    #[test]
    fn alternatives_cannot_escape_the_anchors() {
        check(&["http://a.test|http://b.test", "z"], "http://b.test.evil", false);
        check(&["http://a.test|http://b.test", "z"], "http://b.test", true);
    }
}
