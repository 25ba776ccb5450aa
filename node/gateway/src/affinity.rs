//! To which peer a request belongs: the key that consistent hashing is done with.
//!
//! A cloakroom: the ticket says where your coat hangs. What serves as a ticket is the operator's choice (who you are, where you come from,
//! what you carry), with a second choice for those who lack the first. Whoever is to be known by a cookie and has none is given one on the way out.
//!
//! Kong: a request without any ticket has the empty one; all such requests share a peer.

use crate::{edited::Edited, plan::record::HashingRecord};
use http::{HeaderName, HeaderValue, header};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use troop_balancer::hash_key;
use troop_plugin_api::{Identity, UriCapture};
use troop_stdx::Remote;
use uuid::Uuid;

/// How requests of an upstream are told apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Affinity {
    first: Input,
    second: Input,
}

/// What serves as key.
#[derive(Debug, PartialEq, Eq)]
enum Input {
    Nothing,
    Consumer,
    Ip,
    Header(HeaderName),
    Cookie { name: String, path: String },
    Path,
    QueryArg(String),
    UriCapture(String),
}

/// What a request can be known by.
#[derive(Clone, Copy)]
pub(crate) struct Traits<'a> {
    pub identity: Option<&'a Identity>,
    /// The client's address.
    pub address: Remote,
    /// As the peer will get them.
    pub headers: Edited<'a>,
    /// Normalised.
    pub path: &'a str,
    /// Without the question mark.
    pub query: &'a str,
    /// Groups of the route's pattern.
    pub captures: &'a dyn Fn() -> Vec<UriCapture>,
}

/// A request's key, hashed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub hash: u32,
    /// For a client that is to be known by a cookie from now on.
    pub cookie: Option<HeaderValue>,
}

impl Affinity {
    /// As an upstream wants it.
    pub fn of(record: &HashingRecord) -> Self {
        let cookie = || {
            let name = record.hash_on_cookie.clone()?;
            let path = record.hash_on_cookie_path.clone().unwrap_or_else(|| "/".into());
            Some(Input::Cookie { name, path })
        };
        let input = |kind: &str, header: &Option<String>, arg: &Option<String>, capture: &Option<String>| {
            let input = match kind {
                "consumer" => Some(Input::Consumer),
                "ip" => Some(Input::Ip),
                "path" => Some(Input::Path),
                "cookie" => cookie(),
                "header" => header
                    .as_ref()
                    .and_then(|name| name.parse().ok())
                    .map(Input::Header),
                "query_arg" => arg.clone().map(Input::QueryArg),
                "uri_capture" => capture.clone().map(Input::UriCapture),
                _ => None,
            };
            input.unwrap_or(Input::Nothing)
        };
        Affinity {
            first: input(
                &record.hash_on,
                &record.hash_on_header,
                &record.hash_on_query_arg,
                &record.hash_on_uri_capture,
            ),
            second: input(
                &record.hash_fallback,
                &record.hash_fallback_header,
                &record.hash_fallback_query_arg,
                &record.hash_fallback_uri_capture,
            ),
        }
    }

    /// A request's ticket.
    pub fn ticket(&self, traits: &Traits<'_>) -> Ticket {
        let inputs = [&self.first, &self.second];
        if let Some(key) = inputs.into_iter().find_map(|input| input.read(traits)) {
            return Ticket {
                hash: hash_key(&key),
                cookie: None,
            };
        }
        let fresh = inputs.into_iter().find_map(|input| match input {
            Input::Cookie { name, path } => Some((name, path)),
            _ => None,
        });
        match fresh {
            Some((name, path)) => new_cookie(name, path),
            None => Ticket {
                hash: hash_key(b""),
                cookie: None,
            },
        }
    }
}

/// Kong: with this spelling of the last but one attribute, which browsers ignore.
fn new_cookie(name: &str, path: &str) -> Ticket {
    let value = Uuid::new_v4().to_string();
    let line = format!("{name}={value}; Path={path}; Same-Site=Lax; HttpOnly");
    Ticket {
        hash: hash_key(value.as_bytes()),
        cookie: HeaderValue::try_from(line).ok(),
    }
}

impl Input {
    /// None if the request lacks it.
    fn read<'a>(&self, traits: &Traits<'a>) -> Option<Cow<'a, [u8]>> {
        let key: Cow<'a, [u8]> = match self {
            Input::Nothing => return None,
            Input::Consumer => traits.identity?.consumer.id.to_string().into_bytes().into(),
            Input::Ip => traits.address.to_string().into_bytes().into(),
            Input::Header(name) => header_key(traits.headers, name)?,
            Input::Cookie { name, .. } => cookie_key(traits.headers, name)?.into(),
            Input::Path => percent_decode_str(traits.path).into(),
            Input::QueryArg(name) => query_key(traits.query, name)?.into(),
            Input::UriCapture(name) => capture_key((traits.captures)(), name)?.into(),
        };
        Some(key)
    }
}

/// Kong: several fields of one name are one, joined by a comma and a space.
fn header_key<'a>(headers: Edited<'a>, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    let values: Vec<&[u8]> = headers
        .all(name.as_str())
        .into_iter()
        .map(HeaderValue::as_bytes)
        .collect();
    match values[..] {
        [] => None,
        [only] => Some(only.into()),
        _ => Some(values.join(&b", "[..]).into()),
    }
}

fn cookie_key<'a>(headers: Edited<'a>, name: &str) -> Option<&'a [u8]> {
    let lines = headers
        .all(header::COOKIE.as_str())
        .into_iter()
        .map(HeaderValue::as_bytes);
    let mut pairs = lines.flat_map(|line| line.split(|b| *b == b';'));
    pairs.find_map(|pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|b| *b == b'=')?;
        (&pair[..at] == name.as_bytes()).then(|| &pair[at + 1..])
    })
}

/// Kong: several values are sorted and joined by commas; one without a value counts as `true`.
fn query_key(query: &str, name: &str) -> Option<Vec<u8>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut values: Vec<String> = pairs
        .filter_map(|pair| {
            let (key, value) = match pair.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (pair, None),
            };
            (plain(key) == name).then(|| value.map_or_else(|| "true".to_owned(), plain))
        })
        .collect();
    values.sort_unstable();
    (!values.is_empty()).then(|| values.join(",").into_bytes())
}

fn plain(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// By name or, if that is a number, by position.
fn capture_key(captures: Vec<UriCapture>, name: &str) -> Option<Vec<u8>> {
    let index = name.parse::<usize>().ok();
    let is_it = |capture: &UriCapture| capture.name.as_deref() == Some(name) || Some(capture.index) == index;
    let found = captures.into_iter().find(is_it)?;
    Some(found.value.into_bytes())
}

#[cfg(test)]
mod tests;
