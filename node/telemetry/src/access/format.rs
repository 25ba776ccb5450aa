//! How a line of the access log looks: a pattern with holes, or an object in JSON.
//!
//! nginx's way of writing a pattern, `"$request" $status`, because everybody who ran Kong or nginx has one. A pattern is read once, at the
//! start; a hole that nobody can fill is an error then and not a dash in every line for ever.
//!
//! Some holes are refused although they could be filled: passwords and keys that clients send do not belong into a file.

use super::{AccessLine, json, pattern::Hole};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// nginx's line and Kong's request id, then where the time went and which peer it was.
const STANDARD: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \
     \"$http_user_agent\" kong_request_id: \"$kong_request_id\" request_ms=$request_ms upstream_ms=$upstream_ms proxy_ms=$proxy_ms \
     peer=$upstream_addr";

/// nginx's and Apache's.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \
     \"$http_user_agent\"";

/// Longest pattern: what is longer is a mistake in quoting.
const PATTERN_MAX_BYTES: usize = 4_096;

/// How a line looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFormat {
    /// As it was written.
    text: String,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Pattern(Vec<Piece>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Hole(Hole),
}

/// A pattern cannot be followed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FormatError {
    /// Neither a name nor a pattern.
    #[error("is neither standard, combined, json nor a pattern with $variables")]
    NoPattern,
    /// Nobody knows what to put there.
    #[error("names ${0}, which is no variable of the access log")]
    Unknown(String),
    /// It would write down what clients keep secret.
    #[error("names ${0}, which carries a secret and is never written")]
    Secret(String),
    /// It would break lines.
    #[error("has a line break or another control character")]
    Control,
    /// Too much of it.
    #[error("is longer than {PATTERN_MAX_BYTES} bytes")]
    TooLong,
}

impl Default for LineFormat {
    fn default() -> Self {
        "standard"
            .parse()
            .expect("invariant: the tests parse every format that has a name")
    }
}

impl FromStr for LineFormat {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let form = match text {
            "json" => Form::Json,
            "standard" => Form::Pattern(pieces(STANDARD)?),
            "combined" => Form::Pattern(pieces(COMBINED)?),
            _ if !text.contains('$') => return Err(FormatError::NoPattern),
            _ => Form::Pattern(pieces(text)?),
        };
        let text = text.to_owned();
        Ok(LineFormat { text, form })
    }
}

impl fmt::Display for LineFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl LineFormat {
    /// Appends the line with its line break.
    pub fn write(&self, line: &AccessLine<'_>, out: &mut Vec<u8>) {
        match &self.form {
            Form::Json => json::write(line, out),
            Form::Pattern(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                        Piece::Hole(hole) => hole.fill(line, out),
                    }
                }
            }
        }
        out.push(b'\n');
    }

    /// Whether it tells names of routes and services.
    pub fn tells_entities(&self) -> bool {
        let tells = |piece: &Piece| matches!(piece, Piece::Hole(Hole::Route | Hole::Service));
        match &self.form {
            Form::Json => true,
            Form::Pattern(pieces) => pieces.iter().any(tells),
        }
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, FormatError> {
    if text.len() > PATTERN_MAX_BYTES {
        return Err(FormatError::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(FormatError::Control);
    }
    let mut pieces = Vec::new();
    let mut parts = text.split('$');
    let first = parts.next().unwrap_or_default();
    push_text(&mut pieces, first);
    for part in parts {
        let (name, rest) = split_name(part);
        pieces.push(Piece::Hole(Hole::named(name)?));
        push_text(&mut pieces, rest);
    }
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// What follows a dollar: a name, in braces where text follows it closely.
fn split_name(part: &str) -> (&str, &str) {
    if let Some((name, rest)) = part.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
        return (name, rest);
    }
    let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    part.split_at(end.unwrap_or(part.len()))
}
