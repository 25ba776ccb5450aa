//! The form of a line: a pattern with holes, or an object in JSON.
//!
//! nginx's way of writing a pattern, `"$request" $status`, because everybody who ran Kong or nginx has one. A pattern is read once, at the
//! start; a hole that nobody can fill is an error then and not a dash in every line for ever.
//!
//! What the holes are is for each log to say.

use thiserror::Error;

/// Longest pattern: what is longer is a mistake in quoting.
const PATTERN_MAX_BYTES: usize = 4_096;

/// A pattern cannot be followed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FormatError {
    /// Neither a name nor a pattern.
    #[error("is neither {0} nor a pattern with $variables")]
    NoPattern(String),
    /// Nobody knows what to put there.
    #[error("names ${0}, which is no variable of this access log")]
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

/// How a line looks, with holes of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form<H> {
    Json,
    Pattern(Vec<Piece<H>>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<H> {
    Text(String),
    Hole(H),
}

/// Finds a hole by its name, without the dollar.
type Named<H> = fn(&str) -> Result<H, FormatError>;

impl<H> Form<H> {
    /// Reads `json`, the name of one of these patterns, or a pattern.
    pub fn read(text: &str, patterns: &[(&str, &str)], named: Named<H>) -> Result<Self, FormatError> {
        if text == "json" {
            return Ok(Form::Json);
        }
        let by_name = patterns.iter().find(|(name, _)| *name == text);
        match by_name {
            Some((_, pattern)) => pieces(pattern, named),
            None if text.contains('$') => pieces(text, named),
            None => {
                let names: Vec<&str> = patterns.iter().map(|(name, _)| *name).collect();
                Err(FormatError::NoPattern(format!("{}, json", names.join(", "))))
            }
        }
        .map(Form::Pattern)
    }

    /// Appends a line with its line break: `json` writes the object, `fill` a hole.
    pub fn write(&self, out: &mut Vec<u8>, json: impl FnOnce(&mut Vec<u8>), fill: impl Fn(&H, &mut Vec<u8>)) {
        match self {
            Form::Json => json(out),
            Form::Pattern(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                        Piece::Hole(hole) => fill(hole, out),
                    }
                }
            }
        }
        out.push(b'\n');
    }

    /// Whether a line tells one of these; an object tells everything.
    pub fn tells(&self, one_of: impl Fn(&H) -> bool) -> bool {
        let tells = |piece: &Piece<H>| matches!(piece, Piece::Hole(hole) if one_of(hole));
        match self {
            Form::Json => true,
            Form::Pattern(pieces) => pieces.iter().any(tells),
        }
    }
}

fn pieces<H>(text: &str, named: Named<H>) -> Result<Vec<Piece<H>>, FormatError> {
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
        pieces.push(Piece::Hole(named(name)?));
        push_text(&mut pieces, rest);
    }
    Ok(pieces)
}

fn push_text<H>(pieces: &mut Vec<Piece<H>>, text: &str) {
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
